"""Options of the command line that override settings, in groups. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SizeOptions:
    """Sizes and seed of trainings; None keeps the preset's value."""

    preset: str | None = None
    worlds: int | None = None
    steps: int | None = None
    seed: int | None = None
    compiled: bool = False
    changes: tuple[str, ...] = ()  # of `--set`: KEY=VALUE
    policy: str | None = None  # a run or a policy file that every training starts from


@dataclass(frozen=True)
class SearchOptions:
    """How rewards are searched for; None keeps the preset's value."""

    generations: int | None = None
    samples: int | None = None
    strategy: str | None = None
    racing: str | None = None
    seeds: int | None = None
    validation: str | None = None
    choose_by: str | None = None
    warm_start: float | None = None
    start: str | None = None
    final_seeds: int | None = None


@dataclass(frozen=True)
class ModelOptions:
    """The designer, its budget and its requests; None keeps the default or the recorded value."""

    llm: str | None = None
    max_usd: float | None = None
    max_tokens: int | None = None
    prices: str | None = None
    temperature: float | None = None
    reply_tokens: int | None = None
    timeout: float | None = None
    strict: bool | None = None
    options: tuple[str, ...] | None = None  # of `--llm-option`: KEY=VALUE


@dataclass(frozen=True)
class DeviceOptions:
    """Where trainings run; None keeps the default or the recorded value."""

    device: str = "auto"
    devices: str | None = None
    workers: int | None = None
    executor: str | None = None


@dataclass(frozen=True)
class Options:
    """What the command line overrides in a new run."""

    sizes: SizeOptions = SizeOptions()
    search: SearchOptions = SearchOptions()
    model: ModelOptions = ModelOptions()
    device: DeviceOptions = DeviceOptions()


@dataclass(frozen=True)
class Changes:
    """What may differ when a run is resumed."""

    model: ModelOptions = ModelOptions()
    device: DeviceOptions = DeviceOptions()
