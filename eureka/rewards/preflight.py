"""Does a program behave on real states? Shape and dtype were checked when it was rebuilt; this runs it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.rewards.program import Field, Program, ProgramBank, rebuild, require_separate_worlds

_STEP, _STEP_A_WORLD = 0.02, 10e-6
"""s that a step may take, and for each world; published rewards take some 0.1 ms in 64 worlds, 1 ms in 4096."""
_HOPELESS = 5.0
"""So many times as long is no accident of a busy machine: it is not tried again."""


@dataclass(frozen=True)
class Report:
    """What a program did on recorded states."""

    problem: str | None
    """Why it cannot be trained with, in one sentence; None if it can."""
    inputs: tuple[str, ...]
    nodes: int
    ranges: dict[str, tuple[float, float, float]]
    """Least, mean and greatest value of the total and each component."""
    notes: tuple[str, ...]
    """What an author should know though it forbids nothing."""


def preflight(text: str, fields: dict[str, Field], states: dict[str, Tensor]) -> Report:
    """Run the program `text` on recorded states.

    Args:
        text: a reward program's JSON.
        fields: the state's fields.
        states: (S, ...) each, states of random play, S a multiple of 4.

    Raises:
        Rejected: it is no acceptable program.
    """
    worlds = next(iter(states.values())).shape[0]
    require_separate_worlds(text, fields)
    program = rebuild(text, fields, worlds)
    bank = ProgramBank([program], worlds)
    bank(states)
    (statistics,) = bank.drain()
    if statistics.fault:
        return Report(statistics.fault, program.inputs, program.nodes, {}, ())
    outputs = dict(zip(("total", *program.components), _run(program, states), strict=True))  # no component is "total"
    ranges = {name: (float(v.min()), float(v.mean()), float(v.max())) for name, v in outputs.items()}
    problem = _mixes_worlds(program, states, outputs)
    notes = [f"{name} is the same in all states of random play" for name, v in outputs.items() if v.min() == v.max()]
    return Report(problem, program.inputs, program.nodes, ranges, tuple(notes))


def too_slow(program: Program, states: dict[str, Tensor]) -> str | None:
    """A sentence if one step of a program in all its worlds takes absurdly long; depends on the machine.

    Args:
        program: rebuilt for the worlds that it is to be trained in.
        states: (S, ...) each, states to repeat until there are enough.
    """
    worlds, recorded = program.worlds, next(iter(states.values())).shape[0]
    places = torch.arange(worlds) % recorded
    inputs = [states[name][places] for name in program.inputs]
    allowed = _STEP + worlds * _STEP_A_WORLD
    took = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        try:
            with torch.no_grad():
                program(*inputs)
        except Exception as error:  # what it cannot compute with in so many worlds is its own failure
            return f"the reward failed as it ran in {worlds} worlds: {(str(error).splitlines() or [''])[0][:200]}"
        took = min(took, time.perf_counter() - start)
        if took <= allowed:
            return None
        if took > _HOPELESS * allowed:
            break
    return f"one step in {worlds} worlds takes {took * 1000:.0f} ms; {allowed * 1000:.0f} ms are allowed"


def _run(program: Program, states: dict[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return program(*[states[name] for name in program.inputs])


def _mixes_worlds(program: Program, states: dict[str, Tensor], outputs: dict[str, Tensor]) -> str | None:
    """A sentence if a world's value changes when other worlds are replaced or shuffled: what was proved, tried out."""
    size = next(iter(states.values())).shape[0]
    chance = torch.Generator().manual_seed(0)
    half = torch.rand(size, generator=chance) < 0.5
    order = torch.randperm(size, generator=chance)
    for chosen, kept in ((torch.where(half, torch.arange(size), order), half), (order, None)):
        other = {name: value[chosen] for name, value in states.items()}
        for name, value in zip(outputs, _run(program, other), strict=True):
            before = outputs[name] if kept is not None else outputs[name][order]
            same = torch.isclose(value, before, rtol=1e-5, atol=1e-6, equal_nan=True)
            if not bool((same if kept is None else same[kept]).all()):
                return (
                    f"{name!r} of one world depends on other worlds; means, sums, maxima and the like over all "
                    "worlds are not allowed, so give them dim=-1 or leave them out"
                )
    return None
