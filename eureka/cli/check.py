"""`eureka check` and `eureka run --dry-run`: test a reward or a run without training."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from eureka.config.options import SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.config.user import load_defaults
from eureka.designers import prompts
from eureka.errors import UserError
from eureka.experiment import checking, context, estimate
from eureka.experiment.arms import compared
from eureka.runs.candidate import Failed
from eureka.system.signals import interruptible
from eureka.video import play
from eureka.video.selection import Selection, random_play
from eureka.workers.isolation import IsolationPolicy


def check(
    task: LoadedTask,
    reward: str | None,
    sizes: SizeOptions,
    episodes: int,
    policy: str | None,
    film: Path | None,
    frames: Path | None,
    isolation: IsolationPolicy,
) -> None:
    """Print what `checking.check` finds; write a film of random play, with the reward's components.

    Raises:
        UserError: the task fails, the file cannot be read, the reward is invalid, or the film cannot be written.
    """
    if film is not None:
        if film.suffix not in play.FILMS:
            raise UserError(f"--film {film} must end in {', '.join(play.FILMS)}")
        if task.external:
            raise UserError(f"{task.file.name} is trained by a command, and its policies cannot be played here")
        play.check_output(film, frames, "--film")
    elif frames is not None:
        raise UserError("--frames are those of a film; give --film too")
    found = checking.check(task, reward, sizes, episodes, policy, isolation)
    print(found)
    if film is not None:
        shown = play.PlayOptions(str(task.path), seed=found.settings.seed, out=film, frames=frames)
        _film(task, found.program, shown, found.settings, isolation)


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
