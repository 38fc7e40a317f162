"""Confinement of the trainer: restricts its own process, tests the restrictions, then runs a Python module.

Started as `python fence.py FOLDER[:FOLDER...] MODULE [ARGUMENTS]`; MODULE runs as with `python -m`. Without MODULE it
prints the active mechanisms, or `!` and the reason why there are none. The trainer never runs a candidate's text, only
checked programs and the user's own task. The fence is a second line of defence, in case an allowed tensor operation has
an exploitable bug. The process can read what the user can read. Its other rights:

    files          writes in the given folders only (Landlock); no change of owner or attributes (seccomp)
    network        none (seccomp; TCP also by Landlock)
    processes      no signals to or tracing of others (both), no access to their memory or environment (Landlock)
    kernel         no io_uring, bpf, keyrings, namespaces, mounts, modules (seccomp)

Threads, processes and executable memory stay allowed, because compiled programs need them. They inherit the fence.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox.jail import (
    ALLOW,
    ANY_BIT,
    EQUAL,
    FIRST_ARGUMENT_AT,
    LOAD,
    NOT_THERE,
    REFUSE,
    RETURN,
    RIGHTS_TO_CHANGE,
    SECOND_ARGUMENT_AT,
    bpf,
    drop_capabilities,
    install,
    known_machine,
    landlock,
    landlock_abi,
    no_new_privileges,
    only_native,
)
from sandbox.syscalls import COMMANDS_FENCED, FENCED, NAMESPACES, OWN_ONLY, Machine

FENCE = "EUREKA_FENCE"
"""Environment variable that tells MODULE the active mechanisms, or `!` and why there are none."""
_KEPT = 0b1110
"""Capabilities of root that stay, for file access: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER."""
_DEVICES = ("/dev/null",)


def program(machine: Machine, process: int) -> bytes:
    """The deny-list as BPF for the process with the id `process`."""
    code = only_native(machine)
    for name in FENCED:
        if name in machine.numbers:
            code += [bpf(EQUAL, machine.numbers[name], 0, 1), bpf(RETURN, REFUSE)]
    for name in OWN_ONLY:
        code += [bpf(EQUAL, machine.numbers[name], 0, 5), bpf(LOAD, FIRST_ARGUMENT_AT)]
        code += [bpf(EQUAL, process, 2, 0), bpf(EQUAL, 0 if name == "prlimit64" else process, 1, 0)]
        code += [bpf(RETURN, REFUSE), bpf(RETURN, ALLOW)]
    for name, commands in COMMANDS_FENCED.items():
        forbidden = [bpf(EQUAL, command, len(commands) - i, 0) for i, command in enumerate(commands)]
        code += [bpf(EQUAL, machine.numbers[name], 0, len(commands) + 3), bpf(LOAD, SECOND_ARGUMENT_AT)]
        code += [*forbidden, bpf(RETURN, ALLOW), bpf(RETURN, REFUSE)]
    code += [bpf(EQUAL, machine.numbers["clone"], 0, 4), bpf(LOAD, FIRST_ARGUMENT_AT)]
    code += [bpf(ANY_BIT, NAMESPACES, 0, 1), bpf(RETURN, REFUSE), bpf(RETURN, ALLOW)]
    # clone3 has its flags in memory, which filters cannot read; the C library falls back to clone.
    code += [bpf(EQUAL, machine.numbers["clone3"], 0, 1), bpf(RETURN, NOT_THERE)]
    code.append(bpf(RETURN, ALLOW))
    return b"".join(code)


def fence(folders: Sequence[str]) -> str:
    """Restrict this process irrevocably, with writes in `folders` only; returns the active mechanisms.

    Raises:
        OSError: a mechanism failed.
    """
    machine = known_machine()
    no_new_privileges()
    drop_capabilities(_KEPT)
    walls = ["seccomp"]
    if landlock_abi():
        landlock(RIGHTS_TO_CHANGE, writable=folders, devices=_DEVICES)
        walls.append(f"landlock {landlock_abi()}")
    install(program(machine, os.getpid()))
    return ", ".join(walls)


def _create_a_file() -> None:
    path = f"/tmp/eureka-canary-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.unlink(path)


def _write_to_a_file() -> None:
    os.close(os.open(__file__, os.O_WRONLY))


def _open_a_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()


def _signal_the_parent() -> None:
    os.kill(os.getppid(), 0)


def _read_the_parents_environment() -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


def _trace_the_parent() -> None:
    seize = 0x4206
    if ctypes.CDLL(None, use_errno=True).ptrace(seize, os.getppid(), 0, 0):
        raise OSError(ctypes.get_errno(), "ptrace")


_FILES: dict[str, Callable[[], None]] = {
    "create a file": _create_a_file,
    "open a file for writing": _write_to_a_file,
    "read its parent's environment": _read_the_parents_environment,
}
"""Actions that Landlock must block."""
_ALWAYS: dict[str, Callable[[], None]] = {
    "open a socket": _open_a_socket,
    "signal its parent": _signal_the_parent,
    "trace its parent": _trace_the_parent,
}
"""Actions that seccomp must block."""


def try_acts(with_landlock: bool) -> list[str]:
    """Try each forbidden action; returns the names of those that succeeded."""
    through = []
    for name, act in (_ALWAYS | (_FILES if with_landlock else {})).items():
        try:
            act()
        except OSError:
            continue
        through.append(name)
    return through


def main(folders: str, module: str = "", *arguments: str) -> None:
    """Set up and test the fence, then run `module`."""
    try:
        walls = fence(folders.split(os.pathsep))
        through = try_acts("landlock" in walls)
        os.environ[FENCE] = walls if not through else f"!a confined trainer could {', '.join(through)}"
    except OSError as error:
        os.environ[FENCE] = f"!{error}"
    if not module:
        print(os.environ[FENCE])
        return
    sys.argv = [module, *arguments]
    sys.path.pop(0)  # the entry added above is not for `module`
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(*sys.argv[1:])
