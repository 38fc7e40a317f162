"""Conversion of untrusted JSON to a checked tensor program, without pickle, eval or imports by name.

The format, version 1, is an object with

    version      1
    inputs       names of state fields; they are the values 0, 1, ...
    nodes        each adds one value: {"op": "aten.add.Tensor", "args": [...], "kwargs": {...}, "line": 3},
                 {"op": "get", "args": [value, position]} for one of several results, or
                 {"op": "constant", "dtype": "float32", "shape": [3], "data": [1.0, 2.0, 3.0]}
    outputs      values: the total reward, then one for each component
    components   names

An argument is null, a boolean, a number, a list, or an object with one key: {"value": i}, {"size": k} for k * N
with N worlds, {"dtype": "float32"}, {"float": "inf"}, {"text": "floor"}. Sizes have no other form, so every program
is symbolic in N.
"""

from __future__ import annotations

import hashlib
import json
import math
import operator
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from .limits import MAX_PIECES, MAX_WORLDS, Limits, Rejected
from .names import CREATES, INDEXED, TEXTS
from .ops import ALLOWED, DTYPES, why_not
from .shapes import Size, clamp_index, dry_run, per_world
from .simplify import simplify
from .worlds import WORLDS, require_separate

VERSION = 1
_AXES = 16
_LIST = 1024
"""Maximum length of a list argument."""
_SIZED = frozenset({"size", "shape", "repeats"})
"""Shape arguments, where a size is allowed; elsewhere it would be a number that depends on N."""
RESERVED = frozenset({"total", "reward", "fitness", "episode_length"})
"""Names with another meaning in displays of components."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Field:
    """Shape and dtype of a state field."""

    shape: tuple[int, ...]
    """Without the leading N."""
    dtype: str = "float32"


@dataclass(frozen=True)
class Program:
    """A checked program, ready to run on N worlds."""

    module: fx.GraphModule
    inputs: tuple[str, ...]
    components: tuple[str, ...]
    nodes: int
    worlds: int
    """N."""
    work: int
    """Cost: the number of values computed per world."""

    def __call__(self, *states: Tensor) -> tuple[Tensor, ...]:
        """Total and components, (N,) float32 each, for one tensor (N, ...) per input."""
        return self.module.forward(*states)


def fingerprint(text: str) -> str:
    """SHA-256 of a program's JSON without line numbers."""
    graph = json.loads(text)
    for node in graph["nodes"]:
        node.pop("line", None)
    return hashlib.sha256(json.dumps(graph, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def rebuild(
    text: str, fields: dict[str, Field], worlds: int, device: str = "cpu", limits: Limits | None = None
) -> Program:
    """Check `text` and build the program for N = `worlds` worlds.

    Raises:
        Rejected: the text is invalid in any way.
    """
    _require(0 < worlds <= MAX_WORLDS, f"not 1 to {MAX_WORLDS} worlds")
    try:
        return _Builder(fields, worlds, device, limits or Limits()).build(text)
    except Rejected:
        raise
    except (RecursionError, MemoryError, Exception) as error:  # any error from untrusted text is a rejection
        raise Rejected(f"malformed program: {type(error).__name__}: {str(error)[:120]}") from None


def require_separate_worlds(text: str, fields: dict[str, Field]) -> None:
    """Reject a program in which a world's reward could depend on other worlds or on their number.

    Raises:
        Rejected: with the line.
    """
    try:
        one, two = (_Builder(fields, worlds, "cpu", Limits()) for worlds in WORLDS)
        require_separate(one.check(text), two.check(text), one.components)
    except Rejected:
        raise
    except (RecursionError, MemoryError, Exception) as error:
        raise Rejected(f"malformed program: {type(error).__name__}") from None


class _Builder:
    def __init__(self, fields: dict[str, Field], worlds: int, device: str, limits: Limits):
        self.fields, self.worlds, self.device, self.limits = fields, worlds, torch.device(device), limits
        self.graph = fx.Graph()
        self.root = torch.nn.Module()
        self.values: list[fx.Node] = []
        self.constants: dict[str, Tensor] = {}
        self.line: int | None = None

    def build(self, text: str) -> Program:
        module = self.check(text)
        simplify(module, self.limits.memory * self.worlds, self.device)
        return Program(module, self.inputs, self.components, self.nodes, self.worlds, self.work)

    def check(self, text: str) -> fx.GraphModule:
        """Build the program without simplification; checks every argument and shape."""
        data = _parse(text, self.limits)
        self.inputs, self.components = _names(data["inputs"], "input"), _names(data["components"], "component")
        _require(not RESERVED & set(self.components), "a component has a reserved name")
        _require(len(self.components) <= self.limits.components, f"more than {self.limits.components} components")
        for name in self.inputs:
            _require(name in self.fields, f"unknown input {name!r}")
            self.values.append(self.graph.placeholder(name))
        nodes = data["nodes"]
        _require(isinstance(nodes, list) and len(nodes) <= self.limits.nodes, f"over {self.limits.nodes} operations")
        self.nodes = len(nodes)
        for node in nodes:
            self.values.append(self._node(node))
        outputs = data["outputs"]
        well = isinstance(outputs, list) and len(outputs) == 1 + len(self.components)
        _require(well, "outputs and components differ")
        results = [self._argument(o) for o in outputs]
        _require(all(isinstance(r, fx.Node) for r in results), "an output is not a tensor")
        self.graph.output(tuple(self._per_world(r) for r in results))
        self.graph.eliminate_dead_code()
        self.graph.lint()
        module = fx.GraphModule(self.root, self.graph)
        inputs = [self.fields[name] for name in self.inputs]
        states = [torch.empty((self.worlds, *f.shape), dtype=DTYPES[f.dtype], device="meta") for f in inputs]
        self.work = dry_run(module, states, self.worlds, self.limits, results[0].name)
        return module

    def _node(self, node: Any) -> fx.Node:
        _require(isinstance(node, dict) and isinstance(node.get("op"), str), "a node is not an operation")
        name = node["op"]
        if name == "constant":
            _require(set(node) == {"op", "dtype", "shape", "data"}, "malformed constant")
            return self._constant(node)
        _require({"op", "args"} <= set(node) <= {"op", "args", "kwargs", "line"}, "malformed operation")
        line = node.get("line")
        self.line = line if type(line) is int and 0 < line < 1_000_000 else None
        raw_args, raw_kwargs = node["args"], node.get("kwargs", {})
        _require(isinstance(raw_args, list) and isinstance(raw_kwargs, dict), "malformed arguments")
        args = [self._argument(a) for a in raw_args]
        if name == "get":
            several = len(args) == 2 and isinstance(args[0], fx.Node) and args[0].meta.get("several", 0)
            _require(bool(several) and type(args[1]) is int and 0 <= args[1] < several, "malformed get")
            return self._call(operator.getitem, args, {})
        op = ALLOWED.get(name)
        if op is None:
            raise Rejected(why_not(name), self.line)
        kwargs = {key: self._argument(value) for key, value in raw_kwargs.items()}
        counts = name.startswith("aten.arange.")  # the only operation where a size is a number
        _match(op, [int(a) if counts and isinstance(a, Size) else a for a in args], kwargs)
        _require(kwargs.get("sorter") is None, "the argument sorter is not allowed")  # it would be an index
        if name in CREATES:
            kwargs["device"] = self.device
        if name in INDEXED:
            args = self._clamp_indices(name, args)
        made = self._call(op, args, kwargs)
        made.meta["several"] = _results(op)
        return made

    def _call(self, target: Any, args: list[Any], kwargs: dict[str, Any]) -> fx.Node:
        made = self.graph.call_function(target, tuple(args), kwargs)
        made.meta["line"] = self.line
        return made

    def _constant(self, node: dict[str, Any]) -> fx.Node:
        shape, data, dtype = node["shape"], node["data"], node["dtype"]
        _require(isinstance(dtype, str) and dtype in DTYPES, "malformed constant")
        _require(isinstance(shape, list) and len(shape) <= _AXES, "malformed constant")
        _require(all(type(s) is int and 0 <= s < 1 << 31 for s in shape), "malformed constant")
        _require(isinstance(data, list) and len(data) == math.prod(shape), "malformed constant")
        used = sum(c.numel() for c in self.constants.values())
        _require(used + len(data) <= self.limits.constants, f"over {self.limits.constants} constant numbers")
        numbers = [self._argument(x) for x in data]
        _require(all(isinstance(x, bool | int | float) for x in numbers), "malformed constant")
        name = f"constant_{len(self.constants)}"
        self.constants[name] = torch.tensor(numbers, dtype=DTYPES[dtype], device=self.device).reshape(shape)
        self.root.register_buffer(name, self.constants[name])
        return self.graph.get_attr(name)

    def _argument(self, a: Any, depth: int = 0) -> Any:
        if a is None or isinstance(a, bool):
            return a
        if isinstance(a, int):
            _require(-(1 << 63) <= a < 1 << 63, "an integer is too large")
            return a
        if isinstance(a, float):
            return a
        if isinstance(a, list):
            _require(depth < 4 and len(a) <= _LIST, "a list is too long or nested too deeply")
            return [self._argument(x, depth + 1) for x in a]
        _require(isinstance(a, dict) and len(a) == 1, f"malformed argument {str(a)[:60]!r}")
        ((kind, content),) = a.items()
        if kind == "value" and type(content) is int and 0 <= content < len(self.values):
            return self.values[content]
        if kind == "size" and type(content) is int and 0 < content < 1 << 31:
            return Size(content * self.worlds)
        if kind == "dtype" and isinstance(content, str) and content in DTYPES:
            return DTYPES[content]
        if kind == "float" and content in ("inf", "-inf", "nan"):
            return float(content)
        if kind == "text" and content in TEXTS:
            return content
        raise Rejected(f"malformed argument {str(a)[:60]!r}")

    def _clamp_indices(self, name: str, args: list[Any]) -> list[Any]:
        """Keep every index in range: constants are checked, computed ones are clamped at run time."""
        source = args[0]

        def safe(index: Any, dim: int, negative: bool) -> Any:
            if not isinstance(index, fx.Node):
                return index
            return self._call(clamp_index, [index, source, dim, negative], {})

        if name not in ("aten.index.Tensor", "aten.index_put.default"):
            _require(type(args[1]) is int, "malformed index")
            return [source, args[1], safe(args[2], args[1], negative=False), *args[3:]]
        _require(any(isinstance(t, fx.Node) for t in args[1]), "malformed index")
        return [source, [safe(t, dim, negative=True) for dim, t in enumerate(args[1])], *args[2:]]

    def _per_world(self, value: Any) -> fx.Node:
        return self.graph.call_function(per_world, (value, self.worlds))


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise Rejected(problem)


def _parse(text: str, limits: Limits) -> dict[str, Any]:
    _require(len(text) <= limits.text, "the program is too large")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        _require(len(data) == len(pairs), "a key is given twice")
        return data

    def refuse(literal: str) -> Any:
        raise Rejected(f"the literal {literal} is not allowed")

    def finite(literal: str) -> float:
        _require(math.isfinite(float(literal)), "a number is too large")
        return float(literal)

    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_float=finite)
    except json.JSONDecodeError:
        raise Rejected("the program is not valid JSON") from None
    keys = {"version", "inputs", "nodes", "outputs", "components"}
    _require(isinstance(data, dict) and set(data) == keys and data["version"] == VERSION, "malformed program")
    return data


def _names(names: Any, kind: str) -> tuple[str, ...]:
    valid = isinstance(names, list) and all(isinstance(n, str) and NAME.fullmatch(n) for n in names)
    _require(valid, f"malformed {kind} names")
    _require(len(set(names)) == len(names), f"two {kind}s have the same name")
    return tuple(names)


def _results(op: torch._ops.OpOverload) -> int:
    """Number of result tensors of an operation, 0 for a single one; a list's length is known only at run time."""
    returns = op._schema.returns
    return len(returns) if len(returns) > 1 else MAX_PIECES if "List" in str(returns[0].type) else 0


def _match(op: torch._ops.OpOverload, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Check the arguments against the operation's schema."""
    declared = op._schema.arguments
    _require(len(args) <= len(declared), "too many arguments")
    by_name = {a.name: a for a in declared}
    taken = [a.name for a in declared[: len(args)]]
    _require(set(kwargs) <= set(by_name) - set(taken), "unknown or doubled argument")
    for name in ("device", "layout", "pin_memory"):
        _require(kwargs.get(name) is None, f"the argument {name} is not allowed")
    given = dict(zip(taken, args, strict=True)) | kwargs
    for declaration in declared:
        if declaration.name in given:
            kind = str(declaration.real_type)
            value = given[declaration.name]
            if declaration.name in _SIZED:
                value = [int(v) if isinstance(v, Size) else v for v in value] if isinstance(value, list) else value
            _require(_fits(value, kind), f"{op.name()}: {declaration.name!r} is not a {kind}")
        else:
            _require(declaration.has_default_value(), f"{op.name()} lacks its argument {declaration.name!r}")


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("Optional["):
        return value is None or _fits(value, kind[len("Optional[") : -1])
    if kind.startswith("List["):
        inner = kind[len("List[") : -1]
        return (isinstance(value, list) and all(_fits(v, inner) for v in value)) or (
            inner == "int" and _fits(value, inner)
        )
    match kind:
        case "Tensor":
            if isinstance(value, fx.Node):
                return not value.meta.get("several", 0)
            return type(value) in (int, float, bool)  # torch wraps plain numbers; a Size is not one
        case "ScalarType":
            return isinstance(value, torch.dtype)
        case "int":
            return type(value) is int
        case "float":
            return type(value) in (int, float)
        case "number":
            return type(value) in (int, float, bool)
        case "bool":
            return type(value) is bool
        case "str":
            return isinstance(value, str)
        case _:  # devices, layouts, memory formats: set by the host
            return value is None
