"""Plays policies and records their trajectories: the trainer's part of `eureka play`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from eureka.rl.evaluation import RandomActor
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import normalize
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.video.trajectory import RUNNING, TERMINATED, TIMED_OUT, Part, pack

_GOAL = ("goal_position", "goal_rotation")  # target pose of the body `object`: (N, 3) and (N, 4)
_MARKED = re.compile(r"(.*_)?(goal|target)_position")
_NEAR, _COMPARED = 1e-3, 50  # m, within which the scene shows a goal itself, and the number of states compared
_MOST_SIDE, _MOST_BYTES = 1280, 1 << 28
"""Pixels of an environment's own picture along each side, of which others are left out, and bytes of all pictures."""
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
        own = () if isinstance(task, Task) else task.actions.choices
        if policy.shape.choices != own:
            kinds = [
                f"choices of {', '.join(map(str, sizes))}" if sizes else "numbers"
                for sizes in (policy.shape.choices, own)
            ]
            raise UserError(
                f"{file} is a policy of another task: its actions are {kinds[0]}, those of this task {kinds[1]}"
            )
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
    else:
        for library in ("VIDEO", "AUDIO"):  # so that pygame needs no screen and no sound
            os.environ.setdefault(f"SDL_{library}DRIVER", "dummy")
        env = task.open(seeds, 1, STREAM, draws=not task.physical)
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


@dataclass(frozen=True)
class Players:
    """What acts in P worlds: trained policies with the mean of their actions in some, random actions in the others."""

    env: Worlds
    random: RandomActor
    trained: Sequence[int]  # the worlds of the members of `policy`
    policy: Policy | None = None
    moments: RunningMoments | None = None

    def act(self) -> Tensor:
        """(P, 1, A) actions for the present observations."""
        action = self.random.mean(self.env.observation)
        if self.policy is not None and self.moments is not None:
            seen = self.env.observation[self.trained]
            action[self.trained] = self.policy.mean(normalize(self.moments, seen))
        return action


def players_of(files: Sequence[Path | None], task: Task | GymnasiumTask, env: Worlds, seed: int) -> Players:
    """Policies from files, and random actions for None; raises `UserError` as `open_policies`."""
    trained = [p for p, file in enumerate(files) if file is not None]
    random = RandomActor(env, task.action_size, seed)
    if not trained:
        return Players(env, random, trained)
    policy, moments = open_policies([file for file in files if file is not None], task, env)
    return Players(env, random, trained, policy, moments)


@torch.no_grad()
def play(
    env: Worlds,
    players: Players,
    programs: Sequence[Program | None],
    labels: Sequence[str],
    steps: int,
    episodes: int | None,
    marks: Sequence[str] = (),
    every: int = 1,
) -> tuple[Part, ...]:
    """Play and record every control step, until `steps` or `episodes` of each policy.

    `env` has one world per policy; `programs` are their rewards for one world, None if not known; `marks` are the
    fields with goals, from `marked`; `every` is the number of control steps per picture that the environment draws.
    """
    env.restart()
    recording, recorded = _Recording(env, programs, marks, every), []
    left = torch.full((len(programs),), episodes or 0)
    while len(recorded) < steps and (episodes is None or bool((left > 0).any())):
        step = env.step(players.act(), recording.add)
        ended = torch.where(step.terminated, TERMINATED, torch.where(step.timed_out, TIMED_OUT, RUNNING))
        recorded.append(torch.stack([step.fitness.double(), ended.double(), step.length.double()])[..., 0])
        left = left - (ended[:, 0] != RUNNING).int()
    return recording.parts(labels, torch.stack(recorded).numpy())


class _Recording:
    """What control steps of P policies show, before the reset of worlds in which an episode ends."""

    def __init__(self, env: Worlds, programs: Sequence[Program | None], marks: Sequence[str], every: int):
        self._env, self._programs, self._model = env, programs, model_of(env)
        self._marks, self._every, self._bytes = marks, every, 0
        self._states: list[np.ndarray] = []
        self._goals: list[Tensor] = []
        self._points: list[Tensor] = []
        self._values: list[list[Tensor]] = [[] for _ in programs]
        self._pictures: list[list[bytes]] = [[] for _ in programs]

    def add(self, fields: Mapping[str, Tensor]) -> Tensor:
        members = len(self._programs)
        if self._model is None and len(self._states) % self._every == 0:
            self._draw()
        self._states.append(_state(self._env) if self._model else np.zeros((members, 0)))
        known = all(name in fields for name in _GOAL)
        self._goals.append(torch.cat([fields[name] for name in _GOAL], dim=1) if known else torch.zeros(members, 0))
        points = [_point(fields[name]) for name in self._marks]
        self._points.append(torch.stack(points, 1) if points else torch.zeros(members, 0, 3))
        for p, program in enumerate(self._programs):
            if program is not None:
                reward = program(*[fields[name][p : p + 1] for name in program.inputs])
                self._values[p].append(torch.stack(list(reward))[:, 0])
        return torch.zeros(members, 1)

    def _draw(self) -> None:
        """Keep the pictures that the environments draw themselves."""
        assert isinstance(self._env, GymnasiumEnv)
        for pictures, picture in zip(self._pictures, self._env.pictures(), strict=True):
            apart = -(-max(picture.shape[:2]) // _MOST_SIDE)
            pictures.append(pack(picture[::apart, ::apart]))
            self._bytes += len(pictures[-1])
        if self._bytes > _MOST_BYTES:
            raise UserError(
                f"the pictures of gymnasium:{self._env.task.identifier} need more than {_MOST_BYTES >> 20} MB; film "
                "less with --seconds or --episodes"
            )

    def parts(self, labels: Sequence[str], rows: np.ndarray) -> tuple[Part, ...]:
        """The trajectories; `rows` (T, 3, P) are fitness, effect and length of each control step."""
        state, goal, point = np.stack(self._states), torch.stack(self._goals).numpy(), torch.stack(self._points).numpy()
        if self._model:
            point = point[:, :, _hidden(self._model, state, point)]
        parts = []
        for p, (label, program) in enumerate(zip(labels, self._programs, strict=True)):
            values = self._values[p]
            known = torch.stack(values).float().numpy() if values else np.zeros((len(rows), 0), np.float32)
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
                    pictures=tuple(self._pictures[p]),
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


def model_of(env: Worlds) -> mujoco.MjModel | None:
    """The compiled scene of `env`; None if MuJoCo does not simulate it."""
    if isinstance(env, Env):
        return env.physics.model
    assert isinstance(env, GymnasiumEnv)
    found = physics_of(env.task.example)
    return found[0] if found else None


def binary(env: Worlds) -> bytes:
    """The compiled scene of `env`, in MuJoCo's binary format; empty if MuJoCo does not simulate it."""
    model = model_of(env)
    if model is None:
        return b""
    buffer = np.empty(mujoco.mj_sizeModel(model), dtype=np.uint8)
    mujoco.mj_saveModel(model, None, buffer)
    return buffer.tobytes()


def _state(env: Worlds) -> np.ndarray:
    """(P, S) float64, MuJoCo's integration state of each world."""
    if isinstance(env, Env):
        return env.physics.save()["state"].numpy()
    assert isinstance(env, GymnasiumEnv)
    return env.capture()["state/state"][:, 0].numpy()
