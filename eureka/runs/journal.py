"""A journal that may still grow: only what is new in it is read."""

from __future__ import annotations

import json
from pathlib import Path

from eureka.errors import UserError
from eureka.runs.store import Event

_Stamp = tuple[int, int, int]


class Journal:
    """The whole lines of `events.jsonl` so far."""

    def __init__(self, folder: Path):
        """Of the run in `folder`; nothing is read before `refresh`."""
        self.path = folder / "events.jsonl"
        self.events: list[Event] = []
        self._end = 0
        self._stamp: _Stamp | None = None

    def refresh(self) -> bool:
        """Read the lines that are new, and say whether there were any, or whether the file is another one now.

        Raises:
            UserError: it cannot be read, or a whole line in it is damaged.
        """
        for path in (self.path, self.path.with_name("run.json")):
            if path.is_symlink():
                raise UserError(f"{path} is a link, so it is not read: it may lead anywhere")
        try:
            stamp = stamp_of(self.path)
            if stamp == self._stamp:
                return False
            if stamp is None or self._stamp is None or stamp[0] != self._stamp[0] or stamp[1] < self._end:
                self.events, self._end = [], 0
            lines = self._new_lines() if stamp else []
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror}") from None
        first = len(self.events) + 1
        self.events += [self._parsed(line, first + i) for i, line in enumerate(lines)]
        changed = bool(lines) or self._stamp is None or stamp is None or stamp[0] != self._stamp[0]
        self._stamp = stamp
        return changed

    def _new_lines(self) -> list[bytes]:
        if not self.path.is_file():
            raise UserError(f"{self.path} is no file")
        with open(self.path, "rb") as file:
            file.seek(self._end)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._end += whole
        return data[:whole].split(b"\n")[:-1]

    def _parsed(self, line: bytes, number: int) -> Event:
        try:
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                return event
        except (ValueError, RecursionError):
            pass
        raise UserError(f"{self.path}, line {number}: damaged; the journal was changed by something else")


def stamp_of(path: Path) -> _Stamp | None:
    """What tells whether a file has changed: inode, bytes, time of the last write in ns; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
