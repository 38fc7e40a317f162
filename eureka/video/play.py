"""`eureka play`: look up, simulate, draw, and say what was made of it."""

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
from eureka.text import number, shown
from eureka.video import renderers, selection
from eureka.video.selection import Selection
from eureka.video.trajectory import SUFFIX, load
from eureka.workers.client import TrainerClient
from eureka.workers.executors import LocalExecutor
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import FileReference, Play
from eureka.workers.process import Died, Worker, last_line

FILMS = (".mp4", ".gif", ".webp")
"""What the name of a film may end in."""
_ALONE, _BESIDE = (960, 540), (1280, 720)
"""Pixels of a frame, unless others are asked for: of one policy, of several."""
_SECONDS = 10.0
"""s of play, unless another length is asked for."""
_MOST_EPISODES = 100
"""That are played for one film."""
_LEAST, _MOST = 160, 4096
_BEGINS, _GOES_ON = 300.0, 180.0
"""s until a renderer has shown that it works (kernels may have to be compiled), and between two frames."""
_INSTALL = "pip install -e '.[play]'"

Say = Callable[[str], None]
Tick = Callable[[int, int], None]
"""Called with the number of frames that are drawn, and of all."""


@dataclass(frozen=True)
class PlayOptions:
    """What was asked for.

    Raises:
        UserError: it cannot be; says why.
    """

    given: str
    """A run, a policy's file, or a trajectory that was played before."""
    candidate: str | None = None
    baseline: str | None = None
    task: str | None = None
    seconds: float | None = None
    episodes: int | None = None
    seed: int = 0
    out: Path | None = None
    frames: Path | None = None
    size: str | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and self.episodes is not None:
            raise UserError("--seconds and --episodes both say how long to play; give one of them")
        if self.episodes is not None and self.episodes > _MOST_EPISODES:
            raise UserError(f"--episodes must be at most {_MOST_EPISODES}, not {self.episodes}")
        if self.replayed and (self.candidate or self.baseline or self.task or self.seconds or self.episodes):
            raise UserError(f"{self.given} was played already; only --frames, --size and -o say how it is drawn")
        if self.out is not None and self.out.suffix == SUFFIX and (self.frames or self.size):
            raise UserError(f"-o {self.out} keeps the trajectory and draws nothing; leave out --frames and --size")
        if self.seconds is not None and not 0.0 < self.seconds <= 3600.0:
            raise UserError(f"--seconds must be above 0 and at most 3600, not {self.seconds:g}")
        if self.out is not None and self.out.suffix not in (*FILMS, SUFFIX):
            raise UserError(f"{self.out} should end in {', '.join(FILMS)}, or in {SUFFIX} for the trajectory alone")
        _ = self.pixels(1)

    @property
    def replayed(self) -> bool:
        """Whether a trajectory was given instead of policies."""
        return self.given.endswith(SUFFIX)

    def pixels(self, policies: int) -> tuple[int, int]:
        """Width and height of a frame."""
        if self.size is None:
            return _ALONE if policies == 1 else _BESIDE
        width, _, height = self.size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UserError(f"--size is WIDTHxHEIGHT in pixels, such as 960x540, and not {self.size!r}")
        if not all(_LEAST <= n <= _MOST for n in (int(width), int(height))):
            raise UserError(f"--size must be from {_LEAST} to {_MOST} pixels each way, not {self.size}")
        return int(width), int(height)


def play(wanted: PlayOptions, isolation: IsolationPolicy, say: Say, tick: Tick) -> None:
    """Play what is wanted, and write the files.

    Raises:
        UserError: it does not exist, or a file is in the way.
        EnvironmentFault: nothing here can draw; the trajectory is kept, and the message says where and what to do.
    """
    choice = None if wanted.replayed else _choose(wanted)
    film = wanted.out or Path(f"{choice.name if choice else Path(wanted.given).stem}{FILMS[0]}")
    _require_free(film, wanted.frames)
    scratch = Path(tempfile.mkdtemp(prefix="eureka-play-"))
    try:
        trajectory = Path(wanted.given)
        if choice is not None:
            trajectory = _simulate(choice, wanted, isolation, scratch, say)
        if film.suffix == SUFFIX:
            _deliver(trajectory, film)
            say(f"trajectory {film}")
            return
        missing = [name for module, name in (("PIL", "Pillow"), ("av", "PyAV")) if not _is_there(module)]
        if "Pillow" in missing:
            raise _kept(trajectory, film, choice, f"drawing needs {' and '.join(missing)}: {_INSTALL}")
        no_video = film.suffix == ".mp4" and bool(missing)
        frames = wanted.frames or (film.with_suffix("") if no_video else None)
        if no_video:
            _require_free(None, frames)
        drawn = _draw(trajectory, None if no_video else film, frames, wanted, scratch, tick)
        if isinstance(drawn, str):
            raise _kept(trajectory, film, choice, f"nothing here can draw: {drawn}")
        say(drawn["said"])
        if no_video:
            raise EnvironmentFault(f"no video without PyAV ({_INSTALL}); its frames are in {frames}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _choose(wanted: PlayOptions) -> Selection:
    return selection.select(wanted.given, wanted.candidate, wanted.baseline, wanted.task)


def _require_free(film: Path | None, frames: Path | None) -> None:
    """A mistake is told before anything is simulated."""
    if film is not None and len(film.name.encode()) > 200:
        raise UserError("the film's name is too long; give a shorter one with -o")
    if film is not None and film.exists():
        raise UserError(f"{film} exists already; give another name with -o, or remove it")
    if film is not None and not film.absolute().parent.is_dir():
        raise UserError(f"there is no folder {film.parent} to write {film.name} to")
    if film is not None and not os.access(film.absolute().parent, os.W_OK):
        raise UserError(f"no permission to write {film}; choose another place with -o")
    if frames is not None and frames.exists() and (not frames.is_dir() or any(frames.iterdir())):
        raise UserError(f"{frames} exists already and is no empty folder; name another one for the frames")
    if frames is not None:
        try:
            frames.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"no folder {frames} can be made for the frames: {error.strerror}") from None


def _simulate(choice: Selection, wanted: PlayOptions, isolation: IsolationPolicy, scratch: Path, say: Say) -> Path:
    """Play in the trainer; the trajectory's file."""
    work = scratch / "trainer"
    executor = LocalExecutor(choice.task, scratch, work, isolation)
    trainer = TrainerClient(executor)
    try:
        task = trainer.description
        steps = max(1, round((wanted.seconds or _SECONDS) / task.control_period))
        if wanted.episodes is not None:
            steps = wanted.episodes * task.horizon
        target = work / f"trajectory{SUFFIX}"
        command = Play(
            policies=tuple(FileReference(file=str(player.file)) for player in choice.players),
            labels=tuple(player.label for player in choice.players),
            programs=tuple(player.program for player in choice.players),
            seed=wanted.seed,
            steps=steps,
            episodes=wanted.episodes,
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


def _draw(
    trajectory: Path, film: Path | None, frames: Path | None, wanted: PlayOptions, scratch: Path, tick: Tick
) -> dict[str, Any] | str:
    """Draw with the first renderer that works; what it said, or why each of them does not."""
    size = wanted.pixels(len(load(trajectory).parts))
    unfinished = scratch / f"film{film.suffix}" if film else None
    job = {
        "trajectory": str(trajectory.absolute()),
        "size": size,
        "film": str(unfinished) if unfinished else None,
        "frames": str(frames.absolute()) if frames else None,
    }
    reasons = []
    for name in renderers.candidates():
        about = _drawn_by(name, job, scratch, tick)
        if isinstance(about, str):
            reasons.append(f"{name} ({shown(about)})")
            continue
        if film and unfinished:
            _deliver(unfinished, film)
        return about | {"said": _said(about, film, frames, size)}
    if len(reasons) == 1 and os.environ.get("MUJOCO_GL"):
        reasons.append("MUJOCO_GL has it tried alone")
    return "; ".join(reasons)


def _drawn_by(name: str, job: dict[str, Any], scratch: Path, tick: Tick) -> dict[str, Any] | str:
    """Have one renderer draw, in a process of its own; what it said, or why it cannot.

    Raises:
        EnvironmentFault: it began to, and failed.
    """
    log, about = scratch / f"{name}.log", None
    more = dict(renderers.environment(name))
    worker = Worker(["-P", "-m", "eureka.video.render_process"], log, cwd=scratch, more=more)
    try:
        worker.send(job | {"renderer": name})
        while True:
            answer = worker.receive(_GOES_ON if about else _BEGINS)
            if answer is None:
                worker.kill()
                raise Died("gave no sign of life")
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


def _said(about: dict[str, Any], film: Path | None, frames: Path | None, size: tuple[int, int]) -> str:
    width, height = (n - n % 2 for n in size)
    what = f"{about['frames']} frames of {width}x{height}, {about['rate']:.4g} a second, drawn by {about['by']}"
    places = [f"{film} ({about['codec']})"] if film else []
    places += [f"{frames}/"] if frames else []
    return f"{' and '.join(places)}: {what}"


def _kept(trajectory: Path, film: Path, choice: Selection | None, why: str) -> EnvironmentFault:
    """The error for a machine that cannot draw, after the trajectory was put where the film was to be."""
    kept = trajectory
    if choice is not None:
        numbers = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
        names = (film.with_name(f"{film.stem}{number}{SUFFIX}") for number in numbers)
        kept = next(name for name in names if not name.exists())
        _deliver(trajectory, kept)
    remedy = (
        ""
        if _INSTALL in why
        else ("; install Mesa's libegl1 or libosmesa6, or mujoco-warp (pip install -e '.[gpu]'), here or elsewhere")
    )
    return EnvironmentFault(f"{why}{remedy}; the trajectory is kept in {kept}: eureka play {kept}")


def _deliver(source: Path, target: Path) -> None:
    with output_file(target):
        half = target.with_name(f".{target.name}.tmp")
        try:
            shutil.copyfile(source, half)
            os.replace(half, target)
        finally:
            half.unlink(missing_ok=True)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def watch_progress() -> tuple[Say, Tick, Callable[[], None]]:
    """Ways of saying and of showing progress on a terminal, and what ends the latter."""
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
