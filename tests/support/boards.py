"""What TensorBoard has of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.events import events_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from eureka.display.loggers import RUN


def board(folder: Path, series: str) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard" / series)).Reload()


def points(folder: Path, series: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in board(folder, series).Scalars(name)]


def agrees(folder: Path) -> None:
    """Every curve of result.json and of the final trainings is there, each point once."""
    result = json.loads((folder / "result.json").read_text())
    searched = [c for c in result["candidates"] if not c["duplicate_of"]]
    expected = {f"candidates/{c['generation']}.{c['slot']}": c["outcome"] for c in searched}
    trainings = events_of(folder, "trained")
    for event in trainings:
        trained = [outcome for outcome in event["outcomes"] if "report" in outcome]
        expected |= {str(Path(p).parent): o for p, o in zip(event["publish"], trained, strict=True)}
    assert set(expected) >= {str(p.parent.relative_to(folder)) for p in folder.rglob("policy.safetensors")}
    for series, outcome in expected.items():
        curves, steps, found = outcome["curves"], outcome["curves"]["steps"], board(folder, series)
        single = {name: values for name, values in curves.items() if isinstance(values, list) and name != "steps"}
        several = {f"{of}/{name}": v for of in ("components", "least", "greatest") for name, v in curves[of].items()}
        assert set(single) >= {"fitness", "training_fitness", "episode_length", "total", "kl", "learning_rate"}
        for name, values in (single | several).items():
            known = [(s, pytest.approx(v, rel=1e-6)) for s, v in zip(steps, values, strict=True) if v is not None]
            there = [(p.step, p.value) for p in found.Scalars(name)] if known else []
            assert there == known, (series, name)
        if "report" in outcome:
            reported = [(p.step, p.value) for p in found.Scalars("report_fitness")]
            assert reported == [(outcome["steps"], pytest.approx(outcome["report"]))]
    assert len(points(folder, RUN, "report_fitness")) == sum("report" in outcome for outcome in expected.values())
    assert len(points(folder, RUN, "seconds/learning")) == len(trainings)
