"""The trainer process: simulates, trains and evaluates. It never sees an API key or the source of a reward.

Started as `python -m eureka.trainer.service TASK.yaml THREADS DEVICE`, or through `sandbox/fence.py`. It exchanges the
messages of `eureka.workers.messages` on its standard streams: first `Load`, which gives the task's parameters. It ends
when its input does, also during a training.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

import eureka
from eureka.config.parameters import Curriculum
from eureka.config.tasks import PROGRAM as OWN_REWARD
from eureka.config.tasks import EnvironmentFile, LoadedTask, load_task
from eureka.envs.base import Worlds
from eureka.envs.env import Env
from eureka.envs.introspection import RECORDED_WORLDS, describe, load_class, make_scene, random_states
from eureka.envs.sizing import measure_sizes, world_bytes
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.program import Field, Program, own_reward, rebuild, warm_up
from eureka.rl.checkpoints import load_policies, save_policies
from eureka.rl.evaluation import PolicyPlayer, StepRewards, play_random
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.training import InitialPolicy, Training
from eureka.runs.events import TrainingProgress
from eureka.system.hardware import available_memory
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.trainer.checking import checked
from eureka.trainer.external import ExternalService
from eureka.trainer.robustness import correlation, robustness
from eureka.workers import messages
from eureka.workers.process import frames, write_frame

_BLANK = (
    '{"version":1,"inputs":["action"],"nodes":[{"op":"aten.select.int","args":[{"value":0},1,0]}],'
    '"outputs":[{"value":1}],"components":[]}'
)  # a reward of negligible cost
_TIMED_STEPS = 25  # control steps of evaluation that are timed
_PACKAGE = Path(eureka.__file__).parent
_PROGRESS_EVERY = 0.5  # s between two reports of progress


class Service:
    """One loaded task, and the commands on it."""

    def __init__(self, loaded: LoadedTask, backend: Backend, out: int, curriculum: Curriculum):
        """Load the task and record states under random actions; `out` is the descriptor for answers."""
        self.loaded, self.backend, self.out = loaded, backend, out
        seeds, self.world = torch.zeros(1, dtype=torch.int64), 0  # bytes of one world of a Gymnasium environment
        if isinstance(loaded.file, EnvironmentFile):
            if curriculum.parameters or curriculum.stages:
                raise UserError(f"{loaded.file.name} is a Gymnasium environment, which has no parameters and no stages")
            self._by_id(loaded.file, seeds)
        else:
            task = load_class(loaded, curriculum)
            self.task, self.model = task, make_scene(task)
            env = Env(task, ThreadPhysics(self.model, RECORDED_WORLDS, backend.threads), seeds, "random play")
            unfinished = self._try_fitness(task, env)
            self.states = random_states(task, env)
            described = describe(loaded, task, self.states, env.actor_size, curriculum)
            self.description = described.model_copy(update={"unfinished": unfinished})
            if backend.warp:
                backend.sizes = measure_sizes(task, self.model, backend.threads)
        if loaded.unwritten:
            left = "; ".join(filter(None, [self.description.unfinished, loaded.unwritten]))
            self.description = self.description.model_copy(update={"unfinished": left})
        self.fields = {name: Field(*of) for name, of in self.description.fields().items()}

    def _try_fitness(self, task: Task, env: Env) -> str:
        """Call the task's fitness; what is missing if it is not written yet, after which it is NaN."""
        env.reset()
        try:
            fitness = env.try_fitness()
        except NotImplementedError as error:
            task.fitness = env.task.fitness = lambda episode: episode.length * torch.nan
            return f"{_where(error, self.loaded)}fitness() is not written yet: {error}".removesuffix(": ")
        if not isinstance(fitness, torch.Tensor) or fitness.shape != env.length.shape:
            found = f"shape {tuple(fitness.shape)}" if isinstance(fitness, torch.Tensor) else type(fitness).__name__
            raise UserError(
                f"{self.loaded.module}: fitness() returned {found} for {len(env.length)} worlds; return a tensor (W,), "
                "one number for each world"
            )
        return ""

    def _by_id(self, file: EnvironmentFile, seeds: torch.Tensor) -> None:
        from eureka.envs.gymnasium import description
        from eureka.envs.gymnasium.env import GymnasiumTask

        self.task, self.model, before = GymnasiumTask(file), None, _resident()
        self.states = random_states(self.task, self.task.open(seeds, RECORDED_WORLDS, "random play"))
        self.world = max(0, _resident() - before) // RECORDED_WORLDS
        self.description = description.describe(self.loaded, self.task, self.states)

    def _program(self, text: str, worlds: int) -> Program:
        if text == OWN_REWARD and self.model is None:
            return own_reward(worlds)
        return rebuild(text, self.fields, worlds, str(self.backend.torch_device))

    def answer(self, command: messages.Command) -> None:
        match command:
            case messages.Preflight():
                endless = not self.description.termination
                self.send(checked(command, self.fields, self.states, endless))
            case messages.PlayEpisodes():
                self._play_episodes(command)
            case messages.Measure():
                self._measure(command)
            case messages.Probe():
                self._probe(command)
            case messages.Play():
                self._play(command)
            case messages.Train():
                self._train(command)

    def send(self, answer: messages.Answer) -> None:
        write_frame(self.out, messages.encode(answer))

    def _play_episodes(self, command: messages.PlayEpisodes) -> None:
        seeds, stream = torch.tensor([derive(command.seed, "random play")]), "random play"
        if isinstance(self.task, Task):
            assert self.model is not None
            physics = ThreadPhysics(self.model, command.episodes, self.backend.threads)
            env: Worlds = Env(self.task, physics, seeds, stream)
        else:
            env = self.task.open(seeds, command.episodes, stream)
        programs = [rebuild(text, self.fields, command.episodes) for text in command.programs]
        rewards = StepRewards(programs) if programs else None
        if command.policy is None:
            found = play_random(env, self.task.action_size, command.seed, rewards)
        else:
            from eureka.trainer.playback import open_policies

            env.reset()
            policy, moments = open_policies([Path(command.policy.file)], self.task, env)
            found = PolicyPlayer(env, policy, moments, rewards).play()
        metrics = {name: tuple(values[0].tolist()) for name, values in found.metrics.items()}
        fitness, length = tuple(found.fitness[0].tolist()), tuple(found.length[0].tolist())
        watched = {}
        if rewards:
            row = rewards.correlations()[0].tolist()
            returns = tuple(map(tuple, rewards.returns().tolist()))
            watched = {"returns": returns, "correlations": tuple(None if r != r else r for r in row)}
        self.send(messages.PlayedEpisodes(fitness=fitness, length=length, metrics=metrics, **watched))

    def _measure(self, command: messages.Measure) -> None:
        """Time an iteration of training with a reward of negligible cost, after one of warm-up, and evaluation."""
        members, plan = command.members, command.plan
        program = self._program(_BLANK, plan.worlds)
        training = Training(self.task, self.model, [program] * members, [0] * members, plan, self.backend)
        training.iterate()
        self.backend.synchronize()
        start = time.perf_counter()
        training.iterate()
        self.backend.synchronize()
        seconds = time.perf_counter() - start
        steps = members * training.steps_per_iteration
        evaluation = seconds / steps if self.backend.warp else training.time_evaluation(_TIMED_STEPS)
        self.send(messages.Measured(seconds=seconds, steps=steps, evaluation=evaluation))

    def described(self, fence: str) -> messages.Described:
        """The task, and the memory of its worlds."""
        device = self.backend.torch_device
        available = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
        sizes, world = self.sizes(), self.world
        if self.model is not None and isinstance(self.task, Task):
            world = world_bytes(self.model, self.backend.sizes, self.task.late)
        return messages.Described(
            description=self.description, fence=fence, sizes=sizes, world=world, available=available
        )

    def _load(self, policies: Sequence[messages.FileReference]) -> tuple[Policy, RunningMoments]:
        return load_policies([Path(policy.file) for policy in policies], self.backend.torch_device)

    def _probe(self, command: messages.Probe) -> None:
        plan = command.plan
        policy, moments = self._load(command.policies)
        episodes, seed = plan.evaluation.report_episodes, derive(plan.seed, plan.purpose, "probe")
        assert isinstance(self.task, Task) and self.model is not None  # checked by `arms.require`
        given = (self.task, self.model, policy, moments)
        robust, correlated = {}, None
        if command.robustness:
            robust = robustness(*given, episodes, seed, self.backend)
        if command.human:
            *programs, human = (self._program(t, episodes) for t in [*command.programs, command.human])
            correlated = correlation(*given, programs, human, episodes, seed, self.backend)
        self.send(messages.Probed(robustness=robust, correlation=correlated))

    def _play(self, command: messages.Play) -> None:
        from eureka.trainer import playback
        from eureka.video.trajectory import Trajectory, rate_of

        files = [Path(policy.file) if policy else None for policy in command.policies]
        env = playback.worlds(self.task, self.model, len(files), command.seed)
        players, model = playback.players_of(files, self.task, env, command.seed), playback.model_of(env)
        marks = playback.marked(self.description.state, model) if model else ()
        programs = [None if text is None else self._program(text, 1) for text in command.programs]
        period, steps = self.description.control_period, command.steps
        every = rate_of(period)[0]
        parts = playback.play(env, players, programs, command.labels, steps, command.episodes, marks, every)
        Trajectory(self.description.name, period, playback.binary(env), parts).save(Path(command.output))
        first = [[p.fitness[e].item() for e in p.episodes()[:1] if np.isfinite(p.fitness[e])] for p in parts]
        self.send(messages.Played(steps=len(parts[0].fitness), first=tuple(f[0] if f else None for f in first)))

    def _train(self, command: messages.Train) -> None:
        plan, folder = command.plan, Path(command.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.backend.threads = command.threads or self.backend.threads
        programs = [self._program(text, plan.worlds) for text in command.programs]
        parent = None
        if command.warm and not command.resume:
            parent = InitialPolicy(*self._load([command.warm]), command.warm.samples)
        training = Training(self.task, self.model, programs, command.seeds, plan, self.backend, parent)
        if plan.compiled:
            places, device = torch.arange(len(programs) * plan.worlds) % RECORDED_WORLDS, self.backend.torch_device
            problem = training.compile({name: value[places].to(device) for name, value in self.states.items()})
            if problem:
                self.send(messages.Note(text=problem))
        training.stage_ends = command.stage_ends
        if command.resume:
            training.load([(Path(source.file), source.member) for source in command.resume])
        last = 0.0

        def send_notes() -> None:
            while training.notes:
                self.send(messages.Note(text=training.notes.pop(0)))

        def on_progress(progress: TrainingProgress) -> None:
            nonlocal last
            send_notes()
            now = time.monotonic()
            if now - last > _PROGRESS_EVERY or progress.iteration == progress.iterations:
                last = now
                self.send(messages.Progress(progress=progress))

        def on_checkpoint(number: int) -> None:
            file = folder / f"checkpoint-{number}.safetensors"
            training.save(file)
            self.send(messages.Checkpoint(number=number, saved=_hashed(file), points=tuple(training.points())))

        send_notes()
        outcomes = training.run(on_progress, on_checkpoint, command.until)
        send_notes()
        files = [] if command.until else [folder / f"policy-{i}.safetensors" for i in range(len(programs))]
        save_policies(*training.best(), files)
        policies = tuple(map(_hashed, files))
        clocks = asdict(training.clocks)
        self.send(messages.Outcomes(outcomes=tuple(outcomes), policies=policies, clocks=clocks, sizes=self.sizes()))

    def sizes(self) -> dict[str, int] | None:
        """Current sizes of MuJoCo Warp's buffers; None on the CPU."""
        return asdict(self.backend.sizes) if self.backend.sizes else None


def _resident() -> int:
    """Bytes of memory that this process uses."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _hashed(path: Path) -> messages.HashedFile:
    with open(path, "rb") as file:
        return messages.HashedFile(file=str(path), sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _where(error: BaseException, loaded: LoadedTask) -> str:
    """The last line of the task's own files in the traceback of an exception."""
    folder = loaded.path.parent

    def own(file: Path) -> bool:
        if not file.is_relative_to(folder) or "site-packages" in file.relative_to(folder).parts:
            return False
        return folder.is_relative_to(_PACKAGE) or not file.is_relative_to(_PACKAGE)

    here = [frame for frame in traceback.extract_tb(error.__traceback__) if own(Path(frame.filename))]
    return f"{here[-1].filename}, line {here[-1].lineno}: " if here else ""


def _was_refused(error: BaseException | None) -> bool:
    """Whether the isolation refused an operation, in this exception or one that caused it."""
    return error is not None and (
        isinstance(error, PermissionError) or _was_refused(error.__cause__ or error.__context__)
    )


def _commands(source: int, at_end: Sequence[Callable[[], None]]) -> queue.Queue[dict[str, Any]]:
    """Frames from `source` as they arrive; the process exits when the input ends, after it has called `at_end`."""
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()

    def read() -> None:
        for frame in frames(source):
            inbox.put(frame)
        for close in at_end:
            close()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return inbox


def main(task: str, threads: int, device: str) -> None:
    """Carry out commands until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # output of libraries and environments goes to the log
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # and what they read is nothing, not the commands
    at_end: list[Callable[[], None]] = []
    inbox = _commands(source, at_end)
    torch.set_num_threads(1)
    loaded = load_task(task)
    with _reported(loaded, out):
        load = messages.decode_command(inbox.get())
        assert isinstance(load, messages.Load)
        fence = os.environ.get("EUREKA_FENCE", "")
        if fence.startswith("!"):
            write_frame(out, messages.encode(messages.Unfenced(reason=fence[1:])))
            sys.exit(1)
        service: Service | ExternalService
        if loaded.external:
            service = ExternalService(
                loaded, threads, load.curriculum, lambda answer: write_frame(out, messages.encode(answer))
            )
            at_end.append(service.close)
        else:
            service = Service(loaded, Backend(device, threads), out, load.curriculum)
        service.send(service.described(fence))
        warm_up()  # while the orchestrator or the compiler is busy
    while True:
        frame = inbox.get()
        with _reported(loaded, out):
            service.answer(messages.decode_command(frame))


@contextlib.contextmanager
def _reported(loaded: LoadedTask, out: int):
    """Send an exception as a message of one sentence, write its traceback to the log, and exit."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        lines = [line.strip() for line in str(error).strip().splitlines()[:2]]
        first = "; ".join([*lines, *getattr(error, "__notes__", ())])
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
            answer = messages.StorageError(message=": ".join(map(str, filter(None, (error.strerror, error.filename)))))
        elif isinstance(error, MemoryError | torch.OutOfMemoryError):
            os._exit(137)  # as if the kernel's out-of-memory killer had ended the process
        else:
            own = isinstance(error, UserError)  # whose message is complete, but for what the isolation refused
            message = _where(error, loaded) + (str(error) if own else f"{type(error).__name__}: {first}")
            if os.environ.get("EUREKA_FENCE") and _was_refused(error.__cause__ if own else error):
                message += (
                    "; the trainer has no network and writes only inside the run folder (--open-trainer lifts this)"
                )
            answer = messages.TaskError(message=message)
        write_frame(out, messages.encode(answer))
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
