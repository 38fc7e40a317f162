"""A candidate's reward as a plain Python file: torch and nothing else, with where it is from in its docstring."""

from __future__ import annotations

import ast
from pathlib import Path

from eureka import __version__, inspection
from eureka.candidate import Candidate
from eureka.designers import replies_of
from eureka.errors import UserError
from eureka.extract import unbound
from eureka.reflect import number, plain, shown
from eureka.store import read_events, read_json, write_whole

_IMPORTS = {
    "math": "import math",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "Tensor": "from torch import Tensor",
} | {name: f"from typing import {name}" for name in ("Any", "Dict", "List", "Optional", "Tuple", "Union")}
"""What a reward's text has in the sandbox without importing it."""


def export(folder: Path, name: str | None, target: Path) -> str:
    """Write a candidate's reward to `target`; says what was written.

    Args:
        folder: the run.
        name: the candidate, or None for the winner or the best so far.
        target: a file that does not exist yet.

    Raises:
        UserError: there is no such candidate, it has no program, or `target` exists.
    """
    events, _ = read_events(folder)
    candidate = inspection.choose(folder, events, inspection.candidates_of(events), name)
    if candidate.code is None or candidate.fingerprint is None:
        raise UserError(
            f"candidate {candidate.name} of {folder} never became a program: {shown(str(candidate.failed))}"
        )
    if target.exists():
        raise UserError(f"{target} exists already; give another name with -o, or remove it")
    _, event = replies_of(events)[candidate.generation, candidate.slot, candidate.attempt]
    text = source(candidate.code, _provenance(folder, candidate, event["answer"]["model"]))
    try:
        write_whole(target, text.encode())
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}") from None
    return f"{target}: candidate {candidate.name} of {folder.name}"


def source(code: str, provenance: str) -> str:
    """A module that runs without eureka: docstring, the imports that the sandbox gave silently, the reward."""
    tree = ast.parse(code)
    own = ast.get_docstring(tree)
    moved = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    if own is not None:
        provenance += f"\n\n{plain(own)}"
    future = [ast.unparse(node) for node in moved]
    rest = [node for node in tree.body[own is not None :] if node not in moved]
    # As it was written where nothing has to be moved; else as its syntax tree says, which loses comments only.
    body = code if len(rest) == len(tree.body) else "\n\n\n".join(map(ast.unparse, rest))
    imports = sorted(_IMPORTS[name] for name in unbound(code, given=()) & set(_IMPORTS))
    doc = provenance.replace("\\", "\\\\").replace('"""', "'''")
    parts = [f'"""{doc}\n"""', "\n".join(future), "\n".join(imports), body.strip("\n")]
    text = "\n\n".join(part for part in parts if part) + "\n"
    ast.parse(text)
    return text


def _provenance(folder: Path, candidate: Candidate, model: str) -> str:
    record = read_json(folder / "run.json")
    lines = [
        f"Reward for the task {shown(record['task'])}, candidate {candidate.name} of the run {shown(folder.name)}.",
        "",
        f"Designed by {shown(model)} with eureka {__version__}. The arguments are state fields, one row for each of N",
        "worlds; it returns the total reward (N,) and its components by name, (N,) each. Whoever wrote it, read it",
        "before you run it: here, unlike in eureka, nothing confines it.",
    ]
    if candidate.trained is not None:
        trained = candidate.trained
        lines.insert(1, f"Fitness {number(trained.report)} over {len(trained.report_episodes)} report episodes.")
    return "\n".join(lines)
