"""A training whose simulator had too little room: MuJoCo Warp on its CPU device, and a scene of two balls."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import pytest
import torch
from torch import Tensor

from eureka.config.settings import Evaluation, Learning, Plan
from eureka.physics.backend import Backend
from eureka.physics.base import Sim, compile_scene
from eureka.physics.buffers import ROWS, Sizes
from eureka.rewards.program import Field, rebuild
from eureka.rl.training import Training
from eureka.runs.candidate import Failed, Trained
from eureka.system.paths import load_sandbox
from eureka.task import Episode, NoMemory, Task

SCENE = """
<mujoco>
  <option timestep="0.02"/>
  <worldbody>
    <geom type="plane" size="5 5 .1"/>
    <body name="left" pos="0 0 .099"><joint name="left" type="slide" axis="0 0 1"/><geom size=".1" mass="1"/></body>
    <body pos="1 0 .099"><joint type="slide" axis="0 0 1"/><geom size=".1" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="left"/></actuator>
</mujoco>
"""
WHOLE = Sizes(nconmax=8, njmax=64)


@dataclass(frozen=True)
class State:
    height: Tensor
    action: Tensor
    last_action: Tensor


class Balls(Task[State, NoMemory]):
    """Two balls that rest on the floor."""

    State = State
    control_period = 0.02
    horizon = 4
    action_size = 1

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def act(self, sim: Sim, memory: NoMemory, action: Tensor) -> NoMemory:
        sim.ctrl.copy_(action)
        return memory

    def state(self, sim: Sim, memory: NoMemory, action: Tensor, last_action: Tensor) -> State:
        return State(sim.qpos[:, 0].float(), action, last_action)

    def observe(self, state: State) -> Tensor:
        return state.height[:, None]

    def measure(self, state: State, memory: NoMemory) -> dict[str, Tensor]:
        return {"height": state.height}

    def fitness(self, episode: Episode) -> Tensor:
        return episode.last["height"]


def training(sizes: Sizes, members: int = 2) -> Training:
    task = Balls()
    fields = {"height": Field((), "float32")}
    text = load_sandbox("trace").compile_reward(
        "def compute_reward(height):\n    return height, {'up': height}", fields
    )
    evaluation = Evaluation(checkpoints=1, selection_episodes=2, report_episodes=2)
    plan = Plan(2, 2, Learning(horizon=3, hidden=(4,), minibatches=2), evaluation, 0, "search")
    programs = [rebuild(text, fields, 2)] * members
    return Training(task, compile_scene(task.scene()), programs, [3] * members, plan, Backend("warp-cpu", 1, sizes))


def finished(t: Training) -> list[Trained | Failed]:
    return t.run(lambda _: None, lambda _: None)


def test_a_pool_that_was_too_small_grows_and_what_happened_in_it_did_not_happen():
    enough, scarce = training(WHOLE), training(Sizes(nconmax=1, njmax=64))
    expected, found = finished(enough), finished(scarce)
    assert not any("pool" in note for note in enough.notes)
    assert scarce.notes[-1] == "the simulator's contact pool was too small; enlarged to 2 per world"
    assert scarce.backend.sizes == Sizes(nconmax=2, njmax=64)
    assert all(isinstance(outcome, Trained) for outcome in found) and found == expected
    assert torch.equal(scarce.learner.policy.flat, enough.learner.policy.flat)


def test_rows_that_were_too_few_fail_the_member_whose_world_it_was(monkeypatch: pytest.MonkeyPatch):
    t = training(WHOLE)
    real = t.env.physics.overflow  # type: ignore[attr-defined]
    # worlds 2 and 3 are the second member's
    monkeypatch.setattr(t.env.physics, "overflow", lambda: real() | torch.tensor([0, 0, 0, ROWS], dtype=torch.int32))  # type: ignore[attr-defined]
    one, other = finished(t)
    assert isinstance(one, Trained)
    assert isinstance(other, Failed) and "more simultaneous constraints than the simulator" in other.message


def test_a_world_without_room_for_its_rows_is_noticed():
    found = finished(training(Sizes(nconmax=8, njmax=4)))
    assert all(isinstance(outcome, Failed) and outcome.stage == "train" for outcome in found)
