"""The same search on many tasks, and what all of them together say: the paper's claim, for anyone to test."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from eureka import session
from eureka.compare import EVOLVED, Comparison
from eureka.config import LoadedTask, Settings
from eureka.confinement import Confinement
from eureka.disk import named, write_whole
from eureka.display import Display, Said
from eureka.errors import EurekaError, UserError
from eureka.interruption import Interrupted
from eureka.planning import Changes, here
from eureka.statistics import bootstrap, improvement
from eureka.store import foreign, read_events, read_json, task_of

_CLIP = 3.0
"""The paper counts a normalised score above this as this, and one below 0 as 0 (Ma et al. 2023, figure 4)."""


class Line(BaseModel):
    """One task of a benchmark."""

    model_config = ConfigDict(frozen=True)

    task: str
    run: str = Field(description="the folder of its run")
    fitness: dict[str, float | None] = Field(description="mean over seeds of each arm")
    baseline: str | None = Field(description="what evolved is held against: human, or an environment's own reward")
    verdict: str = Field(description="evolved against the baseline by interval: win, tie, loss or not defined")
    improvement: float | None = Field(description="probability that a seed of evolved beats one of the baseline")
    normalised: float | None = Field(description="(evolved - sparse) / |human - sparse|; None if not defined")


class Summary(BaseModel):
    """What all tasks together say."""

    model_config = ConfigDict(frozen=True)

    lines: list[Line]
    counts: dict[str, int] = Field(description="tasks by verdict")
    normalised: float | None = Field(description="mean over the tasks where it is defined")
    clipped: float | None = Field(description="the same with each task's clipped to 0 .. 3, as in the paper")
    improvement: float | None = Field(description="mean over tasks of the probability of improvement")
    improvement_interval: tuple[float, float] | None = Field(description="95 %, seeds resampled within each task")


def bench(
    plans: Sequence[tuple[LoadedTask, Settings]],
    changes: Changes,
    confinement: Confinement,
    out: Path,
    display: Display,
    yes: bool,
) -> Summary:
    """Run every task to its end in a folder of its own below `out`, whatever of it is done already taken as it is.

    Args:
        plans: the tasks, each with the settings of its run.
        changes: what may be another for a run that was begun before.
        confinement, out, display, yes: as for `session.start`.

    Raises:
        UserError: two tasks have one name, or a folder holds a run with other settings or of another task.
        Interrupted: it was stopped; the same call goes on.
        EurekaError: a run cannot go on.
    """
    paths: dict[str, Path] = {}
    for task, _ in plans:
        name = task.file.name
        if name in paths:
            raise UserError(f"two tasks are called {name}: {paths[name]} and {task.path}; give one, or rename one")
        paths[name] = task.path
    found: dict[str, Comparison] = {}
    for number, (task, settings) in enumerate(plans, 1):
        name = task.file.name
        display(Said(f"\ntask {number} of {len(plans)}: {name}"))
        try:
            found[name] = _finished(task, settings, changes, confinement, out / name, display, yes)
        except Interrupted as stopped:
            display(Said("to go on with the rest too, give the same command again"))
            raise Interrupted(None, stopped.signal_number) from None
        except EurekaError as error:
            error.resume = None
            raise
    summary = summarise({name: (str(out / name), comparison) for name, comparison in found.items()})
    with named(out / "summary.json", "--out"):
        write_whole(out / "summary.json", json.dumps(summary.model_dump(mode="json"), indent=2).encode() + b"\n")
    return summary


def _finished(
    task: LoadedTask,
    settings: Settings,
    changes: Changes,
    confinement: Confinement,
    folder: Path,
    display: Display,
    yes: bool,
) -> Comparison:
    if not (folder / "run.json").is_file():
        session.start(task, settings, confinement, folder, display, yes)
    else:
        with foreign(folder):
            recorded = Settings.model_validate(read_json(folder / "run.json")["settings"])
            of = task_of(folder).path
        if of != task.path:
            raise UserError(f"{folder} is a run of {of}, not of {task.path}; give another folder with --out")
        # Budgets, prices and places decide when a run stops and where it runs, not what it finds.
        aside = ("asking", "devices", "workers", "executor")
        if recorded.model_copy(update={name: getattr(settings, name) for name in aside}) != settings:
            raise UserError(f"{folder} was begun with other settings; give these, or another folder with --out")
        if _comparison(folder) is None:
            session.resume(folder, here(settings, replace(changes, llm=settings.llm)), confinement, display)
    comparison = _comparison(folder)
    assert comparison is not None
    return comparison


def _comparison(folder: Path) -> Comparison | None:
    with foreign(folder):
        events, _ = read_events(folder)
        finished = next((event for event in reversed(events) if event["event"] == "finished"), None)
        return Comparison.model_validate(finished["comparison"]) if finished else None


def summarise(found: dict[str, tuple[str, Comparison]]) -> Summary:
    """Add up what was found, given by task: the run's folder and its comparison."""
    lines, pairs = [], []
    for task, (folder, comparison) in found.items():
        evolved, baseline = comparison.arm(EVOLVED), comparison.arm(comparison.baseline or "")
        against = evolved.against if evolved else None
        lines.append(
            Line(
                task=task,
                run=folder,
                fitness={arm.name: arm.mean for arm in comparison.arms},
                baseline=comparison.baseline,
                verdict=against.verdict if against else "not defined",
                improvement=against.improvement if against else None,
                normalised=against.normalised if against else None,
            )
        )
        if against and against.improvement is not None and evolved and baseline:
            pairs.append((evolved.fitness, baseline.fitness))
    scores = [line.normalised for line in lines if line.normalised is not None]
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    return Summary(
        lines=lines,
        counts={v: sum(line.verdict == v for line in lines) for v in ("win", "tie", "loss", "not defined")},
        normalised=statistics.fmean(scores) if scores else None,
        clipped=statistics.fmean(min(max(s, 0.0), _CLIP) for s in scores) if scores else None,
        improvement=improvement(ours, theirs) if pairs else None,
        improvement_interval=bootstrap(improvement, ours, theirs, resamples=2000) if pairs else None,
    )
