"""Cartpole as a task of one's own with parameters and a metric."""

from __future__ import annotations

from pathlib import Path

from eureka.system.paths import shipped

MORE = '''

from eureka.task import Metric, parameter


@dataclass(frozen=True)
class Parameters:
    """Of the leaning pole."""

    angle_limit: Tensor = parameter(1.5, "rad", 0.1, 1.6, "an episode ends when the pole leans more than this")
    push: Tensor = parameter(1.0, "", 0.1, 2.0, "share of the force")
    pole_mass: float = parameter(1.0, "kg", 0.1, 5.0, "mass of the pole")
    count: int = parameter(1, "", 0, 4, "a whole number")
    braked: bool = parameter(False, "", 0, 1, "a switch")


class Leaning(Cartpole):
    """A pole on a cart."""

    horizon = 100

    Parameters = Parameters
    metrics = (Metric("tilt", "rad", "lower", "mean", "how much the pole leans"),)

    def scene(self):
        mass = self.parameters.pole_mass
        return mujoco.MjSpec.from_string(SCENE.replace('0.47" mass="1"', f'0.47" mass="{mass}"'))

    def act(self, sim, memory, action):
        """One number: the force on the cart."""
        sim.ctrl.copy_(self.parameters.push[:, None] * action)
        return memory

    def terminated(self, state, memory):
        """The pole leans more than angle_limit."""
        return state.pole_angle.abs() > self.parameters.angle_limit

    def measure(self, state, memory):
        return {"tilt": state.pole_angle.abs()}
'''
YAML = """name: leaning
description: keep the pole up
task: leaning.py:Leaning
human: human.py
sparse: human.py
parameters: {push: 0.9}

presets:
  cpu:
    generations: 1
    samples: 2
    worlds: 16
    steps: 8192
    validation_seeds: 0
    final_seeds: 2
    learning: {horizon: 16, hidden: [16], epochs: 1, minibatches: 1}
    evaluation: {checkpoints: 8, selection_episodes: 2, report_episodes: 2}
"""
HUMAN = """def compute_reward(pole_angle, angle_limit):
    upright = 1.0 - pole_angle.abs() / angle_limit
    return upright, {"upright": upright}
"""


def write_task(folder: Path, presets: str = "", parameters: str | None = None) -> Path:
    """The task's files in `folder`, with more lines at the end of its preset; returns its YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    source = (shipped("tasks") / "cartpole" / "task.py").read_text()
    (folder / "leaning.py").write_text(source + MORE)
    (folder / "human.py").write_text(HUMAN)
    text = YAML if parameters is None else YAML.replace("{push: 0.9}", parameters)
    path = folder / "leaning.yaml"
    path.write_text(text + "".join(f"    {line}\n" for line in presets.splitlines()))
    return path
