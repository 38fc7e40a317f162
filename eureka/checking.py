"""Looking before leaping: a reward against its task, a run before it starts, this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eureka import __version__, planning, prompt, session
from eureka.candidate import Failed
from eureka.config import LoadedTask, Settings, shipped_tasks
from eureka.errors import EurekaError, UserError
from eureka.reflect import number
from eureka.rewards.compiler import Compiler
from eureka.workers import cores

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY")


def check(task: LoadedTask, reward: Path, sandbox: str) -> int:
    """Compile and try one reward; 0 if it can be trained with, else 2.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        source = reward.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{reward} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{reward} is not a text file in UTF-8") from None
    worlds = planning.resolve(task, planning.Options()).worlds
    with session.tools(task, sandbox) as (compiler, trainer):
        ((_, result),) = compiler.compile({0: source}, trainer.description.fields())
        report = result if isinstance(result, Failed) else trainer.preflight(result, worlds)
    if isinstance(report, Failed):
        where = f"{reward}, line {report.line}" if report.line else str(reward)
        raise UserError(f"{where}: {report.message}")
    print(f"{reward} can be trained with: {report['nodes']} operations on {', '.join(report['inputs'])}")
    print("on states of random play (least, mean, greatest):")
    width = max(map(len, report["ranges"]))
    for name, values in report["ranges"].items():
        print(f"  {name:<{width}}  {'  '.join(f'{number(v):>9}' for v in values)}")
    for note in report["notes"]:
        print(f"note: {note}")
    return 0


def dry_run(task: LoadedTask, settings: Settings, sandbox: str) -> None:
    """Print the first prompt and what a run would take, after trying the task and its own rewards.

    Raises:
        UserError: the task, or one of its rewards, cannot be used.
    """
    with session.tools(task, sandbox) as (compiler, trainer):
        description = trainer.description
        sources = {name: path.read_text(encoding="utf-8") for name, path in task.rewards.items()}
        for name, result in compiler.compile(sources, description.fields()):
            report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
            if isinstance(report, Failed):
                where = f", line {report.line}" if report.line else ""
                raise UserError(f"{task.rewards[name]}{where}: {report.message}")
        settings = planning.fitted(settings, description.horizon)
        messages = prompt.first(description)
        rate = trainer.measure(settings.samples, settings)
        forecast = planning.estimate(settings, description.horizon, rate, messages)
    print(prompt.as_text(messages))
    print("---")
    print(f"task {task.path}: its human and sparse rewards compile and run")
    print(f"sandbox {compiler.sandbox}")
    print(f"first prompt: about {forecast.prompt_tokens} tokens, asked for {settings.samples} replies")
    print(f"estimate: {forecast}")
    print(f"designer {settings.llm}; nobody was called")


def doctor() -> int:
    """Print what this machine can do; 0 if a run can start here, else 1."""
    good = True
    print(f"eureka {__version__}   python {platform.python_version()}   {platform.system()} {platform.release()}")
    print(f"  cores {cores()}   free disk here {shutil.disk_usage('.').free >> 30} GiB")
    for package in ("torch", "mujoco", "gymnasium-robotics", "mujoco-warp", "openai", "transformers"):
        try:
            print(f"  {package} {version(package)}")
        except PackageNotFoundError:
            needed = package in ("torch", "mujoco", "gymnasium-robotics")
            good = good and not needed
            todo = f"missing; pip install {package}" if needed else "not installed; this version does not use it"
            print(f"  {package}: {todo}")
    print("device")
    print(f"  {_gpu()}")
    print("sandbox")
    good = _sandbox() and good
    print("language models")
    present = [name for name in _KEYS if os.environ.get(name)]
    keys = f"keys present: {', '.join(present)}" if present else "no key present"
    print(f"  {keys}; this version designs with the built-in search and with replay:RUN")
    print("tasks")
    print(f"  {', '.join(shipped_tasks())}")
    return 0 if good else 1


def _gpu() -> str:
    if importlib.util.find_spec("torch") is None:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        return "cpu; no CUDA device is visible to torch"
    return f"cpu; {torch.cuda.get_device_name(0)} is there, and this version does not use it yet"


def _sandbox() -> bool:
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    compiler = Compiler("auto", folder / "compiler.log")
    try:
        print(f"  {compiler.sandbox}; every forbidden act that was tried failed")
        return True
    except EurekaError as error:
        print(f"  {error}")
        return False
    finally:
        compiler.close()
        shutil.rmtree(folder, ignore_errors=True)
