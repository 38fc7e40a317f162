"""What travels between machines, and what a host makes of it, tried without Ray."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

import pytest
from support.bench import Bench
from support.cluster_training import described, own_task

from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.workers.cluster import compatibility
from eureka.workers.cluster.actor import Order, TrainerActor
from eureka.workers.cluster.transfer import LARGEST_TASK, PIECE, hashes, incoming, outgoing, task_files
from eureka.workers.process import Died


def test_a_task_travels_with_the_folder_of_its_class_but_not_with_what_is_hidden_or_a_run(tmp_path: Path):
    yaml = own_task(tmp_path)
    for name in ("cartpole/assets/mesh.obj", "cartpole/.env", "cartpole/runs/1/run.json", "beside.txt", ".git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    names = {"cartpole.yaml", "cartpole/task.py", "cartpole/rewards/human.py", "cartpole/rewards/sparse.py"}
    assert set(task_files(load_task(str(yaml)))) == names | {"cartpole/assets/mesh.obj"}


def test_an_environment_by_its_id_brings_no_files():
    assert task_files(load_task("gymnasium:Hopper-v5")) == {}


def test_a_task_that_is_too_large_is_refused_with_what_to_do(tmp_path: Path):
    yaml = own_task(tmp_path)
    with (tmp_path / "cartpole" / "large").open("wb") as file:
        file.truncate(LARGEST_TASK)
    with pytest.raises(UserError, match=r"cartpole holds 65 MiB.*in a folder of their own"):
        task_files(load_task(str(yaml)))


def test_a_task_that_reaches_above_its_yaml_is_refused(tmp_path: Path):
    yaml = own_task(tmp_path / "tasks")
    (tmp_path / "human.py").write_text("")
    yaml.write_text(yaml.read_text().replace("cartpole/rewards/human.py", "../human.py"))
    with pytest.raises(UserError, match=r"\.\./human\.py, which is not below it"):
        task_files(load_task(str(yaml)))


def test_each_file_that_a_command_names_is_brought_once_and_named_anew():
    brought: list[Path] = []

    def bring(path: Path) -> str:
        brought.append(path)
        return f"/there/{len(brought)}"

    resume = [{"file": "/run/a", "member": 0}, {"file": "/run/b", "member": 2}, {"file": "/run/a", "member": 1}]
    command = {"command": "train", "folder": "/run/g", "resume": resume, "warm": {"file": "/run/w", "samples": 3}}
    there = outgoing(command, bring, "/there/out")
    assert brought == [Path("/run/a"), Path("/run/b"), Path("/run/w")]
    assert [source["file"] for source in there["resume"]] == ["/there/1", "/there/2", "/there/1"]
    assert [source["member"] for source in there["resume"]] == [0, 2, 1]
    assert there["warm"] == {"file": "/there/3", "samples": 3} and there["folder"] == "/there/out"
    assert command["folder"] == "/run/g" and resume[0]["file"] == "/run/a", "the command itself is left alone"
    assert outgoing({"command": "probe", "policies": ["/run/p"]}, bring, "")["policies"] == ["/there/4"]


def test_of_a_path_in_an_answer_only_the_last_part_is_taken():
    fetched: list[tuple[str, str]] = []

    def fetch(name: str, sha256: str) -> str:
        fetched.append((name, sha256))
        return f"/run/g/{name}"

    policies = [{"file": "/etc/passwd", "sha256": "1"}, {"file": "../../.bashrc", "sha256": "2"}]
    answer = incoming({"kind": "outcomes", "policies": policies}, fetch)
    assert [policy["file"] for policy in answer["policies"]] == ["/run/g/passwd", "/run/g/.bashrc"]
    assert fetched == [("passwd", "1"), (".bashrc", "2")]
    for hostile in ("..", "/", "", "a/..", "x\0y", "n" * 300):
        with pytest.raises(ValueError, match="names no file"):
            incoming({"kind": "checkpoint", "file": hostile, "sha256": "3"}, fetch)
    assert incoming({"kind": "progress", "file": "/etc/passwd"}, fetch) == {"kind": "progress", "file": "/etc/passwd"}


def test_what_differs_between_two_machines_is_named_with_both_versions():
    here = compatibility.facts("cpu")
    assert compatibility.difference("node a", here, here, "cpu") is None
    for package in ("python", "eureka", "torch", "mujoco", "processor"):
        told = compatibility.difference("node a", here | {package: "0.1"}, here, "cpu")
        assert told is not None and told.startswith(f"node a has {package} 0.1 and this machine has {here[package]}")
    lacking = {name: fact for name, fact in here.items() if name != "torch"}
    assert "node a has torch none" in (compatibility.difference("node a", lacking, here, "cpu") or "")
    build = here | {"torch": here["torch"].partition("+")[0] + "+cu999"}
    assert compatibility.difference("node a", build, here, "cuda") is None
    assert compatibility.difference("node a", build, here, "cpu") is not None
    assert compatibility.difference("node a", here | {compatibility.VECTORS: "sse"}, here, "cpu") is None


def test_a_host_passes_frames_files_and_the_log_on_and_leaves_nothing(
    cartpole: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = task_files(cartpole.loaded)
    host = TrainerActor()
    assert host.has(hashes(files)) and not host.has({"cartpole.yaml": "0"}) and not host.has({"no.yaml": "0"})
    places = host.start(Order("cartpole.yaml", hashes(files), "cpu", 1, True), {})
    link = _Polled(host)
    described(link)
    large = os.urandom(PIECE) + b"and more"
    for piece, first in ((large[:PIECE], True), (large[PIECE:], False)):
        host.write("input", piece, first)
    assert Path(places.inbox, "input").read_bytes() == large
    host.clear()
    assert not any(Path(places.inbox).iterdir())
    Path(places.out, "result").write_bytes(large)
    assert host.read("result", 0) + host.read("result", PIECE) == large
    host.send({"command": "measure"})  # without what it needs, which ends the process with a traceback
    assert link.receive(60)["kind"] == "error"
    with pytest.raises(Died, match="exit code 1"):
        link.receive(60)
    assert "KeyError" in link.log
    host.end()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_environment_by_its_id_needs_no_files_on_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    host = TrainerActor()
    assert host.has({})
    host.start(Order("gymnasium:InvertedPendulum-v5", {}, "cpu", 1, True), {})
    assert described(_Polled(host))["description"]["name"] == "invertedpendulum_v5"
    host.end()


def test_a_host_clears_up_after_one_that_was_killed_but_not_after_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "eureka-host-dead"
    dead.mkdir()
    (dead / "lock").touch()
    living = TrainerActor()
    assert not dead.exists()
    (folder,) = tmp_path.iterdir()
    TrainerActor().end()
    assert folder.exists()
    with (folder / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    living.end()


class _Polled:
    """A host as a link."""

    def __init__(self, host: TrainerActor):
        self.host, self.frames, self.log = host, list[bytes](), ""
        self.ended: str | None = None

    def receive(self, timeout: float) -> dict:
        deadline = time.monotonic() + timeout
        while not self.frames and time.monotonic() < deadline:
            if self.ended:
                raise Died(self.ended)
            said = self.host.take(1.0)
            self.frames += said.frames
            self.log += said.log.decode()
            self.ended = self.ended or said.ended
        return json.loads(self.frames.pop(0))
