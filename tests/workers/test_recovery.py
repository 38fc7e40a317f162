"""Checkpoints of a training: one that is recorded is on the disk, whenever the run is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from eureka.config.settings import Settings
from eureka.config.tasks import load_task
from eureka.errors import StorageFault
from eureka.runs.candidate import Point
from eureka.runs.journal import CheckpointEvent
from eureka.runs.store import create
from eureka.workers.messages import Checkpoint, HashedFile
from eureka.workers.recovery import TrainingJob, TrainingRequest

POINT = Point(
    steps=32, fitness=1.0, training_fitness=None, episode_length=None, total=0.0, kl=0.0, learning_rate=0.1,
    action_std=1.0, components={}, least={}, greatest={},
)  # fmt: skip


def test_the_earlier_checkpoint_stays_until_the_later_one_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = load_task("cartpole")
    settings = Settings.model_validate(task.file.presets["cpu"].model_dump() | {"preset": "cpu"})
    run = create(tmp_path / "run", task, settings, {})
    try:
        request = TrainingRequest("search", ["p"], [0], "search", ["candidates/1.0/policy.safetensors"])
        job = TrainingJob(run, request, settings.plan("search"), cast(Any, None))

        def written(number: int) -> Checkpoint:
            file = run.folder / "scratch" / "search" / f"{number}.pt"
            file.parent.mkdir(exist_ok=True)
            file.write_text(str(number))
            return Checkpoint(number=number, saved=HashedFile(file=str(file), sha256="0" * 64), points=(POINT,))

        job._record_checkpoint([0], written(1))
        with monkeypatch.context() as full, pytest.raises(StorageFault):
            full.setattr(run, "append", lambda _: (_ for _ in ()).throw(StorageFault("the disk is full")))
            job._record_checkpoint([0], written(2))
        recorded = run.find(CheckpointEvent, training="search")
        assert recorded is not None and recorded.number == 1
        assert (run.folder / recorded.file).read_text() == "1", "a resume needs it"
        job._record_checkpoint([0], written(2))
        assert not (run.folder / recorded.file).exists(), "the earlier one is dropped then"
    finally:
        run.close()
