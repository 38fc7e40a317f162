"""Plays policies and records their trajectories: the trainer's part of `eureka play`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from eureka.config.description import StateField
from eureka.envs.base import Worlds
from eureka.envs.env import Env
from eureka.envs.gymnasium.env import GymnasiumEnv, GymnasiumTask
from eureka.envs.gymnasium.fields import physics_of
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.rewards.program import Program
from eureka.rl.checkpoints import load_policies
from eureka.rl.evaluation import Actor
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import normalize
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.video.trajectory import RUNNING, TERMINATED, TIMED_OUT, Part

_GOAL = ("goal_position", "goal_rotation")  # target pose of the body `object`: (N, 3) and (N, 4)
_MARKED = re.compile(r"(.*_)?(goal|target)_position")
_NEAR, _COMPARED = 1e-3, 50  # m, within which the scene shows a goal itself, and the number of states compared
STREAM = "play"  # of random numbers; start states differ from those of training and evaluation


def open_policies(files: Sequence[Path], task: Task | GymnasiumTask, env: Worlds) -> tuple[Policy, RunningMoments]:
    """Load policies that can act in `env`, which has been reset; raises `UserError` if a file is none of this task."""
    for file in files:
        try:
            policy, _ = load_policies([file], torch.device("cpu"))
            sees, acts = policy.shape.observation, policy.shape.action
            policy.mean(torch.zeros(1, 1, sees))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise UserError(f"{file} is not a policy file of eureka ({type(error).__name__})") from None
        if (sees, acts) != (env.actor_size, task.action_size):
            raise UserError(
                f"{file} is a policy of another task: its action and observation have {acts} and {sees} elements, "
                f"those of this task {task.action_size} and {env.actor_size}"
            )
    try:
        return load_policies(files, torch.device("cpu"))
    except RuntimeError:
        raise UserError("the policies have networks of different sizes; play them separately") from None


def worlds(task: Task | GymnasiumTask, model: mujoco.MjModel | None, members: int, seed: int) -> Worlds:
    """One world per policy, after a reset; all worlds have the same episodes."""
    seeds = torch.full((members,), derive(seed, STREAM), dtype=torch.int64)
    if isinstance(task, Task):
        assert model is not None
        # A static environment reports the fitness so far at every step.
        env: Worlds = Env(task, Backend().open(model, members), seeds, STREAM, static=True)
    elif not task.physical:
        raise UserError(f"gymnasium:{task.identifier} cannot be rendered: it is not simulated by MuJoCo")
    else:
        env = task.open(seeds, 1, STREAM)
    env.reset()
    return env


def marked(state: Sequence[StateField], model: mujoco.MjModel) -> tuple[str, ...]:
    """The fields that films mark: points (N, 3), or (N, 2) at height 0, in the world frame, named as goals."""
    shapes = {f.name: f.shape for f in state}
    if set(_GOAL) <= set(shapes) and mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "object") >= 0:
        del shapes[_GOAL[0]]  # shown as a copy of the object
    frames = {f.name: re.findall(r"(\w+) frame", f.doc) for f in state}
    return tuple(
        name
        for name, shape in shapes.items()
        if _MARKED.fullmatch(name) and shape in ((3,), (2,)) and (not frames[name] or "world" in frames[name])
    )


@torch.no_grad()
def play(
    env: Worlds,
    policy: Actor,
    moments: RunningMoments,
    programs: Sequence[Program | None],
    labels: Sequence[str],
    steps: int,
    episodes: int | None,
    marks: Sequence[str] = (),
) -> tuple[Part, ...]:
    """Play with mean actions and record every control step, until `steps` or `episodes` of each policy.

    `env` has one world per policy; `programs` are their rewards for one world, None if not known; `marks` are the
    fields with goals, from `marked`.
    """
    env.restart()
    members = len(programs)
    states: list[np.ndarray] = []
    values: list[list[Tensor]] = [[] for _ in programs]
    recorded: list[Tensor] = []
    goals: list[Tensor] = []
    points: list[Tensor] = []

    def record(fields: dict[str, Tensor]) -> Tensor:
        states.append(_state(env))
        known = all(name in fields for name in _GOAL)
        goals.append(torch.cat([fields[name] for name in _GOAL], dim=1) if known else torch.zeros(members, 0))
        points.append(torch.stack([_point(fields[name]) for name in marks], 1) if marks else torch.zeros(members, 0, 3))
        for p, program in enumerate(programs):
            if program is not None:
                reward = program(*[fields[name][p : p + 1] for name in program.inputs])
                values[p].append(torch.stack(list(reward))[:, 0])
        return torch.zeros(members, 1)

    left = torch.full((members,), episodes or 0)
    while len(recorded) < steps and (episodes is None or bool((left > 0).any())):
        step = env.step(policy.mean(normalize(moments, env.observation)), record)
        ended = torch.where(step.terminated, TERMINATED, torch.where(step.timed_out, TIMED_OUT, RUNNING))
        recorded.append(torch.stack([step.fitness.double(), ended.double(), step.length.double()])[..., 0])
        left = left - (ended[:, 0] != RUNNING).int()
    state, rows, goal = np.stack(states), torch.stack(recorded).numpy(), torch.stack(goals).numpy()
    point = torch.stack(points).numpy()
    point = point[:, :, _hidden(model_of(env), state, point)]
    parts = []
    for p, (label, program) in enumerate(zip(labels, programs, strict=True)):
        known = torch.stack(values[p]).float().numpy() if values[p] else np.zeros((len(rows), 0), np.float32)
        parts.append(
            Part(
                label=label,
                components=program.components if program else (),
                state=state[:, p],
                values=known,
                fitness=rows[:, 0, p].astype(np.float32),
                ended=rows[:, 1, p].astype(np.int8),
                length=rows[:, 2, p].astype(np.int64),
                goal=goal[:, p],
                marks=point[:, p],
            )
        )
    return tuple(parts)


def _point(value: Tensor) -> Tensor:
    """(P, 3) of a field (P, 3), or (P, 2) at height 0."""
    return torch.nn.functional.pad(value, (0, 3 - value.shape[1]))


def _hidden(model: mujoco.MjModel, states: np.ndarray, points: np.ndarray) -> list[bool]:
    """Of each of M points (T, P, M, 3), whether no visible geom or site shows it in the states (T, P, S)."""
    geoms = (model.geom_rgba[:, 3] > 0) & (model.geom_group < 3)
    sites = (model.site_rgba[:, 3] > 0) & (model.site_group < 3)
    data, every = mujoco.MjData(model), 1 + len(states) // _COMPARED
    shown = np.ones((points.shape[2], geoms.sum() + sites.sum()), dtype=bool)
    for state, here in zip(states[::every, 0], points[::every, 0], strict=True):
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_kinematics(model, data)
        there = np.concatenate([data.geom_xpos[geoms], data.site_xpos[sites]])
        shown &= np.linalg.norm(here[:, None] - there, axis=-1) < _NEAR
    return [not row.any() for row in shown]


def model_of(env: Worlds) -> mujoco.MjModel:
    """The compiled scene of `env`."""
    if isinstance(env, Env):
        return env.physics.model
    assert isinstance(env, GymnasiumEnv)
    return _physics(env.task)[0]


def binary(env: Worlds) -> bytes:
    """The compiled scene of `env`, in MuJoCo's binary format."""
    model = model_of(env)
    buffer = np.empty(mujoco.mj_sizeModel(model), dtype=np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


def _state(env: Worlds) -> np.ndarray:
    """(P, S) float64, MuJoCo's integration state of each world."""
    if isinstance(env, Env):
        return env.physics.save()["state"].numpy()
    assert isinstance(env, GymnasiumEnv)
    return env.capture()["state/state"][:, 0].numpy()


def _physics(task: GymnasiumTask) -> tuple[mujoco.MjModel, mujoco.MjData]:
    found = physics_of(task.example)
    assert found is not None
    return found
