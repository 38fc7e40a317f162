"""Turn a cube in the Shadow Hand to one target orientation after another; SOURCES.md says where everything is from."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.rotation import angle_between, conjugate, multiply
from eureka.task import Episode, Task

FINGERS = ("ff", "mf", "rf", "lf", "th")
COUPLINGS = tuple(f"robot0:T_{finger}J1c" for finger in ("FF", "MF", "RF", "LF"))
HAND_JOINTS = 24
PALM = (0.0, -0.39)
"""m, world x and y of the spot over the palm where the cube starts."""
START_HEIGHT = 0.6
"""m, world z of the cube as an episode begins: it falls on the palm from there."""
CUBE_DAMPING = 1.5e-5
"""N m s/rad, which slows a free spin at a rate of 0.5 /s: the moment of inertia is 3.0e-5 kg m2."""


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
    cube_start: Tensor
    """(3,) m."""
    goal_position: Tensor
    """(3,) m."""


class ShadowHand(Task[State, Memory]):
    """A Shadow Hand lies on its back, forearm along world -y, and holds a cube of 5 cm and 71 g on its palm."""

    State = State
    control_period = 1 / 60
    horizon = 600
    action_size = 20
    speed_bound = 500.0
    success_angle = 0.1
    """rad, an orientation counts as reached when the cube is within this angle of it."""
    fall_distance = 0.24
    """m, the cube counts as dropped when it is this far from goal_position."""
    cube_edge = 0.05
    """m, edge of the cube."""
    goal_height = 0.56
    """m, world z of goal_position; the cube rests on the palm at about 0.52."""

    def __init__(self) -> None:
        self._constants: dict[torch.device, Constants] = {}

    def scene(self) -> mujoco.MjSpec:
        package = importlib.util.find_spec("gymnasium_robotics")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("the hand's model is in the package gymnasium-robotics; install that")
        assets = Path(package.origin).parent / "envs" / "assets" / "hand"
        spec = mujoco.MjSpec.from_file(str(assets / "manipulate_block.xml"))
        spec.option.timestep = 1 / 240
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        self._trim(spec)
        self._place_cube(spec)
        for finger in FINGERS:
            self._add_sensors(spec, f"{finger}tip", mujoco.mjtObj.mjOBJ_SITE, f"robot0:S_{finger}tip")
        self._add_sensors(spec, "cube", mujoco.mjtObj.mjOBJ_XBODY, "object")
        return spec

    def _trim(self, spec: mujoco.MjSpec) -> None:
        """Keep what acts on the cube: primitive shapes, the four coupling tendons, no sensors but our own."""
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

    def _place_cube(self, spec: mujoco.MjSpec) -> None:
        cube = spec.body("object")
        cube.pos = (*PALM, START_HEIGHT)
        spec.delete(spec.geom("object_hidden"))
        # The package's 0.01 N m s/rad would stop a spinning cube within 3 ms.
        spec.joint("object:joint").damping = (CUBE_DAMPING, 0.0, 0.0)

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
        cube = c.cube_start + noise.uniform("cube position", 3, low=-0.01, high=0.01)
        sim.assign(mask, qpos=torch.cat([joints, cube, noise.rotation("cube rotation")], dim=-1))
        return Memory(goal_rotation=noise.rotation("goal"))

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
            goal, start = (*PALM, self.goal_height), (*PALM, START_HEIGHT)
            values = (joints[:, 0], joints[:, 1], targets[:, 0], targets[:, 1], start, goal)
            self._constants[sim.device] = Constants(
                *[torch.tensor(v, dtype=torch.float32, device=sim.device) for v in values]
            )
        return self._constants[sim.device]

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        readings = sim.sensordata.float()
        tips = readings[:, :65].reshape(-1, 5, 13)
        cube = readings[:, 65:78]
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
        return {"goals": self._reached(state).float()}

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) goal orientations reached before the cube was dropped or time ran out."""
        return episode.sums["goals"]

    def advance(self, sim: Sim, memory: Memory, state: State, noise: Noise) -> Memory:
        reached = self._reached(state)[:, None]
        return replace(memory, goal_rotation=torch.where(reached, noise.rotation("goal"), memory.goal_rotation))

    def _reached(self, state: State) -> Tensor:
        return angle_between(state.object_rotation, state.goal_rotation) <= self.success_angle
