"""Tests of a task and a reward without a training: random play, the sandbox, and how the reward goes with others."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from eureka.config.description import Description
from eureka.config.external import ExternalFile
from eureka.config.options import DeviceOptions, Options, SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.experiment import context
from eureka.experiment.options import resolve
from eureka.runs.candidate import Failed
from eureka.runs.statistics import rank_correlation, student
from eureka.system.files import read_source
from eureka.system.paths import load_sandbox
from eureka.text import command, number
from eureka.video.selection import start_policy
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import PlayedEpisodes, PreflightReport


@dataclass(frozen=True)
class Check:
    """What a check found; `print` shows it as `eureka check` does."""

    task: str
    settings: Settings
    description: Description
    reward: Path | None
    report: PreflightReport | None
    """Operations, inputs and values of the reward on states of random play."""
    notes: tuple[str, ...]
    """On the reward."""
    program: str | None
    """The verified program of the reward."""
    watching: tuple[str, ...]
    """Names of the rewards whose returns were recorded: the reward, as an empty name, then the task's others."""
    random: PlayedEpisodes | None
    """Episodes of random actions; None if a command trains."""
    policy: PlayedEpisodes | None
    """The same episodes, played by a policy."""
    origin: str
    """Where the policy comes from."""
    states: str
    """What the states are that the reward was tried on, if a command trains."""
    hint: str
    """How to try that command."""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _of_task(self.task, self.settings, self.description)
        if self.reward is not None and self.report is not None:
            yield from _of_reward(self.reward, self.report, self.notes, self.states or "states of random play")
        if self.random is None:
            yield f"\n{self.hint}"
            return
        yield from _random_play(self.random, self.description)
        yield from _likeness(self.random, self.watching[1:])
        if self.policy is not None:
            yield from _held_against(self.random, self.policy, ["the reward", *self.watching[1:]], self.origin)
        if self.description.unfinished:
            yield f"\n{self.description.unfinished}"


def check(
    task: LoadedTask,
    reward: str | None,
    sizes: SizeOptions,
    episodes: int,
    policy: str | None,
    isolation: IsolationPolicy,
) -> Check:
    """Play random episodes; with a reward, compile it, run it on states of random play, and hold it against others.

    Args:
        task: the task.
        reward: name of one of its rewards, or a file; None to test the task alone.
        sizes: preset and changes, which decide the task's parameters.
        episodes: of random play, and of the policy.
        policy: a run or a file, whose episodes the reward is held against.
        isolation: of the processes.

    Raises:
        UserError: the task fails, the file cannot be read, or the reward is invalid.
    """
    path = None if reward is None else task.reward_file(reward)
    named = reward if reward in task.rewards else None
    source = task.reward_code(named) if named else read_source(path) if path else ""
    if policy is not None and path is None:
        raise UserError("--policy is what a reward is held against; give --reward too")
    if task.external and policy:
        raise UserError(f"{task.file.name} is trained by a command, and its policies cannot be played here")
    learned = None if policy is None else start_policy(policy)
    device = DeviceOptions("auto" if task.external else "cpu", workers=1)
    settings = resolve(task, Options(sizes, device=device))
    report, notes, programs, played, against = None, [], {}, None, None
    with context.tools(task, isolation, settings) as (compiler, trainer):
        if path is not None:
            others = {name: task.reward_code(name) for name in task.rewards if name != named}
            results = dict(compiler.compile({"": source, **others}, trainer.description.fields()))
            programs = {name: one for name in ("", *others) if not isinstance(one := results[name], Failed)}
            report = _valid(
                path, results[""] if "" not in programs else trainer.preflight(programs[""], settings.worlds)
            )
            notes = [*_of_text(source), *report.notes]
        if not task.external:
            played = trainer.play_episodes(episodes, settings.seed, [*programs.values()])
            if learned is not None:
                against = trainer.play_episodes(episodes, settings.seed, [*programs.values()], learned[0])
        return Check(
            task=task.file.name,
            settings=settings,
            description=trainer.description,
            reward=path,
            report=report,
            notes=tuple(notes),
            program=programs.get(""),
            watching=tuple(programs),
            random=played,
            policy=against,
            origin="" if learned is None else learned[1],
            states=_states(task),
            hint=_hint(task, reward),
        )


def _valid(reward: Path, report: PreflightReport | Failed | str) -> PreflightReport:
    if isinstance(report, Failed):
        where = f"{reward}, line {report.line}" if report.line else str(reward)
        raise UserError(f"{where}: {report.message}")
    assert isinstance(report, PreflightReport)
    return report


def _hint(task: LoadedTask, reward: str | None) -> str:
    given = reward or next(iter(task.rewards), "FILE")
    once = command("train", task.path, "--reward", given, "--seeds", "1", "--steps", "N")
    return f"the task's command was not run; to run it once: {once}"


def _states(task: LoadedTask) -> str:
    if not isinstance(task.file, ExternalFile):
        return ""
    return (
        f"states {'that its command described' if task.file.trainer.describe else 'drawn from a normal distribution'}"
    )


def _of_task(name: str, settings: Settings, description: Description) -> list[str]:
    """The task's parameters and the stages of a training."""
    rows = [["parameter", "value", "default", "unit", ""]] if description.parameters else []
    rows += [[p.name, p.value, number(p.default), p.unit, p.doc] for p in description.parameters]
    stages = [f"stage {stage}" for stage in description.stages]
    return [f"{name}, preset {settings.preset}", *_columns(rows), *stages, ""]


def _of_reward(reward: Path, report: PreflightReport, notes: Sequence[str], states: str) -> Iterator[str]:
    yield f"{reward} is valid: {report.nodes} operations on {', '.join(report.inputs)}"
    yield f"values on {states} (minimum, mean, maximum):"
    width = max(map(len, report.ranges))
    for name, values in report.ranges.items():
        yield f"  {name:<{width}}  {'  '.join(f'{number(v):>9}' for v in values)}"
    yield from (f"note: {note}" for note in notes)


def _random_play(played: PlayedEpisodes, description: Description) -> list[str]:
    """Fitness and metrics of random play, with 95 % intervals."""
    rows = [["random play", "mean", "95% interval", "unit", ""]]
    if not all(map(math.isnan, played.fitness)):  # as of a fitness that is not written yet
        rows.append(["fitness", *_interval(played.fitness), description.fitness_unit, "higher is better"])
    for m in description.metrics:
        rows.append([m.name, *_interval(played.metrics[m.name]), m.unit, f"{m.better} is better; {m.doc}"])
    lengths = [float(steps) for steps in played.length]
    rows.append(["length", *_interval(lengths), "steps", f"of an episode, at most {description.horizon}"])
    return ["", f"{len(lengths)} episodes of random actions:", *_columns(rows)]


def _likeness(played: PlayedEpisodes, others: Sequence[str]) -> list[str]:
    """How a reward, the first that watched, goes with the others and with the fitness on random play."""
    if not played.returns:
        return []
    rows = [["against", "Pearson distance", "rank agreement"]]
    for name, correlation, returns in zip(others, played.correlations[1:], played.returns[1:], strict=True):
        apart = "-" if correlation is None else f"{math.sqrt(max(0.0, 0.5 * (1.0 - correlation))):.2f}"
        rows.append([name, apart, _agreement(played.returns[0], returns)])
    rows.append(["fitness", "-", _agreement(played.returns[0], played.fitness)])
    return [
        "",
        "the reward on these episodes:",
        *_columns(rows),
        "Pearson distance of the rewards of a step: 0 if they differ by a factor and a constant, 0.71 if they are",
        "unrelated, 1 if they are opposed. Rank agreement of episodes: by the sum of the reward, from -1 to 1.",
    ]


def _held_against(at_random: PlayedEpisodes, learned: PlayedEpisodes, names: Sequence[str], origin: str) -> list[str]:
    """What rewards pay an episode of random actions and one of a policy, with the fitness of both."""
    rows = [["mean of an episode", "random actions", origin]]
    pairs = zip(
        [*names, "fitness"], [*at_random.returns, at_random.fitness], [*learned.returns, learned.fitness], strict=True
    )
    rows += [[name, *(number(fmean(values)) for values in both)] for name, *both in pairs]
    low, high = (fmean(played.returns[0]) for played in (at_random, learned))
    better = fmean(learned.fitness) > fmean(at_random.fitness)
    note = ["The reward pays random actions more than this policy: it would lead away from what the policy does."]
    return ["", *_columns(rows), *(note if better and low > high else [])]


def _agreement(a: Sequence[float], b: Sequence[float]) -> str:
    found = rank_correlation(a, b) if all(map(math.isfinite, (*a, *b))) else None
    return "-" if found is None else f"{found:+.2f}"


def _interval(values: Sequence[float]) -> list[str]:
    if len(values) < 2:
        return [number(values[0]), "-"]
    interval = student(values)
    return [number(interval.mean), f"{number(interval.low)} .. {number(interval.high)}"]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _of_text(source: str) -> Iterator[str]:
    """Notes on what the sandbox reads otherwise than Python does."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        what = "removed the indentation" if isinstance(error, IndentationError) else "replaced the spaces"
        yield f"Python itself refuses this file ({error.msg}, line {error.lineno}); the sandbox {what}"
    if lines := sorted({n.lineno for n in load_sandbox("text").outputs(source)}):
        yield f"printing is left out: line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
