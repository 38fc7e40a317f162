"""MuJoCo Warp on a GPU: what its CPU device cannot show, which is graphs, streams and the host left in peace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from support.bench import Bench, bench_of

from eureka.envs.sizing import measure_sizes
from eureka.physics.graphs import Graph
from eureka.physics.threads import ThreadPhysics
from eureka.physics.warp import WarpPhysics

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]

WORLDS = 64
EVEN = torch.arange(WORLDS) % 2 == 0


def bench() -> Bench:
    return bench_of("ant")


def make() -> WarpPhysics:
    b = bench()
    return WarpPhysics(b.model, WORLDS, "cuda:0", measure_sizes(b.task, b.model, 2))


def pushed(physics: WarpPhysics | ThreadPhysics) -> None:
    """Ants that drop onto their feet, each with motors of its own strength."""
    physics.ctrl.copy_(torch.linspace(-0.5, 0.5, WORLDS).to(physics.ctrl)[:, None].expand_as(physics.ctrl))


@contextmanager
def no_synchronisation() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_gpu_comes_to_where_the_cpu_comes():
    ours, theirs = make(), ThreadPhysics(bench().model, WORLDS, 2)
    for physics in (ours, theirs):
        pushed(physics)
        physics.step(2)
        physics.step(10)
        physics.reset(EVEN.to(physics.device))
        physics.forward(EVEN.to(physics.device))
        pushed(physics)
        physics.step(2)
    for name in ("qpos", "xpos", "sensordata", "qfrc_actuator"):
        found, expected = getattr(ours, name).cpu(), getattr(theirs, name).float()
        assert torch.allclose(found, expected, atol=5e-3, rtol=1e-2), name
    assert ours.device == torch.device("cuda", 0)


def test_each_kind_of_work_is_captured_once_and_runs_without_the_host():
    physics, even = make(), EVEN.cuda()
    state = physics.qpos * 1.0

    def round_of_work() -> None:
        physics.step(4)
        physics.assign(even, qpos=state)
        physics.step(4)
        physics.reset(even)
        physics.forward(even)
        physics.overflow()

    round_of_work()
    captured = dict(physics._graphs)
    assert len(captured) == 3
    with no_synchronisation():
        for _ in range(3):
            round_of_work()
    assert physics._graphs == captured
    assert torch.isfinite(physics.qpos).all()


def test_views_are_the_memory_of_the_gpu():
    physics = make()
    assert physics.qpos.data_ptr() == physics._data.qpos.ptr and physics.qpos.is_cuda
    physics.qvel[:, 2] = 1.0
    physics.forward(torch.ones(WORLDS, dtype=torch.bool, device="cuda"))
    before = physics.qpos[:, 2].clone()
    physics.step(1)
    assert (physics.qpos[:, 2] > before).all()


def test_physics_joins_a_capture_with_code_of_torch_around_it():
    ours, theirs = make(), make()
    weights = torch.linspace(-1, 1, 15 * 8, device="cuda").reshape(15, 8)
    outcome = {physics: torch.zeros(WORLDS, 8, device="cuda") for physics in (ours, theirs)}

    def control_step(physics: WarpPhysics) -> None:
        physics.ctrl.copy_((physics.qpos @ weights).tanh())
        physics.step(2)
        fallen = physics.qpos[:, 2] < 0.3
        physics.reset(fallen)
        physics.forward(fallen)
        # Temporary tensors after physics: they must not be served from memory that others get later.
        outcome[physics].copy_((physics.qpos @ weights).square().cumsum(-1) - (physics.xpos.sum((1, 2)) ** 2)[:, None])

    control_step(ours)  # as a graph wants it: once before
    start = ours.save()
    graph = Graph(lambda: control_step(ours))
    ours.load(start)
    theirs.load(start)
    for _ in range(20):
        with no_synchronisation():
            graph()
        clutter = [torch.full((1 << size,), 7.0, device="cuda") for size in range(8, 22)]
        control_step(theirs)
        assert torch.allclose(outcome[ours], outcome[theirs], atol=1e-3, rtol=1e-3)
        theirs.load(ours.save())  # contacts come in any order, and rounding with them
        del clutter
    assert torch.isfinite(outcome[ours]).all()
