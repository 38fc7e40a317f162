"""Plays policies and records their trajectories: the trainer's part of `eureka play`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from eureka.envs.base import Worlds
from eureka.envs.env import Env
from eureka.envs.gymnasium.env import GymnasiumEnv, GymnasiumTask
from eureka.envs.gymnasium.fields import physics_of
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.rewards.program import Program
from eureka.rl.checkpoints import load_policies
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import normalize
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.video.trajectory import RUNNING, TERMINATED, TIMED_OUT, Part

_GOAL = ("goal_position", "goal_rotation")  # target pose of the body `object`: (N, 3) and (N, 4)
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


@torch.no_grad()
def play(
    env: Worlds,
    policy: Policy,
    moments: RunningMoments,
    programs: Sequence[Program | None],
    labels: Sequence[str],
    steps: int,
    episodes: int | None,
) -> tuple[Part, ...]:
    """Play with mean actions and record every control step, until `steps` or `episodes` of each policy.

    `env` has one world per policy; `programs` are their rewards for one world, None if not known.
    """
    env.restart()
    members = len(programs)
    states: list[np.ndarray] = []
    values: list[list[Tensor]] = [[] for _ in programs]
    recorded: list[Tensor] = []
    goals: list[Tensor] = []

    def record(fields: dict[str, Tensor]) -> Tensor:
        states.append(_state(env))
        known = all(name in fields for name in _GOAL)
        goals.append(torch.cat([fields[name] for name in _GOAL], dim=1) if known else torch.zeros(members, 0))
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
            )
        )
    return tuple(parts)


def binary(env: Worlds) -> bytes:
    """The compiled scene of `env`, in MuJoCo's binary format."""
    if isinstance(env, Env):
        model = env.physics.model
    else:
        assert isinstance(env, GymnasiumEnv)
        model = _physics(env.task)[0]
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
