"""Settings of a run, from presets, recorded runs and command-line options."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError

from eureka.config.external import OURS
from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options
from eureka.config.settings import MOST_WORLDS, Asking, ChooseBy, PresetName, Prices, Racing, Settings, first_problem
from eureka.config.tasks import LoadedTask
from eureka.config.user import Defaults, load_defaults, merged, user_path
from eureka.designers import registry
from eureka.designers.budget import known_prices
from eureka.designers.constants import require_constants
from eureka.designers.providers import KEYS, PROVIDERS, address, is_local, is_own
from eureka.errors import UserError, did_you_mean
from eureka.experiment.overrides import overridden, value_of
from eureka.runs.journal import read_journal
from eureka.runs.store import find_run, untrusted_run, with_own_policy
from eureka.system.files import read_source
from eureka.video.selection import start_policy
from eureka.workers import placement

STRATEGIES = get_args(Settings.model_fields["strategy"].annotation)


def resolve(task: LoadedTask, options: Options) -> Settings:
    """The settings of a new run: preset, then the recorded run if one is replayed, then options.

    What options leave out comes from EUREKA_LLM and the files `eureka.toml` (`eureka.config.user`).

    Raises:
        UserError: an option, or one of these files, is invalid.
    """
    where, defaults = placement.resolve(task, options.device), load_defaults()
    wanted = options.sizes.preset or defaults.preset or ("gpu" if where["device"] == "cuda" else "cpu")
    name, preset = _preset(task, wanted, defaults)
    llm, model = _model(options.model, defaults)
    if llm.startswith("replay:"):
        folder = find_run(llm.removeprefix("replay:"))
        with untrusted_run(folder):
            recorded = with_own_policy(folder, read_journal(folder).asked).model_dump()
        base = recorded | (preset | {"preset": name} if options.sizes.preset else {}) | {"asking": {}}
        llm = f"replay:{folder}"
    else:
        base = preset | {"preset": name}
        llm = _with_address(llm)
    given = _given(options) | _known(
        start=_start(task, options.search.start), strategy=_strategy(options.search.strategy)
    )
    asking = _asking(llm, model)
    given = base | given | where | {"llm": llm, "asking": asking.model_dump()} | _policy(options.sizes.policy)
    settings = overridden(given, options.sizes.changes)
    settings = _shared(task, settings, settings.samples)
    if settings.llm == "constants":
        if settings.start is None:
            raise UserError("--llm constants varies the numbers of a reward; give it with --start FILE|human|sparse")
        require_constants(start_source(task, settings.start), f"--start {settings.start}")
    if settings.warm_start is not None and settings.strategy in ("best-of-n", "islands"):
        raise UserError(
            f"--warm-start needs one parent's policy for all candidates of a generation, which --strategy "
            f"{settings.strategy} does not have; omit one of them"
        )
    return settings


def resolve_comparison(task: LoadedTask, run: Settings | None, options: Options) -> Settings:
    """The settings of a comparison: those of a run among its arms or of a preset, then options.

    Raises:
        UserError: an option is invalid.
    """
    if run is None:
        return resolve(task, replace(options, model=ModelOptions("search")))
    where = placement.apply_device_changes(task, run, options.device)
    sizes = {}
    if options.sizes.preset:
        name, preset = _preset(task, options.sizes.preset, load_defaults())
        sizes = preset | {"preset": name}
    no_search = {"llm": "search", "asking": {}, "start": None}
    given = run.model_dump() | sizes | no_search | where | _given(options) | _policy(options.sizes.policy)
    settings = overridden(given, options.sizes.changes)
    return _shared(task, settings, settings.final_seeds)


def _shared(task: LoadedTask, settings: Settings, trainings: int) -> Settings:
    """The settings with a number of trainer processes, or of commands at the same time."""
    if not task.external:
        return placement.with_workers(settings, trainings)
    preset = task.preset(settings.preset)
    for name in OURS:
        if getattr(settings, name) != getattr(preset, name):
            raise UserError(f"{name} has no effect on {task.file.name}, since its own command trains; remove it")
    return settings


def _preset(task: LoadedTask, name: str, defaults: Defaults) -> tuple[str, dict[str, Any]]:
    """Name and values of a task's preset, or of one that a user or a project has made from it."""
    own = defaults.presets.get(name)
    if own is None and name not in get_args(PresetName):
        known = [*task.file.presets, *defaults.presets]
        raise UserError(f"no preset {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
    if own is None:
        return name, task.preset(name).model_dump()
    return own.base, merged(task.preset(own.base).model_dump(), own.values)


def _model(given: ModelOptions, defaults: Defaults) -> tuple[str, ModelOptions]:
    """The designer, and its options with the user's defaults for those that have an effect on it."""
    source, llm = "--llm", given.llm
    if llm is None:
        source, llm = "EUREKA_LLM", os.environ.get("EUREKA_LLM") or None
    if llm is None:
        source, llm = f"{user_path()}, llm", defaults.user.llm or "search"
    try:
        registry.check_name(llm)
    except UserError as error:
        raise UserError(f"{error}" if source == "--llm" else f"{source}: {error}") from None
    kind = llm.partition(":")[0]
    names = [n for n in _EFFECTIVE.get(kind, ()) if n not in ("strict", "options") and getattr(given, n) is None]
    if kind in PROVIDERS and is_local(address(llm)[1]):  # a server of one's own has no price
        names = [name for name in names if name != "max_usd"]
    more = {name: defaults.option(name) for name in names}
    if llm == defaults.user.llm and kind in PROVIDERS:
        own = tuple(f"{k}={json.dumps(v, default=str)}" for k, v in defaults.user.llm_options.items())
        more["options"] = (*own, *(given.options or ())) or None
    return llm, replace(given, **more)


def _policy(given: str | None) -> dict[str, Any]:
    """The policy of `--policy RUN|FILE`, which every training starts from."""
    if given is None:
        return {}
    file, origin, samples = start_policy(given)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"policy": {"origin": origin, "file": str(file), "sha256": sha256, "samples": samples}}


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _given(options: Options) -> dict[str, Any]:
    """The given sizes and search options, checked."""
    sizes, search = options.sizes, options.search
    given = _known(generations=search.generations, samples=search.samples)
    given |= _known(worlds=sizes.worlds, steps=sizes.steps, seed=sizes.seed)
    for name, value in given.items():
        least = 0 if name == "seed" else 1
        if value < least:
            raise UserError(f"--{'envs' if name == 'worlds' else name} must be at least {least}, not {value}")
    if given.get("worlds", 1) > MOST_WORLDS:
        raise UserError(f"--envs must be at most {MOST_WORLDS}, not {given['worlds']}")
    given |= _known(final_seeds=search.final_seeds, choose_by=_choose_by(search.choose_by))
    given |= {} if search.racing is None else {"racing": _racing(search.racing)}
    given |= {} if search.validation is None else _validation(search.validation)
    racing = given.get("racing")
    if search.seeds is not None:
        if search.seeds < 1:
            raise UserError(f"--search-seeds must be at least 1, not {search.seeds}")
        given["seeds"] = search.seeds
    elif racing and racing["seeds"]:  # asked for on the command line, so they count more than the preset's
        given["seeds"] = max(racing["seeds"])
    given |= {} if search.warm_start is None else {"warm_start": _warm_start(search.warm_start)}
    return given | ({"compiled": _can_compile()} if sizes.compiled else {})


def _racing(text: str) -> dict[str, Any] | None:
    """The settings of `on`, `off` or RUNG,RUNG:KEEP, where KEEP is the share of candidates kept at each rung.

    RUNGxS stands for S trainings of each candidate up to this rung.
    """
    if text == "off":
        return None
    if text == "on":
        return Racing().model_dump()
    shares, _, keep = text.partition(":")
    try:
        parts = [part.partition("x") for part in shares.split(",")]
        given: dict[str, Any] = {"rungs": [float(share) for share, _, _ in parts]}
        given |= {"keep": float(keep)} if keep else {}
        if any(cross for _, cross, _ in parts):
            given["seeds"] = [int(seeds) if cross else 1 for _, cross, seeds in parts]
        return Racing.model_validate(given).model_dump()
    except ValueError:
        raise UserError(
            f"--racing {text}: give on, off, or RUNG,RUNG:KEEP as shares of the training and of the candidates, each "
            "between 0 and 1, such as 0.25,0.5:0.5; RUNGxS trains each candidate on S seeds, such as 0.25,0.5x2:0.5"
        ) from None


def _choose_by(name: str | None) -> str | None:
    if name not in (None, *get_args(ChooseBy)):
        raise UserError(f"--choose-by {name}{did_you_mean(str(name), get_args(ChooseBy))}: give estimate or checkpoint")
    return name


def _validation(text: str) -> dict[str, Any]:
    """The settings of `off` or MxV."""
    if text == "off":
        return {"validation_seeds": 0}
    found = re.fullmatch(r"([1-9]\d{0,2})x([1-9]\d{0,2})", text)
    if found is None:
        raise UserError(f"--validation {text}: give MxV (M finalists on V fresh seeds), such as 3x3, or off")
    return {"finalists": int(found[1]), "validation_seeds": int(found[2])}


def _warm_start(share: float) -> float | None:
    if not 0.0 <= share <= 1.0:
        raise UserError(f"--warm-start must be a share of the steps between 0 (off) and 1, not {share:g}")
    return share or None


def _can_compile() -> bool:
    """True, or an error if torch.compile has no C++ compiler."""
    tool = os.environ.get("CXX", "g++")
    if shutil.which(tool) is None:
        raise UserError(f"--compile needs a C++ compiler, but {tool} is not installed; install g++ or omit --compile")
    return True


def _with_address(llm: str) -> str:
    """`openai:MODEL` with the address from OPENAI_BASE_URL, so that a resumed run uses the same server."""
    if llm.partition(":")[0] != "openai" or not os.environ.get("OPENAI_BASE_URL"):
        return llm
    model, url = address(llm)
    return f"openai:{model}@{url}" if model else llm


def _strategy(name: str | None) -> str | None:
    if name not in (None, *STRATEGIES):
        raise UserError(
            f"no strategy {name!r}{did_you_mean(str(name), STRATEGIES)}; there are {' and '.join(STRATEGIES)}"
        )
    return name


def _start(task: LoadedTask, start: str | None) -> str | None:
    """The name of one of the task's rewards, or the absolute path of a file."""
    if start is None or start in task.rewards:
        return start
    path = task.reward_file(start)
    if not path.is_file():
        raise UserError(f"--start {start}: no such file; give a reward's file, human or sparse")
    return str(path.absolute())


def start_source(task: LoadedTask, start: str) -> str:
    """The text of the reward of `--start`: one of the task's, or a file."""
    return task.reward_code(start) if start in task.rewards else read_source(task.reward_file(start))


def _asking(llm: str, options: ModelOptions) -> Asking:
    """How a model is asked, with current prices; refuses options without effect."""
    kind, _, argument = llm.partition(":")
    given = _effective(kind, {name: getattr(options, name) for name in _ASKING})
    given["prices"] = _prices(options.prices)
    if kind in PROVIDERS:
        given["prices"] = given["prices"] or known_prices(*address(llm))
    if options.options:
        given["options"] = _llm_options(options.options)
    return _checked(given, argument)


_LIMITS = ("max_usd", "max_tokens", "prices")
_ASKING = ("temperature", "reply_tokens", "timeout", *_LIMITS, "strict", "options")
_EFFECTIVE = {
    **dict.fromkeys(PROVIDERS, ("temperature", "reply_tokens", "timeout", *_LIMITS, "options")),
    "transformers": ("temperature", "reply_tokens", "max_tokens"),
    "replay": ("strict",),
}
"""Which of these options have an effect on which designers."""


def _effective(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are given; refuses those without effect."""
    given = _known(**options)
    for name in given:
        if name not in _EFFECTIVE.get(kind, ()):
            option = "llm-option" if name == "options" else name.replace("_", "-")
            raise UserError(f"--{option} has no effect on --llm {kind}; omit it")
    return given


_FIXED = {"model": "--llm", "messages": "", "n": "--samples", "stream": "", "stream_options": ""}
_FIXED |= {"temperature": "--temperature", "max_tokens": "--reply-tokens", "max_completion_tokens": "--reply-tokens"}
"""Parameters of a call that `--llm-option` does not set, with the option that does."""
_SECRET = re.compile(r"api_?key|authorization|password|secret|extra_headers", re.IGNORECASE)


def _llm_options(given: Sequence[str]) -> dict[str, Any]:
    """The parameters of `--llm-option KEY=VALUE`; values are YAML, and thus may be JSON."""
    found = {}
    for option in given:
        name, equals, text = option.partition("=")
        if not equals or not re.fullmatch(r"\w+", name.strip()):
            raise UserError(f"--llm-option {option}: give KEY=VALUE, such as top_p=0.9 or reasoning_effort=low")
        name = name.strip()
        if name.lower() in _FIXED:
            other = f"; use {_FIXED[name.lower()]}" if _FIXED[name.lower()] else ""
            raise UserError(f"--llm-option {option}: the program sets {name} itself{other}")
        secrets = [value for key in KEYS if len(value := os.environ.get(key, "")) > 7]
        if _SECRET.search(option) or any(secret in option for secret in secrets):
            raise UserError(f"--llm-option {name}: options are recorded with the run; export keys as variables instead")
        found[name] = value_of(text, f"--llm-option {name}")
        try:
            json.dumps(found[name], allow_nan=False)
        except (TypeError, ValueError):
            raise UserError(
                f"--llm-option {option}: {text} cannot be sent as JSON; quote it, as '\"{text}\"'"
            ) from None
    return found


def _checked(values: dict[str, Any], model: str) -> Asking:
    try:
        asking = Asking.model_validate(values)
    except ValidationError as error:
        location, problem = first_problem(Asking, error)
        raise UserError(f"--{str(location[-1]).replace('_', '-')}: {problem.partition(': ')[2]}") from None
    if asking.max_usd is not None and asking.prices is None:
        raise UserError(
            f"--max-usd needs prices, and those of {model} are not known; give --prices IN,OUT in USD per million "
            "tokens, install genai-prices, or use --max-tokens"
        )
    return asking


def _prices(text: str | None) -> Prices | None:
    if text is None:
        return None
    try:
        given, out, *cached = (float(part) for part in text.split(","))
        return Prices(input=given, output=out, cached=cached[0] if cached else given)
    except ValueError:
        raise UserError(
            f"--prices {text}: give IN,OUT or IN,OUT,CACHED in USD per million tokens, such as 1.25,10"
        ) from None


def apply_placement(settings: Settings, changes: Changes) -> Settings:
    """The settings of a resumed run with the given devices, workers and executor.

    Raises:
        UserError: they are not available, or the settings name a cluster that the user has not confirmed.
    """
    return settings.model_copy(update=placement.apply_device_changes(None, settings, changes.device))


def local_changes(settings: Settings, changes: Changes) -> Changes:
    """The changes, with the devices, workers and executor of `settings`."""
    devices = ",".join(settings.devices) or None
    where = DeviceOptions(devices=devices, workers=settings.workers, executor=settings.executor)
    return replace(changes, device=where)


def apply_changes(settings: Settings, model: ModelOptions) -> Settings:
    """The settings of a resumed run with another designer or other limits.

    Raises:
        UserError: an option is invalid, or the settings name a server that the user has not confirmed.
    """
    if model.llm is None:
        _require_trusted(settings.llm)
    llm = model.llm or settings.llm
    registry.check_name(llm)
    kind, _, argument = llm.partition(":")
    given = _effective(kind, {name: getattr(model, name) for name in _LIMITS})
    kept = settings.asking.model_dump()
    if "prices" in given:
        given["prices"] = _prices(model.prices)
    elif llm != settings.llm:
        given["prices"] = known_prices(*address(llm)) if kind in PROVIDERS else None
    # Another designer does not inherit options that have no effect on it.
    dropped = {"max_usd": None, "max_tokens": None, "strict": False, "options": {}}
    kept |= {name: value for name, value in dropped.items() if name not in _EFFECTIVE.get(kind, ())}
    return settings.model_copy(update={"llm": llm, "asking": _checked(kept | given, argument)})


def _require_trusted(llm: str) -> None:
    """Refuse to send a key to an address that only the run's folder, which may come from elsewhere, names."""
    kind = llm.partition(":")[0]
    name = PROVIDERS[kind].key if kind in PROVIDERS else None
    if name is None:
        return
    _, url = address(llm)
    mine = kind == "openai" and url == (os.environ.get("OPENAI_BASE_URL") or "").rstrip("/")
    if os.environ.get(name) and not (mine or is_local(url) or is_own(kind, url)):
        raise UserError(f"the run's model server {url} would receive your {name}; to allow it, add --llm {llm}")
