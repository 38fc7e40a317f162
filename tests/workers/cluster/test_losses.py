"""What a cluster loses while it works: a node, the driver, the orchestrator. Nothing outlives the run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bench import Bench
from support.cluster_training import described, listened, training
from support.nodes import Nodes, command, descendants, ended, trainers

from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.workers.cluster.executor import Cluster
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import CheckpointMember, encode
from eureka.workers.process import Died

pytestmark = pytest.mark.slow
ITERATIONS = 60
"""Enough for a node to be killed between two checkpoints."""
ORCHESTRATOR = """
import sys, time
from pathlib import Path
from eureka.workers.cluster.executor import Cluster
from eureka.config.tasks import load_task
from eureka.workers.isolation import IsolationPolicy
address, folder = sys.argv[1], Path(sys.argv[2])
(folder / "logs").mkdir()
cluster = Cluster(address or None, load_task("cartpole"), folder / "logs", folder / "scratch", IsolationPolicy())
assert cluster.open(0).receive(60)["kind"] == "Described"
print("there", flush=True)
time.sleep(600)
"""


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    try:
        yield made
    finally:
        made.close()


def joined(address: str | None, folder: Path, **more) -> Cluster:
    (folder / "logs").mkdir(exist_ok=True)
    return Cluster(address, load_task("cartpole"), folder / "logs", folder / "scratch", IsolationPolicy(), **more)


def test_a_node_is_lost_in_mid_training_and_the_training_goes_on_elsewhere_to_the_same_end(
    nodes: Nodes, cartpole: Bench, tmp_path: Path
):
    raylets = [nodes.add(1), nodes.add(1)]
    notes: list[str] = []
    cluster = joined(nodes.address, tmp_path, note=notes.append)
    assert (cluster.workers, cluster.threads) == (2, 1)
    try:
        connections = [cluster.open(0)]
        described(connections[0])
        first = trainers(nodes)
        connections.append(cluster.open(1))
        described(connections[1])
        (second,) = trainers(nodes) - first
        for number, connection in enumerate(connections):
            connection.send(encode(training(cartpole, tmp_path / "scratch" / str(number), ITERATIONS)))
        (checkpoint,) = listened(connections[1], until_checkpoint=True).checkpoints
        (lost,) = (raylet for raylet in raylets if second in descendants(raylet))
        nodes.lose(lost)
        with pytest.raises(Died, match="was lost with node"):
            listened(connections[1])
        undisturbed = listened(connections[0])
        connections[1].close()
        connections[1] = cluster.open(1)
        described(connections[1])
        assert any("shares processors" in note for note in notes), notes
        resume = tuple(CheckpointMember(file=checkpoint.saved.file, member=member) for member in (0, 1))
        connections[1].send(encode(training(cartpole, tmp_path / "scratch" / "1", ITERATIONS, resume)))
        assert listened(connections[1]).policies == undisturbed.policies
    finally:
        cluster.close()
    assert ended(trainers(nodes)) == set()


def test_a_trainer_process_that_is_killed_is_told_of_and_started_anew(nodes: Nodes, tmp_path: Path):
    nodes.add(1)
    cluster = joined(nodes.address, tmp_path)
    try:
        connection = cluster.open(0)
        described(connection)
        (process,) = trainers(nodes)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(Died, match="was killed by signal 9"):
            connection.receive(30)
        connection.close()
        connection = cluster.open(0)
        described(connection)
        connection.kill()
        with pytest.raises(Died):
            connection.receive(30)
        connection.close()
        assert ended(trainers(nodes)) == set()
    finally:
        cluster.close()


def test_the_driver_is_killed_and_another_one_takes_over(nodes: Nodes, tmp_path: Path):
    nodes.add(1)
    cluster = joined(nodes.address, tmp_path)
    try:
        connection = cluster.open(0)
        described(connection)
        before = trainers(nodes)
        (driver,) = (p for p in descendants(os.getpid()) if b"cluster.driver_process" in command(p))
        os.kill(driver, signal.SIGKILL)
        with pytest.raises(Died, match="was killed by signal 9"):
            connection.receive(30)
        assert ended(before) == set()
        connection.close()
        described(cluster.open(0))
    finally:
        cluster.close()


def test_a_worker_waits_for_room_and_says_so_once(nodes: Nodes, tmp_path: Path):
    nodes.add(1)
    notes: list[str] = []
    cluster = joined(nodes.address, tmp_path, workers=2, note=notes.append)
    try:
        described(cluster.open(0))
        waiting = cluster.open(1)
        assert waiting.receive(20) is None
        assert notes == ["worker 1 waits for a node with 1 CPU available"]
        nodes.add(1)
        described(waiting)
    finally:
        cluster.close()


@pytest.mark.parametrize("own", [False, True], ids=["a cluster", "a Ray of its own"])
def test_nothing_outlives_an_orchestrator_that_is_killed(nodes: Nodes, tmp_path: Path, own: bool):
    nodes.add(1)
    program = [sys.executable, "-c", ORCHESTRATOR, "" if own else nodes.address, str(tmp_path)]
    orchestrator = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert orchestrator.stdout is not None
    with orchestrator.stdout:
        assert orchestrator.stdout.readline() == b"there\n"
    family = set(descendants(orchestrator.pid)) | trainers(nodes)
    assert any(b"eureka.trainer.service" in command(p) for p in family)
    orchestrator.kill()
    orchestrator.wait()
    assert ended(family) == set()


def test_what_answers_and_is_no_ray_is_given_up(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        begin = time.monotonic()
        with pytest.raises(UserError, match=f"could not join Ray at {address}"):
            joined(address, tmp_path)
        assert time.monotonic() - begin < 50
