"""Whether anything was learned in a run."""

from __future__ import annotations

from collections.abc import Iterable

from eureka.runs.candidate import Dropped, Outcome, Trained
from eureka.runs.journal import Journal, StartedEvent, TrainedEvent
from eureka.text import Digits, number, shown

_STILL = 0.01  # share of its size by which a fitness may vary and is still said not to have moved


def unmoved(outcomes: Iterable[Outcome | None]) -> float | None:
    """The fitness that all checkpoints of all trainings have, within 1 %; None if it moved, or nothing was trained.

    Fitness of the training episodes counts too: it is lower at first where a policy learns before the first checkpoint.
    """
    curves = [outcome.curves for outcome in outcomes if isinstance(outcome, Trained | Dropped)]
    values = [v for c in curves for v in (*c.fitness, *c.training_fitness) if v is not None]
    if len(values) < 2 or max(values) - min(values) > _STILL * max(map(abs, values)):
        return None
    return sum(values) / len(values)


def nothing_learned(journal: Journal) -> str:
    """Why no training of a run learned anything, and what to do, in two sentences; empty if one did."""
    outcomes = [outcome for event in journal.all(TrainedEvent) for outcome in event.outcomes]
    fitness = unmoved(outcomes)
    if fitness is None:
        return ""
    trainings = sum(isinstance(outcome, Trained | Dropped) for outcome in outcomes)
    every = f"of all {trainings} trainings" if trainings > 1 else "of the training"
    value = with_unit(fitness, journal.fitness_unit)
    said = f"Nothing was learned: the fitness was {value} at every checkpoint {every}."
    started, settings = journal.find(StartedEvent), journal.settings
    usual = started.preset_steps if started else None
    if usual is not None and settings.steps < usual:
        return (
            f"{said} This run trained for {settings.steps:,} world-steps each, the preset {settings.preset} for "
            f"{usual:,}: increase --steps."
        )
    return (
        f"{said} Increase --steps (now {settings.steps:,}), or look whether the fitness depends on the actions: "
        f"eureka check {shown(journal.record.task_file)}"
    )


def with_unit(value: float, unit: str, digits: Digits = number) -> str:
    """A fitness such as `2.08 m/s`."""
    return f"{digits(value)} {unit}".rstrip()
