"""Estimates the time, steps and cost of a run before it starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from eureka.config.settings import ROUNDS, Settings
from eureka.designers import prompts
from eureka.text import clock
from eureka.workers import halving

LONG = 8 * 3600.0  # s; a longer run needs --yes
_CHECK = 0.3  # s to compile a reward and run it on recorded states
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

    @property
    def seconds(self) -> float:
        """Duration in s without waiting for a model, if all evaluation episodes last to the horizon."""
        trained = self.training_steps / self.rate + self.evaluation_steps / self.evaluation_rate
        return trained + _CHECK * self.rewards

    def __str__(self) -> str:
        if not self.training_steps:
            return "nothing is left to train"
        share = self.evaluation_steps / self.training_steps
        return (
            f"{self.training_steps / 1e6:.3g} M training world-steps at {self.rate / 1000:.3g} k/s, evaluation up to "
            f"{share:.0%} more: about {clock(self.seconds)}"
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
    evaluation = settings.evaluation
    steps = settings.worlds * settings.learning.horizon
    full, short = (evaluation.marks(n) for n in (settings.iterations, settings.warm_iterations))
    generation, warm = (
        halving.work(settings.racing, settings.seeds, settings.samples, marks) for marks in (full, short)
    )
    given = sum(settings.seeds for search in searches if search.start)
    finalists = min(settings.finalists, settings.generations * settings.samples)
    validated = finalists * settings.validation_seeds * len(searches) if finalists > 1 else 0
    parts = [(1, halving.work(None, 1, retrained + given + validated, full))]
    for search in searches:
        fresh = search.generations if search.warm_start is None else 0 if search.start else 1
        parts += [(fresh, generation), (search.generations - fresh, warm)]
    training = sum(count * cost.iterations * steps for count, cost in parts)
    judged = sum(
        count * (cost.evaluations * evaluation.selection_episodes + cost.finishers * evaluation.report_episodes)
        for count, cost in parts
    )
    rewards = sum(search.generations * search.samples for search in searches)
    return Estimate(training, judged * horizon, *rates, rewards, prompts.estimated_tokens(messages))


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
