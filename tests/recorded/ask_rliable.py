"""Makes rliable.json: what rliable (Agarwal et al. 2021) says of fixed scores, to hold `eureka/statistics.py` against.

rliable 1.2 cannot be installed beside pandas 3, so it is asked once, in an environment of its own:

    pip install 'rliable==1.2.0' 'pandas<3' && python tests/recorded/ask_rliable.py > tests/recorded/rliable.json
"""

from __future__ import annotations

import json
from importlib.metadata import version

import numpy as np
from rliable import library, metrics

chance = np.random.default_rng(0)
CASES = {
    # (runs, tasks); the second algorithm comes with another number of runs
    "one task, five seeds": (chance.normal(3, 1, (5, 1)), chance.normal(2, 1, (5, 1))),
    "one task, ties": (np.array([[1.0], [2.0], [2.0], [3.0]]), np.array([[2.0], [2.0], [1.0]])),
    "ten tasks, five seeds": (chance.gamma(2, 1, (5, 10)), chance.gamma(1.5, 1, (5, 10))),
    "three tasks, many seeds": (chance.normal(0, 5, (40, 3)), chance.normal(1, 5, (30, 3))),
}


def asked(x: np.ndarray, y: np.ndarray) -> dict[str, object]:
    def aggregate(scores: np.ndarray) -> np.ndarray:
        return np.array([metrics.aggregate_mean(scores), metrics.aggregate_iqm(scores)])

    points, intervals = library.get_interval_estimates(
        {"x": x}, aggregate, reps=50_000, random_state=np.random.RandomState(0)
    )
    better, around = library.get_interval_estimates(
        {"xy": (x, y)}, metrics.probability_of_improvement, reps=5_000, random_state=np.random.RandomState(0)
    )
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "mean": points["x"][0],
        "iqm": points["x"][1],
        "mean_interval": intervals["x"][:, 0].tolist(),
        "iqm_interval": intervals["x"][:, 1].tolist(),
        "improvement": float(np.squeeze(better["xy"])),
        "improvement_interval": np.squeeze(around["xy"]).tolist(),
    }


print(
    json.dumps(
        {"rliable": version("rliable"), "cases": {name: asked(*scores) for name, scores in CASES.items()}}, indent=1
    )
)
