"""From a reply to the code in it, with `ast`: what is Python is told apart by parsing, not by its looks."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from eureka.candidate import Failed

FUNCTION = "compute_reward"
_TOO_DEEP = (RecursionError, MemoryError)
"""What the parser raises at thousands of nested expressions."""


@dataclass(frozen=True)
class Extracted:
    """What was found in a reply."""

    code: str | None
    """Text to compile, or the nearest thing to it that could not be used."""
    failed: Failed | None = None
    """Why there is nothing to compile."""
    ignored: int = 0
    """Fenced blocks that were left aside."""


def extract(reply: str) -> Extracted:
    """The last fenced block that defines `compute_reward`; the whole reply if it is code without a fence."""
    blocks = fenced(reply) or [reply]
    defining = [block for block in blocks if FUNCTION in _functions(block)]
    if defining:
        return Extracted(defining[-1], ignored=len(blocks) - 1)
    broken = [block for block in blocks if f"def {FUNCTION}" in block]
    if broken:
        return Extracted(broken[-1], _syntax(broken[-1]), len(blocks) - 1)
    others = [(block, _functions(block)) for block in blocks]
    named = [(block, names) for block, names in others if names]
    if named:
        block, names = named[-1]
        message = f"the code defines {', '.join(names)} but no function {FUNCTION}"
        return Extracted(block, Failed(stage="extract", message=message))
    return Extracted(None, Failed(stage="extract", message=f"the reply has no code block that defines {FUNCTION}"))


def fenced(text: str) -> list[str]:
    """The contents of all Markdown code fences; an unclosed last one runs to the end."""
    blocks: list[list[str]] = []
    fence = ""
    for line in text.splitlines():
        stripped = line.strip()
        if not fence and stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
            blocks.append([])
        elif fence and stripped == fence:
            fence = ""
        elif fence:
            blocks[-1].append(line)
    return ["\n".join(block) + "\n" for block in blocks]


def _functions(code: str) -> list[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, *_TOO_DEEP):
        return []
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def _syntax(block: str) -> Failed:
    try:
        ast.parse(block)
    except SyntaxError as error:
        return Failed(stage="compile", message=f"the code is not valid Python: {error.msg}", line=error.lineno)
    except ValueError as error:
        return Failed(stage="compile", message=f"the code is not valid Python: {error}")
    except _TOO_DEEP:
        return Failed(stage="compile", message="the code is nested too deeply to be read")
    return Failed(stage="extract", message=f"{FUNCTION} is defined inside something else; define it at the top level")
