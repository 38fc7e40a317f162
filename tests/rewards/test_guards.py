"""What training does with programs and processes that misbehave though they passed every check."""

from __future__ import annotations

import functools
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from eureka.config.tasks import load_task
from eureka.rewards.preflight import too_slow
from eureka.rewards.program import ProgramBank, rebuild
from eureka.runs.candidate import Failed
from eureka.system.paths import shipped
from eureka.workers.client import TrainerClient
from eureka.workers.executors import LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import Outcomes
from eureka.workers.process import Died

REWARDS = {
    "honest": "def compute_reward(cart_position, pole_angle):\n    u = torch.cos(pole_angle)\n"
    "    return u - 0.1 * cart_position.abs(), {'up': u}",
    "other": "def compute_reward(pole_angle, action):\n    e = action.square().sum(-1)\n"
    "    return torch.exp(-pole_angle**2) - 0.01 * e, {'effort': e, 'c': 1.0}",
}


def heavy(nodes: int, width: int) -> str:
    """A program within the verifier's limits that does as much as it can."""
    first = {"op": "aten.expand.default", "args": [{"value": 1}, [{"size": 1}, width]]}
    wide = {"op": "aten.unsqueeze.default", "args": [{"value": 0}, 1]}
    chain = [{"op": "aten.atan2.default", "args": [{"value": 2 + i}, {"value": 2 + i}]} for i in range(nodes)]
    last = {"op": "aten.sum.dim_IntList", "args": [{"value": 2 + nodes}, [1]]}
    nodes_ = [wide, first, *chain, last]
    outputs = [{"value": len(nodes_)}]
    return json.dumps({"version": 1, "inputs": ["a"], "nodes": nodes_, "outputs": outputs, "components": []})


def test_a_program_that_takes_absurdly_long_is_refused_before_it_trains(cartpole):
    from eureka.rewards.program import Field

    program = rebuild(heavy(15, 4096), {"a": Field(())}, 512)
    problem = too_slow(program, {"a": torch.randn(32)})
    assert problem is not None and "one step in 512 worlds takes" in problem
    honest = cartpole.program(REWARDS["honest"], 512)
    assert too_slow(honest, cartpole.states) is None


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainerClient]:
    """A trainer process, which a test may end: the client starts another one."""
    folder = tmp_path_factory.mktemp("trainer")
    made = TrainerClient(LocalExecutor(load_task("cartpole"), folder, folder / "scratch", IsolationPolicy()))
    yield made
    made.close()


def test_a_program_that_stops_the_trainer_in_its_trial_fails_alone(cartpole, trainer: TrainerClient, monkeypatch):
    from eureka.workers import client

    program = cartpole.text(REWARDS["honest"])
    monkeypatch.setattr(client, "_PREFLIGHT_TIMEOUT", 0.0)
    failed = trainer.preflight(program, 16)
    assert isinstance(failed, Failed) and failed.machine and "sent nothing for 0 s" in failed.message
    monkeypatch.undo()
    assert not isinstance(trainer.preflight(program, 16), Failed), "another process took its place"


def test_rewards_watch_episodes_of_random_actions_and_of_a_policy(cartpole, trainer: TrainerClient):
    alive = cartpole.text("def compute_reward(pole_angle):\n    return torch.ones_like(pole_angle), {}")
    leaning = cartpole.text("def compute_reward(pole_angle):\n    return -torch.ones_like(pole_angle), {}")
    policy = shipped("runs") / "examples" / "cartpole" / "final" / "evolved-0" / "policy.safetensors"
    at_random = trainer.play_episodes(8, 0, [alive, leaning])
    learned = trainer.play_episodes(8, 0, [alive, leaning], policy)
    assert max(at_random.fitness) < 250 and learned.fitness == (500.0,) * 8
    assert learned.returns == ((500.0,) * 8, (-500.0,) * 8), "an end that is punished is preferred to a long episode"
    assert at_random.returns[0] == tuple(map(float, at_random.length))


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_merged_and_compiled_programs_give_each_member_its_own_reward(cartpole, backend: str, monkeypatch):
    """Inductor calls a C++ compiler; all before it is in both."""
    compile_with = functools.partial(torch.compile, backend=backend)
    monkeypatch.setattr(torch, "compile", compile_with)
    worlds, programs = 16, [cartpole.program(text, 16) for text in REWARDS.values()]
    alone, together = ProgramBank(programs, worlds), ProgramBank(programs, worlds)
    states = {name: value[:32] for name, value in cartpole.states.items()}
    assert together.compile(states) is None
    for shift in range(3):
        fields = {name: value.roll(shift, 0) for name, value in states.items()}
        assert torch.allclose(together(fields), alone(fields), rtol=1e-5, atol=1e-6)
    for a, b in zip(together.drain(), alone.drain(), strict=True):
        assert a.components == pytest.approx(b.components, rel=1e-4) and a.fault is b.fault is None


def test_programs_that_cannot_be_compiled_train_without_it_and_say_why(cartpole, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no compiler\nat all")

    bank = ProgramBank([cartpole.program(REWARDS["honest"], 16)], 16)
    monkeypatch.setattr(torch, "compile", broken)
    states = {name: value[:16] for name, value in cartpole.states.items()}
    problem = bank.compile(states)
    assert problem is not None and problem.endswith("RuntimeError: no compiler")
    monkeypatch.setattr(torch, "compile", lambda *_, **__: lambda *fields: (torch.zeros(2, 16),))
    assert "another result for member 0" in str(bank.compile(states))
    assert bank(states).shape == (1, 16)


def test_a_trainer_that_hangs_is_ended_and_replaced(trainer: TrainerClient):
    _ = trainer.description
    hanging = trainer._connection.process.pid
    os.kill(hanging, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(Died, match="sent nothing for 1 s"):
        trainer.receive(Outcomes, timeout=1.0)
    assert time.monotonic() - start < 30
    assert not Path(f"/proc/{hanging}").exists()
    trainer.restart()
    assert trainer.description.name == "cartpole" and trainer._connection.process.pid != hanging
