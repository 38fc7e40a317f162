"""Printing at any terminal width: long lines are wrapped between words, and tables that are too wide become lists.

No number is cut. Without a terminal, nothing is wrapped, so that programs can read the output.
"""

from __future__ import annotations

import textwrap

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
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
    """Print a table. If it is too wide for the terminal, print each row as a list under its first cell.

    Columns without `no_wrap` are wrapped between words first.
    """
    least = width = natural_width(console, table)
    for column in table.columns:
        longest, words = (max(map(cell_len, texts)) for texts in _texts(column))
        least -= 0 if column.no_wrap else longest - words
    if not console.is_terminal:
        console.width = max(console.width, width)
    if least <= console.width:
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


def natural_width(console: Console, table: Table) -> int:
    """Columns that a table takes if nothing is wrapped."""
    return console.measure(table, options=console.options.update(width=100_000)).maximum


def _texts(column: Column) -> tuple[list[str], list[str]]:
    """The cells of a column with its header, and all words in them."""
    cells = [str(column.header), *map(str, column.cells)]
    return cells, [word for cell in cells for word in cell.split()] or [""]


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
