"""A gantry crane carries a hanging load over a wall and sets it to rest at a target. Written for this repository."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.task import Episode, Metric, Task

RAIL = 2.5
"""m, height of the trolley over the floor."""
LATE = 40
"""Control steps at the end of an episode in which the load is to rest at its target."""

SCENE = f"""
<mujoco model="crane">
  <compiler angle="radian"/>
  <option timestep="0.005" integrator="implicitfast">
    <flag contact="disable"/>
  </option>
  <visual>
    <global offwidth="640" offheight="480"/>
    <headlight ambient="0.4 0.4 0.4" diffuse="0.4 0.4 0.4"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.62 0.74 0.86" rgb2="0.93 0.95 0.97" width="128" height="768"/>
    <texture name="floor" type="2d" builtin="checker" rgb1="0.55 0.58 0.62" rgb2="0.65 0.68 0.72" width="256"
      height="256"/>
    <material name="floor" texture="floor" texrepeat="2 2" texuniform="true"/>
  </asset>
  <worldbody>
    <light pos="0 -3 5" dir="0 0.4 -1" directional="true" diffuse="0.6 0.6 0.6"/>
    <camera name="view" pos="0 -6.2 1.9" xyaxes="1 0 0 0 0.1 1" fovy="38"/>
    <geom name="floor" type="plane" size="0 0 0.5" material="floor"/>
    <geom name="rail" type="box" size="2.4 0.03 0.03" pos="0 0 {RAIL + 0.09}" rgba="0.75 0.75 0.78 1"/>
    <geom name="wall" type="box" size="0.05 0.4 0.6" pos="0 0 0.6" rgba="0.7 0.35 0.25 1"/>
    <body name="trolley" pos="0 0 {RAIL}">
      <joint name="trolley" type="slide" axis="1 0 0" range="-2 2" limited="true" damping="1"/>
      <geom type="box" size="0.12 0.1 0.06" mass="5" rgba="0.16 0.38 0.66 1"/>
      <body name="cable">
        <joint name="swing" type="hinge" axis="0 -1 0" damping="0.02"/>
        <geom type="sphere" size="0.02" mass="0.05" rgba="0.3 0.32 0.35 1"/>
        <body name="load">
          <joint name="hoist" type="slide" axis="0 0 -1" range="0.4 2.3" limited="true"/>
          <geom type="box" size="0.1 0.1 0.1" mass="2" rgba="0.93 0.62 0.16 1"/>
          <geom type="capsule" size="0.006" fromto="0 0 0 0 0 0.4" mass="0" rgba="0.2 0.2 0.2 1"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <velocity name="trolley" joint="trolley" kv="60" ctrlrange="-1.5 1.5" forcerange="-40 40"/>
    <velocity name="hoist" joint="hoist" kv="200" ctrlrange="-0.8 0.8" forcerange="-80 40"/>
  </actuator>
</mujoco>
"""


@dataclass(frozen=True)
class State:
    """What a reward may ask for. All motion is in the vertical plane of world x (along the rail) and z (up)."""

    trolley_position: Tensor
    """(N,) m, along the rail, world x."""
    trolley_velocity: Tensor
    """(N,) m/s, along the rail."""
    cable_length: Tensor
    """(N,) m, from the trolley, 2.5 m over the floor, to the load's centre, 0.4 to 2.3."""
    cable_velocity: Tensor
    """(N,) m/s, at which the cable gets longer."""
    cable_angle: Tensor
    """(N,) rad, of the cable; 0 hangs straight down, positive swings the load to +x."""
    cable_rate: Tensor
    """(N,) rad/s, of that angle."""
    load_position: Tensor
    """(N, 2) m, x and z of the load's centre, world frame."""
    load_velocity: Tensor
    """(N, 2) m/s, of the load's centre along x and z, world frame."""
    target_position: Tensor
    """(N, 2) m, x and z at which the load's centre is to rest, world frame; on the far side of the wall."""
    action: Tensor
    """(N, 2) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 2) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    target: Tensor
    """(W, 2) m."""
    step: Tensor
    """(W,) int64, control steps of the episode so far."""


class Crane(Task[State, Memory]):
    """A trolley of 5 kg runs on a rail 2.5 m over the floor and carries a box of 2 kg on a cable of variable length.

    A wall stands across the rail at x = 0. The load begins at rest at x = -1.6 to -0.8 m, low behind the wall, and its
    target is at x = 0.8 to 1.6 m, 0.3 to 1.0 m over the floor.
    """

    State = State
    control_period = 1 / 20
    horizon = 200
    action_size = 2
    fitness_unit = "of the last 2 s at rest at the target"
    fitness_range = (0.0, 1.0)
    metrics = (
        Metric("distance", "m", "lower", "last", "from the load to its target at the end of the episode"),
        Metric("hits", "", "lower", "sum", "1 if the load hit the wall or the floor, or swung too far, else 0"),
    )
    wall_height = 1.2
    """m, of the wall over the floor."""
    wall_half_width = 0.05
    """m, the wall reaches from minus this to plus this in x."""
    load_half_width = 0.1
    """m, from the load's centre to its sides."""
    near = 0.15
    """m, the load counts as being at its target when it is closer than this."""
    slow = 0.2
    """m/s, the load counts as being at rest when it is slower than this."""
    widest_swing = 1.0
    """rad, an episode ends when the cable's angle is larger than this."""

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        trolley = noise.uniform("trolley", 1, low=-1.6, high=-0.8)
        cable = noise.uniform("cable", 1, low=1.6, high=2.2)
        sim.assign(mask, qpos=torch.cat([trolley, torch.zeros_like(trolley), cable], dim=-1))
        target = torch.cat(
            [noise.uniform("aside", 1, low=0.8, high=1.6), noise.uniform("up", 1, low=0.3, high=1.0)], -1
        )
        return Memory(target=target, step=torch.zeros_like(mask, dtype=torch.int64))

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Two numbers: the velocity at which the trolley is to run, and that at which the cable is to get longer.

        The trolley's is 1.5 m/s times the action, by a drive of at most 40 N; the cable's is 0.8 m/s times the action.
        """
        sim.ctrl.copy_(torch.stack([1.5 * action[:, 0], 0.8 * action[:, 1]], dim=-1))
        return Memory(target=memory.target, step=memory.step + 1)

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        trolley, angle, length = sim.qpos.float().unbind(-1)
        speed, rate, hoist = sim.qvel.float().unbind(-1)
        sine, cosine = angle.sin(), angle.cos()
        return State(
            trolley_position=trolley,
            trolley_velocity=speed,
            cable_length=length,
            cable_velocity=hoist,
            cable_angle=angle,
            cable_rate=rate,
            load_position=torch.stack([trolley + length * sine, RAIL - length * cosine], dim=-1),
            load_velocity=torch.stack(
                [speed + hoist * sine + length * rate * cosine, length * rate * sine - hoist * cosine], dim=-1
            ),
            target_position=memory.target,
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        """11 numbers."""
        alone = (
            state.trolley_position,
            state.trolley_velocity,
            state.cable_length - 1.5,
            state.cable_velocity,
            2.0 * state.cable_angle,
            state.cable_rate,
        )
        pairs = (state.target_position - state.load_position, state.load_velocity, state.load_position[:, 1:])
        return torch.cat([torch.stack(alone, dim=-1), *pairs], dim=-1)

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The load touches the wall or the floor, or the cable's angle is larger than 1 rad."""
        x, z = state.load_position.unbind(-1)
        beside = x.abs() < self.wall_half_width + self.load_half_width
        wall = beside & (z < self.wall_height + self.load_half_width)
        return wall | (z < self.load_half_width) | (state.cable_angle.abs() > self.widest_swing)

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        distance = (state.load_position - state.target_position).square().sum(-1).sqrt()
        speed = state.load_velocity.square().sum(-1).sqrt()
        resting = (distance < self.near) & (speed < self.slow)
        late = memory.step > self.horizon - LATE
        return {
            "rested": (resting & late).float(),
            "distance": distance,
            "hits": self.terminated(state, memory).float(),
        }

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) share of the last 40 control steps of the horizon in which the load rested at its target."""
        return episode.sums["rested"] / LATE
