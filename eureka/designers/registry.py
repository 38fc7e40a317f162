"""Designers by the name that `--llm` gives."""

from __future__ import annotations

from pathlib import Path

from eureka.designers.base import Designer, DesignerContext
from eureka.errors import UserError, did_you_mean

NAMES = ("search", "openai", "manual", "transformers", "replay")
HELP = "search, openai:MODEL[@URL], manual[:WHO], transformers:MODEL, or replay:RUN"


def check_name(name: str) -> None:
    """Refuse a designer that does not exist, before anything is begun.

    Raises:
        UserError: with the names that exist.
    """
    kind, _, argument = name.partition(":")
    if kind not in NAMES:
        raise UserError(f"no designer {name!r}{did_you_mean(kind, NAMES)}; there are {HELP}")
    if kind == "search" and argument:
        raise UserError(f"the designer search takes nothing behind a colon, so not {argument!r}")
    if kind in ("replay", "transformers") and not argument:
        raise UserError(f"--llm {kind} needs {'a run' if kind == 'replay' else 'a model'} behind a colon: {HELP}")


def make(around: DesignerContext) -> Designer:
    """The designer that the settings name.

    Raises:
        UserError: it cannot be had: no such run, no key, a package that is missing.
    """
    name = around.settings.llm
    check_name(name)
    kind, _, argument = name.partition(":")
    match kind:
        case "search":
            from eureka.designers.evolutionary import Search

            return Search(around.settings.seed)
        case "replay":
            from eureka.designers.replay import ReplayDesigner

            return ReplayDesigner(Path(argument), around.settings.asking.strict, around.tell)
        case "manual":
            from eureka.designers.manual import Manual

            return Manual(argument, around)
        case "transformers":
            from eureka.designers.huggingface import HuggingFaceDesigner

            return HuggingFaceDesigner(argument, around)
        case _:
            from eureka.designers.openai import OpenAI

            return OpenAI(argument, around)
