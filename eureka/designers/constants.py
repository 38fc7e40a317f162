"""The numbers of a reward apart from its structure, and the designer `constants`, which varies them.

A number that scales, divides, shifts or limits a quantity is a constant. Exponents, indices, dimensions, integers that
multiply nothing, numbers next to pi, ones in sums such as `1.0 - x`, and very small ones such as 1e-8 are structure.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eureka.designers.base import Request
from eureka.designers.extraction import FUNCTION
from eureka.errors import UserError
from eureka.runs.candidate import Known
from eureka.runs.replies import Answer, Reply
from eureka.system.seeds import derive

_STRUCTURAL = frozenset(("dim", "axis", "p", "ord", "dtype", "device", "keepdim", "size", "decimals"))
"""Keyword arguments whose numbers are structure."""
_LEAST, _MOST = 1e-5, 1e6
_STEP, _DECAY = 0.5, 0.7
"""Standard deviation of a constant's logarithm in the first generation, and its factor for each later one."""
_CHANGED = 6  # Constants that a trial changes, on average, at most


@dataclass(frozen=True)
class _Number:
    """A number in a text: (line, first, last byte) of its place, and whether it is a name's value in the module."""

    name: str
    value: float
    place: tuple[int, int, int]
    named: bool


def constants(code: str) -> dict[str, float]:
    """The constants of a reward's code by the names that `with_values` takes, in the order of the text.

    A constant that the module assigns to a name has that name; others are named after what they are assigned to.

    Raises:
        SyntaxError: `code` is not Python.
    """
    return {number.name: number.value for number in _numbers(code)}


def require_constants(code: str, origin: str) -> None:
    """Raise a UserError if a reward, which comes from `origin`, is not Python or has no constants."""
    try:
        found = constants(code)
    except SyntaxError as error:
        raise UserError(f"{origin}, line {error.lineno}: {error.msg}") from None
    if not found:
        raise UserError(f"{origin} has no constants to tune: no number in it scales, divides or limits a quantity")


def with_values(code: str, values: Mapping[str, float]) -> str:
    """The code with other values, and with all of its constants as names at the top of the module.

    Args:
        code: the reward's text.
        values: a value for each of `constants(code)`; one that differs from the code's is rounded to three digits.
    """
    lines = [line.encode() for line in code.splitlines()]
    numbers = _numbers(code)
    for number in sorted(numbers, key=lambda n: n.place, reverse=True):
        line, first, last = number.place
        new = _text(number, values) if number.named else number.name
        lines[line] = lines[line][:first] + new.encode() + lines[line][last:]
    begin = _after_imports(ast.parse(code))
    block = [f"{n.name} = {_text(n, values)}".encode() for n in numbers if not n.named]
    lines[begin:begin] = [b"", *block] if block and begin else block
    return b"\n".join(lines).decode() + "\n"


def _text(number: _Number, values: Mapping[str, float]) -> str:
    value = values[number.name]
    return repr(value) if value == number.value else _rounded(value)


def _rounded(value: float) -> str:
    return repr(float(f"{value:.3g}"))


def _after_imports(tree: ast.Module) -> int:
    """Number of lines up to the end of the docstring and the imports at the top."""
    end = 0
    for node in tree.body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (text or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        end = node.end_lineno or end
    return end


def _numbers(code: str) -> list[_Number]:
    tree = ast.parse(code)
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    taken |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    found: list[_Number] = []
    for node, above in sorted(_tunable(tree, ()), key=lambda pair: (pair[0].lineno, pair[0].col_offset)):
        assigned = _module_name(above)
        name = assigned or _unused(_stem(node, above), taken)
        taken.add(name)
        place = (node.lineno - 1, node.col_offset, node.end_col_offset or 0)
        found.append(_Number(name, float(node.value), place, assigned is not None))  # type: ignore[arg-type]
    return found


Above = tuple[ast.AST, ...]  # The nodes that hold one, from the module down


def _tunable(node: ast.AST, above: Above) -> Iterator[tuple[ast.Constant, Above]]:
    if isinstance(node, ast.Constant):
        if _is_constant(node, above):
            yield node, above
        return
    for field, value in ast.iter_fields(node):
        structure = isinstance(node, ast.Subscript) and field == "slice"
        structure |= isinstance(node, ast.keyword) and node.arg in _STRUCTURAL
        structure |= field in ("annotation", "returns", "decorator_list")
        if not structure:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _tunable(child, (*above, node))


def _is_constant(node: ast.Constant, above: Above) -> bool:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not _LEAST < abs(value) < _MOST:
        return False
    inner: ast.AST = node
    for outer in reversed(above):
        if isinstance(outer, ast.UnaryOp):
            inner = outer
            continue
        if not isinstance(outer, ast.BinOp):
            break
        other = outer.left if outer.right is inner else outer.right
        if isinstance(outer.op, ast.Pow | ast.FloorDiv | ast.Mod) or _is_number(other):
            return False
        if isinstance(outer.op, ast.Add | ast.Sub):
            return isinstance(value, float) and value != 1.0
        return True  # a factor or a divisor, which may be an integer
    return isinstance(value, float)


def _is_number(node: ast.AST) -> bool:
    """Whether an operand is a number by itself: a literal or `math.pi`."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    of_math = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "math"
    return of_math or (isinstance(node, ast.Constant) and isinstance(node.value, int | float))


def _module_name(above: Above) -> str | None:
    """The name that the module assigns the number to, if that is all that the statement does."""
    while above and isinstance(above[-1], ast.UnaryOp):
        return None  # `LIMIT = -0.5`: the value of the name is not the number
    if len(above) != 2:
        return None
    match above[1]:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _stem(node: ast.AST, above: Above) -> str:
    """What a number is called: after its key, keyword or the variable that its statement assigns."""
    parts: list[str] = []
    inner = node
    for outer in reversed(above):
        match outer:
            case ast.keyword(arg=str(name)):
                parts.insert(0, name)
            case ast.Dict(keys=keys, values=values) if inner in values:
                key = keys[values.index(inner)]  # type: ignore[arg-type]
                parts.insert(0, str(key.value) if isinstance(key, ast.Constant) else "")
            case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)):
                parts.insert(0, name)
            case ast.AugAssign(target=ast.Name(id=name)):
                parts.insert(0, name)
            case ast.FunctionDef(name=name) if not parts:
                parts.insert(0, "reward" if name == FUNCTION else name)
        inner = outer
    words = re.sub(r"\W+", "_", "_".join(filter(None, parts)), flags=re.ASCII).strip("_").upper()
    return words if words and not words[0].isdigit() else f"CONSTANT_{words}".rstrip("_")


def _unused(stem: str, taken: set[str]) -> str:
    names = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


class ConstantTuner:
    """Varies the constants of the request's parent: an evolution strategy with mirrored log-normal steps.

    Each pair of slots moves some of the constants by factors, one by their inverses (Brockhoff et al. 2010). With the
    strategy `elite` the parent is the best so far, the start included, so that this is a (1 + lambda) strategy.
    """

    name = "constants"

    def __init__(self, seed: int):
        self._seed = seed

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for request in requests:
            yield Answer(replies=tuple(self._reply(request, slot) for slot in request.slots), model=self.name)

    def _reply(self, request: Request, slot: int) -> Reply:
        code = request.parent.code if request.parent else None
        old = constants(code) if code else {}
        if code is None or not old:
            raise UserError("--llm constants varies the numbers of a reward, and its parent has none; tune another one")
        chance = random.Random(derive(self._seed, "constants", request.generation, slot // 2, request.attempt))
        share = min(1.0, _CHANGED / len(old))
        moved = [name for name in old if chance.random() < share] or [chance.choice([*old])]
        # What failed is tried again closer to its parent.
        size = _STEP * _DECAY ** (request.generation - 1) * 0.5**request.attempt * (1 - 2 * (slot % 2))
        values = old | {name: old[name] * math.exp(size * chance.gauss(0.0, 1.0)) for name in moved}
        changed = ", ".join(f"{name} {_rounded(old[name])} -> {_rounded(values[name])}" for name in moved)
        return Reply(slot=slot, text=f"{changed}.\n\n```python\n{with_values(code, values)}```\n")

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None
