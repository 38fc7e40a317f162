"""Humanoid: scene, reset, termination and fitness after IsaacGymEnvs' Humanoid; SOURCES.md says what differs."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.rotation import rotate, unrotate
from eureka.task import Episode, Metric, Task, parameter

SIDES = (("right", -1), ("left", 1))
"""Names, and the sign of y on that side."""
TRUNK_GEARS = {"abdomen_z": 67.5, "abdomen_y": 67.5, "abdomen_x": 67.5}
LEG_GEARS = {"hip_x": 45, "hip_z": 45, "hip_y": 135, "knee": 90, "ankle_y": 22.5, "ankle_x": 22.5}
ARM_GEARS = {"shoulder1": 67.5, "shoulder2": 67.5, "elbow": 45}
GEARS = TRUNK_GEARS | {
    f"{side}_{j}": gear for limb in (LEG_GEARS, ARM_GEARS) for side, _ in SIDES for j, gear in limb.items()
}
"""N m of a full action, for every joint in the model's order."""
JOINTS = 21
TORSO = 1  # its body
TARGET = (1000.0, 0.0, 0.0)
"""m, world frame."""


def leg(side: str, s: int) -> str:
    """The MJCF of one leg; `s` is the sign of y on its side."""
    return f"""
          <body name="{side}_thigh" pos="0 {0.1 * s} -0.04">
            <joint name="{side}_hip_x" class="soft" axis="{-s} 0 0" range="-45 15"/>
            <joint name="{side}_hip_z" class="soft" axis="0 0 {-s}" range="-60 35"/>
            <joint name="{side}_hip_y" class="stiff" axis="0 1 0" range="-120 45"/>
            <geom name="{side}_thigh" class="limb" size="0.06" fromto="0 0 0 0 {-0.01 * s} -0.34"/>
            <body name="{side}_shin" pos="0 {-0.01 * s} -0.403">
              <joint name="{side}_knee" pos="0 0 0.02" axis="0 -1 0" range="-160 2"/>
              <geom name="{side}_shin" class="limb" size="0.049" fromto="0 0 0 0 0 -0.3"/>
              <body name="{side}_foot" pos="0 0 -0.39">
                <joint name="{side}_ankle_y" class="small" pos="0 0 0.08" axis="0 1 0" range="-50 50"/>
                <joint name="{side}_ankle_x" class="small" pos="0 0 0.08" axis="1 0 0.5" range="-50 50"/>
                <geom name="{side}_foot_outer" class="{side}" size="0.027" fromto="-.07 {0.02 * s} 0 .14 {0.04 * s} 0"/>
                <geom name="{side}_foot_inner" class="{side}" size="0.027" fromto="-.07 0 0 .14 {-0.02 * s} 0"/>
              </body>
            </body>
          </body>"""


def arm(side: str, s: int) -> str:
    """The MJCF of one arm; `s` is the sign of y on its side."""
    return f"""
      <body name="{side}_upper_arm" pos="0 {0.17 * s} 0.06">
        <joint name="{side}_shoulder1" class="soft" axis="{-2 * s} 1 {-s}" range="-90 70"/>
        <joint name="{side}_shoulder2" class="soft" axis="0 -1 {-s}" range="-90 70"/>
        <geom name="{side}_upper_arm" class="limb" size="0.04" fromto="0 0 0 0.16 {0.16 * s} -0.16"/>
        <body name="{side}_lower_arm" pos="0.18 {0.18 * s} -0.18">
          <joint name="{side}_elbow" class="small" axis="0 -1 {-s}" range="-90 50"/>
          <geom name="{side}_lower_arm" class="limb" size="0.031" fromto=".01 {-0.01 * s} .01 .17 {-0.17 * s} .17"/>
          <body name="{side}_hand" pos="0.18 {-0.18 * s} 0.18">
            <geom name="{side}_hand" class="{side}" type="sphere" size="0.04"/>
          </body>
        </body>
      </body>"""


FOOT_SENSOR = '<contact name="{0}_foot" geom1="floor" body2="{0}_foot" data="force" reduce="netforce"/>'

SCENE = f"""
<mujoco model="humanoid">
  <option timestep="{1 / 120}" integrator="implicitfast"/>
  <statistic center="0 0 1" extent="3"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <headlight ambient="0.3 0.3 0.3" diffuse="0.3 0.3 0.3" specular="0 0 0"/>
    <quality shadowsize="4096"/>
    <map shadowclip="2"/>
    <rgba haze="0.8 0.88 0.95 1"/>
  </visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1=".8 .88 .95" rgb2=".4 .55 .7" width="64" height="64"/>
    <texture name="checker" type="2d" builtin="checker" rgb1=".55 .58 .6" rgb2=".45 .48 .5" width="64" height="64"/>
    <material name="floor" texture="checker" texrepeat="1 1" texuniform="true" reflectance="0"/>
    <material name="trunk" rgba="0.85 0.45 0.15 1"/>
    <material name="limb" rgba="0.3 0.34 0.4 1"/>
    <material name="right" rgba="0.9 0.68 0.2 1"/>
    <material name="left" rgba="0.35 0.6 0.75 1"/>
  </asset>
  <default>
    <geom type="capsule" friction="1 0.05 0.05" condim="1" solref="0.015 1" solimp="0.9 0.99 0.003" material="trunk"/>
    <joint type="hinge" damping="0.1" stiffness="5" armature="0.007" limited="true" solimplimit="0 0.99 0.01"/>
    <motor ctrlrange="-1 1" ctrllimited="true"/>
    <default class="small"><joint damping="1" stiffness="2" armature="0.006"/></default>
    <default class="soft"><joint damping="5" stiffness="10" armature="0.01"/></default>
    <default class="stiff"><joint damping="5" stiffness="20" armature="0.01"/></default>
    <default class="limb"><geom material="limb"/></default>
    <default class="right"><geom material="right"/></default>
    <default class="left"><geom material="left"/></default>
    <default class="waist"><joint damping="5" stiffness="20" armature="0.02"/></default>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1" material="floor" condim="3"/>
    <body name="torso" pos="0 0 1.34">
      <camera name="view" mode="trackcom" pos="-1.3 -2.6 0.35" xyaxes="0.894 -0.447 0 0.1 0.2 0.975"/>
      <light mode="trackcom" directional="true" pos="-1.2 -1.2 4" dir="0.3 0.3 -1" diffuse="0.6 0.6 0.6"/>
      <freejoint name="root"/>
      <geom name="chest" size="0.07" fromto="0 -0.07 0 0 0.07 0"/>
      <geom name="upper_waist" size="0.06" fromto="-0.01 -0.06 -0.12 -0.01 0.06 -0.12"/>
      <body name="head" pos="0 0 0.19">
        <geom name="head" type="sphere" size="0.09"/>
      </body>
      <body name="lower_waist" pos="-0.01 0 -0.26" quat="1 0 -0.002 0">
        <joint name="abdomen_z" class="waist" pos="0 0 0.065" axis="0 0 1" range="-45 45"/>
        <joint name="abdomen_y" class="stiff" pos="0 0 0.065" axis="0 1 0" range="-75 30"/>
        <geom name="lower_waist" size="0.06" fromto="0 -0.06 0 0 0.06 0"/>
        <body name="pelvis" pos="0 0 -0.165" quat="1 0 -0.002 0">
          <joint name="abdomen_x" class="soft" pos="0 0 0.1" axis="1 0 0" range="-35 35"/>
          <geom name="pelvis" size="0.09" fromto="-0.02 -0.07 0 -0.02 0.07 0"/>
          {"".join(leg(*which) for which in SIDES)}
        </body>
      </body>
      {"".join(arm(*which) for which in SIDES)}
    </body>
  </worldbody>
  <actuator>
    {"".join(f'<motor name="{joint}" joint="{joint}" gear="{gear}"/>' for joint, gear in GEARS.items())}
  </actuator>
  <sensor>
    {"".join(FOOT_SENSOR.format(name) for name, _ in SIDES)}
  </sensor>
</mujoco>
"""


@dataclass(frozen=True)
class State:
    """What a reward may ask for."""

    torso_position: Tensor
    """(N, 3) m, centre of the torso, world frame; z is its height over the floor."""
    torso_rotation: Tensor
    """(N, 4) unit quaternion wxyz, orientation of the torso, world frame."""
    torso_linear_velocity: Tensor
    """(N, 3) m/s, of the torso, world frame."""
    torso_angular_velocity: Tensor
    """(N, 3) rad/s, of the torso, world frame."""
    up_vector: Tensor
    """(N, 3) in [-1, 1], unit vector: the torso's z axis in the world frame."""
    heading_vector: Tensor
    """(N, 3) in [-1, 1], unit vector: the torso's x axis, its front, in the world frame."""
    up_projection: Tensor
    """(N,) in [-1, 1], cosine between the torso's z axis and the vertical: 1 upright, -1 upside down."""
    heading_projection: Tensor
    """(N,) in [-1, 1], heading_vector along the horizontal direction to the target: 1 facing it, -1 turned away."""
    target_position: Tensor
    """(N, 3) m, where the humanoid should run to, world frame; the same in every episode and never reached."""
    target_distance: Tensor
    """(N,) m, from the torso to the target, horizontally."""
    progress: Tensor
    """(N,) m/s, by how much this control step shortened target_distance, divided by control_period."""
    joint_position: Tensor
    """(N, 21) rad, in the order abdomen z, y, x; right hip x, z, y, knee, ankle y, x; the same of the left leg; right
    shoulder 1, 2, elbow; the same of the left arm. 0 is the upright pose with the arms in front."""
    joint_position_scaled: Tensor
    """(N, 21) in [-1, 1], the same from lower to upper limit; slightly beyond when pressed against a limit."""
    joint_velocity: Tensor
    """(N, 21) rad/s, same order."""
    joint_force: Tensor
    """(N, 21) N m, of the motor in each joint, same order."""
    foot_force: Tensor
    """(N, 2, 3) N, of the floor on the right and the left foot, world frame, at the end of the control step."""
    action: Tensor
    """(N, 21) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 21) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    position: Tensor
    """(W, 2) m, x and y of the torso before this control step's physics, in the simulator's own precision."""


@dataclass(frozen=True)
class Constants:
    """Numbers of the scene, on the simulator's device."""

    start: Tensor
    """(7,) m and wxyz, of the torso."""
    joint_low: Tensor
    """(21,) rad."""
    joint_high: Tensor
    """(21,) rad."""
    target: Tensor
    """(3,) m."""
    forward: Tensor
    """(3,) unit vector, the torso's front in its own frame."""
    up: Tensor
    """(3,) unit vector, the vertical."""
    lift: Tensor
    """(3,) N, half the weight, upwards."""


@dataclass(frozen=True)
class Parameters:
    """What can be changed of the task; the defaults are the paper's task."""

    support: Tensor = parameter(
        0.0, "", 0.0, 1.0, "share of an aid: a lift of half the weight, and a torque that turns the torso upright"
    )


UPRIGHT_TORQUE = (200.0, 20.0)
"""N m for the sine of the torso's tilt, and N m s/rad against its spin: of the aid as a whole."""


class Humanoid(Task[State, Memory]):
    """A humanoid of 41 kg, about 1.6 m tall, starts upright on a floor. Its 21 joints have dampers, and springs that
    draw them to 0. The target is 1000 m away from the start, along world x, and the humanoid starts facing it.
    """

    State = State
    control_period = 1 / 60
    horizon = 1000
    action_size = JOINTS
    fitness_unit = "m/s"
    Parameters = Parameters
    metrics = (
        Metric("falls", "", "lower", "sum", "1 if the humanoid fell, else 0"),
        Metric("upright", "", "higher", "mean", "cosine between the torso's z axis and the vertical"),
    )
    fall_height = 0.8
    """m, an episode ends when the torso's centre is lower than this."""
    start_height = 1.34
    """m, height of the torso's centre at the start."""
    start_angle = 0.2
    """rad, joints start uniformly within plus and minus this from 0, but never beyond their limits."""
    start_velocity = 0.1
    """rad/s, joint velocities start uniformly within plus and minus this."""

    def __init__(self) -> None:
        self._constants: dict[torch.device, Constants] = {}

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        c = self._constants_of(sim)
        rest = torch.zeros_like(c.joint_low).clamp(c.joint_low, c.joint_high)
        angles = rest + noise.uniform("angles", JOINTS, low=-self.start_angle, high=self.start_angle)
        angles = angles.clamp(c.joint_low, c.joint_high)
        speeds = noise.uniform("velocities", JOINTS, low=-self.start_velocity, high=self.start_velocity)
        still = torch.zeros_like(speeds[:, :6])
        root = c.start.expand(sim.num_worlds, 7)
        sim.assign(mask, qpos=torch.cat([root, angles], dim=-1), qvel=torch.cat([still, speeds], dim=-1))
        return Memory(position=sim.qpos[:, :2].clone())

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Twenty-one torques on the joints in their order, each the action times: 67.5 N m for abdomen z, y, x; for the
        right leg 45 N m for hip x, 45 for hip z, 135 for hip y, 90 for the knee, 22.5 for ankle y, 22.5 for ankle x;
        the same for the left leg; for the right arm 67.5 for shoulder 1, 67.5 for shoulder 2, 45 for the elbow; the
        same for the left arm.
        """
        sim.ctrl.copy_(action)
        sim.xfrc_applied[:, TORSO] = self._aid(sim)
        return Memory(position=sim.qpos[:, :2].clone())

    def _aid(self, sim: Sim) -> Tensor:
        """(W, 6) N and N m, force and torque on the torso, world frame."""
        c, (stiffness, damping) = self._constants_of(sim), UPRIGHT_TORQUE
        rotation, velocity = sim.qpos[:, 3:7].float(), sim.qvel.float()
        vertical = c.up.expand(sim.num_worlds, 3)
        torque = stiffness * torch.linalg.cross(rotate(rotation, vertical), vertical, dim=-1)
        torque = torque - damping * rotate(rotation, velocity[:, 3:6])
        aid = torch.cat([c.lift.expand(sim.num_worlds, 3), torque], dim=-1)
        return (self.parameters.support[:, None] * aid).to(sim.xfrc_applied.dtype)

    def _constants_of(self, sim: Sim) -> Constants:
        """Made once a device: a copy from the host has no place in a captured graph."""
        if sim.device not in self._constants:
            limits = sim.model.jnt_range[1:]
            start = (0.0, 0.0, self.start_height, 1.0, 0.0, 0.0, 0.0)
            lift = (0.0, 0.0, -0.5 * sim.model.body_mass.sum() * sim.model.opt.gravity[2])
            values = (start, limits[:, 0], limits[:, 1], TARGET, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), lift)
            self._constants[sim.device] = Constants(
                *[torch.tensor(v, dtype=torch.float32, device=sim.device) for v in values]
            )
        return self._constants[sim.device]

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        c = self._constants_of(sim)
        position, velocity = sim.qpos.float(), sim.qvel.float()
        rotation = position[:, 3:7]
        up, heading = (rotate(rotation, axis.expand(sim.num_worlds, 3)) for axis in (c.up, c.forward))
        angles = position[:, 7:]
        distance, progress = self._approach(memory.position, sim.qpos[:, :2], c.target[:2])
        return State(
            torso_position=position[:, :3],
            torso_rotation=rotation,
            torso_linear_velocity=velocity[:, :3],
            # MuJoCo gives a free joint's spin in the body's own frame.
            torso_angular_velocity=rotate(rotation, velocity[:, 3:6]),
            up_vector=up,
            heading_vector=heading,
            up_projection=up[:, 2],
            heading_projection=(heading * _direction(c.target, position[:, :3])).sum(-1),
            target_position=c.target.expand(sim.num_worlds, 3),
            target_distance=distance,
            progress=progress,
            joint_position=angles,
            joint_position_scaled=(2.0 * angles - c.joint_high - c.joint_low) / (c.joint_high - c.joint_low),
            joint_velocity=velocity[:, 6:],
            joint_force=sim.qfrc_actuator[:, 6:].float(),
            foot_force=sim.sensordata.float().reshape(sim.num_worlds, len(SIDES), 3),
            action=action,
            last_action=last_action,
        )

    def _approach(self, before: Tensor, now: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """(W,) m, the distance now, and (W,) m/s, how fast it fell from `before`; positions (W, 2) m."""
        to_before, to_now = target - before, target - now
        far, near = torch.linalg.vector_norm(to_before, dim=-1), torch.linalg.vector_norm(to_now, dim=-1)
        # By a2 - b2 = (a - b) (a + b): the plain difference of two distances near 1000 m is too coarse in float32.
        shortened = ((now - before) * (to_before + to_now)).sum(-1) / (far + near)
        return near.float(), (shortened / self.control_period).float()

    def observe(self, state: State) -> Tensor:
        """82 numbers; velocities and directions in the torso's frame, so that nothing depends on where it is."""
        up = torch.stack([torch.zeros_like(state.progress)] * 2 + [torch.ones_like(state.progress)], dim=-1)
        toward = _direction(state.target_position, state.torso_position)
        inward = (state.torso_linear_velocity, state.torso_angular_velocity, up, toward)
        return torch.cat(
            [
                state.torso_position[:, 2:],
                *[unrotate(state.torso_rotation, vector) for vector in inward],
                state.joint_position_scaled,
                0.1 * state.joint_velocity,
                0.01 * state.foot_force.flatten(1),
                state.action,
            ],
            dim=-1,
        )

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The torso's centre is lower than 0.8 m."""
        return state.torso_position[:, 2] < self.fall_height

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        fallen = self.terminated(state, memory).float()
        return {"progress": state.progress, "falls": fallen, "upright": state.up_projection}

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) m/s, distance made toward the target over the time of a whole episode, however early it ended."""
        return episode.sums["progress"] / self.horizon


def _direction(target: Tensor, position: Tensor) -> Tensor:
    """(W, 3) unit vectors, horizontal, from `position` (W, 3) to `target`."""
    offset = (target - position)[:, :2]
    flat = offset / torch.linalg.vector_norm(offset, dim=-1, keepdim=True)
    return torch.cat([flat, torch.zeros_like(flat[:, :1])], dim=-1)
