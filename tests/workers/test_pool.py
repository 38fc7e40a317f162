"""A generation in shares: the same numbers, whatever the cut; a culprit found; nobody left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from support.bench import Bench
from support.candidates import TASK
from support.cli import EUREKA, Cli, start_command, wait_for_event, workers
from support.events import events_of
from support.scripted import Many, Scripted, reports, settings_of, train

from eureka.config.settings import Racing
from eureka.config.tasks import load_task
from eureka.errors import SandboxUnavailable, UserError
from eureka.runs.candidate import Failed, Known, Outcome, Trained
from eureka.runs.events import Progressed, RungReached
from eureka.runs.journal import RacedEvent, TrainedEvent
from eureka.runs.store import Run, create
from eureka.system.signals import Interrupted
from eureka.workers.client import TrainerClient
from eureka.workers.executors import LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import Described, encode
from eureka.workers.pool import TrainerPool
from eureka.workers.process import Died

RACE = Racing(rungs=(0.25, 0.5), keep=0.5)


@pytest.fixture
def run(tmp_path: Path):
    task = load_task("cartpole")
    run = create(tmp_path / "run", task, settings_of(task), {})
    yield run
    run.close()


def test_each_trainer_gets_a_share_and_outcomes_come_back_in_order(run: Run, tmp_path: Path):
    executor = Many(3, tmp_path / "log")
    pool = TrainerPool(executor, tmp_path)
    assert reports(train(pool, run, ["1", "2", "3", "4", "5", "6", "7", "8"])) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(executor.trained) == [(("1", "2"), None), (("3", "4", "5"), None), (("6", "7", "8"), None)]


def test_a_measurement_that_is_interrupted_does_not_wait_for_its_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pool, killed = TrainerPool(Many(2, tmp_path / "log"), tmp_path), threading.Event()

    def measure(trainer: TrainerClient, *_: object) -> tuple[float, float]:
        if trainer is pool.first:
            raise Interrupted(None, signal.SIGTERM)
        return (1.0, 1.0) if killed.wait(5.0) else pytest.fail("the measurement was not ended")

    monkeypatch.setattr(TrainerClient, "measure", measure)
    monkeypatch.setattr(TrainerClient, "kill", lambda _: killed.set())
    monkeypatch.setattr(pool, "shares", lambda _: (2, 2))
    with pytest.raises(Interrupted):
        pool.measure(4, run.settings)
    assert killed.is_set()


def test_a_share_that_kills_is_halved_until_the_culprit_is_found_and_the_others_go_on(run: Run, tmp_path: Path):
    executor = Many(2, tmp_path / "log")
    pool = TrainerPool(executor, tmp_path)
    outcomes = train(pool, run, ["1", "2", "bad", "4", "5", "6", "7", "8"])
    assert reports(outcomes) == [1, 2, "failed", 4, 5, 6, 7, 8]
    culprit = outcomes[2]
    assert isinstance(culprit, Failed) and culprit.machine and "killed by signal 9" in culprit.message
    assert [programs for programs, _ in executor.trained].count(("5", "6", "7", "8")) == 1, "the other share, once"
    assert (("1", "2"), None) in executor.trained and [p for p, _ in executor.trained].count(("bad",)) == 3


def test_a_race_trains_the_survivors_of_all_shares_and_nobody_else(run: Run, tmp_path: Path):
    executor, told = Many(2, tmp_path / "log"), []
    pool = TrainerPool(executor, tmp_path)
    outcomes = train(pool, run, ["1", "5", "bad", "3", "8", "2", "7", "4"], RACE, told.append)
    of_rung = {until: [] for _, until in executor.trained}
    for programs, until in executor.trained:
        if "bad" not in programs:
            of_rung[until] += programs
    # of eight 8, 7, 5 and 4 go on; of these 8 and 7
    assert {until: sorted(programs) for until, programs in of_rung.items()} == {
        2: ["1", "2", "3", "4", "5", "7", "8"],
        4: ["4", "5", "7", "8"],
        None: ["7", "8"],
    }
    assert reports(outcomes) == [1, 5, "failed", 3, 8, 2, 7, 4]
    raced = [event for event in told if isinstance(event, RungReached)]
    assert [event.dropped for event in raced] == [(0, 3, 5), (1, 7)] and raced[0].fitness[4] == 8.0
    assert [e.dropped for e in run.all(RacedEvent)] == [[0, 3, 5], [1, 7]]


def test_seeds_are_added_for_the_survivors_and_ranked_by_their_mean(run: Run, tmp_path: Path):
    """One training of four up to 2; two of the best two up to 4; three of the best one to the end."""
    executor, told = Many(2, tmp_path / "log"), []
    pool = TrainerPool(executor, tmp_path)
    first, second, third = ["1", "5", "3", "4"], ["1", "2", "3", "9"], ["1", "7", "3", "6"]
    race = Racing(rungs=(0.25, 0.5), keep=0.5, seeds=(1, 2))
    outcomes = train(pool, run, [*first, *second, *third], race, told.append, trainings=3)
    trained = defaultdict(list)
    for programs, until in executor.trained:
        trained[until] += programs
    # 5 and 4 pass the first rung; their means at the second are (5 + 2) / 2 and (4 + 9) / 2
    assert {until: sorted(p) for until, p in trained.items()} == {
        2: ["1", "3", "4", "5"],
        4: ["2", "4", "5", "9"],
        None: ["4", "6", "9"],
    }
    raced = [event for event in told if isinstance(event, RungReached)]
    assert [event.dropped for event in raced] == [(0, 2), (1, 5)] and raced[1].fitness == {1: 3.5, 3: 6.5}
    found = [o and reports([o])[0] for o in outcomes]
    assert found == [1, 5, 3, 4, None, 2, None, 9, None, None, None, 6], "not all were begun"
    steps = [event.report.steps_left for event in told if isinstance(event, Progressed)]
    assert steps == sorted(steps, reverse=True) and steps[-1] == 0


def test_a_candidate_ends_where_one_of_its_trainings_fails(run: Run, tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    race = Racing(rungs=(0.5,), keep=0.9, seeds=(2,))
    outcomes = train(TrainerPool(executor, tmp_path), run, ["8", "2", "bad", "3"], race, trainings=2)
    assert [isinstance(o, Failed) for o in outcomes] == [False, False, True, False]
    assert ("8",) not in [p for p, until in executor.trained if until is None]
    assert reports([outcomes[1], outcomes[3]]) == [2, 3]


def test_a_race_gone_on_with_under_another_number_of_workers_repeats_nothing(run: Run, tmp_path: Path):
    programs = ["1", "5", "2", "3"]
    first = Many(2, tmp_path / "log")

    def stop(programs: list[str]) -> None:
        if len(first.trained) == 3:
            raise KeyboardInterrupt

    first.before = stop
    with pytest.raises(KeyboardInterrupt):
        train(TrainerPool(first, tmp_path), run, programs, RACE)
    assert {until for _, until in first.trained[:2]} == {2}
    second = Many(1, tmp_path / "log")
    assert reports(train(TrainerPool(second, tmp_path), run, programs, RACE)) == [1, 5, 2, 3]
    assert 2 not in {until for _, until in second.trained}, "the first rung was reached before"


def test_a_race_replayed_has_the_same_losers_where_a_machine_failed_on_the_way(run: Run, tmp_path: Path):
    """On the way to the first rung, to the second, and to the end; each counts as an spec where it was one."""
    programs = ["1", "5", "9", "3", "8", "2", "7", "4"]
    first = Many(2, tmp_path / "log")
    first.bad = {2: "9", 4: "8", None: "7"}
    outcomes = train(TrainerPool(first, tmp_path), run, programs, RACE)
    assert reports(outcomes) == [1, 5, "failed", 3, "failed", 2, "failed", 4]
    known = {
        member: Known(outcomes[member], event.until)  # type: ignore[arg-type]
        for event in run.all(TrainedEvent)
        for member in event.members
        if isinstance(event.outcomes[0], Failed)
    }
    assert {member: k.until for member, k in known.items()} == {2: 2, 4: 4, 6: None}
    again = create(tmp_path / "again", load_task("cartpole"), run.settings, {})
    second = Many(1, tmp_path / "log")
    assert train(TrainerPool(second, tmp_path), again, programs, RACE, known=known) == outcomes
    again.close()
    trained = {until: sorted(p) for p, until in second.trained}
    assert trained == {2: ["1", "2", "3", "4", "5", "7", "8"], 4: ["4", "5", "7"], None: ["5"]}
    assert [e.dropped for e in again.all(RacedEvent)] == [e.dropped for e in run.all(RacedEvent)]


def test_a_run_gone_on_with_tells_how_far_the_shares_are_that_were_done(run: Run, tmp_path: Path):
    first = Many(2, tmp_path / "log")

    def stop(programs: list[str]) -> None:
        if "3" in programs:
            raise KeyboardInterrupt

    first.before = stop
    with pytest.raises(KeyboardInterrupt):
        train(TrainerPool(first, tmp_path), run, ["1", "2", "3", "4"])
    assert run.find(TrainedEvent, members=[0, 1]) is not None
    told = []
    train(TrainerPool(Many(1, tmp_path / "log"), tmp_path), run, ["1", "2", "3", "4"], told=told.append)
    (progress,) = [event for event in told if isinstance(event, Progressed)]
    assert progress.report.steps_left == 0 and progress.report.steps == 200
    assert None not in progress.report.fitness


def test_one_shares_error_ends_the_waiting_of_the_others(run: Run, tmp_path: Path):
    executor = Many(2, tmp_path / "log")

    def fail(programs: list[str]) -> None:
        if "1" in programs:
            raise UserError("the task is wrong")
        time.sleep(0.2)

    executor.before = fail
    with pytest.raises(UserError, match="the task is wrong"):
        train(TrainerPool(executor, tmp_path), run, ["1", "bad"])
    assert len(executor.opened) == 2, "nothing was started again"


@pytest.mark.parametrize(
    "frame, reason",
    [
        ({"kind": "Outcomes"}, "an invalid message (Outcomes.outcomes: Field required)"),
        (encode(Described(description=TASK, fence="", sizes=None)), "an unexpected message (Described)"),
    ],
)
def test_a_process_that_breaks_the_protocol_is_replaced_and_the_training_repeated(
    run: Run, tmp_path: Path, frame: dict[str, Any], reason: str
):
    executor = Many(1, tmp_path / "log")
    executor.answers = [frame]
    assert reports(train(TrainerPool(executor, tmp_path), run, ["1", "2"])) == [1, 2]
    assert executor.opened == [0, 0]
    executor.answers = [frame] * 3
    (failed,) = train(TrainerPool(executor, tmp_path), run, ["3"], key="h")
    assert isinstance(failed, Failed) and reason in failed.message


def test_no_worker_is_given_anything_before_it_is_known_to_be_confined(run: Run, tmp_path: Path):
    executor = Many(2, tmp_path / "log")
    executor.fenced, executor.fences = True, {0: "seccomp", 1: "!no seccomp here"}
    with pytest.raises(SandboxUnavailable, match="no seccomp here"):
        train(TrainerPool(executor, tmp_path), run, ["1", "2"])
    assert all("2" not in programs for programs, _ in executor.trained)


def test_whoever_ends_a_worker_ends_the_one_in_its_place_too(tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    trainer = TrainerClient(executor)
    opened = executor.open

    def slowly(number: int) -> Scripted:
        trainer.kill()  # by another thread, while a new one is being started
        return opened(number)

    executor.open = slowly
    with pytest.raises(Died, match="was ended"):
        trainer.restart()


def test_a_share_of_any_size_has_a_folder(run: Run, tmp_path: Path):
    executor = Many(1, tmp_path / "log")
    programs = [str(i) for i in range(1, 301)]
    assert len(train(TrainerPool(executor, tmp_path), run, programs)) == 300
    (run.folder / executor.folders[0]).mkdir(parents=True)


def test_progress_of_all_shares_is_one_report(run: Run, tmp_path: Path):
    told: list[Any] = []
    train(TrainerPool(Many(2, tmp_path / "log"), tmp_path), run, ["1", "2", "3", "4"], None, told.append)
    last = [event for event in told if isinstance(event, Progressed)][-1]
    assert last.members == (0, 1, 2, 3) and last.report.steps == 400 and last.report.steps_left == 0
    assert last.report.iteration == last.report.iterations == 8 and last.report.fitness == [1.0] * 4


# With real trainers


def programs_of(cartpole: Bench) -> list[str]:
    human = cartpole.loaded.rewards["human"].read_text()
    return [cartpole.text(human.replace("return total", f"return total * {scale}")) for scale in (1.0, -1.0, 0.5, 0.1)]


def results(
    cartpole: Bench, folder: Path, count: int, race: Racing | None, trainings: int = 1
) -> tuple[list[Outcome | None], dict[str, bytes]]:
    task = cartpole.loaded
    run = create(folder, task, settings_of(task), {})
    executor = LocalExecutor(
        task, folder / "logs", folder / "scratch", IsolationPolicy(), [run.workers_lock], count=count
    )
    pool = TrainerPool(executor, folder / "scratch")
    try:
        outcomes = train(pool, run, programs_of(cartpole) * trainings, race, trainings=trainings)
    finally:
        pool.close()
        run.close()
    return outcomes, {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("candidates/*/policy")}


def test_two_workers_and_one_and_a_race_give_equal_bits(cartpole: Bench, tmp_path: Path):
    whole, policies = results(cartpole, tmp_path / "one", 1, None)
    assert results(cartpole, tmp_path / "two", 2, None) == (whole, policies)
    raced, kept = results(cartpole, tmp_path / "raced", 2, RACE)
    survivors = [i for i, outcome in enumerate(raced) if outcome == whole[i]]
    assert len(survivors) == 1 and kept == {
        f"candidates/{i}/policy": policies[f"candidates/{i}/policy"] for i in survivors
    }
    assert not (tmp_path / "two" / "scratch" / "tmp").exists()


@pytest.mark.slow
def test_added_seeds_are_the_same_bits_for_any_number_of_workers(cartpole: Bench, tmp_path: Path):
    race = Racing(rungs=(0.25, 0.5), keep=0.5, seeds=(1, 2))
    one, policies = results(cartpole, tmp_path / "one", 1, race, trainings=2)
    assert results(cartpole, tmp_path / "two", 2, race, trainings=2) == (one, policies)
    whole, _ = results(cartpole, tmp_path / "whole", 2, None, trainings=2)
    finished = [i for i, outcome in enumerate(one) if isinstance(outcome, Trained)]
    assert len(finished) == 2 and finished[1] == finished[0] + 4, "both trainings of one candidate"
    assert [one[i] for i in finished] == [whole[i] for i in finished] and one[finished[0]] != one[finished[1]]


SIZES = ("--generations", 2, "--samples", 4, "--envs", 32, "--steps", 40_960, "--racing", "0.25,0.5:0.5")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [EUREKA, "run", "cartpole", "--out", "run", "--workers", "2", *map(str, SIZES), "--warm-start", "0.5"]
    subprocess.run([*command, "--display", "none"], cwd=folder, check=True)
    return (folder / "run" / "result.json").read_bytes()


@pytest.mark.slow
def test_a_worker_killed_at_five_random_times_changes_no_result(undisturbed: bytes, tmp_path: Path):
    chance = random.Random(3)
    command = [EUREKA, "run", "cartpole", "--out", "run", "--workers", "2", *map(str, SIZES), "--warm-start", "0.5"]
    process = subprocess.Popen([*command, "--display", "none"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for_event(tmp_path / "run", "training", process)
    killed = 0
    while killed < 5 and process.poll() is None:
        time.sleep(chance.uniform(0.3, 2.0))
        victims = trainers(tmp_path / "run")
        if victims:
            os.kill(chance.choice(victims), signal.SIGKILL)
            killed += 1
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert killed == 5
    assert (tmp_path / "run" / "result.json").read_bytes() == undisturbed


def test_ctrl_c_in_mid_race_ends_and_another_number_of_workers_finishes_the_same(
    cli: Cli, fakes, monkeypatch, tmp_path
):
    sizes = (*SIZES, "--warm-start", 0.5, "--display", "none")
    assert cli("run", "cartpole", "--out", "whole", "--workers", 2, *sizes).returncode == 0
    append = Run.append

    def interrupted(self, event):
        append(self, event)
        if isinstance(event, RacedEvent):
            monkeypatch.setattr(Run, "append", append)
            os.kill(os.getpid(), signal.SIGINT)
        return event

    monkeypatch.setattr(Run, "append", interrupted)
    stopped = cli("run", "cartpole", "--out", "run", "--workers", 2, *sizes)
    assert stopped.returncode == 130 and "resume with: eureka resume run" in stopped.stderr, stopped.stderr
    done = cli("resume", "run", "--workers", 1)
    assert done.returncode == 0, done.stderr
    result = (tmp_path / "run" / "result.json").read_bytes()
    assert result == (tmp_path / "whole" / "result.json").read_bytes()
    begun = [event["warm"] for event in events_of(tmp_path / "run", "training")]
    candidates = json.loads(result)["candidates"]
    parents = {c["warm"] for c in candidates if c["generation"] == 2 and not c["duplicate_of"]}
    assert begun[0] is None and parents == {begun[1]} and begun[1].startswith("1.")
    assert "dropped at step" in cli("inspect", "run").stdout
    told = cli("inspect", "run", "--candidate", begun[1], "--reflection").stdout
    assert "ended early" in told and "of the training, at fitness" in told


@pytest.mark.slow
def test_ctrl_c_ends_all_real_workers_and_one_of_them_finishes_the_same(
    command: Cli, undisturbed: bytes, tmp_path: Path
):
    sizes = (*SIZES, "--warm-start", 0.5)
    process = start_command("run", "cartpole", "--out", "run", "--workers", 2, *sizes, cwd=tmp_path)
    wait_for_event(tmp_path / "run", "raced", process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "resume with: eureka resume run" in said, said
    assert workers(tmp_path / "run") == {}
    done = command("resume", "run", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "result.json").read_bytes() == undisturbed


def trainers(folder: Path) -> list[int]:
    """The living trainer processes of a run."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
                mine = any(d.readlink() == (folder / "workers.lock").resolve() for d in (process / "fd").iterdir())
            except OSError:
                continue
            if b"trainer.service" in command and mine:
                found.append(int(process.name))
    return found
