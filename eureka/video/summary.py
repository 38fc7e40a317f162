"""A short film of a run's winner for its report."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eureka.errors import EnvironmentFault
from eureka.runs import layout
from eureka.system.files import output_file, write_whole
from eureka.video import play, selection
from eureka.workers.isolation import IsolationPolicy

_SECONDS, _SIZE = 6.0, "640x360"


@dataclass(frozen=True)
class Film:
    """A film that an `<img>` shows."""

    data: bytes
    mime: str
    alt: str  # What it shows; untrusted text


def report_film(folder: Path, isolation: IsolationPolicy, limit: int = 2_000_000) -> Film:
    """Film a run's winner, beside a baseline whose policy is kept, and write the film to the run's folder.

    Args:
        folder: of the run.
        isolation: of the trainer that plays the policies.
        limit: bytes of the film.

    Raises:
        UserError: no policy is kept, the task has changed, or the folder cannot be written.
        EnvironmentFault: no renderer works, or Pillow is missing.
    """
    if not play.is_installed("PIL"):
        raise EnvironmentFault(f"a film needs Pillow: {play.INSTALL}")
    choice = selection.winner_beside_baseline(folder)
    options = play.PlayOptions(str(folder), seconds=_SECONDS, size=_SIZE, limit=limit)
    scratch = Path(tempfile.mkdtemp(prefix="eureka-film-"))
    try:
        trajectory = play.simulate(choice, options, isolation, scratch, lambda said: None)
        film = scratch / layout.FILM
        drawn = play.draw(trajectory, film, None, options, scratch, lambda done, of: None)
        if isinstance(drawn, str):
            raise EnvironmentFault(f"no renderer works: {drawn}; {play.GRAPHICS}")
        data = film.read_bytes()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with output_file(folder / layout.FILM):
        write_whole(folder / layout.FILM, data)
    players = " beside ".join(player.label for player in choice.players)
    return Film(data, "image/webp", f"film of {_SECONDS:g} s: {players} on the task {choice.task.file.name}")
