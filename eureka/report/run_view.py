"""A run as its pages show it, made from its journal and its `run.json` alone, whatever state it is in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eureka.config.settings import Settings
from eureka.designers.prompts import Message, as_sent
from eureka.report.costs import Costs, costs_of
from eureka.report.progress import ProgressView, progress_of
from eureka.report.state import State, curves_of, score_of, state_of
from eureka.runs import alarms
from eureka.runs.candidate import Candidate, Curves, Failed, Trained, outcome_of
from eureka.runs.history import candidates_of, curves_so_far
from eureka.runs.replies import Answer, replies_of, writable
from eureka.runs.results import Comparison
from eureka.runs.store import Event, read_json, untrusted_run


@dataclass(frozen=True)
class Attempt:
    """One reply for a candidate's place: the first one, or one that mends it."""

    number: int
    reply: str
    finish: str
    model: str
    prompt: str | None
    """SHA-256 of the prompt; None for a reward that a person gave."""
    code: str | None
    failed: Failed | None
    """Why it got no further than sandbox and pre-flight."""


@dataclass(frozen=True)
class Entry:
    """A candidate with what is known around it."""

    candidate: Candidate
    state: State
    curves: Curves | None
    score: float | None
    """Fitness, of a duplicate that of its original."""
    parent: str | None
    """Name of the candidate that its prompt reflected on."""
    attempts: tuple[Attempt, ...]
    alarms: tuple[str, ...]

    @property
    def name(self) -> str:
        """`generation.slot`."""
        return self.candidate.name

    @property
    def prompt(self) -> str | None:
        """The prompt that its latest reply answers."""
        return self.attempts[-1].prompt if self.attempts else None


@dataclass(frozen=True)
class Prompt:
    """A prompt, kept once however many replies it got."""

    sha256: str
    generation: int
    attempt: int
    messages: tuple[Message, ...]
    asked: tuple[str, ...]
    """Names of the candidates that it asked for."""


@dataclass(frozen=True)
class Final:
    """One training of the final comparison."""

    key: str
    """The arm's name, with a reward's number where it has several."""
    seed: int
    curves: Curves
    """As far as it came."""


@dataclass(frozen=True)
class RunView:
    """All that the pages say of a run."""

    name: str
    task: str
    settings: Settings
    versions: Mapping[str, str]
    sources: Mapping[str, str]
    """SHA-256 of the task's files."""
    started: Mapping[str, Any]
    """What was found out about the machine when it began: sandbox, fence."""
    entries: Mapping[str, Entry]
    prompts: tuple[Prompt, ...]
    finished: bool
    winner: str | None
    comparison: Comparison
    """Of the end; before that without arms."""
    arms: tuple[str, ...]
    """What is retrained in the end, by key, as far as it is known."""
    searching: bool
    """Whether the run looks for rewards; else it only retrains some."""
    finals: tuple[Final, ...]
    splits: tuple[str, ...]
    """Why populations were cut in two."""
    costs: Costs
    progress: ProgressView

    @property
    def best(self) -> Entry | None:
        """The winner, or the best so far."""
        if self.winner is not None:
            return self.entries.get(self.winner)
        trained = [e for e in self.entries.values() if e.state == "trained" and e.candidate.generation]
        return max(trained, key=lambda e: (_finite(e.score), -_best(e)), default=None)

    def prompt_number(self, entry: Entry) -> int | None:
        """Which of the prompts asked for a candidate, from 1 on; None where none did, or it is not in the journal."""
        marks = [prompt.sha256 for prompt in self.prompts]
        return marks.index(entry.prompt) + 1 if entry.prompt in marks else None

    def parent(self, entry: Entry) -> Entry | None:
        """The candidate that one was made from, if it is known."""
        return self.entries.get(entry.parent) if entry.parent else None

    def original(self, entry: Entry) -> Entry:
        """Itself, or for a duplicate the one that was trained instead."""
        return self.entries.get(entry.candidate.duplicate_of or "", entry)

    def counted(self, state: State) -> int:
        """How many candidates are in a state."""
        return sum(entry.state == state for entry in self.entries.values())


def read(folder: Path, events: Sequence[Event]) -> RunView:
    """A run's journal and `run.json` as one value.

    Raises:
        UserError: they are damaged, or of another version.
    """
    with untrusted_run(folder):
        record = read_json(folder / "run.json")
        return _reading(folder.resolve().name, record, list(events))


def _reading(name: str, record: Mapping[str, Any], events: list[Event]) -> RunView:
    settings = Settings.model_validate(record["settings"])
    finished = next((e for e in reversed(events) if e["event"] == "finished"), None)
    comparison = Comparison.model_validate(finished["comparison"]) if finished else Comparison(arms=[])
    asked = next((e for e in events if e["event"] == "arms"), None)
    arms = _arms(events, comparison)
    so_far = curves_so_far(events)
    return RunView(
        name=name,
        task=str(record["task"]),
        settings=settings,
        versions={str(k): str(v) for k, v in dict(record["versions"]).items()},
        sources={str(k): str(v) for k, v in dict(record["sources"]).items()},
        started=next((e for e in events if e["event"] == "started"), {}),
        entries=_entries(events, so_far),
        prompts=_prompts(events),
        finished=finished is not None,
        winner=finished["winner"] if finished else None,
        comparison=comparison,
        arms=arms,
        searching=asked is None,
        finals=_finals(events, arms, settings.final_seeds, so_far),
        splits=tuple(str(e["reason"]) for e in events if e["event"] == "split"),
        costs=costs_of(settings.asking, events),
        progress=progress_of(settings, events),
    )


def _entries(events: list[Event], so_far: Mapping[str, Curves]) -> dict[str, Entry]:
    candidates = candidates_of(events)
    attempts = _attempts(events)
    prompts = {
        e["sha256"]: [Message.model_validate(m) for m in e["messages"]] for e in events if e["event"] == "prompt"
    }
    found = {}
    for name, candidate in candidates.items():
        tried = attempts[candidate.generation, candidate.slot]
        original = candidates.get(candidate.duplicate_of or "", candidate)
        running = so_far.get(f"candidates/{original.name}") if original.outcome is None else None
        found[name] = Entry(
            candidate=candidate,
            state=state_of(candidate, running is not None),
            curves=curves_of(candidate) or running,
            score=score_of(original, running),
            parent=_parent(candidate, prompts.get(tried[0].prompt or "", []), candidates),
            attempts=tried,
            alarms=tuple(alarms.of_training(candidate.trained)) if candidate.trained else (),
        )
    return found


def _attempts(events: list[Event]) -> dict[tuple[int, int], tuple[Attempt, ...]]:
    """All attempts by generation and slot, in their order."""
    verdicts = {(e["generation"], e["slot"], e["attempt"]): e for e in events if e["event"] == "verdict"}
    found: dict[tuple[int, int], tuple[Attempt, ...]] = {}
    for (generation, slot, number), (reply, event) in sorted(replies_of(events).items()):
        verdict = verdicts.get((generation, slot, number), {})
        failed = verdict.get("failed")
        attempt = Attempt(
            number=number,
            reply=reply.text,
            finish=reply.finish,
            model=Answer.model_validate(event["answer"]).model,
            prompt=event["prompt"],
            code=verdict.get("code"),
            failed=Failed.model_validate(failed) if failed else None,
        )
        found[generation, slot] = (*found.get((generation, slot), ()), attempt)
    return found


def _parent(candidate: Candidate, first_prompt: Sequence[Message], candidates: Mapping[str, Candidate]) -> str | None:
    """Whose reply its first prompt holds; of equal replies, the one that trained best."""
    quoted = next((m.content for m in first_prompt if m.role == "assistant"), None)
    if quoted is None:
        return None
    earlier = [c for c in candidates.values() if c.generation < candidate.generation and c.trained]
    same = [c for c in earlier if as_sent(c.reply) == writable(quoted)]
    best = max(same, key=lambda c: (c.generation, _finite(score_of(c)), -c.slot), default=None)
    return best.name if best else None


def _prompts(events: list[Event]) -> tuple[Prompt, ...]:
    asked: dict[str, list[str]] = {}
    for (generation, slot, _), (_, event) in sorted(replies_of(events).items()):
        if event["prompt"]:
            asked.setdefault(event["prompt"], []).append(f"{generation}.{slot}")
    found: dict[str, Prompt] = {}
    for event in events:
        if event["event"] == "prompt":
            sha256 = str(event["sha256"])
            messages = tuple(Message.model_validate(m) for m in event["messages"])
            prompt = Prompt(sha256, event["generation"], event["attempt"], messages, tuple(asked.get(sha256, ())))
            found.setdefault(sha256, prompt)
    return tuple(found.values())


def _arms(events: list[Event], comparison: Comparison) -> tuple[str, ...]:
    """The keys of what is retrained, in the order of the trainings' slots."""
    if comparison.arms:
        several = ([f"{a.name}-{i}" for i in range(len(a.origins))] for a in comparison.arms)
        return tuple(key for arm, keys in zip(comparison.arms, several, strict=True) for key in _keys(arm.name, keys))
    return tuple(dict.fromkeys(str(e["arm"]) for e in events if e["event"] == "baseline"))


def _keys(name: str, several: list[str]) -> list[str]:
    return [name] if len(several) == 1 else several


def _finals(events: list[Event], arms: Sequence[str], seeds: int, so_far: Mapping[str, Curves]) -> tuple[Final, ...]:
    """Trainings of the comparison by arm and seed: those that ended, and those that go on."""
    slots = [(key, seed) for key in arms for seed in range(seeds)]
    together = next((e["members"] for e in events if e["event"] == "cut"), len(slots))
    found = {slot: curves for slot in slots if (curves := so_far.get(f"final/{slot[0]}-{slot[1]}"))}
    for event in events:
        head, _, part = str(event.get("training")).partition("-")
        if event["event"] != "trained" or head != "final":
            continue
        for member, data in zip(event["members"], event["outcomes"], strict=True):
            place, outcome = int(part or 0) * together + member, outcome_of(data)
            if isinstance(outcome, Trained) and place < len(slots):
                key, seed = slots[place]
                if f"final/{key}-{seed}/policy.safetensors" in event["publish"]:
                    found[key, seed] = outcome.curves
    return tuple(Final(key, seed, found[key, seed]) for key, seed in slots if (key, seed) in found)


def _finite(score: float | None) -> float:
    return score if score is not None and math.isfinite(score) else -math.inf


def _best(entry: Entry) -> int:
    return entry.candidate.trained.best if entry.candidate.trained else 0
