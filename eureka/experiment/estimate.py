"""Estimates the time, steps and cost of a run before it starts."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eureka.config.settings import ROUNDS, Settings
from eureka.designers import prompts
from eureka.errors import UserError
from eureka.system.hardware import available_memory, cores
from eureka.text import amount, duration
from eureka.workers import halving, memory
from eureka.workers.memory import gigabytes
from eureka.workers.pool import TrainerPool

LONG = 8 * 3600.0  # s; a longer run needs --yes
_UNKNOWN = 1 << 60  # Bytes; more than any machine has
_LONGEST = 365 * 86400.0  # s; a longer run is refused
_FASTEST = {"cpu": 2e5, "gpu": 1e9}
"""World-steps per second of training, on a processor and on any other device, that no machine reaches."""
_CHECK = 0.15  # s to compile a reward and run it on recorded states
_TYPICAL_REPLY = 800  # Tokens of a reply without long reasoning
_EVALUATION_SHARE = 0.25  # Maximum ratio of evaluation to training world-steps


@dataclass(frozen=True)
class Estimate:
    """Estimated size of a run."""

    training_steps: int
    evaluation_steps: int
    rate: float  # Measured world-steps per second of training
    evaluation_rate: float  # The same of evaluation
    rewards: int  # to compile
    prompt_tokens: int
    generation: float = 0.0  # Duration in s of the longest generation
    after: float = 0.0  # Duration in s of validation and final comparison
    memory: int = 0  # Bytes of the members that train at the same time
    available: int = 0  # Bytes of memory
    parts: int = 1  # that the largest population is cut into, since it does not fit into memory at once

    @property
    def seconds(self) -> float:
        """Duration in s without waiting for a model, if all evaluation episodes last to the horizon."""
        trained = self.training_steps / self.rate + self.evaluation_steps / self.evaluation_rate
        return trained + _CHECK * self.rewards

    def __str__(self) -> str:
        if not self.training_steps:
            return "nothing is left to train"
        if self.rate == math.inf:
            return f"{amount(self.training_steps)} training steps; the task's command decides how long they take"
        share = self.evaluation_steps / self.training_steps
        return (
            f"{amount(self.training_steps)} training world-steps at {self.rate / 1000:.3g} k/s, evaluation up to "
            f"{share:.0%} more: about {duration(self.seconds)}"
        )

    @property
    def memory_line(self) -> str:
        """The memory of the trainings, in words."""
        if self.available >= _UNKNOWN:
            return "memory: not known, since the task's own command uses it"
        cut = f"; the largest population trains in {self.parts} parts" if self.parts > 1 else ""
        return f"memory: about {gigabytes(self.memory)} of {gigabytes(self.available)}{cut}"


def require_possible(settings: Settings, searches: Sequence[Settings], retrained: int, yes: bool) -> None:
    """Raise `UserError`, before anything is started, for a run with any task that does not fit on this machine."""
    steps = sum(count * cost.iterations for count, cost in _parts(settings, searches, retrained))
    known = settings.device == "cpu" and settings.executor == "local"
    if known:
        memory.room(settings, memory.of_member(settings, 1, 1, 0), available_memory())
    fastest = _FASTEST["cpu"] * cores() if known else _FASTEST["gpu"]
    require_time(steps * settings.worlds * settings.learning.horizon / fastest, "at least", yes)


def require_time(seconds: float, about: str, yes: bool) -> None:
    """Raise `UserError` for a run that takes too long, unless it takes less than a year and the user said `yes`."""
    if seconds > LONG and not (yes and seconds < _LONGEST):
        allow = ", or add --yes to start it all the same" if seconds < _LONGEST else ""
        time = duration(seconds)
        taken = time if time.startswith("more than") else f"{about} {time}"
        raise UserError(
            f"the run would take {taken}; lower --steps or the numbers of candidates, generations or seeds{allow}"
        )


def forecast(trainer: TrainerPool, settings: Settings, searches: Sequence[Settings], retrained: int) -> Estimate:
    """Estimate a run from rates that are measured now. See `estimate` for the arguments.

    Raises:
        UserError: the memory does not suffice for one training.
    """
    room, description = trainer.room(settings), trainer.description
    rates = trainer.measure(settings.samples, settings)
    found = estimate(
        settings, description.horizon, rates, prompts.first(description.trained_with(settings)), searches, retrained
    )
    largest = max([s.samples * s.seeds for s in searches] + [retrained, 1])
    together = min(largest, room)
    return replace(
        found,
        memory=together * trainer.member_bytes(settings),
        available=trainer.first.available,
        parts=-(-largest // room),
    )


def fit_evaluation(settings: Settings, horizon: int) -> Settings:
    """Limit the evaluation to its maximum share of the training steps."""
    budget = _EVALUATION_SHARE * settings.steps * (settings.warm_start or 1.0)
    return settings.model_copy(update={"evaluation": settings.evaluation.within(budget, horizon)})


def estimate(
    settings: Settings,
    horizon: int,
    rates: tuple[float, float],
    messages: prompts.Messages,
    searches: Sequence[Settings],
    retrained: int,
) -> Estimate:
    """Estimate the size of a run.

    Args:
        settings: sizes of the run.
        horizon: control steps of an episode.
        rates: world-steps per second of training and of evaluation.
        messages: the first prompt.
        searches: settings of each search in the run, with the same sizes.
        retrained: number of trainings on fresh seeds.
    """
    evaluation, steps = settings.evaluation, settings.worlds * settings.learning.horizon

    def sizes(parts: Sequence[tuple[int, halving.Cost]]) -> tuple[int, int]:
        """World-steps of training and of evaluation."""
        trained = sum(count * cost.iterations for count, cost in parts)
        selected = sum(count * cost.evaluations for count, cost in parts) * evaluation.selection_episodes
        reported = sum(count * cost.finishers for count, cost in parts) * evaluation.report_episodes
        return trained * steps, (selected + reported) * horizon

    def seconds(parts: Sequence[tuple[int, halving.Cost]]) -> float:
        return sum(size / rate for size, rate in zip(sizes(parts), rates, strict=True))

    parts = _parts(settings, searches, retrained)
    generation = max((seconds([(1, cost)]) for count, cost in parts[1:] if count), default=0.0)
    rewards = sum(search.generations * search.samples for search in searches)
    tokens = prompts.estimated_tokens(messages)
    generation += _CHECK * settings.samples
    return Estimate(*sizes(parts), *rates, rewards, tokens, generation, seconds(parts[:1]))


def _parts(settings: Settings, searches: Sequence[Settings], retrained: int) -> list[tuple[int, halving.Cost]]:
    """The work of a run, each with how often it is done: first that outside generations, then the generations."""
    marks = [settings.evaluation.marks(n) for n in (settings.iterations, settings.warm_iterations)]
    full, warm = (halving.work(settings.racing, settings.seeds, settings.samples, m) for m in marks)
    given = sum(settings.seeds for search in searches if search.start)
    finalists = min(settings.finalists, settings.generations * settings.samples)
    validated = finalists * settings.validation_seeds * len(searches) if finalists > 1 else 0
    parts = [(1, halving.work(None, 1, retrained + given + validated, marks[0]))]
    for search in searches:
        fresh = search.generations if search.warm_start is None else 0 if search.start else 1
        parts += [(fresh, full), (search.generations - fresh, warm)]
    return parts


def cost(settings: Settings, prompt_tokens: int) -> list[str]:
    """Describe the calls, tokens and cost of a run with a language model; empty for other designers."""
    kind = settings.llm.partition(":")[0]
    if kind not in ("openai", "transformers"):
        return []
    asking, replies = settings.asking, settings.generations * settings.samples
    # Later prompts include a reply and its statistics.
    typical = settings.generations * (prompt_tokens + _TYPICAL_REPLY) + replies * _TYPICAL_REPLY
    tries = ROUNDS * (1 + settings.repairs)
    most = replies * asking.reply_tokens * tries
    lines = [
        f"model: {settings.generations} to {replies * tries} calls for {replies} replies, about "
        f"{typical} tokens, replies of at most {most} (--reply-tokens {asking.reply_tokens})"
    ]
    if kind == "openai" and asking.prices is None:
        known = importlib.util.find_spec("genai_prices")
        hint = "genai-prices does not know this model" if known else "genai-prices, which knows many, is not installed"
        lines.append(f"cost: unpriced, {hint}; give --prices IN,OUT")
    elif asking.prices is not None:
        prices = asking.prices
        given = settings.generations * (prompt_tokens + _TYPICAL_REPLY)
        likely = prices.cost(given, 0, replies * _TYPICAL_REPLY)
        worst = prices.most(given * tries * settings.samples, most)
        lines.append(
            f"cost: about ${likely:.4f}, at most ${worst:.2f} with all repairs, at ${prices.input:g} (input) and "
            f"${prices.output:g} (output) per million tokens"
        )
    limits = [f"--{n.replace('_', '-')} {v:g}" for n in ("max_usd", "max_tokens") if (v := getattr(asking, n))]
    return [*lines, f"limits: {', '.join(limits) or 'none'}"]
