"""Which policies `eureka play` was asked for, looked up in a run's journal; no code of the run is executed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from eureka.config.tasks import LoadedTask, load_task
from eureka.errors import UserError, did_you_mean
from eureka.runs import history
from eureka.runs.results import EVOLVED
from eureka.runs.store import Event, find_run, read_events, task_of, untrusted_run
from eureka.text import shown

POLICY = ".safetensors"
_MOST = 4
"""Policies side by side that can still be seen."""


@dataclass(frozen=True)
class PlayedPolicy:
    """A policy to be played."""

    label: str
    file: Path
    program: str | None
    """Of the reward that it was trained with, verified where it is rebuilt; None where nobody knows."""


@dataclass(frozen=True)
class Selection:
    """What is to be played, and on what."""

    task: LoadedTask
    players: tuple[PlayedPolicy, ...]
    name: str
    """For a file, unless another is given."""


def select(given: str, candidate: str | None, baseline: str | None, task: str | None) -> Selection:
    """Look up what the user named.

    Args:
        given: a run's folder, or a policy's file.
        candidate: `G.K` or an arm of the run, in the place of its winner.
        baseline: an arm to play beside it.
        task: the task of a file that lies in no run.

    Raises:
        UserError: it does not exist, its policy was not kept, or the task was changed.
    """
    path = Path(given)
    if path.suffix != POLICY and not path.is_file():
        folder = find_run(given)
        if task is not None:
            raise UserError(f"--task is for a policy's file outside a run; {folder} knows its task")
        with untrusted_run(folder):
            return _of_run(_Kept(folder), candidate, baseline)
    if path.suffix != POLICY:
        raise UserError(f"{path} is neither a run's folder nor a policy; policies end in {POLICY}")
    if not path.is_file():
        raise UserError(f"{path} does not exist")
    if candidate is not None:
        raise UserError("--candidate chooses among the policies of a run, and a file is one policy; leave it out")
    found = _run_around(path)
    if found is not None and task is None:
        folder, relative = found
        with untrusted_run(folder):
            return _of_file(_Kept(folder), relative, baseline)
    if task is None:
        raise UserError(f"{path} lies in no run that knows it; name its task with --task")
    if baseline is not None:
        raise UserError(f"--baseline is an arm of a run, and {path} is played as a file of its own; leave it out")
    return Selection(load_task(task), (PlayedPolicy(path.stem, path.resolve(), None),), path.stem)


@dataclass(frozen=True)
class _Kept:
    """The policies that a run's journal knows."""

    folder: Path
    events: list[Event] = field(init=False)
    published: Mapping[str, str] = field(init=False)
    """SHA-256 by place in the folder."""

    def __post_init__(self) -> None:
        events, _ = read_events(self.folder)
        files = {name: of["sha256"] for event in events for name, of in event.get("publish", {}).items()}
        object.__setattr__(self, "events", events)
        object.__setattr__(self, "published", files)

    def arms(self) -> dict[str, list[int]]:
        """Seeds of the arms' policies, by arm."""
        found: dict[str, list[int]] = {}
        for name in self.published:
            place = PurePosixPath(name)
            if place.parts[0] == "final" and len(place.parts) == 3:
                arm, _, seed = place.parts[1].rpartition("-")
                if seed.isdecimal():
                    found.setdefault(arm, []).append(int(seed))
        return {arm: sorted(seeds) for arm, seeds in found.items()}

    def of_arm(self, arm: str, seed: int | None = None) -> PlayedPolicy:
        """The policy of an arm: of this seed if it trained to the end, else of the first that did."""
        arms = self.arms()
        if arm not in arms:
            known = f"it has {', '.join(arms)}" if arms else "it has none yet"
            raise UserError(f"{self.folder} has no trained arm {arm!r}{did_you_mean(arm, arms)}; {known}")
        chosen = seed if seed in arms[arm] else arms[arm][0]
        program = next((e["program"] for e in reversed(self.events) if _is(e, "baseline", arm=arm)), None)
        return PlayedPolicy(
            arm if not chosen else f"{arm}, seed {chosen + 1}", self._file(f"final/{arm}-{chosen}"), program
        )

    def of_candidate(self, name: str | None) -> PlayedPolicy:
        """The policy of a candidate; of the best so far without a name."""
        candidates = history.candidates_of(self.events)
        if name is not None and name not in candidates:
            known = [*candidates, *self.arms()]
            raise UserError(
                f"no candidate {name!r} and no such arm{did_you_mean(name, known)}; there are {', '.join(known)}"
            )
        found = history.find_candidate(self.folder, self.events, candidates, name)
        if found.duplicate_of:
            found = candidates[found.duplicate_of]
        if found.failed is not None:
            raise UserError(f"candidate {found.name} has no policy: {shown(str(found.failed))}")
        if found.dropped is not None:
            raise UserError(f"candidate {found.name} has no policy: it was {found.dropped}")
        if found.trained is None:
            raise UserError(f"candidate {found.name} of {self.folder} is not trained yet")
        key = {"generation": found.generation, "slot": found.slot, "attempt": found.attempt}
        program = next((e["program"] for e in reversed(self.events) if _is(e, "verdict", **key)), None)
        return PlayedPolicy(f"candidate {found.name}", self._file(f"candidates/{found.name}"), program)

    def _kept_policies(self) -> list[str]:
        return sorted(p.parent.relative_to(self.folder).as_posix() for p in self.folder.glob(f"*/*/policy{POLICY}"))[:8]

    def _file(self, place: str) -> Path:
        relative = f"{place}/policy{POLICY}"
        path = self.folder / relative
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{path} leads out of the run")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UserError(
                f"{self.folder} keeps no {relative} (recorded examples are stored without most policies); it keeps "
                f"{', '.join(self._kept_policies()) or 'none at all'}"
            ) from None
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        sha256 = self.published.get(relative)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise UserError(f"{path} was changed since the run wrote it")
        return path


def _of_run(run: _Kept, candidate: str | None, baseline: str | None) -> Selection:
    task, arms = task_of(run.folder), run.arms()
    if candidate is not None and candidate in arms:
        players = [run.of_arm(candidate)]
    elif candidate is not None:
        players = [run.of_candidate(candidate)]
    elif any(_is(event, "arms") for event in run.events):
        if not arms:
            raise UserError(f"{run.folder} has no trained policy yet; to go on with it: eureka resume {run.folder}")
        others = [arm for arm in arms if arm != baseline]
        players = [run.of_arm(arm) for arm in others[: _MOST - (baseline is not None)]]
    elif EVOLVED in arms and (run.folder / "final" / f"{EVOLVED}-{arms[EVOLVED][0]}" / f"policy{POLICY}").is_file():
        players = [run.of_arm(EVOLVED)]
    else:
        players = [run.of_candidate(None)]
    return _beside(run, task, players, baseline)


def _of_file(run: _Kept, relative: str, baseline: str | None) -> Selection:
    kind, name, _ = PurePosixPath(relative).parts
    arm, _, seed = name.rpartition("-")
    player = run.of_candidate(name) if kind == "candidates" else run.of_arm(arm, int(seed))
    return _beside(run, task_of(run.folder), [player], baseline)


def _beside(run: _Kept, task: LoadedTask, players: list[PlayedPolicy], baseline: str | None) -> Selection:
    if baseline is not None:
        players = [*players, run.of_arm(baseline)]
    plain = re.sub(r"[^\w.]+", "-", "-".join([run.folder.name, *(player.label for player in players)]))
    return Selection(task, tuple(players), plain[:100])


def _run_around(path: Path) -> tuple[Path, str] | None:
    """The run that a policy's file lies in, and its place there, if the run's journal knows it."""
    whole = path.resolve()
    folder = next((f for f in list(whole.parents)[:4] if (f / "run.json").is_file()), None)
    if folder is None:
        return None
    relative = whole.relative_to(folder).as_posix()
    with untrusted_run(folder):
        return (folder, relative) if relative in _Kept(folder).published else None


def _is(event: Mapping[str, Any], kind: str, **wanted: Any) -> bool:
    return event["event"] == kind and all(event.get(k) == v for k, v in wanted.items())
