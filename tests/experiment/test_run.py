"""Whole runs through the real parts: three processes, real physics, real training, a real jail."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.cli import EUREKA, SMALL, Cli, wait_for_event, workers
from support.events import events_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished run of cartpole, undisturbed."""
    folder = tmp_path_factory.mktemp("finished")
    command = [EUREKA, "run", "cartpole", "--out", "run", *map(str, SMALL)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "output").write_text(done.stdout)
    return folder / "run"


def test_a_run_shows_its_setting_its_progress_and_a_table(finished: Path):
    output = (finished.parent / "output").read_text()
    assert output.startswith("no language model in use")
    for expected in ("sandbox strict", "device cpu   ", "run run", "estimate: ", "generation 1 of 2", "1.0 ", "2.2 "):
        assert expected in output
    table = output[output.index("reward    fitness") :]
    for arm in ("evolved", "human", "sparse"):
        assert f"\n {arm}" in table
    assert "against human" in table and "run run   next: eureka inspect run --best" in table


def test_a_run_folder_holds_everything_and_nothing_half_done(finished: Path):
    record = json.loads((finished / "run.json").read_text())
    assert record["settings"]["samples"] == 3 and set(record["versions"]) >= {"eureka", "torch", "mujoco"}
    result = json.loads((finished / "result.json").read_text())
    assert result["winner"] in {f"{c['generation']}.{c['slot']}" for c in result["candidates"]}
    assert [a["name"] for a in result["comparison"]["arms"]] == ["evolved", "human", "sparse"]
    for candidate in result["candidates"]:
        folder = finished / "candidates" / f"{candidate['generation']}.{candidate['slot']}"
        assert "compute_reward" in (folder / "reward.py").read_text()
        assert (folder / "policy.safetensors").exists() == (
            candidate["outcome"] is not None and "curves" in candidate["outcome"] and not candidate["duplicate_of"]
        )
    assert len(list((finished / "final").glob("*/policy.safetensors"))) == 9
    assert list((finished / "scratch").iterdir()) == []
    assert not list(finished.rglob("*.tmp"))
    assert (finished / "prompts" / "1.0.md").read_text().startswith("# system")


def test_evaluation_costs_at_most_a_quarter_of_the_training_steps(finished: Path):
    events = events_of(finished)
    started = next(e for e in events if e["event"] == "started")
    evaluation = started["evaluation"]
    episodes = evaluation["checkpoints"] * evaluation["selection_episodes"] + evaluation["report_episodes"]
    assert episodes * 500 <= 0.25 * 12_288 or episodes == 6


def test_no_key_is_anywhere_in_a_run_folder_or_given_to_a_worker(cli: Cli, tmp_path: Path):
    done = cli(
        "run", "cartpole", "--out", "run", "--generations", 1, "--samples", 1, "--envs", 32, "--steps", 2048,
        OPENAI_API_KEY="sk-decoy-4711",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or b"sk-decoy" not in path.read_bytes()
    assert "sk-decoy" not in done.stdout


def test_resuming_a_finished_run_shows_its_result_again(cli: Cli, finished: Path):
    before = (finished / "events.jsonl").read_bytes()
    done = cli("resume", finished)
    assert done.returncode == 0 and "against human" in done.stdout
    assert (finished / "events.jsonl").read_bytes() == before


def test_a_replay_ends_in_the_same_result_bit_for_bit(cli: Cli, finished: Path, tmp_path: Path):
    done = cli("run", "cartpole", "--llm", f"replay:{finished}", "--out", "again")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "result.json").read_bytes() == (finished / "result.json").read_bytes()
    for policy in finished.glob("*/*/policy.safetensors"):
        copy = tmp_path / "again" / policy.relative_to(finished)
        assert copy.read_bytes() == policy.read_bytes(), policy


def test_a_replay_under_other_settings_is_reported_in_one_line_or_refused(cli: Cli, finished: Path):
    shorter = ("run", "cartpole", "--llm", f"replay:{finished}", "--steps", 2048)
    strict = cli(*shorter, "--strict")
    assert strict.returncode == 2 and "the prompt for generation 2, slot 0, attempt 0 differs" in strict.stderr
    done = cli(*shorter)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the prompt differs from the recorded one in generation 2 (3 of 3 slots)") == 1
    more = cli("run", "cartpole", "--llm", f"replay:{finished}", "--samples", 4)
    assert more.returncode == 2 and "has no reply for generation 1, slot 3, attempt 0" in more.stderr


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], ["cartpole   llm search", "winner", "evolved", "2.2"]),
        (["--best"], ["report ", "fitness: [", "def compute_reward"]),
        (["--candidate", "1.1"], ["1.1", "fitness"]),
        (["--candidate", "1.1", "--code"], ["def compute_reward"]),
        (["--candidate", "1.1", "--reflection"], ["fitness: [", "episode_length: ["]),
        (["--candidate", "2.0", "--prompt"], ["# system", "# assistant", "A policy was trained on your reward"]),
        (["--candidate", "2.1", "--diff", "1.0"], ["--- 1.0", "+++ 2.1"]),
    ],
)
def test_inspect_shows_what_is_asked_for(cli: Cli, finished: Path, arguments: list[str], expected: list[str]):
    done = cli("inspect", finished, *arguments)
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
def test_inspect_names_what_is_not_there(cli: Cli, finished: Path, arguments: list[str], expected: str):
    done = cli("inspect", finished, *arguments)
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
    events = events_of(folder)
    return sum(e["event"] == "checkpoint" for e in events)


def test_ten_kills_at_random_instants_do_not_change_the_result(cli: Cli, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 3, "--envs", 32, "--steps", 40_960)
    assert cli("run", "cartpole", "--out", "whole", *sizes).returncode == 0
    folder = tmp_path / "killed"
    assert kill_at_random_instants(folder, "cartpole", sizes, kills=10, longest=9.0) == 10
    assert (folder / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()
    events = events_of(folder)
    assert len([e for e in events if e["event"] == "finished"]) == 1
    assert workers(folder) == {}


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path: Path):
    command = [EUREKA, "run", "cartpole", "--out", "run", "--envs", "64", "--steps", "400000", "--samples", "2"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for_event(tmp_path / "run", "training", process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.strip() == "interrupted; all recorded results are kept; resume with: eureka resume run"
    assert workers(tmp_path / "run") == {}, "no helper process is left"


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path):
    command = ["nohup", EUREKA, "run", "cartpole", "--out", "run", "--samples", "2", "--steps", "40000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for_event(tmp_path / "run", "training", process)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said


def test_a_second_process_on_a_running_run_is_refused(cli: Cli, tmp_path: Path):
    command = [EUREKA, "run", "cartpole", "--out", "run", "--steps", "400000", "--samples", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_event(tmp_path / "run", "training", process)
        done = cli("resume", "run")
        assert done.returncode == 2 and f"is being worked on by process {process.pid}" in done.stderr
        half = cli("inspect", "run")
        assert half.returncode == 0 and "not finished; resume with: eureka resume" in half.stdout
        assert "not trained yet" in half.stdout
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 128 + signal.SIGTERM


def test_a_task_from_outside_is_an_equal(cli: Cli, tmp_path: Path):
    """A copy of cartpole whose human reward is negated, as a user's own task: the table must show it."""
    import shutil

    from eureka.system.paths import shipped

    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "mine" / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", tmp_path / "mine" / "negated.yaml")
    human = tmp_path / "mine" / "cartpole" / "rewards" / "human.py"
    human.write_text(human.read_text().replace("return total", "return -total"))
    steps = ("--generations", 1, "--samples", 2, "--steps", 65_536)
    done = cli("run", "mine/negated.yaml", "--out", "run", *steps)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    human_arm = next(a for a in result["comparison"]["arms"] if a["name"] == "human")
    assert human_arm["interval"]["mean"] < 100


def test_a_full_disk_is_one_sentence_and_the_run_can_be_resumed(cli: Cli, tmp_path: Path):
    """A file system of 700 kB: too small for the first checkpoints."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        steps = ("--generations", 1, "--samples", 4, "--envs", 64, "--steps", 16_384)
        done = cli("run", "cartpole", "--out", disk / "run", *steps)
        lines = done.stderr.strip().splitlines()
        assert done.returncode == 1 and len(lines) == 1, done.stderr
        assert lines[0].startswith("error: ") and "nothing recorded is lost" in lines[0]
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        again = cli("resume", disk / "run")
        assert again.returncode == 0, again.stderr
        assert (disk / "run" / "result.json").exists()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_the_hand_runs_two_generations_of_four_and_resumes_from_kills(cli: Cli, tmp_path: Path):
    sizes = ("--generations", 2, "--samples", 4, "--envs", 32, "--steps", 8192)
    done = cli("run", "tasks/shadow_hand.yaml", "--out", "whole", *sizes, timeout=1800)
    assert done.returncode == 0, done.stderr
    assert kill_at_random_instants(tmp_path / "killed", "shadow_hand", sizes, kills=4, longest=25.0) == 4
    whole, killed = ((tmp_path / name / "result.json").read_bytes() for name in ("whole", "killed"))
    assert killed == whole


@pytest.mark.slow
def test_the_default_run_solves_cartpole_by_evolved_and_by_human_reward(cli: Cli, tmp_path: Path):
    done = cli("run", "tasks/cartpole.yaml", "--out", "run", timeout=1200)
    assert done.returncode == 0, done.stderr
    arms = json.loads((tmp_path / "run" / "result.json").read_text())["comparison"]["arms"]
    fitness = {arm["name"]: arm["interval"]["mean"] for arm in arms}
    assert fitness["evolved"] >= 475 and fitness["human"] >= 475


def test_the_small_run_of_these_tests_is_of_the_shipped_task(finished: Path):
    assert json.loads((finished / "run.json").read_text())["task_file"] == "cartpole"
