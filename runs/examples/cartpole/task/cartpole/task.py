"""Cartpole: scene, reset, termination and fitness after IsaacGymEnvs' Cartpole; SOURCES.md says what differs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.task import Episode, NoMemory, Task

SCENE = """
<mujoco model="cartpole">
  <option timestep="0.008333333333333333" integrator="implicitfast">
    <flag contact="disable"/>
  </option>
  <visual>
    <global offwidth="640" offheight="480"/>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.4 0.4 0.4"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.55 0.68 0.82" rgb2="0.93 0.95 0.97" width="128" height="768"/>
    <texture name="checker" type="2d" builtin="checker" rgb1="0.36 0.40 0.45" rgb2="0.46 0.50 0.55" width="256"
      height="256"/>
    <material name="checker" texture="checker" texrepeat="60 60" reflectance="0.05"/>
  </asset>
  <worldbody>
    <light pos="2 -2 6.85" dir="-0.3 0.3 -1" diffuse="0.6 0.6 0.6"/>
    <camera name="view" pos="5.2 -1.6 2.9" xyaxes="0.294 0.956 0 -0.125 0.038 0.991" fovy="32"/>
    <geom name="floor" type="plane" size="40 40 0.1" pos="0 0 1.85" material="checker"/>
    <geom name="rail" type="box" size="0.015 4 0.015" pos="0 0 2" rgba="0.75 0.75 0.78 1"/>
    <body name="cart" pos="0 0 2">
      <joint name="slider" type="slide" axis="0 1 0" range="-4 4" limited="true"/>
      <geom type="box" size="0.1 0.125 0.1" mass="1" rgba="0.16 0.38 0.66 1"/>
      <body name="pole" pos="0.12 0 0">
        <joint name="hinge" type="hinge" axis="1 0 0"/>
        <geom type="box" size="0.02 0.03 0.5" pos="0 0 0.47" mass="1" rgba="0.93 0.62 0.16 1"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="force" joint="slider" gear="400" ctrlrange="-1 1" ctrllimited="true"/>
  </actuator>
</mujoco>
"""


@dataclass(frozen=True)
class State:
    """What a reward may ask for."""

    cart_position: Tensor
    """(N,) m along the rail from its middle, world y."""
    cart_velocity: Tensor
    """(N,) m/s along the rail."""
    pole_angle: Tensor
    """(N,) rad from upright about world x; positive leans towards -y."""
    pole_velocity: Tensor
    """(N,) rad/s about world x."""
    action: Tensor
    """(N, 1) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 1) in [-1, 1], the action before it, 0 at the start of an episode."""


class Cartpole(Task[State, NoMemory]):
    """A cart of 1 kg slides on a rail; a pole of 1 kg and 1 m stands on it on a hinge without friction."""

    State = State
    control_period = 1 / 60
    horizon = 500
    action_size = 1
    fitness_unit = "control steps of 500"
    fitness_range = (1.0, 500.0)
    cart_limit = 3.0
    """m, an episode ends when the cart is farther than this from the middle of the rail."""
    angle_limit = math.pi / 2
    """rad, an episode ends when the pole leans more than this."""
    start_position = 0.1
    """m and rad, cart position and pole angle start uniformly within plus and minus this."""
    start_velocity = 0.25
    """m/s and rad/s, both velocities start uniformly within plus and minus this."""

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: NoMemory | None) -> NoMemory:
        limit, speed = self.start_position, self.start_velocity
        sim.assign(
            mask,
            qpos=noise.uniform("position", 2, low=-limit, high=limit),
            qvel=noise.uniform("velocity", 2, low=-speed, high=speed),
        )
        return NoMemory()

    def act(self, sim: Sim, memory: NoMemory, action: Tensor) -> NoMemory:
        """One number: the force on the cart along the rail, 400 N times the action."""
        sim.ctrl.copy_(action)
        return memory

    def state(self, sim: Sim, memory: NoMemory, action: Tensor, last_action: Tensor) -> State:
        position, velocity = sim.qpos.float(), sim.qvel.float()
        return State(
            cart_position=position[:, 0],
            cart_velocity=velocity[:, 0],
            pole_angle=position[:, 1],
            pole_velocity=velocity[:, 1],
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        return torch.stack([state.cart_position, state.cart_velocity, state.pole_angle, state.pole_velocity], dim=-1)

    def terminated(self, state: State, memory: NoMemory) -> Tensor:
        """The cart is more than 3 m from the middle of the rail, or the pole leans more than pi/2 rad."""
        return (state.cart_position.abs() > self.cart_limit) | (state.pole_angle.abs() > self.angle_limit)

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) control steps until the episode ended, 1..500."""
        return episode.length.float()
