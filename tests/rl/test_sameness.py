"""The promise of sameness: a member's result does not depend on who trains beside it, on threads or interruptions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.bench import Bench
from support.populations import PLAN, finish, training

from eureka.physics.backend import Backend
from eureka.rl.training import Training


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def whole(cartpole: Bench):
    return finish(training(cartpole, list(range(8)), 1))


MORE = [(8, 1), (4, 1), (1, 2)]


@pytest.mark.parametrize(
    ("size", "threads"), [(8, 2), (4, 2), (1, 1), *(pytest.param(*m, marks=pytest.mark.slow) for m in MORE)]
)
def test_populations_of_8_of_4_and_4_and_of_1_give_equal_bits(cartpole: Bench, whole, size: int, threads: int):
    outcomes, parameters = [], []
    for begin in range(0, 8, size):
        outcome, flat = finish(training(cartpole, list(range(begin, begin + size)), threads))
        outcomes += outcome
        parameters.append(flat)
    assert outcomes == whole[0]
    assert torch.equal(torch.cat(parameters), whole[1])


def test_a_training_goes_on_from_any_checkpoint_with_any_part_of_its_members(cartpole: Bench, whole, tmp_path: Path):
    file = tmp_path / "checkpoint.safetensors"
    for stop_at in (0, 1):
        t = training(cartpole, list(range(8)), 2)

        def leave(number: int, t: Training = t, stop_at: int = stop_at) -> None:
            if number == stop_at:
                t.save(file)
                raise Stop

        with pytest.raises(Stop):
            t.run(lambda _: None, leave)
        for members in ([0, 1, 2, 3, 4, 5, 6, 7], [5, 6], [2]):
            again = training(cartpole, members, 1)
            again.load([(file, m) for m in members])
            outcomes, flat = finish(again)
            assert outcomes == [whole[0][m] for m in members]
            assert torch.equal(flat, whole[1][members])


def test_members_differ_where_their_rewards_or_seeds_do(whole):
    _, flat = whole
    assert not torch.equal(flat[0], flat[1]), "rewards"
    assert not torch.equal(flat[0], flat[4]), "seeds"


def test_a_member_whose_reward_turns_nan_is_frozen_and_the_others_do_not_notice(cartpole: Bench, whole):
    bad = cartpole.program(
        "def compute_reward(pole_angle):\n"
        "    edge = torch.log(1.2 - pole_angle.abs())\n    return edge, {'edge': edge}",
        PLAN.worlds,
    )
    t = training(cartpole, [0, 1, 2], 2)
    t = Training(
        cartpole.task, cartpole.model, [t.bank.programs[0], bad, t.bank.programs[2]], [11] * 3, PLAN, Backend("cpu", 2)
    )
    outcomes, flat = finish(t)
    assert outcomes[0] == whole[0][0] and outcomes[2] == whole[0][2]
    assert torch.equal(flat[[0, 2]], whole[1][[0, 2]])
    failed = outcomes[1]
    assert failed.stage == "train" and "NaN" in failed.message and "training step" in failed.message
    assert torch.isfinite(flat).all()


def test_the_evaluated_policy_is_the_average_of_the_latest_and_is_resumed(cartpole: Bench, tmp_path: Path):
    plan = replace(PLAN, learning=PLAN.learning.model_copy(update={"averaging": 2}))
    t, file, seen = training(cartpole, [0, 4], 1, plan), tmp_path / "checkpoint.safetensors", []
    for _ in range(4):
        t.iterate()
        seen.append(t.learner.policy.flat.clone())
        if len(seen) == 2:
            t.save(file)
    # weights 1, 1/2, 1/2, 1/2: the first update alone, the mean of two, then each time halfway to the next
    expected = (seen[0] + seen[1]) / 8 + seen[2] / 4 + seen[3] / 2
    assert torch.allclose(t.learner.evaluated.flat, expected, atol=1e-7)
    t._checkpoint()
    assert torch.equal(t._best_policy, t.learner.evaluated.flat)
    again = training(cartpole, [4], 1, plan)
    again.load([(file, 1)])
    again.iterate()
    again.iterate()
    assert torch.equal(again.learner.evaluated.flat[0], t.learner.evaluated.flat[1])
