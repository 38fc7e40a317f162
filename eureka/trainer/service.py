"""The trainer: a program apart that simulates, trains and evaluates. It never meets a key or a candidate's text.

Started as `python -m eureka.trainer.service TASK.yaml THREADS DEVICE`, through `sandbox/fence.py` unless it is to
be open. Frames go both ways on the standard streams. The first one out describes the task; each command in is answered
by the frames named beside it:

    preflight {program, worlds}         report | rejected
    measure   {members, plan}           measured
    probe     {policies, programs, human, plan, robustness}
                                        probed
    play      {policies, labels, programs, seed, steps, episodes, file}
                                        played
    train     {programs, seeds, plan, folder, resume, warm, until}
                                        note, progress and checkpoint, many times; then outcomes
    any                                 error (the task's code is wrong), storage (the disk refused)

The program ends when its input does, in the middle of a training too.
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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from eureka.config.settings import Evaluation, Learning
from eureka.config.tasks import PROGRAM as OWN_REWARD
from eureka.config.tasks import EnvironmentFile, LoadedTask, load_task
from eureka.envs.env import Env
from eureka.envs.introspection import RECORDED_WORLDS, describe, load_class, random_states
from eureka.errors import UserError
from eureka.physics.backend import Backend
from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics
from eureka.rewards.preflight import preflight, too_slow
from eureka.rewards.program import Field, Program, Rejected, fingerprint, own_reward, rebuild
from eureka.rl.checkpoints import load_policies, save_policies
from eureka.rl.training import InitialPolicy, Plan, Training, TrainingProgress
from eureka.system.seeds import derive
from eureka.task import Task
from eureka.trainer.robustness import correlation, robustness
from eureka.workers.process import frames, write_frame

_BLANK = (
    '{"version":1,"inputs":["action"],"nodes":[{"op":"aten.select.int","args":[{"value":0},1,0]}],'
    '"outputs":[{"value":1}],"components":[]}'
)
"""A reward that costs next to nothing."""
_PROGRESS_EVERY = 0.5
"""s between two reports of progress."""


class Service:
    """One task, ready to be trained on."""

    def __init__(self, loaded: LoadedTask, backend: Backend, out: int):
        """Load the task and try it in a few worlds."""
        self.loaded, self.backend, self.out = loaded, backend, out
        seeds = torch.zeros(1, dtype=torch.int64)
        if isinstance(loaded.file, EnvironmentFile):
            self._by_id(loaded.file, seeds)
        else:
            task = load_class(loaded)
            self.task, self.model = task, compile_scene(task.scene())
            env = Env(task, ThreadPhysics(self.model, RECORDED_WORLDS, backend.threads), seeds, "random play")
            self.states = random_states(task, env)
            self.description = describe(loaded, task, self.states, env.observed)
            if backend.warp:
                from eureka.envs.sizing import measure_sizes

                backend.sizes = measure_sizes(task, self.model, backend.threads)
        self.fields = {f.name: Field(f.shape, f.dtype) for f in self.description.state}

    def _by_id(self, file: EnvironmentFile, seeds: torch.Tensor) -> None:
        from eureka.envs.gymnasium import description
        from eureka.envs.gymnasium.env import GymnasiumTask

        self.task, self.model = GymnasiumTask(file), None
        self.states = random_states(self.task, self.task.open(seeds, RECORDED_WORLDS, "random play"))
        self.description = description.describe(self.loaded, self.task)

    def _program(self, text: str, worlds: int) -> Program:
        if text == OWN_REWARD and self.model is None:
            return own_reward(worlds)
        return rebuild(text, self.fields, worlds, str(self.backend.torch_device))

    def answer(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        match command["command"]:
            case "preflight":
                self._preflight(command)
            case "measure":
                self._measure(command)
            case "train":
                self._train(command)
            case "probe":
                self._probe(command)
            case "play":
                self._play(command)

    def send(self, kind: str, **content: Any) -> None:
        """Send one frame up."""
        write_frame(self.out, {"kind": kind, **content})

    def _preflight(self, command: dict[str, Any]) -> None:
        try:
            report = preflight(command["program"], self.fields, self.states)
            program = rebuild(command["program"], self.fields, command["worlds"])  # honest ones fit any number
            slow = too_slow(program, self.states)
        except Rejected as rejection:
            self.send("rejected", message=str(rejection), line=rejection.line)
            return
        except Exception as error:  # what an untrusted program provokes is no end of this process
            traceback.print_exc()
            self.send("rejected", message=f"the program cannot be tried: {type(error).__name__}", line=None)
            return
        problem = {"problem": report.problem or slow}
        clock = {"machine": report.problem is None and slow is not None}
        self.send("report", fingerprint=fingerprint(command["program"]), **(asdict(report) | problem | clock))

    def _measure(self, command: dict[str, Any]) -> None:
        """Time an iteration of training with a reward of nothing; the first one warms up and does not count."""
        plan = _plan(command["plan"])
        program = self._program(_BLANK, plan.worlds)
        members = command["members"]
        before, _ = self._memory()
        training = Training(self.task, self.model, [program] * members, [0] * members, plan, self.backend)
        training.iterate()
        self.backend.synchronize()
        start = time.perf_counter()
        training.iterate()
        self.backend.synchronize()
        seconds = time.perf_counter() - start
        now, free = self._memory()
        steps = members * training.steps_per_iteration
        self.send("measured", seconds=seconds, steps=steps, bytes=max(0, now - before), free=free)

    def _memory(self) -> tuple[int, int]:
        """Bytes taken so far where worlds live, and bytes that can still be had."""
        if self.backend.torch_device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self.backend.torch_device)
            return total - free, free
        return _resident(), _available()

    def _probe(self, command: dict[str, Any]) -> None:
        """Look at trained policies once more, of the rewards `programs`, and hold these against `human` if given."""
        plan = _plan(command["plan"])
        policy, moments = load_policies([Path(file) for file in command["policies"]], self.backend.torch_device)
        episodes, seed = plan.evaluation.report_episodes, derive(plan.seed, plan.purpose, "probe")
        assert isinstance(self.task, Task) and self.model is not None  # `arms.require` has seen to it
        given = (self.task, self.model, policy, moments)
        robust, correlated = {}, None
        if command["robustness"]:
            robust = robustness(*given, episodes, seed, self.backend)
        if command["human"]:
            *programs, human = (self._program(t, episodes) for t in [*command["programs"], command["human"]])
            correlated = correlation(*given, programs, human, episodes, seed, self.backend)
        self.send("probed", robustness=robust, correlation=correlated)

    def _play(self, command: dict[str, Any]) -> None:
        from eureka.trainer import playback
        from eureka.video.trajectory import Trajectory

        env = playback.worlds(self.task, self.model, len(command["policies"]), command["seed"])
        policy, moments = playback.open_policies([Path(file) for file in command["policies"]], self.task, env)
        programs = [None if text is None else self._program(text, 1) for text in command["programs"]]
        parts = playback.play(env, policy, moments, programs, command["labels"], command["steps"], command["episodes"])
        period = self.description.control_period
        Trajectory(self.description.name, period, playback.binary(env), parts).save(Path(command["file"]))
        first = [[p.fitness[e].item() for e in p.episodes()[:1]] for p in parts]
        self.send("played", steps=len(parts[0].fitness), first=[f[0] if f else None for f in first])

    def _train(self, command: dict[str, Any]) -> None:
        plan = _plan(command["plan"])
        folder = Path(command["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        programs = [self._program(text, plan.worlds) for text in command["programs"]]
        warm, until = command["warm"], command["until"]
        parent = None
        if warm and not command["resume"]:
            policy, moments = load_policies([Path(warm["file"])], self.backend.torch_device)
            parent = InitialPolicy(policy, moments, warm["samples"])
        training = Training(self.task, self.model, programs, command["seeds"], plan, self.backend, parent)
        if plan.compiled:
            places, device = torch.arange(len(programs) * plan.worlds) % RECORDED_WORLDS, self.backend.torch_device
            problem = training.compile({name: value[places].to(device) for name, value in self.states.items()})
            if problem:
                self.send("note", text=problem)
        if command["resume"]:
            training.load([(Path(source["file"]), source["member"]) for source in command["resume"]])
        last = 0.0

        def tell() -> None:
            while training.notes:
                self.send("note", text=training.notes.pop(0))

        def on_progress(progress: TrainingProgress) -> None:
            nonlocal last
            tell()
            now = time.monotonic()
            if now - last > _PROGRESS_EVERY or progress.iteration == progress.iterations:
                last = now
                self.send("progress", **asdict(progress))

        def on_checkpoint(number: int) -> None:
            file = folder / f"checkpoint-{number}.safetensors"
            training.save(file)
            self.send("checkpoint", number=number, file=str(file), sha256=_sha256(file), points=training.points())

        tell()
        outcomes = training.run(on_progress, on_checkpoint, until)
        tell()
        files = [] if until else [folder / f"policy-{i}.safetensors" for i in range(len(programs))]
        save_policies(*training.best(), files)
        self.send(
            "outcomes",
            outcomes=[o.model_dump() for o in outcomes],
            policies=[{"file": str(f), "sha256": _sha256(f)} for f in files],
            clocks=asdict(training.clocks),
            sizes=self.sizes(),
        )

    def sizes(self) -> dict[str, int] | None:
        """Room in the simulator's buffers now, if it needs to be told of any."""
        return asdict(self.backend.sizes) if self.backend.sizes else None


def _resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _available() -> int:
    """Bytes of memory that can be had without swapping."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))


def _plan(data: dict[str, Any]) -> Plan:
    parts = {"learning": Learning(**data["learning"]), "evaluation": Evaluation(**data["evaluation"])}
    return Plan(**(data | parts))


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _where(error: BaseException, loaded: LoadedTask) -> str:
    """The place in the task's own files that an exception passed through last."""
    here = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(loaded.path.parent)]
    return f"{here[-1].filename}, line {here[-1].lineno}: " if here else ""


def _was_refused(error: BaseException | None) -> bool:
    """Whether a forbidden act is at the bottom of it."""
    return error is not None and (
        isinstance(error, PermissionError) or _was_refused(error.__cause__ or error.__context__)
    )


def _commands(source: int) -> queue.Queue[dict[str, Any]]:
    """Commands as they come in; the end of the input ends the process, whatever it is doing."""
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()

    def read() -> None:
        for frame in frames(source):
            inbox.put(frame)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return inbox


def main(task: str, threads: int, device: str) -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # what a library prints belongs in the log
    inbox = _commands(source)
    torch.set_num_threads(1)
    loaded = load_task(task)
    with _reported(loaded, out):
        service = Service(loaded, Backend(device, threads), out)
        described = service.description.model_dump(mode="json")
        fence = os.environ.get("EUREKA_FENCE", "")
        write_frame(out, {"kind": "described", "description": described, "fence": fence, "sizes": service.sizes()})
    while True:
        command = inbox.get()
        with _reported(loaded, out):
            service.answer(command)


@contextlib.contextmanager
def _reported(loaded: LoadedTask, out: int):
    """Send an exception up as a frame with one sentence, keep its traceback in the log, and end."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        first = "; ".join(line.strip() for line in str(error).strip().splitlines()[:2])
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
            write_frame(out, {"kind": "storage", "message": f"{error.strerror}: {error.filename}"})
        elif isinstance(error, UserError):
            write_frame(out, {"kind": "error", "message": str(error)})
        elif isinstance(error, MemoryError | torch.OutOfMemoryError):
            os._exit(137)  # what the kernel's own out-of-memory killer would make of it
        else:
            message = f"{_where(error, loaded)}{type(error).__name__}: {first}"
            if os.environ.get("EUREKA_FENCE") and _was_refused(error):
                message += "; the trainer may use no network and write only below the run: --open-trainer lets it"
            write_frame(out, {"kind": "error", "message": message})
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
