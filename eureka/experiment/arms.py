"""The arms of `eureka compare` as a user names them: human, sparse, reward files, and finished runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eureka.config import tasks
from eureka.config.settings import Settings
from eureka.config.tasks import LoadedTask, load_task
from eureka.errors import UserError, did_you_mean
from eureka.runs import history
from eureka.runs.journal import read_journal, read_record
from eureka.runs.results import EVOLVED, HUMAN, SPARSE, ArmSpec, CompareOptions, Reward
from eureka.runs.store import find_run, task_of, untrusted_run
from eureka.system.files import read_source


def baselines(task: LoadedTask) -> list[ArmSpec]:
    """The task's own rewards."""
    if task.baselines == (tasks.BASELINE,):
        own = Reward(origin=tasks.BASELINE, code=None)
        return [ArmSpec(name=tasks.BASELINE, rewards=(own,))]
    return [
        ArmSpec(name=name, rewards=(Reward(origin=name, code=path.read_text(encoding="utf-8")),))
        for name, path in task.rewards.items()
    ]


CONTROLS = ("search", "best-of-n")
"""What a language model's runs are held against: the built-in search, and the same model without reflection."""


_BASELINES = (HUMAN, SPARSE, tasks.BASELINE)


_RESERVED = (*_BASELINES, *CONTROLS, EVOLVED)
"""Names that mean something of their own in a comparison, and may be nobody else's."""


@dataclass(frozen=True)
class ParsedArms:
    """Arms as they were asked for."""

    task: LoadedTask
    specs: tuple[ArmSpec, ...]
    run: Settings | None
    """Of the first run among them, whose sizes are taken where none are given."""


def parse_arms(arms: Sequence[str], task: str | None) -> ParsedArms:
    """Look up what the user named.

    Args:
        arms: each `human`, `sparse`, a reward's file or the folder of a finished run; or `NAME=A,B,...` for several of
            these under one name.
        task: the task's YAML or name; may be None where a run is among the arms.

    Raises:
        UserError: one of them does not exist, is not finished, is of another task, or cannot be told from another.
    """
    parts = [_split(arm) for arm in arms]
    for one in (one for _, given in parts for one in given):
        # A file that is not there is told as such, where it is read.
        if one not in _BASELINES and not one.endswith(".py") and not Path(one).exists():
            raise UserError(
                f"no arm {one!r}{did_you_mean(one, _BASELINES)}; an arm is {HUMAN}, {SPARSE}, a reward's Python file "
                "or a run's folder"
            )
    runs = [find_run(one) for _, given in parts for one in given if _is_run(one)]
    tasks = [task_of(folder) for folder in runs] + ([load_task(task)] if task else [])
    if not tasks:
        raise UserError("which task? Name it with --task, or give a run among the arms")
    for other, where in zip(tasks[1:], [*runs[1:], "--task"], strict=False):
        if other.path != tasks[0].path:
            raise UserError(f"{where} is of the task {other.file.name}, and {runs[0]} of {tasks[0].file.name}")
    specs = [_entrant(name, given, tasks[0]) for name, given in parts]
    labels = [label for spec in specs for label in spec.labels]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"two arms or rewards are called {label}; tell them apart as in other_{label}=PATH")
    settings = read_record(runs[0]).settings if runs else None
    return ParsedArms(tasks[0], tuple(specs), settings)


def winner_of(folder: Path) -> Reward:
    """The reward that a run found.

    Raises:
        UserError: it is not finished, or was no search.
    """
    with untrusted_run(folder):
        journal = read_journal(folder)
        if journal.finished is None:
            raise UserError(f"the run {folder} is not finished; to go on: eureka resume {folder}")
        if not journal.finished.winner:
            raise UserError(f"{folder} was no search for a reward, so it has no winner")
        candidate = history.candidates_of(journal)[journal.finished.winner]
        return Reward(origin=f"{folder.name}, candidate {candidate.name}", code=candidate.code or "")


def _split(arm: str) -> tuple[str | None, list[str]]:
    name, equals, rest = arm.partition("=")
    if not equals:
        return None, [arm]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", name) or name in _RESERVED:
        raise UserError(f"{name!r} cannot name an arm; use letters, digits, - and _, and not {', '.join(_RESERVED)}")
    given = [part for part in rest.split(",") if part]
    if not given:
        raise UserError(f"the arm {name} names nothing; give NAME=RUN,RUN,...")
    return name, given


def _is_run(one: str) -> bool:
    return one not in _BASELINES and Path(one).is_dir()


def _entrant(name: str | None, given: Sequence[str], task: LoadedTask) -> ArmSpec:
    own = {spec.name: spec for spec in baselines(task)}
    for one in given:
        if one in _BASELINES and one not in own:
            raise UserError(f"{task.file.name} has no reward {one}; it has {' and '.join(own)}")
    if name is None and given[0] in own:
        return own[given[0]]
    rewards, searches = [], 0
    for one in given:
        if one in own:
            rewards += own[one].rewards
        elif _is_run(one):
            rewards.append(winner_of(find_run(one)))
            searches += 1
        else:
            rewards.append(Reward(origin=one, code=read_source(Path(one))))
    path = Path(given[0]).resolve()
    plain = re.sub(r"\W+", "_", path.stem if path.is_file() else path.name, flags=re.ASCII)
    if plain in _RESERVED:  # a copy of human.py, changed, is not the human reward any more
        plain = f"my_{plain}"
    return ArmSpec(name=name or plain or "reward", rewards=tuple(rewards), searches=searches)


def controls(given: str | None) -> tuple[str, ...]:
    """The control searches of `--controls A,B`."""
    names = tuple(name for name in (given or "").split(",") if name)
    for name in names:
        if name not in CONTROLS:
            raise UserError(f"no control {name!r}{did_you_mean(name, CONTROLS)}; there are {' and '.join(CONTROLS)}")
    return tuple(dict.fromkeys(names))


def require(task: LoadedTask, specs: Sequence[ArmSpec], wanted: CompareOptions) -> None:
    """See whether a comparison can look at policies once more as it is asked to.

    Raises:
        UserError: it cannot.
    """
    if wanted.robustness and not task.rewards:
        raise UserError("--robustness perturbs the physics of a task's class, and an environment by id has none")
    if wanted.correlation and all(spec.name != HUMAN for spec in specs):
        raise UserError(f"--correlation is with the human reward; give the arm {HUMAN} too, where the task has one")


def control(name: str, settings: Settings, wanted: CompareOptions) -> Settings:
    """The settings of a control search: the sizes of the comparison's, with the designer that it is a control of.

    Raises:
        UserError: it would need a model that cannot be asked again.
    """
    base = settings.model_copy(update={"final_seeds": 0, "start": None})
    if name == "search":
        return base.model_copy(update={"llm": "search", "strategy": "greedy"})
    kind = wanted.llm.partition(":")[0]
    if kind in ("manual", "replay"):
        raise UserError(f"the control best-of-n asks the model anew, and {kind} cannot be; give --controls search")
    asked = {"llm": wanted.llm, "asking": wanted.asking}
    return base.model_copy(update={**asked, "strategy": "best-of-n", "warm_start": None})
