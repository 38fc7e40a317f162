"""The exceptions of this package.

EurekaError                 one sentence: what is wrong, where, what to do
├── UserError               invalid input: a name, a file, an option             exit code 2
│   ├── RunBusy             another process works on the run folder
│   ├── ModelRefused        a model server rejects the key, the model or the request, or is unreachable
│   └── BudgetSpent         the next model call could exceed a limit that the user set
└── EnvironmentFault        the machine or an installation is at fault           exit code 1
    ├── SandboxUnavailable  the jail could not be built, or a forbidden action succeeded in it
    ├── StorageFault        the run folder cannot be written (full disk, lost permission)
    ├── ModelFault          a model server failed or timed out, retries included
    └── WorkerFault         a worker process died repeatedly, and no candidate caused it

A candidate's failure is not an exception but a value, `eureka.runs.candidate.Failed`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class EurekaError(Exception):
    """Base of all errors that end a command with one sentence instead of a traceback."""

    exit_code = 1
    resume: Path | None = None
    """The run that can be resumed after the cause is removed."""


class UserError(EurekaError):
    """Invalid input from the user; the message states what is valid."""

    exit_code = 2


class RunBusy(UserError):
    """Another process holds the run folder's lock."""


class ModelRefused(UserError):
    """A model server rejects the request, or is unreachable."""


class BudgetSpent(UserError):
    """The budget for language models is spent, or could be by the next call."""


class EnvironmentFault(EurekaError):
    """The machine, the disk or an installed package is at fault."""


class SandboxUnavailable(EnvironmentFault):
    """The jail could not be built on this machine; the message names the cause and the option that accepts it."""


class StorageFault(EnvironmentFault):
    """The run folder cannot be written; the record so far is complete and can be resumed."""


class ModelFault(EnvironmentFault):
    """A model server failed or timed out, after all retries."""


class WorkerFault(EnvironmentFault):
    """The trainer or the compiler process died too often."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` if a known name is close to `name`, otherwise an empty string."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
