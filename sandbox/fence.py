"""The trainer's own confinement: a program that fences itself in, tries the fence, and goes on as another.

Started as `python fence.py FOLDER[:FOLDER...] MODULE [ARGUMENTS]`; MODULE runs as `python -m` would run it. Without
one, it says what the fence is made of, or `!` and why there is none. The trainer executes no candidate's text, only
checked programs and the user's own task, so this is a second line: for the day when one of the allowed tensor
operations has a bug that chosen arguments can reach. It may read what the user may read, and

    change files   in these folders alone (Landlock), and no owner or attribute of any (seccomp)
    network        none (seccomp; TCP by Landlock again)
    others         no signal to or tracing of another process (both), nor its memory or environment (Landlock)
    kernel         no io_uring, bpf, keyrings, namespaces, mounts, modules (seccomp)

Threads, processes and executable memory stay allowed: compiled programs need them. They inherit the fence.
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
"""Environment variable in which the program that goes on finds what the fence is made of, or why there is none."""
_KEPT = 0b1110
"""Of root's capabilities, those over the files that it may open: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER."""
_DEVICES = ("/dev/null",)


def program(machine: Machine, process: int) -> bytes:
    """The deny-list as BPF, for a process of this number."""
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
    # Its flags are in memory, where no filter sees them; the C library then takes clone.
    code += [bpf(EQUAL, machine.numbers["clone3"], 0, 1), bpf(RETURN, NOT_THERE)]
    code.append(bpf(RETURN, ALLOW))
    return b"".join(code)


def fence(folders: Sequence[str]) -> str:
    """Confine this process for ever, to changing files in `folders` alone; what the fence is made of.

    Raises:
        OSError: it cannot be put up.
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
"""What Landlock must stop."""
_ALWAYS: dict[str, Callable[[], None]] = {
    "open a socket": _open_a_socket,
    "signal its parent": _signal_the_parent,
    "trace its parent": _trace_the_parent,
}
"""What seccomp must stop."""


def holes(with_landlock: bool) -> list[str]:
    """The forbidden acts that got through."""
    through = []
    for name, act in (_ALWAYS | (_FILES if with_landlock else {})).items():
        try:
            act()
        except OSError:
            continue
        through.append(name)
    return through


def main(folders: str, module: str = "", *arguments: str) -> None:
    """Put the fence up, try it, and go on as `module`."""
    try:
        walls = fence(folders.split(os.pathsep))
        through = holes("landlock" in walls)
        os.environ[FENCE] = walls if not through else f"!a confined trainer could {', '.join(through)}"
    except OSError as error:
        os.environ[FENCE] = f"!{error}"
    if not module:
        print(os.environ[FENCE])
        return
    sys.argv = [module, *arguments]
    sys.path.pop(0)  # what we put there is not for what comes
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(*sys.argv[1:])
