"""A generation on a cluster, as a run trains it: journalled, its policies published, a node lost in the middle."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bench import Bench
from support.cli import Cli
from support.cluster_training import REWARDS
from support.nodes import Nodes, descendants, trainers

from eureka.config.options import DeviceOptions, Options, SizeOptions
from eureka.config.settings import Evaluation, Learning
from eureka.experiment.options import resolve
from eureka.runs.candidate import Trained
from eureka.runs.journal import CheckpointEvent, SharesEvent
from eureka.runs.store import Run, create
from eureka.workers.cluster.executor import Cluster
from eureka.workers.executors import Executor, LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.pool import TrainerPool
from eureka.workers.recovery import TrainingRequest

pytestmark = pytest.mark.slow
MEMBERS = 4


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with contextlib.closing(Nodes()) as made:
        yield made


@contextlib.contextmanager
def run_in(folder: Path, bench: Bench) -> Iterator[Run]:
    options = Options(SizeOptions(worlds=32, steps=32 * 16 * 40), device=DeviceOptions("cpu"))
    settings = resolve(bench.loaded, options).model_copy(
        update={
            "learning": Learning(horizon=16, hidden=(32, 16), epochs=2, minibatches=3),
            "evaluation": Evaluation(checkpoints=4, selection_episodes=2, report_episodes=4),
        }
    )
    with contextlib.closing(create(folder, bench.loaded, settings, {})) as run:
        yield run


def trained(run: Run, executor: Executor, bench: Bench, on_progress=lambda _: None) -> list[tuple[Trained, bytes]]:
    programs = [bench.text(REWARDS[m % len(REWARDS)]) for m in range(MEMBERS)]
    places = [f"candidates/0.{m}/policy.safetensors" for m in range(MEMBERS)]
    with contextlib.closing(TrainerPool(executor, run.folder / "scratch")) as pool:
        outcomes = pool.train(run, TrainingRequest("g", programs, list(range(MEMBERS)), "search", places), on_progress)
    files = [(run.folder / place).read_bytes() for place in places]
    assert not (run.folder / "scratch" / "tmp").exists()
    return [(outcome, file) for outcome, file in zip(outcomes, files, strict=True) if isinstance(outcome, Trained)]


def test_a_generation_that_loses_a_node_ends_in_the_bits_of_an_undisturbed_one_on_one_machine(
    nodes: Nodes, cartpole: Bench, tmp_path: Path
):
    raylets = [nodes.add(1), nodes.add(1)]
    with run_in(tmp_path / "here", cartpole) as run:
        folders = run.folder / "logs", run.folder / "scratch"
        undisturbed = trained(
            run, LocalExecutor(cartpole.loaded, *folders, IsolationPolicy(), (run.workers_lock,)), cartpole
        )
    lost = threading.Event()

    def lose(_: object) -> None:
        if not lost.is_set() and run.find(CheckpointEvent) and len(trainers(nodes)) == 2:
            lost.set()
            victim = max(trainers(nodes))
            nodes.lose(next(raylet for raylet in raylets if victim in descendants(raylet)))

    with run_in(tmp_path / "there", cartpole) as run:
        folders = run.folder / "logs", run.folder / "scratch"
        cluster = Cluster(nodes.address, cartpole.loaded, *folders, IsolationPolicy(), (run.workers_lock,))
        found = trained(run, cluster, cartpole, lose)
        assert [e.shares for e in run.all(SharesEvent)] == [[[0, 1], [2, 3]]]
    assert lost.is_set(), "nothing was lost"
    assert len(found) == MEMBERS and found == undisturbed


def test_a_whole_run_on_a_cluster_finds_what_it_finds_on_one_machine(nodes: Nodes, cli: Cli, tmp_path: Path):
    nodes.add(1)
    nodes.add(1)
    sizes = ("--generations", 2, "--samples", 3, "--envs", 32, "--steps", 8192, "--display", "plain")
    there = cli("run", "cartpole", *sizes, "--out", "there", "--executor", f"ray:{nodes.address}")
    assert there.returncode == 0, there.stderr
    assert "on Ray (3 nodes, 2 CPUs)   2 workers of 1 thread" in there.stdout
    here = cli("run", "cartpole", *sizes, "--out", "here")
    assert here.returncode == 0, here.stderr
    assert (tmp_path / "there" / "result.json").read_bytes() == (tmp_path / "here" / "result.json").read_bytes()
