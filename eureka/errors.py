"""What can go wrong outside a candidate, as a tree.

EurekaError                 one sentence: what is wrong, where, what to do
├── UserError               the user can mend it: a name, a file, an option      exit code 2
│   ├── RunBusy             another process works on the run folder
│   ├── ModelRefused        a language model's server refuses the key, the model or the request, or is not there
│   └── BudgetSpent         the next call of a language model could pass a limit that the user set
└── EnvironmentFault        the machine or an installation is at fault           exit code 1
    ├── SandboxUnavailable  the jail could not be built, or a forbidden act got through
    ├── StorageFault        the run folder cannot be written (full disk, lost permission)
    ├── ModelFault          a language model's server failed or was silent, retries included
    └── WorkerFault         a helper process died again and again through no candidate's fault

A candidate's failure is none of these: it is a value, `eureka.runs.candidate.Failed`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class EurekaError(Exception):
    """Base of all errors that end a command with one sentence instead of a traceback."""

    exit_code = 1
    resume: Path | None = None
    """The run to go on with when the cause is gone, if it has one worth going on with."""


class UserError(EurekaError):
    """Something the user gave is wrong; the message says what to give instead."""

    exit_code = 2


class RunBusy(UserError):
    """Another process holds the run folder's lock."""


class ModelRefused(UserError):
    """A language model's server refuses what it was given, or nothing answers at its address."""


class BudgetSpent(UserError):
    """What a language model may cost is spent, or could be by the next call."""


class EnvironmentFault(EurekaError):
    """The machine, the disk or an installed package is at fault."""


class SandboxUnavailable(EnvironmentFault):
    """The jail could not be built on this machine; names the act that got through and what accepts it."""


class StorageFault(EnvironmentFault):
    """The run folder cannot be written; what was recorded before is whole and can be resumed."""


class ModelFault(EnvironmentFault):
    """A language model's server failed or gave no answer in time, after all retries."""


class WorkerFault(EnvironmentFault):
    """The trainer or the compiler cannot be kept alive."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` when a known name is close to `name`, else an empty string."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
