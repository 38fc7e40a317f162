"""Draws every shipped task for the documentation, a moment after the start of an episode.

    MUJOCO_GL=egl python benchmarks/pictures.py [TASK ...]

Writes docs/pictures/TASK.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import imageio.v3 as imageio

from eureka.config.tasks import shipped_tasks
from eureka.gym import SingleTask

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
STEPS = 12
"""Control steps with half of random actions, after which things have fallen into place."""


def main(names: list[str]) -> None:
    """Draw the tasks `names`, all of them if there are none."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or shipped_tasks():
        world = SingleTask(name, render_mode="rgb_array")
        world.action_space.seed(0)
        world.reset(seed=0)
        for _ in range(STEPS):
            world.step(0.5 * world.action_space.sample())
        imageio.imwrite(FOLDER / f"{name}.png", world.render())
        world.close()


if __name__ == "__main__":
    main(sys.argv[1:])
