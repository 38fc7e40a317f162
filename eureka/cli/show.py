"""`eureka inspect`: a run from its journal, whether finished, unfinished or crashed."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from eureka import text
from eureka.designers import feedback, prompts
from eureka.display import terminal
from eureka.display.format import format_candidate
from eureka.display.tables import Sheet, show_code, show_comparison, show_conclusion, show_sheet
from eureka.display.terminal import say
from eureka.errors import UserError
from eureka.experiment.tuning import sensitivities
from eureka.report.progress import progress_of
from eureka.runs import alarms
from eureka.runs.candidate import Candidate, Dropped, Trained
from eureka.runs.history import by_a_command, candidates_of, find_candidate
from eureka.runs.journal import Journal, PromptEvent, read_journal
from eureka.runs.store import process_of


@dataclass(frozen=True)
class ShowOptions:
    """What to show."""

    candidate: str | None = None
    best: bool = False
    code: bool = False
    reflection: bool = False
    prompt: bool = False
    diff: str | None = None


def show(folder: Path, wanted: ShowOptions) -> None:
    """Print a run, or one candidate of it.

    Raises:
        UserError: the run has no such candidate, or the candidate lacks what was asked for.
    """
    console = terminal.console()
    journal = read_journal(folder)
    candidates = candidates_of(journal)
    parts = [wanted.code, wanted.reflection, wanted.prompt, wanted.diff is not None]
    if not (wanted.candidate or wanted.best or any(parts)):
        _show_run(console, journal, candidates)
        return
    chosen = find_candidate(journal, candidates, wanted.candidate)
    if not any(parts):
        _show_candidate(console, chosen)
    if wanted.code:
        _code(console, chosen)
    if wanted.reflection:
        say(console, _reflection(candidates, chosen, journal))
    if wanted.prompt:
        say(console, text.plain(_prompt(journal, chosen)))
    if wanted.diff is not None:
        _diff(console, find_candidate(journal, candidates, wanted.diff), chosen)


def _show_run(console: Console, journal: Journal, candidates: dict[str, Candidate]) -> None:
    of_settings = "   ".join(f"{name} {getattr(journal.settings, name)}" for name in ("llm", "preset", "seed"))
    say(console, f"{journal.settings.title(journal.record.task)}   {of_settings}")
    for candidate in candidates.values():
        say(console, format_candidate(candidate))
    if journal.finished is None:
        say(console, _state(journal))
    else:
        if journal.finished.winner:
            say(console, f"winner {journal.finished.winner}")
        show_comparison(console, journal.finished.comparison)
        show_conclusion(console, journal, journal.finished.comparison)
    show_constants(console, journal)
    for generations, end in reversed(journal.earlier):
        say(console, f"\nearlier, after {generations} generation{'s' * (generations != 1)}: winner {end.winner}")
        show_comparison(console, end.comparison)


def show_constants(console: Console, journal: Journal) -> None:
    """Print the constants of a search over constants: before, after, and how each goes with the fitness."""
    found = sensitivities(journal)
    if not found:
        return
    rows = []
    for one in found:
        sign = "-" if one.correlation is None else f"{one.correlation:+.2f}"
        rows.append((one.name, text.number(one.start), text.number(one.tuned), sign))
    show_sheet(console, Sheet(("constant", "start", "tuned", "rank correlation"), tuple(rows)))
    if any(one.correlation is not None for one in found):
        words = f"Correlations are with the fitness; of unrelated constants, 95% are below {found[0].by_chance:.2f}"
        say(console, f"{words} in size.")


def _state(journal: Journal) -> str:
    """What an unfinished run does, or the command that resumes it."""
    process, words = process_of(journal.folder), progress_of(journal).words
    if process is not None:
        return f"running, process {process}: {words}"
    return f"interrupted: {words}\nresume with: {text.command('resume', journal.folder)}"


def _code(console: Console, candidate: Candidate) -> None:
    if candidate.code is None:
        raise UserError(f"candidate {candidate.name} has no code: {text.shown(str(candidate.failed))}")
    show_code(console, candidate.code)


def _score(trained: Trained) -> str:
    episodes = trained.report_episodes
    if len(episodes) == 1:  # as of a command's training
        return f"fitness {text.number(trained.report)}"
    spread = f"{text.number(min(episodes))} .. {text.number(max(episodes))}"
    return (
        f"report {text.number(trained.report)} over {len(episodes)} episodes ({spread}), "
        f"selection {text.number(trained.selection)}, diverged world-steps {trained.diverged}"
    )


def _reflection(candidates: dict[str, Candidate], candidate: Candidate, journal: Journal) -> str:
    """The feedback on this candidate, as a designer gets it."""
    if candidate.trained is not None:
        earlier = (c for c in candidates.values() if 0 < c.generation <= candidate.generation)
        generations = [[*of] for _, of in itertools.groupby(earlier, key=lambda c: c.generation)]
        unit, ceiling = journal.fitness_unit, journal.fitness_ceiling
        external = by_a_command(journal)
        return text.plain(prompts.reflection(candidate, generations, unit, ceiling, external=external))
    if candidate.dropped is not None:
        return f"candidate {candidate.name} was {candidate.dropped}; it gets no further feedback"
    if candidate.failed is not None:
        return text.plain(prompts.complaint(candidate.failed, candidate.code))
    return f"candidate {candidate.name} is not trained yet"


def _prompt(journal: Journal, candidate: Candidate) -> str:
    _, answer = journal.replies()[candidate.address]
    if answer.prompt is None:
        raise UserError(f"candidate {candidate.name} was given with --start and has no prompt")
    found = journal.find(PromptEvent, sha256=answer.prompt)
    if found is None:
        raise UserError(f"the prompt of candidate {candidate.name} is not in the journal")
    return prompts.as_text(found.messages)


def _diff(console: Console, before: Candidate, after: Candidate) -> None:
    old, new = (text.plain(c.code or "").splitlines() for c in (before, after))
    lines = list(difflib.unified_diff(old, new, before.name, after.name, lineterm=""))
    if not lines:
        say(console, f"{before.name} and {after.name} have the same code")
    elif console.is_terminal:
        console.print(Syntax("\n".join(lines), "diff", theme="ansi_dark", background_color="default"))
    else:
        print("\n".join(lines))


def _show_candidate(console: Console, candidate: Candidate) -> None:
    say(console, format_candidate(candidate))
    for note in candidate.notes:
        say(console, f"note: {note}")
    if candidate.attempt:
        say(
            console, f"reply {candidate.attempt + 1} for this candidate: each one before it was returned with its error"
        )
    if candidate.warm:
        say(console, f"training started from the policy of {candidate.warm}")
    trained = candidate.trained
    if trained is not None:
        say(console, _score(trained))
        if len(candidate.scores) > 1:
            fresh = f", the last {candidate.validated} in the validation" if candidate.validated else ""
            say(
                console,
                f"fitness of each training: {' '.join(text.number(score.report) for score in candidate.scores)}{fresh}",
            )
        for alarm in alarms.of_training(trained):
            say(console, f"alarm: {text.shown(alarm)}", "yellow")
    if isinstance(candidate.outcome, Trained | Dropped):
        console.print()
        say(console, feedback.statistics(candidate.outcome))
    console.print()
    if candidate.code is not None:
        _code(console, candidate)
