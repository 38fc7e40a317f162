"""Renders templates. Text of a run is untrusted: control characters are removed and markup is escaped."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from eureka.config.settings import Settings
from eureka.report import charts, highlight, lineage, svg, terms
from eureka.report.run_view import Prompt, RunView
from eureka.report.state import MEANINGS
from eureka.text import clock, command, duration, number, plain, shown

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


def render(template: str, **values: object) -> str:
    """Render a template of `templates/`. The result can always be encoded as UTF-8."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=_final,
    )
    made.filters |= {
        "number": number,
        "clock": clock,
        "date": _date,
        "seconds": _seconds,
        "duration": duration,
        "anchor": anchor,
    }
    made.filters |= {
        "cut": _cut,
        "short": _short,
        "one_line": shown,
        "flat": flat,
        "fenced": _fenced,
        "provenance": _provenance,
    }
    made.globals |= {
        "charts": charts,
        "now": time.time,
        "command": command,
        "difference": highlight.difference,
        "highlighted": highlight.highlight,
        "main_function": highlight.main_function,
        "lineage": lineage.lineage,
        "ancestors": lineage.ancestors,
        "shapes": svg.shapes,
        "meanings": MEANINGS,
        "explain": terms.explain,
        "explained": terms.explained,
        "unseen": _unseen,
    }
    return made


def _final(value: Any) -> Any:
    """Remove control characters from an expression before it is escaped; trusted markup is unchanged."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _date(seconds: float | None) -> str:
    """Format a time in the local time zone, e.g. `2026-11-21 23:05`."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "-"


def _seconds(seconds: float) -> str:
    """Format a duration, e.g. `3.2 s` or `1:02:03`; `-` for zero."""
    return "-" if seconds <= 0 else f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def _short(text: str, most: int) -> str:
    """Truncate a text at its end, on one line."""
    clean = shown(text)
    return clean if len(clean) <= most else clean[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _cut(text: str, most: int) -> str:
    """Omit the middle of a long text."""
    if len(text) <= most:
        return text
    left_out = len(text) - most
    return f"{text[: most // 2]}\n[... {left_out:,} characters omitted ...]\n{text[-most // 2 :]}"


def _fenced(text: str) -> list[str]:
    """Text and code blocks in turns, without the lines of the fences."""
    return re.split(r"^[ \t]*```[^\n]*\n?", text, flags=re.MULTILINE)


def flat(settings: Settings) -> list[tuple[str, str]]:
    """Settings with dotted names, without those that are empty."""

    def walk(prefix: str, value: Any) -> list[tuple[str, str]]:
        if isinstance(value, dict):
            return [pair for key, inner in value.items() for pair in walk(f"{prefix}.{key}" if prefix else key, inner)]
        if isinstance(value, list | tuple) and value:
            return [(prefix, ", ".join(map(str, value)))]
        said = f"{value:,}" if type(value) is int else shown(str(value))
        return [] if value in (None, "", [], ()) else [(prefix, said)]

    return walk("", settings.model_dump())


def _provenance(run: RunView) -> list[tuple[str, str]]:
    """Origin of the results: versions, models, sandbox."""
    pairs = [
        ("run", run.name),
        ("task", run.task),
        ("seed", str(run.settings.seed)),
        ("started", _date(run.costs.began)),
    ]
    pairs += [("last record", _date(run.costs.ended))]
    pairs += [("replies from", ", ".join(map(shown, run.costs.models)))] if run.costs.models else []
    pairs += [(name, shown(value)) for name, value in run.versions.items()]
    sandbox = run.started.sandbox if run.started else {}
    pairs += [(f"sandbox, {key}", shown(str(value))) for key, value in sandbox.items() if value not in ([], (), None)]
    fence = run.started.fence if run.started else ""
    return [*pairs, ("trainer fenced by", shown(fence) if fence else "nothing recorded")]


def anchor(name: str) -> str:
    """Convert a candidate's name to an HTML anchor."""
    return "".join(c if c.isalnum() else "-" for c in name)[:40]


def _unseen(prompts: tuple[Prompt, ...]) -> list[list[int | None]]:
    """For each message of each prompt, the number of an earlier prompt with the same message; None if it is new."""
    first: dict[tuple[str, str], int] = {}
    found = []
    for number_, prompt in enumerate(prompts, 1):
        row = []
        for message in prompt.messages:
            seen = first.setdefault((message.role, message.content), number_)
            row.append(None if seen == number_ else seen)
        found.append(row)
    return found
