"""`eureka play`: selects policies, simulates them and renders a film."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eureka.errors import EnvironmentFault, UserError
from eureka.system.files import output_file
from eureka.text import command, number, shown
from eureka.video import renderers, selection
from eureka.video.selection import Selection
from eureka.video.trajectory import SUFFIX, load
from eureka.workers.client import TrainerClient
from eureka.workers.executors import LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import FileReference, Play
from eureka.workers.process import Died, Worker, last_line

FILMS = (".mp4", ".gif", ".webp")  # Suffixes of films
_SINGLE_SIZE, _MULTIPLE_SIZE = (960, 540), (1280, 720)
"""Default size of a frame in pixels, for one and for several policies."""
_SECONDS = 10.0  # Default duration in s
_MAX_EPISODES = 100
_MIN_SIZE, _MAX_SIZE = 160, 4096
_START_TIMEOUT, _FRAME_TIMEOUT = 300.0, 180.0
"""s to wait for a renderer to start (it may compile kernels), and for a frame."""
INSTALL = "pip install -e '.[play]'"
GRAPHICS = "install Mesa's libegl1 or libosmesa6, or mujoco-warp (pip install -e '.[gpu]')"

Say = Callable[[str], None]
Tick = Callable[[int, int], None]  # Called with the number of drawn frames and the total


@dataclass(frozen=True)
class PlayOptions:
    """Options of `eureka play`.

    Raises:
        UserError: an option is invalid.
    """

    given: str  # A run, a policy file or a saved trajectory
    candidate: str | None = None
    baseline: str | None = None
    task: str | None = None
    seconds: float | None = None
    episodes: int | None = None
    seed: int = 0
    out: Path | None = None
    frames: Path | None = None
    size: str | None = None
    limit: int | None = None  # bytes of the film, an animated image, which loses quality for it

    def __post_init__(self) -> None:
        if self.seconds is not None and self.episodes is not None:
            raise UserError("--seconds and --episodes exclude each other; give one of them")
        if self.episodes is not None and self.episodes > _MAX_EPISODES:
            raise UserError(f"--episodes must be at most {_MAX_EPISODES}, not {self.episodes}")
        if self.replayed and (self.candidate or self.baseline or self.task or self.seconds or self.episodes):
            raise UserError(f"{self.given} is a saved trajectory; give only --frames, --size and -o")
        if self.out is not None and self.out.suffix == SUFFIX and (self.frames or self.size):
            raise UserError(f"-o {self.out} saves the trajectory without drawing; remove --frames and --size")
        if self.seconds is not None and not 0.0 < self.seconds <= 3600.0:
            raise UserError(f"--seconds must be above 0 and at most 3600, not {self.seconds:g}")
        if self.out is not None and self.out.suffix not in (*FILMS, SUFFIX):
            raise UserError(f"-o {self.out} must end in {', '.join(FILMS)}, or in {SUFFIX} to save the trajectory")
        _ = self.pixels(1)

    @property
    def replayed(self) -> bool:
        """Whether a saved trajectory was given."""
        return self.given.endswith(SUFFIX)

    def pixels(self, policies: int) -> tuple[int, int]:
        """Width and height of a frame in pixels."""
        if self.size is None:
            return _SINGLE_SIZE if policies == 1 else _MULTIPLE_SIZE
        width, _, height = self.size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UserError(f"--size must be WIDTHxHEIGHT in pixels, e.g. 960x540, not {self.size!r}")
        if not all(_MIN_SIZE <= n <= _MAX_SIZE for n in (int(width), int(height))):
            raise UserError(f"--size must be from {_MIN_SIZE} to {_MAX_SIZE} pixels each way, not {self.size}")
        return int(width), int(height)


def play(
    options: PlayOptions, isolation: IsolationPolicy, say: Say, tick: Tick, choice: Selection | None = None
) -> None:
    """Simulate the selected policies, or those of `choice`, and write the output files.

    Raises:
        UserError: a run or policy does not exist, or an output file exists.
        EnvironmentFault: no renderer works; the trajectory is saved, and the message names its file.
    """
    if choice is None and not options.replayed:
        choice = selection.select(options.given, options.candidate, options.baseline, options.task)
    film = options.out or Path(f"{choice.name if choice else Path(options.given).stem}{FILMS[0]}")
    check_output(film, options.frames)
    scratch = Path(tempfile.mkdtemp(prefix="eureka-play-"))
    try:
        trajectory = Path(options.given)
        if choice is not None:
            trajectory = simulate(choice, options, isolation, scratch, say)
        if film.suffix == SUFFIX:
            _copy(trajectory, film)
            say(f"trajectory {film}")
            return
        missing = [name for module, name in (("PIL", "Pillow"), ("av", "PyAV")) if not is_installed(module)]
        if "Pillow" in missing:
            raise _save_trajectory(trajectory, film, choice, f"drawing needs {' and '.join(missing)}: {INSTALL}")
        no_video = film.suffix == ".mp4" and bool(missing)
        frames = options.frames or (film.with_suffix("") if no_video else None)
        if no_video:
            check_output(None, frames)
        drawn = draw(trajectory, None if no_video else film, frames, options, scratch, tick)
        if isinstance(drawn, str):
            raise _save_trajectory(trajectory, film, choice, f"no renderer works: {drawn}")
        say(drawn["said"])
        if no_video:
            raise EnvironmentFault(f"a video needs PyAV ({INSTALL}); the frames are in {frames}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_output(film: Path | None, frames: Path | None, option: str = "-o") -> None:
    """Check the output paths before the simulation; `option` is that of the film."""
    if film is not None and len(film.name.encode()) > 200:
        raise UserError(f"the film's name is too long; give a shorter one with {option}")
    if film is not None and film.exists():
        raise UserError(f"{film} exists already; give another name with {option} or remove it")
    if film is not None and not film.absolute().parent.is_dir():
        raise UserError(f"the folder {film.parent} does not exist; create it or give another one with {option}")
    if film is not None and not os.access(film.absolute().parent, os.W_OK):
        raise UserError(f"no permission to write {film}; choose another place with {option}")
    if frames is not None and frames.exists() and (not frames.is_dir() or any(frames.iterdir())):
        raise UserError(f"{frames} exists already and is not an empty folder; give another one for the frames")
    if frames is not None:
        try:
            frames.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot create the folder {frames} for the frames: {error.strerror}") from None


def simulate(choice: Selection, options: PlayOptions, isolation: IsolationPolicy, scratch: Path, say: Say) -> Path:
    """Simulate in a trainer process; returns the trajectory file."""
    if choice.task.original:
        say(f"{choice.task.original} is missing; the run's copy is used: {choice.task.path}")
    work = scratch / "trainer"
    executor = LocalExecutor(choice.task, scratch, work, isolation)
    trainer = TrainerClient(executor, curriculum=choice.curriculum)
    try:
        task = trainer.description
        steps = max(1, round((options.seconds or _SECONDS) / task.control_period))
        if options.episodes is not None:
            steps = options.episodes * task.horizon
        target = work / f"trajectory{SUFFIX}"
        command = Play(
            policies=tuple(FileReference(file=str(p.file)) if p.file else None for p in choice.players),
            labels=tuple(player.label for player in choice.players),
            programs=tuple(player.program for player in choice.players),
            seed=options.seed,
            steps=steps,
            episodes=options.episodes,
            output=str(target),
        )
        played = trainer.play(command)
        names = ", ".join(player.label for player in choice.players)
        say(f"{task.name}: {names}, {played.steps} control steps, {played.steps * task.control_period:.1f} s")
        for player, fitness in zip(choice.players, played.first, strict=True):
            if fitness is not None:
                say(f"{player.label}: fitness {number(fitness)} in the first episode")
        return target
    finally:
        trainer.close()


def draw(
    trajectory: Path, film: Path | None, frames: Path | None, options: PlayOptions, scratch: Path, tick: Tick
) -> dict[str, Any] | str:
    """Draw with the first renderer that works. Returns its report, or the reason why each of them fails."""
    loaded = load(trajectory)
    size = options.pixels(len(loaded.parts))
    unfinished = scratch / f"film{film.suffix}" if film else None
    job = {
        "trajectory": str(trajectory.absolute()),
        "size": size,
        "film": str(unfinished) if unfinished else None,
        "frames": str(frames.absolute()) if frames else None,
        "limit": options.limit,
    }
    reasons = []
    for name in renderers.candidates(loaded):
        about = _draw_with(name, job, scratch, tick)
        if isinstance(about, str):
            reasons.append(f"{name} ({shown(about)})")
            continue
        if film and unfinished:
            _copy(unfinished, film)
        return about | {"said": _summary(about, film, frames, size)}
    if len(reasons) == 1 and os.environ.get("MUJOCO_GL"):
        reasons.append("MUJOCO_GL excludes the others")
    return "; ".join(reasons)


def _draw_with(name: str, job: dict[str, Any], scratch: Path, tick: Tick) -> dict[str, Any] | str:
    """Draw with one renderer in a separate process. Returns its report, or the reason why it is unavailable.

    Raises:
        EnvironmentFault: it failed after it started drawing.
    """
    log, about = scratch / f"{name}.log", None
    more = dict(renderers.environment(name))
    worker = Worker(["-P", "-m", "eureka.video.render_process"], log, cwd=scratch, more=more)
    try:
        worker.send(job | {"renderer": name})
        while True:
            answer = worker.receive(_FRAME_TIMEOUT if about else _START_TIMEOUT)
            if answer is None:
                worker.kill()
                raise Died("timed out")
            match answer["kind"]:
                case "unable":
                    return answer["message"]
                case "drawing":
                    about = answer
                case "frame" if about:
                    tick(answer["number"], about["frames"])
                case "drawn" if about:
                    return about
    except Died as death:
        if about:
            raise EnvironmentFault(f"drawing with {about['by']} {death.reason}{last_line(log)}") from None
        return f"{death.reason}{last_line(log)}"
    finally:
        worker.close()


def _summary(about: dict[str, Any], film: Path | None, frames: Path | None, size: tuple[int, int]) -> str:
    width, height = (n - n % 2 for n in size)
    what = f"{about['frames']} frames of {width}x{height}, {about['rate']:.4g} per second, drawn by {about['by']}"
    places = [f"{film} ({about['codec']})"] if film else []
    places += [f"{frames}/"] if frames else []
    return f"{' and '.join(places)}: {what}"


def _save_trajectory(trajectory: Path, film: Path, choice: Selection | None, why: str) -> EnvironmentFault:
    """Save the trajectory beside the requested film and return an error with its path."""
    kept = trajectory
    if choice is not None:
        numbers = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
        names = (film.with_name(f"{film.stem}{number}{SUFFIX}") for number in numbers)
        kept = next(name for name in names if not name.exists())
        _copy(trajectory, kept)
    remedy = "" if INSTALL in why else f"; {GRAPHICS}, here or elsewhere"
    return EnvironmentFault(f"{why}{remedy}; the trajectory is saved as {kept}; to draw it: {command('play', kept)}")


def _copy(source: Path, target: Path) -> None:
    with output_file(target):
        half = target.with_name(f".{target.name}.tmp")
        try:
            shutil.copyfile(source, half)
            os.replace(half, target)
        finally:
            half.unlink(missing_ok=True)


def is_installed(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


def watch_progress() -> tuple[Say, Tick, Callable[[], None]]:
    """Functions that print a line, update the progress bar, and close it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("drawing"), BarColumn(), TextColumn("{task.completed} of {task.total}"), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    row = bar.add_task("drawing", total=None)

    def tick(done: int, of: int) -> None:
        bar.start()
        bar.update(row, completed=done, total=of)

    return (lambda text: print(shown(text), flush=True)), tick, bar.stop
