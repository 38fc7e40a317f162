"""System call numbers, for the two machines that the jail knows.

x86-64 from arch/x86/entry/syscalls/syscall_64.tbl, arm64 from include/uapi/asm-generic/unistd.h; a test holds both
against the kernel's headers where they are installed.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

ALLOWED = (
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "exit",
    "exit_group",
    "fcntl",
    "fstat",
    "futex",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getrandom",
    "getrusage",
    "gettid",
    "getuid",
    "lseek",
    "madvise",
    "membarrier",
    "mremap",
    "munmap",
    "nanosleep",
    "poll",
    "ppoll",
    "pread64",
    "read",
    "readv",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "sigaltstack",
    "sysinfo",
    "time",
    "uname",
    "write",
    "writev",
)
"""What tracing a reward needs. None of these takes a path, makes a socket, a process or a thread, or signals one."""

NOT_EXECUTABLE = ("mmap", "mprotect")
"""Allowed too, as long as they do not ask for executable memory."""

_X86_64 = {
    "read": 0,
    "write": 1,
    "close": 3,
    "fstat": 5,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "readv": 19,
    "writev": 20,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "nanosleep": 35,
    "getpid": 39,
    "exit": 60,
    "uname": 63,
    "fcntl": 72,
    "getrusage": 98,
    "sysinfo": 99,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "sigaltstack": 131,
    "gettid": 186,
    "time": 201,
    "futex": 202,
    "sched_getaffinity": 204,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "ppoll": 271,
    "set_robust_list": 273,
    "getcpu": 309,
    "seccomp": 317,
    "getrandom": 318,
    "memfd_create": 319,
    "membarrier": 324,
    "rseq": 334,
    "io_uring_setup": 425,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
_ARM64 = {
    "fcntl": 25,
    "close": 57,
    "lseek": 62,
    "read": 63,
    "write": 64,
    "readv": 65,
    "writev": 66,
    "pread64": 67,
    "ppoll": 73,
    "fstat": 80,
    "exit": 93,
    "exit_group": 94,
    "futex": 98,
    "set_robust_list": 99,
    "nanosleep": 101,
    "clock_gettime": 113,
    "clock_getres": 114,
    "clock_nanosleep": 115,
    "sched_getaffinity": 123,
    "sched_yield": 124,
    "sigaltstack": 132,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "rt_sigreturn": 139,
    "uname": 160,
    "getrusage": 165,
    "getcpu": 168,
    "getpid": 172,
    "getuid": 174,
    "geteuid": 175,
    "getgid": 176,
    "getegid": 177,
    "gettid": 178,
    "sysinfo": 179,
    "brk": 214,
    "munmap": 215,
    "mremap": 216,
    "mmap": 222,
    "mprotect": 226,
    "madvise": 233,
    "seccomp": 277,
    "getrandom": 278,
    "memfd_create": 279,
    "membarrier": 283,
    "rseq": 293,
    "io_uring_setup": 425,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


@dataclass(frozen=True)
class Machine:
    """What a seccomp filter must know of a processor."""

    audit_arch: int
    """AUDIT_ARCH_*, from linux/audit.h."""
    numbers: dict[str, int]
    """System call numbers by name; one that the architecture lacks is absent."""
    has_x32: bool = False
    """Whether numbers from 0x40000000 reach a second table, which must be closed."""


MACHINES = {
    "x86_64": Machine(0xC000003E, _X86_64, has_x32=True),
    "aarch64": Machine(0xC00000B7, _ARM64),
}


def this_machine() -> Machine | None:
    """The present one, None if the jail does not know it."""
    return MACHINES.get(platform.machine())
