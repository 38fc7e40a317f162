"""Which of several policies people prefer, from votes on pairs of them.

The model of Bradley and Terry (1952): i is preferred to j with probability sigmoid(s_i - s_j), where the strengths s
have independent normal priors of variance 1. A vote is a mistake with probability `NOISE`, as teachers of BPref make
them (Lee et al. 2021); a tie is half a vote for each. The posterior is a normal distribution around its mode, whose
samples are weighted by the true one. The next pair is the one whose vote tells most of which is the best (after
Lindley 1956).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOISE = 0.1
"""Probability of a mistake."""
SURE = 0.8
"""Probability of being the best at which voting may stop."""
_SAMPLES = 1000
_STEPS, _HALVINGS = 100, 40  # of a search for a mode
_TOLERANCE = 1e-10
_WIDER = 1.3  # Factor on the deviations of the samples, before they are weighted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ballot:
    """The votes on a number of policies, by their index."""

    count: int
    votes: tuple[tuple[int, int, float], ...] = ()
    """(i, j, share): 1 if i was preferred, 0 if j was, 0.5 for a tie."""

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        """The votes as three arrays (V,)."""
        columns = list(zip(*self.votes, strict=True)) if self.votes else [(), (), ()]
        return np.array(columns[0], dtype=np.int64), np.array(columns[1], dtype=np.int64), np.array(columns[2], float)


@dataclass(frozen=True)
class Standing:
    """What the votes say."""

    strengths: Array  # (N,) mode of the posterior, mean 0 without votes
    deviations: Array  # (N,) of the posterior
    best: Array  # (N,) probability of being the best
    samples: Array  # (S, N) of the posterior
    weights: Array  # (S,) of the samples, which sum to 1

    @property
    def leader(self) -> int:
        """The likeliest to be the best."""
        return int(self.best.argmax())

    @property
    def sure(self) -> bool:
        """Whether voting may stop."""
        return bool(self.best.max() >= SURE)


def strengths(ballot: Ballot, noise: float = NOISE, ridge: float = 1.0) -> Array:
    """(N,) strengths of the highest posterior density.

    With mistakes the density may have several modes; the best of those from several starts is given.

    Args:
        ballot: the votes.
        noise: probability of a mistake, below 0.5.
        ridge: inverse of the prior's variance.
    """
    starts = [np.zeros(ballot.count)]
    if noise and ballot.votes:
        sure = _climb(ballot, 0.0, ridge, starts[0])
        starts += [sure, 2.0 * sure, -0.5 * sure]
    modes = [_climb(ballot, noise, ridge, start) for start in starts]
    return max(modes, key=lambda mode: _density(ballot, mode[None], noise, ridge)[0])


def standing(ballot: Ballot, seed: int = 0) -> Standing:
    """What the votes say; equal ballots and seeds give equal results."""
    mode = strengths(ballot)
    root = np.linalg.cholesky(np.linalg.inv(_curvature(ballot, mode, NOISE, 1.0)))
    drawn = np.random.default_rng(seed).standard_normal((_SAMPLES // 2, ballot.count))
    drawn = _WIDER * np.concatenate([drawn, -drawn])
    samples = mode + drawn @ root.T
    log_weights = _density(ballot, samples, NOISE, 1.0) + 0.5 * (drawn**2).sum(1) / _WIDER**2
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    best = np.bincount(samples.argmax(1), weights, ballot.count).astype(np.float64)
    mean = weights @ samples
    return Standing(mode, np.sqrt(weights @ (samples - mean) ** 2), best, samples, weights)


def next_pair(found: Standing, allowed: Sequence[tuple[int, int]] | None = None) -> tuple[int, int]:
    """The pair whose vote is expected to tell most of which is the best; `allowed` is all pairs by default."""
    pairs = list(allowed if allowed is not None else itertools.combinations(range(len(found.best)), 2))
    i, j = (np.array(column) for column in zip(*pairs, strict=True))
    wins = _probability(found.samples[:, i] - found.samples[:, j], NOISE)  # (S, pairs)
    of_best = np.zeros((len(found.samples), len(found.best)))
    of_best[np.arange(len(found.samples)), found.samples.argmax(1)] = found.weights
    with_best = of_best.T @ wins  # (N, pairs), probability that n is the best and i is preferred
    told = _entropy(found.weights @ wins)
    each = np.where(found.best[:, None] > 0, with_best / np.maximum(found.best[:, None], 1e-300), 0.5)
    return pairs[int((told - found.best @ _entropy(each)).argmax())]


def _climb(ballot: Ballot, noise: float, ridge: float, start: Array) -> Array:
    """A mode of the posterior near a start, by Newton's method with the expected curvature, which is positive."""
    at = start
    height = _density(ballot, at[None], noise, ridge)[0]
    for _ in range(_STEPS):
        slope = _slope(ballot, at, noise, ridge)
        step = np.linalg.solve(_curvature(ballot, at, noise, ridge), slope)
        for halving in range(_HALVINGS):
            further = at + step * 0.5**halving
            higher = _density(ballot, further[None], noise, ridge)[0]
            if higher >= height:
                break
        else:
            return at
        moved, at, height = np.abs(further - at).max(), further, higher
        if moved < _TOLERANCE:
            return at
    return at


def _probability(difference: Array, noise: float) -> Array:
    """That the first one is preferred, given by how much stronger it is."""
    return noise + (1.0 - 2.0 * noise) / (1.0 + np.exp(-np.clip(difference, -500.0, 500.0)))


def _density(ballot: Ballot, at: Array, noise: float, ridge: float) -> Array:
    """(S,) logarithm of the posterior density at strengths (S, N), up to a constant."""
    i, j, share = ballot.arrays()
    wins = np.clip(_probability(at[:, i] - at[:, j], noise), 1e-300, 1.0)
    loses = np.clip(_probability(at[:, j] - at[:, i], noise), 1e-300, 1.0)
    return (share * np.log(wins) + (1.0 - share) * np.log(loses)).sum(1) - 0.5 * ridge * (at**2).sum(1)


def _slope(ballot: Ballot, at: Array, noise: float, ridge: float) -> Array:
    i, j, share = ballot.arrays()
    p = _probability(at[i] - at[j], noise)
    steepness = (p - noise) * (1.0 - noise - p) / (1.0 - 2.0 * noise)
    slopes = steepness * (share - p) / np.maximum(p * (1.0 - p), 1e-300)
    return np.bincount(i, slopes, ballot.count) - np.bincount(j, slopes, ballot.count) - ridge * at


def _curvature(ballot: Ballot, at: Array, noise: float, ridge: float) -> Array:
    """(N, N) negative of the expected second derivatives."""
    i, j, _ = ballot.arrays()
    p = _probability(at[i] - at[j], noise)
    steepness = (p - noise) * (1.0 - noise - p) / (1.0 - 2.0 * noise)
    weight = steepness**2 / np.maximum(p * (1.0 - p), 1e-300)
    found = ridge * np.eye(ballot.count)
    np.add.at(found, (i, i), weight)
    np.add.at(found, (j, j), weight)
    np.add.at(found, (i, j), -weight)
    np.add.at(found, (j, i), -weight)
    return found


def _entropy(p: Array) -> Array:
    """Of a vote in nats."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return -(p * np.log(p) + (1.0 - p) * np.log(1.0 - p))
