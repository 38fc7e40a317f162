"""Creates the designer selected with `--llm`."""

from __future__ import annotations

from pathlib import Path

from eureka.designers.base import Designer, DesignerContext
from eureka.errors import UserError, did_you_mean

NAMES = ("search", "openai", "manual", "transformers", "replay")
HELP = "search, openai:MODEL[@URL], manual[:WHO], transformers:MODEL, or replay:RUN"


def check_name(name: str) -> None:
    """Validate the value of `--llm`; UserError if there is no such designer or its argument is missing."""
    kind, _, argument = name.partition(":")
    if kind not in NAMES:
        raise UserError(f"no designer {name!r}{did_you_mean(kind, NAMES)}; give {HELP}")
    if kind == "search" and argument:
        raise UserError(f"the designer search takes no argument, but got {argument!r}; give --llm search")
    if kind in ("replay", "transformers") and not argument:
        raise UserError(f"--llm {kind} needs {'a run' if kind == 'replay' else 'a model'} after a colon: {HELP}")


def make(around: DesignerContext) -> Designer:
    """Create the designer of the settings; UserError if a recorded run, an API key or a package is missing."""
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
