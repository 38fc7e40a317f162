"""The order of a control step, resets, time-outs, divergence; on a task made for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import pytest
import torch
from torch import Tensor

from eureka.envs.env import Env
from eureka.noise import Noise
from eureka.physics.base import Sim, compile_scene, substeps_of
from eureka.physics.threads import ThreadPhysics
from eureka.task import Episode, Task

SCENE = """
<mujoco>
  <option timestep="0.05" gravity="0 0 0"/>
  <worldbody>
    <body name="mass"><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="x" gear="2"/></actuator>
</mujoco>
"""


@dataclass(frozen=True)
class State:
    position: Tensor
    """(N,) m"""
    goal: Tensor
    """(N,) m"""
    action: Tensor
    """(N, 1)"""
    last_action: Tensor
    """(N, 1)"""


@dataclass(frozen=True)
class Memory:
    goal: Tensor
    steps: Tensor


class Mass(Task[State, Memory]):
    """A mass on a line; its goal moves one further at every control step."""

    State = State
    control_period = 0.1
    horizon = 4
    action_size = 1
    speed_bound = 50.0

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        sim.assign(mask, qpos=noise.uniform("x", 1, low=0.0, high=0.5))
        zeros = torch.zeros(sim.num_worlds)
        return Memory(zeros, zeros)

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        sim.ctrl.copy_(action)
        return replace(memory, steps=memory.steps + 1)

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        return State(sim.qpos[:, 0].float(), memory.goal, action, last_action)

    def observe(self, state: State) -> Tensor:
        return torch.stack([state.position, state.goal, state.action[:, 0], state.last_action[:, 0]], dim=-1)

    def terminated(self, state: State, memory: Memory) -> Tensor:
        return state.position < -0.1

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        return {"goal": state.goal, "where": state.position}

    def fitness(self, episode: Episode) -> Tensor:
        return episode.sums["goal"] + 100 * episode.maxima["goal"] + 10_000 * episode.last["goal"]

    def advance(self, sim: Sim, memory: Memory, state: State, noise: Noise) -> Memory:
        return replace(memory, goal=memory.goal + 1)


def env(members: int = 1, worlds: int = 3, static: bool | None = None) -> Env:
    task = Mass()
    physics = ThreadPhysics(compile_scene(task.scene()), members * worlds, 1)
    return Env(task, physics, torch.zeros(members, dtype=torch.int64), "test", static)


def test_a_control_step_is_as_many_time_steps_as_fit_into_its_period():
    e = env(worlds=1)
    start = e.reset()[0, 0, 0]
    # force 2 N on 1 kg for two semi-implicit steps of 0.05 s: v = 0.1, 0.2; x = 0.005 + 0.01
    step = e.step(torch.ones(1, 1, 1))
    assert torch.isclose(step.observation[0, 0, 0] - start, torch.tensor(0.015), atol=1e-6)
    with pytest.raises(ValueError, match="not a multiple"):
        substeps_of(e.physics.model, 0.12)


def test_the_reward_sees_the_state_before_the_goal_moves_and_the_policy_after():
    e = env()
    e.reset()
    seen = []
    step = e.step(torch.zeros(1, 3, 1), lambda state: (seen.append(state["goal"].clone()), torch.ones(1, 3))[1])
    assert seen[0].tolist() == [0, 0, 0]
    assert step.terminal_observation[0, :, 1].tolist() == [0, 0, 0]
    assert step.observation[0, :, 1].tolist() == [1, 1, 1]


def test_actions_are_clamped_and_both_the_last_two_are_seen():
    e = env()
    e.reset()
    e.step(torch.full((1, 3, 1), 0.25))
    told = []
    step = e.step(torch.full((1, 3, 1), 7.0), lambda s: (told.append(s), torch.ones(1, 3))[1])
    assert step.observation[0, 0, 2:].tolist() == [1.0, 0.25]
    assert told[0]["action"][0].tolist() == [1.0] and told[0]["last_action"][0].tolist() == [0.25]


def test_an_episode_is_cut_at_the_horizon_and_begun_anew_in_the_same_step():
    e = env()
    first = e.reset()
    steps = [e.step(torch.full((1, 3, 1), 0.5)) for _ in range(4)]
    assert [s.timed_out.all().item() for s in steps] == [False, False, False, True]
    assert not any(s.terminated.any() for s in steps)
    last = steps[-1]
    assert last.length.tolist() == [[4, 4, 4]]
    assert (last.terminal_observation[0, :, 1] == 3).all(), "the goal as the episode ended"
    assert (last.observation[0, :, 1:] == 0).all(), "goal and actions of a new episode"
    assert not torch.equal(last.observation[..., 0], first[..., 0]), "another start than the first episode's"
    # goals 0, 1, 2, 3: sum 6, maximum 3, last 3
    assert last.fitness.tolist() == [[6 + 300 + 30_000] * 3]


def test_a_fall_ends_the_episode_of_its_world_alone_and_is_no_time_out():
    e = env(worlds=2)
    e.reset()
    e.physics.assign(torch.tensor([False, True]), qpos=torch.full((2, 1), -0.2))
    step = e.step(torch.zeros(1, 2, 1))
    assert step.terminated.tolist() == [[False, True]] and not step.timed_out.any()
    assert step.length.tolist() == [[1, 1]]
    assert e.length.tolist() == [1, 0] and e.episode.tolist() == [0, 1]


def test_a_diverged_world_ends_as_a_failure_is_repaired_and_counted():
    for bad in (float("nan"), float("inf"), 1e9):
        e = env(worlds=2)
        e.reset()
        e.step(torch.zeros(1, 2, 1))
        e.physics.assign(torch.tensor([True, False]), qvel=torch.full((2, 1), bad))
        step = e.step(torch.zeros(1, 2, 1), lambda state: torch.ones(1, 2))
        assert step.terminated.tolist() == [[True, False]]
        assert step.reward.tolist() == [[0.0, 1.0]], "what a repaired state would earn is not the action's doing"
        # goals measured: 0 before it diverged; the step of the divergence is not measured
        assert step.fitness[0, 0].item() == 0.0
        assert torch.isfinite(step.observation).all() and torch.isfinite(e.physics.qpos).all()
        assert e.diverged.tolist() == [1, 0]


def test_members_with_equal_seeds_meet_equal_worlds():
    e = env(members=2, worlds=4)
    observation = e.reset()
    assert torch.equal(observation[0], observation[1])
    assert len(set(observation[0, :, 0].tolist())) == 4, "but the worlds of a member differ"


def test_running_every_line_at_every_step_gives_the_same_numbers():
    lazy, static = env(2, 4, static=False), env(2, 4, static=True)
    assert torch.equal(lazy.reset(), static.reset())
    for i in range(10):
        action = torch.full((2, 4, 1), -1.0 + 0.3 * i)
        a, b = lazy.step(action), static.step(action)
        assert torch.equal(a.observation, b.observation)
        ended = a.terminated | a.timed_out
        assert torch.equal(ended, b.terminated | b.timed_out)
        assert torch.equal(a.fitness[ended], b.fitness[ended])


def test_an_environment_goes_on_exactly_from_what_it_saved():
    a, b = env(2, 4), env(2, 4)
    a.reset()
    for _ in range(3):
        a.step(torch.full((2, 4, 1), -0.4))
    a.diverged[3] = 7
    b.load({k: v.clone() for k, v in a.save().items()})
    assert torch.equal(a.observation, b.observation) and torch.equal(a.diverged, b.diverged)
    for i in range(6):
        x, y = (e.step(torch.full((2, 4, 1), -0.1 * i)) for e in (a, b))
        assert torch.equal(x.observation, y.observation) and torch.equal(x.fitness, y.fitness)
        assert torch.equal(x.timed_out, y.timed_out)


def test_a_reset_in_the_middle_begins_new_episodes():
    e = env(worlds=2)
    first = e.reset()
    e.step(torch.ones(1, 2, 1))
    again = e.reset()
    assert e.length.tolist() == [0, 0] and e.episode.tolist() == [1, 1]
    assert (again[..., 2:] == 0).all(), "no action yet"
    assert not torch.equal(first, again)


def test_noise_of_advance_is_new_at_every_step():
    e = env(worlds=2)
    drawn = []
    advance = e.task.advance
    e.task.advance = lambda sim, memory, state, noise: (
        drawn.append(noise.uniform("goal")),
        advance(sim, memory, state, noise),
    )[1]
    e.reset()
    for _ in range(3):
        e.step(torch.zeros(1, 2, 1))
    assert len(torch.stack(drawn).unique()) == 6


def test_a_memory_may_hold_the_very_tensor_that_the_environment_keeps(tmp_path):
    from eureka.rl.checkpoints import read_tensors, write_tensors

    e = env(worlds=2)
    e.task.advance = lambda sim, memory, state, noise: Memory(state.action[:, 0], state.action[:, 0])
    e.reset()
    e.step(torch.full((1, 2, 1), 0.5))
    write_tensors(tmp_path / "x.safetensors", e.save(), {})
    tensors, _ = read_tensors(tmp_path / "x.safetensors", torch.device("cpu"))
    assert tensors["memory/goal"].tolist() == tensors["memory/steps"].tolist() == [[0.5, 0.5]]
