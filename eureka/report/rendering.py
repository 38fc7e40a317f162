"""Templates to markup. The text of a run is untrusted: all of it loses its control characters, and is escaped."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from eureka.config.settings import Settings
from eureka.report import charts, highlight, lineage, svg
from eureka.report.run_view import Prompt, RunView
from eureka.report.state import MEANINGS
from eureka.text import clock, number, plain, shown

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


def render(template: str, **values: object) -> str:
    """A template of `templates/`, filled in; encodes as UTF-8 whatever the values hold."""
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
    made.filters |= {"number": number, "clock": clock, "date": _date, "seconds": _seconds, "anchor": anchor}
    made.filters |= {"cut": _cut, "short": _short, "one_line": shown, "flat": _flat, "provenance": _provenance}
    made.globals |= {
        "charts": charts,
        "difference": highlight.difference,
        "highlighted": highlight.highlight,
        "lineage": lineage.lineage,
        "ancestors": lineage.ancestors,
        "shapes": svg.shapes,
        "meanings": MEANINGS,
        "unseen": _unseen,
    }
    return made


def _final(value: Any) -> Any:
    """What an expression gives, before it is escaped; markup was made here, and its parts were clean."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _date(seconds: float | None) -> str:
    """`2026-11-21 23:05`, in this machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "-"


def _seconds(seconds: float) -> str:
    """`3.2 s` below a minute, `1:02:03` above; a dash for nothing."""
    return "-" if seconds <= 0 else f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def _short(text: str, most: int) -> str:
    """A text for one line, its end left out where it is longer than that."""
    clean = shown(text)
    return clean if len(clean) <= most else clean[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _cut(text: str, most: int) -> str:
    """A long text without its middle, saying so."""
    if len(text) <= most:
        return text
    left_out = len(text) - most
    return f"{text[: most // 2]}\n[... {left_out:,} characters are left out here ...]\n{text[-most // 2 :]}"


def _flat(settings: Settings) -> list[tuple[str, str]]:
    """Settings by dotted names, those that are not given left out."""

    def walk(prefix: str, value: Any) -> list[tuple[str, str]]:
        if isinstance(value, dict):
            return [pair for key, inner in value.items() for pair in walk(f"{prefix}.{key}" if prefix else key, inner)]
        if isinstance(value, list | tuple):
            return [(prefix, ", ".join(map(str, value)))]
        return [] if value is None else [(prefix, shown(str(value)))]

    return walk("", settings.model_dump())


def _provenance(run: RunView) -> list[tuple[str, str]]:
    """What the numbers rest on besides the settings."""
    pairs = [("run", run.name), ("task", run.task), ("seed", str(run.settings.seed)), ("began", _date(run.costs.began))]
    pairs += [("last record", _date(run.costs.ended)), ("replies from", ", ".join(map(shown, run.costs.models)) or "-")]
    pairs += [(name, shown(value)) for name, value in run.versions.items()]
    sandbox = run.started.sandbox if run.started else {}
    pairs += [(f"sandbox, {key}", shown(str(value))) for key, value in sandbox.items() if value not in ([], (), None)]
    fence = run.started.fence if run.started else ""
    return [*pairs, ("trainer fenced by", shown(fence) if fence else "nothing recorded")]


def anchor(name: str) -> str:
    """A candidate's name as a page's anchor."""
    return "".join(c if c.isalnum() else "-" for c in name)[:40]


def _unseen(prompts: tuple[Prompt, ...]) -> list[list[int | None]]:
    """For each message of each prompt, the number of the earlier prompt that holds it too; None for a new one."""
    first: dict[tuple[str, str], int] = {}
    found = []
    for number_, prompt in enumerate(prompts, 1):
        row = []
        for message in prompt.messages:
            seen = first.setdefault((message.role, message.content), number_)
            row.append(None if seen == number_ else seen)
        found.append(row)
    return found
