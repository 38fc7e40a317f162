"""`eureka check` and `eureka run --dry-run`: test a reward or a run without training."""

from __future__ import annotations

from pathlib import Path

from eureka.config.options import DeviceOptions, Options
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask
from eureka.designers import prompts
from eureka.errors import UserError
from eureka.experiment import context, estimate, options
from eureka.runs.candidate import Failed
from eureka.system.files import read_source
from eureka.text import number
from eureka.workers.isolation import IsolationPolicy


def check(task: LoadedTask, reward: Path, isolation: IsolationPolicy) -> int:
    """Compile a reward and run it on states of random play.

    Returns:
        The exit code.

    Raises:
        UserError: the file cannot be read, or the reward is invalid.
    """
    source = read_source(reward)
    settings = options.resolve(task, Options(device=DeviceOptions("cpu")))
    with context.tools(task, isolation, settings) as (compiler, trainer):
        ((_, result),) = compiler.compile({0: source}, trainer.description.fields())
        report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
    if isinstance(report, Failed):
        where = f"{reward}, line {report.line}" if report.line else str(reward)
        raise UserError(f"{where}: {report.message}")
    print(f"{reward} is valid: {report.nodes} operations on {', '.join(report.inputs)}")
    print("values on states of random play (minimum, mean, maximum):")
    width = max(map(len, report.ranges))
    for name, values in report.ranges.items():
        print(f"  {name:<{width}}  {'  '.join(f'{number(v):>9}' for v in values)}")
    for note in report.notes:
        print(f"note: {note}")
    return 0


def dry_run(task: LoadedTask, settings: Settings, isolation: IsolationPolicy) -> None:
    """Test the task and its rewards, then print the first prompt and an estimate.

    Raises:
        UserError: the task or one of its rewards is invalid.
    """
    with context.tools(task, isolation, settings) as (compiler, trainer):
        description, level = trainer.description, compiler.sandbox
        sources = {name: path.read_text(encoding="utf-8") for name, path in task.rewards.items()}
        for name, result in compiler.compile(sources, description.fields()):
            report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
            if isinstance(report, Failed):
                where = f", line {report.line}" if report.line else ""
                raise UserError(f"{task.rewards[name]}{where}: {report.message}")
        settings = estimate.fit_evaluation(settings, description.horizon)
        messages = prompts.first(description)
        rates = trainer.measure(settings.samples, settings)
        retrained = (1 + len(task.baselines)) * settings.final_seeds
        forecast = estimate.estimate(settings, description.horizon, rates, messages, [settings], retrained)
    print(prompts.as_text(messages))
    print("---")
    if task.rewards:
        print(f"task {task.path}: its human and sparse rewards compile and run")
    for assumption in description.assumptions:
        print(assumption)
    print(f"sandbox {level}")
    if settings.start:
        print(f"start: {settings.start} is trained first, and a report on it is added to the prompt")
    print(f"first prompt: about {forecast.prompt_tokens} tokens for {settings.samples} replies")
    for line in estimate.cost(settings, forecast.prompt_tokens):
        print(line)
    print(f"estimate: {forecast}")
    print(f"designer {settings.llm}; no model was called")
