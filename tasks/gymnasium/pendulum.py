"""Gymnasium's InvertedPendulum-v5 and InvertedDoublePendulum-v5."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from eureka.envs.gymnasium.batched import Before, MujocoTask
from eureka.physics.base import Sim
from eureka.task import LazyState


class InvertedPendulum(MujocoTask):
    """A cart runs on a rail (joint slider, m) and carries a pole on a hinge (joint hinge, rad, 0 when it is upright). A
    motor pushes the cart."""

    identifier = "InvertedPendulum-v5"
    coordinates = 2

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        falls = sim.qpos[:, 1].abs() > 0.2
        return {"observation": torch.cat([sim.qpos, sim.qvel], dim=-1).float(), "upright": (~falls).float()}

    own: ClassVar = {"upright": "(N,) 1 while the pole's angle is at most 0.2 rad, else 0"}

    def terminated(self, state: LazyState, memory: Before) -> Tensor:
        """The angle of the pole (hinge_position) is more than 0.2 rad to either side."""
        return state["upright"] < 0.5

    def info(self, state: LazyState) -> dict[str, Tensor]:
        return {"reward_survive": state["upright"], "reward": state["upright"]}


class InvertedDoublePendulum(MujocoTask):
    """A cart runs on a rail (joint slider, m) and carries a pole on a hinge (joint hinge, rad), and on its end another
    one (joint hinge2, rad, relative to the first). Both angles are 0 when the poles are upright. A motor pushes the
    cart."""

    identifier = "InvertedDoublePendulum-v5"
    coordinates = 3
    sites = 1
    own: ClassVar = {"above": "(N,) 1 while the tip of the second pole is higher than 1 m, else 0"}
    velocity_noise = "normal"

    def values(self, sim: Sim, memory: Before) -> dict[str, Tensor]:
        angles = sim.qpos[:, 1:]
        speeds, force = sim.qvel.clamp(-10.0, 10.0), sim.qfrc_constraint[:, :1].clamp(-10.0, 10.0)
        seen = torch.cat([sim.qpos[:, :1], angles.sin(), angles.cos(), speeds, force], dim=-1)
        tip = sim.site_xpos[:, 0]
        away = 0.01 * tip[:, 0].square() + (tip[:, 2] - 2.0).square()
        fast = 1e-3 * sim.qvel[:, 1].square() + 5e-3 * sim.qvel[:, 2].square()
        above = (tip[:, 2] > 1.0).float()
        return {"observation": seen.float(), "above": above, "away": away.float(), "fast": fast.float()}

    def terminated(self, state: LazyState, memory: Before) -> Tensor:
        """The tip of the second pole (the third number of tip_position) is at 1 m or lower."""
        return state["above"] < 0.5

    def info(self, state: LazyState) -> dict[str, Tensor]:
        survive = self.arguments.healthy_reward * state["above"]
        return {
            "reward_survive": survive,
            "distance_penalty": -state["away"],
            "velocity_penalty": -state["fast"],
            "reward": survive - state["away"] - state["fast"],
        }
