"""The orchestrator's side of one trainer process: what it is asked, what it answers, and that it may die."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eureka.config.description import Description
from eureka.config.settings import Settings
from eureka.errors import SandboxUnavailable, StorageFault, UserError
from eureka.runs.candidate import Failed
from eureka.runs.store import Run
from eureka.workers.executors import Executor
from eureka.workers.process import Died, give_up

TOGETHER = 2
"""Deaths of the process without a new checkpoint after which a population is cut in two."""
ALONE = 3
"""The same for a single member, after which it has failed."""


_TRYING = 120.0
"""s that a reward may take to be tried before it trains."""
_PATIENCE = 900.0
"""s without a sign of life after which a training is given up, at first."""

_SAMPLED = 2
"""Members whose memory is measured."""


class TrainerClient:
    """A trainer process of one task."""

    def __init__(self, executor: Executor, number: int = 0, patience: float = _PATIENCE):
        """Start it; `description` waits until it has read the task.

        Args:
            executor: where it runs.
            number: which of the executor's workers it is.
            patience: s to wait for a training's first sign of life.
        """
        self.patience = patience
        self._executor, self._number = executor, number
        self._description: Description | None = None
        self._given_up = False
        self.fence = ""
        """What confines it, once `description` is there; nothing if it is open."""
        self.sizes: dict[str, int] | None = None
        """Room in the simulator's buffers as measured, where it has to be told of any."""
        self._link = self._executor.open(number)

    @property
    def description(self) -> Description:
        """The task as its class tells it.

        Raises:
            UserError: the task's code does not run; says where.
        """
        for death in range(1, ALONE + 1):
            if self._description is not None:
                break
            try:
                answer = self.receive()
                self._check_fence(answer["fence"])
                self.sizes = answer["sizes"]
                self._description = Description.model_validate(answer["description"])
            except Died as died:
                if death == ALONE or self._given_up:
                    raise give_up("trainer", died.reason, self._executor.log(self._number)) from None
                self._reopen()
        assert self._description is not None
        return self._description

    def _check_fence(self, fence: str) -> None:
        if not self._executor.fenced:
            return
        if not fence or fence.startswith("!"):
            raise SandboxUnavailable(
                f"the trainer cannot be confined: {fence[1:] or 'it says nothing of its fence'}; --open-trainer runs "
                "it without (docs/sandbox.md)"
            )
        self.fence = fence

    def preflight(self, program: str, worlds: int) -> dict[str, Any] | Failed:
        """Check a program for members of `worlds` worlds and run it on states of random play.

        Returns:
            A report, or why the program cannot be trained with.
        """
        try:
            answer = self._ask({"command": "preflight", "program": program, "worlds": worlds}, _TRYING)
        except Died as death:
            return Failed(stage="preflight", message=f"the process that tried it {death.reason}", machine=True)
        if answer["kind"] == "rejected":
            return Failed(stage="compile", message=answer["message"], line=answer["line"])
        if answer["problem"]:
            return Failed(stage="preflight", message=answer["problem"], machine=answer["machine"])
        return answer

    def measure(self, members: int, settings: Settings) -> float:
        """Training world-steps a second that this machine does with so many members."""
        answer = self._measured(members, settings)
        return answer["steps"] / answer["seconds"]

    def room(self, settings: Settings) -> int:
        """How many members may train together so that they take half of the free memory at most."""
        taken = self._measured(_SAMPLED, settings)
        each = taken["bytes"] / _SAMPLED
        # The report episodes of all members are played at once, beside the training's worlds.
        each *= 1 + settings.evaluation.report_episodes / settings.worlds
        return max(1, int(taken["free"] / 2 / max(each, 1.0)))

    def _measured(self, members: int, settings: Settings) -> dict[str, Any]:
        return self._ask({"command": "measure", "members": members, "plan": plan_of(settings, "search")})

    def probe(
        self, run: Run, policies: Sequence[str], programs: Sequence[str], human: str | None, robust: bool
    ) -> dict[str, Any]:
        """Look at trained policies once more.

        Args:
            run: the run that they are in.
            policies: where in its folder each is.
            programs: the reward that each was trained with.
            human: a reward to correlate these with, None for no correlation.
            robust: whether to try the policies under perturbed physics.

        Returns:
            `robustness`, fitness of each policy by perturbation, and `correlation` of each, or None.
        """
        answer = self._ask(
            {
                "command": "probe",
                "policies": [str(run.inside(policy)) for policy in policies],
                "programs": list(programs),
                "human": human,
                "robustness": robust,
                "plan": plan_of(run.settings, "final"),
            }
        )
        return {name: answer[name] for name in ("robustness", "correlation")}

    def play(self, **wanted: Any) -> dict[str, Any]:
        """Have policies played, and the trajectory written to a file in `scratch`.

        Args:
            wanted: as `eureka.trainer.service` lists them for this command.

        Returns:
            `steps` that were played, and `first`, each policy's fitness in its first episode or None.

        Raises:
            UserError: a policy is none, or another task's.
        """
        return self._ask({"command": "play", **wanted})

    def kill(self) -> None:
        """End the process at once, from any thread; whoever waits for it is told so, and nothing takes its place."""
        self._given_up = True
        self._link.kill()

    def close(self) -> None:
        """End the process."""
        self._link.close()

    def _ask(self, command: dict[str, Any], patience: float | None = None) -> dict[str, Any]:
        """Send a command that can be repeated, and the answer to it.

        Raises:
            Died: it kills the process, or was not answered within `patience` s.
            WorkerFault: without patience, the same.
        """
        deaths = 0
        while True:
            _ = self.description
            try:
                self.send(command)
                return self.receive(patience)
            except Died as death:
                deaths += 1
                if deaths == ALONE and patience is None:
                    raise give_up("trainer", death.reason, self._executor.log(self._number)) from None
                self.restart()
                if deaths == TOGETHER and patience is not None:
                    raise

    def receive(self, patience: float | None = None) -> dict[str, Any]:
        """The process's next answer.

        Args:
            patience: s to wait for it, for ever if None.

        Raises:
            Died: it is gone, or was killed for its silence.
            UserError: the task's code failed; says where.
            StorageFault: it could not write.
        """
        answer = self._link.receive(patience)
        if answer is None:
            self._link.kill()
            raise Died(f"gave no sign of life for {patience:.0f} s")
        if answer["kind"] == "error":
            raise UserError(answer["message"])
        if answer["kind"] == "storage":
            raise StorageFault(
                f"the trainer could not write a checkpoint ({answer['message']}); nothing recorded is lost: free "
                "some room, then eureka resume the run"
            )
        return answer

    def send(self, command: dict[str, Any]) -> None:
        """Give the process a command.

        Raises:
            Died: it is gone.
        """
        self._link.send(command)

    def restart(self) -> None:
        """Begin anew with a process in the place of one that died.

        Raises:
            Died: it was meant to.
        """
        self._reopen()
        self._description = None
        _ = self.description

    def _reopen(self) -> None:
        self._link.close()
        if not self._given_up:
            self._link = self._executor.open(self._number)
        if self._given_up:  # also by now: whoever ended it meant this one too
            self._link.kill()
            raise Died("was ended")


def plan_of(settings: Settings, purpose: str, warm: bool = False) -> dict[str, Any]:
    """The part of the settings that decides a training, as the trainer process reads it."""
    return {
        "worlds": settings.worlds,
        "compiled": settings.compiled,
        "iterations": settings.warm_iterations if warm else settings.iterations,
        "learning": settings.learning.model_dump(mode="json"),
        "evaluation": settings.evaluation.model_dump(mode="json"),
        "seed": settings.seed,
        "purpose": purpose,
    }
