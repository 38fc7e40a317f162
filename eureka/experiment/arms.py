"""Parses the arms of `eureka compare`: human, sparse, reward files, finished runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eureka.config.settings import Settings
from eureka.config.tasks import BASELINE, BASELINES, EnvironmentFile, LoadedTask, load_task
from eureka.errors import UserError, did_you_mean
from eureka.runs import history
from eureka.runs.journal import read_journal, read_record
from eureka.runs.results import EVOLVED, HUMAN, SPARSE, START, ArmSpec, CompareOptions, Reward
from eureka.runs.store import LATEST, find_run, task_of, untrusted_run, with_own_policy
from eureka.system.files import read_source
from eureka.text import command


def baselines(task: LoadedTask) -> list[ArmSpec]:
    """The task's own rewards."""
    if isinstance(task.file, EnvironmentFile):
        return [ArmSpec(name=BASELINE, rewards=(Reward(origin=BASELINE, code=None),))]
    return [ArmSpec(name=name, rewards=(Reward(origin=name, code=task.reward_code(name)),)) for name in task.rewards]


def compared(task: LoadedTask, settings: Settings, code: str | None = None) -> list[ArmSpec]:
    """What the winner of a search is compared with: the reward of `--start`, whose text is `code`, and the task's own.

    Where `--start` names one of the task's rewards, it is one arm.
    """
    given = settings.start if settings.start not in task.rewards else None
    begun = [ArmSpec(name=START, rewards=(Reward(origin=f"--start {given}", code=code),))] if given else []
    return [*begun, *baselines(task)]


CONTROLS = ("search", "best-of-n")
"""Controls for runs of a language model: the built-in search, and the same model without reflection."""
_RESERVED = (*BASELINES, *CONTROLS, EVOLVED, START)  # Names with a special meaning, not allowed for other arms


@dataclass(frozen=True)
class ParsedArms:
    """The parsed arms of a comparison."""

    task: LoadedTask
    specs: tuple[ArmSpec, ...]
    run: Settings | None  # Settings of the first run among the arms, for default sizes
    folders: tuple[Path, ...] = ()  # of the runs among the arms


def parse_arms(arms: Sequence[str], task: str | None) -> ParsedArms:
    """Parse arms.

    Args:
        arms: each `human`, `sparse`, a reward file or a finished run's folder; or `NAME=A,B,...` for several of these.
        task: name or YAML file of the task; may be None if one of the arms is a run.

    Raises:
        UserError: an arm does not exist, is not finished, is of another task, or has the name of another arm.
    """
    parts = [(name, [_located(one) for one in given]) for name, given in map(_split, arms)]
    runs = [Path(one) for _, given in parts for one in given if _is_run(one)]
    tasks = [task_of(folder) for folder in runs] + ([load_task(task)] if task else [])
    if not tasks:
        raise UserError("the task is missing; give it with --task, or give a run as one of the arms")
    for other, where in zip(tasks[1:], [*runs[1:], "--task"], strict=False):
        if not other.same_as(tasks[0]):
            raise UserError(f"{where} has the task {other.file.name}, but {runs[0]} has {tasks[0].file.name}")
    specs = [_arm_spec(name, given, tasks[0]) for name, given in parts]
    if len(specs) == 1 and specs[0].searches:  # a run alone is held against its task's own rewards
        specs += baselines(tasks[0])
    labels = [label for spec in specs for label in spec.labels]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"two arms or rewards have the name {label}; rename one as in other_{label}=PATH")
    settings = with_own_policy(runs[0], read_journal(runs[0]).asked) if runs else None
    return ParsedArms(tasks[0], tuple(specs), settings, tuple(runs))


def other_parameters(parsed: ParsedArms, settings: Settings) -> tuple[str, ...]:
    """A sentence for each run among the arms that was searched with other parameters than those of the comparison."""
    here = settings.curriculum
    found = []
    for folder in parsed.folders:
        theirs = read_record(folder).settings.curriculum
        if theirs != here:
            found.append(
                f"{folder.name} was searched with other parameters ({theirs.variant or 'the defaults'}); here every "
                f"reward is trained with {here.variant or 'the defaults'}."
            )
    return tuple(found)


def winner_of(folder: Path) -> Reward:
    """The winning reward of a run; UserError if it is not finished, or is not a search."""
    with untrusted_run(folder):
        journal = read_journal(folder)
        if journal.finished is None:
            raise UserError(f"the run {folder} is not finished; resume with: {command('resume', folder)}")
        if not journal.finished.winner:
            raise UserError(f"{folder} has no winner: it is not a search")
        candidate = history.candidates_of(journal)[journal.finished.winner]
        return Reward(origin=f"{folder.name}, candidate {candidate.name}", code=candidate.code or "")


def _split(arm: str) -> tuple[str | None, list[str]]:
    name, equals, rest = arm.partition("=")
    if not equals:
        return None, [arm]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", name) or name in _RESERVED:
        raise UserError(
            f"{name!r} is an invalid arm name; use letters, digits, - and _, and none of {', '.join(_RESERVED)}"
        )
    given = [part for part in rest.split(",") if part]
    if not given:
        raise UserError(f"the arm {name} is empty; give NAME=RUN,RUN,...")
    return name, given


def _located(one: str) -> str:
    """A part of an arm, with the folder of a run in place of `latest` or a task's name."""
    path = Path(one)
    # Missing files are reported when they are read.
    if one in BASELINES or one.endswith(".py") or path.is_file():
        return one
    try:
        return str(find_run(one))
    except UserError:
        if path.exists() or one == LATEST:
            raise
        raise UserError(
            f"no arm {one!r}{did_you_mean(one, BASELINES)}; an arm is {HUMAN}, {SPARSE}, a reward's Python file or a "
            "run's folder"
        ) from None


def _is_run(one: str) -> bool:
    return one not in BASELINES and Path(one).is_dir()


def _arm_spec(name: str | None, given: Sequence[str], task: LoadedTask) -> ArmSpec:
    own = {spec.name: spec for spec in baselines(task)}
    if name is None and given[0] in own:
        return own[given[0]]
    rewards, searches = [], 0
    for one in given:
        if one in own:
            rewards += own[one].rewards
        elif _is_run(one):
            rewards.append(winner_of(Path(one)))
            searches += 1
        else:
            rewards.append(Reward(origin=one, code=read_source(task.reward_file(one))))
    path = Path(given[0]).resolve()
    plain = re.sub(r"\W+", "_", path.stem if path.is_file() else path.name, flags=re.ASCII)
    if plain in _RESERVED:  # a modified copy of human.py is not the human reward
        plain = f"my_{plain}"
    return ArmSpec(name=name or plain or "reward", rewards=tuple(rewards), searches=searches)


def controls(given: str | None) -> tuple[str, ...]:
    """Parse `--controls A,B`."""
    names = tuple(name for name in (given or "").split(",") if name)
    for name in names:
        if name not in CONTROLS:
            raise UserError(f"no control {name!r}{did_you_mean(name, CONTROLS)}; give {' or '.join(CONTROLS)}")
    return tuple(dict.fromkeys(names))


def require(task: LoadedTask, specs: Sequence[ArmSpec], wanted: CompareOptions) -> None:
    """Check the requirements of `--robustness` and `--correlation`; UserError if one is not met."""
    if wanted.robustness and isinstance(task.file, EnvironmentFile):
        raise UserError("--robustness needs a task with a task class, not a Gymnasium id; remove it")
    if task.external and (wanted.robustness or wanted.correlation):
        option = "--robustness" if wanted.robustness else "--correlation"
        raise UserError(f"{option} needs a task with a task class, not one that a command trains; remove it")
    if wanted.correlation and all(spec.name != HUMAN for spec in specs):
        raise UserError(f"--correlation needs the human reward; add the arm {HUMAN}, or remove it if the task has none")


def control(name: str, settings: Settings, wanted: CompareOptions) -> Settings:
    """Settings of a control search, sized as `wanted`; UserError if it needs a model and the designer has none."""
    base = settings.model_copy(update={"final_seeds": 0, "start": None})
    if name == "search":
        return base.model_copy(update={"llm": "search", "strategy": "greedy"})
    kind = wanted.llm.partition(":")[0]
    if kind in ("manual", "replay", "constants"):
        raise UserError(f"the control best-of-n needs a language model, not {kind}; give --controls search")
    asked = {"llm": wanted.llm, "asking": wanted.asking}
    return base.model_copy(update={**asked, "strategy": "best-of-n", "warm_start": None})
