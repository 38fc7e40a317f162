"""The verdict of a run in words: who won, by how much, how sure, and what to do next."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import dataclass
from pathlib import Path

from eureka.config.tasks import BASELINE
from eureka.runs.history import best_of, candidates_of, seconds_per_training
from eureka.runs.journal import Journal
from eureka.runs.learning import nothing_learned, with_unit
from eureka.runs.results import EVOLVED, HUMAN, SPARSE, Against, Arm, Comparison, Interval
from eureka.runs.statistics import LOOK_LEVEL, LOOKS
from eureka.text import Digits, alike, clock, shown

_ALONE = (
    "The task names no reward to compare with: add the key `human: FILE` to its YAML for a verdict in the next run."
)


@dataclass(frozen=True)
class Conclusion:
    """What a comparison decides."""

    headline: str
    """One sentence: who won, by how much in the task's unit, and how sure; empty if there is nothing to say."""
    others: tuple[str, ...] = ()
    """Further sentences: on the sparse reward, or why there is no verdict."""
    advice: str = ""
    """What to do next, with a command."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.headline, *self.others)))


def conclude(journal: Journal, comparison: Comparison | None = None) -> Conclusion:
    """The verdict of a finished run, or of another comparison of its arms; empty before the end."""
    if comparison is None:
        if journal.finished is None:
            return Conclusion("")
        comparison = journal.finished.comparison
    if flat := nothing_learned(journal):
        first, _, rest = flat.partition(". ")
        return Conclusion(f"{first}.", advice=rest)
    unit, arm = journal.fitness_unit, _subject(comparison)
    digits = alike(arm.mean for arm in comparison.arms)
    if arm is None:
        return _uncompared(journal, unit)
    differences = [] if not arm.comparable else _differences(comparison, arm)
    if not differences:
        alone = len(comparison.arms) == 1 and arm.searches > 0
        return Conclusion(_fitness(arm, unit, digits), (_ALONE,) if alone else ())
    (name, held), *rest = differences
    other = comparison.arm(name)
    headline = _verdict(arm, other, held, unit, digits) if other else _fitness(arm, unit, digits)
    others = tuple(_further(name, held, unit, digits) for name, held in rest)
    return Conclusion(headline, others, _advice(journal, comparison, arm, differences))


def _uncompared(journal: Journal, unit: str) -> Conclusion:
    best = best_of(candidates_of(journal).values())
    if best is None or best.estimate is None:
        return Conclusion("")
    return Conclusion(
        f"The winner has an estimated fitness of {with_unit(best.estimate.mean, unit)}; it was not compared.",
        advice=f"To compare it on fresh seeds: eureka compare {quoted(journal.folder)} --seeds {LOOKS[0]}",
    )


def _fitness(arm: Arm, unit: str, digits: Digits) -> str:
    if arm.mean is None:
        return f"No training of {_name(arm.name)} reached its end."
    seeds = f"{len(arm.fitness)} fresh seeds" if len(arm.fitness) > 1 else "one fresh seed"
    bounds = f" (95% interval {_span(arm.interval, digits)})" if arm.interval else ""
    return f"{_begin(_name(arm.name))} has a fitness of {with_unit(arm.mean, unit, digits)}{bounds} on {seeds}."


def _verdict(arm: Arm, other: Arm, held: Against, unit: str, digits: Digits) -> str:
    """How an arm compares with the baseline."""
    apart = held.difference
    assert apart is not None and arm.mean is not None and other.mean is not None
    seeds = len(arm.fitness), len(other.fitness)
    each = f"{seeds[0]} fresh seeds each" if seeds[0] == seeds[1] else f"{seeds[0]} and {seeds[1]} fresh seeds"
    means = f"{digits(arm.mean)} against {with_unit(other.mean, unit, digits)} on {each}"
    first, second = _name(arm.name), _name(other.name)
    if held.verdict == "undecided":
        bounds = f"{LOOK_LEVEL:.1%} interval {_span(apart, digits)}"
        sure = f"the difference of {digits(apart.mean)} may be chance ({bounds})"
        return f"Undecided between {first} and {second}: {means}; {sure}."
    won = "beats" if held.verdict == "better" else "loses to"
    size = _absolute(apart)
    return (
        f"{_begin(first)} {won} {second}: {means}, a difference of {digits(size.mean)} "
        f"({LOOK_LEVEL:.1%} interval {_span(size, digits)})."
    )


def _further(name: str, held: Against, unit: str, digits: Digits) -> str:
    apart = held.difference
    assert apart is not None
    if held.verdict == "undecided":
        return (
            f"Against {_name(name)} it is undecided: the difference is {digits(apart.mean)} ({_span(apart, digits)})."
        )
    size = _absolute(apart)
    return f"It is {held.verdict} than {_name(name)} by {with_unit(size.mean, unit, digits)} ({_span(size, digits)})."


def _absolute(apart: Interval) -> Interval:
    return apart if apart.mean >= 0 else Interval(mean=-apart.mean, low=-apart.high, high=-apart.low)


def _span(interval: Interval, digits: Digits) -> str:
    return f"{digits(interval.low)} .. {digits(interval.high)}"


def _name(arm: str) -> str:
    """An arm in a sentence."""
    if arm == BASELINE:
        return "the environment's own reward"
    return f"the {arm} reward" if arm in (EVOLVED, HUMAN, SPARSE) else shown(arm)


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]


def _advice(journal: Journal, comparison: Comparison, arm: Arm, differences: list[tuple[str, Against]]) -> str:
    """The command that would decide what is undecided, or what to do with the result."""
    run = quoted(journal.folder)
    undecided = [(name, held) for name, held in differences if held.verdict == "undecided"]
    if not undecided:
        if any(held.verdict == "worse" for _, held in differences) and journal.record.kind == "search":
            return f"To search on from here: eureka resume {run} --generations 3"
        return ""
    name, held = undecided[0]
    if held.seeds_needed is None or held.difference is None:
        return f"The means of {_name(arm.name)} and {_name(name)} are equal: more seeds are unlikely to decide."
    size = with_unit(abs(held.difference.mean), journal.fitness_unit)
    needed = f"To tell a difference of {size} from none takes about {held.seeds_needed} seeds"
    now = len(arm.fitness)
    look = next((n for n in LOOKS if n > now and n >= held.seeds_needed), None)
    if look is None:
        searching = journal.record.kind == "search"
        more = f"; to look for a better reward: eureka resume {run} --generations 3" if searching else ""
        return f"{needed}, more than the {LOOKS[-1]} that verdicts allow for{more}"
    each = seconds_per_training(journal)
    time = f", {clock(each * (look - now) * len(comparison.arms))}" if each else ""
    if journal.record.kind == "search":
        return f"{needed}{time}: eureka compare {run} --seeds {look}"
    return f"{needed}{time}; repeat the comparison with --seeds {look}."


def _subject(comparison: Comparison) -> Arm | None:
    """The arm that a comparison is about: the evolved reward, else the first from a search, else the first compared."""
    searched = (arm for arm in comparison.arms if arm.searches)
    compared = (arm for arm in comparison.arms if arm.against)
    return comparison.arm(EVOLVED) or next(itertools.chain(searched, compared, comparison.arms), None)


def _differences(comparison: Comparison, arm: Arm) -> list[tuple[str, Against]]:
    """What an arm says against the baseline and the sparse reward."""
    pairs = ((comparison.baseline or "", arm.against), (SPARSE, arm.against_sparse))
    return [(name, held) for name, held in pairs if held and held.verdict != "not defined"]


def quoted(folder: Path) -> str:
    """A folder as typed in the working directory, quoted for a shell."""
    return shlex.quote(str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder))
