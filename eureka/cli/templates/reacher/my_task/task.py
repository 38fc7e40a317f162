"""A two-joint arm in a plane reaches for a goal. Made by `eureka new-task`: change it into the task that you have.

The methods are called in this order at every control step, for all worlds at once (W of them, a row each): act,
physics, state, reward, terminated, measure, advance, start (only where an episode ended), observe. Write tensor code
without loops over worlds, `if` on a tensor or `.item()`.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.physics.base import Sim
from eureka.task import Episode, Task

# Any MJCF will do, here or in a file: mujoco.MjSpec.from_file(str(Path(__file__).parent / "scene.xml")).
SCENE = """
<mujoco model="my_task">
  <compiler angle="radian"/>
  <option timestep="0.01" gravity="0 0 0" integrator="implicitfast">
    <flag contact="disable"/>
  </option>
  <worldbody>
    <body name="upper_arm">
      <joint name="shoulder" type="hinge" axis="0 0 1" range="-2.6 2.6" limited="true" damping="0.01"/>
      <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.1"/>
      <body name="forearm" pos="0.1 0 0">
        <joint name="elbow" type="hinge" axis="0 0 1" range="-2.6 2.6" limited="true" damping="0.01"/>
        <geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.1"/>
        <site name="fingertip" pos="0.1 0 0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="shoulder" gear="0.05" ctrlrange="-1 1" ctrllimited="true"/>
    <motor joint="elbow" gear="0.05" ctrlrange="-1 1" ctrllimited="true"/>
  </actuator>
</mujoco>
"""


@dataclass(frozen=True)
class State:
    """What a reward may ask for by naming an argument. Designers read what stands below a field; first the shape."""

    joint_position: Tensor
    """(N, 2) rad, shoulder and elbow, 0 when the arm is stretched out along world x."""
    joint_velocity: Tensor
    """(N, 2) rad/s, shoulder and elbow."""
    fingertip_position: Tensor
    """(N, 2) m, tip of the forearm in the plane, world frame."""
    goal_position: Tensor
    """(N, 2) m, where the fingertip should be, world frame; the same for a whole episode."""
    action: Tensor
    """(N, 2) in [-1, 1], the action just applied."""
    last_action: Tensor
    """(N, 2) in [-1, 1], the action before it, 0 at the start of an episode."""


@dataclass(frozen=True)
class Memory:
    """What a world remembers from one control step to the next; tensors with a row a world."""

    goal: Tensor
    """(W, 2) m."""


class MyTask(Task[State, Memory]):
    """An arm of two links of 0.1 m and 0.1 kg each lies in a plane without gravity; its shoulder is the origin."""

    # The text above is told to designers, as are the constants with a text below them.

    State = State
    control_period = 1 / 50  # s between two actions; a multiple of the scene's timestep
    horizon = 100  # control steps after which an episode is cut
    action_size = 2
    fitness_unit = "of the episode"  # what the fitness counts
    fitness_range = (0.0, 1.0)  # the lowest and the highest fitness of an episode; None: no bound
    tolerance = 0.02
    """m, the fingertip is at the goal when it is nearer than this."""

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def start(self, sim: Sim, mask: Tensor, noise: Noise, memory: Memory | None) -> Memory:
        # The worlds of `mask` stand in the scene's initial state. Random numbers come from `noise`, under a name.
        sim.assign(mask, qpos=noise.uniform("position", 2, low=-0.5, high=0.5))
        # A goal where the arm can be: the fingertip's place for some angles of its joints.
        shoulder, elbow = noise.uniform("goal", 2, low=-2.5, high=2.5).unbind(-1)
        reach = torch.stack([shoulder.cos() + (shoulder + elbow).cos(), shoulder.sin() + (shoulder + elbow).sin()], -1)
        return Memory(goal=0.1 * reach)

    def act(self, sim: Sim, memory: Memory, action: Tensor) -> Memory:
        """Two numbers: the torques at shoulder and elbow, 0.05 N m times the action."""
        sim.ctrl.copy_(action)
        return memory

    def state(self, sim: Sim, memory: Memory, action: Tensor, last_action: Tensor) -> State:
        return State(
            joint_position=sim.qpos.float(),
            joint_velocity=sim.qvel.float(),
            fingertip_position=sim.site_xpos[:, 0, :2].float(),
            goal_position=memory.goal,
            action=action,
            last_action=last_action,
        )

    def observe(self, state: State) -> Tensor:
        # What the policy sees. It needs whatever the goal depends on.
        to_goal = state.goal_position - state.fingertip_position
        seen = [state.joint_position, 0.1 * state.joint_velocity, 10.0 * state.goal_position, 10.0 * to_goal]
        return torch.cat(seen, dim=-1)

    # Nothing ends an episode of this task early. Where something does, say in words what, for designers:
    #
    # def terminated(self, state: State, memory: Memory) -> Tensor:
    #     """The elbow is bent by more than 2.5 rad."""
    #     return state.joint_position[:, 1].abs() > 2.5

    def measure(self, state: State, memory: Memory) -> dict[str, Tensor]:
        # What the fitness is made of; the environment adds it up and keeps the largest and the latest.
        distance = (state.goal_position - state.fingertip_position).norm(dim=-1)
        return {"at_goal": (distance < self.tolerance).float()}

    def fitness(self, episode: Episode) -> Tensor:
        """(W,) the share of the episode that the fingertip was at the goal, 0 to 1."""
        # How you tell success. No designer ever sees this code, only the numbers.
        return episode.sums["at_goal"] / episode.length
