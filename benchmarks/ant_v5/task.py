"""Gymnasium's Ant-v5 on our physics: its own scene file, observation, reward, termination and resets.

Contact forces are left out on both sides (`include_cfrc_ext_in_observation=False, contact_cost_weight=0`), because
`mujoco.batch` computes them for scenes with certain sensors only, and the scene stays as it is. In one thing the two
differ: gymnasium reads the torso's place before the last substep's integration, here it is that after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gymnasium.envs.mujoco
import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.task import Episode, Task

SCENE = Path(gymnasium.envs.mujoco.__file__).parent / "assets" / "ant.xml"
HEALTHY = (0.2, 1.0)
"""m, heights of the torso between which the ant is healthy."""
FORWARD, SURVIVE, CONTROL = 1.0, 1.0, 0.5
"""Weights of the reward's terms."""


@dataclass(frozen=True)
class State:
    """What the reward and the observation are made of."""

    position: Tensor
    """(N, 15) m, unit quaternion wxyz, rad: MuJoCo's qpos."""
    velocity: Tensor
    """(N, 14) m/s and rad/s: MuJoCo's qvel."""
    forward_velocity: Tensor
    """(N,) m/s, mean of the torso along x over this control step."""
    healthy: Tensor
    """(N,) 1 while the torso is between 0.2 and 1.0 m high, else 0."""
    action: Tensor
    """(N, 8) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 8) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    x: Tensor
    """(W,) m, place of the torso before this control step's physics."""


class AntV5(Task[State, Memory]):
    """An ant of four legs with two joints each stands on a floor."""

    State = State
    control_period = 0.05
    horizon = 1000
    action_size = 8
    reset_noise = 0.1
    """Positions start uniformly within plus and minus this, velocities normally with this deviation."""

    def __init__(self) -> None:
        self._rest: dict[torch.device, Tensor] = {}

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_file(str(SCENE))

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        if sim.device not in self._rest:  # made once: a copy from the host has no place in a captured graph
            self._rest[sim.device] = torch.tensor(sim.model.qpos0, dtype=torch.float32, device=sim.device)
        shift = noise.uniform("position", 15, low=-self.reset_noise, high=self.reset_noise)
        sim.assign(mask, qpos=self._rest[sim.device] + shift, qvel=self.reset_noise * noise.normal("velocity", 14))
        return Memory(x=sim.qpos[:, 0].clone())

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Eight torques, 150 N m times the action."""
        sim.ctrl.copy_(action)
        return Memory(x=sim.qpos[:, 0].clone())

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        position = sim.qpos.float()
        height = position[:, 2]
        return State(
            position=position,
            velocity=sim.qvel.float(),
            forward_velocity=((sim.qpos[:, 0] - memory.x) / self.control_period).float(),
            healthy=((height >= HEALTHY[0]) & (height <= HEALTHY[1])).float(),
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        return torch.cat([state.position[:, 2:], state.velocity], dim=-1)

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The torso is lower than 0.2 m or higher than 1.0 m."""
        return state.healthy < 0.5

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        cost = CONTROL * state.action.square().sum(-1)
        return {"reward": FORWARD * state.forward_velocity + SURVIVE * state.healthy - cost}

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) the return, undiscounted."""
        return episode.sums["reward"]
