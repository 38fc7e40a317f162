"""`eureka tune`: a search over the constants of one reward, and what it says of each of them."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from eureka.config.options import Options
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.designers.constants import constants, require_constants
from eureka.errors import UserError
from eureka.experiment import arms
from eureka.experiment.options import resolve_comparison
from eureka.runs import history, layout
from eureka.runs.journal import Journal, read_journal
from eureka.runs.statistics import rank_correlation
from eureka.system.files import read_source
from eureka.workers.placement import with_workers


def resolve(reward: str, task: str | None, trials: int, options: Options) -> tuple[LoadedTask, Settings]:
    """The task and the settings of a search for the constants of `reward`.

    Args:
        reward: human, sparse, a reward's file, or a finished run, whose sizes are taken.
        task: name or YAML file; None: that of the run.
        trials: number of variants; rounded up to whole generations.
        options: what the command line overrides.

    Raises:
        UserError: there is no such reward, it has no constants, or an option is invalid.
    """
    parsed = arms.parse_arms([reward], task)
    (given,) = parsed.specs[0].rewards
    if given.code is None:
        raise UserError(f"{reward} is computed by the environment and has no constants; give a reward's file")
    require_constants(given.code, reward)
    if parsed.folders:
        start = _file(parsed.folders[0], given.code)
    elif given.origin in parsed.task.rewards:
        start = given.origin
    else:
        start = str(parsed.task.reward_file(given.origin).absolute())
    base = resolve_comparison(parsed.task, parsed.run, replace(options, search=replace(options.search, samples=None)))
    samples = min(options.search.samples or trials, trials)
    update = {
        "llm": "constants",
        "strategy": "elite",
        "start": start,
        "generations": math.ceil(trials / samples),
        "samples": samples,
        "racing": None,
        "warm_start": None,
        "workers": base.workers if options.device.workers else None,
    }
    return parsed.task, with_workers(base.model_copy(update=update), samples)


def _file(run: Path, code: str) -> str:
    """The file of a run's winning reward, whose text is `code`."""
    finished = read_journal(run).finished
    assert finished is not None and finished.winner is not None
    file = run / layout.candidate(finished.winner) / layout.REWARD
    if not file.is_file() or read_source(file) != code:
        raise UserError(f"{file} is missing or was changed; to tune a reward that is not the run's, give its file")
    return str(file.absolute())


@dataclass(frozen=True)
class Sensitivity:
    """One constant in a search over constants."""

    name: str
    start: float
    tuned: float
    """Of the winner, or of the best so far."""
    correlation: float | None
    """Rank correlation of its size with the fitness, over all trained rewards; None if it is not known."""
    by_chance: float
    """A correlation that 95 % of unrelated constants do not reach (normal approximation)."""


def sensitivities(journal: Journal) -> list[Sensitivity]:
    """What a search over constants says of each; empty for another search, and before anything is trained."""
    if journal.asked.llm != "constants":
        return []
    candidates = [c for c in history.candidates_of(journal).values() if c.scores and c.code]
    best = history.best_of(candidates)
    if best is None:
        return []
    winner = history.find_candidate(journal, {c.name: c for c in candidates}, None)
    sizes = [constants(c.code or "") for c in candidates]
    fitness = [statistics.fmean(score.report for score in c.scores) for c in candidates]
    chance = 1.96 / math.sqrt(max(1, len(candidates) - 1))
    tuned, start = constants(winner.code or ""), sizes[0]
    return [
        Sensitivity(name, start[name], tuned[name], rank_correlation([s[name] for s in sizes], fitness), chance)
        for name in start
    ]
