"""Showing a run to people, from its journal alone: finished, half-done and crashed runs alike."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from eureka import prompt, reflect
from eureka.candidate import Candidate, Failed, Outcome, Trained
from eureka.compare import Comparison
from eureka.designers import replies_of
from eureka.display import summary
from eureka.errors import UserError, near
from eureka.evolve import report_score
from eureka.store import Event, read_events, read_json


@dataclass(frozen=True)
class Wanted:
    """What to show."""

    candidate: str | None = None
    best: bool = False
    code: bool = False
    reflection: bool = False
    prompt: bool = False
    diff: str | None = None


def _say(console: Console, text: str) -> None:
    """Print a text that may hold a stranger's words."""
    console.print(Text(reflect.plain(text)))


def show(folder: Path, wanted: Wanted) -> None:
    """Print a run, or one candidate of it.

    Raises:
        UserError: it has no such candidate, or the candidate no such thing.
    """
    console = Console(highlight=False, soft_wrap=True)
    events, _ = read_events(folder)
    candidates = candidates_of(events)
    one = wanted.code or wanted.reflection or wanted.prompt or wanted.diff is not None
    if not (wanted.candidate or wanted.best or one):
        _show_run(console, folder, events, candidates)
        return
    chosen = choose(folder, events, candidates, wanted.candidate)
    if wanted.code:
        _code(console, chosen)
    elif wanted.reflection:
        _say(console, _reflection(candidates, chosen))
    elif wanted.prompt:
        _say(console, reflect.plain(_prompt(events, chosen)))
    elif wanted.diff is not None:
        _diff(console, _named(candidates, wanted.diff), chosen)
    else:
        _show_candidate(console, chosen)


def candidates_of(events: list[Event]) -> dict[str, Candidate]:
    """Every candidate of a journal by name, in the state that its last attempt reached."""
    latest = {(g, slot): (attempt, reply) for (g, slot, attempt), (reply, _) in sorted(replies_of(events).items())}
    verdicts = {(e["generation"], e["slot"], e["attempt"]): e for e in events if e["event"] == "verdict"}
    outcomes = _outcomes(events)
    first: dict[str, str] = {}
    found = {}
    for (generation, slot), (attempt, reply) in sorted(latest.items()):
        verdict = verdicts.get((generation, slot, attempt), {})
        mark = verdict.get("fingerprint")
        name = f"{generation}.{slot}"
        original = first.setdefault(mark, name) if mark else name
        outcome: Outcome | None = None
        if verdict.get("failed"):
            outcome = Failed.model_validate(verdict["failed"])
        elif mark:
            outcome = outcomes.get(original)
        found[name] = Candidate(
            generation=generation,
            slot=slot,
            attempt=attempt,
            reply=reply.text,
            code=verdict.get("code"),
            notes=verdict.get("notes", ()),
            fingerprint=mark,
            duplicate_of=original if original != name else None,
            outcome=outcome,
        )
    return found


def _outcomes(events: list[Event]) -> dict[str, Outcome]:
    """What trainings gave, by candidate's name."""
    slots = {e["training"]: e["members"] for e in events if e["event"] == "training"}
    outcomes: dict[str, Outcome] = {}
    for event in events:
        if event["event"] != "trained" or event["training"] not in slots:
            continue
        for member, data in zip(event["members"], event["outcomes"], strict=True):
            generation, slot, _ = slots[event["training"]][member]
            model = Trained if "curves" in data else Failed
            outcomes[f"{generation}.{slot}"] = model.model_validate(data)
    return outcomes


def show_result(folder: Path, comparison: Comparison) -> None:
    """The table at the end of a run, and where everything is."""
    console = Console(highlight=False, soft_wrap=True)
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    console.print()
    console.print(_comparison_table(comparison))
    if any(arm.name == "evolved" for arm in comparison.arms):
        _say(console, _conclusion(comparison))
        _say(console, f"run {shown}   next: eureka inspect {shown} --best")
    else:
        _say(console, f"run {shown}   policies are in {shown}/final")


def _comparison_table(comparison: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("reward", "fitness", "95% interval", "each fresh seed", "last checkpoint"):
        table.add_column(name, justify="left" if name == "reward" else "right")
    for arm in comparison.arms:
        lost = f" ({len(arm.failures)} failed)" if arm.failures else ""
        if arm.mean is None:
            table.add_row(Text(reflect.shown(arm.name)), "-", "-", lost.strip(), "-")
            continue
        bounds = f"{_short(arm.interval.low)} .. {_short(arm.interval.high)}" if arm.interval else "one seed"
        seeds = " ".join(map(_short, arm.fitness)) + lost
        table.add_row(Text(reflect.shown(arm.name)), _short(arm.mean), bounds, seeds, _short(fmean(arm.last)))
    return table


def _short(value: float) -> str:
    return f"{value:.4g}"


def _conclusion(comparison: Comparison) -> str:
    if comparison.improvement is None:
        arms = [arm for arm in comparison.arms if arm.name in ("evolved", comparison.against)]
        why = "some seeds failed" if any(arm.failures for arm in arms) else "one seed cannot tell"
        return f"evolved against {comparison.against}: not defined, {why}"
    if comparison.against != "human":
        normalised = "human-normalised score not defined: there is no human reward"
    elif comparison.normalised is None:
        normalised = "human-normalised score not defined: human and sparse cannot be told apart"
    else:
        normalised = f"human-normalised score {comparison.normalised:.2f}"
    return (
        f"evolved against {comparison.against}: {comparison.verdict} by interval, probability of improvement "
        f"{comparison.improvement:.2f}; {normalised}"
    )


def _show_run(console: Console, folder: Path, events: list[Event], candidates: dict[str, Candidate]) -> None:
    record = read_json(folder / "run.json")
    settings = record["settings"]
    of_settings = "   ".join(f"{name} {settings[name]}" for name in ("llm", "preset", "seed"))
    _say(console, f"{record['task']}   {of_settings}")
    for candidate in candidates.values():
        _say(console, summary(candidate))
    finished = next((e for e in reversed(events) if e["event"] == "finished"), None)
    if finished is None:
        _say(console, f"not finished; to go on: eureka resume {folder}")
        return
    if finished["winner"]:
        _say(console, f"winner {finished['winner']}")
    console.print(_comparison_table(Comparison.model_validate(finished["comparison"])))


def choose(folder: Path, events: list[Event], candidates: dict[str, Candidate], name: str | None) -> Candidate:
    """A candidate by name; without one, the winner or the best so far.

    Raises:
        UserError: there is none.
    """
    if name:
        return _named(candidates, name)
    finished = next((e for e in reversed(events) if e["event"] == "finished" and e["winner"]), None)
    if finished is not None:
        return _named(candidates, finished["winner"])
    trained = [c for c in candidates.values() if c.trained and not c.duplicate_of and c.generation]
    if not trained:
        raise UserError(f"{folder} has no trained candidate yet; name one with --candidate")
    return max(trained, key=report_score)


def _named(candidates: dict[str, Candidate], name: str) -> Candidate:
    if name not in candidates:
        raise UserError(f"no candidate {name!r}{near(name, candidates)}; there are {', '.join(candidates) or 'none'}")
    return candidates[name]


def _code(console: Console, candidate: Candidate) -> None:
    if candidate.code is None:
        raise UserError(f"candidate {candidate.name} has no code: {reflect.shown(str(candidate.failed))}")
    code = reflect.plain(candidate.code)
    if console.is_terminal:
        console.print(Syntax(code, "python", theme="ansi_dark", background_color="default"))
    else:
        print(code)


def _reflection(candidates: dict[str, Candidate], candidate: Candidate) -> str:
    """The text that a model is sent after this candidate, or would be."""
    if candidate.trained is not None:
        others = [c for c in candidates.values() if c.generation == candidate.generation and c.failed]
        return reflect.plain(prompt.reflection(candidate.trained, [str(c.failed) for c in others]))
    if candidate.failed is not None:
        return reflect.plain(prompt.complaint(candidate.failed, candidate.code))
    return f"candidate {candidate.name} is not trained yet"


def _prompt(events: list[Event], candidate: Candidate) -> str:
    _, answer = replies_of(events)[candidate.generation, candidate.slot, candidate.attempt]
    if answer["prompt"] is None:
        raise UserError(f"candidate {candidate.name} was given with --start, so no prompt asked for it")
    found = next((e for e in events if e["event"] == "prompt" and e["sha256"] == answer["prompt"]), None)
    if found is None:
        raise UserError(f"the prompt of candidate {candidate.name} is not in the journal")
    return prompt.as_text(tuple(prompt.Message.model_validate(m) for m in found["messages"]))


def _diff(console: Console, before: Candidate, after: Candidate) -> None:
    old, new = (reflect.plain(c.code or "").splitlines() for c in (before, after))
    lines = list(difflib.unified_diff(old, new, before.name, after.name, lineterm=""))
    if not lines:
        _say(console, f"{before.name} and {after.name} have the same code")
    elif console.is_terminal:
        console.print(Syntax("\n".join(lines), "diff", theme="ansi_dark", background_color="default"))
    else:
        print("\n".join(lines))


def _show_candidate(console: Console, candidate: Candidate) -> None:
    _say(console, summary(candidate))
    for note in candidate.notes:
        _say(console, f"note: {note}")
    if candidate.attempt:
        _say(console, f"attempt {candidate.attempt}: sent back before with its errors")
    trained = candidate.trained
    if trained is not None:
        spread = f"{reflect.number(min(trained.report_episodes))} .. {reflect.number(max(trained.report_episodes))}"
        console.print(
            Text(
                f"report {reflect.number(trained.report)} over {len(trained.report_episodes)} episodes ({spread}), "
                f"selection {reflect.number(trained.selection)}, diverged world-steps {trained.diverged}"
            )
        )
        console.print()
        _say(console, reflect.statistics(trained))
    console.print()
    if candidate.code is not None:
        _code(console, candidate)
