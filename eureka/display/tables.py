"""Tables of comparisons and benchmarks, with conclusions in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from eureka.display import terminal
from eureka.display.conclusion import conclude, quoted
from eureka.display.terminal import say, show
from eureka.runs.candidate import Candidate
from eureka.runs.journal import Journal, read_journal
from eureka.runs.results import EVOLVED, HUMAN, SPARSE, Arm, BenchmarkRow, Comparison
from eureka.runs.statistics import LOOK_LEVEL
from eureka.text import number, plain, shown

if TYPE_CHECKING:
    from eureka.runs.results import BenchmarkSummary

_SEEDS = "each fresh seed"  # The column that is wrapped, between numbers, where a terminal is narrow


def show_result(folder: Path, comparison: Comparison, winner: Candidate | None = None) -> None:
    """Print the winner's code, the comparison, the verdict and what to do next at the end of a run."""
    console, run = terminal.console(), quoted(folder)
    console.print()
    if winner and winner.code:
        say(console, f"winner {winner.name}:\n")
        show_code(console, winner.code)
    show_comparison(console, comparison)
    show_conclusion(console, read_journal(folder), comparison)
    if winner:
        say(console, f"run {run}   next: eureka report {run}")
    else:
        say(console, f"run {run}   policies: {run}/final")


def show_code(console: Console, code: str) -> None:
    """Print untrusted Python code, highlighted on a terminal."""
    code = plain(code)
    if console.is_terminal:
        console.print(Syntax(code, "python", theme="ansi_dark", background_color="default"))
    else:
        print(code)


def show_conclusion(console: Console, journal: Journal, comparison: Comparison) -> None:
    """Print who won, by how much and how sure, and what to do next."""
    found = conclude(journal, comparison)
    if str(found):
        say(console, f"\n{found}")
    if found.advice:
        say(console, found.advice)


@dataclass(frozen=True)
class Sheet:
    """Contents of a table, for terminals and pages. Cells may contain untrusted text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print the arms of a comparison, the statistics against the baseline, and alarms."""
    if not comparison.arms:
        return
    for sheet in sheets(comparison):
        show(console, _to_table(sheet))
    if text := remark(comparison):
        say(console, text)
    for arm in comparison.arms:
        for alarm in arm.alarms:
            say(console, f"alarm: {shown(arm.name)}: {shown(alarm)}", "yellow")
    if any(arm.robustness for arm in comparison.arms):
        show(console, _to_table(robustness(comparison.arms)))


def sheets(comparison: Comparison) -> list[Sheet]:
    """The fitness of the arms; with a baseline, also the statistics against it."""
    found = [_fitness(comparison.arms)] if comparison.arms else []
    if comparison.baseline and _has_baseline(comparison):
        found.append(_against(comparison.arms, comparison.baseline))
        found.append(_details(comparison.arms, comparison.baseline))
    return found


def _has_baseline(comparison: Comparison) -> bool:
    return bool(comparison.baseline) and len(comparison.arms) > 1


def _to_table(sheet: Sheet) -> Table:
    table = _table(*sheet.columns)
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def _fitness(arms: Sequence[Arm]) -> Sheet:
    rows = []
    for arm in arms:
        lost = f" ({len(arm.failures)} failed)" if arm.failures else ""
        if arm.mean is None:
            rows.append((shown(arm.name), "-", "-", lost.strip(), "-"))
            continue
        bounds = f"{number(arm.interval.low)} .. {number(arm.interval.high)}" if arm.interval else "one seed"
        several = " (mean per reward)" if len(arm.origins) > 1 else ""
        seeds = " ".join(map(number, arm.fitness)) + several + lost
        rows.append((shown(arm.name), number(arm.mean), bounds, seeds, number(fmean(arm.last))))
    return Sheet(("reward", "fitness", "95% interval", _SEEDS, "last checkpoint"), tuple(rows))


def _against(arms: Sequence[Arm], baseline: str) -> Sheet:
    """Statistics against the baseline; P is the probability that a value exceeds one of the baseline's."""
    rows = []
    scaled = any(arm.against and arm.against.normalised is not None for arm in arms)  # human and sparse differ
    for arm in arms:
        held = arm.against
        if held is None:
            continue
        apart = held.difference
        span = f"{number(apart.low)} .. {number(apart.high)}" if apart else "-"
        row = (shown(arm.name), held.verdict, number(apart.mean) if apart else "-", span)
        scores = (held.improvement, held.normalised) if scaled else (held.improvement,)
        rows.append((*row, *(_or_dash(value, "{:.2f}") for value in scores)))
    columns = (f"against {shown(baseline)}", "verdict", "difference", f"{LOOK_LEVEL:.1%} interval", "P")
    return Sheet((*columns, "normalised") if scaled else columns, tuple(rows))


def _details(arms: Sequence[Arm], baseline: str) -> Sheet:
    rows = []
    correlated = any(arm.correlation is not None for arm in arms)
    for arm in arms:
        ends = arm.iqm_interval and f"{number(arm.iqm_interval[0])} .. {number(arm.iqm_interval[1])}"
        middle = "-" if arm.iqm is None else number(arm.iqm)
        row = (shown(arm.name), middle, ends or "-", _efficiency(arm), str(arm.searches or "none"))
        rows.append((*row, _or_dash(arm.correlation, "{:.2f}")) if correlated else row)
    columns = ("", "IQM", "95% by bootstrap", f"steps to 80% of {shown(baseline)}", "searches")
    columns = (*columns, "correlation") if correlated else columns
    return Sheet(columns, tuple(rows))


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _efficiency(arm: Arm) -> str:
    """Median of the steps over seeds; "never" counts as infinite."""
    if not arm.steps_to_baseline:
        return "-"
    needed = [math.inf if steps is None else steps for steps in arm.steps_to_baseline]
    middle, there = median(needed), sum(map(math.isfinite, needed))
    steps = f"{middle:,.0f}" if math.isfinite(middle) else "never"
    return f"{steps} ({there} of {len(needed)} seeds)"


def robustness(arms: Sequence[Arm]) -> Sheet:
    """Fitness of the arms' policies in worlds with changed physics."""
    names = list(dict.fromkeys(name for arm in arms for name in arm.robustness))
    rows = []
    for arm in arms:
        kept = [number(arm.robustness[name]) if name in arm.robustness else "-" for name in names]
        rows.append((shown(arm.name), "-" if arm.mean is None else number(arm.mean), *kept))
    return Sheet(("robustness", "as trained", *map(shown, names)), tuple(rows))


def show_summary(console: Console, summary: BenchmarkSummary) -> None:
    """Print a benchmark: a row per task, then the aggregates."""
    baseline = "/".join(dict.fromkeys(line.baseline for line in summary.lines if line.baseline))
    show(console, _to_table(_summary(summary.lines, baseline)))
    if not baseline:
        console.print(Text("no task names a reward to compare with: add the key `human: FILE` to a YAML for a verdict"))
        return
    counted = ", ".join(f"{count} {verdict}" for verdict, count in summary.counts.items() if count)
    console.print(Text(f"evolved against {baseline}: {counted}"))
    if summary.improvement is not None and summary.improvement_interval is not None:
        low, high = summary.improvement_interval
        console.print(Text(f"probability of improvement {summary.improvement:.2f} ({low:.2f} .. {high:.2f})"))
    defined = sum(line.normalised is not None for line in summary.lines)
    if summary.normalised is not None and summary.clipped is not None:
        score = f"human-normalised score {summary.normalised:.2f}, with tasks clipped to 0 .. 3 as in the paper "
        console.print(Text(f"{score}{summary.clipped:.2f}; defined for {defined} of {len(summary.lines)} tasks"))
    else:
        console.print(Text("human-normalised score not defined for any task; see eureka inspect RUN for the reasons"))


def _summary(lines: Sequence[BenchmarkRow], baseline: str) -> Sheet:
    """A row per task, without the columns that are empty for all."""
    columns = ("task", EVOLVED, baseline, SPARSE, "verdict", "P", "normalised")
    rows = []
    for line in lines:
        names = (EVOLVED, line.baseline or "", "" if line.baseline == SPARSE else SPARSE)
        means = [_or_dash(line.fitness.get(name), "{:.4g}") for name in names]
        scores = [_or_dash(value, "{:.2f}") for value in (line.improvement, line.normalised)]
        rows.append((shown(line.task), *means, line.verdict if line.baseline else "-", *scores))
    kept = [i for i in range(len(columns)) if any(row[i] != "-" for row in rows)]
    return Sheet(tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i else "left", no_wrap=name != _SEEDS)
    return table


def remark(comparison: Comparison) -> str:
    """Why a statistic is not defined, and what the comparison is based on."""
    notes = [shown(note) for note in comparison.notes]
    if not _has_baseline(comparison):
        return " ".join(notes)
    against = [arm.against for arm in comparison.arms if arm.against]
    lost = [shown(arm.name) for arm in comparison.arms if arm.failures]
    parts = []
    if lost:
        parts.append(f"not defined: seeds of {', '.join(lost)} failed, so the remaining seeds may be biased.")
    elif any(a.verdict == "not defined" for a in against):
        parts.append("not defined: more than one seed is needed.")
    if any(a.normalised is None for a in against if a.verdict != "not defined"):
        parts.append(f"The human-normalised score is not defined: {_no_scale(comparison)}.")
    searched = max((arm.searches for arm in comparison.arms), default=0)
    if searched == 1:
        parts.append("One search per arm: the seeds measure the rewards found, not the variation between searches.")
    return " ".join(parts + notes)


def _no_scale(comparison: Comparison) -> str:
    """Why human and sparse do not define a scale for normalization."""
    missing = next((name for name in (HUMAN, SPARSE) if comparison.arm(name) is None), None)
    if missing:
        return f"there is no arm {missing}"
    failed = any(arm.failures for arm in comparison.arms if arm.name == SPARSE)
    return f"seeds of {SPARSE} failed" if failed else f"{HUMAN} and {SPARSE} do not differ significantly"
