"""Extraction of reward code from a reply; code is recognised by parsing it with `ast`."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection
from dataclasses import dataclass

from eureka.runs.candidate import Failed

FUNCTION = "compute_reward"
_TOO_DEEP = (RecursionError, MemoryError)  # Errors of the parser on thousands of nested expressions
_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})\s*(?P<info>[^`\s]*)[^`]*$")
_CODE_LIKE = re.compile(r"[\w.]+\s*[=(\[]|[)\]}@]|return\b|(if|for|while|with|try|else)\b.*:\s*$")
"""Start of a line that is meant as code, even if it is invalid."""
_PREDEFINED = frozenset({"torch", "math", "Tensor", "F", "nn"})  # Names that the sandbox defines for a reward


@dataclass(frozen=True)
class Extracted:
    """The code found in a reply."""

    code: str | None  # Code to compile, or the closest match that cannot be used
    failed: Failed | None = None  # Why no code can be compiled
    notes: tuple[str, ...] = ()  # Code blocks that were ignored or combined


def extract(reply: str, finish: str = "stop") -> Extracted:
    """Find the last fenced block that defines `compute_reward`, or take the whole reply if it is code without a fence.

    Args:
        reply: the designer's text.
        finish: the finish reason, as in `Reply.finish`.
    """
    if unusable := _unusable(reply, finish):
        return Extracted(None, Failed(stage="reply", message=unusable))
    blocks = code_blocks(reply) or [reply]
    trimmed = [_without_prose(block) for block in blocks]
    defining = [i for i, block in enumerate(trimmed) if FUNCTION in _functions(block)]
    if defining:
        return _complete(blocks, trimmed, defining[-1])
    broken = [block for block in blocks if f"def {FUNCTION}" in block]
    if broken:
        return Extracted(broken[-1], _syntax(broken[-1]), _ignored(len(blocks) - 1))
    named = [(block, names) for block in blocks if (names := _functions(block))]
    if named:
        block, names = named[-1]
        message = f"the code defines {', '.join(names)} but no function {FUNCTION}"
        return Extracted(block, Failed(stage="extract", message=message))
    return Extracted(None, Failed(stage="extract", message=f"the reply has no code block that defines {FUNCTION}"))


def code_blocks(text: str) -> list[str]:
    """The contents of all Markdown code fences; an unclosed last fence extends to the end."""
    blocks: list[list[str]] = []
    fence, indent = "", 0
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if found and (not fence or found["info"]):  # a fence with an info string opens a block even inside another
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
            return "the reply was cut off by the length limit; answer more briefly, with the complete code"
        case "refusal":
            return f"the model refused to answer: {reply}"
        case "content_filter":
            return "the reply was cut off by the server's content filter"
        case "skipped":
            return "no reply was given"
        case _:
            return None if reply.strip() else "the reply is empty"


def _complete(blocks: list[str], trimmed: list[str], chosen: int) -> Extracted:
    """The chosen block, preceded by the blocks that define the names it needs."""
    missing = unbound_names(trimmed[chosen])
    parts, used = [trimmed[chosen]], {chosen}
    # Blocks before the chosen one come first, nearest first; later blocks only define names that are still missing.
    for i in [*reversed(range(chosen)), *range(chosen + 1, len(trimmed))]:
        bound = _bound_names(trimmed[i])
        if FUNCTION not in bound and missing & bound:
            parts.insert(0, trimmed[i])
            used.add(i)
            missing = (missing - bound) | unbound_names(trimmed[i])
    notes = _ignored(len(blocks) - len(used))
    if len(used) > 1:
        notes += (f"combined {len(used)} code blocks",)
    if any(trimmed[i] != blocks[i] for i in used):
        notes += ("text around the code was removed",)
    return Extracted("\n".join(parts), notes=notes)


def _ignored(count: int) -> tuple[str, ...]:
    return (f"ignored {count} other code block{'s' if count != 1 else ''}",) if count > 0 else ()


def _without_prose(block: str) -> str:
    """The block; if it does not parse, without unindented lines before its first and after its last statement."""
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


def _bound_names(code: str) -> set[str]:
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


def unbound_names(code: str, given: Collection[str] = _PREDEFINED) -> set[str]:
    """Names that a block reads but does not bind, except for builtins and those in `given`."""
    tree = _tree(code)
    if tree is None:
        return set()
    read, bound = set(), _bound_names(code)
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
        return Failed(stage="compile", message="the code is nested too deeply to be parsed")
    return Failed(stage="extract", message=f"{FUNCTION} is not defined at the top level; define it there")
