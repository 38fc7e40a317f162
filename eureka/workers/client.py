"""Client of one trainer process: sends commands, waits for answers, and replaces a process that died."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from eureka.config.description import Description
from eureka.config.parameters import Curriculum
from eureka.config.settings import Settings
from eureka.errors import SandboxUnavailable, StorageFault, UserError
from eureka.runs.candidate import Failed
from eureka.runs.store import Run
from eureka.workers import messages
from eureka.workers.executors import Connection, Executor
from eureka.workers.process import Died, give_up

TOGETHER = 2  # deaths without a new checkpoint in between after which a population is split in two
ALONE = 3  # the same after which a single member has failed

_PREFLIGHT_TIMEOUT = 120.0  # s that the pre-flight of a reward may take
_TIMEOUT = 900.0  # s without an answer after which a training is given up, until its first answer

_Answer = TypeVar("_Answer", bound=messages.Answer)


class TrainerClient:
    """A trainer process of one task."""

    def __init__(
        self,
        executor: Executor,
        number: int = 0,
        timeout: float = _TIMEOUT,
        curriculum: Curriculum = Curriculum(),
    ):
        """Start the process without waiting for it.

        Args:
            executor: what starts it.
            number: of the worker.
            timeout: s, for the first answer of a training.
            curriculum: the task's parameters.
        """
        self.timeout, self._curriculum = timeout, curriculum
        self._executor, self._number = executor, number
        self._description: Description | None = None
        self._killed = False
        self.fence = ""  # isolation, known after `description`; empty for none
        self.sizes: dict[str, int] | None = None  # of MuJoCo Warp's buffers, known after `description`; None on the CPU
        self.world, self.available = 0, sys.maxsize  # bytes of a world, and available at the start of the process
        self._connection = self._open()

    @property
    def description(self) -> Description:
        """The task's description. Waits until the process has loaded the task; raises `UserError` if its code fails."""
        for death in range(1, ALONE + 1):
            if self._description is not None:
                break
            try:
                answer = self.receive(messages.Described)
                self._check_fence(answer.fence)
                self.sizes, self._description = answer.sizes, answer.description
                self.world, self.available = answer.world, answer.available
            except Died as died:
                if death == ALONE or self._killed:
                    raise give_up("trainer", died.reason, self._executor.log(self._number)) from None
                self._reopen()
        assert self._description is not None
        return self._description

    def _check_fence(self, fence: str) -> None:
        if not self._executor.fenced:
            return
        if not fence or fence.startswith("!"):
            raise SandboxUnavailable(
                f"the trainer cannot be isolated: {fence[1:] or 'it reported no isolation'}; use --open-trainer to run "
                "it without isolation (docs/sandbox.md)"
            )
        self.fence = fence

    def preflight(self, program: str, worlds: int) -> messages.PreflightReport | Failed:
        """Check a program for members of `worlds` worlds, and run it on states recorded under random actions."""
        try:
            command = messages.Preflight(program=program, worlds=worlds)
            return self._ask(command, messages.Preflighted, _PREFLIGHT_TIMEOUT).result
        except Died as death:
            message = f"the process that ran the pre-flight {death.reason}"
            return Failed(stage="preflight", message=message, machine=True)

    def play_episodes(
        self, episodes: int, seed: int, programs: Sequence[str] = (), policy: Path | None = None
    ) -> messages.PlayedEpisodes:
        """Play episodes with a policy, or with uniformly random actions, which verified programs watch."""
        file = messages.FileReference(file=str(policy)) if policy else None
        command = messages.PlayEpisodes(episodes=episodes, seed=seed, policy=file, programs=tuple(programs))
        return self._ask(command, messages.PlayedEpisodes)

    def measure(self, members: int, settings: Settings) -> tuple[float, float]:
        """World-steps per second of `members` members, in training and in evaluation."""
        command = messages.Measure(members=members, plan=settings.plan("search"))
        answer = self._ask(command, messages.Measured)
        if not answer.seconds:  # not known before a training
            return math.inf, math.inf
        return answer.steps / answer.seconds, 1.0 / answer.evaluation

    def probe(
        self, run: Run, policies: Sequence[str], programs: Sequence[str], human: str | None, robust: bool
    ) -> dict[str, Any]:
        """Test policies at these paths in the run, and correlate their rewards with `human`; the fields of `Probed`."""
        files = tuple(messages.FileReference(file=str(run.inside(policy))) for policy in policies)
        plan = run.settings.plan("final")
        command = messages.Probe(policies=files, programs=tuple(programs), human=human, robustness=robust, plan=plan)
        return self._ask(command, messages.Probed).model_dump()

    def play(self, command: messages.Play) -> messages.Played:
        """Play policies and write their trajectory to the scratch folder; raises `UserError` if one does not fit."""
        return self._ask(command, messages.Played)

    def kill(self) -> None:
        """End the process and start no other one; a thread that waits for an answer gets `Died`."""
        self._killed = True
        self._connection.kill()

    def close(self) -> None:
        self._connection.close()

    def _ask(self, command: messages.Command, expected: type[_Answer], timeout: float | None = None) -> _Answer:
        """Send a repeatable command; raises `Died` after two deaths with timeout, `WorkerFault` after three without."""
        deaths = 0
        while True:
            _ = self.description
            try:
                self.send(command)
                return self.receive(expected, timeout=timeout)
            except Died as death:
                deaths += 1
                if deaths == ALONE and timeout is None:
                    raise give_up("trainer", death.reason, self._executor.log(self._number)) from None
                self.restart()
                if deaths == TOGETHER and timeout is not None:
                    raise

    def receive(self, *expected: type[_Answer], timeout: float | None = None) -> _Answer:
        """The next answer within `timeout` s, of an `expected` class; raises `Died`, `UserError` or `StorageFault`."""
        try:
            frame = self._connection.receive(timeout)
            answer = None if frame is None else messages.decode_answer(frame)
        except ValueError as error:  # not JSON, or not a message
            self._connection.kill()
            raise Died(f"sent an invalid message ({error})") from None
        match answer:
            case messages.TaskError(message=message):
                raise UserError(message)
            case messages.Unfenced(reason=reason):
                self._check_fence(f"!{reason}")
            case messages.StorageError(message=message):
                raise StorageFault(f"the trainer could not write a checkpoint ({message}); free some disk space")
        if not isinstance(answer, expected):
            self._connection.kill()
            if answer is None:
                raise Died(f"sent nothing for {timeout:.0f} s")
            raise Died(f"sent an unexpected message ({type(answer).__name__})")
        return answer

    def send(self, command: messages.Command) -> None:
        self._connection.send(messages.encode(command))

    def restart(self) -> None:
        """Replace a process that died, and wait until the new one has loaded the task; raises `Died` after `kill`."""
        self._reopen()
        self._description = None
        _ = self.description

    def _open(self) -> Connection:
        connection = self._executor.open(self._number)
        with contextlib.suppress(Died):  # told when the description is read
            connection.send(messages.encode(messages.Load(curriculum=self._curriculum)))
        return connection

    def _reopen(self) -> None:
        self._connection.close()
        if not self._killed:
            self._connection = self._open()
        if self._killed:  # checked again: `kill` may have been called by another thread meanwhile
            self._connection.kill()
            raise Died("was ended")
