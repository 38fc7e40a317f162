"""Whole runs through the real parts: three processes, real physics, real training, a real jail."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.boards import agrees as board_agrees
from support.cli import EUREKA, SMALL, Cli, in_process, sentence, start_command, wait_for_event, workers
from support.events import events_of
from support.fakes import Crash, crash_at, install

from eureka.system.paths import shipped


def test_a_run_shows_its_setting_its_progress_and_a_table(recorded: Path):
    output = (recorded.parent / "output").read_text()
    assert output.startswith("no language model in use")
    for expected in ("sandbox strict", "device cpu   ", "run run", "estimate: ", "generation 1 of 2", "1.0 ", "2.2 "):
        assert expected in output
    table = output[output.index("reward    fitness") :]
    for arm in ("evolved", "human", "sparse"):
        assert f"\n {arm}" in table
    assert "against human" in table and "run run   next: eureka report run" in table


def test_a_run_folder_holds_everything_and_nothing_half_done(recorded: Path):
    record = json.loads((recorded / "run.json").read_text())
    assert record["settings"]["samples"] == 3 and set(record["versions"]) >= {"eureka", "torch", "mujoco"}
    result = json.loads((recorded / "result.json").read_text())
    assert result["winner"] in {f"{c['generation']}.{c['slot']}" for c in result["candidates"]}
    assert [a["name"] for a in result["comparison"]["arms"]] == ["evolved", "human", "sparse"]
    for candidate in result["candidates"]:
        folder = recorded / "candidates" / f"{candidate['generation']}.{candidate['slot']}"
        assert "compute_reward" in (folder / "reward.py").read_text()
        assert (folder / "policy.safetensors").exists() == (
            candidate["outcome"] is not None and "report" in candidate["outcome"] and not candidate["duplicate_of"]
        )
        several = len(candidate["scores"]) if not candidate["duplicate_of"] else 0
        assert len(list(folder.glob("*-*/policy.safetensors"))) == max(0, several - 1)
    assert len(list((recorded / "final").glob("*/policy.safetensors"))) == 6
    assert list((recorded / "scratch").iterdir()) == []
    assert not list(recorded.rglob("*.tmp"))
    assert (recorded / "prompts" / "1.0.md").read_text().startswith("# system")


def test_evaluation_costs_at_most_a_quarter_of_the_training_steps(recorded: Path):
    evaluation = events_of(recorded, "started")[0]["evaluation"]
    episodes = evaluation["checkpoints"] * evaluation["selection_episodes"] + evaluation["report_episodes"]
    assert evaluation["checkpoints"] > 1 and episodes * 500 <= 0.25 * 16_384


def test_resuming_a_finished_run_shows_its_result_again(cli: Cli, recorded: Path):
    before = (recorded / "events.jsonl").read_bytes()
    done = cli("resume", recorded)
    assert done.returncode == 0 and "against human" in done.stdout
    assert "is finished; to add generations: eureka resume" in done.stdout
    assert (recorded / "events.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_replay_under_other_settings_is_reported_in_one_line_or_refused(cli: Cli, fakes, tmp_path: Path):
    assert cli("run", "cartpole", "--out", "run", *SMALL).returncode == 0
    again = cli("run", "cartpole", "--llm", "replay:run", "--out", "again", "--strict")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "result.json").read_bytes() == (tmp_path / "run" / "result.json").read_bytes()
    shorter = ("run", "cartpole", "--llm", "replay:run", "--steps", 2048)
    assert "the prompt for generation 1, slot 0, attempt 0 differs" in sentence(cli(*shorter, "--strict"))
    done = cli(*shorter)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the prompt differs from the recorded one in generation 1 (3 of 3 slots)") == 1
    more = cli("run", "cartpole", "--llm", "replay:run", "--samples", 4)
    assert more.returncode == 2 and "has no reply for generation 1, slot 3, attempt 0" in more.stderr


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], ["cartpole   llm search", "winner", "evolved", "2.2"]),
        (["--best"], ["report ", "\nfitness: ", "def compute_reward"]),
        (["--candidate", "1.1"], ["1.1", "fitness"]),
        (["--candidate", "1.1", "--code"], ["def compute_reward"]),
        (["--candidate", "1.1", "--reflection"], ["\nfitness: ", "\nepisode_length: "]),
        (["--candidate", "2.0", "--prompt"], ["# system", "# assistant", "A policy was trained on your reward"]),
        (["--candidate", "2.1", "--diff", "1.0"], ["--- 1.0", "+++ 2.1"]),
    ],
)
def test_inspect_shows_what_is_asked_for(cli: Cli, recorded: Path, arguments: list[str], expected: list[str]):
    done = cli("inspect", recorded, *arguments)
    assert done.returncode == 0, done.stderr
    for text in expected:
        assert text in done.stdout


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--candidate", "9.9"], "no candidate '9.9'"),
        (["--best", "--candidate", "1.0"], "give one of them"),
        (["--candidate", "1.0", "--diff", "1.x"], "no candidate '1.x'"),
    ],
)
def test_inspect_names_what_is_not_there(cli: Cli, recorded: Path, arguments: list[str], expected: str):
    done = cli("inspect", recorded, *arguments)
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr


def kill_at_random_instants(folder: Path, task: str, arguments: tuple, kills: int, longest: float) -> int:
    """Start a run, kill one of its processes or all of them again and again, resume; how many kills hit.

    Every other kill waits for a checkpoint first, so that trainings are hit as well as beginnings.
    """
    chance = random.Random(7)
    command = [EUREKA, "run", task, "--out", str(folder), *map(str, arguments)]
    hits, attempts = 0, 0
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while hits < kills and process.poll() is None:
            victim = ("trainer", "orchestrator", "compiler", "all")[hits // 2 % 4]
            if hits % 2:
                known = checkpoints(folder)
                while checkpoints(folder) == known and process.poll() is None:
                    time.sleep(0.02)
            until = time.monotonic() + chance.uniform(0.0, 1.0 if hits % 2 else longest)
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.02)
            alive = workers(folder)
            chosen = list(alive.values()) if victim == "all" else [alive[victim]] if victim in alive else []
            for pid in chosen:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            hits += bool(chosen)
        _, said = process.communicate(timeout=600)
        attempts += 1
        assert "Traceback" not in said, said
        if process.returncode == 0:
            return hits
        assert process.returncode == -signal.SIGKILL, said
        assert attempts < 4 * kills
        if (folder / "run.json").exists():
            command = [EUREKA, "resume", str(folder)]


def checkpoints(folder: Path) -> int:
    return len(events_of(folder, "checkpoint"))


@pytest.mark.slow
def test_ten_kills_at_random_instants_do_not_change_the_result(command: Cli, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 3, "--envs", 32, "--steps", 40_960)
    assert command("run", "cartpole", "--out", "whole", *sizes).returncode == 0
    folder = tmp_path / "killed"
    assert kill_at_random_instants(folder, "cartpole", sizes, kills=10, longest=9.0) == 10
    assert (folder / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()
    assert len(events_of(folder, "finished")) == 1
    assert workers(folder) == {}


KILLS = ("trainer:checkpoint:1,half:verdict:5", "after:raced:1")


@pytest.mark.slow
def test_a_replay_killed_in_a_training_and_at_an_append_ends_in_the_same_result(recorded: Path, tmp_path: Path):
    """By real processes, bit for bit: a trainer killed at its first checkpoint; the whole run killed while it writes a
    verdict, then in the middle of a schedule, with a rung decided and second seeds to be added. TensorBoard has each
    point once."""
    killed = (sys.executable, str(Path(__file__).parents[1] / "support" / "killed.py"))
    replay = ("--llm", f"replay:{recorded}")
    arguments: tuple[object, ...] = ("run", "cartpole", *replay, "--out", "run", "--log", "tensorboard")
    run = tmp_path / "run"
    for kill in KILLS:
        process = start_command(kill, *arguments, cwd=tmp_path, prefix=killed)
        _, said = process.communicate(timeout=500)
        assert process.returncode == -signal.SIGKILL, said
        arguments = ("resume", "run", "--log", "tensorboard")
        # Whatever of the log the disk kept: here, one file broken off in the middle of a record.
        torn = next(iter(sorted((run / "tensorboard" / "candidates").rglob("events*"))))
        torn.write_bytes(torn.read_bytes()[:-7])
    process = start_command(*arguments, cwd=tmp_path)
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0 and "Traceback" not in said, said
    assert (run / "result.json").read_bytes() == (recorded / "result.json").read_bytes()
    for policy in recorded.rglob("policy.safetensors"):
        assert (run / policy.relative_to(recorded)).read_bytes() == policy.read_bytes(), policy
    assert len(events_of(run, "finished")) == 1 and workers(run) == {}
    board_agrees(run)


ONE = (*SMALL, "--generations", 1)


@pytest.fixture(scope="module")
def whole(_compiler, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One generation of it with fakes, not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        install(patch, _compiler)
        assert in_process(("run", "cartpole", "--out", "run", *ONE), folder, {}).returncode == 0
    return folder / "run"


@pytest.mark.parametrize(
    "kind",
    ["prompt", "answer", "verdict", "training", "shares", "checkpoint", "trained", "raced", "finalists", "finished"],
)
def test_a_crash_after_any_kind_of_event_does_not_change_the_result(
    cli: Cli, fakes, whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
):
    policies = sorted(str(p.relative_to(whole)) for p in whole.rglob("policy.safetensors"))
    # Two workers to the rung and with the first seeds to the end, then with the second ones, then in the validation.
    for count in {"checkpoint": (1, 2, 5, 7), "trained": (1, 2, 4)}.get(kind, (1,)):
        crash_at(monkeypatch, kind, count)
        with pytest.raises(Crash):
            cli("run", "cartpole", "--out", f"run-{count}", *ONE)
        if kind == "finished":  # everything is published, and half of the last line is on the disk
            journal = tmp_path / f"run-{count}" / "events.jsonl"
            journal.write_bytes(journal.read_bytes()[:-20])
        done = cli("resume", f"run-{count}")
        assert done.returncode == 0, done.stderr
        result = tmp_path / f"run-{count}" / "result.json"
        assert result.read_bytes() == (whole / "result.json").read_bytes()
        found = sorted(str(p.relative_to(result.parent)) for p in result.parent.rglob("policy.safetensors"))
        assert found == policies and any("validation-0" in place for place in found)


def test_a_run_at_work_is_alone_with_its_folder_outlives_its_terminal_and_stops_cleanly(cli: Cli, tmp_path: Path):
    arguments = ("run", "cartpole", "--out", "run", "--envs", 64, "--steps", 400_000, "--samples", 2)
    process = start_command(*arguments, cwd=tmp_path, prefix=("nohup", EUREKA))
    wait_for_event(tmp_path / "run", "training", process)
    refused = cli("resume", "run")
    assert refused.returncode == 2 and f"is being worked on by process {process.pid}" in refused.stderr
    half = cli("inspect", "run")
    assert half.returncode == 0 and f"running, process {process.pid}: generation 1 of" in half.stdout
    assert "not trained yet" in half.stdout
    os.killpg(process.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None, "nohup holds"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.strip() == "interrupted; all recorded results are kept; resume with: eureka resume run"
    assert workers(tmp_path / "run") == {}, "no helper process is left"


def test_a_task_from_outside_is_an_equal(cli: Cli, fakes, tmp_path: Path):
    """A copy of cartpole whose human reward is negated, as a user's own task: the table must show it."""
    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "mine" / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path / "mine" / "negated.yaml")
    human = tmp_path / "mine" / "cartpole" / "rewards" / "human.py"
    human.write_text(human.read_text().replace("return total", "return -2 * total"))
    sizes = ("--generations", 1, "--samples", 1, "--steps", 2048)
    means = []
    for task in ("cartpole", "mine/negated.yaml"):
        done = cli("run", task, "--out", f"run-{len(means)}", *sizes)
        assert done.returncode == 0, done.stderr
        arms = json.loads((tmp_path / f"run-{len(means)}" / "result.json").read_text())["comparison"]["arms"]
        means.append({arm["name"]: arm["interval"]["mean"] for arm in arms})
    own, negated = means
    assert negated["sparse"] == own["sparse"] and negated["human"] < own["human"]


@pytest.mark.slow
def test_a_users_task_is_trained_with_its_own_reward(command: Cli, tmp_path: Path):
    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "mine" / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path / "mine" / "negated.yaml")
    human = tmp_path / "mine" / "cartpole" / "rewards" / "human.py"
    human.write_text(human.read_text().replace("return total", "return -total"))
    steps = ("--generations", 1, "--samples", 2, "--steps", 65_536)
    done = command("run", "mine/negated.yaml", "--out", "run", *steps)
    assert done.returncode == 0, done.stderr
    arms = json.loads((tmp_path / "run" / "result.json").read_text())["comparison"]["arms"]
    assert next(a for a in arms if a["name"] == "human")["interval"]["mean"] < 100


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a file system of a size, or changes its size."""
    place = tmp_path / "disk"

    def sized(size: str) -> Path:
        options = f"remount,size={size}" if place.exists() else f"size={size}"
        place.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True).returncode:
            pytest.skip("mounting a small disk needs root")
        return place

    yield sized
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)


def test_a_full_disk_is_one_sentence_and_the_run_can_be_resumed(
    cli: Cli, fakes, disk: Callable[[str], Path], tmp_path: Path
):
    """The disk grows until there is room for all; it is full wherever that is."""
    assert cli("run", "cartpole", "--out", "whole", *SMALL).returncode == 0
    said, run = [], disk("160k") / "run"
    arguments: tuple[object, ...] = ("run", "cartpole", "--out", run, *SMALL)
    while (done := cli(*arguments)).returncode:
        said.append(sentence(done, 1))
        disk(f"{160 + 40 * len(said)}k")
        arguments = ("resume", run)
    assert 3 <= len(said) <= 8 and all(
        "all recorded results are kept; resume with: eureka resume disk/run" in one for one in said
    ), said
    assert any("could not write a checkpoint" in one for one in said), said
    assert (run / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()


@pytest.mark.slow
def test_a_full_disk_of_a_real_trainers_is_one_sentence_too(command: Cli, disk: Callable[[str], Path]):
    """Too small for the first checkpoints."""
    run = disk("700k") / "run"
    steps = ("--generations", 1, "--samples", 4, "--envs", 64, "--steps", 16_384)
    said = sentence(command("run", "cartpole", "--out", run, *steps), 1)
    assert "all recorded results are kept" in said
    disk("40m")
    again = command("resume", run)
    assert again.returncode == 0, again.stderr
    assert (run / "result.json").exists()


@pytest.mark.slow
def test_the_hand_runs_two_generations_of_four_and_resumes_from_kills(command: Cli, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 4, "--envs", 32, "--steps", 8192)
    done = command("run", "tasks/shadow_hand.yaml", "--out", "whole", *sizes, timeout=1800)
    assert done.returncode == 0, done.stderr
    assert kill_at_random_instants(tmp_path / "killed", "shadow_hand", sizes, kills=4, longest=25.0) == 4
    whole, killed = ((tmp_path / name / "result.json").read_bytes() for name in ("whole", "killed"))
    assert killed == whole


@pytest.mark.slow
def test_the_default_run_solves_cartpole_by_evolved_and_by_human_reward(command: Cli, tmp_path: Path):
    done = command("run", "tasks/cartpole.yaml", "--out", "run", timeout=1200)
    assert done.returncode == 0, done.stderr
    arms = json.loads((tmp_path / "run" / "result.json").read_text())["comparison"]["arms"]
    fitness = {arm["name"]: arm["interval"]["mean"] for arm in arms}
    assert fitness["evolved"] >= 475 and fitness["human"] >= 475


def test_the_small_run_of_these_tests_is_of_the_shipped_task(recorded: Path):
    assert json.loads((recorded / "run.json").read_text())["task_file"] == "cartpole"
