"""Both backends on the scenes we ship: MuJoCo on the CPU, and MuJoCo Warp on its CPU device.

Three levels, as MuJoCo advises, and ours on top: one evaluation of everything at given states; one time step from each;
short runs without correction, beside MuJoCo itself disturbed by as much as float32 rounds; and an environment's control
steps, whose State, reward and fitness are what training sees.

Where the two find different contacts, forces may differ too and are not compared: MuJoCo Warp turns the friction
pyramid of an upright capsule on a plane another way, and gives the one point where parallel capsules touch once
instead of twice. How often contacts differ is itself a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import mujoco
import mujoco_warp as mjw
import numpy as np
import pytest
import torch
import warp as wp
from support import parity
from support.bench import Bench, bench_of

from eureka.envs.env import Env
from eureka.envs.sizing import measure_sizes
from eureka.noise import Noise
from eureka.physics.buffers import POOL_BITS, WORLD_BITS
from eureka.physics.warp import WarpPhysics
from eureka.rewards.python import PlainReward
from eureka.task import tensors

WORLDS, STEPS = 8, 20
FAST = ("ball_balance", "ant")
SLOW = (
    "cartpole",
    "quadcopter",
    "humanoid",
    "anymal",
    "franka_cabinet",
    "allegro_hand",
    "shadow_hand",
    "shadow_hand_pen",
)
scenes = pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])

TOLERANCES = {
    **dict.fromkeys(("xpos", "xquat", "site_xpos", "subtree_com", "actuator_length"), (1e-5, 1e-4)),
    **dict.fromkeys(("qfrc_actuator", "qfrc_bias", "qfrc_passive", "qfrc_smooth"), (1e-3, 1e-3)),
    "qacc_smooth": (1e-2, 1e-3),
    "qfrc_constraint": (1e-1, 1e-2),
    "qacc": (1e-1, 1e-2),
}
"""Absolute and relative, of MuJoCo's skill `parity`, section 3; bounds on rounding come on top."""
CONSTRAINED = ("qfrc_constraint", "qacc")


@dataclass(frozen=True)
class Case:
    """A scene with states that random play meets, in both simulators."""

    bench: Bench
    states: list[mujoco.MjData]
    physics: WarpPhysics
    same: list[bool]
    """Whether both found the same contacts and rows in a state."""


@cache
def case_of(name: str) -> Case:
    bench = bench_of(name)
    states = parity.met_in_play(bench, WORLDS, 5, 4)
    physics = parity.in_warp(bench, states)
    return Case(bench, states, physics, parity.agree(states, physics))


@scenes
def test_one_evaluation_gives_what_mujoco_gives(name: str):
    case = case_of(name)
    model, data = case.bench.model, case.physics._data
    parity.put(case.physics, case.states)
    stage = model.sensor_needstage.repeat(model.sensor_dim)
    late = stage == mujoco.mjtStage.mjSTAGE_ACC
    sensors = case.physics.sensordata.numpy().copy()
    for world, state in enumerate(case.states):
        expected = state.sensordata[~late]
        assert np.abs(sensors[world][~late] - expected).max(initial=0) < 1e-4 * (1 + np.abs(expected).max(initial=0))

    with wp.ScopedDevice("cpu"):
        mjw.forward(case.physics._model, data)
    for world, (state, same) in enumerate(zip(case.states, case.same, strict=True)):
        bounds = parity.rounding(model, state)
        for field, (absolute, relative) in TOLERANCES.items():
            if field in CONSTRAINED and not same:
                continue
            expected = np.asarray(getattr(state, field))
            found = getattr(data, field).numpy()[world].reshape(expected.shape)
            allowed = absolute + relative * np.abs(expected) + bounds.get(field, 0.0)
            assert (np.abs(found - expected) <= allowed).all(), (field, world)
        if same:
            found, expected = data.sensordata.numpy()[world][late], state.sensordata[late]
            assert np.allclose(found, expected, atol=1e-1, rtol=1e-2), world


@scenes
def test_each_pair_of_geoms_has_as_many_contacts_as_in_mujoco(name: str):
    case = case_of(name)
    parity.put(case.physics, case.states)
    found = parity.contacts_in_warp(case.physics)
    for state, contacts in zip(case.states, found, strict=True):
        if not parity.ambiguous(case.bench.model, state):
            assert parity.count(contacts) == parity.count(parity.contacts_in_mujoco(state))
    # Forces are compared in most states, and where there are contacts in half of them.
    touching = [same for same, state in zip(case.same, case.states, strict=True) if state.ncon]
    assert sum(case.same) >= 0.7 * len(case.states) and sum(touching) >= 0.5 * len(touching)


@scenes
def test_one_time_step_from_many_states_ends_where_mujoco_ends(name: str):
    case, rng = case_of(name), np.random.default_rng(0)
    parity.put(case.physics, case.states)
    case.physics.step(1)
    for world, (state, same) in enumerate(zip(case.states, case.same, strict=True)):
        if same:
            exact, shaken = parity.copy_of(case.bench.model, state), parity.shaken(case.bench.model, state, rng)
            for data in (exact, shaken):
                mujoco.mj_step(case.bench.model, data)
            rounding = np.abs(exact.qvel - shaken.qvel).max()
            assert np.abs(exact.qvel - case.physics.qvel[world].numpy()).max() < 5e-4 + 10 * rounding, world


@scenes
def test_short_runs_part_no_faster_than_mujoco_does_from_itself_in_float32(name: str):
    bench, rng = bench_of(name), np.random.default_rng(0)
    starts = case_of(name).states[::4]
    physics = parity.in_warp(bench, starts)
    exact, rounded = ([parity.copy_of(bench.model, state) for state in starts] for _ in range(2))
    together = np.ones(len(starts), dtype=bool)
    for step in range(STEPS):
        for data in exact:
            mujoco.mj_forward(bench.model, data)
        together &= parity.agree(exact, physics)
        rounded = [parity.shaken(bench.model, data, rng) for data in rounded]
        for data in (*exact, *rounded):
            mujoco.mj_step(bench.model, data)
        for data, start in zip(rounded, starts, strict=True):
            data.qfrc_applied[:] = start.qfrc_applied
        physics.step(1)
        for world in np.flatnonzero(together):
            rounding = np.abs(exact[world].qvel - rounded[world].qvel).max()
            error = np.abs(exact[world].qvel - physics.qvel[world].numpy()).max()
            # Stiff loops converge to about this in float32: the solver stops at the first step it cannot better.
            assert error < 10 * rounding + 1e-3 * (1 + np.abs(exact[world].qvel).max()), (world, step)
    assert together.sum() >= 2


@scenes
def test_an_environments_steps_give_the_same_state_reward_and_fitness(name: str):
    bench = bench_of(name)
    physics = WarpPhysics(bench.model, WORLDS, "cpu", measure_sizes(bench.task, bench.model, 1))
    ours = Env(bench.task, physics, torch.zeros(1, dtype=torch.int64), "parity", static=True)
    theirs = bench.env(1, WORLDS, stream="parity", static=True)
    reward = PlainReward.load("human", bench.loaded, bench.states)
    assert torch.allclose(ours.reset(), theirs.reset(), atol=1e-5)
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    for step in range(STEPS):
        # Both begin each control step alike: contacts would carry them apart within a few dozen.
        parity.put(physics, [parity.data_of(bench.model, row) for row in theirs.physics.save()["state"].numpy()])
        ours.memory = type(ours.memory)(
            **{k: v.to(tensors(ours.memory)[k].dtype).clone() for k, v in tensors(theirs.memory).items()}
        )
        action = Noise(torch.arange(WORLDS), torch.tensor(step)).uniform("play", bench.task.action_size, low=-1, high=1)
        pair = []
        for env in (ours, theirs):
            met: dict[str, torch.Tensor] = {}
            outcome = env.step(action[None], recording(met, reward))
            met |= {"observation": outcome.observation[0], "before reset": outcome.terminal_observation[0]}
            pair.append((met, outcome))
        assert torch.equal(pair[0][1].terminated, pair[1][1].terminated)
        assert torch.equal(pair[0][1].length, pair[1][1].length)
        for field in pair[0][0]:
            seen.setdefault(field, []).append((pair[0][0][field], pair[1][0][field]))
        seen.setdefault("fitness", []).append((pair[0][1].fitness[0], pair[1][1].fitness[0]))
    assert (physics.overflow() & (POOL_BITS | WORLD_BITS) == 0).all()
    for field, pairs in seen.items():
        found, expected = (torch.stack(side).double() for side in zip(*pairs, strict=True))
        if found.numel():
            size = expected.abs().quantile(0.9) + 1e-3
            error = ((found - expected).abs() / size).flatten()
            # Rare contacts that differ may do what they like; a convention that differs would move more than these.
            assert error.quantile(0.7) < 0.002 and error.quantile(0.95) < 0.05, field


def recording(met: dict[str, torch.Tensor], reward: PlainReward) -> Callable[[dict[str, torch.Tensor]], torch.Tensor]:
    """The reward of one member, which keeps what it is shown."""

    def judge(state: dict[str, torch.Tensor]) -> torch.Tensor:
        total = reward(state)[0]
        met.update(state, reward=total)
        return total[None]

    return judge


def test_a_state_and_a_memory_keep_their_numbers_when_the_simulator_goes_on():
    bench = bench_of("ant")
    physics = WarpPhysics(bench.model, WORLDS, "cpu", measure_sizes(bench.task, bench.model, 1))
    env = Env(bench.task, physics, torch.zeros(1, dtype=torch.int64), "parity")
    env.reset()
    met: list[dict[str, torch.Tensor]] = []

    def keep(state: Mapping[str, torch.Tensor]) -> torch.Tensor:
        met.append({**state, **tensors(env.memory)})
        return torch.zeros(1, WORLDS)

    env.step(torch.ones(1, WORLDS, bench.task.action_size), keep)
    copies = {name: value.clone() for name, value in met[0].items()}
    env.step(-torch.ones(1, WORLDS, bench.task.action_size), keep)
    assert not torch.equal(met[1]["torso_position"], copies["torso_position"])
    for name, value in met[0].items():
        assert torch.equal(value, copies[name]), name
