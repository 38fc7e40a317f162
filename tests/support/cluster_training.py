"""A small training as the orchestrator asks for it, and what comes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from support.bench import Bench

from eureka.config.settings import Evaluation, Learning
from eureka.config.tasks import load_task
from eureka.rl.training import Plan
from eureka.workers.executors import Link

REWARDS = (
    "def compute_reward(pole_angle):\n    u = torch.exp(-pole_angle**2 / 0.1)\n    return u, {'u': u}",
    "def compute_reward(cart_position):\n    r = -cart_position.abs()\n    return r, {'r': r}",
)


def plan(iterations: int = 4) -> dict[str, Any]:
    """A plan with a checkpoint after each half."""
    learning = Learning(horizon=16, hidden=(32, 16), epochs=2, minibatches=3)
    evaluation = Evaluation(checkpoints=2, selection_episodes=2, report_episodes=4)
    made = asdict(Plan(32, iterations, learning, evaluation, 3, "search"))
    return made | {"learning": learning.model_dump(), "evaluation": evaluation.model_dump()}


def training(bench: Bench, folder: Path, iterations: int = 4, resume: Any = None) -> dict[str, Any]:
    """The command for a training of two members."""
    programs = [bench.text(reward) for reward in REWARDS]
    what = {"programs": programs, "seeds": [11, 12], "plan": plan(iterations)}
    return {"command": "train", **what, "folder": str(folder), "resume": resume, "warm": None, "until": None}


@dataclass
class Heard:
    """What a trainer process said until its outcomes, or until one stops listening."""

    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    outcomes: dict[str, Any] | None = None

    @property
    def policies(self) -> list[bytes]:
        """The files of the outcomes."""
        assert self.outcomes is not None
        return [Path(policy["file"]).read_bytes() for policy in self.outcomes["policies"]]


def listened(link: Link, until_checkpoint: bool = False) -> Heard:
    """Take what a link says until the outcomes, or the first checkpoint.

    Raises:
        Died: the trainer process did before.
    """
    heard = Heard()
    while True:
        answer = link.receive(120)
        assert answer is not None and answer["kind"] in ("progress", "note", "checkpoint", "outcomes"), answer
        if answer["kind"] == "checkpoint":
            heard.checkpoints.append(answer)
            if until_checkpoint:
                return heard
        if answer["kind"] == "outcomes":
            heard.outcomes = answer
            return heard


def described(link: Link) -> dict[str, Any]:
    """The first thing that a trainer process says."""
    answer = link.receive(120)
    assert answer is not None and answer["kind"] == "described", answer
    return answer


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
