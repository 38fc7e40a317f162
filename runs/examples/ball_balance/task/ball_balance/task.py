"""Keep a ball on a tray that stands on three legs, after IsaacGymEnvs' BallBalance; SOURCES.md says what differs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.rotation import rotate
from eureka.task import Episode, Task

LEGS = 3
LINK = 0.36
"""m, between the ends of a link's axis."""
LINK_RADIUS = 0.02
"""m."""
ATTACH_RADIUS = 0.4
"""m, of the circle on which the legs hold the tray, and of that on which their feet stand."""
TRAY_THICKNESS = 0.02
"""m."""
TRAY_HEIGHT = LINK * math.sqrt(2) + 2 * LINK_RADIUS + TRAY_THICKNESS / 2
"""m, world z of the tray's centre while every leg is bent to a right angle."""
BALL_DAMPING = 1.676e-3
"""N m s/rad, which slows a free spin at a rate of 0.5 /s: the moment of inertia is 3.35e-3 kg m2."""
HIP_LIMIT = math.pi / 4
"""rad, either way."""
KNEE_LOW, KNEE_HIGH = math.radians(-70), math.radians(90)
"""rad."""
JOINTS = 7
"""Where hip 0, knee 0, hip 1, ... begin in qpos; one less in qvel."""
BALL = 13
"""Where the ball's seven numbers begin in qpos; one less in qvel."""

SCENE = """
<mujoco model="ball_balance">
  <compiler angle="radian"/>
  <option timestep="0.005" integrator="implicitfast"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <quality shadowsize="2048"/>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.3 0.3 0.3" specular="0 0 0"/>
  </visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.62 0.74 0.86" rgb2="0.93 0.95 0.97"
      width="256" height="256"/>
    <texture name="floor" type="2d" builtin="checker" rgb1="0.55 0.58 0.62" rgb2="0.65 0.68 0.72"
      width="256" height="256"/>
    <material name="floor" texture="floor" texrepeat="2 2" texuniform="true" reflectance="0.1"/>
    <texture name="ball" type="cube" builtin="checker" rgb1="0.85 0.33 0.2" rgb2="0.95 0.9 0.82"
      width="128" height="128"/>
    <material name="ball" texture="ball"/>
    <material name="tray" rgba="0.35 0.5 0.65 1" specular="0.3"/>
    <material name="link" rgba="0.3 0.32 0.35 1"/>
    <material name="joint" rgba="0.85 0.65 0.2 1"/>
  </asset>
  <default>
    <geom contype="0" conaffinity="0"/>
    <default class="link">
      <geom type="capsule" size="{radius}" density="1000" material="link"/>
    </default>
    <default class="joint">
      <geom type="cylinder" size="0.028 0.024" euler="1.5707963 0 0" mass="0" material="joint"/>
    </default>
    <default class="solid">
      <geom contype="1" conaffinity="1" friction="1 0.005 0.0001" solref="0.01 1"/>
    </default>
  </default>
  <worldbody>
    <light pos="1.5 -1 4" dir="-0.35 0.25 -1" directional="true" diffuse="0.6 0.6 0.6"/>
    <camera name="view" pos="2 -1.75 1.25" xyaxes="0.658 0.753 0 -0.112 0.098 0.989" fovy="45"/>
    <geom name="floor" type="plane" size="0 0 0.5" material="floor"/>
    <body name="tray" pos="0 0 {height}">
      <freejoint name="tray"/>
      <geom name="tray" class="solid" type="cylinder" size="0.5 {half}" density="100" material="tray"/>
      {legs}
    </body>
    <body name="ball" pos="0 0 1.5">
      <joint name="ball" type="free" damping="{ball_damping}"/>
      <geom name="ball" class="solid" type="sphere" size="0.1" density="200" material="ball"/>
    </body>
  </worldbody>
  <equality>
    {feet}
  </equality>
  <actuator>
    {motors}
  </actuator>
  <sensor>
    {sensors}
  </sensor>
</mujoco>
"""

# The link's axis is its local z: the upper one points inward and down, the lower one, 90 degrees on, outward and down.
LEG = """
<body name="mount{i}" pos="{x} {y} {z}" euler="0 0 {angle}">
  <site name="mount{i}" size="0.01"/>
  <body name="upper{i}" euler="0 -2.3561944901923448 0">
    <joint name="hip{i}" axis="0 1 0" range="-{hip} {hip}"/>
    <geom name="upper{i}" class="link" fromto="0 0 0 0 0 {link}"/>
    <body name="lower{i}" pos="0 0 {link}" euler="0 -1.5707963267948966 0">
      <joint name="knee{i}" axis="0 1 0" range="{low} {high}" armature="0.02"/>
      <geom class="joint"/>
      <geom name="lower{i}" class="link" fromto="0 0 0 0 0 {link}"/>
      <site name="foot{i}" pos="0 0 {link}" size="0.01"/>
    </body>
  </body>
</body>
"""
FOOT = (
    '<connect name="foot{i}" body1="lower{i}" body2="world" anchor="0 0 {link}" solref="0.01 1" solimp="0.99 0.999"/>'
)
MOTOR = '<position name="knee{i}" joint="knee{i}" kp="400" kv="20" ctrlrange="{low} {high}"/>'
SENSOR = '<{kind} name="{kind}{i}" site="mount{i}"/>'


@dataclass(frozen=True)
class State:
    """What a reward may ask for. Legs 0, 1, 2 hold the tray at 0, 120 and 240 degrees from world x, seen from above."""

    ball_position: Tensor
    """(N, 3) m, centre of the ball, world frame; the resting tray's centre is at (0, 0, 0.559)."""
    ball_velocity: Tensor
    """(N, 3) m/s, of the ball's centre, world frame."""
    tray_position: Tensor
    """(N, 3) m, centre of the tray, world frame."""
    tray_normal: Tensor
    """(N, 3) in [-1, 1], unit vector out of the tray's upper face, world frame; (0, 0, 1) is level."""
    knee_angle: Tensor
    """(N, 3) rad, of the driven joints; 0 bends the leg to a right angle, positive stretches it."""
    knee_velocity: Tensor
    """(N, 3) rad/s, of the driven joints."""
    hip_angle: Tensor
    """(N, 3) rad, of the passive joints between tray and legs; 0 where the tray is level and the knee at 0."""
    hip_velocity: Tensor
    """(N, 3) rad/s, of the passive joints."""
    leg_force: Tensor
    """(N, 3, 3) N, of each leg on the tray, by leg, frame: x from the tray's centre to the leg, z along tray_normal."""
    leg_torque: Tensor
    """(N, 3, 3) N m, of each leg on the tray about its attachment, by leg, same frames."""
    action: Tensor
    """(N, 3) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 3) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    target: Tensor
    """(W, 3) rad, where the motors hold the knees."""


class BallBalance(Task[State, Memory]):
    """A round tray stands on three legs of two links, its feet hinged to the ground; a ball is thrown onto it.

    Each leg has a passive hip at the tray and a motor in the knee, so that the three motors lift and tilt the tray. The
    ball weighs 0.84 kg, the tray 1.57 kg. The ball comes from a height of 1 to 2 m, at 5 m/s downward and up to 5 m/s
    towards the tray's middle.
    """

    State = State
    control_period = 1 / 100
    horizon = 500
    action_size = 3
    fitness_unit = "control steps of 500"
    fitness_range = (1.0, 500.0)
    tray_radius = 0.5
    """m, radius of the tray."""
    ball_radius = 0.1
    """m, radius of the ball; its centre is at a height of 0.669 m when it lies on the resting tray."""
    lowest_ball = 0.15
    """m, an episode ends when the ball's centre is lower than this."""
    step_of_target = 0.2
    """rad, how far a full action moves a knee's target in one control step."""

    def scene(self) -> mujoco.MjSpec:
        angles = [2 * math.pi * i / LEGS for i in range(LEGS)]
        legs = [
            LEG.format(
                i=i,
                angle=angle,
                link=LINK,
                hip=HIP_LIMIT,
                low=KNEE_LOW,
                high=KNEE_HIGH,
                x=ATTACH_RADIUS * math.cos(angle),
                y=ATTACH_RADIUS * math.sin(angle),
                z=-TRAY_THICKNESS / 2 - LINK_RADIUS,
            )
            for i, angle in enumerate(angles)
        ]
        text = SCENE.format(
            radius=LINK_RADIUS,
            height=TRAY_HEIGHT,
            half=TRAY_THICKNESS / 2,
            ball_damping=BALL_DAMPING,
            legs="".join(legs),
            feet="".join(FOOT.format(i=i, link=LINK) for i in range(LEGS)),
            motors="".join(MOTOR.format(i=i, low=KNEE_LOW, high=KNEE_HIGH) for i in range(LEGS)),
            sensors="".join(SENSOR.format(kind=kind, i=i) for kind in ("force", "torque") for i in range(LEGS)),
        )
        return mujoco.MjSpec.from_string(text)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        angle = 2.0 * math.pi * noise.uniform("direction", 1)
        outward = torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1)
        share = noise.uniform("distance", 1)
        speed = share * noise.uniform("speed", 1, high=5.0)
        height = noise.uniform("height", 1, low=1.0, high=2.0)
        ball = torch.cat([(0.001 + 0.499 * share) * outward, height], dim=-1)
        velocity = torch.cat([-speed * outward, torch.full_like(speed, -5.0)], dim=-1)
        # Everything else in these worlds stands in its initial pose, at rest.
        before, after = sim.qpos[:, :BALL].float(), sim.qpos[:, BALL + 3 :].float()
        still, unspun = torch.zeros_like(before[:, 1:]), torch.zeros_like(ball)
        sim.assign(
            mask,
            qpos=torch.cat([before, ball, after], dim=-1),
            qvel=torch.cat([still, velocity, unspun], dim=-1),
        )
        return Memory(target=torch.zeros_like(ball))

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Three numbers, one a leg: the knee's target angle moves by 0.2 rad times the action, and stays there.

        Targets start at 0 and are kept within the knee's limits, -1.22 (folded) to 1.57 rad (straight). Springs with
        damping pull the knees to their targets, with a lag of about 0.05 s.
        """
        target = (memory.target + self.step_of_target * action).clamp(KNEE_LOW, KNEE_HIGH)
        sim.ctrl.copy_(target)
        return Memory(target=target)

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        position, velocity, readings = sim.qpos.float(), sim.qvel.float(), sim.sensordata.float()
        up = torch.zeros_like(position[:, :3])
        up[:, 2] = 1.0
        return State(
            ball_position=position[:, BALL : BALL + 3],
            ball_velocity=velocity[:, BALL - 1 : BALL + 2],
            tray_position=position[:, 0:3],
            tray_normal=rotate(position[:, 3:7], up),
            knee_angle=position[:, JOINTS + 1 : BALL : 2],
            knee_velocity=velocity[:, JOINTS : BALL - 1 : 2],
            hip_angle=position[:, JOINTS:BALL:2],
            hip_velocity=velocity[:, JOINTS - 1 : BALL - 1 : 2],
            # The sensors read what the tray does to the legs.
            leg_force=-readings[:, 0:9].reshape(-1, LEGS, 3),
            leg_torque=-readings[:, 9:18].reshape(-1, LEGS, 3),
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        """24 numbers: what IsaacGymEnvs' observation holds, knee velocities scaled by 0.2."""
        forces = torch.cat([state.leg_force[:, :, 0], *state.leg_torque.unbind(-1)], dim=-1) / 20.0
        parts = [state.knee_angle, 0.2 * state.knee_velocity, state.ball_position, state.ball_velocity, forces]
        return torch.cat(parts, dim=-1).clamp(-5.0, 5.0)

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The ball has fallen off: its centre is lower than 0.15 m."""
        return state.ball_position[:, 2] < self.lowest_ball

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) control steps until the episode ended, 1..500."""
        return episode.length.float()
