"""How much of the bare simulator's speed is left in our physics, in the environment, and in whole training.

    python benchmarks/physics.py [TASK ...]

Bare is `mujoco.batch` by itself, with one MjData a thread or one a world. All go through the same control steps of
random play from the same states, in turns within one process; training goes on from states of its own. The learner is
a fixed reference: 64-64 networks for cartpole and 128-128 for all else, 5 epochs, 4 minibatches, the human reward;
worlds and horizon are those of the task's preset.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from mujoco.batch import Batch
from peers.ours import RandomPlay
from record import about, finish, parser, peak_mib, rounded, spread
from trainings import Device, Setting, compiled, reference, setting

TASKS = ("cartpole", "ant_v5", "humanoid", "shadow_hand")
LEAST = 0.4
"""s that a timing takes at least, of as many rounds as that needs."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("tasks", nargs="*", metavar="TASK", default=TASKS)
    options = made.parse_args()
    device = Device(options.device, options.threads)
    repeats = 1 if options.quick else max(5, options.repeats)
    found = about("physics") | {"threads": options.threads, "repeats": repeats, "tasks": {}}
    for name in options.tasks:
        chosen = setting(name)
        (program,), seconds = compiled([chosen.human()], chosen.fields, not options.quick)
        preset = chosen.preset(device)
        worlds, horizon = (16, 4) if options.quick else (preset.worlds, preset.learning.horizon)
        result = {"compile_seconds": rounded(seconds)}
        result |= measured(chosen, program, worlds, horizon, device, repeats, 0.0 if options.quick else LEAST)
        print(name, result["steps_per_second"], file=sys.stderr, flush=True)
        found["tasks"][name] = result
    finish(found | {"memory_mib": peak_mib()}, options)


@torch.no_grad()
def measured(
    chosen: Setting, program: str, worlds: int, horizon: int, device: Device, repeats: int, least: float
) -> dict[str, Any]:
    """Env-steps a second of every level, over the same `horizon` control steps, and ratios to the bare one."""
    played = RandomPlay(chosen, worlds, horizon)
    physics, env = device.physics(chosen.model, worlds), chosen.env(worlds, device)
    training = chosen.training([program], worlds, 1 << 30, reference(chosen.name, horizon), device)
    state, controls = {"state": torch.from_numpy(played.state)}, torch.from_numpy(played.controls)

    def stepped() -> float:
        physics.load(state)
        start = time.perf_counter()
        for values in controls:
            physics.ctrl.copy_(values)
            physics.step(played.substeps)
        return time.perf_counter() - start

    def environment() -> float:
        env.load(played.saved)
        start = time.perf_counter()
        for action in played.actions:
            env.step(action)
        return time.perf_counter() - start

    def trained() -> float:
        start = time.perf_counter()
        training.iterate()
        return time.perf_counter() - start

    shared, own = (Batch(chosen.model, worlds, device.threads, persistent=kept) for kept in (False, True))
    levels: dict[str, Callable[[], float]] = {
        "bare": lambda: played.again(shared),
        "bare_persistent": lambda: played.again(own),
        "physics": stepped,
        "env": environment,
        "training": trained,
    }
    for level in levels.values():
        level()
    before = vars(training.clocks).copy()
    rates: dict[str, list[float]] = {name: [] for name in levels}
    iterations = 0
    for i in range(repeats):
        names = list(levels)[i % len(levels) :] + list(levels)[: i % len(levels)]
        for name in names:
            seconds, rounds = 0.0, 0
            while rounds == 0 or seconds < least:
                seconds, rounds = seconds + levels[name](), rounds + 1
            rates[name].append(rounds * worlds * horizon / seconds)
            iterations += rounds * (name == "training")
    parts = {part: vars(training.clocks)[part] - before[part] for part in ("env", "policy", "learning")}
    done = iterations * worlds * horizon
    return {
        "worlds": worlds,
        "horizon": horizon,
        "substeps": played.substeps,
        "hidden": list(reference(chosen.name, horizon).hidden),
        "steps_per_second": {name: spread(of) for name, of in rates.items()},
        "training_parts_per_second": {part: rounded(done / seconds) for part, seconds in parts.items()},
        "over_bare": {name: spread(_ratios(of, rates["bare"])) for name, of in rates.items() if name != "bare"},
    }


def _ratios(one: list[float], other: list[float]) -> list[float]:
    return [a / b for a, b in zip(one, other, strict=True)]


if __name__ == "__main__":
    main()
