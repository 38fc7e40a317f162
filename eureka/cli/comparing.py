"""Commands that compare rewards, searches and constants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option, Typer

from eureka.cli import options
from eureka.cli.display import limit, shown
from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options, SearchOptions, SizeOptions
from eureka.errors import UserError

app = Typer()


@app.command()
def compare(
    names: Annotated[
        list[str],
        Argument(
            metavar="ARM",
            help="Arms: human, sparse, a reward's file or a finished run's folder; NAME=A,B for several in one arm.",
        ),
    ],
    task: Annotated[
        str | None, Option(metavar="TASK", help="Task: a name or YAML file.", show_default="the task of the runs")
    ] = None,
    controls: Annotated[
        str | None,
        Option(metavar="C,C", help="Control searches to run first, sized as the first run: search, best-of-n."),
    ] = None,
    llm: Annotated[
        str | None,
        Option(metavar="NAME", help="Model for the best-of-n control.", show_default="the first run's model"),
    ] = None,
    robustness: Annotated[
        bool, Option("--robustness", help="Evaluate under perturbed mass, friction, delay and noise too.")
    ] = False,
    correlation: Annotated[
        bool, Option("--correlation", help="Compute the correlation of the rewards with the human one.")
    ] = False,
    seeds: options.FinalSeeds = 5,
    preset: Annotated[
        str | None, Option(metavar="NAME", help="Preset sizes: cpu, gpu or paper.", show_default="as the first run")
    ] = None,
    envs: options.Envs = None,
    steps: options.Steps = None,
    seed: options.Seed = None,
    changes: options.Set = None,
    policy: options.Policy = None,
    device: options.Device = "auto",
    devices: options.Devices = None,
    workers: options.Workers = None,
    executor: options.Executor = None,
    compile: options.Compile = False,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
    out: options.Out = None,
    display: options.Display = "auto",
    log: options.Log = None,
    max_hours: options.MaxHours = None,
    yes: options.Yes = False,
) -> None:
    """Retrain rewards on the same fresh seeds and compare them.

    If a run is among the arms, its sizes replace those of the preset.
    """
    from eureka.experiment import arms, retraining
    from eureka.runs.journal import read_journal
    from eureka.runs.results import CompareOptions
    from eureka.workers.isolation import IsolationPolicy

    wanted = CompareOptions(controls=arms.controls(controls), robustness=robustness, correlation=correlation)
    chosen = Options(
        SizeOptions(preset, envs, steps, seed, compile, tuple(changes or ()), policy),
        model=ModelOptions(llm),
        device=DeviceOptions(device, devices, workers, executor),
    )
    isolation = IsolationPolicy(sandbox, open_trainer)
    with shown(display, log) as show:
        folder = retraining.compare(names, task, seeds, chosen, wanted, isolation, out, show, yes, limit(max_hours))
    if not read_journal(folder).trained_in_the_end:
        raise Exit(1)


@app.command()
def bench(
    tasks: Annotated[list[str], Argument(metavar="TASK", help="Names of shipped tasks, or tasks' YAML files.")],
    llm: options.Llm = None,
    preset: options.Preset = None,
    generations: options.Generations = None,
    samples: options.Samples = None,
    envs: options.Envs = None,
    steps: options.Steps = None,
    seeds: options.FinalSeeds = 5,
    seed: options.Seed = None,
    changes: options.Set = None,
    strategy: options.Strategy = None,
    racing: options.Racing = None,
    search_seeds: options.SearchSeeds = None,
    validation: options.Validation = None,
    choose_by: options.ChooseBy = None,
    warm_start: options.WarmStart = None,
    max_usd: options.MaxUsd = None,
    max_tokens: options.MaxTokens = None,
    prices: options.Prices = None,
    device: options.Device = "auto",
    devices: options.Devices = None,
    workers: options.Workers = None,
    executor: options.Executor = None,
    compile: options.Compile = False,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
    strategies: Annotated[
        str | None,
        Option(
            metavar="S,S",
            help="Compare search strategies at equal budget: greedy, elite, islands, best-of-n, search (built-in).",
            show_default="no comparison",
        ),
    ] = None,
    searches: Annotated[
        int | None,
        Option(metavar="N", parser=options.within(1), help="Searches of each strategy.", show_default="3"),
    ] = None,
    out: Annotated[Path, Option(metavar="DIR", help="Folder of the runs, one per task.")] = Path("runs/bench"),
    display: options.Display = "auto",
    max_hours: options.MaxHours = None,
    yes: options.Yes = False,
) -> None:
    """Run a search on several tasks, or compare strategies.

    Repeat the same command to continue an interrupted benchmark.
    """
    from rich.console import Console

    from eureka.config.tasks import load_task
    from eureka.display import tables
    from eureka.experiment import bench as benchmark
    from eureka.experiment import tournament
    from eureka.experiment.options import resolve
    from eureka.workers.isolation import IsolationPolicy

    model, where = ModelOptions(llm, max_usd, max_tokens, prices), DeviceOptions(device, devices, workers, executor)
    search = SearchOptions(
        generations, samples, strategy, racing, search_seeds, validation, choose_by, warm_start, final_seeds=seeds
    )
    chosen = Options(SizeOptions(preset, envs, steps, seed, compile, tuple(changes or ())), search, model, where)
    loaded = [load_task(task) for task in tasks]
    own = next((c for c in changes or () if c.partition("=")[0].split(".")[0] in ("parameters", "stages")), None)
    if own and len(loaded) > 1:  # a later task would refuse it after hours
        raise UserError(
            f"--set {own}: parameters are a task's own; set them in the tasks' YAML files, or give one task"
        )
    plans = [(task, resolve(task, chosen)) for task in loaded]
    isolation = IsolationPolicy(sandbox, open_trainer)
    among = tournament.parse(strategies, searches)
    if among and strategy:
        raise UserError("--strategy and --strategies exclude each other; omit one of them")
    with shown(display) as show:
        rest = (Changes(model, where), isolation, out, show, yes, limit(max_hours))
        summary = tournament.play(among, plans, *rest) if among else benchmark.bench(plans, *rest)
    if display not in ("json", "none"):
        tables.show_summary(Console(highlight=False, soft_wrap=True), summary)
    print(f"summary {out / (tournament.SUMMARY if among else benchmark.SUMMARY)}", file=sys.stderr)


@app.command()
def tune(
    reward: Annotated[
        str, Argument(metavar="REWARD", help="human, sparse, a reward's file, or a finished run's folder.")
    ],
    task: Annotated[
        str | None, Option(metavar="TASK", help="Task: a name or YAML file.", show_default="the task of the run")
    ] = None,
    trials: Annotated[
        int, Option(metavar="N", parser=options.within(2), help="Variants to train; rounded up to whole generations.")
    ] = 24,
    samples: Annotated[
        int, Option(metavar="K", parser=options.within(2), help="Variants of a generation, which train together.")
    ] = 8,
    search_seeds: options.SearchSeeds = None,
    validation: options.Validation = None,
    seeds: options.FinalSeeds = 5,
    preset: Annotated[
        str | None, Option(metavar="NAME", help="Preset sizes: cpu, gpu or paper.", show_default="as the run")
    ] = None,
    envs: options.Envs = None,
    steps: options.Steps = None,
    seed: options.Seed = None,
    changes: options.Set = None,
    device: options.Device = "auto",
    devices: options.Devices = None,
    workers: options.Workers = None,
    executor: options.Executor = None,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
    out: options.Out = None,
    display: options.Display = "auto",
    log: options.Log = None,
    max_hours: options.MaxHours = None,
    yes: options.Yes = False,
) -> None:
    """Tune the constants of a reward, and compare both.

    The structure stays. The result is a run: inspect, resume, report and export work as for a search.
    """
    from eureka.cli import show
    from eureka.display import terminal
    from eureka.experiment import session, tuning
    from eureka.runs.journal import read_journal
    from eureka.workers.isolation import IsolationPolicy

    sizes = SizeOptions(preset, envs, steps, seed, False, tuple(changes or ()))
    search = SearchOptions(samples=samples, seeds=search_seeds, validation=validation, final_seeds=seeds)
    where = DeviceOptions(device, devices, workers, executor)
    loaded, settings = tuning.resolve(reward, task, trials, Options(sizes, search, device=where))
    with shown(display, log) as live:
        folder = session.start(
            loaded, settings, IsolationPolicy(sandbox, open_trainer), out, live, yes, limit(max_hours)
        )
    if display not in ("json", "none"):
        show.show_constants(terminal.console(), read_journal(folder))
