"""`eureka bench --strategies`: searches with each strategy at equal budget, and one comparison of all winners."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eureka.config.options import Changes
from eureka.config.settings import Asking, Settings
from eureka.config.tasks import LoadedTask
from eureka.errors import UserError, did_you_mean
from eureka.experiment import arms, bench
from eureka.experiment.hours import TimeLimit
from eureka.experiment.search import STRATEGIES
from eureka.report.costs import costs_of
from eureka.runs.events import Display, Notice
from eureka.runs.journal import read_journal
from eureka.runs.results import ArmSpec, Comparison, StrategyRow, StrategySummary
from eureka.system.files import output_file, write_whole
from eureka.system.hardware import cores
from eureka.workers.isolation import IsolationPolicy

SUMMARY = "strategies.json"
_BUILT_IN = "search"  # The built-in designer, as a control; it is greedy


@dataclass(frozen=True)
class Tournament:
    """The searches of a benchmark of strategies."""

    strategies: tuple[str, ...]
    searches: int
    """Independent searches of each strategy, each with a run seed of its own."""


def parse(names: str | None, searches: int | None) -> Tournament | None:
    """`--strategies A,B` and `--searches N`; None without the former.

    Raises:
        UserError: there is no such strategy, one is given twice, or there are too few searches for an interval.
    """
    if names is None:
        if searches is not None:
            raise UserError("--searches counts the searches of each strategy; add --strategies A,B, or omit it")
        return None
    found = tuple(name for name in names.split(",") if name)
    for name in found:
        if name not in (*STRATEGIES, _BUILT_IN):
            known = (*STRATEGIES, _BUILT_IN)
            raise UserError(f"no strategy {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
        if found.count(name) > 1:
            raise UserError(f"--strategies names {name} twice")
    if not found:
        raise UserError("--strategies is empty; give names such as greedy,elite,best-of-n,search")
    if searches is not None and searches < 2:
        raise UserError("--searches must be at least 2: intervals are over searches")
    return Tournament(found, searches or 3)


def play(
    tournament: Tournament,
    plans: Sequence[tuple[LoadedTask, Settings]],
    changes: Changes,
    isolation: IsolationPolicy,
    out: Path,
    display: Display,
    yes: bool,
    limit: TimeLimit | None = None,
) -> StrategySummary:
    """Run all searches, then train all winners, human and sparse rewards on the same fresh seeds, task by task.

    A search is in TASK/STRATEGY-K, and the comparison in TASK/comparison. All searches of a task have the same
    generations, samples, world-steps and validation. The arguments are those of `bench.bench`.

    Raises:
        UserError: two tasks have the same name, or a folder contains a run with another task or other settings.
    """
    bench.require_names([task for task, _ in plans])
    comparisons: dict[str, Comparison] = {}
    rows: list[StrategyRow] = []
    for task, settings in plans:
        name, specs = task.file.name, []
        for strategy in tournament.strategies:
            folders = [out / name / f"{strategy}-{k}" for k in range(tournament.searches)]
            for k, folder in enumerate(folders):
                display(Notice(f"\n{name}, {strategy}, search {k + 1} of {tournament.searches}"))
                with bench.one_command(display):
                    bench.run(task, _search(settings, strategy, k), changes, isolation, folder, display, yes, limit)
            rewards = tuple(map(arms.winner_of, folders))
            specs.append(ArmSpec(name=strategy, rewards=rewards, searches=len(rewards)))
            rows.append(_costs(name, strategy, folders))
        display(Notice(f"\n{name}, comparison of all winners"))
        # A name that an arm of one's own may not have is that of a strategy here, with the same meaning.
        specs += arms.baselines(task)
        with bench.one_command(display):
            own, folder = _compared(settings), out / name / "comparison"
            comparisons[name] = bench.run(task, own, changes, isolation, folder, display, yes, limit, specs)
    summary = StrategySummary(rows=rows, comparisons=comparisons)
    with output_file(out / SUMMARY, "--out"):
        write_whole(out / SUMMARY, json.dumps(summary.model_dump(mode="json"), indent=2).encode() + b"\n")
    return summary


def _search(settings: Settings, strategy: str, number: int) -> Settings:
    """The settings of one search; its winner is trained again in the comparison only."""
    update = {"seed": settings.seed + number, "final_seeds": 0, "strategy": strategy}
    if strategy == _BUILT_IN:
        update |= {"strategy": "greedy", "llm": "search", "asking": Asking()}
    return settings.model_copy(update=update)


def _compared(settings: Settings) -> Settings:
    return settings.model_copy(update={"llm": "search", "asking": Asking(), "strategy": "greedy", "start": None})


def _costs(task: str, strategy: str, folders: Sequence[Path]) -> StrategyRow:
    found = [costs_of(read_journal(folder)) for folder in folders]
    work = ("training", "evaluation", "compiling", "writing")
    seconds = [part.search for c in found for part in c.parts if part.name.startswith(work)]
    return StrategyRow(
        task=task,
        strategy=strategy,
        searches=len(folders),
        calls=sum(c.calls for c in found),
        prompt_tokens=sum(c.prompt_tokens for c in found),
        completion_tokens=sum(c.completion_tokens for c in found),
        usd=sum(c.usd for c in found) if all(c.priced for c in found) else None,
        core_hours=sum(seconds) * cores() / 3600,
    )
