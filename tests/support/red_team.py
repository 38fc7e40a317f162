"""Runs the red team's corpus against the real compiler and looks at what the attacks did.

    python tests/support/red_team.py [--once] [--only CATEGORY[/NAME]] [--walls LEVEL] [--user root|nobody]

Without arguments: everything twice under `strict`, as root and as an ordinary user, then once with walls taken down
on purpose, where attacks must get through: otherwise none of this could fail. The exit status is 0 only if all is as
it should be.

The runner plays the orchestrator: a decoy API key is in its environment from its exec on, and so in its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.bait import KEY  # noqa: E402
from support.corpus import STANDING, Attack, corpus  # noqa: E402
from support.firing_range import Range, Result, Unavailable  # noqa: E402
from support.interpreter import NOBODY, interpreter_for_nobody  # noqa: E402

_SCOPED = 6
"""The first Landlock version that knows signals and abstract sockets; with older ones its claims are not all kept."""

HARDENING = {
    "kernel/yama/ptrace_scope": 0,
    "kernel/unprivileged_userns_clone": 1,
    "kernel/apparmor_restrict_unprivileged_userns": 0,
    "kernel/io_uring_disabled": 0,
    "kernel/perf_event_paranoid": 2,
}
"""Settings that make attacks void even with the walls down, and what they are where nobody hardened anything."""


@dataclass
class Pass:
    """The corpus against one level once."""

    level: str
    title: str = ""
    results: list[Result] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """As JSON."""
        attacks = [
            {
                "attack": f"{r.attack.category}/{r.attack.name}",
                "seconds": round(r.seconds, 3),
                "outcome": r.outcome,
                "breaches": r.breaches,
            }
            for r in self.results
        ]
        return {"level": self.level, "title": self.title, "attacks": attacks, "failures": self.failures}


def run_pass(attacks: Sequence[Attack], level: str, folder: Path) -> Pass:
    """Throw `attacks` at the compiler at `level`, and judge what they did by what they may do there."""
    one = Pass(level)
    try:
        target = Range(level, folder)
    except Unavailable as reason:
        missing = "Landlock is not available" in str(reason)
        (one.notes if missing else one.failures).append(f"not run: {plain(str(reason))}")
        return one
    firm = level != "landlock-alone" or target.landlock >= _SCOPED
    try:
        for attack in attacks:
            if attack.is_run_at(level):
                result = target.attempt(attack)
                if not result.breaches and attack.must_get_through(level):
                    target.renew()  # one before it may have changed the compiler in a way that nobody saw
                    result = target.attempt(attack)
                one.results.append(result)
                assess(one, result, firm)
    finally:
        one.failures += [f"at the end: {problem}" for problem in target.close()]
    return one


def assess(one: Pass, result: Result, firm: bool) -> None:
    attack, evidence = result.attack, plain("; ".join(result.breaches), 400)
    line = f"{attack.path}: {plain(attack.tries)}\n      {evidence or plain(result.outcome, 200)}"
    if attack.must_be_contained(one.level):
        if result.breaches:
            (one.failures if firm else one.notes).append(f"GOT THROUGH  {line}")
    elif result.breaches:
        if one.level == "landlock-alone":
            one.notes.append(f"not Landlock's business: {attack.category}/{attack.name}")
    elif attack.must_get_through(one.level):
        if one.level == "none":
            (one.failures if _plain_kernel() else one.notes).append(f"DID NOTHING with the walls down  {line}")
        else:
            one.notes.append(f"stopped though its walls line does not say so: {attack.category}/{attack.name}")


def _plain_kernel() -> bool:
    """Whether this machine lets an ordinary user do what kernels do unless they are told otherwise.

    Elsewhere some attacks are void for reasons that are not ours; and as root many are, since a child gives up root's
    capabilities at every level, without which root may not touch the compiler, which has them.
    """
    for setting, usual in HARDENING.items():
        file = Path("/proc/sys") / setting
        if file.exists() and int(file.read_text()) != usual:
            return False
    return os.geteuid() != 0 and "Seccomp:\t0\n" in Path("/proc/self/status").read_text()


def plain(text: str, longest: int = 300) -> str:
    """Text of an attack's making, fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:longest]


def show(one: Pass) -> None:
    """Print the table of a pass, and what is not as it should be, in one go: two users' passes run side by side."""
    lines = ["", one.title, f"  {'category':<24}{'attacks':>8}{'contained':>11}{'median s':>10}{'longest s':>11}"]
    by_category: dict[str, list[Result]] = {}
    for result in one.results:
        by_category.setdefault(result.attack.category, []).append(result)
    for name, results in [*sorted(by_category.items()), ("all", one.results)]:
        if results:
            contained = sum(not r.breaches for r in results)
            seconds = [r.seconds for r in results]
            middle, longest = statistics.median(seconds), max(seconds)
            lines.append(f"  {name:<24}{len(results):>8}{contained:>11}{middle:>10.2f}{longest:>11.2f}")
    lines += [f"  note: {note}" for note in one.notes] + [f"  FAILURE: {failure}" for failure in one.failures]
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def inside(options: argparse.Namespace, user: str, folder: str) -> int:
    """As one user, with the decoy key in the environment: all passes that were asked for."""
    attacks = corpus(options.only or ())
    passes = []
    for level in _levels(options, user):
        times = 1 if options.once or level != "strict" else 2
        for turn in range(times):
            start = time.monotonic()
            one = run_pass(attacks, level, Path(folder))
            one.title = f"{level}, as {user}, time {turn + 1} of {times}: {time.monotonic() - start:.0f} s"
            show(one)
            passes.append(one)
    Path(folder, "results.json").write_text(json.dumps([one.record() for one in passes]))
    return int(any(one.failures for one in passes))


def _levels(options: argparse.Namespace, user: str) -> list[str]:
    """What `user` runs: `strict` is for both, the others are shared out."""
    if options.walls != "all":
        return [options.walls]
    if options.user != "all" or user not in ("root", "nobody"):
        return list(STANDING)
    return ["strict", "strict-noland"] if user == "root" else ["strict", "landlock-alone", "none"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the runner for each user, and add up."""
    parser = argparse.ArgumentParser(description="Runs hostile rewards against the real sandbox.")
    parser.add_argument("--once", action="store_true", help="one pass instead of two under strict")
    parser.add_argument("--only", action="append", metavar="CATEGORY[/NAME]", help="may be given several times")
    parser.add_argument("--walls", choices=[*STANDING, "all"], default="all", help="what stands")
    parser.add_argument("--user", choices=["root", "nobody", "all"], default="all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--inside", nargs=2, metavar=("USER", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that all is tidied up
    if options.inside:
        return inside(options, *options.inside)
    try:
        attacks = corpus(options.only or ())
    except ValueError as error:
        parser.error(str(error))
    root, start = os.geteuid() == 0, time.monotonic()
    users = (["root", "nobody"] if options.user == "all" else [options.user]) if root else [f"user {os.getuid()}"]
    if not root:
        print("not started as root, so run as oneself only")
    # Side by side, for the sake of time: each leaves the other alone, and much of a pass is waiting.
    given = list(sys.argv[1:] if arguments is None else arguments)
    passes: list[dict[str, Any]] = []
    unfinished = []
    with ExitStack() as stack:
        runs = [_start(user, given, stack) for user in users]
        statuses = [run.wait() for run, _ in runs]
        for user, (_, folder) in zip(users, runs, strict=True):
            try:
                passes += json.loads((folder / "results.json").read_text())
            except FileNotFoundError:
                unfinished.append(user)
    if options.json:
        options.json.write_text(json.dumps(passes, indent=1) + "\n")
    failures = sum(len(one["failures"]) for one in passes)
    print(
        f"\n{len(attacks)} attacks, {len(passes)} passes, {sum(len(one['attacks']) for one in passes)} attempts, "
        f"{failures} failures, {time.monotonic() - start:.0f} s"
    )
    for user in unfinished:
        print(f"the passes as {user} broke off before their end, and count for nothing: see above")
    return int(bool(unfinished) or any(statuses))


def _start(user: str, arguments: list[str], stack: ExitStack) -> tuple[subprocess.Popen[bytes], Path]:
    """This program as `user` with the decoy key, and the folder for all it makes; `stack` ends and removes both."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eureka-red-", dir="/tmp")))
    folder.chmod(0o755)
    program, more, identity = sys.executable, {}, {}
    if user == "nobody":
        program, more = interpreter_for_nobody(folder / "python")
        os.chown(folder, NOBODY, NOBODY)
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    # From the exec on, the key is where an orchestrator's is: in /proc/PID/environ and in its memory.
    environment = os.environ | {KEY: f"sk-decoy-{secrets.token_hex(16)}", "PYTHONDONTWRITEBYTECODE": "1"} | more
    command = [program, str(Path(__file__).resolve()), *arguments, "--inside", user, str(folder)]
    run = subprocess.Popen(command, env=environment, cwd="/", **identity)
    stack.callback(run.wait)
    stack.callback(run.terminate)
    return run, folder


if __name__ == "__main__":
    sys.exit(main())
