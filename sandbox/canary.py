"""Forbidden actions that a real child of the compiler tries at start-up, so version numbers need not be trusted."""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import threading
from collections.abc import Callable

from .syscalls import this_machine


def _read_a_file() -> None:
    os.close(os.open("/etc/passwd", os.O_RDONLY))


def _list_a_folder() -> None:
    os.listdir("/")


def _create_a_file() -> None:
    path = f"/tmp/eureka-canary-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.unlink(path)


def _open_a_tcp_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _open_a_unix_socket() -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _start_a_thread() -> None:
    threading.Thread(target=int).start()


def _signal_the_parent() -> None:
    os.kill(os.getppid(), 0)


def _run_a_program() -> None:
    # fails with ENOENT where it is allowed, so the child can still report
    try:
        os.execv("/nonexistent", ["/nonexistent"])
    except FileNotFoundError:
        return


def _map_executable_memory() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _make_an_anonymous_file() -> None:
    _raw("memfd_create", b"canary", 0)


def _set_up_io_uring() -> None:
    _raw("io_uring_setup", 1, b"\0" * 128)


def _take_4_gib() -> None:
    mmap.mmap(-1, 4 << 30).close()


def _raw(name: str, *arguments: object) -> None:
    machine = this_machine()
    if machine is None:
        raise OSError
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(machine.numbers[name], *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno())
    os.close(result)


FILE_ACTS: dict[str, Callable[[], None]] = {
    "read a file": _read_a_file,
    "list a folder": _list_a_folder,
    "create a file": _create_a_file,
}
"""Actions that Landlock alone must block."""

ACTS: dict[str, Callable[[], None]] = FILE_ACTS | {
    "open a TCP socket": _open_a_tcp_socket,
    "open a unix socket": _open_a_unix_socket,
    "start a process": _fork,
    "start a thread": _start_a_thread,
    "signal another process": _signal_the_parent,
    "run a program": _run_a_program,
    "map executable memory": _map_executable_memory,
    "make an anonymous file": _make_an_anonymous_file,
    "set up io_uring": _set_up_io_uring,
    "take 4 GiB of memory": _take_4_gib,
}
"""Actions that the whole jail must block."""


def try_acts(acts: dict[str, Callable[[], None]]) -> list[str]:
    """Try each action; returns the names of those that succeeded."""
    through = []
    for name, act in acts.items():
        try:
            act()
        except (OSError, RuntimeError, MemoryError, ValueError):
            continue
        through.append(name)
    return through
