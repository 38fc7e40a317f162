"""Trainings of given rewards, without a search: one alone, or several on the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eureka.config.options import ModelOptions, Options
from eureka.errors import UserError
from eureka.experiment import arms, session
from eureka.experiment.hours import TimeLimit
from eureka.experiment.options import apply_changes, resolve, resolve_comparison
from eureka.runs.events import Display
from eureka.runs.results import CompareOptions
from eureka.workers.isolation import IsolationPolicy


def train(
    task: str,
    reward: str,
    seeds: int,
    options: Options,
    isolation: IsolationPolicy,
    out: Path | None,
    show: Display,
    yes: bool,
    limit: TimeLimit | None,
) -> Path:
    """Train one reward on several seeds; the folder of the run.

    Args:
        task: a name or a YAML file.
        reward: name of one of the task's rewards, or a file.
        seeds: their number.
        options: sizes and devices.
        isolation, out, show, yes, limit: as for `session.start`.
    """
    parsed = arms.parse_arms([reward], task)
    settings = resolve(parsed.task, Options(options.sizes, model=ModelOptions("search"), device=options.device))
    settings = settings.model_copy(update={"final_seeds": seeds, "samples": seeds})
    return session.retrain(parsed.task, settings, parsed.specs, CompareOptions(), isolation, out, show, yes, (), limit)


def compare(
    names: Sequence[str],
    task: str | None,
    seeds: int,
    options: Options,
    wanted: CompareOptions,
    isolation: IsolationPolicy,
    out: Path | None,
    show: Display,
    yes: bool,
    limit: TimeLimit | None,
) -> Path:
    """Train rewards on the same fresh seeds and compare them; the folder of the run.

    Args:
        names: arms.
        task: a name or a YAML file; None if a run is among the arms.
        seeds: number of fresh seeds.
        options: sizes, devices, and the model of a best-of-n control.
        wanted: controls and further measurements.
        isolation, out, show, yes, limit: as for `session.start`.
    """
    parsed = arms.parse_arms(names, task)
    settings = resolve_comparison(parsed.task, parsed.run, Options(options.sizes, device=options.device))
    settings = settings.model_copy(update={"final_seeds": seeds})
    wanted = wanted.model_copy(update={"notes": arms.other_parameters(parsed, settings)})
    if "best-of-n" in wanted.controls:
        asked = apply_changes(parsed.run or settings, options.model)
        wanted = wanted.model_copy(update={"llm": asked.llm, "asking": asked.asking})
    elif options.model.llm:
        raise UserError("--llm sets the model of the best-of-n control; add --controls best-of-n, or omit --llm")
    return session.retrain(
        parsed.task, settings, parsed.specs, wanted, isolation, out, show, yes, parsed.folders, limit
    )
