"""What the attacks are after, and the looking at what was done to it: decoys, listeners, files, processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eureka.system.paths import shipped

KEY = "OPENAI_API_KEY"
"""The variable that holds the decoy key, in the runner's environment from its exec on."""
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
LONGEST_MESSAGE = 700
_SIGNALS = (signal.SIGURG, signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO)
_SHARED_MEMORY = ("torch_", "psm_", "sem.")
_PRELUDE = """
def breach(evidence):
    import json, os
    text = json.dumps({{"refused": f"BREACH {mark} {{evidence}}"}})
    os.write(3, b"=" + text.encode())
    os._exit(0)
"""


def printable(message: str) -> bool:
    """Whether a message may be shown to people and put in a prompt: one line, short, no control characters."""
    return message.isprintable() and len(message) <= LONGEST_MESSAGE


class Bait:
    """A folder with decoys and a copy of the compiler's code, and four listeners, all of them only for one pass.

    The compiler runs from a copy so that an attack that gets through, as all do when the walls are down, spoils that.
    """

    def __init__(self, parent: Path):
        self.mark = f"eureka-red-{secrets.token_hex(6)}"
        self.tokens = {"the secret file": f"decoy-{secrets.token_hex(16)}", "the API key": os.environ[KEY]}
        self.rival = f"rival_{secrets.token_hex(16)}"
        """A word in the text and in the program of another candidate, compiled before and beside each attack."""
        self.tokens["another candidate's reward"] = self.rival
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.mark}-", dir=parent))
        self.folder.chmod(0o755)
        self.secret, self.victim = self.folder / "secret", self.folder / "victim"
        self.secret.write_text(self.tokens["the secret file"])
        self.code = self.folder / "code" / "sandbox"
        shutil.copytree(shipped("sandbox"), self.code, ignore=shutil.ignore_patterns("attacks", "__pycache__"))
        self._lay_out()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.unix.bind(str(self.folder / "listener"))
        (self.folder / "listener").chmod(0o777)
        self.abstract.bind(f"\0{self.mark}")
        self._listeners = {"TCP": self.tcp, "UDP": self.udp, "a unix socket": self.unix, "an abstract": self.abstract}
        for kind, listener in self._listeners.items():
            listener.setblocking(False)
            if kind != "UDP":
                listener.listen()
        self.spoiled = False
        """Whether the compiler's code is no longer what it was, so that another bait is needed."""
        self._signalled: list[int] = []
        for number in _SIGNALS:
            signal.signal(number, lambda number, _: self._signalled.append(number))
        self.remember()

    def _lay_out(self) -> None:
        for name in ("victim", "scratch", "home"):
            folder = self.folder / name
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                folder.unlink()
            folder.mkdir()
            folder.chmod(0o777)
        for name, content in (("events.jsonl", '{"event": "started"}\n'), ("result.json", '{"fitness": 0.5}\n')):
            (self.victim / name).write_text(content)
        (self.victim / "policy.safetensors").write_bytes(bytes(range(256)))
        for file in self.victim.iterdir():
            file.chmod(0o666)

    def environment(self) -> dict[str, str]:
        """Where a compiler's temporary files and home are, so that what is new there is known to be its doing."""
        return {"TMPDIR": str(self.folder / "scratch"), "HOME": str(self.folder / "home")}

    def prelude(self) -> str:
        """The names that stand before an attack's text."""
        names = {
            "SECRET": str(self.secret),
            "VICTIM": str(self.victim),
            "PORT": self.port,
            "UNIX": str(self.folder / "listener"),
            "ABSTRACT": f"\0{self.mark}",
            "ORCHESTRATOR": os.getpid(),
            "MARK": self.mark,
        }
        return "".join(f"{k} = {v!r}\n" for k, v in names.items()) + _PRELUDE.format(mark=self.mark)

    def found_in(self, data: bytes) -> Iterator[str]:
        """Whose tokens are in `data`."""
        for owner, token in self.tokens.items():
            if token.encode() in data:
                yield owner

    def remember(self) -> None:
        """From here on, whatever differs was done by an attack."""
        self._files, self._outside, self._ipc = _files(self.folder), _outside(self.mark), _system_v()

    def done(self) -> list[str]:
        """What was done since the last call; then everything is as before, if it can be."""
        effects = [*self._contacts(), *(f"sent signal {n} to the orchestrator" for n in self._signalled[:1])]
        self._signalled.clear()
        now, before = _files(self.folder), self._files
        changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        if changed:
            effects.append(f"made, changed or removed {', '.join(changed[:5])}")
        for name in changed:
            with contextlib.suppress(OSError):
                path = self.folder / name
                data = path.read_bytes() if path.is_file() else b""
                effects += [f"{owner} is in the file {name}" for owner in self.found_in(data)]
        if new := _outside(self.mark) - self._outside:
            effects.append(f"left {', '.join(sorted(new)[:5])}")
            for name in new:
                if self.mark in name:
                    shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()
        if new := _system_v() - self._ipc:
            effects.append(f"left System V objects: {'; '.join(sorted(new)[:3])}")
        if changed:
            self.spoiled |= any(name.startswith("code") for name in changed)
            self._lay_out()
        if effects:
            self.remember()
        return effects

    def _contacts(self) -> Iterator[str]:
        for kind, listener in self._listeners.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    if kind == "UDP":
                        data = listener.recv(1 << 16)
                    else:
                        connection, _ = listener.accept()
                        with connection:
                            connection.settimeout(0.2)
                            with contextlib.suppress(OSError):
                                data = b""
                                data = connection.recv(1 << 16)
                    yield f"reached the listener on {kind}"
                    for owner in self.found_in(data):
                        yield f"sent {owner} over {kind}"

    def close(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _files(folder: Path) -> dict[str, tuple]:
    """All there is to know of each file below `folder`; ctime moves with any change of content or attributes."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        try:
            s = path.lstat()
            content = hashlib.sha256(path.read_bytes()).digest() if stat.S_ISREG(s.st_mode) else b""
            link = str(path.readlink()) if stat.S_ISLNK(s.st_mode) else ""
        except OSError as error:
            found[str(path.relative_to(folder))] = (error.errno,)
            continue
        owner = (s.st_ino, s.st_mode, s.st_uid, s.st_gid, s.st_nlink)
        found[str(path.relative_to(folder))] = (*owner, s.st_ctime_ns, content, link)
    return found


def _outside(mark: str) -> set[str]:
    """What in the machine's temporary folders could be the work of a candidate."""
    found = set()
    for folder in TEMPORARY:
        for name in os.listdir(folder):
            path = Path(folder, name)
            with contextlib.suppress(OSError):
                shared = folder == "/dev/shm" and name.startswith(_SHARED_MEMORY) and path.stat().st_uid == os.getuid()
                if mark in name or name.startswith("eureka-canary") or shared:
                    found.add(str(path))
    return found


def _system_v() -> set[str]:
    """System V shared memory, semaphores and queues of this user."""
    found = set()
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            names, *rows = (line.split() for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines())
            creator = names.index("cuid")
            found |= {f"{kind} {row[1]} with key {row[0]}" for row in rows if row[creator] == str(os.getuid())}
    return found


def descendants(pid: int) -> set[int]:
    """All processes below `pid`, dead ones that nobody waited for included."""
    below: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                below |= {child} | descendants(child)
    return below


def condition(pid: int) -> dict[str, object]:
    """What another process could change of the process `pid`."""
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    limits = {n: resource.prlimit(pid, getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")}
    descriptors, cwd = {}, ""
    with contextlib.suppress(PermissionError):  # it may have been made one that nobody may look into: a change, too
        cwd = str((folder / "cwd").readlink())
        for link in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                descriptors[link.name] = str(link.readlink())
    return {
        "its limits": limits,
        "its priority": (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid)),
        "its processors": os.sched_getaffinity(pid),
        "its chance of being killed": (folder / "oom_score_adj").read_text(),
        "its folder": cwd,
        "its name": (folder / "comm").read_text() + (folder / "cmdline").read_text(),
        "its session": (os.getsid(pid), os.getpgid(pid)),
        "its signals": (status["SigIgn"], status["SigCgt"]),
        "its tracer": status["TracerPid"],
        "its threads": status["Threads"],
        "its descriptors": descriptors,
    }
