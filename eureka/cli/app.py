"""The command line: parse, call, print. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eureka import __version__
from eureka.cli import viewing
from eureka.cli.options import (
    CompileOption,
    DeviceOption,
    DevicesOption,
    DisplayOption,
    EnvsOption,
    ExecutorOption,
    GenerationsOption,
    LlmOption,
    LogOption,
    OpenOption,
    OutOption,
    PresetOption,
    PricesOption,
    RacingOption,
    RunArgument,
    SamplesOption,
    SandboxOption,
    SeedOption,
    StepsOption,
    StrategyOption,
    TaskArgument,
    TokensOption,
    UsdOption,
    WarmOption,
    WorkersOption,
    YesOption,
)
from eureka.errors import UserError

if TYPE_CHECKING:
    from eureka.runs.events import Display

app = typer.Typer(
    name="eureka",
    help="Reward design for robot learning: rewards are proposed, compiled in a sandbox and trained as one population.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def run(
    task: TaskArgument,
    llm: LlmOption = None,
    preset: PresetOption = None,
    generations: GenerationsOption = None,
    samples: SamplesOption = None,
    envs: EnvsOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    strategy: StrategyOption = None,
    racing: RacingOption = None,
    warm_start: WarmOption = None,
    start: Annotated[
        str | None, typer.Option(metavar="FILE|human", help="A reward to improve on, instead of beginning with none.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(metavar="T", help="Of the model's sampling; default 1.")] = None,
    reply_tokens: Annotated[
        int | None, typer.Option(metavar="T", help="The most that a reply may have; default 16384.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="s to wait without a sign of an answer; default 300.")
    ] = None,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    prices: PricesOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    compile: CompileOption = False,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
    out: OutOption = None,
    display: DisplayOption = "auto",
    log: LogOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first prompt and an estimate, no more.")] = False,
    yes: YesOption = False,
) -> None:
    """Search for a reward that trains TASK, and compare it with the task's own."""
    from eureka.cli import check as checking
    from eureka.config.tasks import load_task
    from eureka.experiment import options as planning
    from eureka.experiment import session
    from eureka.workers.isolation import IsolationPolicy

    loaded = load_task(task)
    options = planning.Options(
        preset=preset,
        llm=llm,
        generations=generations,
        samples=samples,
        worlds=envs,
        steps=steps,
        seed=seed,
        device=device,
        devices=devices,
        workers=workers,
        executor=executor,
        compiled=compile,
        start=start,
        strategy=strategy,
        racing=racing,
        warm_start=warm_start,
        temperature=temperature,
        reply_tokens=reply_tokens,
        timeout=timeout,
        max_usd=max_usd,
        max_tokens=max_tokens,
        prices=prices,
    )
    settings = planning.resolve(loaded, options)
    if dry_run:
        checking.dry_run(loaded, settings, IsolationPolicy(sandbox, open_trainer))
        return
    with _shown(display, log) as show:
        session.start(loaded, settings, IsolationPolicy(sandbox, open_trainer), out, show, yes)


@app.command()
def resume(
    run: RunArgument,
    llm: LlmOption = None,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    prices: PricesOption = None,
    devices: DevicesOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
    display: DisplayOption = "auto",
    log: LogOption = None,
) -> None:
    """Go on with an interrupted run, from its last checkpoint."""
    from eureka.experiment import session
    from eureka.experiment.options import Changes
    from eureka.runs.store import find_run
    from eureka.workers.isolation import IsolationPolicy

    with _shown(display, log) as show:
        changes = Changes(llm, max_usd, max_tokens, prices, devices, workers, executor)
        session.resume(find_run(run), changes, IsolationPolicy(sandbox, open_trainer), show)


@app.command()
def check(
    task: TaskArgument,
    reward: Annotated[Path, typer.Option(metavar="FILE", help="Python file that defines compute_reward.")],
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
) -> None:
    """Compile a reward in the sandbox, run it on states of random play, and say what is wrong with it."""
    from eureka.cli import check as checking
    from eureka.config.tasks import load_task
    from eureka.workers.isolation import IsolationPolicy

    raise typer.Exit(checking.check(load_task(task), reward, IsolationPolicy(sandbox, open_trainer)))


@app.command()
def train(
    task: TaskArgument,
    reward: Annotated[str, typer.Option(metavar="FILE|human|sparse", help="The reward to train with.")],
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Trainings, each with a fresh seed.")] = 5,
    preset: PresetOption = None,
    envs: EnvsOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    compile: CompileOption = False,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
    out: OutOption = None,
    display: DisplayOption = "auto",
    log: LogOption = None,
    yes: YesOption = False,
) -> None:
    """Train TASK with one reward on several seeds; the policies and their fitness are in a folder of their own."""
    from eureka.experiment import arms, session
    from eureka.experiment import options as planning
    from eureka.runs.results import CompareOptions
    from eureka.workers.isolation import IsolationPolicy

    named = arms.parse_arms([reward], task)
    options = planning.Options(
        preset=preset,
        llm="search",
        worlds=envs,
        steps=steps,
        seed=seed,
        device=device,
        devices=devices,
        workers=workers,
        executor=executor,
        compiled=compile,
    )
    settings = planning.resolve(named.task, options).model_copy(update={"final_seeds": seeds, "samples": seeds})
    with _shown(display, log) as show:
        isolation = IsolationPolicy(sandbox, open_trainer)
        session.retrain(named.task, settings, named.specs, CompareOptions(), isolation, out, show, yes)


@app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ARM...", help="human, sparse, a reward's file or a finished run; NAME=A,B for several in one arm."
        ),
    ],
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="A task's YAML or name, where no run among the arms tells.")
    ] = None,
    controls: Annotated[
        str | None,
        typer.Option(metavar="C,C", help="Searches to run first, as large as the first run: search, best-of-n."),
    ] = None,
    llm: Annotated[
        str | None, typer.Option("--llm", metavar="NAME", help="Whom best-of-n asks; default: whom the first run did.")
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Try the policies under perturbed mass, friction, delay and noise too.")
    ] = False,
    correlation: Annotated[
        bool, typer.Option("--correlation", help="Say how rewards correlate with the human one.")
    ] = False,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Trainings of each reward.")] = 5,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="Size of each; default: the first run's.")] = None,
    envs: EnvsOption = None,
    steps: StepsOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    compile: CompileOption = False,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
    out: OutOption = None,
    display: DisplayOption = "auto",
    log: LogOption = None,
    yes: YesOption = False,
) -> None:
    """Retrain rewards on the same fresh seeds with the same budget, and say what may be concluded."""
    from eureka.experiment import arms, session
    from eureka.experiment import options as planning
    from eureka.runs.results import CompareOptions
    from eureka.workers.isolation import IsolationPolicy

    named = arms.parse_arms(names, task)
    wanted = CompareOptions(controls=arms.controls(controls), robustness=robustness, correlation=correlation)
    options = planning.Options(
        preset=preset,
        worlds=envs,
        steps=steps,
        seed=seed,
        device=device,
        devices=devices,
        workers=workers,
        executor=executor,
        compiled=compile,
    )
    settings = planning.resolve_comparison(named.task, named.run, options).model_copy(update={"final_seeds": seeds})
    if "best-of-n" in wanted.controls:
        asked = planning.apply_changes(named.run or settings, planning.Changes(llm))
        wanted = wanted.model_copy(update={"llm": asked.llm, "asking": asked.asking})
    elif llm:
        raise UserError("--llm says whom the control best-of-n asks; add --controls best-of-n, or leave it out")
    with _shown(display, log) as show:
        isolation = IsolationPolicy(sandbox, open_trainer)
        session.retrain(named.task, settings, named.specs, wanted, isolation, out, show, yes)


@app.command()
def bench(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Tasks' YAMLs, or names of shipped ones.")],
    llm: LlmOption = None,
    preset: PresetOption = None,
    generations: GenerationsOption = None,
    samples: SamplesOption = None,
    envs: EnvsOption = None,
    steps: StepsOption = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Final trainings of each reward.")] = 5,
    seed: SeedOption = None,
    strategy: StrategyOption = None,
    racing: RacingOption = None,
    warm_start: WarmOption = None,
    max_usd: UsdOption = None,
    max_tokens: TokensOption = None,
    prices: PricesOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    compile: CompileOption = False,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder with a run for each task.")] = Path("runs/bench"),
    display: DisplayOption = "auto",
    yes: YesOption = False,
) -> None:
    """Run the same search on several tasks, and add up wins, ties and losses; again the same, and it goes on."""
    from rich.console import Console

    from eureka.config.tasks import load_task
    from eureka.display import tables
    from eureka.experiment import bench as benchmark
    from eureka.experiment import options as planning
    from eureka.workers.isolation import IsolationPolicy

    options = planning.Options(
        preset=preset,
        llm=llm,
        generations=generations,
        samples=samples,
        worlds=envs,
        steps=steps,
        seed=seed,
        strategy=strategy,
        racing=racing,
        warm_start=warm_start,
        device=device,
        devices=devices,
        workers=workers,
        executor=executor,
        compiled=compile,
        max_usd=max_usd,
        max_tokens=max_tokens,
        prices=prices,
    )
    plans = []
    for task in map(load_task, tasks):
        settings = planning.resolve(task, options)
        plans.append((task, settings.model_copy(update={"final_seeds": seeds})))
    with _shown(display) as show:
        changes = planning.Changes(
            max_usd=max_usd,
            max_tokens=max_tokens,
            prices=prices,
            devices=devices,
            workers=workers,
            executor=executor,
        )
        summary = benchmark.bench(plans, changes, IsolationPolicy(sandbox, open_trainer), out, show, yes)
    if display not in ("json", "none"):
        tables.show_summary(Console(highlight=False, soft_wrap=True), summary)
    print(f"summary {out / 'summary.json'}", file=sys.stderr)


@app.command(name="new-task")
def new_task(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="gymnasium:ID", help="Begin from that environment's scene.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")] = Path(),
) -> None:
    """Write a task of your own that runs at once: a YAML, a class, rewards and a test, with comments."""
    from eureka.cli import new_task as making

    print("\n".join(making.create(name, source, out)))


app.add_typer(viewing.app)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"eureka {__version__}")
        raise typer.Exit


@contextmanager
def _shown(kind: str, log: str | None = None) -> Iterator[Display]:
    from eureka.display import factory, loggers

    show = loggers.with_logger(factory.make(kind), log)
    try:
        yield show
    finally:
        factory.close(show)
