"""From a reply to the code in it, with `ast`: what is Python is told apart by parsing, not by its looks."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection
from dataclasses import dataclass

from eureka.runs.candidate import Failed

FUNCTION = "compute_reward"
_TOO_DEEP = (RecursionError, MemoryError)
"""What the parser raises at thousands of nested expressions."""
_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})\s*(?P<info>[^`\s]*)[^`]*$")
_CODE_LIKE = re.compile(r"[\w.]+\s*[=(\[]|[)\]}@]|return\b|(if|for|while|with|try|else)\b.*:\s*$")
"""Beginnings of a line that is meant as code, even if it is wrong."""
_GIVEN = frozenset({"torch", "math", "Tensor", "F", "nn"})
"""Names that a reward's text has without defining them."""


@dataclass(frozen=True)
class Extracted:
    """What was found in a reply."""

    code: str | None
    """Text to compile, or the nearest thing to it that could not be used."""
    failed: Failed | None = None
    """Why there is nothing to compile."""
    notes: tuple[str, ...] = ()
    """What was left aside or put together on the way."""


def extract(reply: str, finish: str = "stop") -> Extracted:
    """The last fenced block that defines `compute_reward`; the whole reply if it is code without a fence.

    Args:
        reply: the designer's text.
        finish: why it ended, as in `Reply.finish`.
    """
    if unusable := _unusable(reply, finish):
        return Extracted(None, Failed(stage="reply", message=unusable))
    blocks = fenced(reply) or [reply]
    trimmed = [_without_prose(block) for block in blocks]
    defining = [i for i, block in enumerate(trimmed) if FUNCTION in _functions(block)]
    if defining:
        return _completed(blocks, trimmed, defining[-1])
    broken = [block for block in blocks if f"def {FUNCTION}" in block]
    if broken:
        return Extracted(broken[-1], _syntax(broken[-1]), _aside(len(blocks) - 1))
    named = [(block, names) for block in blocks if (names := _functions(block))]
    if named:
        block, names = named[-1]
        message = f"the code defines {', '.join(names)} but no function {FUNCTION}"
        return Extracted(block, Failed(stage="extract", message=message))
    return Extracted(None, Failed(stage="extract", message=f"the reply has no code block that defines {FUNCTION}"))


def fenced(text: str) -> list[str]:
    """The contents of all Markdown code fences; an unclosed last one runs to the end."""
    blocks: list[list[str]] = []
    fence, indent = "", 0
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if found and (not fence or found["info"]):  # one with an info string opens a block even inside another
            fence, indent = found["fence"], len(found["indent"])
            blocks.append([])
        elif found and found["fence"].startswith(fence):
            fence = ""
        elif fence:
            blocks[-1].append(line[indent:] if not line[:indent].strip() else line)
    return ["\n".join(block).rstrip("\n") + "\n" for block in blocks]


def _unusable(reply: str, finish: str) -> str | None:
    match finish:
        case "length":
            return "the reply was cut off by the limit on its length; answer more briefly, with the code in full"
        case "refusal":
            return f"the model refused to answer: {reply}"
        case "content_filter":
            return "the reply was cut off by the server's content filter"
        case "skipped":
            return "nobody gave a reply"
        case _:
            return None if reply.strip() else "the reply is empty"


def _completed(blocks: list[str], trimmed: list[str], chosen: int) -> Extracted:
    """The chosen block, with what it needs of the others before it, in their order."""
    missing = unbound(trimmed[chosen])
    parts, used = [trimmed[chosen]], {chosen}
    # What stands before the function, the nearest first; what stands after it only for what is missing still.
    for i in [*reversed(range(chosen)), *range(chosen + 1, len(trimmed))]:
        bound = _bound(trimmed[i])
        if FUNCTION not in bound and missing & bound:
            parts.insert(0, trimmed[i])
            used.add(i)
            missing = (missing - bound) | unbound(trimmed[i])
    notes = _aside(len(blocks) - len(used))
    if len(used) > 1:
        notes += (f"put together from {len(used)} code blocks",)
    if any(trimmed[i] != blocks[i] for i in used):
        notes += ("text beside the code was left out",)
    return Extracted("\n".join(parts), notes=notes)


def _aside(count: int) -> tuple[str, ...]:
    return (f"{count} other code block{'s were' if count != 1 else ' was'} left aside",) if count > 0 else ()


def _without_prose(block: str) -> str:
    """A block that does not parse, less the unindented lines before its first statement and after its last."""
    if f"def {FUNCTION}" not in block or _tree(block) is not None:
        return block
    lines = block.splitlines()
    starts = ("import ", "from ", "def ", "class ", "@", "#", '"""')
    first = next((i for i, line in enumerate(lines) if line.startswith(starts) or _assigns(line)), 0)
    last = max((i for i, line in enumerate(lines) if line[:1] in (" ", "\t") and line.strip()), default=len(lines) - 1)
    shorter = "\n".join(lines[first : last + 1]) + "\n"
    if any(_CODE_LIKE.match(line) for line in (*lines[:first], *lines[last + 1 :])) or _tree(shorter) is None:
        return block
    return shorter


def _assigns(line: str) -> bool:
    tree = _tree(line)
    return bool(tree and tree.body and isinstance(tree.body[0], ast.Assign | ast.AnnAssign))


def _tree(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, *_TOO_DEEP):
        return None


def _functions(code: str) -> list[str]:
    tree = _tree(code)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []


def _bound(code: str) -> set[str]:
    """Names that a block defines at its top level."""
    names: set[str] = set()
    tree = _tree(code)
    for node in tree.body if tree else ():
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.Assign() | ast.AnnAssign():
                names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def unbound(code: str, given: Collection[str] = _GIVEN) -> set[str]:
    """Names that a block reads and nowhere binds, but for builtins and what is `given`."""
    tree = _tree(code)
    if tree is None:
        return set()
    read, bound = set(), _bound(code)
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
    return read - bound - set(given) - set(dir(builtins))


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
