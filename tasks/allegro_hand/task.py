"""Turn a cube in the Allegro Hand to one target orientation after another; SOURCES.md says where everything is from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.rotation import about_z, angle_between, conjugate, multiply
from eureka.task import Episode, Metric, Task, parameter

HAND_JOINTS = 16
START = (0.0, -0.2, 0.56)
"""m, world position of the cube as an episode begins: it falls on the fingers from there."""
CUBE_DAMPING = 3.9e-5
"""N m s/rad, which slows a free spin at a rate of 0.5 /s: the moment of inertia is 7.73e-5 kg m2."""

BEND = (-0.279244, 1.727825)
"""rad, of all joints that bend a finger."""
FINGERS = {
    "index": ((0.0514302, -0.03632, -0.0113), -0.0872639),
    "middle": ((0.0537375, 0.0087771, -0.0113), 0.0),
    "ring": ((0.0514302, 0.0538749, -0.0113), 0.0872639),
}
"""Where a finger begins, m in the palm's frame, and how far it is turned outwards, rad."""

# Links: x points to the fingertip, y to the side of the palm, z is the axis they bend about. The palm: x to the
# fingers, z out of the palm. Orientations are roll, pitch, yaw about fixed axes, as in a URDF.
WORLD = """
<mujoco model="allegro_hand">
  <compiler angle="radian" eulerseq="XYZ" autolimits="true"/>
  <option timestep="{timestep}" integrator="implicitfast" iterations="20"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.35 0.35 0.35" specular="0.1 0.1 0.1"/>
    <quality shadowsize="4096"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.55 0.68 0.82" rgb2="0.93 0.95 0.97" width="256" height="256"/>
    <texture name="checker" type="2d" builtin="checker" rgb1="0.36 0.40 0.45" rgb2="0.46 0.50 0.55"
             width="256" height="256"/>
    <material name="checker" texture="checker" texrepeat="20 20" reflectance="0.05"/>
    <material name="shell" rgba="0.16 0.17 0.19 1" specular="0.5" shininess="0.4"/>
    <material name="joint" rgba="0.42 0.44 0.48 1" specular="0.6" shininess="0.5"/>
    <material name="rubber" rgba="0.86 0.87 0.84 1" specular="0.1" shininess="0.1"/>
  </asset>
  <default>
    <geom contype="1" conaffinity="0" condim="3" friction="1 0.005 0.0001" material="shell"/>
    <joint type="hinge" axis="0 0 1" damping="0.1" armature="0.001"/>
    <position kp="3" forcerange="-0.5 0.5"/>
    <default class="tip"><geom condim="4" material="rubber"/></default>
    <default class="drawn"><geom contype="0" conaffinity="0" material="joint"/></default>
  </default>
  <worldbody>
    <light pos="0.5 -0.9 1.9" dir="-0.3 0.4 -1" diffuse="0.6 0.6 0.6" specular="0.2 0.2 0.2"/>
    <light pos="-0.6 0.3 1.5" dir="0.4 -0.3 -1" diffuse="0.25 0.25 0.25" castshadow="false"/>
    <camera name="view" pos="0.30 -0.46 0.76" xyaxes="0.705 0.709 0 -0.373 0.371 0.850" fovy="38"/>
    <geom name="floor" type="plane" size="4 4 0.1" class="drawn" material="checker"/>
    <body name="mount" pos="0 0 0.5" quat="0.257551 0.283045 0.683330 -0.621782">
      <geom class="drawn" type="cylinder" size="0.038 0.0115" pos="0 0 0.0115" mass="0.05"/>
      <body name="palm" pos="-0.008219 -0.02063 0.08086" euler="0 -1.570796 0.785398">
        <geom name="palm" type="box" size="0.050 0.0586 0.0204" pos="-0.0078 0.00875 -0.0204" mass="0.3"/>
        <geom name="housing" type="box" size="0.044 0.0586 0.0288" pos="-0.0049 0.00875 -0.0696" mass="0.1154"
              material="joint"/>
        {fingers}
        {thumb}
      </body>
    </body>
    <body name="object" pos="{start}">
      <freejoint name="object"/>
      <geom name="object" type="box" size="{half} {half} {half}" density="400" contype="0" conaffinity="1"
            material="rubber"/>
      {faces}
    </body>
  </worldbody>
  <contact>{pairs}</contact>
  <actuator>{actuators}</actuator>
  <sensor>
    <framepos name="object_position" objtype="xbody" objname="object"/>
    <framequat name="object_rotation" objtype="xbody" objname="object"/>
    <framelinvel name="object_linear_velocity" objtype="xbody" objname="object"/>
    <frameangvel name="object_angular_velocity" objtype="xbody" objname="object"/>
  </sensor>
</mujoco>
"""

FINGER = """
<body name="{name}_0" pos="{base}" euler="3.141593 -1.570796 {turn}" gravcomp="1">
  <joint name="{name}_0" range="-0.558489 0.558489"/>
  <geom class="drawn" type="box" size="0.0098 0.0135 0.011" pos="0 0 -0.0047" mass="0.0119"/>
  <body name="{name}_1" euler="3.141593 -1.570796 1.570796" gravcomp="1">
    <joint name="{name}_1" range="{bend}"/>
    <geom name="{name}_1" type="capsule" size="0.01225" fromto="0 -0.00245 0 0.054 -0.00245 0" mass="0.065"/>
    <body name="{name}_2" pos="0.054 0 0" gravcomp="1">
      <joint name="{name}_2" range="{bend}"/>
      <geom name="{name}_2" type="capsule" size="0.01225" fromto="0 -0.00245 0 0.0384 -0.00245 0" mass="0.0355"/>
      <body name="{name}_3" pos="0.0384 0 0" gravcomp="1">
        <joint name="{name}_3" range="{bend}"/>
        <geom name="{name}_3" type="capsule" size="0.0098" fromto="0.002 0 0 0.027 0 0" mass="0.0096" material="joint"/>
        <geom name="{name}_tip" class="tip" type="capsule" size="0.0088" fromto="0.038 0.0045 0 0.053 0.0055 0"
              mass="0.021"/>
      </body>
    </body>
  </body>
</body>
"""

THUMB = """
<body name="thumb_0" pos="-0.0367482 -0.0081281 -0.0295" euler="-1.570796 -1.570796 1.483486" gravcomp="1">
  <joint name="thumb_0" range="0.279244 1.570796"/>
  <geom class="drawn" type="box" size="0.017 0.0227 0.0198" pos="0.009 -0.0148 -0.0109" mass="0.0176"/>
  <body name="thumb_1" pos="0.005 0 0" euler="1.570796 0 0" gravcomp="1">
    <joint name="thumb_1" range="-0.331603 1.151883"/>
    <geom class="drawn" type="box" size="0.0135 0.0098 0.011" pos="0 0 0.0507" mass="0.0119"/>
    <body name="thumb_2" pos="0 0 0.0554" euler="3.141593 -1.570796 0" gravcomp="1">
      <joint name="thumb_2" range="{bend}"/>
      <geom name="thumb_2" type="capsule" size="0.01225" fromto="0 -0.00245 0 0.0514 -0.00245 0" mass="0.038"/>
      <body name="thumb_3" pos="0.0514 0 0" gravcomp="1">
        <joint name="thumb_3" range="-0.279244 1.762731"/>
        <geom name="thumb_3" type="capsule" size="0.0117" fromto="0.002 -0.002 0 0.040 -0.002 0" mass="0.0388"
              material="joint"/>
        <geom name="thumb_tip" class="tip" type="capsule" size="0.0088" fromto="0.053 0.0045 0 0.068 0.0055 0"
              mass="0.021"/>
      </body>
    </body>
  </body>
</body>
"""


def _pairs() -> Iterator[tuple[str, str]]:
    """Parts of the hand that keep each other apart: neighbouring fingers, the thumb and the fingers, tips and palm."""
    for left, right in (("index", "middle"), ("middle", "ring")):
        yield from ((f"{left}_{part}", f"{right}_{part}") for part in ("2", "3", "tip"))
    for finger in FINGERS:
        yield from (("thumb_tip", f"{finger}_{part}") for part in ("1", "2", "3", "tip"))
        yield from (("thumb_3", f"{finger}_{part}") for part in ("1", "2", "3", "tip"))
    yield from (("palm", f"{finger}_tip") for finger in (*FINGERS, "thumb"))


def _faces(half: float) -> Iterator[str]:
    """A coloured plate on each side of the cube, seen and not felt."""
    colours = ("0.85 0.2 0.2", "0.95 0.6 0.1", "0.2 0.6 0.25", "0.95 0.85 0.2", "0.2 0.35 0.8", "0.55 0.25 0.65")
    for side, colour in enumerate(colours):
        axis, sign = side // 2, 1 - 2 * (side % 2)
        size = [0.9 * half] * 3
        size[axis] = 0.0005
        place = [0.0] * 3
        place[axis] = sign * half
        yield f'<geom class="drawn" type="box" mass="0" rgba="{colour} 1" size="{_row(size)}" pos="{_row(place)}"/>'


def _row(numbers: tuple[float, ...] | list[float]) -> str:
    return " ".join(f"{x:g}" for x in numbers)


@dataclass(frozen=True)
class State:
    """What a reward may ask for. Joints come in the order index 0-3, middle 0-3, ring 0-3, thumb 0-3."""

    joint_position: Tensor
    """(N, 16) rad, index, middle, ring, thumb, each from base (0) to tip (3); 0 is straight, positive bends inwards."""
    joint_velocity: Tensor
    """(N, 16) rad/s, same order."""
    joint_force: Tensor
    """(N, 16) N m, torque of the actuators on each joint, same order."""
    object_position: Tensor
    """(N, 3) m, centre of the cube, world frame."""
    object_rotation: Tensor
    """(N, 4) unit quaternion wxyz, orientation of the cube, world frame."""
    object_linear_velocity: Tensor
    """(N, 3) m/s, of the cube, world frame."""
    object_angular_velocity: Tensor
    """(N, 3) rad/s, of the cube, world frame."""
    goal_position: Tensor
    """(N, 3) m, where the cube should stay, world frame; the same in every episode."""
    goal_rotation: Tensor
    """(N, 4) unit quaternion wxyz, the orientation to reach, world frame; a new one as soon as it is reached."""
    action: Tensor
    """(N, 16) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 16) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    goal_rotation: Tensor
    """(W, 4) wxyz."""


@dataclass(frozen=True)
class Constants:
    """Numbers of the scene, on the simulator's device."""

    joint_low: Tensor
    """(16,) rad."""
    joint_high: Tensor
    """(16,) rad."""
    cube_start: Tensor
    """(3,) m."""
    goal_position: Tensor
    """(3,) m."""


@dataclass(frozen=True)
class Parameters:
    """What can be changed of the task; the defaults are the paper's task."""

    success_angle: Tensor = parameter(
        0.1, "rad", 0.05, 1.0, "an orientation counts as reached when the cube is within this angle of it"
    )
    goal_step: Tensor = parameter(
        0.0, "rad", 0.0, 3.1, "each goal is turned by this angle about the vertical from the one before; 0: at random"
    )
    start_tilt: Tensor = parameter(
        math.pi, "rad", 0.0, math.pi, "the cube starts with a face turned away from the vertical by at most this angle"
    )


class AllegroHand(Task[State, Memory]):
    """An Allegro Hand of four fingers lies palm up, fingers along world -y, under a cube of 6.5 cm and 110 g."""

    State = State
    control_period = 1 / 30
    horizon = 600
    action_size = 16
    fitness_unit = "goals"
    fitness_range = (0.0, None)
    speed_bound = 500.0
    Parameters = Parameters
    metrics = (
        Metric("drops", "", "lower", "sum", "1 if the cube was dropped, else 0"),
        Metric("rotation_error", "rad", "lower", "mean", "angle between the cube's orientation and the goal's"),
    )
    fall_distance = 0.24
    """m, the cube counts as dropped when it is this far from goal_position."""
    cube_edge = 0.065
    """m, edge of the cube."""
    goal_height = 0.52
    """m, world z of goal_position, over the inner finger links; the palm's surface is at 0.51."""

    def __init__(self) -> None:
        self._constants: dict[torch.device, Constants] = {}

    def scene(self) -> mujoco.MjSpec:
        joints = [f"{finger}_{i}" for finger in (*FINGERS, "thumb") for i in range(4)]
        bend, half = _row(BEND), self.cube_edge / 2
        text = WORLD.format(
            timestep=1 / 120,
            fingers="".join(
                FINGER.format(name=name, base=_row(base), turn=turn, bend=bend)
                for name, (base, turn) in FINGERS.items()
            ),
            thumb=THUMB.format(bend=bend),
            start=_row(START),
            half=half,
            faces="".join(_faces(half)),
            pairs="".join(f'<pair geom1="{a}" geom2="{b}" condim="1"/>' for a, b in _pairs()),
            actuators="".join(f'<position name="{j}" joint="{j}" inheritrange="1"/>' for j in joints),
        )
        spec = mujoco.MjSpec.from_string(text)
        spec.joint("object").damping = (CUBE_DAMPING, 0.0, 0.0)
        return spec

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        c = self._constants_of(sim)
        joints = 0.2 * (c.joint_low + (c.joint_high - c.joint_low) * noise.uniform("joints", HAND_JOINTS))
        # A fifth of the thumb's first range lies mostly below its lower limit.
        joints = torch.maximum(joints, c.joint_low)
        cube = c.cube_start + noise.uniform("cube position", 3, low=-0.01, high=0.01)
        rotation = noise.tilted_rotation("cube rotation", self.parameters.start_tilt)
        sim.assign(mask, qpos=torch.cat([joints, cube, rotation], dim=-1))
        return Memory(goal_rotation=self._next_goal(rotation, noise))

    def _next_goal(self, rotation: Tensor, noise: Noise) -> Tensor:
        """(W, 4) wxyz, the goal after `rotation` (W, 4), which is the last goal or the cube's at the start."""
        step = self.parameters.goal_step
        turned = multiply(about_z(step), rotation)
        return torch.where(step[:, None] > 0.0, turned, noise.rotation("goal"))

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Sixteen target positions, one for each joint, from -1, its lower limit, to 1, its upper limit.

        Order: index, middle, ring, thumb, each from base to tip. Position controllers with limited torque move the
        joints there within about 0.2 s.
        """
        c = self._constants_of(sim)
        sim.ctrl.copy_(c.joint_low + (action + 1.0) * 0.5 * (c.joint_high - c.joint_low))
        return memory

    def _constants_of(self, sim: Sim) -> Constants:
        """Made once a device: a copy from the host has no place in a captured graph."""
        if sim.device not in self._constants:
            joints = sim.model.jnt_range[:HAND_JOINTS]
            values = (joints[:, 0], joints[:, 1], START, (*START[:2], self.goal_height))
            self._constants[sim.device] = Constants(
                *[torch.tensor(v, dtype=torch.float32, device=sim.device) for v in values]
            )
        return self._constants[sim.device]

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        cube = sim.sensordata.float()
        return State(
            joint_position=sim.qpos[:, :HAND_JOINTS].float(),
            joint_velocity=sim.qvel[:, :HAND_JOINTS].float(),
            joint_force=sim.qfrc_actuator[:, :HAND_JOINTS].float(),
            object_position=cube[:, 0:3],
            object_rotation=cube[:, 3:7],
            object_linear_velocity=cube[:, 7:10],
            object_angular_velocity=cube[:, 10:13],
            goal_position=self._constants_of(sim).goal_position.expand(sim.num_worlds, 3),
            goal_rotation=memory.goal_rotation,
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        """72 numbers: IsaacGymEnvs' `full` observation, joint positions in rad."""
        return torch.cat(
            [
                state.joint_position,
                0.2 * state.joint_velocity,
                state.object_position,
                state.object_rotation,
                state.object_linear_velocity,
                0.2 * state.object_angular_velocity,
                state.goal_position,
                state.goal_rotation,
                multiply(state.object_rotation, conjugate(state.goal_rotation)),
                state.action,
            ],
            dim=-1,
        )

    def privileged(self, state: State) -> Tensor:
        """(W, 16): the joint forces, which a real hand does not measure."""
        return state.joint_force

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The cube is dropped: its centre is 0.24 m or more from goal_position."""
        offset = state.object_position - state.goal_position
        return offset.square().sum(-1) >= self.fall_distance**2

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        angle = angle_between(state.object_rotation, state.goal_rotation)
        dropped = self.terminated(state, memory).float()
        return {"goals": self._reached(state).float(), "rotation_error": angle, "drops": dropped}

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) goal orientations reached before the cube was dropped or time ran out."""
        return episode.sums["goals"]

    def advance(self, sim: Sim, memory: Memory, state: State, noise: Noise) -> Memory:
        reached = self._reached(state)[:, None]
        goal = self._next_goal(memory.goal_rotation, noise)
        return replace(memory, goal_rotation=torch.where(reached, goal, memory.goal_rotation))

    def _reached(self, state: State) -> Tensor:
        return angle_between(state.object_rotation, state.goal_rotation) <= self.parameters.success_angle
