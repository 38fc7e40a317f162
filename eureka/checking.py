"""Looking before leaping: a reward against its task, a run before it starts, this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from eureka import __version__, planning, prompt, session, terminal
from eureka.arms import read_source
from eureka.candidate import Failed
from eureka.config import LoadedTask, Settings, shipped_tasks
from eureka.confinement import Confinement
from eureka.devices import gpu, missing
from eureka.errors import EurekaError, UserError
from eureka.paths import shipped
from eureka.reflect import number
from eureka.rewards.compiler import Compiler
from eureka.workers import cores

_OPTIONAL = {
    "transformers": "not installed; only --llm transformers needs it: pip install -e '.[local]'",
    "genai-prices": "not installed; it knows prices of models: pip install -e '.[prices]'",
    "mujoco-warp": "not installed; only GPUs need it: pip install -e '.[gpu]'",
    "av": "not installed; only films of policies need it, with pillow: pip install -e '.[play]'",
    "pillow": "not installed; only films of policies need it, with av: pip install -e '.[play]'",
    "tensorboard": "not installed; only --log tensorboard needs it: pip install -e '.[tensorboard]'",
    "ray": "not installed; only --executor ray needs it: pip install -e '.[ray]'",
}
_LOCAL = {
    "http://localhost:11434/v1": "Ollama",
    "http://localhost:8000/v1": "vLLM or the like",
    "http://localhost:8080/v1": "llama.cpp or the like",
    "http://localhost:1234/v1": "LM Studio",
}
"""Where servers listen by default."""
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY")


def check(task: LoadedTask, reward: Path, confinement: Confinement) -> int:
    """Compile and try one reward; 0 if it can be trained with, else 2.

    Raises:
        UserError: the file cannot be read.
    """
    source = read_source(reward)
    settings = planning.resolve(task, planning.Options(device="cpu"))
    with session.tools(task, confinement, settings) as (compiler, trainer):
        ((_, result),) = compiler.compile({0: source}, trainer.description.fields())
        report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
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


def dry_run(task: LoadedTask, settings: Settings, confinement: Confinement) -> None:
    """Print the first prompt and what a run would take, after trying the task and its own rewards.

    Raises:
        UserError: the task, or one of its rewards, cannot be used.
    """
    with session.tools(task, confinement, settings) as (compiler, trainer):
        description, level = trainer.description, compiler.sandbox
        sources = {name: path.read_text(encoding="utf-8") for name, path in task.rewards.items()}
        for name, result in compiler.compile(sources, description.fields()):
            report = result if isinstance(result, Failed) else trainer.preflight(result, settings.worlds)
            if isinstance(report, Failed):
                where = f", line {report.line}" if report.line else ""
                raise UserError(f"{task.rewards[name]}{where}: {report.message}")
        settings = planning.fitted(settings, description.horizon)
        messages = prompt.first(description)
        rate = trainer.measure(settings.samples, settings)
        retrained = (1 + len(task.baselines)) * settings.final_seeds
        forecast = planning.estimate(settings, description.horizon, rate, messages, [settings], retrained)
    print(prompt.as_text(messages))
    print("---")
    if task.rewards:
        print(f"task {task.path}: its human and sparse rewards compile and run")
    for assumption in description.assumptions:
        print(assumption)
    print(f"sandbox {level}")
    if settings.start:
        print(f"start: {settings.start} is trained first, and the prompt that is sent goes on with a report on it")
    print(f"first prompt: about {forecast.prompt_tokens} tokens, asked for {settings.samples} replies")
    for line in planning.cost(settings, forecast.prompt_tokens):
        print(line)
    print(f"estimate: {forecast}")
    print(f"designer {settings.llm}; nobody was called")


def doctor() -> int:
    """Print what this machine can do; 0 if a run can start here, else 1."""
    good, say = True, partial(terminal.say, terminal.console())
    say(f"eureka {__version__}   python {platform.python_version()}   {platform.system()} {platform.release()}")
    say(f"  cores {cores()}   free disk here {shutil.disk_usage('.').free >> 30} GiB")
    for package in ("torch", "mujoco", "gymnasium-robotics", "openai", *_OPTIONAL):
        try:
            say(f"  {package} {version(package)}")
        except PackageNotFoundError:
            needed = package in ("torch", "mujoco", "gymnasium-robotics", "openai")
            good = good and not needed
            todo = f"missing; pip install {package}" if needed else _OPTIONAL[package]
            say(f"  {package}: {todo}")
    say("device")
    say(f"  {_device()}")
    say("sandbox")
    good = _sandbox(say) and good
    say("language models")
    for line in _models():
        say(f"  {line}")
    say("tasks")
    say(f"  {', '.join(shipped_tasks())}")
    return 0 if good else 1


def _models() -> Iterator[str]:
    """What could design rewards here; keys are named and never shown."""
    present = [name for name in _KEYS if os.environ.get(name)]
    yield f"keys present: {', '.join(present)}" if present else "no key present"
    yield f"EUREKA_LLM {os.environ.get('EUREKA_LLM') or 'not set: the built-in search is the default'}"
    if importlib.util.find_spec("openai") is None:
        yield "openai: missing; pip install openai"
        return
    from eureka.designers.server import KEY, Server, address, key

    asked = os.environ.get("EUREKA_LLM", "").partition("openai:")[2]
    try:
        url, own = address(asked)[1], key()
    except UserError as error:
        yield f"{error}"
        return
    if own or os.environ.get("OPENAI_BASE_URL") or asked:
        try:
            known = Server(url, own, timeout=5.0).models()
            yield f"{url} answers with {len(known)} models: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
        except UserError as error:
            yield f"{error}"
    else:
        yield f"{url} is not asked without a key; export {KEY}, or OPENAI_BASE_URL for a server of your own"
    for local, what in _LOCAL.items():
        if local != url:
            try:
                known = Server(local, "", timeout=0.5).models()
            except UserError:
                continue
            offer = f"--llm openai:{known[0] if known else 'MODEL'}@{local}"
            yield f"{what} answers at {local}: {offer}"
    if importlib.util.find_spec("transformers") is None:
        yield "--llm transformers:MODEL needs: pip install -e '.[local]' in the checkout"


def _device() -> str:
    name = gpu()
    if not name:
        return "cpu; torch sees no GPU"
    return f"cpu; {name} waits for pip install -e '.[gpu]'" if missing() else f"cuda: {name}"


def _sandbox(say: Callable[[str], None]) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    compiler = Compiler(Confinement(), folder / "compiler.log")
    try:
        say(f"  candidates: {compiler.sandbox}; every forbidden act that was tried failed")
        fence = [sys.executable, "-P", str(shipped("sandbox") / "fence.py"), str(folder)]
        said = subprocess.run(fence, capture_output=True, text=True, timeout=60).stdout.strip()
        if not said or said.startswith("!"):
            say(f"  the trainer cannot be confined: {said[1:]}; --open-trainer runs it without")
            return False
        say(f"  trainer: {said}; every forbidden act that was tried failed")
        return True
    except EurekaError as error:
        say(f"  {error}")
        return False
    finally:
        compiler.close()
        shutil.rmtree(folder, ignore_errors=True)
