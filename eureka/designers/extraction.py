"""Extraction of reward code from a reply; code is recognised by parsing it with `ast`."""

from __future__ import annotations

import ast
import builtins
import functools
import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from eureka.designers.answer import answer_of, fenced, from_html, from_json, outdented, unquoted
from eureka.runs.candidate import Failed
from eureka.runs.replies import CUT_OFF

FUNCTION = "compute_reward"
_WANTED = f"def {FUNCTION}"
_BUILTINS = frozenset(dir(builtins))
_TOO_DEEP = (RecursionError, MemoryError)  # Errors of the parser on thousands of nested expressions
_CODE_LIKE = re.compile(r"[\w.]+\s*[=(\[]|[)\]}@]|return\b|(if|for|while|with|try|else)\b.*:\s*$")
"""Start of a line that is meant as code, even if it is invalid."""
_BINDS = re.compile(r"(?:def\s+|class\s+)?(\w+)\s*[=(:]")
"""Line that was meant to define a name."""
_MOST_STARTS = 40  # Lines of a block that are tried as the first one of its code
_PREDEFINED = frozenset({"torch", "math", "Tensor", "F", "nn"})  # Names that the sandbox defines for a reward


@dataclass(frozen=True)
class Extracted:
    """The code found in a reply."""

    code: str | None  # Code to compile, or the closest match that cannot be used
    failed: Failed | None = None  # Why no code can be compiled
    notes: tuple[str, ...] = ()  # What was chosen, combined, left out or ignored


def extract(reply: str, finish: str = "stop") -> Extracted:
    """Find the code of `compute_reward` in a reply.

    It is the last complete block that defines the function: in a code fence, in a JSON string or an HTML element, or
    the whole reply if it is code without any of them. What a model marks as its reasoning does not count.

    Args:
        reply: the designer's text.
        finish: the finish reason, as in `Reply.finish`.
    """
    answer, notes = answer_of(reply, _WANTED)
    if unusable := _unusable(reply, answer, finish):
        return Extracted(None, Failed(stage="reply", message=unusable))
    if finish != "stop":
        notes += (f"the server gave the finish reason {finish!r}",)
    results = []
    for blocks, marked, where in _readings(answer):
        found = _in_blocks(blocks, marked, where)
        if found.failed is None:
            return replace(found, notes=notes + found.notes)
        results.append(found)
    found = next((result for result in results if result.code is not None), results[-1])
    return replace(found, notes=notes + found.notes)


def _readings(answer: str) -> Iterator[tuple[list[str], bool, tuple[str, ...]]]:
    """Blocks in which code is looked for, whether they were marked as code, and a note on where they were."""
    if blocks := fenced(answer):
        yield blocks, True, ()
    plain = unquoted(answer)
    if plain != answer and (blocks := fenced(plain)):
        yield blocks, True, ()
    if codes := from_json(answer, _WANTED):
        yield [block for code in codes for block in fenced(code) or [code]], True, ("the code was in a JSON object",)
    if blocks := from_html(answer, _WANTED):
        yield blocks, True, ("the code was in an HTML element",)
    if "&" in answer and (blocks := fenced(html.unescape(answer))):
        yield blocks, True, ("the code was escaped as in HTML",)
    if not any(_WANTED in block for block in fenced(answer)):
        yield [answer], False, ()
        if plain != answer:
            yield [plain], False, ()


def _in_blocks(blocks: list[str], marked: bool, notes: tuple[str, ...]) -> Extracted:
    plain = [_parsable(block) for block in blocks]
    trimmed = [_without_prose(block, formulas=not marked) for block in plain]
    defining = [i for i, block in enumerate(trimmed) if FUNCTION in _functions(block)]
    if defining:
        everything = set().union(*(_bound_names(block) for block in trimmed))
        lacks = {i: unbound_names(trimmed[i]) - everything for i in defining}
        whole = [i for i in defining if not _is_stub(trimmed[i])]
        chosen = ([i for i in whole if not lacks[i]] or whole or defining)[-1]
        why = "is not valid Python"
        if chosen != defining[-1]:
            why = "is a stub" if defining[-1] not in whole else f"lacks {', '.join(sorted(lacks[defining[-1]]))}"
        if any(_WANTED in block for block in blocks[chosen + 1 :]):
            notes += (f"code block {chosen + 1} of {len(blocks)} was chosen: a later one {why}",)
        notes += ("indentation of the whole code was removed",) if plain[chosen] != blocks[chosen] else ()
        found = _complete(plain, trimmed, chosen)
        return replace(found, notes=notes + found.notes)
    broken = [block for block in blocks if _WANTED in block]
    if broken:
        return Extracted(broken[-1], _syntax(broken[-1]), _ignored(len(blocks) - 1))
    named = [(block, names) for block in blocks if (names := _functions(block))]
    if named:
        block, names = named[-1]
        message = f"the code defines {', '.join(names)} but no function {FUNCTION}"
        return Extracted(block, Failed(stage="extract", message=message))
    return Extracted(None, Failed(stage="extract", message=f"the reply has no code block that defines {FUNCTION}"))


def whole_functions(reply: str) -> list[str]:
    """Replies with one complete `compute_reward` each, if a reply has several code blocks with one; else the reply."""
    blocks = code_blocks(reply)
    defining = [b for b in blocks if FUNCTION in _functions(_parsable(b)) and not _is_stub(_parsable(b))]
    if len(defining) < 2:
        return [reply]
    others = [block for block in blocks if _WANTED not in block]
    return ["".join(f"```python\n{block}```\n" for block in (*others, one)) for one in defining]


def code_blocks(text: str) -> list[str]:
    """The contents of all code fences of a reply; an unclosed last fence extends to the end."""
    return fenced(answer_of(text, _WANTED)[0])


def _unusable(reply: str, answer: str, finish: str) -> str | None:
    match finish:
        case "length":
            return CUT_OFF
        case "refusal":
            return f"the model refused to answer: {reply}"
        case "content_filter":
            return "the reply was cut off by the server's content filter"
        case "skipped":
            return "no reply was given"
        case _:
            if answer.strip():
                return None
            return "the reply has only reasoning and no answer" if reply.strip() else "the reply is empty"


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


def _parsable(block: str) -> str:
    """The block without the indentation of its first line or of the function, if it does not parse as it is."""
    if _WANTED not in block or _tree(block) is not None:
        return block
    lines = block.split("\n")
    at = max(i for i, line in enumerate(lines) if _WANTED in line)
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip(" \t"))]
    if not indent or not lines[at].startswith(f"{indent}def"):
        return outdented(block)
    first, last = at, at  # the lines around the function that have its indentation
    while first > 0 and (not lines[first - 1].strip() or lines[first - 1].startswith(indent)):
        first -= 1
    while last + 1 < len(lines) and (not lines[last + 1].strip() or lines[last + 1].startswith(indent)):
        last += 1
    around = "\n".join(lines[first : last + 1]).strip("\n") + "\n"
    return next((text for text in (outdented(block), outdented(around)) if _tree(text)), outdented(block))


def _without_prose(block: str, formulas: bool) -> str:
    """The block; if it is not code as a whole, without unindented lines before its first and after its last statement.

    With `formulas`, these may look like code; otherwise a block with such lines is left as it is.
    """
    if _WANTED not in block or _runs(block):
        return block
    lines = block.splitlines()
    starts = ("import ", "from ", "def ", "class ", "@", "#", '"""')
    begins = [i for i, line in enumerate(lines) if line.startswith(starts) or _assigns(line)]
    known = _PREDEFINED | {match[1] for line in lines if (match := _BINDS.match(line))}
    formula = max((i for i in begins if _assigns(lines[i]) and unbound_names(lines[i], known)), default=-1)
    begins = [i for i in begins if i > formula] or begins
    last = max((i for i, line in enumerate(lines) if line[:1] in (" ", "\t") and line.strip()), default=len(lines) - 1)
    if any(_CODE_LIKE.match(line) for line in lines[last + 1 :]):
        return block
    for first in begins[:_MOST_STARTS]:
        if not formulas and any(_CODE_LIKE.match(line) for line in lines[:first]):
            return block
        shorter = "\n".join(lines[first : last + 1]) + "\n"
        if _runs(shorter):
            lost = {match[1] for line in lines[:first] if (match := _BINDS.match(line))}
            return block if lost & unbound_names(shorter) else shorter
    return block


def _assigns(line: str) -> bool:
    tree = _tree(line)
    return bool(tree and tree.body and isinstance(tree.body[0], ast.Assign | ast.AnnAssign))


def _runs(code: str) -> bool:
    """Whether code parses, and its statements outside functions read no unknown name, as formulas in prose do."""
    tree = _tree(code)
    if tree is None:
        return False
    plain: list[ast.stmt] = [n for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign | ast.Expr)]
    return not _unbound(ast.Module(plain, []), _PREDEFINED | _bound_names(code))


def _is_stub(code: str) -> bool:
    """Whether the function is only begun: it returns no value, or has `...` in place of statements."""
    tree = _tree(code)
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == FUNCTION] if tree else []
    if not found:
        return False
    plain = [n.value for n in found[-1].body if isinstance(n, ast.Expr)]
    omits = any(isinstance(value, ast.Constant) and value.value is ... for value in plain)
    return omits or not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(found[-1]))


@functools.lru_cache(maxsize=256)
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
    return _unbound(tree, given) if tree else set()


def _unbound(tree: ast.Module, given: Collection[str]) -> set[str]:
    read: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
    return read - bound - set(given) - _BUILTINS


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
