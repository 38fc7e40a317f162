"""One policy on Gymnasium's Ant-v5 or Hopper-v5: our training against stable-baselines3's PPO, rsl_rl's, bare physics.

    python benchmarks/train.py
    python benchmarks/train.py --environment Hopper-v5
    python benchmarks/train.py --until 1500 --seeds 5

Every learner runs in a process of its own, with the same networks, samples an iteration, minibatches and epochs, and
with the environments and threads that suit it best: those of stable-baselines3 are found out first. They take turns, an
iteration each. With --until each trains alone until the mean return of its last 100 training episodes reaches a value.
Sizes are those of `ant_v5.yaml` and `hopper_v5.yaml`. Of Ant-v5, contact forces are in neither the observation nor the
reward, on both sides.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Sequence
from typing import Any

from contest import Contestant
from record import about, finish, parser, rounded, spread
from trainings import compiled, setting

TASKS = {"Ant-v5": "ant_v5", "Hopper-v5": "hopper_v5"}
"""Our task of each environment."""
ENVIRONMENTS = ((1, False), (4, False), (16, False), (2, True), (8, True))
"""How many, and whether in processes of their own."""
RSL_CHOICES = [{"torch_threads": threads} for threads in (1, 2)]
SB3_CHOICES = [
    {"envs": envs, "subprocess": apart, **threads}
    for (envs, apart), threads in itertools.product(ENVIRONMENTS, RSL_CHOICES)
]
"""What a peer's speed depends on: its environments, and the threads that torch may use for one operation."""
RATES = (3e-4, 1e-3)
"""Learning rates that stable-baselines3, which keeps one, may choose from on the way to a return."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("--environment", choices=TASKS, default="Ant-v5")
    made.add_argument(
        "--task", help="in place of that environment's; no peer but rsl_rl trains what is not Gymnasium's"
    )
    made.add_argument("--until", type=float, metavar="RETURN", help="measure the time to this return instead")
    made.add_argument("--seeds", type=int, default=5, help="with --until: trainings of each learner")
    made.add_argument("--limit", type=float, default=1800.0, help="with --until: s after which a training is given up")
    made.add_argument("--peers", default="sb3,rsl", help="who takes part beside ours")
    options = made.parse_args()
    task = options.task or TASKS[options.environment]
    chosen = setting(task, options.device, options.threads)
    preset = chosen.preset
    worlds, learning = preset.worlds, preset.learning
    if options.quick:
        worlds, learning = 16, learning.model_copy(update={"horizon": 16})
    (program,), seconds = compiled([chosen.human()], chosen.fields, not options.quick)
    sizes = {"samples": worlds * learning.horizon, "learning": learning.model_dump(mode="json")}
    ours = {"kind": "ours", "task": task, "program": program, "worlds": worlds, "device": options.device}
    ours |= {"learning": sizes["learning"], "seed": 0, "threads": options.threads}
    environment = getattr(chosen.task, "identifier", None)
    given = {name: value for name, value in chosen.loaded.file.kwargs.items() if name != "fitness"}
    sb3 = {"kind": "sb3", "environment": environment, "options": given, "seed": 0, "learning_rate": RATES[0]} | sizes
    peers = [peer for peer in options.peers.split(",") if peer]
    if "sb3" in peers and environment is None:
        sys.exit(f"error: stable-baselines3 cannot train {chosen.name}, which is no environment; give --peers rsl")
    packages = [{"sb3": "stable-baselines3", "rsl": "rsl-rl-lib"}[peer] for peer in peers]
    found = about("train" if options.until is None else "until", "gymnasium", *packages) | {
        "device": options.device,
        "threads": options.threads,
        "task": chosen.name,
        "environment": environment,
        "worlds": worlds,
        **sizes,
        "compile_seconds": rounded(seconds),
    }
    bases = {"sb3": (sb3, SB3_CHOICES), "rsl": (ours | {"kind": "rsl"}, RSL_CHOICES)}
    theirs: dict[str, dict[str, Any]] = {}
    for peer in peers:
        base, choices = bases[peer]
        found[f"{peer}_scouted"], best = scouted(peer, base, choices, options)
        found[f"{peer}_best"] = best
        theirs[peer] = base | best
    if options.until is None:
        bare = {"kind": "bare", "task": task, "worlds": worlds, "horizon": learning.horizon}
        on_cpu = {"bare": bare | {"threads": options.threads}} if options.device == "cpu" else {}
        found |= turns({"ours": ours} | on_cpu | theirs, options)
    else:
        specs = {"ours": ours}
        for peer, given in theirs.items():
            if peer == "sb3":
                specs |= {f"sb3 at {rate:g}": given | {"learning_rate": rate} for rate in RATES}
            else:
                specs[peer] = given
        found |= races(specs, options)
    finish(found, options)


def scouted(
    name: str, base: dict[str, Any], choices: Sequence[dict[str, Any]], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Env-steps a second with each choice of environments and threads, and the best choice."""
    if options.quick:
        return [], choices[0]
    seen: list[dict[str, Any]] = []
    for choice in choices:
        with Contestant(name, **base, **choice) as contestant:
            contestant.iterate()
            rates = [contestant.rate() for _ in range(3)]
        seen.append(choice | {"steps_per_second": spread(rates)["median"]})
        print(name, seen[-1], file=sys.stderr, flush=True)
    best = max(seen, key=lambda c: c["steps_per_second"])
    return seen, {key: value for key, value in best.items() if key != "steps_per_second"}


def turns(specs: dict[str, dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Rates of all specs, an iteration each in turns; ratios are medians over rounds."""
    repeats = 1 if options.quick else max(5, options.repeats)
    seconds: dict[str, list[dict[str, float]]] = {name: [] for name in specs}
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(Contestant(name, **given)) for name, given in specs.items()}
        for contestant in running.values():
            contestant.iterate()
        for i in range(repeats):
            # Another goes first each time.
            names = list(running)[i % len(running) :] + list(running)[: i % len(running)]
            for name in names:
                seconds[name].append(running[name].iterate())
        steps = {name: c.steps for name, c in running.items()}
        memory = {name: c.memory_mib for name, c in running.items()}
    rates = {name: [steps[name] / s["total"] for s in seconds[name]] for name in specs}
    ratios = {name: spread([a / b for a, b in zip(rates["ours"], rates[name], strict=True)]) for name in specs}
    del ratios["ours"]
    return {
        "repeats": repeats,
        "steps_per_second": {name: spread(of) for name, of in rates.items()},
        "parts_per_second": {
            name: {part: spread([steps[name] / s[part] for s in seconds[name]])["median"] for part in seconds[name][0]}
            for name in specs
        },
        "ours_over": ratios,
        "memory_mib": memory,
    }


def races(specs: dict[str, dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of training until a return, one learner after another, seed by seed."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in specs}
    for seed in range(1 if options.quick else options.seeds):
        for name, given in specs.items():
            with Contestant(name, **(given | {"seed": seed})) as contestant:
                limit = min(options.limit, 2.0) if options.quick else options.limit
                runs[name].append(contestant.ask(until=options.until, limit=limit))
            last = runs[name][-1]
            print(name, seed, {k: last[k] for k in ("reached", "seconds", "steps")}, file=sys.stderr, flush=True)
    # A training that was given up counts with the time until then: it would have taken longer.
    times = {name: [r["seconds"] for r in of] for name, of in runs.items()}
    return {
        "return": options.until,
        "reached": {name: [r["reached"] for r in of] for name, of in runs.items()},
        "seconds_to_return": {name: spread(of) for name, of in times.items()},
        "steps_to_return": {name: spread([r["steps"] for r in of]) for name, of in runs.items()},
        "times_longer_than_ours": {
            name: spread([t / o for t, o in zip(of, times["ours"], strict=True)])
            for name, of in times.items()
            if name != "ours"
        },
        "curves": {name: [r["curve"][:: max(1, len(r["curve"]) // 40)] for r in of] for name, of in runs.items()},
    }


if __name__ == "__main__":
    main()
