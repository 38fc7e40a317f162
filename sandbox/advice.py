"""Error messages for the author of a reward: what is wrong, in which line, what to write instead."""

from __future__ import annotations

import ast
import contextlib
import difflib
import math
import re
import traceback
from collections.abc import Iterable
from typing import Any

import torch

from .habits import ReadsValues
from .results import HARD_CODED, TESTED_WORLDS, sizes
from .text import FILE, read

CONTROL_FLOW = (
    "Python's if, while, and, or, not, float(), int() and bool() cannot depend on a tensor's values; "
    "use torch.where, & and |, or keep the tensor"
)
ANY = "the branch on any() over worlds changes other worlds too; write torch.where(mask, a, b) instead of the if"
MASKED = "selecting by a mask drops the others; use torch.where(mask, a, b)"
MUTATES = "the reward changes {} in place; work on a clone: x = x.clone()"
KEPT = "a tensor that it keeps between calls,"
VALUES_DECIDE_SIZE = "the size of this result depends on values; write out its indices, or use torch.where(mask, a, b)"
_LOOP = "a reward may depend on its own world only, without a loop over worlds: compute with whole tensors (N,)"


def unknown_field(name: str, known: list[str]) -> str:
    """The message for an argument that is not a state field."""
    if name in ("self", "cls"):
        return f"{name!r} is not a state field; remove it, a reward is a function and not a method"
    if name in ("num_envs", "n_envs", "num_worlds", "batch_size", "N"):
        return f"no state field {name!r}; take the number of worlds from a field: {known[0]}.shape[0]"
    whole = name in ("state", "states", "obs", "observation", "observations", "env", "info", "data")
    hint = "" if whole else _similar(name, known, 0.5)
    return f"no state field {name!r}{hint or '; the state has ' + ', '.join(known)}"


def _similar(name: str, known: Iterable[str], cutoff: float = 0.65) -> str:
    close = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], n=3, cutoff=cutoff)
    return f"; similar names are {', '.join(close)}" if close else ""


def explain(error: BaseException, source: str, fields: Iterable[str]) -> tuple[str, int | None]:
    """A one-sentence message for an exception that a candidate's text caused, and the line of the text."""
    lines = source.splitlines()
    if isinstance(error, SyntaxError):
        return f"the code is not valid Python: {error.msg}", error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == FILE]
    line = frames[-1].lineno if frames else getattr(error, "line", None)
    quoted = f" in `{lines[line - 1].strip()[:120]}`" if line and line <= len(lines) else ""
    nodes = _nodes(source, frames[-1]) if frames else []
    return f"{_reason(error, nodes, list(fields))}{quoted}", line


def _nodes(source: str, frame: Any) -> list[ast.AST]:
    """The part of the text that ran in a frame, and the parts around it, innermost first."""
    place = (frame.lineno, frame.end_lineno, frame.colno, frame.end_colno)
    around: list[ast.AST] = []

    def search(n: ast.AST) -> bool:
        if (getattr(n, "lineno", None), *(getattr(n, k, None) for k in _ENDS)) == place or any(
            search(child) for child in ast.iter_child_nodes(n)
        ):
            around.append(n)
            return True
        return False

    with contextlib.suppress(RecursionError):  # in a text that is nested very deeply
        search(read(source))
    return around


_ENDS = ("end_lineno", "col_offset", "end_col_offset")

_INSTEAD = {
    "max": "torch.maximum(a, b), or torch.clamp(x, min=0.0) with a number",
    "min": "torch.minimum(a, b), or torch.clamp(x, max=1.0) with a number",
    "round": "torch.round(x)",
    "divmod": "torch.floor(x / y) and torch.remainder(x, y)",
    "any": "x.any(dim=-1), or a | b",
    "all": "x.all(dim=-1), or a & b",
    "sorted": "torch.sort(x, dim=-1).values",
    "bool": "x.bool()",
    "int": "x.long()",
    "float": "x.float() and torch.where, or keep the tensor",
    "sum": "x.sum(dim=-1)",
    "allclose": "torch.isclose(a, b).all(dim=-1)",
    "equal": "(a == b).all(dim=-1)",
    "tolist": "the tensor itself: keep the tensor",
    "numpy": "the tensor itself: keep the tensor, since numpy cannot be used",
    "item": "the tensor itself: keep the tensor",
    "array": "the tensor itself: keep the tensor",
    "asarray": "the tensor itself: keep the tensor",
    "tensor": "torch.stack([a, b], dim=-1) to join tensors",
}


def _reads(nodes: list[ast.AST]) -> str:
    """The message where Python asks for a tensor's values, by the part of the text that does."""
    n, outer = nodes[0], nodes[1] if len(nodes) > 1 else nodes[0]
    if isinstance(n, ast.Call):
        return _call(ast.unparse(n.func))
    if isinstance(n, ast.BoolOp) or (isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.Not)):
        word = {ast.And: "and", ast.Or: "or"}.get(type(getattr(n, "op", None)), "not")
        return f"Python's {word} cannot combine tensors; use & and | and ~, with each comparison in parentheses"
    if isinstance(n, ast.Compare) and len(n.ops) > 1:
        return "a chain of comparisons cannot compare tensors; use & and write (low < x) & (x < high)"
    if isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.In | ast.NotIn):
        return "Python's in cannot depend on a tensor's values; use (x == a) | (x == b)"
    if isinstance(n, ast.Subscript):
        return "a list or dict cannot be indexed by a tensor; make it one: torch.tensor([...])[index]"
    if isinstance(n, ast.For | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
        return _LOOP
    if isinstance(n, ast.BinOp):
        return "a tensor cannot be combined with a list, text or numpy array; make that a tensor: torch.tensor([...])"
    if isinstance(n, ast.Tuple | ast.List) and isinstance(outer, ast.Assign):
        return "a tensor cannot be unpacked over worlds; use x.unbind(-1) for its columns"
    if isinstance(outer, ast.Assert):
        return "assert cannot depend on a tensor's values; remove it"
    if isinstance(outer, ast.If | ast.While | ast.IfExp | ast.comprehension) or isinstance(n, ast.If | ast.While):
        word = "while" if ast.While in (type(n), type(outer)) else "if"
        return f"Python's {word} cannot depend on a tensor's values; use torch.where(condition, a, b)"
    return CONTROL_FLOW


def _call(name: str) -> str:
    """The message for a call of `name` that cannot take tensors."""
    home, _, last = name.rpartition(".")
    if home.split(".")[0] in ("np", "numpy"):
        path = name.split(".", 1)[-1]
        found = hasattr(torch.linalg if path.startswith("linalg.") else torch, last)
        instead = f"torch.{path}" if found else "the torch function for it, or keep the tensor"
        return f"numpy cannot be used on the state's tensors; use {instead}"
    if last in _INSTEAD:
        return f"{name}() cannot read a tensor's values, one for each world; use {_INSTEAD[last]}"
    if hasattr(math, last) and home in ("", "math"):
        names = {"fabs": "abs", "fsum": "sum", "dist": "norm", "degrees": "rad2deg", "radians": "deg2rad"}
        found = names.get(last, last)
        instead = f"torch.{found}" if hasattr(torch, found) else "functions of torch"
        return f"{name}() takes numbers, not tensors; use {instead}"
    if last in ("range", "list", "tuple", "enumerate", "zip", "iter", "map", "filter"):
        return f"{name}() cannot depend on a tensor's values; {_LOOP}"
    return f"{name}() cannot read a tensor's values, one for each world; use functions of torch and torch.where"


_RULES: tuple[tuple[str, str], ...] = (
    (r"Dimension out of range .*got (-?\d+)", r"there is no dimension \1{shapes}"),
    (r"index (-?\d+) is out of bounds for dimension (\d+) with size (\S+)",
     r"index \1 does not exist: dimension \2 has size \3, and indices begin at 0{shapes}"),
    (r"too many indices", "more indices than the tensor has dimensions{shapes}"),
    (r"reduction dim|cannot be multiplied",
     "the sizes do not fit{shapes}; a product of vectors in each world is (a * b).sum(dim=-1)"),
    (r"size of tensor|[Bb]roadcast|dimension of length|invalid for input of size|expanded size",
     "the sizes do not fit{shapes}{fit}"),
    (r"same number of dimensions", "tensors that are joined need the same number of dimensions{shapes}; "
     "use x[:, :1] or x.unsqueeze(-1) to keep an axis"),
    (r"view a tensor|view size is not compatible", "this view is not possible; use reshape instead"),
    (r"could not infer output dtype|Expected a floating point", "this needs floating-point numbers; use .float()"),
    (r"same dtype|expected scalar type|to have the same", "the dtypes of the tensors differ; use .float()"),
    (r"Promotion of|can't be cast", "an integer or bool tensor cannot take this in place; convert with .float() first"),
    (r"with (a|two) bool tensor|on a bool tensor", "masks are not numbers; convert with .float(), or negate with ~"),
    (r"bitwise_?\w*|implemented on integer and Boolean",
     "&, |, ^ and ~ take bool tensors; put comparisons in parentheses, (a > 0) & (b > 0), and write ** for powers"),
    (r"lshift|rshift", "<< and >> take integers; use * and /"),
    (r"single memory location", "this writes into an expanded tensor; use .clone() first"),
    (r"data pointer", "this copies a tensor in a way that a reward cannot; use x.clone()"),
    (r"CUDA|cuda", "a reward cannot choose a device; leave out cuda and device"),
    (r"not require grad", "a reward has no gradients; write the derivative as a formula"),
    (r"predicate to be bool|condition.*bool", "the condition of torch.where must be a mask; write x > 0"),
    (r"data is not allocated", "torch.tensor() takes numbers; use torch.stack([a, b], dim=-1) to join tensors"),
    (r"(\w+)\(\) received an invalid combination of arguments - got \((.*?)\)", r"\1() cannot take (\2){instead}"),
    (r"(\w+)\(\): argument '\w+' .*must be tensor, not (\w+)", r"\1() takes a tensor, not \2{instead}"),
    (r"(\w+)\(\): argument '\w+' .*must be tuple of Tensors", r"\1() takes a list: torch.\1([a, b], dim=-1)"),
    (r"argument '(\w+)' .*must be (tuple of )?ints?\b", r"the argument \1 takes whole numbers, like x.shape[0]"),
    (r"argument '(axis|axes|keepdims)'", "torch calls these arguments dim and keepdim"),
    (r"'tensor' object is not callable", "a tensor is not a function; index it with [...]"),
    (r"'shape' object is not callable", "the shape of a tensor is x.shape, without ()"),
    (r"invalid data type 'str'|only integers, slices", "a tensor is indexed by whole numbers: x[:, 0]{shapes}"),
    (r"unsupported operand .*for (.+): '(.+)' and '(.+)'", r"\2 and \3 cannot be combined by \1{join}"),
)  # fmt: skip
"""What torch and Python say, by its pattern, and what the author is told."""


def _fit(text: str, shapes: list[str], nodes: list[ast.AST]) -> str:
    """What to do where sizes do not fit."""
    if not re.search(r"\bN\b", text) or "[-1," in text or ", -1]" in text:
        return ""
    small, *big = sorted((shape.strip("(,)").split(", ") for shape in shapes), key=len)
    if len(small) == 2 and len(big) == 1 and len(big[0]) == 3 and small == big[0][::2]:
        operands = [getattr(n, side) for n in nodes[:1] for side in ("left", "right") if hasattr(n, side)]
        name = ast.unparse(operands[shapes[0].count(",") > shapes[1].count(",")]) if len(operands) == 2 else "x"
        name = name if name.isidentifier() else "x"
        return f"; write {name}.unsqueeze(1) for the shape (N, {small[1]})"
    if len(shapes) > 1 and all("N" in shape for shape in shapes):
        return "; add an axis with x.unsqueeze(-1), or reduce one with dim=-1"
    return f"; {HARD_CODED}; a column of a field is x[:, 0]"


def _plain(text: str, worlds: int = TESTED_WORLDS) -> str:
    """A message of torch without its own words."""

    def in_worlds(found: re.Match[str]) -> str:
        rows, rest = divmod(int(found[0]), worlds)
        return found[0] if rest or not rows else "N" if rows == 1 else f"{rows}*N"

    text = re.sub(r"\b\d+\b", in_worlds, (text.strip().splitlines() or [""])[0])
    text = re.sub(r"\b(Fake|Functional|Proxy)?Tensor\b", "tensor", text)
    text = re.sub(r"torch\.return_types\.(\w+)", r"the pair of torch.\1", text)
    return text.replace("torch.Size([", "([").replace("torch.Size", "shape").replace("NoneType", "None")[:200]


def _reason(error: BaseException, nodes: list[ast.AST], fields: list[str]) -> str:
    text, name = _plain(str(error), getattr(error, "worlds", TESTED_WORLDS)), type(error).__name__
    reads = "Boolean value of" in text
    reads = reads or re.search(r"only (one element|integer) tensors|doesn't define __|for divmod|_local_scalar", text)
    reads = reads or (isinstance(error, KeyError) and text.startswith("tensor("))
    if nodes and (isinstance(error, ReadsValues) or reads):
        return _reads(nodes)
    if isinstance(error, ReadsValues) or reads:
        return CONTROL_FLOW
    if nodes and isinstance(nodes[0], ast.Call) and re.match(r"(np|numpy)\.", ast.unparse(nodes[0].func)):
        return _call(ast.unparse(nodes[0].func))
    if "numpy" in text:
        return "numpy cannot be used on the state's tensors; make the array a tensor: torch.tensor(array)"
    if isinstance(error, NameError):
        return _unknown_name(error, fields)
    if isinstance(error, AttributeError):
        return _unknown_attribute(error)
    for kind, message in _KINDS:
        if isinstance(error, kind):
            return message.format(text)
    return _of_torch(error, text, name, nodes)


_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ImportError, "only torch, math, numpy and some of Python can be imported ({}); define the rest in the code"),
    (OSError, "a reward cannot access files, processes or the network ({})"),
    (EOFError, "a reward cannot read input; remove it"),
    (SystemExit, "the code ends the program; remove the call of exit"),
    (MemoryError, "the code needs more memory than a reward may use"),
    (RecursionError, "the code recurses without end"),
)


def _unknown_name(error: NameError, fields: list[str]) -> str:
    name = error.name or ""
    if isinstance(error, UnboundLocalError):
        return f"a variable is read before it has a value ({_plain(str(error))}); give it a value first"
    if name in fields:
        return f"the name {name!r} is not defined; it is a state field: add it to the arguments of compute_reward"
    hint = _similar(name, fields) if name not in ("np", "numpy") else "; add import numpy as np"
    return f"the name {name!r} is not defined{hint or '; define it in the code'}"


def _unknown_attribute(error: AttributeError) -> str:
    name, home = error.name or "", error.obj
    if home is None or not name:
        return f"this value is None or has no {name or 'such attribute'!r}; give it a value first"
    what = "a tensor" if isinstance(home, torch.Tensor) else getattr(home, "__name__", f"a {type(home).__name__}")
    known = {"astype": ".float()", "copy": ".clone()", "x": "p[:, 0]", "y": "p[:, 1]", "z": "p[:, 2]"}
    hint = f"; use {known[name]}" if what == "a tensor" and name in known else _similar(name, dir(home))
    return f"{what} has no attribute {name!r}{hint}"


def _of_torch(error: BaseException, text: str, name: str, nodes: list[ast.AST]) -> str:
    worlds = getattr(error, "worlds", TESTED_WORLDS)
    shapes = [sizes(shape, worlds) for shape in getattr(error, "shapes", ()) if len(shape)]
    told = f" (the shape{'s are' if len(shapes) > 1 else ' is'} {' and '.join(shapes)})" if shapes else ""
    for pattern, message in _RULES:
        found = re.search(pattern, text)
        if found:
            function = (found[1] if found.re.groups else "") or ""
            join = "; make the list a tensor: torch.tensor([...])" if re.search("list|tuple", text) else ""
            if "pair of" in text:
                join = "; take .values of the pair"
            instead = "; use torch.clamp(x, min=0.0, max=1.0), with numbers or tensors for both bounds"
            if function == "where":
                instead = "; use torch.where(mask, a, b) with tensors or numbers"
            elif function not in ("max", "min", "maximum", "minimum", "clamp", "clip"):
                instead = f"; use math.{function} for numbers" if hasattr(math, function) else ""
            if ", not list" in text:
                instead = "; use a + b, or torch.stack([a, b], dim=-1) first"
            message = message.format(shapes=told, fit=_fit(text, shapes, nodes), instead=instead, join=join)
            return found.expand(message)
    return (text if name in ("RuntimeError", "IndexError") else f"{name}: {text}" if text else name) + told
