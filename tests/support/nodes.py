"""Several Ray nodes on this machine, in a process of their own that ends them whatever happens to the tests.

As a program: orders come in as JSON lines, answers go out, and the nodes end with the input.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PASSED = ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH")


class Nodes:
    """A cluster: a head that computes nothing, and nodes beside it."""

    def __init__(self) -> None:
        # Paths of Ray's sockets may not be long.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-test-", dir="/tmp"))
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        own = {name: str(self.folder) for name in ("HOME", "TMPDIR", "RAY_TMPDIR")}
        with (self.folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | own | {"RAY_USAGE_STATS_ENABLED": "0"},
                text=True,
                start_new_session=True,
            )
        try:
            self.address: str = self._ask({"head": True})
        except BaseException:
            self.close()
            raise

    def add(self, cpus: int, **environment: str) -> int:
        """One more node; the process number of its raylet."""
        return int(self._ask({"cpus": cpus, "environment": environment}))

    def lose(self, raylet: int) -> None:
        """A node's power fails: all its processes are killed."""
        for process in [raylet, *descendants(raylet)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        """End all of it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self._process.stdout.close()
        for process in [p for p in processes() if mentions(p, self.folder)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, order: dict) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, (self.folder / "log").read_text()
        return answer.strip()


def processes() -> Iterator[int]:
    """All process numbers of this machine."""
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def mentions(process: int, folder: Path) -> bool:
    """Whether a process is at work in `folder`: by its working folder, its command or its environment."""
    place, text = Path(f"/proc/{process}"), str(folder)
    try:
        said = place.joinpath("cmdline").read_bytes() + place.joinpath("environ").read_bytes()
        return text.encode() in said or str((place / "cwd").readlink()).startswith(text)
    except OSError:
        return False


def descendants(process: int) -> list[int]:
    """Its children, their children and so on."""
    parents = {}
    for p in processes():
        with contextlib.suppress(OSError):
            parents[p] = int(Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[1])
    found, fresh = [], [process]
    while fresh:
        fresh = [p for p, parent in parents.items() if parent in fresh]
        found += fresh
    return found


def ended(known: Iterable[int], within: float = 20.0) -> set[int]:
    """Those of some processes that are still there after so many s; none is what one hopes for."""
    left, deadline = set(known), time.monotonic() + within
    while left and time.monotonic() < deadline:
        left = {p for p in left if _state(p) not in ("", "Z")}
        time.sleep(0.1)
    return left


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _main() -> None:
    from ray._private.ray_constants import PROCESS_TYPE_RAYLET
    from ray.cluster_utils import Cluster

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cluster = Cluster()
    for line in sys.stdin:
        order = json.loads(line)
        if "head" in order:
            cluster.add_node(num_cpus=0, include_dashboard=False)
            answer = cluster.address
        else:
            node = cluster.add_node(num_cpus=order["cpus"], env_vars=order["environment"])
            answer = node.all_processes[PROCESS_TYPE_RAYLET][0].process.pid
        print(answer, file=out, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    _main()


def trainers(nodes: Nodes) -> set[int]:
    """Trainer processes on the nodes."""
    return {p for p in processes() if mentions(p, nodes.folder) and b"eureka.trainer.service" in command(p)}


def command(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
