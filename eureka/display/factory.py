"""Creates the display selected with `--display`."""

from __future__ import annotations

import os
import sys

from eureka.display.json_lines import Json
from eureka.display.plain import Plain
from eureka.errors import UserError
from eureka.runs.events import Display, silent

KINDS = ("auto", "live", "plain", "json", "none")


def make(kind: str) -> Display:
    """Create a display; UserError if it does not exist."""
    if kind not in KINDS:
        raise UserError(f"no display {kind!r}; give one of {', '.join(KINDS)}")
    if kind == "auto":
        dumb = os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI")
        kind = "live" if sys.stdout.isatty() and not dumb else "plain"
    match kind:
        case "live":
            from eureka.display.live import Live

            return Live()
        case "plain":
            return Plain()
        case "json":
            return Json()
        case _:
            return silent


def close(display: Display) -> None:
    """Close a display and restore the terminal."""
    end = getattr(display, "close", None)
    if end is not None:
        end()
