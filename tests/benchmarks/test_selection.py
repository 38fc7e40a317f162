"""The bank of rewards, and that the simulation of policies computes what the product does."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from eureka.config.settings import Preset, Racing
from eureka.runs.estimates import estimates
from eureka.system.paths import load_file
from eureka.workers import halving

FOLDER = Path(__file__).parents[2] / "benchmarks"
BANKS = sorted(path.stem for path in (FOLDER / "bank").glob("*.json") if not path.stem.startswith("noise-"))


@pytest.fixture(scope="module")
def selection() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(FOLDER), *sys.path])
        before = set(sys.modules)
        yield load_file("benchmark_selection", FOLDER / "selection.py")
        for name in set(sys.modules) - before:
            del sys.modules[name]


def test_many_pools_at_once_are_shrunken_as_the_product_shrinks_one(selection: ModuleType):
    chance = random.Random(0)
    for _ in range(50):
        given = {str(c): [chance.gauss(c % 3, 1.0) for _ in range(chance.choice((0, 1, 1, 2, 4)))] for c in range(9)}
        known = {name: values for name, values in given.items() if values}
        padded = np.array([[*values, *[np.nan] * (4 - len(values))] for values in given.values()])
        counts = np.array([len(values) for values in given.values()])
        found = selection.shrunken(padded[None], counts[None])[0]
        expected = {name: estimate.mean for name, estimate in estimates(known).items()}
        assert {name: found[int(name)] for name in known} == pytest.approx(expected)


def test_a_policy_costs_what_the_schedule_costs(selection: ModuleType):
    marks = list(range(1, 9))
    for rungs, seeds, at in (((0.25, 0.5), (1, 1), 2), ((0.5,), (1,), 1), ((0.25, 0.75), (2, 3), 4)):
        stages = tuple(selection.Stage(share, s, 0.5) for share, s in zip(rungs, seeds, strict=True))
        policy = selection.Policy("p", stages, at, finalists=3, fresh=2)
        work = halving.work(Racing(rungs=rungs, keep=0.5, seeds=seeds), at, 8, marks).iterations / marks[-1]
        assert policy.cost(8, 3) == pytest.approx(3 * work + 6)


def test_the_default_of_the_table_is_the_presets(selection: ModuleType):
    default = next(policy for policy in selection.POLICIES if policy.name == selection.DEFAULT)
    preset = Preset(generations=1, samples=1, worlds=1, steps=1)
    assert preset.racing is None and preset.choose_by == "estimate" and default.stages == ()
    assert (default.seeds, default.finalists, default.fresh) == (
        preset.seeds,
        preset.finalists,
        preset.validation_seeds,
    )
    assert (default.score, default.shrink) == ("both", True)


@pytest.mark.parametrize("task", BANKS)
def test_the_bank_is_whole_and_small_and_says_who_wrote_it(selection: ModuleType, task: str):
    path = FOLDER / "bank" / f"{task}.json"
    assert path.stat().st_size < 5_000_000
    bank = selection.bank.load(task)
    names = [one["name"] for one in bank["rewards"]]
    assert len(set(names)) == len(names) and all(one["author"] and one["code"] for one in bank["rewards"])
    trained = {(one["reward"], one["seed"]) for one in bank["trainings"]}
    assert len(trained) == len(bank["trainings"]) and {name for name, _ in trained} <= set(names)
    for one in bank["trainings"]:
        assert "failed" in one or len(one["selection"]["0"]) == len(one["curves"]["training_fitness"]) > 4


def test_a_policy_that_sees_everything_has_no_regret(selection: ModuleType):
    """Equal seeds: one training tells all, and every policy takes the best reward that it tried."""
    means = np.array([1.0, 5.0, 3.0, 2.0])
    report = np.repeat(means[:, None], 8, axis=1)
    curves = np.repeat(report[:, :, None], 8, axis=2)
    made = selection.Trainings(np.array([1, 1, 2, 2]), curves, report, report, curves)
    rewards, seeds = selection.draw(made, 50, 2)
    for policy in selection.POLICIES:
        tried = policy.candidates(selection.CANDIDATES, 2, 2 * selection.CANDIDATES)
        if not tried:  # its validation costs more than two generations
            continue
        winner, _ = selection.regrets(policy, made, rewards, seeds)
        best = means[rewards].max(axis=(1, 2)) - means[rewards[:, :, :tried]].max(axis=(1, 2))
        assert winner == pytest.approx(best)
