"""The host's side of a check: does with a candidate's program what training would, and looks whether it behaves.

A program of its own, because a hostile program may take all memory or time of whoever runs it. Frames in are `{"id",
"program": TEXT}`; frames out are `{"id", "breach": WHAT or null, "outcome": WHO STOPPED IT}`.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.bait import printable
from support.state import FIELDS

from eureka.rewards.preflight import preflight, too_slow
from eureka.rewards.program import Field, Program, ProgramBank, Rejected, fingerprint, rebuild
from eureka.rewards.statistics import REWARD_BOUND
from eureka.system.paths import load_sandbox
from eureka.workers.process import frames, write_frame

WORLDS, CROWD = 64, 1024
"""Worlds of a member here, and in a training of some size."""
STEPS = 20
SECONDS = 10.0
"""Processor time for one program, after which this process is killed by its timer."""
MEMORY = 3 << 30
"""Bytes beyond what this process has at its start."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_STATE = {name: Field(tuple(shape), dtype) for name, (shape, dtype, _) in FIELDS.items()}
_HONEST = (
    "def compute_reward(height, position, goal_position):\n"
    "    far = torch.norm(position - goal_position, dim=-1)\n"
    "    return torch.exp(-far) + height.abs(), {'far': far, 'height': height}\n"
)
States = dict[str, Tensor]


def random_states(chance: torch.Generator, worlds: int, scale: float = 1.0) -> States:
    """State fields of `worlds` worlds: (worlds, ...) each, normal with standard deviation `scale`."""
    states = {}
    for name, field in _STATE.items():
        shape = (worlds, *field.shape)
        if field.dtype == "bool":
            states[name] = torch.rand(shape, generator=chance) > 0.5
        elif "int" in field.dtype:
            states[name] = torch.randint(0, 100, shape, generator=chance).to(getattr(torch, field.dtype))
        else:
            states[name] = scale * torch.randn(shape, generator=chance, dtype=getattr(torch, field.dtype))
    return states


class Judge:
    """Runs programs as the host does, beside two honest ones."""

    def __init__(self) -> None:
        trace = load_sandbox("trace")
        self._reserved = load_sandbox("graph").RESERVED
        self._honest = rebuild(trace.compile_reward(_HONEST, _STATE), _STATE, WORLDS)
        self._chance = torch.Generator().manual_seed(0)

    def judge(self, text: str) -> dict[str, Any]:
        """What is wrong with letting this program into a training (None: nothing), and who stopped it."""
        states = random_states(self._chance, WORLDS)
        try:
            report = preflight(text, _STATE, states)
        except Rejected as rejection:
            breach = None if printable(str(rejection)) else "the verifier's message is not one short printable line"
            return {"breach": breach, "outcome": f"verifier: {rejection}"}
        messages = [report.problem or "", *report.notes]
        if not all(map(printable, messages)):
            return {"breach": "pre-flight's message is not one short printable line", "outcome": "preflight"}
        if report.problem:
            return {"breach": None, "outcome": f"preflight: {report.problem}"}
        if slow := too_slow(rebuild(text, _STATE, CROWD), states):
            breach = None if printable(slow) else "the message on its slowness is not one short printable line"
            return {"breach": breach, "outcome": f"preflight: {slow}"}
        program = rebuild(text, _STATE, WORLDS)
        fingerprint(text)
        problem = self._names(program) or self._function(program)
        if problem:
            return {"breach": problem, "outcome": "accepted"}
        problem, fault = self._training(program)
        return {"breach": problem, "outcome": f"training: {fault}" if fault else "accepted"}

    def _names(self, program: Program) -> str | None:
        for name in program.components:
            if not _NAME.fullmatch(name) or name in self._reserved:
                return f"a component is called {name!r}"
        return None

    def _function(self, program: Program) -> str | None:
        """Whether it is no pure function of each world's own state, to the bit."""
        for scale in (1.0, 100.0, 1e-3):
            states = random_states(self._chance, WORLDS, scale)
            first, second = _run(program, states), _run(program, states)
            if not all(map(_same, first, second)):
                return "two calls with the same states differ"
            others, odd = random_states(self._chance, WORLDS, scale), torch.arange(WORLDS) % 2 == 1
            mixed = {name: states[name].clone() for name in states}
            for name in mixed:
                mixed[name][odd] = others[name][odd]
            if not all(_same(a[~odd], b[~odd]) for a, b in zip(first, _run(program, mixed), strict=True)):
                return "a world's reward depends on other worlds"
            flipped = _run(program, {name: value.flip(0) for name, value in states.items()})
            for a, b in zip(first, flipped, strict=True):
                if not torch.allclose(a, b.flip(0), rtol=1e-4, atol=1e-5, equal_nan=True):
                    return "a world's reward depends on its place among the worlds"
        return None

    def _training(self, program: Program) -> tuple[str | None, str | None]:
        """A breach, and the fault that training reports, after some steps between two honest neighbours."""
        crowd = ProgramBank([self._honest, program, self._honest], WORLDS)
        calm = ProgramBank([self._honest, self._honest], WORLDS)
        worst = 0.0
        for step in range(STEPS):
            states = random_states(self._chance, 3 * WORLDS, 10.0 ** (step % 5 - 2))
            if step == STEPS - 1:
                states = {name: torch.zeros_like(value) for name, value in states.items()}
            copy = {name: value.clone() for name, value in states.items()}
            seen = crowd(states)
            if not all(_same(states[name], copy[name]) for name in states):
                return "it changed the states", None
            neighbours = {name: torch.cat([v[:WORLDS], v[2 * WORLDS :]]) for name, v in copy.items()}
            if not _same(seen[[0, 2]], calm(neighbours)):
                return "its neighbours' rewards are not what they are without it", None
            own = {name: v[WORLDS : 2 * WORLDS] for name, v in copy.items()}
            for value in _run(program, own) if _finite(seen[1]) else (seen[1],):
                worst = max(worst, float(torch.nan_to_num(value.abs(), nan=torch.inf).max()))
        left, fault, right = (s.fault for s in crowd.drain())
        if left or right:
            return "its neighbours are blamed", fault
        if worst > REWARD_BOUND and fault is None:
            return f"a reward of {worst:g} was not noticed", fault
        if fault and not printable(fault):
            return "the fault's message is not one short printable line", fault
        return None, fault


def _finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())


def _run(program: Program, states: States) -> list[Tensor]:
    with torch.no_grad():
        return [value.clone() for value in program(*(states[name].clone() for name in program.inputs))]


def _same(a: Tensor, b: Tensor) -> bool:
    """Equal to the bit."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a.contiguous().view(torch.uint8).equal(b.contiguous().view(torch.uint8))


def main() -> None:
    """Answer until the input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    judge = Judge()
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + MEMORY, present + MEMORY))
    write_frame(answers, {"ready": True})
    for frame in frames(0):
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            verdict = judge.judge(frame["program"])
        except Exception as error:  # the host would have fallen over it
            reason = (str(error).splitlines() or [""])[0][:200]
            verdict = {"breach": f"the host raises {type(error).__name__}: {reason}", "outcome": "accepted"}
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        write_frame(answers, {"id": frame["id"]} | verdict)


if __name__ == "__main__":
    main()
