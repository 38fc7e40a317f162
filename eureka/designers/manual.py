"""Manual replies: prompts are written to files and replies are read from files or the terminal, e.g. from a chat."""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eureka.designers import prompts
from eureka.designers.base import DesignerContext, Request
from eureka.designers.extraction import whole_functions
from eureka.runs import layout
from eureka.runs.candidate import Known
from eureka.runs.replies import SKIPPED, Answer, Reply
from eureka.system.files import storage, write_whole
from eureka.text import plain, relative

_POLL_INTERVAL = 0.5  # s
_QUIET_PERIOD = 1.0  # s without a modification after which a file is considered complete
_PROMPT, _CONVERSATION, _DONE = "prompt.md", "conversation.md", "done"
_NO_REPLY = re.compile(
    rf"\..*|#.*#|{re.escape(_PROMPT)}|{re.escape(_CONVERSATION)}|{_DONE}(\.\w+)?|.*(~|\.(swp|swx|tmp|part|crdownload|lock))"
)
"""Names of files that are no replies: the program's own, and those of editors and browsers at work."""
_END = "END"  # A line that ends a reply at the terminal


@dataclass
class _OpenPrompt:
    place: Path
    slots: list[int]


class Manual:
    """Writes each prompt to the run folder and reads replies from files of any name in the same place.

    What is pasted into the terminal becomes such a file. A file `done` skips the missing replies. Files that were read
    are moved to `taken/`, so that the run can be resumed.
    """

    def __init__(self, who: str, around: DesignerContext):
        """Read replies from `around.folder`; `who` is recorded as the model."""
        self._who, self._folder, self._tell = who or "a person", around.folder / layout.MANUAL, around.tell
        self._recorded = {answer.source for answer in around.answers}
        self._odd: set[Path] = set()  # Files that cannot be replies, which were named
        self.name = f"{self._who}, by hand"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        with _terminal() as terminal:
            yield from self._propose(requests, terminal)

    def _propose(self, requests: Sequence[Request], terminal: _Terminal) -> Iterator[Answer]:
        waiting = [self._ask(request) for request in requests]
        if terminal.usable:
            self._tell(f"or paste a reply here (it is not shown), then a line {_END} or Ctrl-D")
        begun = time.monotonic()
        while waiting:
            if text := terminal.reply(_POLL_INTERVAL):
                count = len(text.splitlines())
                self._tell(f"  pasted {count} line{'s' if count != 1 else ''} for {waiting[0].place.name}")
                _save(waiting[0].place, text)
            for one in list(waiting):
                for file in self._complete_files(one.place):
                    source = f"{one.place.name}/{file.name}"
                    if source in self._recorded:  # interrupted between recording and moving
                        self._recorded.discard(source)
                        _move_to_taken(file)
                        continue
                    if not one.slots:
                        break
                    text = file.read_bytes().decode("utf-8-sig", "replace")
                    texts = whole_functions(text)[: len(one.slots)] if len(one.slots) > 1 else [text]
                    replies = tuple(Reply(slot=one.slots.pop(0), text=text) for text in texts)
                    seconds = round(time.monotonic() - begun, 3)
                    yield Answer(replies=replies, model=self._who, source=source, seconds=seconds)
                    _move_to_taken(file)
                    several = f": {len(replies)} replies" if len(replies) > 1 else ""
                    self._tell(f"  read {file.name}{several}; {len(one.slots)} missing")
                if one.slots and any(one.place.glob(f"{_DONE}*")):
                    left = tuple(Reply(slot=slot, text="", finish=SKIPPED) for slot in one.slots)
                    one.slots.clear()
                    yield Answer(replies=left, model=self._who)
                if not one.slots:
                    waiting.remove(one)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _ask(self, request: Request) -> _OpenPrompt:
        text = whole = prompts.as_text(request.messages)
        place = self._folder / f"{request.generation}.{request.attempt}"
        if request.attempt or _holds_another(place / _PROMPT, text):  # each open prompt needs its own folder
            place = place.with_name(f"{place.name}-{request.mark[:6]}")
        turns = list(request.messages)
        repairs = request.attempt > 0 and len(turns) > 1 and turns[-2].role == "assistant"
        if repairs:  # a chat holds the rest already
            text = f"{turns[-1].content}\n"
        with storage(place):
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / _PROMPT, text.encode())
            if repairs:
                write_whole(place / _CONVERSATION, whole.encode())
        shown = relative(place)
        count = len(request.slots)
        self._tell(f"\n{plain(text)}\n--- end of the prompt, saved as {shown}/{_PROMPT}")
        if repairs:
            names = ", ".join(f"{request.generation}.{slot}" for slot in request.slots)
            self._tell(f"about the reply for {names}: answer in its chat; for a new chat, use {shown}/{_CONVERSATION}")
        self._tell(
            f"waiting for {count} repl{'ies' if count != 1 else 'y'}: save each as a file in {shown} (any name; a file "
            f"with several functions counts as several); to skip the rest: touch {shown}/{_DONE}"
        )
        return _OpenPrompt(place, list(request.slots))

    def _complete_files(self, place: Path) -> list[Path]:
        """Complete reply files, in numerical order."""
        now = time.time()
        found = []
        for file in place.iterdir():
            with contextlib.suppress(OSError):  # an editor may delete it between two calls
                state = file.stat()
                settled = abs(now - state.st_mtime) > _QUIET_PERIOD
                if _NO_REPLY.fullmatch(file.name) or not (file.is_file() and state.st_size and settled):
                    continue
                if b"\0" in file.read_bytes()[:4096]:
                    if file not in self._odd:
                        self._odd.add(file)
                        self._tell(f"  {file.name} is not a text file; save the reply as text")
                    continue
                found.append(file)
        return sorted(found, key=lambda f: [(int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", f.name)])


def _holds_another(prompt: Path, text: str) -> bool:
    """Whether a file has another prompt than `text`."""
    with storage(prompt):
        return prompt.exists() and prompt.read_bytes() != text.encode()


def _move_to_taken(file: Path) -> None:
    with storage(file):
        (file.parent / "taken").mkdir(exist_ok=True)
        file.replace(file.parent / "taken" / file.name)


def _save(place: Path, text: str) -> None:
    number = 1 + sum(1 for folder in (place, place / "taken") for _ in folder.glob("pasted-*.md"))
    with storage(place):
        write_whole(place / f"pasted-{number}.md", text.encode())
    before = time.time() - 2 * _QUIET_PERIOD  # it is complete
    os.utime(place / f"pasted-{number}.md", (before, before))


class _Terminal:
    """Reads replies that are pasted into the terminal that the program runs in."""

    def __init__(self, descriptor: int | None):
        """Read from `descriptor`; None if there is no terminal."""
        self._descriptor, self._text = descriptor, ""
        self.usable = descriptor is not None

    def reply(self, seconds: float) -> str | None:
        """A reply that was ended by `_END` or Ctrl-D within the time, else None."""
        if self._descriptor is None:
            time.sleep(seconds)
            return None
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        while ready:
            part = os.read(self._descriptor, 1 << 16)
            self._text += part.decode("utf-8", "replace")
            found = re.search(rf"^{_END}[ \t]*$", self._text, re.MULTILINE)
            if found or not part:
                text, self._text = self._text[: found.start()] if found else self._text, ""
                return text if text.strip() else None
            ready, _, _ = select.select([self._descriptor], [], [], 0.0)
        return None


@contextlib.contextmanager
def _terminal() -> Iterator[_Terminal]:
    """The terminal, which does not show what is pasted meanwhile, since that would disturb the display."""
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, AttributeError, termios.error):  # no terminal, or a replaced standard input
        yield _Terminal(None)
        return
    silent = list(before)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield _Terminal(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
