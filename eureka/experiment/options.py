"""Before a run: its settings out of preset and options, and what it will take."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from eureka.config.settings import Asking, Preset, Prices, Racing, Settings, first_problem
from eureka.config.tasks import LoadedTask
from eureka.designers import registry
from eureka.designers.budget import known_prices
from eureka.errors import UserError, did_you_mean
from eureka.runs.journal import read_record
from eureka.runs.store import find_run, untrusted_run
from eureka.workers import placement

STRATEGIES = get_args(Settings.model_fields["strategy"].annotation)


@dataclass(frozen=True)
class Options:
    """What the command line may override of a preset; None keeps it."""

    preset: str | None = None
    llm: str | None = None
    generations: int | None = None
    samples: int | None = None
    worlds: int | None = None
    steps: int | None = None
    seed: int | None = None
    device: str = "auto"
    devices: str | None = None
    workers: int | None = None
    executor: str | None = None
    compiled: bool = False
    racing: str | None = None
    warm_start: float | None = None
    start: str | None = None
    strategy: str | None = None
    temperature: float | None = None
    reply_tokens: int | None = None
    timeout: float | None = None
    max_usd: float | None = None
    max_tokens: int | None = None
    prices: str | None = None


@dataclass(frozen=True)
class Changes:
    """What may be another when a run is gone on with; None keeps it."""

    llm: str | None = None
    max_usd: float | None = None
    max_tokens: int | None = None
    prices: str | None = None
    devices: str | None = None
    workers: int | None = None
    executor: str | None = None


def resolve(task: LoadedTask, options: Options) -> Settings:
    """The settings of a new run: preset, then the recorded run if one is replayed, then options.

    Raises:
        UserError: an option cannot be had.
    """
    where = placement.resolve(task, options.device, options.devices, options.workers, options.executor)
    name = options.preset or ("gpu" if where["device"] == "cuda" else "cpu")
    preset = _preset(task, name)
    llm = options.llm or os.environ.get("EUREKA_LLM") or "search"
    registry.check_name(llm)
    if llm.startswith("replay:"):
        folder = find_run(llm.removeprefix("replay:"))
        with untrusted_run(folder):
            recorded = read_record(folder).settings.model_dump()
        base = recorded | (preset.model_dump() | {"preset": name} if options.preset else {}) | {"asking": {}}
        llm = f"replay:{folder}"
    else:
        base = preset.model_dump() | {"preset": name}
        llm = _with_address(llm)
    start = _start(task, options.start)
    given = _given(options) | _known(start=start, strategy=_strategy(options.strategy))
    asking = _asking(llm, options)
    settings = Settings.model_validate(base | given | where | {"llm": llm, "asking": asking.model_dump()})
    if settings.warm_start is not None and settings.strategy == "best-of-n":
        raise UserError("--warm-start begins from the parent's policy, and best-of-n has none; leave one of them out")
    return settings


def resolve_comparison(task: LoadedTask, run: Settings | None, options: Options) -> Settings:
    """The settings of a comparison: those of a run among its arms, or of a preset; then options.

    Raises:
        UserError: an option cannot be had.
    """
    if run is None:
        return resolve(task, replace(options, llm="search"))
    where = placement.apply_device_changes(
        task, run, options.device, options.devices, options.workers, options.executor
    )
    name = options.preset
    sizes = _preset(task, name).model_dump() | {"preset": name} if name else {}
    nobody = {"llm": "search", "asking": {}, "start": None}  # is asked: rewards are retrained
    return Settings.model_validate(run.model_dump() | sizes | nobody | where | _given(options))


def _preset(task: LoadedTask, name: str) -> Preset:
    preset = task.file.presets.get(name)  # type: ignore[call-overload]
    if preset is None:
        raise UserError(f"{task.path} has no preset {name!r}; it has {', '.join(task.file.presets)}")
    return preset


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _given(options: Options) -> dict[str, Any]:
    """The sizes that options give, checked."""
    sizes = ("generations", "samples", "worlds", "steps", "seed")
    given = _known(**{name: getattr(options, name) for name in sizes})
    for name, value in given.items():
        least = 0 if name == "seed" else 1
        if value < least:
            raise UserError(f"--{'envs' if name == 'worlds' else name} must be at least {least}, not {value}")
    given |= _known(racing=_racing(options.racing), warm_start=_warm_start(options.warm_start))
    given |= {"racing": None} if options.racing == "off" else {}
    given |= {"warm_start": None} if options.warm_start == 0 else {}
    return given | ({"compiled": _can_compile()} if options.compiled else {})


def _racing(text: str | None) -> dict[str, Any] | None:
    """`on`, or the rungs and the share that goes on from each."""
    if text in (None, "off"):
        return None
    if text == "on":
        return Racing().model_dump()
    shares, _, keep = text.partition(":")
    try:
        given = {"rungs": [float(part) for part in shares.split(",")]} | ({"keep": float(keep)} if keep else {})
        return Racing.model_validate(given).model_dump()
    except ValueError:
        raise UserError(
            f"--racing {text}: give on, off, or RUNG,RUNG:KEEP as shares of the training and of the candidates, each "
            "between 0 and 1, as 0.25,0.5:0.5"
        ) from None


def _warm_start(share: float | None) -> float | None:
    if share is not None and not 0.0 <= share <= 1.0:
        raise UserError(f"--warm-start is a share of the steps, at most 1, or 0 for none, not {share:g}")
    return share or None


def _can_compile() -> bool:
    """True, or an error that says what torch.compile lacks here."""
    tool = os.environ.get("CXX", "g++")
    if shutil.which(tool) is None:
        raise UserError(f"--compile needs a C++ compiler, and there is no {tool}; install g++, or leave it out")
    return True


def _with_address(llm: str) -> str:
    """`openai:MODEL` with the address that OPENAI_BASE_URL adds to it, so that a resume asks the same server."""
    if not llm.startswith("openai") or not os.environ.get("OPENAI_BASE_URL"):
        return llm
    from eureka.designers.server import address

    model, url = address(llm.partition(":")[2])
    return f"openai:{model}@{url}" if model else llm


def _strategy(name: str | None) -> str | None:
    if name not in (None, *STRATEGIES):
        raise UserError(
            f"no strategy {name!r}{did_you_mean(str(name), STRATEGIES)}; there are {' and '.join(STRATEGIES)}"
        )
    return name


def _start(task: LoadedTask, start: str | None) -> str | None:
    """`human`, or the absolute path of a file."""
    if start == "human" and "human" not in task.rewards:
        raise UserError(f"--start human: {task.file.name} has no human reward; give a file")
    if start is None or start == "human":
        return start
    if not Path(start).is_file():
        raise UserError(f"--start {start}: there is no such file; give one, or human")
    return str(Path(start).absolute())


def _asking(llm: str, options: Options) -> Asking:
    """How a model is asked, with the prices of the day; refuses what would have no effect."""
    kind, _, argument = llm.partition(":")
    given = _heeded(kind, {name: getattr(options, name) for name in _ASKING})
    given["prices"] = _prices(options.prices)
    if kind == "openai":
        from eureka.designers.server import address

        given["prices"] = given["prices"] or known_prices(*address(argument))
    asking = _checked(given)
    if asking.max_usd is not None and asking.prices is None:
        raise UserError(
            f"--max-usd needs prices, and those of {argument} are not known; give them with --prices IN,OUT in USD a "
            "million tokens, install genai-prices, or limit --max-tokens"
        )
    return asking


_ASKING = ("temperature", "reply_tokens", "timeout", "max_usd", "max_tokens", "prices")
_HEEDED = {"openai": _ASKING, "transformers": ("temperature", "reply_tokens", "max_tokens")}
"""Which of these options have an effect on which designers."""


def _heeded(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are given; refuses what would have no effect."""
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in _HEEDED.get(kind, ()):
            raise UserError(f"--{name.replace('_', '-')} has no effect on --llm {kind}; leave it out")
    return given


def _checked(values: dict[str, Any]) -> Asking:
    try:
        return Asking.model_validate(values)
    except ValidationError as error:
        location, problem = first_problem(Asking, error)
        raise UserError(f"--{str(location[-1]).replace('_', '-')}: {problem.partition(': ')[2]}") from None


def _prices(text: str | None) -> Prices | None:
    if text is None:
        return None
    try:
        given, out, *cached = (float(part) for part in text.split(","))
        return Prices(input=given, output=out, cached=cached[0] if cached else given)
    except ValueError:
        raise UserError(f"--prices {text}: give IN,OUT or IN,OUT,CACHED in USD a million tokens, as 1.25,10") from None


def apply_placement(settings: Settings, changes: Changes) -> Settings:
    """A run's settings where the user has it go on.

    Raises:
        UserError: it cannot go on there, or names a cluster that nobody here agreed to join.
    """
    where = placement.apply_device_changes(None, settings, "auto", changes.devices, changes.workers, changes.executor)
    return settings.model_copy(update=where)


def local_changes(settings: Settings, changes: Changes) -> Changes:
    """The changes, with the place that `settings` have been given by now."""
    devices = ",".join(settings.devices) or None
    return replace(changes, devices=devices, workers=settings.workers, executor=settings.executor)


def apply_changes(settings: Settings, changes: Changes) -> Settings:
    """A run's settings with another designer, or other limits on it.

    Raises:
        UserError: the run names a server of its own, which nobody here agreed to send a key to.
    """
    if changes.llm is None:
        _agreed(settings.llm)
    llm = changes.llm or settings.llm
    registry.check_name(llm)
    kind, _, argument = llm.partition(":")
    given = _heeded(kind, {name: getattr(changes, name) for name in ("max_usd", "max_tokens", "prices")})
    kept = settings.asking.model_dump()
    if "prices" in given:
        given["prices"] = _prices(changes.prices)
    elif llm != settings.llm:
        from eureka.designers.server import address

        given["prices"] = known_prices(*address(argument)) if kind == "openai" else None
    # Another designer does not inherit limits that have no effect on it.
    kept |= {name: None for name in ("max_usd", "max_tokens") if name not in _HEEDED.get(kind, ())}
    asking = _checked(kept | given)
    if asking.max_usd is not None and asking.prices is None:
        raise UserError(
            f"--max-usd needs prices, and those of {argument} are not known; give them with --prices IN,OUT"
        )
    return settings.model_copy(update={"llm": llm, "asking": asking})


def _agreed(llm: str) -> None:
    """A run's folder may be a stranger's: its word alone does not send a key to an address."""
    kind, _, argument = llm.partition(":")
    if kind != "openai":
        return
    from eureka.designers.server import KEY, address, is_local, is_official

    _, url = address(argument)
    mine = url == (os.environ.get("OPENAI_BASE_URL") or "").rstrip("/")
    if os.environ.get(KEY) and not (mine or is_local(url) or is_official(url)):
        raise UserError(f"the run asks {url}, which would be sent your {KEY}; to agree, add --llm {llm}")
