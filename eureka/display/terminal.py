"""Printing at any terminal width: long lines are wrapped between words, and tables that are too wide become lists.

Without a terminal, nothing is wrapped, so that programs can read the output.
"""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eureka.text import plain

_MIN_WIDTH = 20  # Columns below which lines are not wrapped


def console() -> Console:
    """The standard output."""
    return Console(highlight=False, soft_wrap=True)


def say(console: Console, text: str, style: str = "") -> None:
    """Print a text, which may be untrusted."""
    clean = plain(text)
    if console.is_terminal:
        clean = fold(clean, console.width)
    console.print(Text(clean, style))


def show(console: Console, table: Table) -> None:
    """Print a table. If it is too wide for the terminal, print each row as a list under its first cell."""
    wide = console.options.update(width=1000)
    if not console.is_terminal or console.measure(table, options=wide).maximum <= console.width:
        console.print(table)
        return
    names = [plain(str(column.header)) for column in table.columns]
    width = max(map(len, names[1:]), default=0)
    console.print()
    if names[0]:
        console.print(Text(fold(names[0], console.width), "dim"))
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = map(str, cells)
        console.print(Text(plain(first), "bold"))
        for name, cell in zip(names[1:], others, strict=True):
            say(console, f"  {name:<{width}}  {cell}")


def fold(text: str, width: int) -> str:
    """Wrap lines at `width` columns between words; continuation lines are indented."""
    if width < _MIN_WIDTH:
        return text
    return "\n".join(_fold_line(line, width) for line in text.split("\n"))


def _fold_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    begin = line[: len(line) - len(line.lstrip())]
    after = " " * min(len(begin) + 4, width // 2)
    return textwrap.fill(line.lstrip(), width, initial_indent=begin, subsequent_indent=after, break_on_hyphens=False)
