"""`eureka check` and `eureka run --dry-run`: test a reward or a run without training."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from eureka.config.description import Description
from eureka.config.external import ExternalFile
from eureka.config.options import DeviceOptions, Options, SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.config.user import load_defaults
from eureka.designers import prompts
from eureka.errors import UserError
from eureka.experiment import context, estimate, options
from eureka.experiment.arms import compared
from eureka.runs.candidate import Failed
from eureka.runs.statistics import rank_correlation, student
from eureka.system.files import read_source
from eureka.system.paths import load_sandbox
from eureka.system.signals import interruptible
from eureka.text import number
from eureka.video import play
from eureka.video.selection import Selection, random_play, start_policy
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import PlayedEpisodes, PreflightReport
from eureka.workers.pool import TrainerPool


@dataclass(frozen=True)
class CheckOptions:
    """What `eureka check` does besides loading the task."""

    reward: str | None  # Name of one of the task's rewards, or a file; None to test the task alone
    sizes: SizeOptions  # Preset and changes, which decide the task's parameters
    episodes: int  # Of random play, and of the policy
    policy: str | None  # A run or a file, whose episodes the reward is held against
    film: Path | None  # Of random play, with the reward's components
    frames: Path | None  # Folder for every frame of the film


def check(task: LoadedTask, wanted: CheckOptions, isolation: IsolationPolicy) -> None:
    """Play random episodes; with a reward, compile it, run it on states of random play, and hold it against others.

    Raises:
        UserError: the task fails, the file cannot be read, or the reward is invalid.
    """
    reward, film, frames = wanted.reward, wanted.film, wanted.frames
    path = None if reward is None else task.reward_file(reward)
    named, program = reward if reward in task.rewards else None, None
    programs: dict[str, str] = {}
    source = task.reward_code(named) if named else read_source(path) if path else ""
    if film is not None:
        if film.suffix not in play.FILMS:
            raise UserError(f"--film {film} must end in {', '.join(play.FILMS)}")
        play.check_output(film, frames, "--film")
    elif frames is not None:
        raise UserError("--frames are those of a film; give --film too")
    if wanted.policy is not None and path is None:
        raise UserError("--policy is what a reward is held against; give --reward too")
    if task.external and (wanted.policy or film):
        raise UserError(f"{task.file.name} is trained by a command, and its policies cannot be played here")
    learned = None if wanted.policy is None else start_policy(wanted.policy)
    device = DeviceOptions("auto" if task.external else "cpu", workers=1)
    settings = options.resolve(task, Options(wanted.sizes, device=device))
    with context.tools(task, isolation, settings) as (compiler, trainer):
        print("\n".join(_task(task, settings, trainer)))
        if path is not None:
            others = {name: task.reward_code(name) for name in task.rewards if name != named}
            results = dict(compiler.compile({"": source, **others}, trainer.description.fields()))
            result = results[""]
            report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
            _show_reward(path, report, source)
            programs = {name: one for name in ("", *others) if not isinstance(one := results[name], Failed)}
            program = programs[""]
        if isinstance(task.file, ExternalFile):
            given = "that its command described" if task.file.trainer.describe else "drawn from a normal distribution"
            print(f"\nrewards are tried on states {given}; episodes are the command's own")
            return
        played = trainer.play_episodes(wanted.episodes, settings.seed, [*programs.values()])
        print("\n".join([*_random_play(played, trainer.description), *_likeness(played, [*programs][1:])]))
        if learned is not None:
            file, origin, _ = learned
            against = trainer.play_episodes(wanted.episodes, settings.seed, [*programs.values()], file)
            print("\n".join(_held_against(played, against, ["the reward", *[*programs][1:]], origin)))
        if trainer.description.unfinished:
            print(f"\n{trainer.description.unfinished}")
    if film is not None:
        shown = play.PlayOptions(str(task.path), seed=settings.seed, out=film, frames=frames)
        _film(task, program, shown, settings, isolation)


def _film(
    task: LoadedTask, program: str | None, wanted: play.PlayOptions, settings: Settings, isolation: IsolationPolicy
) -> None:
    choice = Selection(task, (random_play(program),), "", settings.curriculum)
    say, tick, end = play.watch_progress()
    with interruptible():
        try:
            play.play(wanted, isolation, say, tick, choice)
        finally:
            end()


def _task(task: LoadedTask, settings: Settings, trainer: TrainerPool) -> list[str]:
    """The task's parameters and the stages of a training."""
    description = trainer.description
    rows = [["parameter", "value", "default", "unit", ""]] if description.parameters else []
    rows += [[p.name, p.value, number(p.default), p.unit, p.doc] for p in description.parameters]
    stages = [f"stage {stage}" for stage in description.stages]
    return [f"{task.file.name}, preset {settings.preset}", *_columns(rows), *stages, ""]


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


def _show_reward(reward: Path, report: PreflightReport | Failed, source: str) -> None:
    if isinstance(report, Failed):
        where = f"{reward}, line {report.line}" if report.line else str(reward)
        raise UserError(f"{where}: {report.message}")
    print(f"{reward} is valid: {report.nodes} operations on {', '.join(report.inputs)}")
    print("values on states of random play (minimum, mean, maximum):")
    width = max(map(len, report.ranges))
    for name, values in report.ranges.items():
        print(f"  {name:<{width}}  {'  '.join(f'{number(v):>9}' for v in values)}")
    for note in (*_of_text(source), *report.notes):
        print(f"note: {note}")


def _of_text(source: str) -> Iterator[str]:
    """Notes on what the sandbox reads otherwise than Python does."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        what = "removed the indentation" if isinstance(error, IndentationError) else "replaced the spaces"
        yield f"Python itself refuses this file ({error.msg}, line {error.lineno}); the sandbox {what}"
    if lines := sorted({n.lineno for n in load_sandbox("text").outputs(source)}):
        yield f"printing is left out: line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"


def dry_run(task: LoadedTask, settings: Settings, isolation: IsolationPolicy, display: str) -> None:
    """Test the task and its rewards, then print an estimate and the first prompt; one JSON object for `json`.

    Raises:
        UserError: the task or one of its rewards is invalid, or the run does not fit on this machine.
    """
    extent = ([settings], (1 + len(compared(task, settings))) * settings.final_seeds)
    estimate.require_possible(settings, *extent, yes=True)
    with context.tools(task, isolation, settings) as (compiler, trainer):
        description, level = trainer.description, compiler.sandbox
        settings = estimate.fit_evaluation(settings, description.horizon)
        trainer.room(settings)  # at once, as rewards are tested on so many worlds
        sources = {name: task.reward_code(name) for name in task.rewards}
        for name, result in compiler.compile(sources, description.fields()):
            report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
            if isinstance(report, Failed):
                where = f", line {report.line}" if report.line else ""
                raise UserError(f"{task.rewards[name]}{where}: {report.message}")
        forecast = estimate.forecast(trainer, settings, [settings], extent[1])
    messages = prompts.first(description.trained_with(settings))
    costs = estimate.cost(settings, forecast.prompt_tokens)
    if display == "json":
        sizes = asdict(forecast) | {"seconds": forecast.seconds}
        print(
            json.dumps(
                {"event": "dry_run", "estimate": sizes, "model": costs, "prompt": [m.model_dump() for m in messages]}
            )
        )
        return
    print(f"estimate: {forecast}")
    print(forecast.memory_line)
    print(f"first prompt: about {forecast.prompt_tokens} tokens for {settings.samples} replies")
    print("\n".join([*costs, f"designer {settings.llm}; no model was called"]))
    if names := " and ".join(task.rewards):
        valid = "rewards compile and run" if len(task.rewards) > 1 else "reward compiles and runs"
        print(f"task {task.path}: its {names} {valid}")
    elif not task.baselines:
        print(f"task {task.path}: it names no reward to compare with")
    for path in load_defaults().files:
        print(f"defaults from {path}")
    for note in (*description.assumptions, *filter(None, [description.unfinished])):
        print(note)
    print(f"sandbox {level}")
    if settings.start:
        print(f"start: {settings.start} is trained first, and a report on it is added to the prompt")
    print("---")
    print(prompts.as_text(messages))
