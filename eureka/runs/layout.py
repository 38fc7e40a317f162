"""Names of the files in a run folder. Places are relative to the folder, with `/` between their parts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

RECORD, JOURNAL, RESULT, REPORT, FILM = "run.json", "events.jsonl", "result.json", "report.html", "film.webp"
ORCHESTRATOR_LOCK, WORKERS_LOCK = "orchestrator.lock", "workers.lock"
OUTPUT = "output"  # what the command of a task with its own trainer left, beside where a policy would be
ENDED = "ended.json"  # in that folder: how the command ended
REMARKS, VOTES = "remarks", "votes"  # what people say of candidates, and which they prefer, a file each
START = "start.safetensors"  # copy of the policy that every training starts from
TASK, LOGS, SCRATCH, MANUAL, TENSORBOARD, WANDB = "task", "logs", "scratch", "manual", "tensorboard", "wandb"
CANDIDATES, CONTROLS, POLICY, REWARD = "candidates", "controls", "policy.safetensors", "reward.py"
REUSED = "final-reused"  # key of the trainings that a comparison took from another run


def is_run(folder: Path) -> bool:
    """Whether a folder is a run: `run.json` is written last."""
    return (folder / RECORD).is_file()


def runs_below(folder: Path, depth: int = 6) -> Iterator[Path]:
    """The runs in a folder and its subfolders, or the folder itself, with the control searches in them.

    Symbolic links, hidden folders and other subfolders of runs are not followed.
    """
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    inside = [e for e in entries if e.is_dir(follow_symlinks=False)]
    if any(entry.name == RECORD and entry.is_file(follow_symlinks=False) for entry in entries):
        yield folder
        inside = [e for e in inside if e.name == CONTROLS]
    for entry in inside:
        if depth > 0 and not entry.name.startswith("."):
            yield from runs_below(Path(entry.path), depth - 1)


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a task in a folder, without hidden ones and those of runs."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in ("__pycache__", RECORD):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and not is_run(path):
            yield from files_below(path)


def candidate(name: str) -> str:
    """The folder of the candidate `generation.slot`."""
    return f"{CANDIDATES}/{name}"


def training(name: str, number: int, validation: bool = False) -> str:
    """The folder of a candidate's training: its own for the first one of the search, a folder in it for others."""
    kind = "validation" if validation else "seed"
    return f"{candidate(name)}/{kind}-{number}" if number or validation else candidate(name)


def final(key: str, seed: int, round: int = 1) -> str:
    """The folder of a training of the final comparison: a reward's key in its arm, and the number of the seed.

    Rounds are counted from 1; each extension of a finished run adds one.
    """
    return f"final/round-{round}/{key}-{seed}" if round > 1 else f"final/{key}-{seed}"


def final_of(place: str) -> tuple[str, int] | None:
    """The key and the seed of the folder of a final training or of a file in it; None for any other place."""
    found = re.fullmatch(r"final/(?:round-[0-9]+/)?([^/]+)-([0-9]+)(/[^/]+)?", place)
    return (found[1], int(found[2])) if found else None


def policy(folder: str) -> str:
    """The policy in the folder of a training."""
    return f"{folder}/{POLICY}"


def baseline(key: str) -> str:
    """The text of a reward of the final comparison."""
    return f"baselines/{key}/{REWARD}"


def control(name: str) -> str:
    """The folder of a control search, which is a run."""
    return f"{CONTROLS}/{name}"


def prompt(generation: int, attempt: int, slots: Sequence[int] | None) -> str:
    """The text of a prompt; `slots` are None if it was sent for all of them."""
    suffix = "" if slots is None else f".slot-{'+'.join(map(str, slots))}"
    return f"prompts/{generation}.{attempt}{suffix}.md"


def search_training(generation: int, attempt: int) -> str:
    """The key in the journal, and the folder in scratch, of the training of a generation."""
    return f"generation-{generation}-{attempt}"


def validation(round: int) -> str:
    """The same for the finalists of a round."""
    return f"validation-{round}" if round > 1 else "validation"


def final_training(part: int, round: int = 1) -> str:
    """The same for a part of the final comparison of a round, which is divided by memory."""
    return ("final" if round == 1 else f"final-round-{round}") + (f"-{part}" if part else "")


def is_final(training: str) -> bool:
    """Whether the training of this key belongs to the final comparison."""
    return training.partition("-")[0] == "final"


def is_validation(training: str) -> bool:
    """Whether the training of this key is that of the finalists of a round."""
    return training.partition("-")[0] == "validation"
