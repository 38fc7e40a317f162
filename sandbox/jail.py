"""Confinement that a compiler child applies to itself before it reads a candidate's text.

It is irreversible, needs no privileges and uses ctypes only. The layers, outermost first:

    descriptors  all closed except one pipe; standard streams are /dev/null
    privileges   no new ones by exec, and none of root's (capabilities)
    limits       address space, CPU time, file size, descriptors, core dumps (setrlimit)
    Landlock     all rights that the kernel knows are handled, none granted: files, TCP, signals, abstract sockets
    seccomp      an allow-list of 45 system calls; executable memory refused; wrong architecture kills

Seccomp alone is sufficient; Landlock independently repeats most of it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .syscalls import ALLOWED, FCNTL, NOT_EXECUTABLE, Machine, this_machine

RESULT_FD = 3
"""The only open descriptor in the jail."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LANDLOCK_VERSION_QUERY, _LANDLOCK_PATH_BENEATH = 1, 1
_CAPABILITY_VERSION = 0x20080522
RIGHT_TO_WRITE = 1 << 1
RIGHTS_TO_CHANGE = 0xFFFF & ~0b1101
"""Landlock rights on files: to write to one; and all that change anything: all but execute and the two to read."""
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of file rights by ABI version; 16 from ABI 5."""

LOAD, EQUAL, _AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, _KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
NOT_THERE = 0x00050000 | errno.ENOSYS
_NUMBER_AT, _ARCH_AT, FIRST_ARGUMENT_AT, SECOND_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 16, 24, 32
_PROT_EXEC = 4
_X32_BIT = 0x40000000


@dataclass(frozen=True)
class Limits:
    """Resource limits of a child."""

    memory: int = 2 << 30
    """Bytes of address space in addition to the parent's."""
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    output: int = 4 << 20
    """Bytes of output; a child that writes more is killed."""


@dataclass(frozen=True)
class Walls:
    """The mechanisms that confine a child."""

    seccomp: bool = True
    landlock: bool = True


def confine(walls: Walls, limits: Limits, result_fd: int) -> None:
    """Confine the calling process: afterwards it can only compute and write to RESULT_FD.

    Raises:
        OSError: a mechanism failed.
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
    no_new_privileges()
    drop_capabilities()
    if walls.landlock:
        landlock()
    if walls.seccomp:
        install(filter_program(known_machine()))


def landlock_abi() -> int:
    """The Landlock ABI version of the kernel, 0 for none."""
    try:
        return _syscall("landlock_create_ruleset", 0, 0, _LANDLOCK_VERSION_QUERY)
    except OSError:
        return 0


def _syscall(name: str, *arguments: int | ctypes.Array[ctypes.c_char]) -> int:
    machine = known_machine()
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


def landlock(handled: int = 0xFFFF, writable: Sequence[str] = (), devices: Sequence[str] = ()) -> None:
    """Handle the rights that this kernel's Landlock knows, and grant file rights only below the given paths.

    Args:
        handled: bits of file rights to handle; those unknown to the kernel are dropped.
        writable: folders in which all of these rights are granted.
        devices: files that may be written to.

    Raises:
        OSError: Landlock is not available.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "Landlock is not available")
    files = handled & ((1 << _LANDLOCK_FILE_RIGHTS.get(abi, 16)) - 1)
    tcp = 0b11 if abi >= 4 else 0  # bind and connect
    scopes = 0b11 if abi >= 6 else 0  # abstract unix sockets and signals
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", files, tcp, scopes)[:size], size)
    ruleset = _syscall("landlock_create_ruleset", attributes, size, 0)
    for places, rights in ((writable, files), (devices, files & RIGHT_TO_WRITE)):
        for place in places:
            beneath = os.open(place, os.O_PATH | os.O_CLOEXEC)
            rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, beneath), 12)
            _syscall("landlock_add_rule", ruleset, _LANDLOCK_PATH_BENEATH, rule, 0)
            os.close(beneath)
    _syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def install(program: bytes) -> None:
    """Install a seccomp filter on every thread of this process, irrevocably.

    Raises:
        OSError: the kernel rejects it.
    """
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    argument = ctypes.create_string_buffer(header, len(header))
    _syscall("seccomp", _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, argument)


def no_new_privileges() -> None:
    """Set NO_NEW_PRIVS, which the kernel requires of an unprivileged process that confines itself."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot set NO_NEW_PRIVS")


def drop_capabilities(kept: int = 0) -> None:
    """Drop all capabilities except those in the bits of `kept`."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0), 8)
    now = ctypes.create_string_buffer(24)
    _syscall("capget", header, now)
    effective, permitted, *_ = struct.unpack("=6I", now.raw)
    data = struct.pack("=6I", effective & kept, permitted & kept, 0, 0, 0, 0)
    _syscall("capset", header, ctypes.create_string_buffer(data, 24))


def known_machine() -> Machine:
    """The system call table of this machine.

    Raises:
        OSError: the machine is not supported.
    """
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, f"no system call table for {os.uname().machine}")
    return machine


def only_native(machine: Machine) -> list[bytes]:
    """The start of every filter: kill on calls of other architectures, then load the call number."""
    code = [bpf(LOAD, _ARCH_AT), bpf(EQUAL, machine.audit_arch, 1, 0), bpf(RETURN, _KILL), bpf(LOAD, _NUMBER_AT)]
    if machine.has_x32:
        code += [bpf(_AT_LEAST, _X32_BIT, 0, 1), bpf(RETURN, _KILL)]
    return code


def filter_program(machine: Machine) -> bytes:
    """The allow-list as BPF: kill on another architecture, allow listed calls, refuse the rest with EPERM."""
    code = only_native(machine)
    for name in NOT_EXECUTABLE:
        code += [
            bpf(EQUAL, machine.numbers[name], 0, 4),
            bpf(LOAD, _THIRD_ARGUMENT_AT),
            bpf(ANY_BIT, _PROT_EXEC, 0, 1),
            bpf(RETURN, REFUSE),
            bpf(RETURN, ALLOW),
        ]
    commands = [bpf(EQUAL, command, len(FCNTL) - i, 0) for i, command in enumerate(FCNTL)]
    code += [bpf(EQUAL, machine.numbers["fcntl"], 0, len(FCNTL) + 3), bpf(LOAD, SECOND_ARGUMENT_AT)]
    code += [*commands, bpf(RETURN, REFUSE), bpf(RETURN, ALLOW)]
    for name in ALLOWED:
        if name in machine.numbers:
            code += [bpf(EQUAL, machine.numbers[name], 0, 1), bpf(RETURN, ALLOW)]
    code.append(bpf(RETURN, REFUSE))
    return b"".join(code)


def bpf(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One filter instruction; `if_true` and `if_false` are the numbers of instructions to skip."""
    return struct.pack("HBBI", code, if_true, if_false, k)
