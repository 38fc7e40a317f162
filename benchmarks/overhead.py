"""Where the time of a generation's training goes, on one core, on all of them, and on more than this machine has.

    python benchmarks/overhead.py [TASK ...]

Generations of the presets' sizes, with rewards as the built-in search proposes them, train three ways in turns: on one
core, in one process with all cores, and in one process a core with an equal share of the members. Every other iteration
is timed part by part: seconds of a part are its own, without those of parts that it calls. `outside` is all but
physics, learning and the policy's networks and noise.

From the first way, and a single member on one core, a model gives the rates of the other two on any number of cores:
members of one process share its work but for what an iteration costs by itself, and cores share physics and learning.
It is tested on this machine's cores, and says what to expect of 8 and 32.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from contest import Contestant
from record import about, finish, parser, rounded, spread
from trainings import compiled, setting

from eureka.config.settings import Learning
from eureka.envs.env import Env
from eureka.rewards.program import ProgramBank
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.ppo import Learner
from eureka.rl.rollout import Collector

TASKS = ("cartpole", "hopper_v5", "ant", "humanoid", "shadow_hand")
CORES = (8, 32)
"""For which the model is asked."""
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


class Profiled:
    """A population whose iterations are timed part by part, every other one."""

    def __init__(self, task: str, programs: Sequence[str], worlds: int, learning: dict[str, Any], threads: int):
        """Set up a member for each of the programs, from the sandbox."""
        chosen = Learning(**learning)
        self._training = setting(task, "cpu", threads).training(programs, worlds, 1 << 30, chosen)
        self.steps = len(programs) * self._training.steps_per_iteration
        self._watch = watch = Stopwatch()
        watch.on = True  # so that the first iteration is not
        for method, part in TASK.items():
            watch.watch(self._training.env.task, method, part)  # type: ignore[union-attr]
        for (owner, method), part in OTHERS.items():
            watch.watch(owner, method, part)
        for method, part in PHYSICS.items():
            watch.watch(self._training.env.physics, method, part)  # type: ignore[union-attr]

    def iterate(self) -> dict[str, float]:
        self._watch.on = not self._watch.on
        self._watch.seconds.clear()
        start = time.perf_counter()
        with self._watch.part("bookkeeping of the rollout"):
            self._training.iterate()
        total = time.perf_counter() - start
        return {"total": total} | (self._watch.seconds if self._watch.on else {})

    def mean_return(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing was started."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("tasks", nargs="*", metavar="TASK", default=TASKS)
    made.add_argument("--members", type=int, help="candidates in the population; the preset's if not given")
    options = made.parse_args()
    if options.device != "cpu":
        sys.exit("error: on a GPU a whole control step is one graph, of which the host's clock sees no part")
    repeats = 1 if options.quick else max(5, options.repeats)
    found = about("overhead") | {"device": "cpu", "threads": options.threads, "repeats": repeats, "tasks": {}}
    for name in options.tasks:
        chosen = setting(name)
        preset, members = chosen.preset, options.members or chosen.preset.samples
        worlds, learning = preset.worlds, preset.learning
        if options.quick:
            members, worlds, learning = 2, 16, learning.model_copy(update={"horizon": 4})
        programs, _ = compiled(chosen.rewards(members), chosen.fields, not options.quick)
        sizes = {"task": name, "worlds": worlds, "learning": learning.model_dump(mode="json")}
        found["tasks"][name] = sizes | measured(sizes, programs, options.threads, repeats)
        print(name, found["tasks"][name]["steps_per_second"], file=sys.stderr, flush=True)
    finish(found, options)


def measured(sizes: dict[str, Any], programs: Sequence[str], cores: int, repeats: int) -> dict[str, Any]:
    """Rates and shares of all ways, and what the model says of them."""
    members, workers = len(programs), min(cores, len(programs))
    shares = [programs[i::workers] for i in range(workers)]
    ways = {"one core": [(programs, 1)], "one member on one core": [(programs[:1], 1)]}
    ways |= {"one worker": [(programs, cores)], "a worker a core": [(share, 1) for share in shares]}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    parts: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    with ExitStack() as stack:
        running = {
            way: [
                stack.enter_context(Contestant(way, kind="profiled", programs=own, threads=threads, **sizes))
                for own, threads in of
            ]
            for way, of in ways.items()
        }
        for _ in range(1 + 2 * repeats):
            for way, of in running.items():
                for contestant in of:
                    contestant.tell(iterate=1)
                seconds = [contestant.answer()["seconds"] for contestant in of]
                if len(seconds[0]) > 1:
                    parts[way].append(seconds[0])
                else:
                    rates[way].append(sum(c.steps for c in of) / max(s["total"] for s in seconds))
        memory = {way: sum(contestant.memory_mib for contestant in of) for way, of in running.items()}
    rates = {way: of[-repeats:] for way, of in rates.items()}  # without the first one
    share = {way: shares_of(of) for way, of in parts.items()}
    together = sum(share["one core"].get(part, {"median": 0.0})["median"] for part in ("physics", LEARNING))
    steps = {way: spread(of) for way, of in rates.items()}
    whole, single = members / steps["one core"]["median"], 1 / steps["one member on one core"]["median"]
    model = {str(n): predicted(members, whole, single, together, n) for n in (cores, *CORES)}
    return {
        "members": members,
        "steps_per_second": steps,
        "share": share,
        "outside": {way: spread([outside(p) for p in of]) for way, of in parts.items()},
        "memory_mib": memory,
        "model": model,
        "measured_over_model": {
            way: rounded(steps[way]["median"] / model[str(cores)][way]) for way in model[str(cores)]
        },
    }


def predicted(members: int, whole: float, single: float, together: float, cores: int) -> dict[str, float]:
    """The model's rates with one worker and with a worker a core.

    Args:
        members: of the generation.
        whole: s of one core for a step of every member, all in one process.
        single: the same for one member by itself.
        together: share of physics and learning, which cores share.
        cores: for which it is asked.
    """
    each = (whole - single) / max(1, members - 1)
    alone = single - each
    workers = min(cores, members)
    most, threads = -(-members // workers), cores // workers
    split = (alone + each * most) * (1 - together + together / threads)
    one = whole * (1 - together + together / cores)
    return {"one worker": rounded(members / one), "a worker a core": rounded(members / split)}


def shares_of(timed: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Each part's share of the whole, the largest first."""
    names = dict.fromkeys(part for parts in timed for part in parts if part != "total")
    found = {name: spread([parts.get(name, 0.0) / parts["total"] for parts in timed]) for name in names}
    return dict(sorted(found.items(), key=lambda item: -item[1]["median"]))


def outside(parts: dict[str, float]) -> float:
    """The share of all but physics, learning, policy and noise."""
    return sum(s for part, s in parts.items() if part not in (*APART, "total")) / parts["total"]


if __name__ == "__main__":
    main()
