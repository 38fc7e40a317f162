"""The verdict of a run in words: who won, by how much, how sure, and what to do next."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from eureka.config.tasks import BASELINE
from eureka.runs.history import best_of, candidates_of, seconds_per_training
from eureka.runs.journal import Journal
from eureka.runs.learning import nothing_learned, with_unit
from eureka.runs.results import EVOLVED, HUMAN, SPARSE, START, Against, Arm, Comparison, Interval
from eureka.runs.statistics import LOOK_LEVEL, LOOKS
from eureka.text import Digits, alike, command, duration, shown

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
    """What to do next."""
    command: str = ""
    """The command that does it."""
    won: bool = False
    """Whether the headline says that a reward beats the baseline."""

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
        return Conclusion(_fitness(arm, unit, digits), *_without_verdict(journal, comparison, arm))
    (name, held), *rest = differences
    other = comparison.arm(name)
    headline = _verdict(arm, other, held, unit, digits) if other else _fitness(arm, unit, digits)
    others = tuple(_further(arm, name, held, unit, digits) for name, held in rest)
    return Conclusion(headline, others, *_advice(journal, comparison, arm, differences), held.verdict == "better")


def _uncompared(journal: Journal, unit: str) -> Conclusion:
    best = best_of(candidates_of(journal).values())
    if best is None or best.estimate is None:
        return Conclusion("")
    return Conclusion(
        f"The winner has an estimated fitness of {with_unit(best.estimate.mean, unit)}; it was not compared.",
        advice="To compare it on fresh seeds:",
        command=command("compare", journal.folder, "--seeds", str(LOOKS[0])),
    )


def _without_verdict(journal: Journal, comparison: Comparison, arm: Arm) -> tuple[tuple[str, ...], str, str]:
    """Why an arm is not compared with another, what to do, and the command."""
    if len(comparison.arms) == 1:
        return ((_ALONE,) if arm.searches else (), "", "")
    if lost := [shown(a.name) for a in comparison.arms if a.failures]:
        why = next(shown(a.failures[0]).rstrip(".") for a in comparison.arms if a.failures)
        return (f"There is no verdict, since trainings of {', '.join(lost)} failed. The first one {why}.",), "", ""
    if journal.record.kind != "search":
        return ("There is no verdict from one seed.",), "", ""
    more = command("compare", journal.folder, "--seeds", str(LOOKS[0]))
    return ("There is no verdict from one seed.",), "To compare them:", more


def _fitness(arm: Arm, unit: str, digits: Digits) -> str:
    if arm.mean is None:
        why = f" The first one {shown(arm.failures[0]).rstrip('.')}." if arm.failures else ""
        return f"No training of {_name(arm.name)} reached its end.{why}"
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
    if apart.low == apart.high == 0.0:
        return f"{_begin(first)} and {second} are equal: {with_unit(arm.mean, unit, digits)} on {each}."
    if held.verdict == "undecided":
        bounds = f"{LOOK_LEVEL:.2%} interval {_span(apart, digits)}"
        sure = f"the difference of {digits(apart.mean)} may be chance ({bounds})"
        return f"Undecided between {first} and {second}: {means}; {sure}."
    won = "beats" if held.verdict == "better" else "loses to"
    size = _absolute(apart)
    return (
        f"{_begin(first)} {won} {second}: {means}, a difference of {digits(size.mean)} "
        f"({LOOK_LEVEL:.2%} interval {_span(size, digits)})."
    )


def _further(arm: Arm, name: str, held: Against, unit: str, digits: Digits) -> str:
    apart = held.difference
    assert apart is not None
    if apart.low == apart.high == 0.0:
        return f"{_begin(_name(name))} has the same fitness as {_name(arm.name)}."
    if held.verdict == "undecided":
        return (
            f"Against {_name(name)}, {_name(arm.name)} is undecided: the difference is {digits(apart.mean)} "
            f"({_span(apart, digits)})."
        )
    size = _absolute(apart)
    by = f"{with_unit(size.mean, unit, digits)} ({_span(size, digits)})"
    return f"{_begin(_name(arm.name))} is {held.verdict} than {_name(name)} by {by}."


def _absolute(apart: Interval) -> Interval:
    return apart if apart.mean >= 0 else Interval(mean=-apart.mean, low=-apart.high, high=-apart.low)


def _span(interval: Interval, digits: Digits) -> str:
    return f"{digits(interval.low)} .. {digits(interval.high)}"


def _name(arm: str) -> str:
    """An arm in a sentence."""
    if arm == BASELINE:
        return "the environment's own reward"
    if arm == START:
        return "the reward of --start"
    return f"the {arm} reward" if arm in (EVOLVED, HUMAN, SPARSE) else shown(arm)


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]


def _advice(
    journal: Journal, comparison: Comparison, arm: Arm, differences: list[tuple[str, Against]]
) -> tuple[str, str]:
    """What would decide what is undecided, or what to do with the result; and the command."""
    searching = journal.record.kind == "search"
    more = command("resume", journal.folder, "--generations", "3") if searching else ""
    undecided = [(name, held) for name, held in differences if held.verdict == "undecided"]
    if not undecided:
        lost = searching and any(held.verdict == "worse" for _, held in differences)
        return ("To continue the search:", more) if lost else ("", "")
    name, held = undecided[0]
    if held.seeds_needed is None or held.difference is None:
        return f"The means of {_name(arm.name)} and {_name(name)} are equal: more seeds are unlikely to decide.", ""
    size = with_unit(abs(held.difference.mean), journal.fitness_unit, alike([arm.mean]))
    now = len(arm.fitness)
    # Welch's test is stricter than the formula where one of the rewards hardly varies.
    seeds = f"about {held.seeds_needed}" if held.seeds_needed > now else f"more than {now}"
    needed = f"To decide a difference of {size} takes {seeds} seeds"
    look = next((n for n in LOOKS if n > now and n >= held.seeds_needed), None)
    if look is None:
        rest = " To continue the search for a better reward:" if searching else ""
        return f"{needed}; a comparison can have {LOOKS[-1]} at most.{rest}", more
    each = seconds_per_training(journal)
    time = f", which takes about {duration(each * (look - now) * len(comparison.arms))}" if each else ""
    if searching:
        return f"{needed}. To compare on {look}{time}:", command("compare", journal.folder, "--seeds", str(look))
    return f"{needed}; repeat the comparison with --seeds {look}{time}.", ""


def _subject(comparison: Comparison) -> Arm | None:
    """The arm that a comparison is about: the evolved reward, else the first from a search, else the first compared."""
    searched = (arm for arm in comparison.arms if arm.searches)
    compared = (arm for arm in comparison.arms if arm.against)
    return comparison.arm(EVOLVED) or next(itertools.chain(searched, compared, comparison.arms), None)


def _differences(comparison: Comparison, arm: Arm) -> list[tuple[str, Against]]:
    """What an arm says against the baseline, the sparse reward and that of `--start`."""
    pairs = ((comparison.baseline or "", arm.against), (SPARSE, arm.against_sparse), (START, arm.against_start))
    return [(name, held) for name, held in pairs if held and held.verdict != "not defined"]
