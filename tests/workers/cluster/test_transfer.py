"""What travels between machines, and what a actor makes of it, tried without Ray."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

import pytest
from support.bench import Bench
from support.cluster_training import answer, described, own_task, training

from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.workers.cluster import compatibility
from eureka.workers.cluster.actor import StartOptions, TrainerActor
from eureka.workers.cluster.transfer import LARGEST_TASK, PART, hashes, incoming, outgoing, task_files
from eureka.workers.messages import (
    Checkpoint,
    CheckpointMember,
    FileReference,
    HashedFile,
    InitialPolicyFile,
    Note,
    Outcomes,
    Probe,
    TaskError,
    Train,
)
from eureka.workers.process import Died


def test_a_task_travels_with_the_folder_of_its_class_but_not_with_what_is_hidden_or_a_run(tmp_path: Path):
    yaml = own_task(tmp_path)
    for name in ("cartpole/assets/mesh.obj", "cartpole/.env", "cartpole/runs/1/run.json", "beside.txt", ".git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    names = {"cartpole.yaml", "cartpole/task.py", "cartpole/rewards/human.py", "cartpole/rewards/sparse.py"}
    assert set(task_files(load_task(str(yaml)))) == names | {"cartpole/assets/mesh.obj"}


def test_an_environment_by_its_id_brings_no_files():
    assert task_files(load_task("gymnasium:Pendulum-v1")) == {}


def test_a_task_that_is_too_large_is_refused_with_what_to_do(tmp_path: Path):
    yaml = own_task(tmp_path)
    with (tmp_path / "cartpole" / "large").open("wb") as file:
        file.truncate(LARGEST_TASK)
    with pytest.raises(UserError, match=r"cartpole holds 65 MiB.*to a separate folder"):
        task_files(load_task(str(yaml)))


def test_a_task_that_reaches_above_its_yaml_is_refused(tmp_path: Path):
    yaml = own_task(tmp_path / "tasks")
    (tmp_path / "human.py").write_text("")
    yaml.write_text(yaml.read_text().replace("cartpole/rewards/human.py", "../human.py"))
    with pytest.raises(UserError, match=r"\.\./human\.py, outside its folder"):
        task_files(load_task(str(yaml)))


def test_each_file_that_a_command_names_is_uploaded_once_and_named_anew(cartpole: Bench):
    uploaded: list[Path] = []

    def upload(path: Path) -> str:
        uploaded.append(path)
        return f"/there/{len(uploaded)}"

    resume = tuple(
        CheckpointMember(file=f"/run/{name}", member=member) for name, member in (("a", 0), ("b", 2), ("a", 1))
    )
    warm = InitialPolicyFile(file="/run/w", samples=3)
    command = training(cartpole, Path("/run/g"), resume=resume).model_copy(update={"warm": warm})
    there = outgoing(command, upload, "/there/out")
    assert isinstance(there, Train) and there.resume is not None
    assert uploaded == [Path("/run/a"), Path("/run/b"), Path("/run/w")]
    assert [(source.file, source.member) for source in there.resume] == [
        ("/there/1", 0),
        ("/there/2", 2),
        ("/there/1", 1),
    ]
    assert there.warm == InitialPolicyFile(file="/there/3", samples=3) and there.folder == "/there/out"
    assert command.folder == "/run/g" and command.resume == resume, "the command itself is left alone"
    policies = (FileReference(file="/run/p"),)
    probe = Probe(policies=policies, programs=("",), human=None, robustness=True, plan=command.plan)
    assert outgoing(probe, upload, "") == probe.model_copy(update={"policies": (FileReference(file="/there/4"),)})


def test_of_a_path_in_an_answer_only_the_last_part_is_taken():
    downloaded: list[tuple[str, str]] = []

    def download(name: str, sha256: str) -> str:
        downloaded.append((name, sha256))
        return f"/run/g/{name}"

    policies = (HashedFile(file="/etc/passwd", sha256="1"), HashedFile(file="../../.bashrc", sha256="2"))
    answer = incoming(Outcomes(outcomes=(), policies=policies, clocks={}, sizes=None), download)
    assert isinstance(answer, Outcomes)
    assert [policy.file for policy in answer.policies] == ["/run/g/passwd", "/run/g/.bashrc"]
    assert downloaded == [("passwd", "1"), (".bashrc", "2")]
    for actorile in ("..", "/", "", "a/..", "x\0y", "n" * 300):
        with pytest.raises(ValueError, match="valid file name"):
            incoming(Checkpoint(number=0, saved=HashedFile(file=actorile, sha256="3"), points=()), download)
    note = Note(text="/etc/passwd")
    assert incoming(note, download) == note and len(downloaded) == 2


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


def test_a_actor_passes_frames_files_and_the_log_on_and_leaves_nothing(
    cartpole: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = task_files(cartpole.loaded)
    actor = TrainerActor()
    assert actor.has(hashes(files)) and not actor.has({"cartpole.yaml": "0"}) and not actor.has({"no.yaml": "0"})
    folders = actor.start(StartOptions("cartpole.yaml", hashes(files), "cpu", 1, True), {})
    polled = _Polled(actor)
    described(polled)
    large = os.urandom(PART) + b"and more"
    for piece, first in ((large[:PART], True), (large[PART:], False)):
        actor.write("input", piece, first)
    assert Path(folders.inbox, "input").read_bytes() == large
    actor.clear()
    assert not any(Path(folders.inbox).iterdir())
    Path(folders.out, "result").write_bytes(large)
    assert actor.read("result", 0) + actor.read("result", PART) == large
    actor.send({"kind": "Measure"})  # an invalid command, which ends the process with a traceback
    failure = answer(polled, 60)
    assert isinstance(failure, TaskError) and "Measure.members: Field required" in failure.message
    with pytest.raises(Died, match="exit code 1"):
        polled.receive(60)
    assert "InvalidMessage" in polled.log
    actor.end()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_environment_by_its_id_needs_no_files_on_a_actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    actor = TrainerActor()
    assert actor.has({})
    actor.start(StartOptions("gymnasium:Pendulum-v1", {}, "cpu", 1, True), {})
    assert described(_Polled(actor)).description.name == "pendulum_v1"
    actor.end()


def test_a_actor_clears_up_after_one_that_was_killed_but_not_after_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "eureka-actor-dead"
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
    """An actor as a connection."""

    def __init__(self, actor: TrainerActor):
        self.actor, self.frames, self.log = actor, list[bytes](), ""
        self.ended: str | None = None

    def send(self, message: dict) -> None:
        self.actor.send(message)

    def receive(self, timeout: float) -> dict:
        deadline = time.monotonic() + timeout
        while not self.frames and time.monotonic() < deadline:
            if self.ended:
                raise Died(self.ended)
            said = self.actor.take(1.0)
            self.frames += said.frames
            self.log += said.log.decode()
            self.ended = self.ended or said.ended
        return json.loads(self.frames.pop(0))
