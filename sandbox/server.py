"""The compiler process: imports torch once and forks a confined child for each candidate.

Started as `python server.py LEVEL [LIMITS]` with an environment without secrets; LIMITS is JSON for `jail.Limits`, used
by tests only. Both standard streams carry frames: four bytes of length, then JSON. The first output frame, `hello`,
reports the isolation. Then each request `{"id", "source", "fields": {name: [shape, dtype]}}` is answered, in any order,
with one of

    {"id", "answered": true}                             the next frame is the output of the child, unchanged
    {"id", "refused": MESSAGE, "line": null}             the candidate is at fault
    {"id", "killed": MESSAGE}                            a limit was reached; depends on the machine

A child that its candidate has not taken over writes JSON: `{"program": TEXT}` or `{"refused": MESSAGE, "line": 3 or
null}`. The end of the input ends the server and its children.

Children inherit all memory of this process, so it never holds a candidate's text or program: each child reads its own
request, and answers are stored in memory that children do not inherit.
"""

from __future__ import annotations

import fcntl
import gc
import json
import logging
import os
import select
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# torch uses tqdm if it is installed, and tqdm starts a thread.
sys.modules["tqdm"] = None  # type: ignore[assignment]

from sandbox import canary, graph, jail  # noqa: E402
from sandbox.output import Output  # noqa: E402

STRICT, WITHOUT_LANDLOCK, CONTAINER, NONE = "strict", "strict-noland", "container", "none"
LEVELS = (STRICT, WITHOUT_LANDLOCK, CONTAINER, NONE)
"""Isolation levels: seccomp and Landlock; seccomp; that of a disposable container; resource limits only."""
LANDLOCK_ALONE = "landlock-alone"
"""For the red team, which tests each mechanism separately; `--sandbox` does not accept it."""

_WALLS = {
    STRICT: jail.Walls(),
    WITHOUT_LANDLOCK: jail.Walls(landlock=False),
    CONTAINER: jail.Walls(seccomp=False, landlock=False),
    NONE: jail.Walls(seccomp=False, landlock=False),
    LANDLOCK_ALONE: jail.Walls(seccomp=False),
}
_ANSWERS = fcntl.fcntl(1, fcntl.F_DUPFD, jail.RESULT_FD + 1)
"""A duplicate of standard output, so that prints of libraries and children do not corrupt the frames."""
os.dup2(2, 1)

_WARM_UP = """
def helper(q):
    w, x, y, z = q.unbind(-1)
    return torch.stack([w, -x, -y, -z], dim=-1)
@torch.jit.script
def compute_reward(a: Tensor, b, c):
    r = torch.zeros(a.shape[0], device=a.device)
    r += torch.exp(-torch.norm(b - 0.5, p=2, dim=-1) / 0.3)
    r[a < 0.3] = -1.0
    turned = torch.einsum("ni,ni->n", helper(c), c) + torch.cross(b, b, dim=-1).sum(-1)
    best, _ = torch.max(b, dim=-1)
    near = torch.where(torch.logical_and(a > 0, best < 1), torch.tanh(a), torch.clamp(best, min=-1.0, max=1.0))
    text = str(a) + f"{b}"
    w = torch.tensor([1.0, 2.0, 3.0]); v = (b * w).mean(dim=-1) + torch.atan2(a, a * a + 1.0)
    return r + near + turned + v, {"near": near, "r": r.clone(), "n": 1.0}
"""
_WARM_UP_FAULTS = (
    "def compute_reward(a):\n    if a.sum() > 0:\n        return a, {}\n    return -a, {}\n",
    "def compute_reward(a):\n    return (1.0 / a.shape[0]) * a, {}\n",
    "def compute_reward(a):\n    a += 1\n    return a, {}\n",
    "def compute_reward(a):\n    return torch.rand_like(a), {}\n",
    "import numpy as np\ndef compute_reward(a):\n    return np.exp(a), {}\n",
    "def compute_reward(a):\n    return a[a.nonzero()], {}\n",
    "def compute_reward(a, bb):\n    return a, {}\n",
    "def compute_reward(a)\n",
    "def compute_reward(a):\n    return (a, a), {}\n",
    "def compute_reward(a):\n    return a @ a[:2], {}\n",
    "def compute_reward(b):\n    return torch.cdist(b.view(-1, 3), b.view(-1, 3)).mean(-1) @ b, {}\n",
    "def compute_reward(b):\n    return b.view(7, 3)[:, 0], {}\n",
    "def compute_reward(b):\n    return b[a for a in b], {}\n",
    "def compute_reward(b):\n    return undefined(b), {}\n",
    "def compute_reward(b):\n    return b[:, 7], {}\n",
    "open('/etc/passwd')\n",
)
_FIELDS = {"a": graph.Field(()), "b": graph.Field((3,)), "c": graph.Field((4,))}


@dataclass
class Child:
    """A running child of the server."""

    pid: int
    pipe: int
    deadline: float
    output: Output
    request: int | None = None
    """The id of its request, once it has read that."""


def main(level: str, limits: jail.Limits) -> None:
    """Serve until the input ends."""
    from sandbox import trace

    _warm_up(trace)
    walls, hello = _assess(level, limits)
    _send(hello)
    if "error" in hello:
        return
    _serve(walls, limits, trace)


def _warm_up(trace: Any) -> None:
    """Make torch import all that tracing and its error messages need: a child cannot read files."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable()
    trace.compile_reward(_WARM_UP, _FIELDS)
    for source in _WARM_UP_FAULTS:
        try:
            trace.compile_reward(source, _FIELDS)
        except trace.Refused:
            continue
        raise RuntimeError(f"a faulty reward was accepted: {source}")
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        raise RuntimeError(f"the compiler has {len(threads)} threads; forking it would be unsafe")
    # Otherwise each child first collects garbage in all of torch, which takes 0.25 s and unshares pages.
    gc.collect()
    gc.freeze()


def _assess(requested: str, limits: jail.Limits) -> tuple[jail.Walls, dict[str, Any]]:
    """Choose the isolation level, and test in a child that forbidden actions fail."""
    reasons = {}
    for level in (STRICT, WITHOUT_LANDLOCK) if requested == "auto" else (requested,):
        walls = _WALLS[level]
        through = _canary(walls, limits, canary.ACTS)
        if walls.landlock and isinstance(through, list):
            alone = _canary(jail.Walls(seccomp=False), limits, canary.FILE_ACTS)
            through = alone if isinstance(alone, str) else through + [f"{act} behind Landlock alone" for act in alone]
        strict = level in (STRICT, WITHOUT_LANDLOCK)
        if not strict or through == []:
            abi = jail.landlock_abi() if walls.landlock else 0
            return walls, {"hello": level, "landlock": abi, "through": through if isinstance(through, list) else []}
        reasons[level] = through if isinstance(through, str) else "a confined process could " + ", ".join(through)
    return jail.Walls(), {"error": reasons[list(reasons)[-1]]}


def _canary(walls: jail.Walls, limits: jail.Limits, acts: dict[str, Callable[[], None]]) -> list[str] | str:
    """The actions that succeeded, or why the jail could not be built."""
    child = _fork(walls, limits, lambda _: json.dumps(canary.try_acts(acts)).encode())
    while time.monotonic() < child.deadline:
        if select.select([child.pipe], [], [], 0.1)[0] and not child.output.read(child.pipe):
            break
    _reap(child)
    output = child.output.head(limits.output)
    if output[:1] == b"=":
        return json.loads(output[1:])
    return output[1:].decode(errors="replace") or "a confined process died before it could report"


def _fork(
    walls: jail.Walls, limits: jail.Limits, work: Callable[[Any], bytes], prepare: Callable[[int], Any] | None = None
) -> Child:
    """Start a child that confines itself, runs `work` and writes its result: `=` and bytes, or `!` and a reason.

    The argument of `work` is the result of `prepare(pipe)`, which the child calls before it confines itself.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            out = writer
            try:
                given = prepare(writer) if prepare else None
                jail.confine(walls, limits, writer)
                out = jail.RESULT_FD
                output = b"=" + work(given)
            except OSError as error:
                output = f"!{error}".encode()
            except MemoryError:
                output = b"!out of memory"
            view = memoryview(output)
            while view:
                view = view[os.write(out, view) :]
        finally:
            os._exit(0)
    os.close(writer)
    return Child(pid, reader, time.monotonic() + limits.wall_seconds, Output(limits.output))


def _reap(child: Child) -> tuple[int, float]:
    """Kill a child and its group; returns its wait status and its CPU time in s."""
    os.close(child.pipe)
    for kill in (os.killpg, os.kill):
        try:
            kill(child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue  # already ended, or not yet its own group: the other call reaches it
    _, status, usage = os.wait4(child.pid, 0)
    return status, usage.ru_utime + usage.ru_stime


def _serve(walls: jail.Walls, limits: jail.Limits, trace: Any) -> None:
    """Answer requests until the input ends; each child reads its own before it confines itself."""
    running: dict[int, Child] = {}
    reading: int | None = None
    width = max(1, len(os.sched_getaffinity(0)))
    try:
        while True:
            left = min((c.deadline for c in running.values()), default=time.monotonic() + 3600) - time.monotonic()
            sources = [*running, 0] if reading is None and len(running) < width else [*running]
            ready, _, _ = select.select(sources, [], [], max(0.0, left))
            for source in ready:
                if source == 0:
                    child = _fork(walls, limits, lambda request: _compile(request, trace), _read_request)
                    running[child.pipe], reading = child, child.pipe
                    continue
                child = running[source]
                more = child.output.read(source)
                if source == reading:
                    number = child.output.line()
                    if number == b"":
                        return
                    if number is not None:
                        child.request, reading = int(number), None
                        child.deadline = time.monotonic() + limits.wall_seconds
                    elif not more:
                        raise RuntimeError("a child ended before it read its request")
                elif not more or child.output.full:
                    _finish(running.pop(source), limits)
            now = time.monotonic()
            for late in [pipe for pipe, c in running.items() if c.deadline < now and pipe != reading]:
                _finish(running.pop(late), limits)
    finally:
        for child in running.values():
            _reap(child)


def _read_request(pipe: int) -> Any:
    """In a child: read the next request and write its id to the parent; an empty line reports the end of the input."""
    head = _read_exactly(4)
    body = _read_exactly(struct.unpack("!I", head)[0]) if head else b""
    request = json.loads(body) if body else None
    os.write(pipe, b"%d\n" % request["id"] if request else b"\n")
    if request is None:
        os._exit(0)
    return request


def _read_exactly(size: int) -> bytes:
    """`size` bytes of the input; empty if it ends before."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(0, size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)


def _compile(request: Any, trace: Any) -> bytes:
    fields = {name: graph.Field(tuple(shape), dtype) for name, (shape, dtype) in request["fields"].items()}
    try:
        result = {"program": trace.compile_reward(request["source"], fields)}
    except trace.Refused as refusal:
        result = {"refused": str(refusal), "line": refusal.line}
    except RecursionError:
        result = {"refused": "the code recurses without end", "line": None}
    return json.dumps(result).encode()


def _finish(child: Child, limits: jail.Limits) -> None:
    """Send the answer for a child that has ended or reached a limit."""
    late = not _read_rest(child) and time.monotonic() > child.deadline
    status, seconds = _reap(child)
    output, answer = child.output, {"id": child.request}
    if output.full:
        _send(answer | {"refused": "the compiled program is too large; simplify the reward", "line": None})
    elif late:
        _send(answer | {"killed": f"compiling took more than {limits.wall_seconds:.0f} s"})
    elif output.head(1) == b"=":
        _send(answer | {"answered": True})
        output.send(_write)
    elif os.WIFEXITED(status) and not output:
        _send(answer | {"refused": "the reward ended the compiler process", "line": None})
    else:
        reason = output.head(200)[1:].decode(errors="replace")
        _send(answer | {"killed": _cause(status, seconds, reason, limits)})
    output.close()


def _read_rest(child: Child) -> bool:
    """Read the rest of the output; whether it is complete, so that the child is not blamed if we read late."""
    os.set_blocking(child.pipe, False)
    try:
        while child.output.read(child.pipe):
            if child.output.full:
                return False
    except BlockingIOError:
        return False
    return True


def _cause(status: int, seconds: float, reason: str, limits: jail.Limits) -> str:
    # The kernel's limit counts ticks, which on a busy machine exceed the CPU time used.
    if seconds > limits.cpu_seconds / 2 and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return f"compiling took more than {limits.cpu_seconds} s of CPU time"
    if "memory" in reason.lower():
        return f"compiling took more than {limits.memory >> 30} GiB of memory"
    if os.WIFSIGNALED(status):
        return f"the compiler's child died with signal {os.WTERMSIG(status)}"
    return _plain(reason)


def _plain(text: str) -> str:
    """Untrusted text without characters that could control a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _send(message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    _write(struct.pack("!I", len(data)) + data)


def _write(data: bytes | memoryview) -> None:
    sent = 0
    while sent < len(data):
        with memoryview(data)[sent:] as rest:
            sent += os.write(_ANSWERS, rest)


if __name__ == "__main__":
    # The orchestrator handles interrupts; it ends this program by closing the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        main(sys.argv[1], jail.Limits(**json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}")))
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # report to the orchestrator why there is no compiler
        traceback.print_exc()
        _send({"error": f"{type(error).__name__}: {error}"})
        sys.exit(1)
    os._exit(0)  # without the end of torch's modules, which takes 0.2 s
