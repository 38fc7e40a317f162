"""Turn a cube or a pen in the Shadow Hand to one target orientation after another.

Where everything is from: SOURCES.md here, and in shadow_hand_pen/ for what is the pen's own.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.rotation import about_z, angle_between, conjugate, multiply
from eureka.task import Episode, Metric, Task, parameter

FINGERS = ("ff", "mf", "rf", "lf", "th")
COUPLINGS = tuple(f"robot0:T_{finger}J1c" for finger in ("FF", "MF", "RF", "LF"))
HAND_JOINTS = 24
PALM = (0.0, -0.39)
"""m, world x and y of the spot over the palm where the object starts."""


@dataclass(frozen=True)
class State:
    """What a reward may ask for. Fingers come in the order first, middle, ring, little, thumb."""

    joint_position: Tensor
    """(N, 24) rad, in the order WRJ1-0, FFJ3-0, MFJ3-0, RFJ3-0, LFJ4-0, THJ4-0; 0 is the stretched-out hand."""
    joint_velocity: Tensor
    """(N, 24) rad/s, same order."""
    joint_force: Tensor
    """(N, 24) N m, torque of the actuators on each joint, same order."""
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
    fingertip_position: Tensor
    """(N, 5, 3) m, tips of the fingers, world frame."""
    fingertip_rotation: Tensor
    """(N, 5, 4) unit quaternions wxyz, of the last finger links, world frame."""
    fingertip_linear_velocity: Tensor
    """(N, 5, 3) m/s, world frame."""
    fingertip_angular_velocity: Tensor
    """(N, 5, 3) rad/s, world frame."""
    action: Tensor
    """(N, 20) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 20) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What lasts from one control step to the next."""

    goal_rotation: Tensor
    """(W, 4) wxyz."""


@dataclass(frozen=True)
class Constants:
    """Numbers of the scene, on the simulator's device."""

    joint_low: Tensor
    """(24,) rad."""
    joint_high: Tensor
    """(24,) rad."""
    target_low: Tensor
    """(20,) rad, of the actuators."""
    target_high: Tensor
    """(20,) rad, of the actuators."""
    object_start: Tensor
    """(3,) m."""
    goal_position: Tensor
    """(3,) m."""


METRICS = (
    Metric("drops", "", "lower", "sum", "1 if the object was dropped, else 0"),
    Metric("rotation_error", "rad", "lower", "mean", "angle between the object's orientation and the goal's"),
)


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


class ShadowHand(Task[State, Memory]):
    """A Shadow Hand lies on its back, forearm along world -y, and holds a cube of 5 cm and 71 g on its palm."""

    State = State
    control_period = 1 / 60
    horizon = 600
    action_size = 20
    fitness_unit = "goals"
    fitness_range = (0.0, None)
    speed_bound = 500.0
    Parameters = Parameters
    metrics = METRICS
    fall_distance = 0.24
    """m, the cube counts as dropped when it is this far from goal_position."""
    cube_edge = 0.05
    """m, edge of the cube."""
    goal_height = 0.56
    """m, world z of goal_position; the cube rests on the palm at about 0.52."""
    # Not told to the designer: what else the object decides.
    object_file: ClassVar = "manipulate_block.xml"
    object_name: ClassVar = "cube"
    start_height: ClassVar = 0.6  # m, world z as an episode begins: it falls on the palm from there
    # N m s/rad, which slows a free spin at a rate of 0.5 /s: the moment of inertia is 3.0e-5 kg m2.
    object_damping: ClassVar = 1.5e-5

    def __init__(self) -> None:
        self._constants: dict[torch.device, Constants] = {}

    def scene(self) -> mujoco.MjSpec:
        package = importlib.util.find_spec("gymnasium_robotics")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("the hand's model is in the package gymnasium-robotics; install that")
        assets = Path(package.origin).parent / "envs" / "assets" / "hand"
        spec = mujoco.MjSpec.from_file(str(assets / self.object_file))
        spec.option.timestep = 1 / 240
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        self._trim(spec)
        self._place_object(spec)
        self._dress(spec)
        for finger in FINGERS:
            self._add_sensors(spec, f"{finger}tip", mujoco.mjtObj.mjOBJ_SITE, f"robot0:S_{finger}tip")
        self._add_sensors(spec, "object", mujoco.mjtObj.mjOBJ_XBODY, "object")
        return spec

    def _trim(self, spec: mujoco.MjSpec) -> None:
        """Keep what acts on the object: primitive shapes, the four coupling tendons, no sensors but our own."""
        for sensor in list(spec.sensors):
            spec.delete(sensor)
        for tendon in list(spec.tendons):
            if tendon.name not in COUPLINGS:
                spec.delete(tendon)
        for name in ("target", "floor0"):
            spec.delete(spec.body(name))
        spec.delete(spec.geom("floor0"))
        forearm = spec.geom("robot0:C_forearm")
        # The only collision mesh; a box of the forearm's size is cheaper and as good, since nothing rests there.
        forearm.type = mujoco.mjtGeom.mjGEOM_BOX
        forearm.meshname = ""
        forearm.size = (0.045, 0.05, 0.1)
        forearm.pos = (0.0, 0.0, 0.1)
        forearm.quat = (1.0, 0.0, 0.0, 0.0)
        mount = spec.body("robot0:hand mount")
        mount.pos = (0.0, 0.0, 0.5)
        for body in [mount, *mount.find_all(mujoco.mjtObj.mjOBJ_BODY)]:
            body.gravcomp = 1.0
        for joint in mount.find_all(mujoco.mjtObj.mjOBJ_JOINT):
            joint.frictionloss = 0.0

    def _place_object(self, spec: mujoco.MjSpec) -> None:
        spec.body("object").pos = (*PALM, self.start_height)
        if hidden := spec.geom("object_hidden"):
            spec.delete(hidden)
        # The package's 0.01 N m s/rad would stop a spinning cube within 3 ms.
        spec.joint("object:joint").damping = (self.object_damping, 0.0, 0.0)

    def _dress(self, spec: mujoco.MjSpec) -> None:
        """What only a camera sees."""
        spec.visual.global_.offwidth, spec.visual.global_.offheight = 640, 480
        sky = next(t for t in spec.textures if t.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX)
        sky.rgb1, sky.rgb2 = (0.55, 0.68, 0.82), (0.93, 0.95, 0.97)
        spec.material("robot0:MatViz").rgba = (0.62, 0.64, 0.68, 1.0)
        spec.light("light0").castshadow = True
        spec.light("light0").pos, spec.light("light0").dir = (0.5, -1.0, 2.0), (-0.3, 0.4, -1.0)
        spec.add_texture(
            name="checker",
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
            rgb1=(0.36, 0.40, 0.45),
            rgb2=(0.46, 0.50, 0.55),
            width=256,
            height=256,
        )
        textures = [""] * mujoco.mjtTextureRole.mjNTEXROLE
        textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "checker"
        spec.add_material(name="checker", textures=textures, texrepeat=(20, 20))
        spec.worldbody.add_geom(
            name="floor",
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=(4.0, 4.0, 0.1),
            material="checker",
            contype=0,
            conaffinity=0,
        )
        spec.worldbody.add_camera(
            name="view", pos=(0.34, -0.72, 0.78), xyaxes=(0.727, 0.687, 0.0, -0.338, 0.358, 0.87), fovy=34
        )

    def _add_sensors(self, spec: mujoco.MjSpec, prefix: str, kind: mujoco.mjtObj, target: str) -> None:
        for name, sensor in (
            ("position", mujoco.mjtSensor.mjSENS_FRAMEPOS),
            ("rotation", mujoco.mjtSensor.mjSENS_FRAMEQUAT),
            ("linear_velocity", mujoco.mjtSensor.mjSENS_FRAMELINVEL),
            ("angular_velocity", mujoco.mjtSensor.mjSENS_FRAMEANGVEL),
        ):
            spec.add_sensor(name=f"{prefix}_{name}", type=sensor, objtype=kind, objname=target)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        c = self._constants_of(sim)
        joints = 0.2 * (c.joint_low + (c.joint_high - c.joint_low) * noise.uniform("joints", HAND_JOINTS))
        position = c.object_start + noise.uniform(f"{self.object_name} position", 3, low=-0.01, high=0.01)
        rotation = self._start_rotation(noise)
        sim.assign(mask, qpos=torch.cat([joints, position, rotation], dim=-1))
        return Memory(goal_rotation=self._next_goal(rotation, noise))

    def _start_rotation(self, noise: Noise) -> Tensor:
        return noise.tilted_rotation(f"{self.object_name} rotation", self.parameters.start_tilt)

    def _next_goal(self, rotation: Tensor, noise: Noise) -> Tensor:
        """(W, 4) wxyz, the goal after `rotation` (W, 4), which is the last goal or the object's at the start."""
        step = self.parameters.goal_step
        return torch.where(step[:, None] > 0.0, self._turned(rotation, about_z(step)), noise.rotation("goal"))

    def _turned(self, rotation: Tensor, turn: Tensor) -> Tensor:
        return multiply(turn, rotation)

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Twenty target positions, one for each driven joint, from -1, its lower limit, to 1, its upper limit.

        Order: WRJ1, WRJ0, FFJ3-1, MFJ3-1, RFJ3-1, LFJ4-1, THJ4-0. The outermost joints of the four fingers (J0) have
        no motor and follow J1. Position controllers with limited torque move the joints there within about 0.2 s.
        """
        c = self._constants_of(sim)
        sim.ctrl.copy_(c.target_low + (action + 1.0) * 0.5 * (c.target_high - c.target_low))
        return memory

    def _constants_of(self, sim: Sim) -> Constants:
        """Made once a device: a copy from the host has no place in a captured graph."""
        if sim.device not in self._constants:
            joints, targets = sim.model.jnt_range[:HAND_JOINTS], sim.model.actuator_ctrlrange
            goal, start = (*PALM, self.goal_height), (*PALM, self.start_height)
            values = (joints[:, 0], joints[:, 1], targets[:, 0], targets[:, 1], start, goal)
            self._constants[sim.device] = Constants(
                *[torch.tensor(v, dtype=torch.float32, device=sim.device) for v in values]
            )
        return self._constants[sim.device]

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        readings = sim.sensordata.float()
        tips = readings[:, :65].reshape(-1, 5, 13)
        thing = readings[:, 65:78]
        return self.State(
            joint_position=sim.qpos[:, :HAND_JOINTS].float(),
            joint_velocity=sim.qvel[:, :HAND_JOINTS].float(),
            joint_force=sim.qfrc_actuator[:, :HAND_JOINTS].float(),
            object_position=thing[:, 0:3],
            object_rotation=thing[:, 3:7],
            object_linear_velocity=thing[:, 7:10],
            object_angular_velocity=thing[:, 10:13],
            goal_position=self._constants_of(sim).goal_position.expand(sim.num_worlds, 3),
            goal_rotation=memory.goal_rotation,
            fingertip_position=tips[:, :, 0:3],
            fingertip_rotation=tips[:, :, 3:7],
            fingertip_linear_velocity=tips[:, :, 7:10],
            fingertip_angular_velocity=tips[:, :, 10:13],
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        """157 numbers: what IsaacGymEnvs' `full` observation holds, joint positions in rad."""
        tips = (
            state.fingertip_position,
            state.fingertip_rotation,
            state.fingertip_linear_velocity,
            state.fingertip_angular_velocity,
        )
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
                *[part.flatten(1) for part in tips],
                state.action,
            ],
            dim=-1,
        )

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


@dataclass(frozen=True)
class PenState(State):
    """What a reward may ask for. Fingers come in the order first, middle, ring, little, thumb."""

    joint_position: Tensor
    """(N, 24) rad, in the order WRJ1-0, FFJ3-0, MFJ3-0, RFJ3-0, LFJ4-0, THJ4-0; 0 is the stretched-out hand."""
    joint_velocity: Tensor
    """(N, 24) rad/s, same order."""
    joint_force: Tensor
    """(N, 24) N m, torque of the actuators on each joint, same order."""
    object_position: Tensor
    """(N, 3) m, centre of the pen, world frame."""
    object_rotation: Tensor
    """(N, 4) unit quaternion wxyz, orientation of the pen, whose long axis is its own z, world frame."""
    object_linear_velocity: Tensor
    """(N, 3) m/s, of the pen, world frame."""
    object_angular_velocity: Tensor
    """(N, 3) rad/s, of the pen, world frame."""
    goal_position: Tensor
    """(N, 3) m, where the pen should stay, world frame; the same in every episode."""
    goal_rotation: Tensor
    """(N, 4) unit quaternion wxyz, the orientation to reach, world frame; a new one as soon as it is reached."""
    fingertip_position: Tensor
    """(N, 5, 3) m, tips of the fingers, world frame."""
    fingertip_rotation: Tensor
    """(N, 5, 4) unit quaternions wxyz, of the last finger links, world frame."""
    fingertip_linear_velocity: Tensor
    """(N, 5, 3) m/s, world frame."""
    fingertip_angular_velocity: Tensor
    """(N, 5, 3) rad/s, world frame."""
    action: Tensor
    """(N, 20) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 20) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class PenParameters:
    """What can be changed of the task; the defaults are the paper's task."""

    success_angle: Tensor = parameter(
        0.2,
        "rad",
        0.05,
        1.0,
        "an orientation counts as reached when the pen is within this angle of it, turns about its axis included",
    )
    goal_step: Tensor = parameter(
        0.0, "rad", 0.0, 3.1, "each goal is turned by this angle about the pen's axis from the one before; 0: at random"
    )


class ShadowHandPen(ShadowHand):
    """A Shadow Hand lies on its back, forearm along world -y, and holds a pen of 21.6 cm, 1.6 cm thick and 42 g."""

    State = PenState
    Parameters = PenParameters
    fall_distance = 0.24
    """m, the pen counts as dropped when its centre is this far from goal_position."""
    pen_length = 0.216
    """m, from end to end."""
    pen_radius = 0.008
    """m, of the pen, a capsule."""
    goal_height = 0.48
    """m, world z of goal_position."""
    object_file = "manipulate_pen.xml"
    object_name = "pen"
    start_height = 0.52
    # 0.5 /s for a spin about the pen's own axis, whose moment of inertia is 1.33e-6 kg m2; end over end 100 times less.
    object_damping = 6.7e-7

    def _dress(self, spec: mujoco.MjSpec) -> None:
        super()._dress(spec)
        # A stripe along the pen, without mass or contacts: without it no film shows a turn about the pen's axis.
        spec.body("object").add_geom(
            name="stripe",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=(0.6 * self.pen_radius, 0.0, 0.0),
            size=(0.45 * self.pen_radius, 0.2 * self.pen_radius, 0.45 * self.pen_length),
            rgba=(0.1, 0.1, 0.12, 1.0),
            contype=0,
            conaffinity=0,
            mass=0.0,
        )

    def _start_rotation(self, noise: Noise) -> Tensor:
        """(W, 4) wxyz: along the forearm within 0.3 rad, and any turn about the pen's own axis before that."""
        tilt, spin = noise.uniform("pen rotation", 2, low=-1.0, high=1.0).unbind(-1)
        tilt, spin = 0.25 * math.pi + 0.15 * tilt, 0.5 * math.pi * spin
        (c, s), (a, b) = (torch.cos(tilt), torch.sin(tilt)), (torch.cos(spin), torch.sin(spin))
        return torch.stack([c * a, s * a, -s * b, c * b], dim=-1)

    def _turned(self, rotation: Tensor, turn: Tensor) -> Tensor:
        return multiply(rotation, turn)

    def terminated(self, state: State, memory: Memory) -> Tensor:
        """The pen is dropped: its centre is 0.24 m or more from goal_position."""
        return super().terminated(state, memory)
