"""Trial run of a program on recorded states; shapes and dtypes were checked when it was rebuilt."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.rewards.program import Field, Program, ProgramBank, rebuild, require_separate_worlds

_STEP, _STEP_PER_WORLD = 0.02, 10e-6
"""Time limit of a step in s, and the addition per world. Published rewards take 0.1 ms in 64 worlds, 1 ms in 4096."""
_NO_RETRY = 5.0
"""Multiple of the limit above which a trial is not repeated: a busy machine does not explain it."""

_SHAPES_ONLY = ("_like", "new_", "size")
"""In the names of operations that use the shape of a tensor, but not its values."""
_CONSTANT = (
    "the total does not depend on the state, and all episodes of this task have the same length: there is nothing to "
    "learn from it"
)


@dataclass(frozen=True)
class Report:
    """The behaviour of a program on recorded states."""

    problem: str | None  # Why the program cannot be used, in one sentence; None if it can
    inputs: tuple[str, ...]
    nodes: int
    ranges: dict[str, tuple[float, float, float]]  # Minimum, mean and maximum of the total and each component
    notes: tuple[str, ...]  # Notices for the author that do not reject the program


def preflight(text: str, fields: dict[str, Field], states: dict[str, Tensor], endless: bool = False) -> Report:
    """Run the program `text` on recorded states.

    Args:
        text: a reward program's JSON.
        fields: the state's fields.
        states: (S, ...) each, states of random play, S a multiple of 4.
        endless: whether all episodes of the task have the same length, so that a constant reward teaches nothing.

    Raises:
        Rejected: the program is not valid.
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
    problem = _CONSTANT if endless and not reads_state(program) else _mixes_worlds(program, states, outputs)
    notes = [f"{name} is the same in all states of random play" for name, v in outputs.items() if v.min() == v.max()]
    return Report(problem, program.inputs, program.nodes, ranges, tuple(notes))


def reads_state(program: Program) -> bool:
    """Whether a value of a state field can change the total, and not only give its shape."""
    open_nodes = [*next(n for n in program.module.graph.nodes if n.op == "output").all_input_nodes[:1]]
    seen = set()
    while open_nodes:
        node = open_nodes.pop()
        if node.op == "placeholder":
            return True
        if node not in seen and not any(name in str(node.target) for name in _SHAPES_ONLY):
            seen.add(node)
            open_nodes += node.all_input_nodes
    return False


def too_slow(program: Program, states: dict[str, Tensor]) -> str | None:
    """Return the problem if one step of the program exceeds a generous time limit; depends on the machine.

    Args:
        program: rebuilt for the number of worlds of the training.
        states: (S, ...) each, repeated to fill the worlds.
    """
    worlds, recorded = program.worlds, next(iter(states.values())).shape[0]
    places = torch.arange(worlds) % recorded
    inputs = [states[name][places] for name in program.inputs]
    allowed = _STEP + worlds * _STEP_PER_WORLD
    took = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        try:
            with torch.no_grad():
                program(*inputs)
        except Exception as error:  # any error in so many worlds is the program's own failure
            return f"the reward raised an error in {worlds} worlds: {(str(error).splitlines() or [''])[0][:200]}"
        took = min(took, time.perf_counter() - start)
        if took <= allowed:
            return None
        if took > _NO_RETRY * allowed:
            break
    return f"one step in {worlds} worlds takes {took * 1000:.0f} ms; {allowed * 1000:.0f} ms are allowed"


def _run(program: Program, states: dict[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return program(*[states[name] for name in program.inputs])


def _mixes_worlds(program: Program, states: dict[str, Tensor], outputs: dict[str, Tensor]) -> str | None:
    """Return the problem if a world's value changes when other worlds are replaced or shuffled (a second check)."""
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
                    f"{name!r} of one world depends on other worlds; reductions over all worlds (mean, sum, max) are "
                    "not allowed: use dim=-1 or remove them"
                )
    return None
