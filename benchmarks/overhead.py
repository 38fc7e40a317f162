"""Where the time of a training step goes, part by part: a profile of our own code around physics and learning.

    python benchmarks/overhead.py [TASK]

A population of the preset's size, with rewards as the built-in search proposes them, trains in this process while every
part is timed: seconds of a part are its own, without those of parts that it calls. `outside` is all but physics,
learning and the policy's networks and noise.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from record import about, finish, parser, peak_mib, rounded, spread
from trainings import compiled, setting

from eureka.envs.env import Env
from eureka.rewards.program import ProgramBank
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.ppo import Learner
from eureka.rl.rollout import Collector

APART = ("physics", "learning", "policy", "noise")
"""What is not outside."""
LEARNING = "learning"
TASK = {
    "state": "state",
    "observe": "observe",
    "act": "act",
    "terminated": "termination and measure",
    "measure": "termination and measure",
    "fitness": "termination and measure",
    "advance": "advance and start",
    "start": "advance and start",
}
"""Methods of a task, and the part that each belongs to."""
OTHERS = {
    (ProgramBank, "compute"): "rewards",
    (ProgramBank, "record"): "rewards",
    (ProgramBank, "drain"): "rewards",
    (Policy, "mean"): "policy",
    (Policy, "value"): "policy",
    (RunningMoments, "normalize"): "policy",
    (Collector, "_draw_noise"): "noise",
    (Learner, "update"): LEARNING,
    (Env, "begin_episodes"): "resets",
    (Env, "step"): "bookkeeping of the environment",
}
PHYSICS = {"step": "physics", "reset": "resets", "forward": "resets", "assign": "resets"}


class Stopwatch:
    """Seconds by part; one part runs at a time, and a part that calls another waits meanwhile."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.on = False
        self._running: list[str] = []
        self._since = time.perf_counter()
        self._thread = threading.get_ident()

    def _lap(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Around code that belongs to `name`."""
        self._lap()
        self._running.append(name)
        try:
            yield
        finally:
            self._lap()
            self._running.pop()

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Time a method of a class or of an object; within learning, all is learning."""
        original: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if not self.on or LEARNING in self._running or threading.get_ident() != self._thread:
                return original(*args, **kwargs)
            with self.part(name):
                return original(*args, **kwargs)

        setattr(owner, method, timed)


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("task", nargs="?", default="shadow_hand")
    made.add_argument("--members", type=int, help="candidates in the population; the preset's if not given")
    options = made.parse_args()
    if options.device == "cuda":
        sys.exit("error: on a GPU a whole control step is one graph, of which the host's clock sees no part")
    chosen = setting(options.task, options.device, options.threads)
    preset = chosen.preset
    members, worlds = options.members or preset.samples, preset.worlds
    learning = preset.learning
    if options.quick:
        members, worlds, learning = 2, 16, learning.model_copy(update={"horizon": 4})
    programs, seconds = compiled(chosen.rewards(members), chosen.fields, not options.quick)
    training = chosen.training(programs, worlds, 1 << 30, learning)
    training.iterate()
    watch = Stopwatch()
    for method, part in TASK.items():
        watch.watch(training.env.task, method, part)
    for (owner, method), part in OTHERS.items():
        watch.watch(owner, method, part)
    for method, part in PHYSICS.items():
        watch.watch(training.env.physics, method, part)  # type: ignore[union-attr]
    plain, watched, shares = [], [], []
    repeats = 1 if options.quick else max(5, options.repeats)
    for _ in range(repeats):
        for watch.on, taken in ((False, plain), (True, watched)):  # in turns, to know what watching costs
            watch.seconds.clear()
            start = time.perf_counter()
            with watch.part("bookkeeping of the rollout"):
                training.iterate()
            taken.append(time.perf_counter() - start)
        shares.append({part: s / watched[-1] for part, s in watch.seconds.items()})
    parts = {part: spread([s.get(part, 0.0) for s in shares]) for part in dict.fromkeys(p for s in shares for p in s)}
    outside = [sum(share for part, share in s.items() if part not in APART) for s in shares]
    steps = members * training.steps_per_iteration
    found = about("overhead") | {
        "task": chosen.name,
        "device": options.device,
        "threads": options.threads,
        "members": members,
        "worlds": worlds,
        "learning": learning.model_dump(mode="json"),
        "repeats": repeats,
        "compile_seconds": rounded(seconds),
        "steps_per_second": spread([steps / s for s in plain]),
        "watched_steps_per_second": spread([steps / s for s in watched]),
        "share": dict(sorted(parts.items(), key=lambda item: -item[1]["median"])),
        "outside": spread(outside),
        "memory_mib": peak_mib(),
    }
    finish(found, options)


if __name__ == "__main__":
    main()
