"""Showing a run to people, from its journal alone: finished, half-done and crashed runs alike."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from eureka import alarms, prompt, reflect, terminal
from eureka.candidate import Candidate, Dropped, Failed, Outcome, Trained, outcome_of
from eureka.compare import EVOLVED, Comparison
from eureka.designers import replies_of
from eureka.display import summary
from eureka.errors import UserError, near
from eureka.evolve import report_score
from eureka.store import Event, read_events, read_json
from eureka.tables import show_comparison
from eureka.terminal import say


@dataclass(frozen=True)
class Wanted:
    """What to show."""

    candidate: str | None = None
    best: bool = False
    code: bool = False
    reflection: bool = False
    prompt: bool = False
    diff: str | None = None


def show(folder: Path, wanted: Wanted) -> None:
    """Print a run, or one candidate of it.

    Raises:
        UserError: it has no such candidate, or the candidate no such thing.
    """
    console = terminal.console()
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
        say(console, _reflection(candidates, chosen))
    elif wanted.prompt:
        say(console, reflect.plain(_prompt(events, chosen)))
    elif wanted.diff is not None:
        _diff(console, _named(candidates, wanted.diff), chosen)
    else:
        _show_candidate(console, chosen)


def candidates_of(events: list[Event]) -> dict[str, Candidate]:
    """Every candidate of a journal by name, in the state that its last attempt reached."""
    latest = {(g, slot): (attempt, reply) for (g, slot, attempt), (reply, _) in sorted(replies_of(events).items())}
    verdicts = {(e["generation"], e["slot"], e["attempt"]): e for e in events if e["event"] == "verdict"}
    outcomes, warm = _outcomes(events), _warm(events)
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
            warm=warm.get(original) if mark else None,
            outcome=outcome,
        )
    return found


def _warm(events: list[Event]) -> dict[str, str]:
    """The candidates that began from another's policy, with whose."""
    names = _trainings(events)
    begun = {e["training"]: e["warm"] for e in events if e["event"] == "training" and e["warm"]}
    return {name: begun[training] for training in begun for name in names[training].values()}


def _outcomes(events: list[Event]) -> dict[str, Outcome]:
    """What trainings gave, by candidate's name."""
    names = _trainings(events)
    standings: dict[str, Outcome] = {}
    outcomes: dict[str, Outcome] = {}
    for event in events:
        known = names.get(event.get("training", ""), {})
        if event["event"] == "trained" and known:
            found = {known[m]: outcome_of(o) for m, o in zip(event["members"], event["outcomes"], strict=True)}
            standings |= found
            # Whoever is at a rung of a race goes on, unless it has failed or is dropped there.
            outcomes |= {n: o for n, o in found.items() if event["until"] is None or isinstance(o, Failed)}
        elif event["event"] == "raced" and known:
            outcomes |= {known[m]: standings[known[m]] for m in event["dropped"]}
    return outcomes


def _trainings(events: list[Event]) -> dict[str, dict[int, str]]:
    """The candidates' names by training and member."""
    return {
        e["training"]: {i: f"{generation}.{slot}" for i, (generation, slot, _) in enumerate(e["members"])}
        for e in events
        if e["event"] == "training"
    }


def show_result(folder: Path, comparison: Comparison) -> None:
    """The table at the end of a run, and where everything is."""
    console = terminal.console()
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    console.print()
    show_comparison(console, comparison)
    if comparison.arm(EVOLVED) or not comparison.arms:
        say(console, f"run {shown}   next: eureka inspect {shown} --best")
    else:
        say(console, f"run {shown}   policies are in {shown}/final")


def _show_run(console: Console, folder: Path, events: list[Event], candidates: dict[str, Candidate]) -> None:
    record = read_json(folder / "run.json")
    settings = record["settings"]
    of_settings = "   ".join(f"{name} {settings[name]}" for name in ("llm", "preset", "seed"))
    say(console, f"{record['task']}   {of_settings}")
    for candidate in candidates.values():
        say(console, summary(candidate))
    finished = next((e for e in reversed(events) if e["event"] == "finished"), None)
    if finished is None:
        say(console, f"not finished; to go on: eureka resume {folder}")
        return
    if finished["winner"]:
        say(console, f"winner {finished['winner']}")
    show_comparison(console, Comparison.model_validate(finished["comparison"]))


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
        generation = [c for c in candidates.values() if c.generation == candidate.generation]
        return reflect.plain(prompt.reflection(candidate, generation))
    if candidate.dropped is not None:
        return f"candidate {candidate.name} was {candidate.dropped}; nothing more is told of it"
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
        say(console, f"{before.name} and {after.name} have the same code")
    elif console.is_terminal:
        console.print(Syntax("\n".join(lines), "diff", theme="ansi_dark", background_color="default"))
    else:
        print("\n".join(lines))


def _show_candidate(console: Console, candidate: Candidate) -> None:
    say(console, summary(candidate))
    for note in candidate.notes:
        say(console, f"note: {note}")
    if candidate.attempt:
        say(console, f"attempt {candidate.attempt}: sent back before with its errors")
    if candidate.warm:
        say(console, f"begun from the policy of {candidate.warm}")
    trained = candidate.trained
    if trained is not None:
        spread = f"{reflect.number(min(trained.report_episodes))} .. {reflect.number(max(trained.report_episodes))}"
        say(
            console,
            f"report {reflect.number(trained.report)} over {len(trained.report_episodes)} episodes ({spread}), "
            f"selection {reflect.number(trained.selection)}, diverged world-steps {trained.diverged}",
        )
        for alarm in alarms.of_training(trained):
            say(console, f"alarm: {reflect.shown(alarm)}", "yellow")
    if isinstance(candidate.outcome, Trained | Dropped):
        console.print()
        say(console, reflect.statistics(candidate.outcome))
    console.print()
    if candidate.code is not None:
        _code(console, candidate)
