"""Candidates and outcomes with given numbers."""

from __future__ import annotations

from eureka.config.description import Description
from eureka.runs.candidate import Candidate, Curves, Estimate, Score, Trained


def trained(**components: list[float]) -> Trained:
    points = 3
    curves = Curves(
        steps=[10, 20, 30],
        fitness=[1.0, 20.0, 300.0],
        training_fitness=[None, 5.0, 6.0],
        episode_length=[None, 7.0, 8.5],
        total=[0.1, 0.2, 0.3],
        components=components,
        least={k: [0.0] * points for k in components},
        greatest={k: [1.0] * points for k in components},
        kl=[0.01] * points,
        learning_rate=[1e-3] * points,
        action_std=[1.0] * points,
    )
    return Trained(curves=curves, best=2, selection=300.0, report=290.0, report_episodes=[290.0], diverged=0, steps=30)


def candidate(**values) -> Candidate:
    code = "def compute_reward(x):\n    return x, {}\n"
    base = {"generation": 1, "slot": 0, "attempt": 0, "reply": f"Thoughts.\n```python\n{code}```", "code": code}
    outcome = values.get("outcome")
    if isinstance(outcome, Trained):
        base |= {"scores": (score(outcome.report),), "estimate": Estimate(mean=outcome.report, error=None, trainings=1)}
    return Candidate(**(base | values))


def score(report: float, training: float | None = None, selection: float = 0.0) -> Score:
    return Score(report=report, selection=selection, training=training)


TASK = Description(
    name="t",
    goal="g",
    scene="s",
    state=(),
    action="a",
    action_size=1,
    termination="never",
    constants=(),
    horizon=10,
    control_period=0.1,
    observation_size=1,
)
