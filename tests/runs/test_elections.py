"""Votes: the model's mode, its posterior, the next pair, and the files and the command."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from support.cli import Cli
from support.journals import example, write_run

from eureka.errors import UserError
from eureka.runs import elections, votes
from eureka.runs.elections import NOISE, Ballot, next_pair, standing, strengths


def cast(count: int, number: int, seed: int) -> Ballot:
    """Random votes, also ties."""
    chance = np.random.default_rng(seed)
    pairs = [chance.choice(count, 2, replace=False) for _ in range(number)]
    return Ballot(count, tuple((int(i), int(j), float(chance.choice([0.0, 0.5, 1.0]))) for i, j in pairs))


@pytest.mark.parametrize("seed", range(5))
def test_without_mistakes_the_mode_is_that_of_choix(seed: int):
    choix = pytest.importorskip("choix")
    ballot = cast(7, 40, seed)
    # A tie is half a vote for each: two votes for what is sure, and one for each of a tie, at twice the ridge.
    # choix adds alpha times the squares, we half of the ridge.
    data = [
        (i, j) if won else (j, i)
        for i, j, share in ballot.votes
        for won in {1.0: (1, 1), 0.0: (0, 0), 0.5: (0, 1)}[share]
    ]
    expected = choix.opt_pairwise(7, data, alpha=1.0, tol=1e-12)
    assert np.abs(strengths(ballot, noise=0.0) - expected).max() < 1e-6


def test_the_mode_of_two_is_where_the_slope_is_zero_and_no_other_point_is_higher():
    ballot = Ballot(2, ((0, 1, 1.0),) * 3)
    at = strengths(ballot)
    assert at[0] == pytest.approx(-at[1]) and at[0] > 0
    # d/ds of 3 ln(0.1 + 0.8 sigmoid(2 s)) - s^2 is 0
    p = 1 / (1 + np.exp(-2 * at[0]))
    assert 3 * 0.8 * 2 * p * (1 - p) / (NOISE + 0.8 * p) == pytest.approx(2 * at[0], abs=1e-6)
    for seed in range(5):
        ballot = cast(5, 12, seed)
        best = elections._density(ballot, strengths(ballot)[None], NOISE, 1.0)[0]
        others = 2.0 * np.random.default_rng(seed).standard_normal((2000, 5))
        assert elections._density(ballot, others, NOISE, 1.0).max() <= best + 1e-9


def test_the_posterior_of_two_is_that_of_an_integral():
    ballot = Ballot(2, ((0, 1, 1.0), (0, 1, 1.0), (0, 1, 0.5), (0, 1, 0.0)))
    grid = np.linspace(-6, 6, 801)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    density = np.exp(elections._density(ballot, np.stack([a.ravel(), b.ravel()], 1), NOISE, 1.0)).reshape(a.shape)
    found = standing(ballot)
    assert found.best[0] == pytest.approx(density[a > b].sum() / density.sum(), abs=0.03)
    mean = (density * a).sum() / density.sum()
    assert found.deviations[0] == pytest.approx(
        (density * (a - mean) ** 2).sum() ** 0.5 / density.sum() ** 0.5, rel=0.1
    )


def test_without_votes_all_are_alike_and_with_many_the_winner_is_sure():
    start = standing(Ballot(4))
    assert np.abs(start.best - 0.25).max() < 0.06 and not start.sure and np.abs(start.strengths).max() < 1e-9
    votes_ = tuple((i, j, 1.0) for i, j in itertools.combinations(range(4), 2)) * 6
    end = standing(Ballot(4, votes_))
    assert end.leader == 0 and end.sure and [*np.argsort(-end.strengths)] == [0, 1, 2, 3]
    again = standing(Ballot(4, votes_))
    assert np.array_equal(end.best, again.best) and next_pair(end) == next_pair(again)


def test_the_next_pair_is_among_those_that_may_be_the_best():
    votes_ = tuple((i, j, 1.0) for i in (0, 1) for j in (2, 3, 4, 5)) * 8
    assert next_pair(standing(Ballot(6, votes_))) == (0, 1)
    assert next_pair(standing(Ballot(6, votes_)), allowed=[(2, 3), (4, 5), (0, 1)]) == (0, 1)


@pytest.mark.parametrize("text", ["", "1.0", "1.0 > 1.0", "1.0 >> 2.0", "human > 1.0", "1.0 > 2.0 > 3.0"])
def test_what_is_no_vote_is_refused(text: str):
    with pytest.raises(UserError, match=r"is no vote; write two candidates, as '2\.0 > 1\.3'"):
        votes.parse(text, "me")


def test_votes_are_kept_counted_and_shown(cli: Cli, tmp_path: Path):
    run = write_run(tmp_path / "run", example())
    first = cli("vote", "run")
    assert first.returncode == 0 and "0 votes" in first.stdout and "watch " in first.stdout
    for text, rater in (("2.0 > 1.0", "ann"), ("1.0 < 2.0", "b\x1b[2Job"), (" 1.0=1.1 ", None)):
        done = cli("vote", "run", text, *(["--rater", rater] if rater else []))
        assert done.returncode == 0, done.stderr
    assert "3 votes" in done.stdout and "\x1b" not in "".join(v.rater for v in votes.kept(run))
    found = [(v.first, v.second, v.prefers) for v in votes.kept(run)]
    assert found == [("2.0", "1.0", "first"), ("1.0", "2.0", "second"), ("1.0", "1.1", "tie")]
    assert votes.ballot(["1.0", "2.0"], votes.kept(run)).votes == ((1, 0, 1.0), (0, 1, 0.0))
    refused = cli("vote", "run", "9.9 > 1.0")
    assert refused.returncode == 2 and "no trained candidate 9.9" in refused.stderr and len(votes.kept(run)) == 3
