"""What a compiler child does to itself before it touches a candidate's text. Irreversible, unprivileged, ctypes only.

Layer by layer, outermost first:

    descriptors  all closed but one pipe; standard streams lead to /dev/null
    limits       address space, processor time, file size, descriptors, core dumps (setrlimit)
    Landlock     every right the kernel knows is handled and none granted: files, TCP, signals, abstract sockets
    seccomp      an allow-list of 45 system calls; executable memory refused; wrong architecture kills

Seccomp carries the promise alone; Landlock repeats most of it independently.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
from dataclasses import dataclass

from .syscalls import ALLOWED, NOT_EXECUTABLE, Machine, this_machine

RESULT_FD = 3
"""The one descriptor that leads out of the jail."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LANDLOCK_VERSION_QUERY = 1
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many file rights an ABI knows; 16 from ABI 5 on."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER_AT, _ARCH_AT, _THIRD_ARGUMENT_AT = 0, 4, 32
_PROT_EXEC = 4
_X32_BIT = 0x40000000


@dataclass(frozen=True)
class Limits:
    """What a child may use up."""

    memory: int = 2 << 30
    """Bytes of address space beyond what the warm parent has."""
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    output: int = 4 << 20
    """Bytes of result; more is cut off and the child killed."""


@dataclass(frozen=True)
class Walls:
    """Which walls a child puts up."""

    seccomp: bool = True
    landlock: bool = True


def confine(walls: Walls, limits: Limits, result_fd: int) -> None:
    """Lock the calling process in; afterwards it can compute and write to RESULT_FD, and nothing else.

    Raises:
        OSError: a wall could not be put up.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if result_fd != RESULT_FD:
        os.dup2(result_fd, RESULT_FD)
    os.closerange(RESULT_FD + 1, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    os.environ.clear()
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _limit(limits)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot set NO_NEW_PRIVS")
    if walls.landlock:
        _landlock()
    if walls.seccomp:
        _seccomp()


def landlock_abi() -> int:
    """The Landlock version that the kernel offers, 0 for none."""
    try:
        return _syscall("landlock_create_ruleset", 0, 0, _LANDLOCK_VERSION_QUERY)
    except OSError:
        return 0


def _syscall(name: str, *arguments: int | ctypes.Array[ctypes.c_char]) -> int:
    machine = this_machine()
    if machine is None or name not in machine.numbers:
        raise OSError(errno.ENOSYS, f"{name} is not known on this machine")
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _libc.syscall(ctypes.c_long(machine.numbers[name]), *numbers)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return int(result)


def _limit(limits: Limits) -> None:
    with open("/proc/self/statm", encoding="ascii") as statm:
        present = int(statm.read().split()[0]) * resource.getpagesize()
    for what, amount in (
        (resource.RLIMIT_AS, present + limits.memory),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        _, hard = resource.getrlimit(what)
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (amount, amount))


def _landlock() -> None:
    """Handle every right this kernel's Landlock knows and grant none."""
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "Landlock is not available")
    files = (1 << _LANDLOCK_FILE_RIGHTS.get(abi, 16)) - 1
    tcp = 0b11 if abi >= 4 else 0  # bind and connect
    scopes = 0b11 if abi >= 6 else 0  # abstract unix sockets and signals
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", files, tcp, scopes)[:size], size)
    ruleset = _syscall("landlock_create_ruleset", attributes, size, 0)
    _syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _seccomp() -> None:
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, f"no system call table for {os.uname().machine}")
    program = filter_program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    argument = ctypes.create_string_buffer(header, len(header))
    _syscall("seccomp", _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, argument)


def filter_program(machine: Machine) -> bytes:
    """The allow-list as BPF: kill on a foreign architecture, allow what is listed, refuse the rest with EPERM."""
    code = [_bpf(_LOAD, _ARCH_AT), _bpf(_EQUAL, machine.audit_arch, 1, 0), _bpf(_RETURN, _KILL)]
    code.append(_bpf(_LOAD, _NUMBER_AT))
    if machine.has_x32:
        code += [_bpf(_AT_LEAST, _X32_BIT, 0, 1), _bpf(_RETURN, _KILL)]
    for name in NOT_EXECUTABLE:
        code += [
            _bpf(_EQUAL, machine.numbers[name], 0, 4),
            _bpf(_LOAD, _THIRD_ARGUMENT_AT),
            _bpf(_ANY_BIT, _PROT_EXEC, 0, 1),
            _bpf(_RETURN, _REFUSE),
            _bpf(_RETURN, _ALLOW),
        ]
    for name in ALLOWED:
        if name in machine.numbers:
            code += [_bpf(_EQUAL, machine.numbers[name], 0, 1), _bpf(_RETURN, _ALLOW)]
    code.append(_bpf(_RETURN, _REFUSE))
    return b"".join(code)


def _bpf(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, k)
