"""`eureka export`: a candidate's reward as a Python file that needs only torch, with its origin in the docstring.

The file is written from the candidate's verified program, and holds none of its text but names of components; or it is
the original text, with the imports that the sandbox provides. With a wrapper, the file also has a class that applies
the reward to a gymnasium environment, and needs gymnasium.
"""

from __future__ import annotations

import ast
from pathlib import Path

from eureka import __version__
from eureka.designers.constants import constants, with_values
from eureka.designers.extraction import unbound_names
from eureka.errors import UserError
from eureka.runs import history
from eureka.runs.candidate import Candidate
from eureka.runs.journal import read_journal
from eureka.system.files import output_file, write_whole
from eureka.system.paths import load_sandbox
from eureka.text import number, plain, shown

_IMPORTS = {
    "math": "import math",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "Tensor": "from torch import Tensor",
} | {name: f"from typing import {name}" for name in ("Any", "Dict", "List", "Optional", "Tuple", "Union")}
"""Names that the sandbox provides without an import."""

_WITH_WRAPPER = "\n\n`EvolvedReward` applies it to a gymnasium environment."
_WRAPPER = '''
class EvolvedReward(gymnasium.Wrapper):
    """Replaces an environment's reward by `compute_reward`.

    The info of a step has `task_reward`, the environment's reward, and `reward_components` by name.

    Args:
        env: a single environment.
        state: called after each step as `state(env, observation, action, info)`; returns the values of the arguments
            of `compute_reward` by name: numbers, arrays or tensors without an axis for worlds. Optional for
            environments of eureka, which have a method `state_fields`.
    """

    def __init__(self, env, state=None):
        super().__init__(env)
        if state is None and not hasattr(env.unwrapped, "state_fields"):
            raise TypeError("env has no state_fields(); give state, a function of env, observation, action and info")
        self.read_state = state

    def step(self, action):
        """One step of the environment, with the evolved reward."""
        observation, task_reward, terminated, truncated, info = self.env.step(action)
        if self.read_state is None:
            fields = {name: value[None] for name, value in self.env.unwrapped.state_fields().items()}
        else:
            given = self.read_state(self.env, observation, action, info)
            fields = {name: self._row(value) for name, value in given.items()}
        asked = [name for name in inspect.signature(compute_reward).parameters if name in fields]
        with torch.no_grad():
            total, components = compute_reward(**{name: fields[name] for name in asked})
        # A diverged simulation was reset before its state was read: the reward of such a step is 0.
        reward = 0.0 if info.get("diverged") else float(total[0])
        parts = {name: float(torch.as_tensor(part).flatten()[0]) for name, part in components.items()}
        info = {**info, "task_reward": task_reward, "reward_components": parts}
        return observation, reward, terminated, truncated, info

    @staticmethod
    def _row(value):
        row = torch.as_tensor(value)[None]
        return row if row.dtype == torch.bool else row.float()
'''


def export(
    folder: Path,
    name: str | None,
    target: Path,
    wrapper: bool = False,
    original: bool = False,
    force: bool = False,
) -> str:
    """Write a candidate's reward to `target`.

    Args:
        folder: the run.
        name: the candidate, or None for the winner or the best so far.
        target: the file.
        wrapper: whether to add a gymnasium wrapper.
        original: whether to write the candidate's own text, and not its program.
        force: whether to overwrite an existing file.

    Returns:
        One line on the written file.

    Raises:
        UserError: the candidate does not exist or has no program, or `target` exists or is a folder.
    """
    journal = read_journal(folder)
    candidate = history.find_candidate(journal, history.candidates_of(journal), name)
    if candidate.code is None or candidate.fingerprint is None:
        raise UserError(f"candidate {candidate.name} of {folder} has no program: {shown(str(candidate.failed))}")
    if target.is_dir():
        raise UserError(f"{target} is a folder; give a file, such as {target / 'reward.py'}")
    if target.exists() and not force:
        raise UserError(f"{target} exists already; give another file with -o, or --force to overwrite it")
    _, event = journal.replies()[candidate.address]
    title = journal.settings.title(journal.record.task)
    provenance = _provenance(title, folder, candidate, event.answer.model)
    if original:
        text = source(
            candidate.code, f"{provenance}\n\nThis file runs without a sandbox. Review it before use.", wrapper
        )
    else:
        program = journal.verdicts()[candidate.address].program or ""
        text = generated(program, provenance, wrapper)
    with output_file(target):
        write_whole(target, text.encode())
    with_ = ", with a gymnasium wrapper" if wrapper else ""
    return f"{target}: candidate {candidate.name} of {folder.name}{with_}"


def export_policy(run: str, candidate: str | None, target: Path, force: bool = False) -> str:
    """Write the policy of a run's winner or candidate as TorchScript or ONNX; how to use it, in one line.

    Raises:
        UserError: there is no such policy, `target` exists or has another ending, or a package is missing.
    """
    from eureka.rl.deploy import write_policy
    from eureka.video.selection import select

    if target.exists() and not force:
        raise UserError(f"{target} exists already; give another file with --policy, or --force to overwrite it")
    path = select(run, candidate, None, None).players[0].file
    assert path is not None
    with output_file(target):
        return write_policy(path, target)


def generated(program: str, provenance: str, wrapper: bool = False) -> str:
    """A module that computes what a verified program does; `UserError` if it cannot be written as one."""
    writer = load_sandbox("source")
    if wrapper:
        provenance += _WITH_WRAPPER
    try:
        module = writer.module(program, provenance, ("import gymnasium", "import inspect") if wrapper else ())
    except writer.Unwritable as problem:
        raise UserError(f"{problem}; --original writes the text that the designer gave") from None
    return f"{module}\n{_WRAPPER}" if wrapper else module


def source(code: str, provenance: str, wrapper: bool = False) -> str:
    """A module that runs without eureka: docstring, the names that the sandbox provides, constants, and the reward."""
    text = load_sandbox("text")
    code = text.plain(code)
    code = with_values(code, constants(code))
    tree = ast.parse(code)
    own = ast.get_docstring(tree)
    moved = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    if own is not None:
        provenance += f"\n\n{plain(own)}"
    future = [ast.unparse(node) for node in moved]
    body = text.cut(code, [*tree.body[: own is not None], *moved])
    unbound = unbound_names(code, given=())
    if unbound - set(_IMPORTS):  # the sandbox does not evaluate annotations
        future = sorted({*future, "from __future__ import annotations"})
    imports = {_IMPORTS[name] for name in unbound & set(_IMPORTS)}
    if wrapper:
        provenance += _WITH_WRAPPER
        imports |= {"import gymnasium", "import inspect", "import torch"} - set(code.splitlines())
    doc = provenance.replace("\\", "\\\\").replace('"""', "'''")
    parts = [
        f'"""{doc}\n"""',
        "\n".join(future),
        "\n".join(sorted(imports)),
        body.strip("\n"),
        _WRAPPER if wrapper else "",
    ]
    module = "\n\n".join(part for part in parts if part).rstrip("\n") + "\n"
    ast.parse(module)
    return module


def _provenance(task: str, folder: Path, candidate: Candidate, model: str) -> str:
    lines = [
        f"Reward for the task {shown(task)}, candidate {candidate.name} of the run {shown(folder.name)}.",
        "",
        f"Designed by {shown(model)} with eureka {__version__}. The arguments are state fields, one row for each of N",
        "worlds; it returns the total reward (N,) and its components by name, (N,) each.",
    ]
    if candidate.trained is not None:
        trained = candidate.trained
        episodes = len(trained.report_episodes)  # one, if a command trained
        lines.insert(1, f"Fitness {number(trained.report)}{f' over {episodes} report episodes' * (episodes > 1)}.")
    return "\n".join(lines)
