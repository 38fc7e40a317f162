"""`eureka doctor`: the capabilities of this machine, and how to install what is missing."""

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

from eureka import __version__
from eureka.config.tasks import shipped_tasks
from eureka.config.user import load_defaults, user_path
from eureka.designers.providers import KEYS, PROVIDERS, address, key
from eureka.display import terminal
from eureka.errors import EurekaError, UserError
from eureka.rewards.compiler import Compiler
from eureka.system.hardware import cores, gpu, missing
from eureka.system.paths import shipped
from eureka.workers.isolation import IsolationPolicy

_OPTIONAL = {
    "transformers": "not installed; needed by --llm transformers: pip install -e '.[local]'",
    "genai-prices": "not installed; needed for prices of models: pip install -e '.[prices]'",
    "mujoco-warp": "not installed; needed for GPUs: pip install -e '.[gpu]'",
    "av": "not installed; needed for films, with pillow: pip install -e '.[play]'",
    "pillow": "not installed; needed for films, with av: pip install -e '.[play]'",
    "tensorboard": "not installed; needed by --log tensorboard: pip install -e '.[tensorboard]'",
    "ray": "not installed; needed by --executor ray: pip install -e '.[ray]'",
}
_LOCAL = {
    "http://localhost:11434/v1": "Ollama",
    "http://localhost:8000/v1": "vLLM or a compatible server",
    "http://localhost:8080/v1": "llama.cpp or a compatible server",
    "http://localhost:1234/v1": "LM Studio",
}
"""Default addresses of local model servers."""


def doctor() -> int:
    """Print the capabilities of this machine; 0 if a run can start here, else 1."""
    good, say = True, partial(terminal.say, terminal.console())
    say(f"eureka {__version__}   python {platform.python_version()}   {platform.system()} {platform.release()}")
    say(f"  cores {cores()}   free disk space {shutil.disk_usage('.').free >> 30} GiB")
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
    """Lines about the available designers. Names of keys are shown, but not the keys."""
    present = [name for name in KEYS if os.environ.get(name)]
    yield f"keys present: {', '.join(present)}" if present else "no keys present"
    llm, source = os.environ.get("EUREKA_LLM"), "EUREKA_LLM"
    try:
        defaults = load_defaults()
        llm, source = (llm, source) if llm else (defaults.user.llm, str(user_path()))
        files = ", ".join(map(str, defaults.files))
        yield f"defaults from {files}" if files else f"no file with defaults, such as {user_path()}"
    except UserError as error:
        yield f"{error}"
    yield (
        f"default designer: {llm} ({source})"
        if llm
        else "default designer: the built-in search (EUREKA_LLM is not set)"
    )
    if importlib.util.find_spec("openai") is None:
        yield "openai: missing; pip install openai"
        return
    from eureka.designers.server import Server

    asked = llm or ""
    llm = asked if asked.partition(":")[0] in PROVIDERS else "openai"
    kind = llm.partition(":")[0]
    name = PROVIDERS[kind].key
    try:
        url, own = address(llm)[1], key(kind)
        server = Server(url, own, 5.0, key_name=name)
        server.client()  # finds variables that are invalid
    except UserError as error:
        yield f"{error}"
        return
    if own or os.environ.get("OPENAI_BASE_URL") or llm == asked:
        try:
            known = server.models()
            yield f"{url} answers with {len(known)} models: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
        except UserError as error:
            yield f"{error}"
    else:
        yield f"{url} was not contacted: no key; export {name}, or set OPENAI_BASE_URL to your own server"
    for local, what in _LOCAL.items():
        if local != url:
            try:
                known = Server(local, "", timeout=0.5).models()
            except UserError:
                continue
            model = known[0] if known else "MODEL"
            offer = f"--llm ollama:{model}" if local == PROVIDERS["ollama"].url else f"--llm openai:{model}@{local}"
            yield f"{what} is running at {local}: {offer}"
    if importlib.util.find_spec("transformers") is None:
        yield "--llm transformers:MODEL needs an extra: pip install -e '.[local]' in the checkout"


def _device() -> str:
    name = gpu()
    if not name:
        return "cpu; torch found no GPU"
    return f"cpu; to use {name}: pip install -e '.[gpu]'" if missing() else f"cuda: {name}"


def _sandbox(say: Callable[[str], None]) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="eureka-"))
    compiler = Compiler(IsolationPolicy(), folder / "compiler.log")
    try:
        say(f"  candidates: {compiler.sandbox}; all forbidden operations were blocked")
        fence = [sys.executable, "-P", str(shipped("sandbox") / "fence.py"), str(folder)]
        said = subprocess.run(fence, capture_output=True, text=True, timeout=60).stdout.strip()
        if not said or said.startswith("!"):
            say(f"  the trainer cannot be isolated: {said[1:]}; --open-trainer runs it without isolation")
            return False
        say(f"  trainer: {said}; all forbidden operations were blocked")
        return True
    except EurekaError as error:
        say(f"  {error}")
        return False
    finally:
        compiler.close()
        shutil.rmtree(folder, ignore_errors=True)
