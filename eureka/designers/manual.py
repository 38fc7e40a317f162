"""A person with a chat window and no key: prompts go out as files, replies come in as files."""

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

_LOOK_EVERY = 0.5
"""s."""
_SETTLED = 1.0
"""s without a change after which a file is taken to be whole."""


@dataclass
class _Open:
    """A prompt that waits for replies."""

    place: Path
    slots: list[int]


class Manual:
    """Writes each prompt into the run folder and picks up `reply-*.md` beside it, until there are enough.

    An empty file `done` says that no more will come. A file that was taken is moved to `taken/`, so that a run that
    was left can be gone on with.
    """

    def __init__(self, who: str, around: DesignerContext):
        """Wait for replies in `around.folder`; `who` is recorded as the one that answered."""
        self._who, self._folder, self._tell = who or "a person", around.folder / layout.MANUAL, around.tell
        self._recorded = {answer.source for answer in around.answers}
        self.name = f"{self._who}, by hand"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        waiting = [self._ask(request) for request in requests]
        begun = time.monotonic()
        while waiting:
            for one in list(waiting):
                for file in _settled(one.place):
                    source = f"{one.place.name}/{file.name}"
                    if source in self._recorded:  # killed between record and move
                        self._recorded.discard(source)
                        _put_aside(file)
                        continue
                    if not one.slots:
                        break
                    reply = Reply(slot=one.slots.pop(0), text=file.read_bytes().decode("utf-8-sig", "replace"))
                    seconds = round(time.monotonic() - begun, 3)
                    yield Answer(replies=(reply,), model=self._who, source=source, seconds=seconds)
                    _put_aside(file)
                    self._tell(f"  took {file.name}; {len(one.slots)} to come")
                if one.slots and (one.place / "done").exists():
                    left = tuple(Reply(slot=slot, text="", finish=SKIPPED) for slot in one.slots)
                    one.slots.clear()
                    yield Answer(replies=left, model=self._who)
                if not one.slots:
                    waiting.remove(one)
            if waiting:
                time.sleep(_LOOK_EVERY)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _ask(self, request: Request) -> _Open:
        place = self._folder / f"{request.generation}.{request.attempt}"
        if request.attempt:  # several prompts may be open, and each keeps its folder however many slots are left
            place = place.with_name(f"{place.name}-{request.mark[:6]}")
        text = prompts.as_text(request.messages)
        with storage(place):
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / "prompt.md", text.encode())
        shown = place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
        count = len(request.slots)
        self._tell(f"\n{plain(text)}\n--- end of the prompt, which is in {shown}/prompt.md")
        self._tell(
            f"waiting for {count} repl{'ies' if count != 1 else 'y'}: save each as {shown}/reply-1.md, reply-2.md, "
            f"...; to give fewer: touch {shown}/done"
        )
        return _Open(place, list(request.slots))


def _put_aside(file: Path) -> None:
    """Move a reply that is in the journal to where it is not read again."""
    with storage(file):
        (file.parent / "taken").mkdir(exist_ok=True)
        file.replace(file.parent / "taken" / file.name)


def _settled(place: Path) -> list[Path]:
    """Reply files that are whole, in the order of their numbers."""
    now = time.time()
    found = []
    for file in place.glob("reply-*.md"):
        with contextlib.suppress(OSError):  # an editor may take it away between a look and the next
            state = file.stat()
            if file.is_file() and state.st_size and abs(now - state.st_mtime) > _SETTLED:
                found.append(file)
    return sorted(found, key=lambda f: [(int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", f.name)])
