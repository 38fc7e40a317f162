"""Creates the designer selected with `--llm`."""

from __future__ import annotations

import re
from pathlib import Path

from eureka.designers.base import Designer, DesignerContext
from eureka.designers.providers import PROVIDERS
from eureka.errors import UserError, did_you_mean

NAMES = ("search", *PROVIDERS, "manual", "transformers", "replay", "constants", "python")
HELP = (
    "search, openai:MODEL[@URL] (or anthropic, gemini, ollama, openrouter), manual[:WHO], transformers:MODEL, "
    "replay:RUN, or constants"
)


def check_name(name: str) -> None:
    """Validate the value of `--llm`; UserError if there is no such designer or its argument is missing."""
    kind, _, argument = name.partition(":")
    if kind not in NAMES:
        near = _near(name)
        raise UserError(
            f"no designer {name!r}{f' (did you mean {near}?)' if near else did_you_mean(kind, NAMES)}; give {HELP}"
        )
    if kind in ("search", "constants") and argument:
        raise UserError(f"the designer {kind} takes no argument, but got {argument!r}; give --llm {kind}")
    if kind in ("replay", "transformers") and not argument:
        raise UserError(f"--llm {kind} needs {'a run' if kind == 'replay' else 'a model'} after a colon: {HELP}")


_FAMILIES = {
    "openai": r"gpt|o\d|chatgpt|codex",
    "anthropic": r"claude",
    "gemini": r"gemini|google",
    "ollama": r"llama|qwen|mistral|gemma|phi|deepseek|codellama|starcoder|granite",
}
"""How names of models begin that people give without a kind of server."""


def _near(name: str) -> str | None:
    """The designer that was probably meant with the name of a model, a vendor or an address."""
    kind, _, rest = name.partition(":")
    if kind in ("http", "https"):
        return f"openai:MODEL@{name}"
    if "/" in name and re.fullmatch(r"[\w.-]+/[\w.:-]+", name):
        return f"openrouter:{name}"
    for provider, begins in _FAMILIES.items():
        if re.match(begins, name, re.IGNORECASE):
            vendor = rest and not re.search(r"\d", kind)  # `claude:MODEL`, as opposed to `qwen3:8b`
            return f"{provider}:{rest if vendor and provider != 'ollama' else name}"
    return None


def make(around: DesignerContext) -> Designer:
    """Create the designer of the settings; UserError if a recorded run, an API key or a package is missing."""
    name = around.settings.llm
    check_name(name)
    kind, _, argument = name.partition(":")
    match kind:
        case "search":
            from eureka.designers.evolutionary import Search

            return Search(around.settings.seed)
        case "constants":
            from eureka.designers.constants import ConstantTuner

            return ConstantTuner(around.settings.seed)
        case "replay":
            from eureka.designers.replay import ReplayDesigner

            return ReplayDesigner(Path(argument), around.settings.asking.strict, around.tell)
        case "manual":
            from eureka.designers.manual import Manual

            return Manual(argument, around)
        case "python":
            from eureka.designers.function import designer_of

            return designer_of(around.given, argument)
        case "transformers":
            from eureka.designers.huggingface import HuggingFaceDesigner

            return HuggingFaceDesigner(argument, around)
        case _:
            from eureka.designers.openai import OpenAI

            return OpenAI(name, around)
