"""A compiler at some level, a judge beside it and bait around it: attacks go in one by one, what they did comes out.

Each attack is compiled beside an honest candidate, which must get the program that it always gets.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.bait import Bait, condition, descendants, printable
from support.corpus import Attack
from support.state import FIELDS

from eureka.rewards.compiler import read_answer, verdict
from eureka.runs.candidate import Failed
from eureka.workers.process import Died, Worker, last_line

LIMITS = {"memory": 1 << 30, "cpu_seconds": 3, "wall_seconds": 6.0}
"""Smaller than those of a real run, so that bombs end soon."""
SLACK = 4.0
"""Seconds that a killed attack's answer may take, on a busy machine."""
LARGEST_LINE = 10**6
_PATIENCE = 20.0
_JUDGE_SECONDS = 60.0
"""Backstop; the judge bounds its own processor time."""
_PR_SET_CHILD_SUBREAPER = 36
_FIELDS = {name: [list(shape), dtype] for name, (shape, dtype, _) in FIELDS.items()}
_HONEST = "# {rival}\ndef compute_reward(height):\n    return torch.exp(-height.abs()), {{'{rival}': height}}\n"


@dataclass
class Result:
    """What became of one attack."""

    attack: Attack
    seconds: float
    """From the request to the answer."""
    outcome: str
    """The answer in short, or who refused the program."""
    breaches: list[str]
    """What it did that it must not; empty if it was contained."""


@dataclass(frozen=True)
class _Answer:
    time: float
    raw: bytes
    said: dict[str, Any]
    """What it says, as the host reads it."""


class Unavailable(Exception):
    """The compiler does not start at this level on this machine; the text says why."""


class Range:
    """Started anew, with new bait, whenever an attack that got through has left something broken."""

    def __init__(self, level: str, folder: Path):
        """Start a compiler at `level` and a judge, which make files in `folder` only.

        Raises:
            Unavailable: this machine lacks a wall.
        """
        # Whatever a candidate starts and leaves becomes our child, however it hides.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.level, self.landlock = level, 0
        self._folder, self._logs = folder, Path(tempfile.mkdtemp(prefix="logs-", dir=folder))
        self._next = 0
        self._judge = self._new_judge()
        self._open()

    def _open(self) -> None:
        self.bait = Bait(self._folder)
        server = self.bait.code / "server.py"
        ours = dict(os.environ)
        os.environ.update(self.bait.environment())
        self._worker = Worker(["-P", str(server), self.level, json.dumps(LIMITS)], self._logs / "compiler")
        os.environ.clear()
        os.environ.update(ours)
        assert self._worker.process.stdin is not None and self._worker.process.stdout is not None
        self._to, self._from = self._worker.process.stdin.fileno(), self._worker.process.stdout.fileno()
        self._inbox = bytearray()
        hello = json.loads(next(self._frames(time.monotonic() + 120), b"{}"))
        if "hello" not in hello:
            self.close()
            raise Unavailable(hello.get("error", "the compiler gave no sign of life"))
        self.landlock = hello["landlock"]
        answers, _ = self._ask([self._honest()], 60.0)
        self._program = verdict(answers[0].said)
        self._settle()

    def _settle(self) -> None:
        self.bait.remember()
        self._server_was, self._we_were = condition(self._worker.process.pid), self._own_condition()

    def _own_condition(self) -> dict[str, object]:
        return {k: v for k, v in condition(os.getpid()).items() if k != "its descriptors"}

    def _new_judge(self) -> Worker:
        judge = Worker([str(Path(__file__).with_name("judge.py"))], self._logs / "judge")
        try:
            judge.receive(timeout=120)
        except Died as death:
            raise RuntimeError(f"the judge {death}{last_line(self._logs / 'judge')}") from None
        return judge

    def _honest(self) -> str:
        return _HONEST.format(rival=self.bait.rival)

    def attempt(self, attack: Attack) -> Result:
        """Give an attack to the compiler, and its program, if it gives one, to the judge."""
        start = time.monotonic()
        answers, breaches = self._ask([self.bait.prelude() + attack.text, self._honest()], start)
        mine, beside = answers.get(0), answers.get(1)
        seconds = (mine.time if mine else time.monotonic()) - start
        breaches += [f"{owner} is in the answer" for owner in self.bait.found_in(mine.raw if mine else b"")]
        outcome = self._read_answer(mine, seconds, breaches)
        if mine and (beside is None or verdict(beside.said) != self._program):
            breaches.append("an honest candidate compiled beside it did not get its program")
        breaches += self._processes()
        breaches += self.bait.done()
        if self._broken(breaches):
            self.renew()
        return Result(attack, seconds, outcome, breaches)

    def renew(self) -> None:
        """Go on with another compiler and new bait."""
        self._close_compiler()
        self._open()

    def _read_answer(self, answer: _Answer | None, seconds: float, breaches: list[str]) -> str:
        if answer is None:
            breaches.append("the compiler gave no answer")
            return "none"
        if seconds > LIMITS["wall_seconds"] + SLACK:
            breaches.append(f"took {seconds:.1f} s; {LIMITS['wall_seconds']:.0f} s are allowed")
        result = verdict(answer.said)
        if not isinstance(result, Failed):
            judgement = self._judged(result)
            if judgement["breach"]:
                breaches.append(f"its program was accepted: {judgement['breach']}")
            return judgement["outcome"]
        if result.message.startswith(f"BREACH {self.bait.mark}"):
            breaches.append(f"reports: {result.message.removeprefix(f'BREACH {self.bait.mark}').strip()}")
        line = result.line
        if line is not None and not (type(line) is int and 0 < line <= LARGEST_LINE):
            breaches.append("the line that it names is no line number")
        if not printable(result.message):
            breaches.append("the message about it is not one short printable line")
        return f"{'killed' if result.machine else 'refused'}: {result.message}"

    def _judged(self, program: str) -> dict[str, Any]:
        try:
            self._judge.send({"id": 0, "program": program})
            verdict = self._judge.receive(timeout=_JUDGE_SECONDS)
        except Died as death:
            verdict = {"breach": f"whoever runs it {death.reason}", "outcome": "accepted"}
            self._judge = self._new_judge()
        if verdict is None:
            self._judge.process.kill()
            self._judge.close()
            self._judge = self._new_judge()
            verdict = {"breach": f"judging it took more than {_JUDGE_SECONDS:.0f} s", "outcome": "accepted"}
        return verdict

    def _processes(self) -> list[str]:
        """Processes that are left, which are ended, and what was changed of those that should be there."""
        effects = []
        left = descendants(os.getpid()) - {self._worker.process.pid, self._judge.process.pid}
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue  # another of them was its parent
        if left:
            effects.append(f"left {len(left)} processes")
        we_are = self._own_condition()
        try:
            now = condition(self._worker.process.pid)
        except (FileNotFoundError, ProcessLookupError):  # of a dead process, `/proc` shows parts
            return [*effects, "the compiler ended"]
        effects += [f"changed the compiler: {what}" for what in now if now[what] != self._server_was[what]]
        return effects + [f"changed the orchestrator: {what}" for what in we_are if we_are[what] != self._we_were[what]]

    def _broken(self, breaches: list[str]) -> bool:
        harm = ("the compiler", "changed the", "an honest", "answers that")
        return self.bait.spoiled or any(b.startswith(harm) for b in breaches)

    def _ask(self, sources: list[str], start: float) -> tuple[dict[int, _Answer], list[str]]:
        """What came for each of `sources`, and what is wrong with the frames."""
        first, self._next = self._next, self._next + len(sources)
        requests = [{"id": first + i, "source": s, "fields": _FIELDS} for i, s in enumerate(sources)]
        data = memoryview(b"".join(struct.pack("!I", len(f)) + f for f in (json.dumps(r).encode() for r in requests)))
        answers: dict[int, _Answer] = {}
        place = -1
        try:
            while data:
                select.select([], [self._to], [], 10.0)
                data = data[os.write(self._to, data) :]
        except OSError as error:
            return answers, [f"the compiler takes no requests: {error.strerror}"]
        breaches = []
        deadline = time.monotonic() + LIMITS["wall_seconds"] + _PATIENCE
        for frame in self._frames(deadline):
            if place in range(len(sources)):  # what was announced: the child's own bytes
                answers[place], place = _Answer(time.monotonic(), frame, read_answer(frame)), -1
            else:
                try:
                    answer = json.loads(frame)
                    place = answer["id"] - first
                except (ValueError, LookupError, TypeError):
                    answer, place = {}, -1
                if place not in range(len(sources)) or place in answers:
                    breaches.append("answers that nobody asked for came from the compiler")
                    place = -1
                elif "answered" not in answer:
                    answers[place], place = _Answer(time.monotonic(), frame, answer), -1
            if len(answers) == len(sources) and len(self._inbox) == 0:
                break
        return answers, breaches

    def _frames(self, deadline: float) -> Iterator[bytes]:
        """The bodies of the frames that come, until the deadline or the compiler's end."""
        while True:
            while len(self._inbox) >= 4 and len(self._inbox) >= 4 + (size := struct.unpack_from("!I", self._inbox)[0]):
                frame = bytes(self._inbox[4 : 4 + size])
                del self._inbox[: 4 + size]
                yield frame
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                return
            part = os.read(self._from, 1 << 20)
            if not part:
                return
            self._inbox += part

    def _close_compiler(self) -> list[str]:
        self._worker.close()
        problems = self._processes_after_the_end()
        self.bait.close()
        return problems

    def _processes_after_the_end(self) -> list[str]:
        judge = {self._judge.process.pid}
        left = descendants(os.getpid()) - judge - {self._worker.process.pid}
        return [f"{len(left)} processes outlived the compiler"] if left else []

    def close(self) -> list[str]:
        """End everything; what is wrong at the end."""
        problems = self._close_compiler()
        self._judge.close()
        return problems
