"""Error messages for the author of a reward: what is wrong, in which line, what to write instead."""

from __future__ import annotations

import difflib
import re
import traceback

COUNTS_WORLDS = (
    "the reward computes with the number of worlds N, but may depend on its own world only: use dim=-1 in means and "
    "sums, and no x.shape[0] in arithmetic"
)
CONTROL_FLOW = (
    "Python's if, while, and, or, not, float(), int() and bool() cannot depend on a tensor's values; "
    "use torch.where, & and |, or keep the tensor"
)


def unknown_field(name: str, known: list[str]) -> str:
    """The message for an argument that is not a state field."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; similar names are {', '.join(close)}" if close else f"; the state has {', '.join(known)}"
    return f"no state field {name!r}{hint}"


def explain(error: Exception, source: str, file: str) -> tuple[str, int | None]:
    """A one-sentence message for an exception that a candidate's text caused, and the line of the text."""
    lines = source.splitlines()
    if isinstance(error, SyntaxError):
        return f"the code is not valid Python: {error.msg}", error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    line = frames[-1].lineno if frames else None
    if line is None and counts_worlds(error):
        line = next((i for i, text in enumerate(lines, 1) if _WORLD_COUNT.search(text)), None)
    quoted = f" in `{lines[line - 1].strip()[:120]}`" if line and line <= len(lines) else ""
    return f"{_reason(error, source)}{quoted}", line


_WORLD_COUNT = re.compile(r"\.shape\[0\]|\.size\(0\)|\blen\(")


def counts_worlds(error: Exception) -> bool:
    """Whether an exception of torch.export means that a reward works for one number of worlds only."""
    text = str(error)
    return "specialized" in text or "Constraints violated" in text or "ConstraintViolation" in type(error).__name__


def _reason(error: Exception, source: str) -> str:
    text = str(error)
    first = (text.strip().splitlines() or [""])[0][:200]
    name = type(error).__name__
    if counts_worlds(error):
        return COUNTS_WORLDS
    if name.startswith("GuardOnDataDependent") or "data-dependent" in text or "cannot extract bool" in text:
        return CONTROL_FLOW
    if "Boolean value of Tensor" in text or "_local_scalar_dense" in text:
        return CONTROL_FLOW
    if "numpy" in text or (isinstance(error, TypeError) and re.search(r"\bnp\.", source)):
        return f"numpy cannot be used on the state's tensors; use the torch function of the same name ({first})"
    if isinstance(error, ImportError):
        return f"only torch and math can be imported ({first})"
    if isinstance(error, OSError):
        return f"a reward cannot access files, processes or the network ({first})"
    if isinstance(error, MemoryError):
        return "the code needs more memory than a reward may use"
    if isinstance(error, RecursionError):
        return "the code recurses without end"
    return f"{name}: {first}" if first else name
