"""A small training as the orchestrator asks for it, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from support.bench import Bench

from eureka.config.parameters import Curriculum
from eureka.config.settings import Evaluation, Learning, Plan
from eureka.config.tasks import load_task
from eureka.workers.messages import (
    Answer,
    Checkpoint,
    CheckpointMember,
    Described,
    Load,
    Note,
    Outcomes,
    Progress,
    Train,
    decode_answer,
    encode,
)


class Receiver(Protocol):
    """A `Connection`, without its end."""

    def send(self, message: dict[str, Any], /) -> None: ...

    def receive(self, timeout: float, /) -> dict[str, Any] | None: ...


REWARDS = (
    "def compute_reward(pole_angle):\n    u = torch.exp(-pole_angle**2 / 0.1)\n    return u, {'u': u}",
    "def compute_reward(cart_position):\n    r = -cart_position.abs()\n    return r, {'r': r}",
)


def training(
    bench: Bench, folder: Path, iterations: int = 4, resume: tuple[CheckpointMember, ...] | None = None
) -> Train:
    """The command for a training of two members, with a checkpoint after each half."""
    learning = Learning(horizon=16, hidden=(32, 16), epochs=2, minibatches=3)
    evaluation = Evaluation(checkpoints=2, selection_episodes=2, report_episodes=4)
    return Train(
        programs=tuple(bench.text(reward) for reward in REWARDS),
        seeds=(11, 12),
        plan=Plan(32, iterations, learning, evaluation, 3, "search"),
        folder=str(folder),
        resume=resume,
        warm=None,
        until=None,
    )


@dataclass
class Heard:
    """The checkpoints and outcomes of a training."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    outcomes: Outcomes | None = None

    @property
    def policies(self) -> list[bytes]:
        """The files of the outcomes."""
        assert self.outcomes is not None
        return [Path(policy.file).read_bytes() for policy in self.outcomes.policies]


def answer(connection: Receiver, timeout: float = 120) -> Answer:
    """The next answer, which must arrive in time."""
    frame = connection.receive(timeout)
    assert frame is not None
    return decode_answer(frame)


def listened(connection: Receiver, until_checkpoint: bool = False) -> Heard:
    """Receive answers until the outcomes, or until the first checkpoint.

    Raises:
        Died: the trainer process died before.
    """
    heard = Heard()
    while True:
        match answer(connection):
            case Checkpoint() as checkpoint:
                heard.checkpoints.append(checkpoint)
                if until_checkpoint:
                    return heard
            case Outcomes() as outcomes:
                heard.outcomes = outcomes
                return heard
            case other:
                assert isinstance(other, Progress | Note), other


def described(connection: Receiver) -> Described:
    """The first answer of a trainer process, which is told to load its task."""
    connection.send(encode(Load(curriculum=Curriculum())))
    first = answer(connection)
    assert isinstance(first, Described), first
    return first


def own_task(home: Path, more: str = "") -> Path:
    """Cartpole as a task of one's own, called `mine`, with more code in its module; its YAML."""
    task = load_task("cartpole")
    for file in task.sources():
        copy = home / file.relative_to(task.path.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text().replace("name: cartpole", "name: mine"))
    with (home / "cartpole" / "task.py").open("a") as module:
        module.write(f"\n{more}\n")
    return home / "cartpole.yaml"
