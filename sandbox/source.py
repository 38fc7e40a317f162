"""A checked program as a plain Python module that needs torch alone.

The text is made of the program's operations, numbers and names: every operation is looked up in `names.py`, every
number is one, and every name is an identifier. It holds nothing else of a candidate's. This module imports no torch.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .names import CREATES, DTYPES, INDEXED, NAMES, TEXTS

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
_OWN = frozenset(("torch", "aten", "math", "worlds", "device", "len", "compute_reward", "_index", "_each"))
"""Names of the module's own."""
_SAME = frozenset(f"aten.{n}.default" for n in ("alias", "clone", "detach", "lift_fresh_copy"))
"""Operations that return their argument, in a program without writes."""
_VIEWS = {"aten.view.default": "aten.reshape.default", "aten._unsafe_view.default": "aten.reshape.default"}
"""Equivalents that do not depend on strides, which may differ from those in the trace."""
_FUNCTIONS = """
abs exp expm1 log log1p log2 log10 sqrt rsqrt square sin cos tan asin acos atan atan2 sinh cosh tanh sigmoid relu
sign floor ceil round trunc maximum minimum isnan isinf isfinite logical_and logical_or logical_not neg reciprocal
"""
"""Operations that are written as `torch.exp(x)`; others as `aten.add.Tensor(x, 1.0)`."""
_HELPERS = {
    "_index": '''
def _index(index, source, dim, low):
    """Indices within the range of a dimension; an index out of range would end a CUDA process."""
    size = source.shape[dim]
    return torch.clamp(index, -size if low else 0, size - 1)
''',
    "_each": '''
def _each(value, worlds):
    """(N,) float32 of a tensor (N,), or of a single number."""
    value = value if value.dim() == 1 and len(value) == worlds else value.reshape(()).expand(worlds)
    return value.to(torch.float32)
''',
}


class Unwritable(ValueError):
    """The text is not a program that can be written as a module; the message is one sentence."""


def module(program: str, about: str, imports: Sequence[str] = ()) -> str:
    """A module with a function `compute_reward` that computes what `program` does.

    Args:
        program: JSON of a program that was checked (`graph.py`).
        about: the docstring of the module, in lines.
        imports: further lines that import modules.

    Raises:
        Unwritable: it is no such program, or reads no state field.
    """
    try:
        writer = _Writer(json.loads(program))
        body = list(writer.lines())
    except Unwritable:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Unwritable(f"malformed program: {type(error).__name__}") from None
    doc = about.replace("\\", "\\\\").replace('"""', "'''")
    numbers = [f"{name} = {value}" for name, value in writer.numbers]
    imported = {*imports, "import torch"}
    if any("math." in line for line in (*body, *numbers)):
        imported.add("import math")
    text = [f'"""{doc}\n"""\n', *sorted(imported), "\naten = torch.ops.aten"]
    text += ["\n# Numbers of the reward, in the order of their use.", *numbers] if numbers else []
    text += [f"\n{_HELPERS[name]}".rstrip() for name in ("_index", "_each") if any(f"{name}(" in line for line in body)]
    text += ["\n", *body]
    return "\n".join(line for line in text if line) + "\n"


class _Writer:
    """The lines of one program."""

    def __init__(self, data: dict[str, Any]):
        self.data = data
        self.inputs = tuple(_identifier(name) for name in data["inputs"])
        self.components = tuple(_word(name) for name in data["components"])
        if not self.inputs:
            raise Unwritable("the reward reads no state field, so it does not know the number of worlds")
        taken = {i for i in self.inputs if i in _OWN or re.fullmatch(r"C\d+", i)}
        if taken:
            raise Unwritable(f"a state field has the name {min(taken)}, which the module needs; rename it")
        prefix = next(p for p in ("v", "v_", "value_") if not any(re.fullmatch(rf"{p}\d+", i) for i in self.inputs))
        self.values: list[str] = [*self.inputs]
        self.prefix = prefix
        self.numbers: list[tuple[str, str]] = []

    def lines(self) -> Iterator[str]:
        """The function."""
        nodes, count = self.data["nodes"], len(self.inputs)
        used = _used(nodes, self.data["outputs"], count)
        body = []
        for i, node in enumerate(nodes, count):
            if i not in used:
                self.values.append("None")
                continue
            expression, plain = self._expression(node)
            if plain:
                self.values.append(expression)
            else:
                self.values.append(f"{self.prefix}{i - count}")
                body.append(f"    {self.values[-1]} = {expression}")
        total, *parts = (self._argument(output) for output in self.data["outputs"])
        if len(parts) != len(self.components):
            raise Unwritable("outputs and components differ")
        yield "@torch.no_grad()"
        yield f"def compute_reward({', '.join(self.inputs)}):"
        yield '    """Total reward (N,) and components by name, (N,) each, of state fields (N, ...)."""'
        yield f"    worlds = len({self.inputs[0]})"
        if any("device=device" in line for line in body):
            yield f"    device = {self.inputs[0]}.device"
        yield from body
        yield "    components = {"
        yield from (
            f'        "{name}": _each({part}, worlds),' for name, part in zip(self.components, parts, strict=True)
        )
        yield "    }"
        yield f"    return _each({total}, worlds), components"

    def _expression(self, node: dict[str, Any]) -> tuple[str, bool]:
        """An operation in Python, and whether it is only another name for a value."""
        name: str = node["op"]
        if name == "constant":
            dtype, shape = _one_of(node["dtype"], DTYPES), [_whole(size) for size in node["shape"]]
            data = ", ".join(_number(x) for x in node["data"])
            flat = f"torch.tensor([{data}], dtype=torch.{dtype}, device=device)"
            return f"{flat}.reshape({shape})", False
        if name == "get":
            source, position = node["args"]
            return f"{self._argument(source)}[{_whole(position)}]", False
        name = _VIEWS.get(name) or name
        kind, overload = _one_of(name.removeprefix("aten."), NAMES).split(".")
        if name in _SAME and len(node["args"]) == 1 and "value" in node["args"][0]:
            return self._argument(node["args"][0]), True
        given = [self._safe(name, node["args"], i) for i in range(len(node["args"]))]
        keys = {_identifier(key): self._argument(value) for key, value in node.get("kwargs", {}).items()}
        if name in CREATES:
            keys["device"] = "device"
        tensors = [isinstance(a, dict) and "value" in a for a in node["args"]]
        if not keys and overload in ("Tensor", "Scalar") and kind in _INFIX and len(given) == 2 and any(tensors):
            return f"{given[0]} {_INFIX[kind]} {given[1]}", False
        shown = [*given, *(f"{key}={value}" for key, value in keys.items())]
        short = kind in _FUNCTIONS.split() and overload == "default" and not keys and all(tensors)
        function = f"torch.{kind}" if short else f"aten.{kind}.{overload}"
        return f"{function}({', '.join(shown)})", False

    def _safe(self, name: str, arguments: list[Any], i: int) -> str:
        """An argument, with computed indices in range, as in `graph.py`."""
        a = arguments[i]
        if name not in INDEXED or i == 0:
            return self._argument(a, number=True)
        if name in ("aten.index.Tensor", "aten.index_put.default"):
            if i != 1:
                return self._argument(a)
            source = self._argument(arguments[0])
            each = [
                "None" if t is None else f"_index({self._argument(t)}, {source}, {dim}, True)"
                for dim, t in enumerate(a)
            ]
            return f"[{', '.join(each)}]"
        if i == 2 and isinstance(a, dict):
            return f"_index({self._argument(a)}, {self._argument(arguments[0])}, {_whole(arguments[1])}, False)"
        return self._argument(a)

    def _argument(self, a: Any, number: bool = False) -> str:
        """An argument in Python; a `number` with a fraction becomes one of the module's."""
        if a is None or isinstance(a, bool):
            return str(a)
        if isinstance(a, int):
            return str(a)
        if isinstance(a, float):
            if not number:
                return _number(a)
            self.numbers.append((f"C{len(self.numbers) + 1}", _number(a)))
            return self.numbers[-1][0]
        if isinstance(a, list):
            return f"[{', '.join(self._argument(x) for x in a)}]"
        ((kind, content),) = a.items()
        match kind:
            case "value":
                if _whole(content) < 0:
                    raise Unwritable("malformed argument")
                return self.values[content]
            case "size":
                return "worlds" if _whole(content) == 1 else f"{content} * worlds"
            case "dtype":
                return f"torch.{_one_of(content, DTYPES)}"
            case "float":
                return _number(a)
            case "text":
                return repr(_one_of(content, TEXTS))
        raise Unwritable("malformed argument")


def _used(nodes: list[Any], outputs: list[Any], count: int) -> set[int]:
    """The values that the outputs need."""
    used: set[int] = set()
    waiting = [*outputs]
    while waiting:
        a = waiting.pop()
        if isinstance(a, list):
            waiting += a
        elif isinstance(a, dict) and "value" in a and a["value"] not in used:
            used.add(_whole(a["value"]))
            if a["value"] >= count:
                node = nodes[a["value"] - count]
                waiting += [*node.get("args", ()), *node.get("kwargs", {}).values()]
    return used


def _word(name: Any) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Unwritable("a name is not an identifier of Python")
    return name


def _identifier(name: Any) -> str:
    if keyword.iskeyword(_word(name)):
        raise Unwritable("a name is not an identifier of Python")
    return str(name)


def _one_of(name: Any, known: tuple[str, ...]) -> str:
    if name not in known:
        raise Unwritable("unknown operation or type")
    return str(name)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise Unwritable("a whole number is expected")
    return value


def _number(value: Any) -> str:
    if isinstance(value, dict):
        return {"inf": "math.inf", "-inf": "-math.inf", "nan": "math.nan"}[value["float"]]
    if type(value) not in (bool, int, float) or not math.isfinite(value):
        raise Unwritable("a number is expected")
    return repr(value)
