"""The command line: parse, call, print. Each command imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Exit, Option, Typer

from eureka import __version__
from eureka.cli import comparing, judging, options, viewing
from eureka.cli.display import limit, shown
from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options, SearchOptions, SizeOptions
from eureka.errors import UserError
from eureka.text import whole

app = Typer(
    name="eureka",
    help="Reward design for robot learning: rewards are proposed, compiled in a sandbox and trained as one population.",
    epilog="To see the options of a command: eureka COMMAND --help",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def run(
    task: options.Task,
    llm: options.Llm = None,
    preset: options.Preset = None,
    generations: options.Generations = None,
    samples: options.Samples = None,
    envs: options.Envs = None,
    steps: options.Steps = None,
    seed: options.Seed = None,
    changes: options.Set = None,
    policy: options.Policy = None,
    strategy: options.Strategy = None,
    racing: options.Racing = None,
    search_seeds: options.SearchSeeds = None,
    validation: options.Validation = None,
    choose_by: options.ChooseBy = None,
    warm_start: options.WarmStart = None,
    seeds: Annotated[
        int | None,
        Option(
            metavar="N",
            parser=options.within(0),
            help="Fresh seeds of the final comparison; 0 for no comparison.",
            show_default="from the preset",
        ),
    ] = None,
    start: Annotated[
        str | None, Option(metavar="FILE|human|sparse", help="Reward to start from.", show_default="no reward")
    ] = None,
    temperature: Annotated[float | None, Option(metavar="T", help="Sampling temperature.", show_default="1")] = None,
    reply_tokens: Annotated[
        int | None, Option(metavar="T", parser=whole, help="Tokens per reply.", show_default="16384")
    ] = None,
    timeout: Annotated[
        float | None, Option(metavar="S", help="Seconds to wait for a model's next output.", show_default="300")
    ] = None,
    llm_option: options.LlmOption = None,
    strict: Annotated[
        bool, Option("--strict", help="Refuse to replay a reply whose prompt differs from the recorded one.")
    ] = False,
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
    out: options.Out = None,
    display: options.Display = "auto",
    log: options.Log = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Show the first prompt and an estimate, then stop.")] = False,
    max_hours: options.MaxHours = None,
    ask: options.Ask = None,
    yes: options.Yes = False,
) -> None:
    """Search for a reward function and compare it with the baselines."""
    from eureka.cli import check as checking
    from eureka.config.tasks import load_task
    from eureka.experiment import session
    from eureka.experiment.context import Given
    from eureka.experiment.options import resolve
    from eureka.workers.isolation import IsolationPolicy

    loaded, isolation = load_task(task), IsolationPolicy(sandbox, open_trainer)
    model = ModelOptions(
        llm,
        max_usd,
        max_tokens,
        prices,
        temperature,
        reply_tokens,
        timeout,
        strict or None,
        tuple(llm_option or ()) or None,
    )
    sizes = SizeOptions(preset, envs, steps, seed, compile, tuple(changes or ()), policy)
    search = SearchOptions(
        generations, samples, strategy, racing, search_seeds, validation, choose_by, warm_start, start, seeds
    )
    settings = resolve(loaded, Options(sizes, search, model, DeviceOptions(device, devices, workers, executor)))
    if dry_run:
        checking.dry_run(loaded, settings, isolation, display)
        return
    with shown(display, log) as show:
        session.start(loaded, settings, isolation, out, show, yes, limit(max_hours), Given(ask_words=bool(ask)))


@app.command()
def resume(
    run: options.Run,
    llm: Annotated[
        str | None, Option(metavar="NAME", help="Another designer.", show_default="the run's designer")
    ] = None,
    generations: Annotated[
        int | None, Option(metavar="N", parser=options.within(1), help="Generations to add to a finished search.")
    ] = None,
    max_usd: options.MaxUsd = None,
    max_tokens: options.MaxTokens = None,
    prices: options.Prices = None,
    devices: options.Devices = None,
    workers: options.Workers = None,
    executor: options.Executor = None,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
    display: options.Display = "auto",
    log: options.Log = None,
    max_hours: options.MaxHours = None,
    ask: options.Ask = None,
    yes: options.Yes = False,
    changes: Annotated[list[str] | None, Option("--set", hidden=True)] = None,
) -> None:
    """Resume an interrupted run, or add generations to a finished one.

    Options that are not given keep the run's settings.
    """
    from eureka.experiment import session
    from eureka.experiment.context import Given
    from eureka.runs.store import find_run
    from eureka.workers.isolation import IsolationPolicy

    if changes:
        raise UserError(
            f"--set {changes[0]}: a resumed run keeps its settings; start a new run with eureka run TASK --set"
        )
    where = DeviceOptions(devices=devices, workers=workers, executor=executor)
    with shown(display, log, new=False) as show:
        session.resume(
            find_run(run),
            Changes(ModelOptions(llm, max_usd, max_tokens, prices), where),
            IsolationPolicy(sandbox, open_trainer),
            show,
            generations,
            yes,
            limit(max_hours),
            Given(ask_words=bool(ask)),
        )


@app.command()
def check(
    task: options.Task,
    reward: Annotated[
        str | None,
        Option(metavar="FILE|human|sparse", help="Reward to compile and to run on states of random play."),
    ] = None,
    preset: options.Preset = None,
    changes: options.Set = None,
    episodes: Annotated[int, Option(metavar="N", parser=options.within(1), help="Episodes of random play.")] = 64,
    policy: Annotated[
        str | None,
        Option(metavar="RUN|FILE", help="Policy whose episodes the reward is held against, too."),
    ] = None,
    film: Annotated[
        Path | None, Option(metavar="FILE", help="Film of random play to write: .mp4, .gif or .webp.")
    ] = None,
    frames: Annotated[Path | None, Option(metavar="DIR", help="Folder to write every frame of it to, as PNG.")] = None,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
) -> None:
    """Test a task with random actions, and a reward in the sandbox.

    Shows the task's parameters, and fitness and metrics of random play with 95% intervals.
    """
    from eureka.cli import check as checking
    from eureka.config.tasks import load_task
    from eureka.workers.isolation import IsolationPolicy

    sizes = SizeOptions(preset, changes=tuple(changes or ()))
    isolation = IsolationPolicy(sandbox, open_trainer)
    checking.check(load_task(task), reward, sizes, episodes, policy, film, frames, isolation)


@app.command()
def train(
    task: options.Task,
    reward: Annotated[str, Option(metavar="FILE|human|sparse", help="Reward to train with.")],
    seeds: options.FinalSeeds = 5,
    preset: options.Preset = None,
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
    """Train one reward on several seeds.

    The policies and their fitness are written to the run's folder.
    """
    from eureka.experiment import retraining
    from eureka.runs.journal import read_journal
    from eureka.workers.isolation import IsolationPolicy

    chosen = Options(
        SizeOptions(preset, envs, steps, seed, compile, tuple(changes or ()), policy),
        device=DeviceOptions(device, devices, workers, executor),
    )
    isolation = IsolationPolicy(sandbox, open_trainer)
    with shown(display, log) as show:
        folder = retraining.train(task, reward, seeds, chosen, isolation, out, show, yes, limit(max_hours))
    if not read_journal(folder).trained_in_the_end:
        raise Exit(1)


@app.command(name="new-task")
def new_task(
    name: Annotated[str, Argument(metavar="NAME", help="Name of the task: lower-case letters, digits and _.")],
    source: Annotated[
        str | None,
        Option(
            "--from", metavar="FILE|gymnasium:ID", help="Scene to start from: MuJoCo XML, URDF or an environment's."
        ),
    ] = None,
    out: Annotated[Path, Option(metavar="DIR", help="Folder to write to.")] = Path(),
) -> None:
    """Create a task: a YAML file, a class, rewards and a test."""
    from eureka.cli import new_task as making

    print("\n".join(making.create(name, source, out)))


app.add_typer(comparing.app)
app.add_typer(judging.app)
app.add_typer(viewing.app)


@app.callback(invoke_without_command=True)
def _without_command(
    context: Context, version: Annotated[bool, Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        print(f"eureka {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    else:
        return
    raise Exit
