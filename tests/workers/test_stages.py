"""Stages of a training: the population passes together, where half of it has reached the target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted import Many, reports, settings_of, train

from eureka.config.parameters import Stage
from eureka.config.settings import Racing
from eureka.config.tasks import load_task
from eureka.runs.events import Notice, Progressed
from eureka.runs.journal import StageEvent
from eureka.runs.store import Run, create
from eureka.workers.pool import TrainerPool

UNTIL = (Stage(until="fitness >= 4"), Stage())
"""Of 8 iterations with a checkpoint after each, the first stage takes 4 at most."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    task = load_task("cartpole")
    run = create(tmp_path / "run", task, settings_of(task, stages=[stage.model_dump() for stage in UNTIL]), {})
    yield run
    run.close()


def decided(run: Run) -> list[tuple[int, int, bool]]:
    return [(event.stage, event.iteration, event.met) for event in run.all(StageEvent)]


def test_a_stage_ends_for_all_where_half_of_them_reached_it(run: Run, tmp_path: Path):
    executor, told = Many(2, tmp_path / "log"), []
    assert reports(train(TrainerPool(executor, tmp_path), run, ["1", "5", "2", "8"], told=told.append)) == [1, 5, 2, 8]
    assert decided(run) == [(0, 1, True)]
    assert [until for _, until in executor.trained] == [1, 1, None, None]
    assert executor.stage_ends == [(4,), (4,), (1,), (1,)], "until it is decided, at the latest"
    assert any(isinstance(event, Notice) and "stage 1 ends" in event.text for event in told)
    left = [event.report.steps_left for event in told if isinstance(event, Progressed)]
    assert left == sorted(left, reverse=True) and left[-1] == 0


def test_a_stage_that_is_not_passed_ends_at_the_latest(run: Run, tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    train(TrainerPool(executor, tmp_path), run, ["1", "5", "2"])
    # 5 is one of three; at iteration 4 nothing is left to decide
    assert decided(run) == [(0, 1, False), (0, 2, False), (0, 3, False)]
    assert [until for _, until in executor.trained] == [1, 2, 3, None] and executor.stage_ends[-1] == (4,)


def test_a_member_that_fails_on_the_way_is_left_out_and_does_not_count(run: Run, tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    executor.bad = {1: "1"}
    assert reports(train(TrainerPool(executor, tmp_path), run, ["1", "2", "3", "5"])) == ["failed", 2, 3, 5]
    assert decided(run) == [(0, 1, False), (0, 2, False), (0, 3, False)]
    assert all("1" not in programs for programs, until in executor.trained if until != 1)


def test_a_training_gone_on_with_decides_nothing_again(run: Run, tmp_path: Path):
    first = Many(2, tmp_path / "log")

    def stop(programs: list[str]) -> None:
        if len(first.trained) == 3:
            raise KeyboardInterrupt

    first.before = stop
    with pytest.raises(KeyboardInterrupt):
        train(TrainerPool(first, tmp_path), run, ["1", "5", "2", "8"])
    second = Many(1, tmp_path / "log")
    assert reports(train(TrainerPool(second, tmp_path), run, ["1", "5", "2", "8"])) == [1, 5, 2, 8]
    assert decided(run) == [(0, 1, True)] and {until for _, until in second.trained} == {None}
    assert set(second.stage_ends) == {(1,)}


def test_seeds_that_join_at_a_rung_pass_where_the_others_did(run: Run, tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    race = Racing(rungs=(0.5,), keep=0.5, seeds=(1,))
    train(TrainerPool(executor, tmp_path), run, ["1", "5", "2", "6"], race, trainings=2)
    # two candidates up to the rung at 4 with a decision at 1; then the survivor's two trainings
    assert decided(run) == [(0, 1, True)]
    assert [until for _, until in executor.trained] == [1, 4, None, None]
    assert executor.stage_ends == [(4,), (1,), (1,), (1,)]
