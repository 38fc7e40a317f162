"""Manual replies: prompts are written to files and replies are read from files, e.g. pasted from a chat window."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eureka.designers import prompts
from eureka.designers.base import DesignerContext, Request
from eureka.runs import layout
from eureka.runs.candidate import Known
from eureka.runs.replies import SKIPPED, Answer, Reply
from eureka.system.files import storage, write_whole
from eureka.text import plain

_POLL_INTERVAL = 0.5  # s
_QUIET_PERIOD = 1.0  # s without a modification after which a file is considered complete


@dataclass
class _OpenPrompt:
    place: Path
    slots: list[int]


class Manual:
    """Writes each prompt to the run folder and reads `reply-*.md` from the same place.

    A file `done` skips the missing replies. Files that were read are moved to `taken/`, so that the run can be resumed.
    """

    def __init__(self, who: str, around: DesignerContext):
        """Read replies from `around.folder`; `who` is recorded as the model."""
        self._who, self._folder, self._tell = who or "a person", around.folder / layout.MANUAL, around.tell
        self._recorded = {answer.source for answer in around.answers}
        self.name = f"{self._who}, by hand"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        waiting = [self._ask(request) for request in requests]
        begun = time.monotonic()
        while waiting:
            for one in list(waiting):
                for file in _complete_files(one.place):
                    source = f"{one.place.name}/{file.name}"
                    if source in self._recorded:  # interrupted between recording and moving
                        self._recorded.discard(source)
                        _move_to_taken(file)
                        continue
                    if not one.slots:
                        break
                    reply = Reply(slot=one.slots.pop(0), text=file.read_bytes().decode("utf-8-sig", "replace"))
                    seconds = round(time.monotonic() - begun, 3)
                    yield Answer(replies=(reply,), model=self._who, source=source, seconds=seconds)
                    _move_to_taken(file)
                    self._tell(f"  read {file.name}; {len(one.slots)} missing")
                if one.slots and (one.place / "done").exists():
                    left = tuple(Reply(slot=slot, text="", finish=SKIPPED) for slot in one.slots)
                    one.slots.clear()
                    yield Answer(replies=left, model=self._who)
                if not one.slots:
                    waiting.remove(one)
            if waiting:
                time.sleep(_POLL_INTERVAL)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _ask(self, request: Request) -> _OpenPrompt:
        place = self._folder / f"{request.generation}.{request.attempt}"
        if request.attempt:  # several prompts can be open at once; each needs its own folder
            place = place.with_name(f"{place.name}-{request.mark[:6]}")
        text = prompts.as_text(request.messages)
        with storage(place):
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / "prompt.md", text.encode())
        shown = place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
        count = len(request.slots)
        self._tell(f"\n{plain(text)}\n--- end of the prompt, saved as {shown}/prompt.md")
        self._tell(
            f"waiting for {count} repl{'ies' if count != 1 else 'y'}: save as {shown}/reply-1.md, reply-2.md, ...; "
            f"to skip the rest: touch {shown}/done"
        )
        return _OpenPrompt(place, list(request.slots))


def _move_to_taken(file: Path) -> None:
    with storage(file):
        (file.parent / "taken").mkdir(exist_ok=True)
        file.replace(file.parent / "taken" / file.name)


def _complete_files(place: Path) -> list[Path]:
    """Complete reply files, in numerical order."""
    now = time.time()
    found = []
    for file in place.glob("reply-*.md"):
        with contextlib.suppress(OSError):  # an editor may delete it between two calls
            state = file.stat()
            if file.is_file() and state.st_size and abs(now - state.st_mtime) > _QUIET_PERIOD:
                found.append(file)
    return sorted(found, key=lambda f: [(int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", f.name)])
