"""Syntax highlighting and diffs of untrusted code as HTML."""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape
from pygments.lexers import PythonLexer
from pygments.token import Token, _TokenType

from eureka.text import plain

_CLASSES = {
    Token.Keyword: "k",
    Token.Operator.Word: "k",
    Token.Literal.String: "s",
    Token.Literal.Number: "m",
    Token.Comment: "c",
    Token.Name.Function: "f",
    Token.Name.Decorator: "f",
}
_MAX_CODE = 60_000  # Characters; longer code is not highlighted
_MAX_LINES = 3_000  # Longer texts are not compared
_CONTEXT = 3  # Unchanged lines around a change

Sign = Literal["+", "-", " "]


def highlight(code: str) -> list[Markup]:
    """Highlight Python code, line by line."""
    code = plain(code.replace("\r\n", "\n")).rstrip("\n")
    if len(code) > _MAX_CODE:
        return [escape(line) for line in code.split("\n")]
    lines = [Markup()]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code):
        name = _class(kind)
        for i, part in enumerate(text.split("\n")):
            if i:
                lines.append(Markup())
            if part:
                lines[-1] += Markup('<i class="{}">{}</i>').format(name, part) if name else escape(part)
    return lines


def main_function(code: str) -> tuple[str, str]:
    """The function `compute_reward` of a reward, and the rest of the code; all of it if it cannot be parsed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    found = [f for f in body if isinstance(f, ast.FunctionDef) and f.name == "compute_reward"]
    if not found:
        return code, ""
    lines = re.split(r"\r\n|\r|\n", code)
    first, last = found[-1].lineno - 1, found[-1].end_lineno
    return "\n".join(lines[first:last]), "\n".join([*lines[:first], *lines[last:]]).strip("\n")


def _class(kind: _TokenType) -> str | None:
    while kind is not Token and kind is not None:
        if kind in _CLASSES:
            return _CLASSES[kind]
        kind = kind.parent  # pyright: ignore[reportAssignmentType]
    return None


@dataclass(frozen=True)
class DiffLine:
    """A line of a diff."""

    sign: Sign
    old: int | None  # Line number in the old text
    new: int | None
    text: Markup


@dataclass(frozen=True)
class Difference:
    """A diff of two texts in groups of adjacent lines."""

    added: int
    removed: int
    groups: tuple[tuple[DiffLine, ...], ...]


def difference(before: str, after: str) -> Difference | None:
    """Diff of two codes; None if they are too long."""
    old, new = (plain(text.replace("\r\n", "\n")).rstrip("\n").split("\n") for text in (before, after))
    if max(len(old), len(new)) > _MAX_LINES or len(before) + len(after) > 2 * _MAX_CODE:
        return None
    of_old, of_new = highlight(before), highlight(after)
    groups = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        lines: list[DiffLine] = []
        for kind, i, i_end, j, j_end in group:
            if kind == "equal":
                lines += [DiffLine(" ", i + k + 1, j + k + 1, of_new[j + k]) for k in range(i_end - i)]
            else:
                lines += [DiffLine("-", n + 1, None, of_old[n]) for n in range(i, i_end)]
                lines += [DiffLine("+", None, n + 1, of_new[n]) for n in range(j, j_end)]
        groups.append(tuple(lines))
    return Difference(_count(groups, "+"), _count(groups, "-"), tuple(groups))


def _count(groups: Iterable[Sequence[DiffLine]], sign: Sign) -> int:
    return sum(line.sign == sign for group in groups for line in group)
