"""Tracing of a reward's text to a list of tensor operations. Runs inside the jail, once per candidate.

The function runs for two numbers of worlds while `recorder.py` records its pure ATen operations, which are written in
the format of `graph.py`. The host does not trust the result.
"""

from __future__ import annotations

import builtins
import inspect
import math
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.functional_tensor import dispatch_functionalize

from . import advice
from .graph import Field, rebuild
from .habits import COUNTS_WORLDS, HostHabits, Refused, WithoutDevices, adapted, formatted, impure
from .limits import Rejected
from .ops import DTYPES
from .recorder import Functional, Recorder, Writer
from .results import TESTED_WORLDS, TRACED_WORLDS, BadResult, check_shapes, flatten
from .text import FORMAT, FUNCTION, compiled, definition, read, return_line

Reward = Callable[..., tuple[Tensor, dict[str, Tensor]]]


def compile_reward(source: str, fields: dict[str, Field]) -> str:
    """Compile a reward function to a program as JSON.

    Args:
        source: Python text that defines `compute_reward`; its argument names select state fields.
        fields: the available state fields.

    Raises:
        Refused: with a one-sentence message, and the line if there is one.
    """
    try:
        function = load(source)
        wanted = requested(function, fields)
        text, assumed = trace(lambda: load(source), wanted)
        self_test(source, text, wanted, assumed)
        return text
    except Refused as refusal:
        if str(refusal) != COUNTS_WORLDS:
            raise
        # What differs between two recordings may also do so by chance; and what has no line is made where it returns.
        raise _impure() or Refused(COUNTS_WORLDS, refusal.line or return_line(source)) from None
    except BadResult as problem:
        raise Refused(str(problem), return_line(source)) from None
    except Rejected as rejection:
        raise Refused(str(rejection), rejection.line) from None
    except (Exception, SystemExit) as error:
        message, line = advice.explain(error, source, fields)
        raise Refused(message, line) from None


def load(source: str) -> Reward:
    """Run the text and return its `compute_reward`."""
    module = types.ModuleType("reward")
    names = {"torch": torch, "math": math, "Tensor": Tensor, "F": torch.nn.functional, "nn": torch.nn}
    names |= {k: getattr(typing, k) for k in ("Tuple", "Dict", "List", "Optional", "Union", "Any")}
    names["__builtins__"] = vars(builtins) | {FORMAT: formatted}
    module.__dict__.update(names)
    sys.modules["reward"] = module
    impure.clear()
    with adapted(), WithoutDevices():
        exec(compiled(source), module.__dict__)  # noqa: S102 - this is the jail's purpose
    function = module.__dict__.get(FUNCTION)
    function = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    if not isinstance(function, types.FunctionType):
        raise Refused(*_undefined(source, module.__dict__))
    return function


def _undefined(source: str, names: dict[str, Any]) -> tuple[str, int | None]:
    """Why there is no function `compute_reward`, and the line."""
    found, home = definition(read(source))
    if found and home:
        return f"{FUNCTION} is inside the class {home.name}; define it outside, without self", found.lineno
    if FUNCTION in names:
        return f"{FUNCTION} is not a function; write def {FUNCTION}(...): with state fields as arguments", None
    defined = [k for k, v in names.items() if isinstance(v, types.FunctionType)]
    have = f"; it defines {', '.join(defined)}" if defined else ""
    return f"the code does not define the function {FUNCTION}{have}", None


def requested(function: Reward, fields: dict[str, Field]) -> dict[str, Field]:
    """The state fields that a reward requests by its argument names."""
    wanted = {}
    line = function.__code__.co_firstlineno
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise Refused(f"{FUNCTION} takes {stars}{name}; it must name the state fields that it reads", line)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise Refused(f"{FUNCTION} takes {name!r} by position only; remove the / from its arguments", line)
        if name in fields:
            wanted[name] = fields[name]
        elif parameter.default is parameter.empty:
            raise Refused(advice.unknown_field(name, list(fields)), line)
    if not wanted:
        raise Refused(f"{FUNCTION} requests no state field; available are {', '.join(fields)}", line)
    return wanted


def trace(define: Callable[[], Reward], wanted: dict[str, Field]) -> tuple[str, int | None]:
    """Run the reward for each of `TRACED_WORLDS`, defined anew, and record its operations.

    Returns:
        The program, and the first line that branches on `any` over worlds (see `HostHabits`) or None.
    """
    (one, names, first, assumed), (two, others, second, _) = (_recorded(define(), wanted, n) for n in TRACED_WORLDS)
    if names != others:
        raise Refused(COUNTS_WORLDS)
    return Writer(one, two, TRACED_WORLDS).text(list(wanted), names, (first, second)), assumed


def _recorded(
    function: Reward, wanted: dict[str, Field], worlds: int
) -> tuple[Recorder, list[str], list[int], int | None]:
    """The recording, the names of the components, the positions of total and components, and the line (see `trace`)."""
    states = [torch.ones((worlds, *field.shape), dtype=DTYPES[field.dtype]) for field in wanted.values()]
    recorder = Recorder(states)
    habits, names = HostHabits(worlds, recorder.constant), []

    def flat(*values: Tensor) -> tuple[Tensor, ...]:
        states = dict(zip(wanted, values, strict=True))
        habits.watch(states)
        with habits:
            total, components = flatten(function(**states), values[0])
        if habits.mutated:
            name, line = habits.mutated
            raise Refused(advice.MUTATES.format(f"its input {name!r}"), line)
        check_shapes(total, components, worlds)
        names[:] = components
        return (total, *components.values())

    with torch.no_grad(), adapted(), recorder:
        results = dispatch_functionalize(flat, Functional())(*states)
        positions = [recorder.position(result) for result in results]
    return recorder, names, positions, habits.assumed


def self_test(
    source: str, text: str, wanted: dict[str, Field], assumed: int | None, worlds: int = TESTED_WORLDS
) -> None:
    """Compare eager execution with the program, three times: finds hidden state, random numbers and clocks.

    This is a quality check, not a safety check: code in the jail can falsify it.
    """
    try:
        program = rebuild(text, wanted, worlds)
    except Rejected as rejection:
        raise Rejected(re.sub(rf"\b{worlds}\b", "N", str(rejection)), rejection.line) from None
    names = ("total", *program.components)
    function = load(source)
    chance = torch.Generator().manual_seed(0)
    for sign in (_as_drawn, _positive, _negative):  # of few signs, masks select all worlds or none
        states = {name: sign(_example(field, worlds, chance)) for name, field in wanted.items()}
        # An assumed branch must give the same result for each world alone.
        parts = [slice(w, w + 1) for w in range(worlds)] if assumed else [slice(None)]
        eager = []
        for part in parts:
            copies = {name: value[part].clone() for name, value in states.items()}
            # Selection by a mask must give the same result without the rewrites.
            with adapted(), HostHabits():
                eager.append(flatten(function(**copies), next(iter(copies.values()))))
        results = program(*states.values())
        for part, result in zip(parts, eager, strict=True):
            for name, a, b in zip(names, [result[0], *result[1].values()], results, strict=True):
                b = b[part]
                if a.numel() > 1 and a.shape != b.shape:
                    raise Refused(f"{name!r} has no value for some worlds, since {advice.MASKED}", return_line(source))
                if torch.allclose(a.to(torch.float32).expand(b.shape), b, rtol=1e-3, atol=1e-4, equal_nan=True):
                    continue
                if assumed:
                    raise Refused(advice.ANY, assumed)
                raise _impure() or Refused(
                    f"{name!r} differs between two calls with the same state: a reward may not keep state, draw random "
                    "numbers, read a clock, or let Python decide by a tensor's values"
                )


def _as_drawn(x: Tensor) -> Tensor:
    return x


def _positive(x: Tensor) -> Tensor:
    return x.abs() if x.is_floating_point() else x


def _negative(x: Tensor) -> Tensor:
    return -x.abs() if x.is_floating_point() else x


def _impure() -> Refused | None:
    """The refusal of what the text did while it was defined."""
    for what, line in impure:
        return Refused(f"the reward {what}; it may depend on the state alone", line)
    return None


def _example(field: Field, worlds: int, chance: torch.Generator) -> Tensor:
    shape = (worlds, *field.shape)
    if field.dtype == "bool":
        return torch.rand(shape, generator=chance) > 0.5
    if "int" in field.dtype:
        return torch.randint(0, 100, shape, generator=chance, dtype=DTYPES[field.dtype])
    return torch.randn(shape, generator=chance, dtype=DTYPES[field.dtype])
