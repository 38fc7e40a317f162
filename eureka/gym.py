"""Tasks as gymnasium environments, for use with other learning libraries.

Importing this module registers every shipped task: `gymnasium.make_vec("eureka/MyTask-v0", num_envs=64)` returns a
`VectorTask`, `gymnasium.make` a `SingleTask`. gymnasium 1.x does not load plugins, so import this module, or let
gymnasium do it with the id `"eureka.gym:eureka/MyTask-v0"`. See docs/gymnasium.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from eureka.config.parameters import Curriculum, parse
from eureka.config.tasks import EnvironmentFile, LoadedTask, load_task, shipped_tasks
from eureka.envs.base import Step
from eureka.envs.env import Env
from eureka.envs.introspection import load_class, make_scene
from eureka.errors import EnvironmentFault, UserError
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.python import PlainReward, Reward
from eureka.system.hardware import cores
from eureka.task import tensors

_SEEDS = 2**62
_HEIGHT, _WIDTH = 480, 640


class VectorTask(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Worlds of one task, stepped together in one process.

    A world depends on its own seed alone: world i after `reset(seed=s)` has the same episodes as a `SingleTask` after
    `reset(seed=s + i)`. A world whose episode ends begins the next one in the same step (`AutoresetMode.SAME_STEP`).
    `terminated` is the task's own rule or a diverged simulation; `truncated` is the task's time limit.

    `step` returns in `infos`: `reward_components` by name, (num_envs,) each; where an episode ended, its `fitness`,
    `final_obs` and `final_info` with their masks; `diverged`, (num_envs,) bool, if any world did.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    # Older versions of gymnasium close environments whose construction failed.
    _camera: _Camera | None = None

    def __init__(
        self,
        task: str | Path,
        num_envs: int = 1,
        *,
        reward: str | Path | Reward | None = None,
        parameters: Mapping[str, Any] | None = None,
        render_mode: str | None = None,
        threads: int = 0,
    ):
        """Make the worlds.

        Args:
            task: the path of a task's YAML or the name of a shipped task; runs the task's Python file.
            num_envs: number of worlds.
            reward: "human" or "sparse" for one of the task's; the path of a Python file with `compute_reward`, such as
                `eureka export` writes; or such a function. It runs without a sandbox: review it before use. None for
                the task's human reward, or else its sparse one; without both, the reward is the fitness in the last
                step of an episode, and 0 before.
            parameters: values of the task's parameters by name, as in its YAML; others have the YAML's values.
            render_mode: None or "rgb_array".
            threads: simulation threads; 0 for one per CPU. Results do not depend on it.

        Raises:
            UserError: an argument is invalid.
        """
        if isinstance(num_envs, bool) or not isinstance(num_envs, int | np.integer) or num_envs < 1:
            raise UserError(f"num_envs must be a positive integer, not {num_envs!r}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UserError(f"no render mode {render_mode!r}; give 'rgb_array', or None for no images")
        loaded = _load(task)
        self.num_envs, self.render_mode = int(num_envs), render_mode
        self.task = load_class(loaded, _curriculum(loaded, parameters or {}))
        self._physics = ThreadPhysics(make_scene(self.task), self.num_envs, threads or min(self.num_envs, cores()))
        self._env = self._worlds([0] * self.num_envs)
        self._started = False
        self._fields: dict[str, Tensor] = {}
        size = self._present().shape[-1]
        self._components: dict[str, np.ndarray] = {}
        chosen = next(iter(loaded.rewards), None) if reward is None else reward
        self._reward = None if chosen is None else PlainReward.load(chosen, loaded, self._fields)
        self.single_observation_space = Box(-np.inf, np.inf, (size,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (self.task.action_size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.metadata = self.metadata | {"render_fps": round(1 / self.task.control_period)}
        if render_mode:
            self._camera = _Camera(self._physics.model)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin new episodes: with `seed` the first ones of the seeds, otherwise the next one of each world.

        Args:
            seed: world i gets `seed + i`, or entry i of a sequence, where None draws a seed. The first call without
                seeds draws them.
            options: `reset_mask`, (num_envs,) bool, selects the worlds to reset. It cannot be combined with a seed,
                because later goals may depend on the clock that all worlds share.
        """
        super().reset(seed=int(seed) if isinstance(seed, int | np.integer) else None)
        mask = _mask(options, self.num_envs)
        if mask is not None and (seed is not None or not self._started):
            raise UserError("options['reset_mask'] needs an earlier reset and no seed; reset all worlds first")
        if seed is not None or not self._started:
            self._env = self._worlds(self._seeds(seed))
            self._started = True
        else:
            self._env.begin_episodes(torch.ones(self.num_envs, dtype=torch.bool) if mask is None else mask)
        return self._present(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Apply (num_envs, action_size) actions, clamped to [-1, 1], for one control step."""
        if not self._started:
            raise UserError("call reset before the first step")
        given = np.asarray(actions, dtype=np.float32)
        if given.shape != self.action_space.shape:
            raise UserError(f"actions have shape {given.shape}; give {self.action_space.shape}")
        before = self._env.diverged
        with torch.no_grad():
            step = self._env.step(torch.tensor(given)[:, None], self._compute_reward)
        terminated, truncated = _array(step.terminated), _array(step.timed_out)
        infos: dict[str, Any] = {"reward_components": self._components}
        if self._env.diverged is not before:
            infos["diverged"] = (self._env.diverged != before).numpy()
        ended = terminated | truncated
        if ended.any():
            infos |= _final(step, ended, self._env.actor_size)
        seen = _array(step.observation[..., : self._env.actor_size])
        reward = _array(step.reward) if self._reward else np.where(ended, _array(step.fitness), np.float32(0.0))
        return seen, reward, terminated, truncated, infos

    def state_fields(self) -> dict[str, Tensor]:
        """The task's State by field, (num_envs, ...) each, as read by the reward of the latest step.

        That is before new goals and new episodes. After `reset` it is the initial state, with `action` 0.
        """
        return dict(self._fields)

    def render(self) -> tuple[np.ndarray, ...]:
        """An image of every world, (480, 640, 3) uint8 each."""
        if self._camera is None:
            raise UserError("rendering is off; make the environment with render_mode='rgb_array'")
        return tuple(self._camera.render(self._physics, world) for world in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Close the renderer."""
        if self._camera is not None:
            self._camera.close()

    def _worlds(self, seeds: Sequence[int]) -> Env:
        # One member per world: noise is then a function of the world's seed, not of its index.
        env = Env(self.task, self._physics, torch.tensor(seeds, dtype=torch.int64), "gymnasium")
        env.reset()
        return env

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int]:
        if seed is None or isinstance(seed, int | np.integer):
            first = int(self.np_random.integers(2**31)) if seed is None else int(seed)
            seeds = [first + i for i in range(self.num_envs)]
        else:
            seeds = [int(self.np_random.integers(2**31)) if s is None else int(s) for s in seed]
        if len(seeds) != self.num_envs or not all(0 <= s < _SEEDS for s in seeds):
            raise UserError(f"seed must be an integer in [0, 2**62), or {self.num_envs} of them, not {seed!r}")
        return seeds

    def _present(self) -> np.ndarray:
        """Read the current State and its observation."""
        env = self._env
        state = env.task.state(self._physics, env.memory, env.last_action, env.previous_action)
        self._fields = {name: value.clone() for name, value in {**tensors(state), **env.parameters}.items()}
        return env.task.observe(state).numpy().copy()

    def _compute_reward(self, fields: Mapping[str, Tensor]) -> Tensor:
        self._fields = {name: value.clone() for name, value in fields.items()}
        if self._reward is None:
            return torch.zeros(self.num_envs, 1)
        total, components = self._reward(self._fields)
        self._components = {name: value.numpy().copy() for name, value in components.items()}
        return total[:, None]


class SingleTask(gymnasium.Env[np.ndarray, np.ndarray]):
    """One world of a task; arguments, seeds and infos as in `VectorTask`, without the world axis.

    The step that ends an episode also begins the next one; `render` shows it, and `reset` without a seed returns its
    first observation.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self,
        task: str | Path,
        *,
        reward: str | Path | Reward | None = None,
        parameters: Mapping[str, Any] | None = None,
        render_mode: str | None = None,
    ):
        """Make the world; see `VectorTask`."""
        self._vector = VectorTask(task, 1, reward=reward, parameters=parameters, render_mode=render_mode, threads=1)
        self.task, self.render_mode = self._vector.task, render_mode
        self.observation_space = self._vector.single_observation_space
        self.action_space = self._vector.single_action_space
        self.metadata = self.metadata | {"render_fps": self._vector.metadata["render_fps"]}
        self._begun = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the first episode of `seed`, or the next one without a seed; `options` is ignored."""
        super().reset(seed=seed)
        begun, self._begun = self._begun, False
        if begun and seed is None:
            return self._vector._present()[0], {}
        if seed is None and not self._vector._started:
            seed = int(self.np_random.integers(2**31))
        return self._vector.reset(seed=seed)[0][0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Apply an action (action_size,), clamped to [-1, 1], for one control step."""
        observation, reward, terminated, truncated, infos = self._vector.step(np.asarray(action)[None])
        self._begun = bool(terminated[0] or truncated[0])
        info: dict[str, Any] = {
            "reward_components": {name: float(value[0]) for name, value in infos["reward_components"].items()}
        }
        if "diverged" in infos:
            info["diverged"] = True
        if self._begun:
            info["fitness"] = float(infos["fitness"][0])
            return infos["final_obs"][0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), info
        return observation[0], float(reward[0]), False, False, info

    def state_fields(self) -> dict[str, Tensor]:
        """The task's State by field; see `VectorTask.state_fields`."""
        return {name: value[0] for name, value in self._vector.state_fields().items()}

    def render(self) -> np.ndarray:  # type: ignore[override]
        """An image, (480, 640, 3) uint8."""
        return self._vector.render()[0]

    def close(self) -> None:
        """Close the renderer."""
        self._vector.close()


def register(task: str | Path) -> str:
    """Register a task by the path of its YAML; returns its id, `eureka/MyTask-v0` for the name `my_task`.

    Raises:
        UserError: the task does not exist, or is a Gymnasium environment already.
    """
    loaded = _load(task)
    name = "".join(part.capitalize() for part in loaded.file.name.split("_"))
    given = loaded.file.name if loaded.shipped else str(loaded.path)
    gymnasium.register(
        f"eureka/{name}-v0",
        entry_point="eureka.gym:SingleTask",
        vector_entry_point="eureka.gym:VectorTask",
        kwargs={"task": given},
    )
    return f"eureka/{name}-v0"


def _load(task: str | Path) -> LoadedTask:
    loaded = load_task(str(task))
    if isinstance(loaded.file, EnvironmentFile):
        identifier = loaded.file.identifier
        raise UserError(f"{task} is a Gymnasium environment already; make it with gymnasium.make({identifier!r})")
    return loaded


def _curriculum(loaded: LoadedTask, parameters: Mapping[str, Any]) -> Curriculum:
    for name, given in parameters.items():
        try:
            parse(given)
        except ValueError as error:
            raise UserError(f"parameters: {name}: {error}") from None
    return Curriculum({**loaded.curriculum.parameters, **parameters})


class _Camera:
    """Renders one world with the scene's camera `view`, or else MuJoCo's free camera."""

    def __init__(self, model: mujoco.MjModel):
        self._data = mujoco.MjData(model)
        self._camera = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "view")  # -1, the free one, if none
        try:
            self._renderer = mujoco.Renderer(model, _HEIGHT, _WIDTH)
        except Exception as error:  # OpenGL libraries raise many types without a display
            raise EnvironmentFault(
                "MuJoCo cannot render on this machine; install Mesa or a GPU driver and set MUJOCO_GL to egl or osmesa "
                f"before Python starts ({type(error).__name__}: {error})"
            ) from None

    def render(self, sim: ThreadPhysics, world: int) -> np.ndarray:
        self._data.qpos[:], self._data.qvel[:] = sim.qpos[world].numpy(), sim.qvel[world].numpy()
        mujoco.mj_forward(sim.model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.render().copy()

    def close(self) -> None:
        self._renderer.close()


def _mask(options: dict[str, Any] | None, count: int) -> Tensor | None:
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return None
    if not (isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (count,) and mask.any()):
        raise UserError(
            f"options['reset_mask'] must be a numpy array of {count} bool with at least one True, not {mask!r}"
        )
    return torch.tensor(mask)


def _final(step: Step, ended: np.ndarray, observed: int) -> dict[str, Any]:
    """The infos of ended episodes as in gymnasium's vector environments, with the fitness."""
    last, observations = np.full(len(ended), None, dtype=object), _array(step.terminal_observation[..., :observed])
    for world in np.flatnonzero(ended):
        last[world] = observations[world]
    fitness = np.where(ended, _array(step.fitness), np.float32(0.0))
    return {
        "fitness": fitness,
        "_fitness": ended.copy(),
        "final_obs": last,
        "_final_obs": ended.copy(),
        "final_info": {"fitness": fitness.copy(), "_fitness": ended.copy()},
        "_final_info": ended.copy(),
    }


def _array(values: Tensor) -> np.ndarray:
    """A copy (num_envs, ...) of a tensor (num_envs, 1, ...)."""
    return values[:, 0].numpy().copy()


for _name in shipped_tasks():
    register(_name)
