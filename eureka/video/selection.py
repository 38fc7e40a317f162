"""Selects the policies for `eureka play` from a run's journal, without executing code of the run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from eureka.config.parameters import Curriculum
from eureka.config.tasks import LoadedTask, load_task
from eureka.errors import UserError, did_you_mean
from eureka.runs import history, layout
from eureka.runs.journal import TrainedEvent, read_journal, read_record
from eureka.runs.results import EVOLVED
from eureka.runs.store import find_run, task_of, untrusted_run
from eureka.text import command, relative, shown

POLICY = ".safetensors"
RANDOM = "random"  # as a baseline: random actions
_MAX_POLICIES = 4  # In one film


@dataclass(frozen=True)
class PlayedPolicy:
    """A policy to play."""

    label: str
    file: Path | None  # None for random actions
    program: str | None  # Program of its reward, verified when it is loaded; None if unknown


@dataclass(frozen=True)
class Selection:
    """Policies to play, with their task."""

    task: LoadedTask
    players: tuple[PlayedPolicy, ...]
    name: str  # Default name of the film
    curriculum: Curriculum  # The task's parameters


def select(given: str, candidate: str | None, baseline: str | None, task: str | None) -> Selection:
    """Select policies: a run's winner, its `candidate` (`G.K` or an arm), or a policy file, and a `baseline` beside it.

    The baseline is an arm of the run, or random actions.

    Raises:
        UserError: a policy does not exist or was not saved, or the task has changed.
    """
    path = Path(given)
    if path.suffix != POLICY and not path.is_file():
        folder = find_run(given)
        if task is not None:
            raise UserError(f"--task is for a policy file outside a run; remove it: {folder} records its task")
        with untrusted_run(folder):
            return _of_run(_Kept(folder), candidate, baseline)
    if path.suffix != POLICY:
        raise UserError(f"{path} is neither a run's folder nor a policy file, which ends in {POLICY}")
    if not path.is_file():
        raise UserError(f"{path} does not exist")
    if candidate is not None:
        raise UserError(f"--candidate selects a policy of a run, but {path} is a single policy; remove it")
    found = _run_around(path)
    if found is not None and task is None:
        folder, relative = found
        with untrusted_run(folder):
            return _of_file(_Kept(folder), relative, baseline)
    if task is None:
        raise UserError(f"{path} is not in a run's journal; give its task with --task")
    if baseline not in (None, RANDOM):
        raise UserError(f"--baseline is an arm of a run, but {path} is a single policy; remove it or give {RANDOM}")
    loaded, players = load_task(task), [PlayedPolicy(path.stem, path.resolve(), None)]
    if baseline:
        players.append(random_play(None))
    return Selection(loaded, tuple(players), path.stem, loaded.curriculum)


def winner_beside_baseline(folder: Path) -> Selection:
    """A run's winner, beside the first baseline whose policy is kept; what `eureka play` shows without one."""
    with untrusted_run(folder):
        run = _Kept(folder)
        kept = (a for a, seeds in run.arms().items() if (folder / layout.policy(layout.final(a, seeds[0]))).is_file())
        baseline = next((arm for arm in kept if arm != EVOLVED), None)
        return _of_run(run, None, baseline if run.journal.record.kind == "search" else None)


def random_play(program: str | None) -> PlayedPolicy:
    """Random actions, with the values of a reward's program."""
    return PlayedPolicy("random actions", None, program)


def start_policy(given: str) -> tuple[Path, str, int]:
    """The policy of a run's winner or of a file, where it comes from, and the world-steps that it was trained for.

    Raises:
        UserError: there is no such policy.
    """
    path = Path(given)
    found = _run_around(path) if path.suffix == POLICY and path.is_file() else None
    if path.suffix == POLICY and found is None:
        if not path.is_file():
            raise UserError(f"{path} does not exist")
        raise UserError(f"{path} is not in a run's journal; give a run, or a policy in its folder")
    folder = found[0] if found else find_run(given)
    (player,) = select(given if found else str(folder), None, None, None).players
    assert player.file is not None
    return player.file.resolve(), f"{folder.name}, {player.label}", read_record(folder).settings.steps


class _Kept:
    def __init__(self, folder: Path):
        self.folder, self.journal = folder, read_journal(folder)
        trained = self.journal.all(TrainedEvent)
        self.published = {place: file.sha256 for event in trained for place, file in event.publish.items()}
        self.finals = history.finals_of(self.journal)

    def arms(self) -> dict[str, list[int]]:
        """Seeds of the saved policies, by arm."""
        found: dict[str, list[int]] = {}
        for arm, seed in self.finals:
            found.setdefault(arm, []).append(seed)
        return {arm: sorted(seeds) for arm, seeds in found.items()}

    def of_arm(self, arm: str) -> PlayedPolicy:
        """The policy of an arm in the latest comparison, of the first seed that has one."""
        arms = self.arms()
        if arm not in arms:
            known = f"it has {', '.join(arms)}" if arms else f"it has none yet, only {RANDOM} actions"
            raise UserError(f"{self.folder} has no trained arm {arm!r}{did_you_mean(arm, arms)}; {known}")
        return self.of_final(self.finals[arm, arms[arm][0]])

    def of_final(self, place: str) -> PlayedPolicy:
        """The policy in a folder of the latest comparison, or of an earlier one."""
        found = {folder: key for key, (folder, _) in history.retrained(self.journal).items()}
        arm, program, seed = found[place]
        label = f"{arm}, seed {seed + 1}" if seed else arm
        return PlayedPolicy(label, self._file(place), program or None)

    def of_candidate(self, name: str | None, training: str = "") -> PlayedPolicy:
        """The policy of a candidate, of the best so far for None; `training` is the folder of a further training."""
        candidates = history.candidates_of(self.journal)
        if name is not None and name not in candidates:
            known = [*candidates, *self.arms()]
            raise UserError(
                f"no candidate {name!r} and no such arm{did_you_mean(name, known)}; there are {', '.join(known)}"
            )
        found = history.find_candidate(self.journal, candidates, name)
        if found.duplicate_of:
            found = candidates[found.duplicate_of]
        if found.failed is not None:
            raise UserError(f"candidate {found.name} has no policy: {shown(str(found.failed))}")
        if found.dropped is not None:
            raise UserError(f"candidate {found.name} has no policy: it was {found.dropped}")
        if found.trained is None:
            raise UserError(f"candidate {found.name} of {self.folder} is not trained yet")
        program = self.journal.verdicts()[found.address].program
        label, place = f"candidate {found.name}", layout.candidate(found.name)
        if training:
            label, place = f"{label}, {training}", f"{place}/{training}"
        return PlayedPolicy(label, self._file(place), program)

    def _kept_policies(self) -> list[str]:
        found = self.folder.glob(layout.policy("*/*"))
        return sorted(p.parent.relative_to(self.folder).as_posix() for p in found)[:8]

    def _remedy(self) -> str:
        """The command that trains the policies of a search again."""
        record = self.journal.record
        again = command("run", record.task_file, "--llm", f"replay:{relative(self.folder)}")
        return f"; to train its rewards again: {again}" if record.kind == "search" else ""

    def _file(self, place: str) -> Path:
        relative = layout.policy(place)
        path = self.folder / relative
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{path} is outside of the run's folder")
        if (output := path.parent / layout.OUTPUT).is_dir():
            raise UserError(
                "the task's own command trained this policy, so it cannot be played or exported here; what the command "
                f"left is in {output}"
            )
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UserError(
                f"{self.folder} does not keep {relative}; it keeps {', '.join(self._kept_policies()) or 'no policy'}"
                f"{self._remedy()}"
            ) from None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        sha256 = self.published.get(relative)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise UserError(f"{path} has changed since the run wrote it")
        return path


def _of_run(run: _Kept, candidate: str | None, baseline: str | None) -> Selection:
    task, arms = task_of(run.folder), run.arms()
    if candidate is not None and candidate in arms:
        players = [run.of_arm(candidate)]
    elif candidate is not None:
        players = [run.of_candidate(candidate)]
    elif run.journal.record.kind == "comparison":
        if not arms:
            raise UserError(f"{run.folder} has no trained policy yet; to resume it: {command('resume', run.folder)}")
        others = [arm for arm in arms if arm != baseline]
        players = [run.of_arm(arm) for arm in others[: _MAX_POLICIES - (baseline is not None)]]
    elif EVOLVED in arms and (run.folder / layout.policy(run.finals[EVOLVED, arms[EVOLVED][0]])).is_file():
        players = [run.of_arm(EVOLVED)]
    else:
        players = [run.of_candidate(None)]
    return _beside(run, task, players, baseline)


def _of_file(run: _Kept, relative: str, baseline: str | None) -> Selection:
    folder = Path(relative).parent
    _, name, *training = folder.parts
    final = layout.final_of(relative)
    player = run.of_final(folder.as_posix()) if final else run.of_candidate(name, *training)
    return _beside(run, task_of(run.folder), [player], baseline)


def _beside(run: _Kept, task: LoadedTask, players: list[PlayedPolicy], baseline: str | None) -> Selection:
    if baseline is not None:
        at_random = baseline == RANDOM and RANDOM not in run.arms()
        players = [*players, random_play(players[0].program) if at_random else run.of_arm(baseline)]
    plain = re.sub(r"[^\w.]+", "-", "-".join([run.folder.name, *(player.label for player in players)]))
    return Selection(task, tuple(players), plain[:100], run.journal.settings.curriculum)


def _run_around(path: Path) -> tuple[Path, str] | None:
    """The run that contains a policy file, and its relative path, if it is recorded in the journal."""
    whole = path.resolve()
    folder = next((f for f in list(whole.parents)[:4] if layout.is_run(f)), None)
    if folder is None:
        return None
    relative = whole.relative_to(folder).as_posix()
    with untrusted_run(folder):
        return (folder, relative) if relative in _Kept(folder).published else None
