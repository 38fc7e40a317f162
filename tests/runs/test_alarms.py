"""Each alarm goes off where it should, and is silent on an honest training."""

from __future__ import annotations

import pytest
from support.candidates import candidate, trained

from eureka.runs.alarms import of_training, of_winner
from eureka.runs.candidate import Estimate, Trained
from eureka.runs.statistics import student

STEPS = 8


def record(**changes) -> Trained:
    rising = [0.1 * i for i in range(STEPS)]
    curves = {
        "steps": list(range(1000, 1000 * (STEPS + 1), 1000)),
        "fitness": rising,
        "training_fitness": rising,
        "episode_length": [500.0] * STEPS,
        "total": rising,
        "components": {"near": rising, "effort": [-0.1] * STEPS},
        "least": {"near": [0.0] * STEPS, "effort": [-0.2] * STEPS},
        "greatest": {"near": [1.0] * STEPS, "effort": [0.0] * STEPS},
        "kl": [0.01] * STEPS,
        "learning_rate": [1e-3] * STEPS,
        "action_std": [1.0] * STEPS,
    }
    own = {name: changes.pop(name) for name in list(changes) if name in curves}
    base = trained().model_dump() | {"steps": 1000 * STEPS, "diverged": 0}
    return Trained.model_validate(base | {"curves": curves | own} | changes)


def test_an_honest_training_raises_none():
    assert of_training(record()) == []


@pytest.mark.parametrize("flat", [[0.0] * STEPS, [0.3, 0.31, 0.29, 0.3, 0.3, 0.31, 0.29, 0.3]])
def test_a_reward_that_rises_beside_a_flat_fitness(flat: list[float]):
    noisy = [0.0, 1.1, 1.9, 3.2, 3.9, 5.1, 6.0, 7.1]
    (alarm,) = of_training(record(fitness=flat, training_fitness=flat, total=noisy))
    assert "while the fitness did not" in alarm and "0.55" in alarm and "6.55" in alarm
    assert of_training(record(fitness=flat, training_fitness=flat, total=[5.0, 4.9, 5.1] * 2 + [5.0, 4.9])) == []


def test_a_component_that_never_varies():
    (alarm,) = of_training(
        record(
            least={"near": [0.0] * STEPS, "effort": [-0.1] * STEPS},
            greatest={"near": [1.0] * STEPS, "effort": [-0.1] * STEPS},
        )
    )
    assert "effort never varies" in alarm


def test_a_component_that_dwarfs_the_others():
    (alarm,) = of_training(record(components={"near": [50.0] * STEPS, "effort": [-0.1] * STEPS}))
    assert "near is 100% of the reward" in alarm
    assert (
        of_training(
            record(
                components={"near": [50.0] * STEPS}, least={"near": [0.0] * STEPS}, greatest={"near": [60.0] * STEPS}
            )
        )
        == []
    )


def test_fitness_from_the_length_of_episodes_alone():
    lengths = [100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0]
    speeds = [0.50, 0.52, 0.49, 0.51, 0.50, 0.48, 0.50, 0.51]
    longer = [length * speed for length, speed in zip(lengths, speeds, strict=True)]
    (alarm,) = of_training(record(training_fitness=longer, episode_length=lengths))
    assert "length of episodes alone (100.00 to 450.00 steps)" in alarm
    faster = [length * (0.5 + 0.1 * i) for i, length in enumerate(lengths)]
    assert of_training(record(training_fitness=faster, episode_length=lengths)) == []
    # the task's fitness is the length itself: nothing wrong with growing it
    assert of_training(record(training_fitness=lengths, episode_length=lengths)) == []


@pytest.mark.parametrize("first, last", [(-3.0, -0.05), (-6.0, -1.1), (-0.1, 2.0)])
def test_a_fitness_below_zero_tells_nothing_of_survival(first: float, last: float):
    rising = [first + (last - first) * i / (STEPS - 1) for i in range(STEPS)]
    assert of_training(record(training_fitness=rising, episode_length=[50.0 * (i + 1) for i in range(STEPS)])) == []


def test_diverged_worlds():
    (alarm,) = of_training(record(diverged=2))
    assert "diverged in 0.03%" in alarm  # 2 of 8000
    assert of_training(record(diverged=0)) == []


def test_a_winner_that_fresh_seeds_do_not_bear_out():
    # standard error of 4 episodes 9, 10, 10, 11 about 10: 0.41
    lucky = candidate(outcome=record(report=10.0, report_episodes=[9.0, 10.0, 10.0, 11.0]))
    (alarm,) = of_winner(lucky, student([5.0, 5.1, 4.9]))
    assert "estimated at 10.00, 1 training and has 5.00 on the final seeds" in alarm
    unsure = lucky.model_copy(update={"estimate": Estimate(mean=10.0, error=3.0, trainings=2)})
    assert of_winner(unsure, student([5.0, 5.1, 4.9])) == [], "within the error of the estimate"
    assert of_winner(lucky, student([8.0, 9.5, 10.5])) == [], "within noise"
    assert of_winner(lucky, None) == []
