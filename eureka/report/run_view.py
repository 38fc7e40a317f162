"""The data of a run for its pages, from its journal and `run.json`, in any state of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eureka.config.description import changed_parameters
from eureka.config.settings import Settings
from eureka.display.conclusion import Conclusion, conclude
from eureka.report.costs import Costs, costs_of
from eureka.report.progress import ProgressView, progress_of
from eureka.report.state import State, curves_of, score_of, state_of
from eureka.runs import alarms, layout
from eureka.runs.candidate import Candidate, Curves, Failed
from eureka.runs.history import candidates_of, curves_so_far, finals_of
from eureka.runs.journal import (
    BaselineEvent,
    FinishedEvent,
    Journal,
    PromptEvent,
    RemarkEvent,
    SplitEvent,
    StartedEvent,
    TrainedEvent,
)
from eureka.runs.replies import Message
from eureka.runs.results import Comparison
from eureka.runs.store import untrusted_run
from eureka.text import Digits, alike, shown


@dataclass(frozen=True)
class Attempt:
    """The first reply for a slot, or a repair."""

    number: int
    reply: str
    finish: str
    model: str
    prompt: str | None  # SHA-256 of the prompt; None for a reward given by the user
    code: str | None
    failed: Failed | None  # Failure in the sandbox or pre-flight


@dataclass(frozen=True)
class Entry:
    """A candidate with related data."""

    candidate: Candidate
    state: State
    curves: Curves | None
    score: float | None  # Estimated fitness; for a duplicate, of its original
    fitness: str  # The score as text; "-" without one
    margin: str  # Its standard error as text, such as " +- 0.12"; empty if unknown
    attempts: tuple[Attempt, ...]
    alarms: tuple[str, ...]

    @property
    def parent(self) -> str | None:
        """Name of the candidate that its prompt reflected on; of several, the first."""
        return next(iter(self.candidate.parents), None)

    @property
    def error(self) -> float | None:
        """Standard error of the score; None if unknown."""
        return self.candidate.estimate.error if self.candidate.estimate else None

    @property
    def name(self) -> str:
        """`generation.slot`."""
        return self.candidate.name

    @property
    def prompt(self) -> str | None:
        """The prompt of its latest reply."""
        return self.attempts[-1].prompt if self.attempts else None


@dataclass(frozen=True)
class Prompt:
    """A prompt, stored once for all of its replies."""

    sha256: str
    generation: int
    attempt: int
    messages: tuple[Message, ...]
    asked: tuple[str, ...]  # Names of the candidates requested with it


@dataclass(frozen=True)
class Final:
    """One training of the final comparison."""

    key: str  # The arm's name, with the index of the reward if it has several
    seed: int
    curves: Curves  # Curves so far


@dataclass(frozen=True)
class RunView:
    """All data of a run's pages."""

    name: str
    task: str
    settings: Settings  # Those in effect
    versions: Mapping[str, str]
    sources: Mapping[str, str]  # SHA-256 of the task's files
    started: StartedEvent | None  # What was found out about the machine when it began: sandbox, fence
    entries: Mapping[str, Entry]
    prompts: tuple[Prompt, ...]
    finished: bool
    winner: str | None
    conclusion: Conclusion  # Its verdict in words; empty before the end
    comparison: Comparison  # The final comparison; without arms before the end
    earlier: tuple[tuple[int, FinishedEvent], ...]  # Ends before extensions and their generations, the latest first
    arms: tuple[str, ...]  # What is retrained in the end, by key, as far as it is known
    searching: bool  # Whether the run looks for rewards; else it only retrains some
    finals: tuple[Final, ...]
    splits: tuple[str, ...]  # Reasons for bisections of populations
    costs: Costs
    progress: ProgressView
    digits: Digits  # Format of every fitness of the run
    remarked: frozenset[str]  # Files of the remarks that prompts have taken up

    @property
    def variant(self) -> str:
        """How the task differs from its defaults; empty if it does not."""
        return changed_parameters(self.started.parameters) if self.started else ""

    @property
    def in_unit(self) -> str:
        """The unit of the fitness in parentheses, after a space; empty if the task names none."""
        return f" ({self.unit})" if self.unit else ""

    @property
    def unit(self) -> str:
        """The unit of the fitness; empty if the task names none."""
        return shown(self.started.fitness_unit) if self.started else ""

    @property
    def best(self) -> Entry | None:
        """The winner, or the best so far."""
        if self.winner is not None:
            return self.entries.get(self.winner)
        trained = [e for e in self.entries.values() if e.state == "trained" and e.candidate.generation]
        return max(trained, key=lambda e: e.candidate.rank, default=None)

    def prompt_number(self, entry: Entry) -> int | None:
        """Number of the prompt of a candidate, from 1; None without a recorded prompt."""
        marks = [prompt.sha256 for prompt in self.prompts]
        return marks.index(entry.prompt) + 1 if entry.prompt in marks else None

    def parent(self, entry: Entry) -> Entry | None:
        return self.entries.get(entry.parent) if entry.parent else None

    def original(self, entry: Entry) -> Entry:
        """The candidate itself; for a duplicate, the one that was trained."""
        return self.entries.get(entry.candidate.duplicate_of or "", entry)

    def count(self, state: State) -> int:
        return sum(entry.state == state for entry in self.entries.values())


def read(journal: Journal) -> RunView:
    """A run as one value; UserError if its journal contradicts itself."""
    with untrusted_run(journal.folder):
        record, finished, so_far = journal.record, journal.finished, curves_so_far(journal)
        comparison = finished.comparison if finished else Comparison(arms=[])
        arms = tuple(dict.fromkeys(event.arm for event in journal.all(BaselineEvent)))
        candidates = candidates_of(journal)
        digits = alike([a.mean for a in comparison.arms] or [score_of(c) for c in candidates.values()])
        return RunView(
            name=journal.folder.resolve().name,
            task=record.task,
            settings=journal.settings,
            versions=record.versions,
            sources=record.sources,
            started=journal.find(StartedEvent),
            entries=_entries(journal, candidates, so_far, digits),
            prompts=_prompts(journal),
            finished=finished is not None,
            winner=finished.winner if finished else None,
            conclusion=conclude(journal),
            comparison=comparison,
            earlier=tuple(reversed(journal.earlier)),
            arms=arms,
            searching=record.kind == "search",
            finals=_finals(journal, arms, so_far),
            splits=tuple(event.reason for event in journal.all(SplitEvent)),
            costs=costs_of(journal),
            progress=progress_of(journal),
            digits=digits,
            remarked=frozenset(event.file for event in journal.all(RemarkEvent)),
        )


def _entries(
    journal: Journal, candidates: Mapping[str, Candidate], so_far: Mapping[str, Curves], digits: Digits
) -> dict[str, Entry]:
    attempts = _attempts(journal)
    found = {}
    for name, candidate in candidates.items():
        tried = attempts[candidate.generation, candidate.slot]
        original = candidates.get(candidate.duplicate_of or "", candidate)
        running = so_far.get(layout.candidate(original.name)) if original.outcome is None else None
        score, state = score_of(original, running), state_of(candidate, running is not None)
        error = candidate.estimate.error if candidate.estimate else None
        found[name] = Entry(
            candidate=candidate,
            state=state,
            curves=curves_of(candidate) or running,
            score=score,
            fitness=digits(score) if score is not None and state != "failed" else "-",
            margin=f" +- {digits(error)}" if error else "",
            attempts=tried,
            alarms=tuple(alarms.of_training(candidate.trained)) if candidate.trained else (),
        )
    return found


def _attempts(journal: Journal) -> dict[tuple[int, int], tuple[Attempt, ...]]:
    """Attempts in order, by generation and slot."""
    verdicts = journal.verdicts()
    found: dict[tuple[int, int], tuple[Attempt, ...]] = {}
    for (generation, slot, number), (reply, event) in sorted(journal.replies().items()):
        verdict = verdicts.get((generation, slot, number))
        attempt = Attempt(
            number=number,
            reply=reply.text,
            finish=reply.finish,
            model=event.answer.model,
            prompt=event.prompt,
            code=verdict.code if verdict else None,
            failed=verdict.failed if verdict else None,
        )
        found[generation, slot] = (*found.get((generation, slot), ()), attempt)
    return found


def _prompts(journal: Journal) -> tuple[Prompt, ...]:
    asked: dict[str, list[str]] = {}
    for (generation, slot, _), (_, event) in sorted(journal.replies().items()):
        if event.prompt:
            asked.setdefault(event.prompt, []).append(f"{generation}.{slot}")
    found: dict[str, Prompt] = {}
    for event in journal.all(PromptEvent):
        names = tuple(asked.get(event.sha256, ()))
        found.setdefault(event.sha256, Prompt(event.sha256, event.generation, event.attempt, event.messages, names))
    return tuple(found.values())


def _finals(journal: Journal, arms: Sequence[str], so_far: dict[str, Curves]) -> tuple[Final, ...]:
    """Finished and running trainings of the latest comparison, by arm and seed."""
    ended = {folder: o.curves for event in journal.all(TrainedEvent) for folder, o in event.by_folder()}
    known, round = so_far | ended, len(journal.rounds)
    # While an extension is under way, curves of the comparison before it do not count.
    finals = finals_of(journal) if journal.finished else {}
    seeds = sorted({place[1] for place in map(layout.final_of, known) if place})
    found = []
    for key, seed in [(key, seed) for key in arms for seed in seeds]:
        curves = known.get(finals.get((key, seed), layout.final(key, seed, round)))
        found += [Final(key, seed, curves)] if curves else []
    return tuple(found)
