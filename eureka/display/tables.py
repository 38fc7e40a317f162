"""Tables of comparisons and benchmarks, with conclusions in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from eureka.display import terminal
from eureka.display.conclusion import conclude
from eureka.display.terminal import say, show
from eureka.runs.candidate import Candidate
from eureka.runs.journal import Journal, read_journal
from eureka.runs.results import (
    EVOLVED,
    HUMAN,
    SPARSE,
    Arm,
    BenchmarkRow,
    BenchmarkSummary,
    Comparison,
    StrategySummary,
)
from eureka.text import Digits, alike, command, number, plain, relative, shown

_SEEDS = "each fresh seed"  # The column that is wrapped, between numbers, where a terminal is narrow


def show_result(folder: Path, comparison: Comparison, winner: Candidate | None = None) -> None:
    """Print the winner's code, the comparison, the verdict and what to do next at the end of a run."""
    console = terminal.console()
    console.print()
    if winner and winner.code:
        say(console, f"winner {winner.name}:\n")
        show_code(console, winner.code)
    show_comparison(console, comparison, details=winner is None)
    show_conclusion(console, read_journal(folder), comparison)
    rest = f"next: {command('report', folder)}" if winner else f"policies: {relative(folder)}/final"
    say(console, f"run {relative(folder)}   {rest}")


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
        say(console, f"{found.advice} {found.command}".rstrip())


@dataclass(frozen=True)
class Sheet:
    """Contents of a table, for terminals and pages. Cells may contain untrusted text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def show_comparison(console: Console, comparison: Comparison, details: bool = True) -> None:
    """Print the arms of a comparison and alarms; with `details`, also single seeds, statistics and a remark."""
    if not comparison.arms:
        return
    for sheet in sheets(comparison)[: None if details else 1]:
        show_sheet(console, sheet)
    if details and (text := remark(comparison)):
        say(console, text)
    for arm in comparison.arms:
        for alarm in arm.alarms:
            say(console, f"alarm: {shown(arm.name)}: {shown(alarm)}", "yellow")
    if any(arm.robustness for arm in comparison.arms):
        show(console, _to_table(robustness(comparison.arms)))


def sheets(comparison: Comparison) -> list[Sheet]:
    """The fitness of the arms and their differences from the baseline, then details, without empty columns."""
    baseline = comparison.baseline if _has_baseline(comparison) else None
    digits = alike(arm.mean for arm in comparison.arms)
    made = [kind(comparison, baseline, digits) for kind in (_fitness, _trainings, _statistics)]
    return [_filled(sheet) for sheet in made if len(_filled(sheet).columns) > 1]


def _filled(sheet: Sheet) -> Sheet:
    """The sheet without columns in which no row has a value."""
    kept = [i for i in range(len(sheet.columns)) if not i or any(row[i] not in ("", "-") for row in sheet.rows)]
    return Sheet(tuple(sheet.columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in sheet.rows))


def _has_baseline(comparison: Comparison) -> bool:
    return bool(comparison.baseline) and len(comparison.arms) > 1


def show_sheet(console: Console, sheet: Sheet) -> None:
    """Print a table."""
    show(console, _to_table(sheet))


def _to_table(sheet: Sheet) -> Table:
    table = _table(*sheet.columns)
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def _fitness(comparison: Comparison, baseline: str | None, digits: Digits) -> Sheet:
    """What the comparison answers."""
    rows = []
    for arm in comparison.arms:
        held = arm.against
        apart = held.difference if held else None
        between = f"{digits(apart.mean)} ({_bounds((apart.low, apart.high), digits)})" if apart else "-"
        verdict = held.verdict if held else "baseline" if arm.name == baseline else "-"
        mean = "-" if arm.mean is None else digits(arm.mean)
        bounds = _bounds((arm.interval.low, arm.interval.high), digits) if arm.interval else "-"
        rows.append((shown(arm.name), mean, verdict, bounds, between))
    if not any(arm.against for arm in comparison.arms):
        rows = [(*row[:2], "-", *row[3:]) for row in rows]
    names = ("reward", "fitness", "verdict", "95% interval", f"against {shown(baseline or '')}")
    return Sheet(names, tuple(rows))


def _trainings(comparison: Comparison, baseline: str | None, digits: Digits) -> Sheet:
    rows = []
    for arm in comparison.arms:
        several = " (mean per reward)" if len(arm.origins) > 1 else ""
        last = digits(fmean(arm.last)) if arm.last else "-"
        rows.append((shown(arm.name), " ".join(map(digits, arm.fitness)) + several, last, str(len(arm.failures) or "")))
    return Sheet(("reward", _SEEDS, "last checkpoint", "failed seeds"), tuple(rows))


def _statistics(comparison: Comparison, baseline: str | None, digits: Digits) -> Sheet:
    """Statistics against the baseline; P is the probability that a value exceeds one of the baseline's."""
    if baseline is None:
        return Sheet(("reward",), ())
    rows = []
    several = any(arm.searches > 1 for arm in comparison.arms)
    for arm in comparison.arms:
        scores = (arm.against.improvement, arm.against.normalised) if arm.against else (None, None)
        middle = "-" if arm.iqm is None else digits(arm.iqm)
        ends = _bounds(arm.iqm_interval, digits) if arm.iqm_interval else "-"
        rest = (_efficiency(arm), str(arm.searches) if several else "-")
        ratios = [_or_dash(value, "{:.2f}") for value in (*scores, arm.correlation)]
        rows.append((shown(arm.name), *ratios[:2], middle, ends, *rest, ratios[2]))
    names = ("P(better)", "normalised", "IQM", "95% by bootstrap")
    return Sheet(("reward", *names, "steps to 80%", "searches", "correlation"), tuple(rows))


def _bounds(ends: tuple[float, float], digits: Digits) -> str:
    return f"{digits(ends[0])} .. {digits(ends[1])}"


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


def show_summary(console: Console, summary: BenchmarkSummary | StrategySummary) -> None:
    """Print a benchmark: a row per task, then the aggregates; of strategies, a comparison and the costs per task."""
    if isinstance(summary, StrategySummary):
        return _show_strategies(console, summary)
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


def _show_strategies(console: Console, summary: StrategySummary) -> None:
    for task, comparison in summary.comparisons.items():
        console.print(Text(f"\n{shown(task)}: fitness on fresh seeds, intervals over searches"))
        show_comparison(console, comparison, details=False)
        rows = [row for row in summary.rows if row.task == task]
        cells = [
            (
                row.strategy,
                str(row.searches),
                *(f"{n:,}" if row.calls else "-" for n in (row.prompt_tokens, row.completion_tokens)),
                "-" if not row.calls else _or_dash(row.usd, "{:.2f}"),
                f"{row.core_hours:.2f}",
            )
            for row in rows
        ]
        columns = ("strategy", "searches", "tokens in", "tokens out", "USD", "core-hours")
        show_sheet(console, Sheet(columns, tuple(cells)))


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
        parts.append("Only one search was run: another one might find a better or a worse reward.")
    return " ".join(parts + notes)


def _no_scale(comparison: Comparison) -> str:
    """Why human and sparse do not define a scale for normalization."""
    missing = next((name for name in (HUMAN, SPARSE) if comparison.arm(name) is None), None)
    if missing:
        return f"there is no arm {missing}"
    failed = any(arm.failures for arm in comparison.arms if arm.name == SPARSE)
    return f"seeds of {SPARSE} failed" if failed else f"{HUMAN} and {SPARSE} do not differ significantly"
