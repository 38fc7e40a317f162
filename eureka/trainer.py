"""The orchestrator's side of training: one trainer process, its crashes survived, its progress journalled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eureka.candidate import Failed, Outcome
from eureka.config import LoadedTask, Settings
from eureka.confinement import Confinement
from eureka.crashes import ALONE, TOGETHER, OnProgress, Work
from eureka.description import Description
from eureka.devices import kernel_cache
from eureka.errors import SandboxUnavailable, StorageFault, UserError
from eureka.paths import shipped
from eureka.store import Run
from eureka.workers import Died, Worker, cores, give_up

_TRYING = 120.0
"""s that a reward may take to be tried before it trains."""
_PATIENCE = 900.0
"""s without a sign of life after which a training is given up, at first."""

_SAMPLED = 2
"""Members whose memory is measured."""


class Trainer:
    """The trainer process of one task."""

    def __init__(
        self,
        task: LoadedTask,
        log: Path,
        scratch: Path,
        confinement: Confinement,
        keep: Sequence[int] = (),
        device: str = "cpu",
        threads: int = 0,
        patience: float = _PATIENCE,
    ):
        """Start it; `description` waits until it has read the task.

        Args:
            task: the task, whose code runs in that process and never in this one.
            log: file for its messages.
            scratch: folder that it works in, and the only one that it may write to when it is confined.
            confinement: whether it is.
            keep: descriptors that it inherits (the run's worker lock).
            device: one of `eureka.devices.DEVICES`.
            threads: for physics and learning, 0 for one a core.
            patience: s to wait for a training's first sign of life.
        """
        self.patience = patience
        self._task, self._log, self._scratch, self._keep = task, log, scratch, keep
        # A driver for GPUs has not been tried behind the fence.
        self._fenced = confinement.fenced and device != "cuda"
        self.device = device
        self.threads = threads or cores()
        self._description: Description | None = None
        self.fence = ""
        """What confines it, once `description` is there; nothing if it is open."""
        self.sizes: dict[str, int] | None = None
        """Room in the simulator's buffers as measured, where it has to be told of any."""
        self._worker = self._start()

    def _start(self) -> Worker:
        program = ["eureka.trainer_process", str(self._task.path), str(self.threads), self.device]
        own, places, more = self._scratch / "tmp", [self._scratch], {}
        if self.device != "cpu":
            places.append(kernel_cache())
            more["WARP_CACHE_PATH"] = str(kernel_cache())
        for place in (own, *places):
            place.mkdir(parents=True, exist_ok=True)
        writable = os.pathsep.join(str(place) for place in places)
        fenced = [str(shipped("sandbox") / "fence.py"), writable] if self._fenced else ["-m"]
        return Worker(["-P", *fenced, *program], self._log, self._keep, own, more)

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
                if death == ALONE:
                    raise give_up("trainer", died.reason, self._log) from None
                self._worker.close()
                self._worker = self._start()
        assert self._description is not None
        return self._description

    def _check_fence(self, fence: str) -> None:
        if not self._fenced:
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

    def train(
        self,
        run: Run,
        key: str,
        programs: Sequence[str],
        seeds: Sequence[int],
        purpose: str,
        places: Sequence[str],
        on_progress: OnProgress,
    ) -> list[Outcome]:
        """Train programs together, from wherever an interrupted run left them.

        Args:
            run: the run, whose journal gets every checkpoint and the outcomes.
            key: name of this training in the journal.
            programs: one program a member.
            seeds: one seed a member.
            purpose: `search` or `final`.
            places: where in the run folder each member's policy goes.
            on_progress: called with reports of progress.

        Returns:
            One outcome a member. A member whose training kills the process again and again has failed; the others
            are trained without it.
        """
        _ = self.description
        work = Work(self, run, key, programs, seeds, plan_of(run.settings, purpose), places, on_progress)
        outcomes = work.train(list(range(len(programs))))
        run.clear_scratch(key)
        return outcomes

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

    def close(self) -> None:
        """End the process."""
        self._worker.close()
        shutil.rmtree(self._scratch / "tmp", ignore_errors=True)

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
                    raise give_up("trainer", death.reason, self._log) from None
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
        answer = self._worker.receive(patience)
        if answer is None:
            self._worker.kill()
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
        self._worker.send(command)

    def restart(self) -> None:
        """Begin anew with a process in the place of one that died."""
        self._worker.close()
        self._description = None
        self._worker = self._start()
        _ = self.description


def plan_of(settings: Settings, purpose: str) -> dict[str, Any]:
    """The part of the settings that decides a training, as the trainer process reads it."""
    return {
        "worlds": settings.worlds,
        "compiled": settings.compiled,
        "iterations": settings.iterations,
        "learning": settings.learning.model_dump(mode="json"),
        "evaluation": settings.evaluation.model_dump(mode="json"),
        "seed": settings.seed,
        "purpose": purpose,
    }
