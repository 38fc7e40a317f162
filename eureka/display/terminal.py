"""Printing that can be read at any width: lines are folded between words, and tables too wide become lists.

Where there is no terminal, everything is as long as it is: a program may read it, or a wider screen show it.
"""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eureka.text import plain

_LEAST = 20
"""Columns below which folding only makes things worse."""


def console() -> Console:
    """The standard output."""
    return Console(highlight=False, soft_wrap=True)


def say(console: Console, text: str, style: str = "") -> None:
    """Print a text, which may hold a stranger's words."""
    clean = plain(text)
    if console.is_terminal:
        clean = fold(clean, console.width)
    console.print(Text(clean, style))


def show(console: Console, table: Table) -> None:
    """Print a table; where it is too wide for the terminal, each row as a list under its first cell."""
    if not console.is_terminal or console.measure(table, options=console.options.update(width=1000)).maximum <= (
        console.width
    ):
        console.print(table)
        return
    names = [plain(str(column.header)) for column in table.columns]
    wide = max(map(len, names[1:]), default=0)
    console.print()
    if names[0]:
        console.print(Text(fold(names[0], console.width), "dim"))
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = map(str, cells)
        console.print(Text(plain(first), "bold"))
        for name, cell in zip(names[1:], others, strict=True):
            say(console, f"  {name:<{wide}}  {cell}")


def fold(text: str, width: int) -> str:
    """Every line at most `width` columns long where its words allow; what goes on is indented."""
    if width < _LEAST:
        return text
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    begin = line[: len(line) - len(line.lstrip())]
    after = " " * min(len(begin) + 4, width // 2)
    return textwrap.fill(line.lstrip(), width, initial_indent=begin, subsequent_indent=after, break_on_hyphens=False)
