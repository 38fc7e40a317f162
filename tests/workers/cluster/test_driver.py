"""Connections to trainer processes on a Ray cluster of several nodes, held against one on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.bench import Bench
from support.cluster_training import Heard, answer, described, listened, own_task, training
from support.nodes import Nodes, descendants, ended

from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.workers.cluster.executor import Cluster
from eureka.workers.executors import Connection, start_trainer
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import Described, FileReference, Probe, Probed, TaskError, encode
from eureka.workers.process import Died, Worker

Joined = Callable[..., Cluster]
FORGER = """
import json, os, struct
saved = {"file": "/forged", "sha256": "0"}
data = json.dumps({"kind": "Checkpoint", "number": 0, "saved": saved, "points": []}).encode()
for descriptor in range(3, 20):
    try:
        os.write(descriptor, struct.pack("!I", len(data)) + data)
    except OSError:
        pass
"""
"""What a task's code could do to the trainer process that it runs in."""
LOADER = "from pathlib import Path\nassert (Path(__file__).parent / 'assets' / 'mesh').read_text() == 'm'"


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    try:
        made.add(1)
        yield made
    finally:
        made.close()


OF_THE_NODES = "nodes"


@pytest.fixture
def joined(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Joined]:
    """Joins the nodes or another address with a task, and leaves them."""
    clusters = []

    def join(task: str = "cartpole", address: str | None = OF_THE_NODES, **more) -> Cluster:
        if address == OF_THE_NODES:
            address = request.getfixturevalue("nodes").address
        (tmp_path / "logs").mkdir(exist_ok=True)
        folders = tmp_path / "logs", tmp_path / "scratch"
        clusters.append(Cluster(address, load_task(task), *folders, IsolationPolicy(), **more))
        return clusters[-1]

    yield join
    for cluster in clusters:
        cluster.close()


@pytest.fixture(scope="module")
def here(cartpole: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Described, Heard]]:
    """How the trainer process on this machine describes the task, and what comes of a training."""
    folder = tmp_path_factory.mktemp("here")
    scratch = folder / "scratch"
    worker: Worker = start_trainer(cartpole.loaded.path, "cpu", 2, True, scratch, scratch / "tmp", folder / "log")
    description = described(worker)
    worker.send(encode(training(cartpole, scratch / "work")))
    yield description, listened(worker)
    worker.close()


@pytest.mark.slow
def test_what_comes_through_ray_is_equal_to_the_last_bit_and_lies_where_it_was_wanted(
    joined: Joined, cartpole: Bench, here: tuple[Described, Heard], tmp_path: Path
):
    cluster = joined()
    assert (cluster.workers, cluster.threads) == (1, 1), "one a node that computes, with all that it has"
    connection = cluster.open(0)
    description, heard = here
    assert described(connection).model_copy(update={"available": description.available}) == description, (
        "the fence included"
    )
    trains_as_here(connection, cartpole, heard, tmp_path / "scratch" / "search" / "0-1")


def trains_as_here(connection: Connection, cartpole: Bench, heard: Heard, work: Path) -> None:
    """The connection gives what a trainer process on this machine gives, and its files are in `work`."""
    connection.send(encode(training(cartpole, work)))
    there = listened(connection)
    assert there.policies == heard.policies
    assert there.outcomes.outcomes == heard.outcomes.outcomes
    assert [c.saved.sha256 for c in there.checkpoints] == [c.saved.sha256 for c in heard.checkpoints]
    names = {Path(file.file) for file in (*there.outcomes.policies, *(c.saved for c in there.checkpoints))}
    assert {file.parent for file in names} == {work} and set(work.iterdir()) == names
    connection.close()


@pytest.mark.slow
def test_policies_that_a_probe_names_are_brought_to_the_node(
    joined: Joined, cartpole: Bench, here: tuple[Described, Heard]
):
    cluster = joined()
    connection = cluster.open(0)
    described(connection)
    _, heard = here
    command = training(cartpole, Path("unused"))
    files = tuple(FileReference(file=policy.file) for policy in heard.outcomes.policies)
    human = cartpole.text(cartpole.loaded.rewards["human"].read_text())
    probe = Probe(policies=files, programs=command.programs, human=human, robustness=False, plan=command.plan)
    connection.send(encode(probe))
    probed = answer(connection, 60)
    assert isinstance(probed, Probed) and probed.correlation is not None and len(probed.correlation) == 2


@pytest.mark.slow
def test_an_own_ray_trains_to_the_last_bit_without_the_orchestrators_keys_and_no_process_of_it_is_left(
    joined: Joined, cartpole: Bench, here: tuple[Described, Heard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "EUREKA_DECOY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sk-decoy-4711")
    monkeypatch.setenv("RAY_ADDRESS", "10.255.255.1:1")  # of another cluster, which nobody asked for
    monkeypatch.setenv("HOME", str(tmp_path))
    before = descendants(os.getpid())
    cluster = joined(address=None)
    connection = cluster.open(0)
    same = described(connection).model_copy(update={"available": here[0].available})  # memory, which varies
    assert same == here[0], "the fence included"
    family = set(descendants(os.getpid())) - set(before)
    commands = {p: Path(f"/proc/{p}/cmdline").read_bytes() for p in family}
    for part in (
        b"eureka.workers.cluster.driver_process",
        b"gcs_server",
        b"raylet",
        b"ray::",
        b"eureka.trainer.service",
    ):
        assert any(part in command for command in commands.values()), part
    told = [p for p in family if b"sk-decoy-4711" in Path(f"/proc/{p}/environ").read_bytes()]
    assert not told, [commands[p] for p in told]
    assert not (tmp_path / ".ray").exists(), "its token is not put among the user's own"
    trains_as_here(connection, cartpole, here[1], tmp_path / "scratch" / "search" / "0-1")
    cluster.close()
    assert ended(family) == set()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:9", "Connection refused"),
        ("nowhere", "HOST:PORT"),
        ("ray://127.0.0.1:10001", "client protocol is not supported"),
    ],
)
def test_an_address_where_no_cluster_is_is_one_sentence_and_soon(joined: Joined, address: str, why: str):
    begin = time.monotonic()
    with pytest.raises(UserError, match=why) as refusal:
        joined(address=address)
    assert time.monotonic() - begin < 20 and "\n" not in str(refusal.value) and address in str(refusal.value)


@pytest.mark.slow
def test_a_node_with_another_version_is_refused_by_name(nodes: Nodes, joined: Joined, tmp_path: Path):
    (tmp_path / "mujoco-9.9.dist-info").mkdir()
    (tmp_path / "mujoco-9.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mujoco\nVersion: 9.9\n")
    other = nodes.add(3, PYTHONPATH=str(tmp_path))
    try:
        cluster = joined(workers=1)  # which takes the larger node
        refusal = answer(cluster.open(0), 60)
    finally:
        nodes.lose(other)
    assert isinstance(refusal, TaskError)
    assert "mujoco 9.9 and this machine has" in refusal.message and refusal.message.startswith("node ")


@pytest.mark.slow
def test_a_node_without_this_eureka_is_refused(nodes: Nodes, joined: Joined, tmp_path: Path):
    (tmp_path / "eureka").mkdir()
    (tmp_path / "eureka" / "__init__.py").write_text("")
    other = nodes.add(3, PYTHONPATH=str(tmp_path))
    try:
        refusal = answer(joined(workers=1).open(0), 60)
    finally:
        nodes.lose(other)
    assert isinstance(refusal, TaskError) and "install it on every node" in refusal.message


@pytest.mark.slow
def test_a_file_that_nobody_asked_for_is_not_written(joined: Joined, tmp_path: Path):
    yaml = own_task(tmp_path / "mine", FORGER)
    connection = joined(str(yaml)).open(0)
    with pytest.raises(Died, match=r"sent invalid data .*a file without a training"):
        connection.receive(60)
    assert not list(tmp_path.rglob("forged*"))


@pytest.mark.slow
def test_a_task_of_ones_own_travels_with_the_files_beside_its_class(joined: Joined, tmp_path: Path):
    home = tmp_path / "mine"
    yaml = own_task(home, LOADER)
    (home / "cartpole" / "assets").mkdir()
    (home / "cartpole" / "assets" / "mesh").write_text("m")
    cluster = joined(str(yaml))
    connection = cluster.open(0)
    assert described(connection).description.name == "mine"
    connection.close()
    (home / "cartpole" / "assets" / "mesh").write_text("n")
    cluster.close()
    failure = answer(joined(str(yaml)).open(0), 60)
    assert isinstance(failure, TaskError)
    assert f"{home / 'cartpole' / 'task.py'}, line" in failure.message, "the place on this machine"
    assert "AssertionError" in cluster.log(0).read_text(), "the traceback came here"
