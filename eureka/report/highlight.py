"""Code as markup: highlighted by classes, and differences line by line. The text is a stranger's."""

from __future__ import annotations

import difflib
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
_LONGEST = 60_000
"""Characters beyond which code is shown as it is."""
_MOST_LINES = 3_000
"""Lines beyond which two texts are not compared."""
_CONTEXT = 3
"""Lines that did not change around those that did."""

Sign = Literal["+", "-", " "]


def highlight(code: str) -> list[Markup]:
    """The lines of Python code."""
    code = plain(code.replace("\r\n", "\n")).rstrip("\n")
    if len(code) > _LONGEST:
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


def _class(kind: _TokenType) -> str | None:
    while kind is not Token and kind is not None:
        if kind in _CLASSES:
            return _CLASSES[kind]
        kind = kind.parent  # pyright: ignore[reportAssignmentType]
    return None


@dataclass(frozen=True)
class DiffLine:
    """A line of a difference."""

    sign: Sign
    old: int | None
    """Its number in the old text."""
    new: int | None
    text: Markup


@dataclass(frozen=True)
class Difference:
    """What changed between two texts: groups of lines that lie together."""

    added: int
    removed: int
    groups: tuple[tuple[DiffLine, ...], ...]


def difference(before: str, after: str) -> Difference | None:
    """From one code to another; None where they are too long to be compared."""
    old, new = (plain(text.replace("\r\n", "\n")).rstrip("\n").split("\n") for text in (before, after))
    if max(len(old), len(new)) > _MOST_LINES or len(before) + len(after) > 2 * _LONGEST:
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
    return Difference(_counted(groups, "+"), _counted(groups, "-"), tuple(groups))


def _counted(groups: Iterable[Sequence[DiffLine]], sign: Sign) -> int:
    return sum(line.sign == sign for group in groups for line in group)
