"""Commands that read runs, policies and this machine, and do not change runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option, Typer

from eureka.cli import options
from eureka.errors import UserError
from eureka.text import whole

app = Typer()


@app.command()
def inspect(
    run: options.Run,
    candidate: Annotated[
        str | None, Option(metavar="G.K", help="Show one candidate, such as 2.0.", show_default="all")
    ] = None,
    best: Annotated[bool, Option("--best", help="Show the winner, or the best candidate so far.")] = False,
    code: Annotated[bool, Option("--code", help="Show the code, without the statistics.")] = False,
    reflection: Annotated[
        bool, Option("--reflection", help="Show the feedback that a designer gets on the candidate.")
    ] = False,
    prompt: Annotated[bool, Option("--prompt", help="Show the prompt that the candidate answers.")] = False,
    diff: Annotated[str | None, Option(metavar="G.K", help="Show the difference from that candidate.")] = None,
) -> None:
    """Show a run's candidates: code, fitness, statistics, errors."""
    from eureka.cli import show
    from eureka.runs.store import find_run, untrusted_run

    if best and candidate:
        raise UserError("--best and --candidate select different candidates; give one of them")
    wanted = show.ShowOptions(candidate, best, code, reflection, prompt, diff)
    folder = find_run(run)
    with untrusted_run(folder):
        show.show(folder, wanted)


@app.command()
def export(
    run: options.Run,
    out: Annotated[
        Path | None, Option("-o", "--out", metavar="FILE", help="Python file to write the reward to.")
    ] = None,
    policy: Annotated[
        Path | None,
        Option(metavar="FILE", help="File to write the policy to: .pt (TorchScript) or .onnx."),
    ] = None,
    candidate: Annotated[
        str | None, Option(metavar="G.K", help="Candidate to write, such as 2.0.", show_default="the winner")
    ] = None,
    wrapper: Annotated[
        bool, Option("--wrapper", help="Add a gymnasium wrapper that replaces an environment's reward.")
    ] = False,
    original: Annotated[
        bool, Option("--original", help="Write the designer's own text, not the program that was checked.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a reward or a policy as a file that needs no eureka."""
    from eureka.cli import export as exporting
    from eureka.runs.store import find_run, untrusted_run

    if out is None and policy is None:
        raise UserError("nothing to write; give -o FILE for the reward, --policy FILE for the policy, or both")
    folder = find_run(run)
    if out is not None:
        with untrusted_run(folder):
            print(exporting.export(folder, candidate, out, wrapper, original, force))
    if policy is not None:
        print(exporting.export_policy(str(folder), candidate, policy, force))


@app.command()
def report(
    run: options.Run,
    out: Annotated[
        Path | None, Option("-o", "--out", metavar="FILE", help="HTML file to write.", show_default="RUN/report.html")
    ] = None,
    films: Annotated[
        bool, Option("--films", help="Film the winner, beside a baseline whose policy is kept, and embed the film.")
    ] = False,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
) -> None:
    """Write an HTML report of a run, which may be unfinished."""
    from eureka.report import document
    from eureka.runs.store import find_run

    folder, film = find_run(run), None
    if films:
        from eureka.video.summary import report_film
        from eureka.workers.isolation import IsolationPolicy

        made = report_film(folder, IsolationPolicy(sandbox, open_trainer), document.MAX_FILM)
        film = document.embed(made.data, made.mime, made.alt)
    print(document.write(folder, out, film))


@app.command()
def view(
    folder: Annotated[
        Path,
        Argument(
            metavar="RUNS",
            help="Folder of runs; or one run: its folder, a task's name or latest.",
            autocompletion=options.runs,
        ),
    ] = Path("runs"),
    port: Annotated[
        int, Option(metavar="N", parser=options.within(0, 65535), help="Port; 0 for any free port.")
    ] = 8321,
) -> None:
    """Show runs in the browser, including runs in progress.

    The server answers this machine only. Stop it with Ctrl-C.
    """
    try:
        from eureka.report import server
        from eureka.runs.store import RUNS, find_run
    except ModuleNotFoundError as error:
        raise UserError(
            f"eureka view needs {error.name}, which is not installed; in a checkout: pip install -e '.[view]'"
        ) from None
    server.serve(folder if folder.is_dir() or folder == RUNS else find_run(str(folder)), port)


@app.command()
def play(
    given: Annotated[
        str,
        Argument(
            metavar="RUN|POLICY",
            help="A run: its folder, a task's name or latest; or a policy's .safetensors file.",
            autocompletion=options.runs,
        ),
    ],
    candidate: Annotated[
        str | None,
        Option(metavar="G.K|ARM", help="Candidate such as 2.0, or arm such as human.", show_default="the winner"),
    ] = None,
    baseline: Annotated[
        str | None,
        Option(metavar="ARM", help="Arm to show side by side, such as human; or random (actions)."),
    ] = None,
    task: Annotated[str | None, Option(metavar="TASK", help="Task of a policy file outside a run.")] = None,
    seconds: Annotated[float | None, Option(metavar="S", help="Length in seconds.", show_default="10")] = None,
    episodes: Annotated[
        int | None, Option(metavar="N", parser=options.within(1), help="Whole episodes to show, instead of --seconds.")
    ] = None,
    seed: Annotated[int, Option(metavar="S", parser=whole, help="Seed of the initial states.")] = 0,
    out: Annotated[
        Path | None, Option("-o", "--out", metavar="FILE", help="Film to write: .mp4, .gif or .webp.")
    ] = None,
    frames: Annotated[Path | None, Option(metavar="DIR", help="Folder to write every frame to, as PNG.")] = None,
    size: Annotated[
        str | None,
        Option(metavar="WxH", help="Frame size in pixels.", show_default="960x540; 1280x720 for several policies"),
    ] = None,
    sandbox: options.Sandbox = "auto",
    open_trainer: options.OpenTrainer = False,
) -> None:
    """Record a film of a trained policy and its reward components.

    The policy acts without exploration noise. To film a task before any training: eureka check TASK --film FILE.
    """
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
def list_(folder: Annotated[Path, Argument(metavar="FOLDER", help="Folder of runs.")] = Path("runs")) -> None:
    """List the tasks, and the runs in a folder."""
    from eureka.cli import listing

    listing.show(folder)


@app.command()
def doctor() -> None:
    """Check this machine: packages, devices, sandbox, models."""
    from eureka.cli import doctor as _doctor

    raise Exit(_doctor.doctor())
