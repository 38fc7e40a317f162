"""Commands that look at runs, policies and this machine, and change nothing in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eureka.cli.options import OpenOption, RunArgument, SandboxOption
from eureka.errors import UserError

app = typer.Typer()


@app.command()
def inspect(
    run: RunArgument,
    candidate: Annotated[str | None, typer.Option(metavar="G.K", help="One candidate, such as 2.0.")] = None,
    best: Annotated[bool, typer.Option("--best", help="The winner, or the best so far.")] = False,
    code: Annotated[bool, typer.Option("--code", help="Only its code.")] = False,
    reflection: Annotated[bool, typer.Option("--reflection", help="Only what a model is told of it.")] = False,
    prompt: Annotated[bool, typer.Option("--prompt", help="Only the prompt that asked for it.")] = False,
    diff: Annotated[str | None, typer.Option(metavar="G.K", help="Only its difference from that candidate.")] = None,
) -> None:
    """Show a run's candidates: code, fitness, component statistics, prompts and errors."""
    from eureka.cli import show
    from eureka.runs.store import find_run, untrusted_run

    if best and candidate:
        raise UserError("--best and --candidate name two different things; give one of them")
    wanted = show.ShowOptions(candidate, best, code, reflection, prompt, diff)
    folder = find_run(run)
    with untrusted_run(folder):
        show.show(folder, wanted)


@app.command()
def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="Python file to write.")],
    candidate: Annotated[str | None, typer.Option(metavar="G.K", help="Another than the winner.")] = None,
    wrapper: Annotated[
        bool, typer.Option("--wrapper", help="Add a class that puts it on a gymnasium environment; needs gymnasium.")
    ] = False,
) -> None:
    """Write a run's best reward as a Python file that needs torch and nothing else."""
    from eureka.cli import export as exporting
    from eureka.runs.store import find_run, untrusted_run

    folder = find_run(run)
    with untrusted_run(folder):
        print(exporting.export(folder, candidate, out, wrapper))


@app.command()
def report(
    run: RunArgument,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="HTML file to write; default RUN/report.html.")
    ] = None,
) -> None:
    """Write one HTML file with all there is to see of a run, finished or not."""
    from eureka.report import document
    from eureka.runs.store import find_run

    print(document.write(find_run(run), out))


@app.command()
def view(
    folder: Annotated[
        Path, typer.Argument(metavar="[RUNS]", help="A folder of runs, or one run.", show_default=True)
    ] = Path("runs"),
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 for any that is free.")] = 8321,
) -> None:
    """Show runs in a browser, also while they are going on; for this machine alone, until Ctrl-C."""
    try:
        from eureka.report import server
    except ModuleNotFoundError as error:
        raise UserError(
            f"eureka view needs {error.name}, which is not installed; in a checkout: pip install -e '.[view]'"
        ) from None
    server.serve(folder, port)


@app.command()
def play(
    given: Annotated[str, typer.Argument(metavar="RUN|POLICY", help="A run's folder, or a policy's .safetensors.")],
    candidate: Annotated[
        str | None, typer.Option(metavar="G.K|ARM", help="Another than the winner; human and the like are arms.")
    ] = None,
    baseline: Annotated[str | None, typer.Option(metavar="ARM", help="Play this arm beside it, as in human.")] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="The task of a policy that lies in no run.")] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="s to play, episode after episode; 10.")] = None,
    episodes: Annotated[int | None, typer.Option(metavar="N", min=1, help="Whole episodes to play instead.")] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Decides the start states.")] = 0,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Film to write: .mp4, .gif or .webp.")
    ] = None,
    frames: Annotated[Path | None, typer.Option(metavar="DIR", help="Write every frame as a PNG too.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Pixels of a frame; 960x540.")] = None,
    sandbox: SandboxOption = "auto",
    open_trainer: OpenOption = False,
) -> None:
    """Film a trained policy, with what its reward gives drawn beside it; no learning, no exploration."""
    from eureka.system.signals import interruptible
    from eureka.video import play as playing
    from eureka.workers.isolation import IsolationPolicy

    wanted = playing.PlayOptions(given, candidate, baseline, task, seconds, episodes, seed, out, frames, size)
    say, tick, end = playing.watch_progress()
    with interruptible():
        try:
            playing.play(wanted, IsolationPolicy(sandbox, open_trainer), say, tick)
        finally:
            end()


@app.command(name="list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where runs are.", show_default=True)] = Path(
        "runs"
    ),
) -> None:
    """List the tasks, and runs with their best."""
    from eureka.cli import listing

    listing.show(folder)


@app.command()
def doctor() -> None:
    """Say what this machine can do, and what to do about what is missing."""
    from eureka.cli import doctor as _doctor

    raise typer.Exit(_doctor.doctor())
