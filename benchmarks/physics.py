"""How much of the bare simulator's speed is left in our physics, in the environment, and in whole training.

    python benchmarks/physics.py [TASK ...]
    python benchmarks/physics.py --device cuda [TASK ...]

All go through the same control steps of random play from the same states, in turns within one process; training goes on
from states of its own. On a CPU, bare is `mujoco.batch` by itself, with one MjData a thread or one a world; on a GPU it
is `mjwarp-testspeed`, a process of its own, which begins at rest, as our physics beside it does then. The learner is a
fixed reference: 64-64 networks for cartpole and 128-128 for all else, 5 epochs, 4 minibatches, the human reward. What
trains is a generation: as many members, worlds of each and control steps between updates as the task's preset has.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import torch
from mujoco.batch import Batch
from peers.ours import RandomPlay
from record import about, finish, parser, peak_mib, rounded, spread
from trainings import Setting, compiled, reference, setting

from eureka.envs.capture import Capture
from eureka.physics.base import Physics
from eureka.rl.training import Training

TASKS = ("cartpole", "ant_v5", "humanoid", "shadow_hand")
LEAST = 0.4
"""s that a timing takes at least, of as many rounds as that needs."""
WARP_STEPS = 200
"""Time steps that mjwarp-testspeed takes."""


def main() -> None:
    """Measure, print, and keep the result."""
    made = parser(__doc__)
    made.add_argument("tasks", nargs="*", metavar="TASK", default=TASKS)
    made.add_argument("--worlds", type=int, help="of each member; the preset's if not given")
    made.add_argument("--members", type=int, help="that train together; the preset's samples if not given")
    options = made.parse_args()
    repeats = 1 if options.quick else max(5, options.repeats)
    found = about("physics", *(["mujoco-warp", "warp-lang"] if options.device != "cpu" else []))
    found |= {"device": options.device, "threads": options.threads, "repeats": repeats, "tasks": {}}
    for name in options.tasks:
        chosen = setting(name, options.device, options.threads)
        (program,), seconds = compiled([chosen.human()], chosen.fields, not options.quick)
        members = options.members or chosen.preset.samples
        sizes = (members, options.worlds or chosen.preset.worlds, chosen.preset.learning.horizon)
        levels = Levels(chosen, program, *((2, 8, 4) if options.quick else sizes))
        result = {"compile_seconds": rounded(seconds)} | levels.measure(repeats, 0.0 if options.quick else LEAST)
        if options.device == "cuda":
            result["at_rest"] = at_rest(chosen, levels.physics, repeats)
        print(name, result["steps_per_second"], file=sys.stderr, flush=True)
        found["tasks"][name] = result
    finish(found | {"memory_mib": peak_mib()}, options)


class Levels:
    """The same control steps at every level; each method gives the seconds of one round of them."""

    def __init__(self, chosen: Setting, program: str, members: int, each: int, horizon: int):
        """Make worlds for each level: `each` for every member."""
        self.chosen, self.backend = chosen, chosen.backend
        self.members, self.worlds, self.horizon = members, members * each, horizon
        worlds = self.worlds
        self.learning = reference(chosen.name, horizon)
        self.played = RandomPlay(chosen, worlds, horizon)
        self.physics: Physics = self.backend.open(chosen.model, worlds)
        self.env = chosen.env(worlds)
        self.env.reset()
        self.training: Training = chosen.training([program] * members, each, 1 << 30, self.learning)
        self._action = self.played.actions[0].clone()
        self._capture = Capture(self.env, self._act) if self.env.static else None

    def _act(self) -> tuple[torch.Tensor, ...]:
        step = self.env.step(self._action)
        return step.observation, step.reward, step.terminated

    def stepped(self) -> float:
        """Physics alone."""
        self.physics.load(self.played.state)
        self.backend.synchronize()
        start = time.perf_counter()
        for values in self.played.controls:
            self.physics.ctrl.copy_(values)
            self.physics.step(self.played.substeps)
        self.backend.synchronize()
        return time.perf_counter() - start

    def environment(self) -> float:
        """The environment, captured where it is in training."""
        self.env.load(self.played.saved)
        if self._capture:
            self._capture.begin()
        self.backend.synchronize()
        start = time.perf_counter()
        for action in self.played.actions:
            if self._capture:
                self._action.copy_(action)
                self._capture()
            else:
                self.env.step(action)
        self.backend.synchronize()
        return time.perf_counter() - start

    def trained(self) -> float:
        """An iteration of training."""
        start = time.perf_counter()
        self.training.iterate()
        self.backend.synchronize()
        return time.perf_counter() - start

    @torch.no_grad()
    def measure(self, repeats: int, least: float) -> dict[str, Any]:
        """Env-steps a second of every level, and ratios to the lowest."""
        model, worlds = self.chosen.model, self.worlds
        levels: dict[str, Callable[[], float]] = {}
        if not self.backend.warp:
            shared, own = (Batch(model, worlds, self.backend.threads, persistent=kept) for kept in (False, True))
            levels["bare"] = lambda: self.played.again(shared)
            levels["bare_persistent"] = lambda: self.played.again(own)
        levels |= {"physics": self.stepped, "env": self.environment, "training": self.trained}
        start = time.perf_counter()
        for level in levels.values():
            level()
        warm_up = time.perf_counter() - start
        clocks = vars(self.training.clocks)
        before, done = clocks.copy(), 0
        rates: dict[str, list[float]] = {name: [] for name in levels}
        for i in range(repeats):
            for name in [*levels][i % len(levels) :] + [*levels][: i % len(levels)]:
                seconds, rounds = 0.0, 0
                while rounds == 0 or seconds < least:
                    seconds, rounds = seconds + levels[name](), rounds + 1
                rates[name].append(rounds * self.played.steps / seconds)
                done += rounds * self.played.steps * (name == "training")
        lowest = next(iter(levels))
        overflow = self.physics.overflow() | self.env.physics.overflow()
        return {
            "members": self.members,
            "worlds": worlds,
            "horizon": self.horizon,
            "substeps": self.played.substeps,
            "hidden": list(self.learning.hidden),
            "steps_per_second": {name: spread(of) for name, of in rates.items()},
            "training_parts_per_second": {
                part: rounded(done / (clocks[part] - before[part])) for part in ("env", "policy", "learning")
            },
            f"over_{lowest}": {
                name: spread([a / b for a, b in zip(of, rates[lowest], strict=True)])
                for name, of in rates.items()
                if name != lowest
            },
            "kernel_seconds": rounded(self.backend.compile_seconds),
            "warm_up_seconds": rounded(warm_up),
            "overflow_worlds": int((overflow != 0).sum()),
        }


def at_rest(chosen: Setting, physics: Physics, repeats: int) -> dict[str, Any]:
    """Time steps a second from the model's initial state without control: ours and mjwarp-testspeed's, in turns."""
    sizes, worlds = chosen.backend.sizes, physics.num_worlds
    assert sizes is not None
    everyone = torch.ones(worlds, dtype=torch.bool, device=physics.device)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.mjb"
        mujoco.mj_saveModel(chosen.model, str(path))
        command = [sys.executable, "-m", "mujoco_warp.testspeed", str(path), f"--nworld={worlds}"]
        command += [f"--nstep={WARP_STEPS}", f"--nconmax={sizes.nconmax}", f"--njmax={sizes.njmax}", "--keyframe=-1"]
        for _ in range(repeats):
            done = subprocess.run([*command, "--format=json"], capture_output=True, text=True, check=False)
            if done.returncode:
                return {"problem": (done.stderr or done.stdout).strip()[-500:]}
            line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
            theirs.append(json.loads(line)["steps_per_second"])
            physics.reset(everyone)
            physics.ctrl.zero_()
            physics.forward(everyone)
            for count in (1, WARP_STEPS):
                chosen.backend.synchronize()
                start = time.perf_counter()
                for _ in range(count):
                    physics.step(1)
                chosen.backend.synchronize()
            ours.append(WARP_STEPS * worlds / (time.perf_counter() - start))
    return {
        "time_steps_per_second": {"physics": spread(ours), "mjwarp-testspeed": spread(theirs)},
        "over_testspeed": spread([a / b for a, b in zip(ours, theirs, strict=True)]),
    }


if __name__ == "__main__":
    main()
