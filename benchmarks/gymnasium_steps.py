"""Stepping Gymnasium's MuJoCo environments by id with random actions: ours against SyncVectorEnv and AsyncVectorEnv.

    python benchmarks/gymnasium_steps.py
    python benchmarks/gymnasium_steps.py Walker2d-v5 Humanoid-v5 --price

Each side has the number of environments that suits it best, found out first. Then they take turns, a stretch each, in
processes of their own. Actions are made beforehand; ours computes no reward beside what it measures of an episode, in
which the environment's own reward is. A step that only resets an environment is not counted. Environments with contact
forces are stepped with them in the observation and in the reward, and without, on both sides; what they cost ours is
given for those of --price.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from contest import Contestant
from record import about, finish, parser, spread

from eureka.system.hardware import cores
from eureka.system.paths import shipped

ENVIRONMENTS = ("Hopper-v5", "Ant-v5")
PRICED = ("Ant-v5", "Humanoid-v5")
_LEAVE = {"include_cfrc_ext_in_observation": False}
WITHOUT: dict[str, dict[str, Any]] = {
    "Ant-v5": _LEAVE | {"contact_cost_weight": 0.0},
    "Humanoid-v5": _LEAVE | {"contact_cost_weight": 0.0},
    "HumanoidStandup-v5": _LEAVE | {"impact_cost_weight": 0.0},
}
"""Arguments without contact forces, of the environments that have them."""
CHOICES: dict[str, list[dict[str, Any]]] = {
    "ours": [{"worlds": count} for count in (64, 256, 1024, 4096)],
    "sync": [{"envs": count, "apart": False} for count in (1, 4, 16, 64)],
    "async": [{"envs": count, "apart": True} for count in sorted({2, *(cores() * n for n in (1, 2, 4, 8))})],
}
"""How many environments each side may have."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    known = yaml.safe_load((shipped("tasks") / "gymnasium" / "ids.yaml").read_text())
    made.add_argument("environments", nargs="*", metavar="ID", help=f"of {', '.join(known)}; default: Hopper and Ant")
    made.add_argument(
        "--price", nargs="*", metavar="ID", choices=WITHOUT, default=PRICED, help="default: Ant, Humanoid"
    )
    made.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    options = made.parse_args()
    environments = options.environments or ENVIRONMENTS
    if unknown := [name for name in environments if name not in known]:
        made.error(f"{', '.join(unknown)}: not on our physics; there are {', '.join(known)}")
    found = about("gymnasium_steps", "gymnasium") | {
        "device": options.device,
        "threads": options.threads,
        "repeats": 1 if options.quick else max(5, options.repeats),
        "seconds": 0.1 if options.quick else options.seconds,
        "environments": {},
        "contact_forces": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys([*environments, *options.price]):
            sides = list(CHOICES) if name in environments else ["ours"]
            rates = measured(name, variants(name), sides, Path(folder), options, found)
            if name in options.price:
                found["contact_forces"][name] = price(rates)
    finish(found, options)


def variants(environment: str) -> dict[str, dict[str, Any]]:
    """Arguments by variant."""
    if environment not in WITHOUT:
        return {"default": {}}
    return {"with_contact_forces": {}, "without_contact_forces": WITHOUT[environment]}


def measured(
    environment: str,
    wanted: dict[str, dict[str, Any]],
    sides: Sequence[str],
    folder: Path,
    options: Any,
    found: dict[str, Any],
) -> dict[tuple[str, str], list[float]]:
    """Rates by variant and side, in turns; those of an environment with all its sides also go to `found`."""
    specs, scouted = {}, {}
    for variant, arguments in wanted.items():
        task = folder / f"{environment}-{variant}.yaml"
        task.write_text(json.dumps({"task": f"gymnasium:{environment}", "kwargs": arguments}))
        ours = {"kind": "our worlds", "task": str(task), "threads": options.threads, "device": options.device}
        theirs = {"kind": "gymnasium's worlds", "environment": environment, "options": arguments}
        for side in sides:
            base = ours if side == "ours" else theirs
            scouted[variant, side], best = scout(f"{environment}, {variant}, {side}", base, CHOICES[side], options)
            specs[variant, side] = base | best
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in specs}
    sizes: dict[tuple[str, str], int] = {}
    with contextlib.ExitStack() as stack:
        running = {key: stack.enter_context(Contestant(", ".join(key), **given)) for key, given in specs.items()}
        for contestant in running.values():
            contestant.ask(step=found["seconds"] / 2)
        for i in range(found["repeats"]):
            # Another goes first each time.
            for key in [*running][i % len(running) :] + [*running][: i % len(running)]:
                answer = running[key].ask(step=found["seconds"])
                rates[key].append(answer["steps_per_second"])
                sizes[key] = answer["observation_size"]
    for variant, arguments in wanted.items():
        (size,) = {sizes[variant, side] for side in sides}  # else the sides do not see the same
        if len(sides) > 1:
            found["environments"].setdefault(environment, {})[variant] = {
                "arguments": arguments,
                "observation_size": size,
                "scouted": {side: scouted[variant, side] for side in sides},
                "best": {side: {n: specs[variant, side][n] for n in CHOICES[side][0]} for side in sides},
                "steps_per_second": {side: spread(rates[variant, side]) for side in sides},
                "ours_over": {
                    side: spread([a / b for a, b in zip(rates[variant, "ours"], rates[variant, side], strict=True)])
                    for side in sides
                    if side != "ours"
                },
            }
    return rates


def scout(
    name: str, base: dict[str, Any], choices: Sequence[dict[str, Any]], options: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Env-steps a second with each number of environments, and the best choice."""
    if options.quick:
        return [], choices[0]
    seen = []
    for choice in choices:
        with Contestant(name, **base, **choice) as contestant:
            contestant.ask(step=options.seconds / 4)
            rates = [contestant.ask(step=options.seconds / 4)["steps_per_second"] for _ in range(3)]
        seen.append(choice | {"steps_per_second": spread(rates)["median"]})
        print(name, seen[-1], file=sys.stderr, flush=True)
    best = max(range(len(seen)), key=lambda i: seen[i]["steps_per_second"])
    return seen, choices[best]


def price(rates: dict[tuple[str, str], list[float]]) -> dict[str, Any]:
    """What contact forces cost our side."""
    with_them, without = (rates[f"{kind}_contact_forces", "ours"] for kind in ("with", "without"))
    return {
        "steps_per_second": {"with": spread(with_them), "without": spread(without)},
        "without_over_with": spread([a / b for a, b in zip(without, with_them, strict=True)]),
    }


if __name__ == "__main__":
    main()
