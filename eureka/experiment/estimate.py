"""Time, steps and cost of a run, estimated before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eureka.config.settings import ROUNDS, Settings
from eureka.designers import prompts
from eureka.text import clock
from eureka.workers import halving

LONG = 8 * 3600.0
"""s; a run estimated to take longer asks for --yes."""


_USUAL_REPLY = 800
"""Tokens of a reply that does not think at length."""
_EVALUATION_SHARE = 0.25
"""Evaluation may take at most this share of the training world-steps."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take."""

    training_steps: int
    evaluation_steps: int
    rate: float
    """Training world-steps a second, measured on the spot."""
    prompt_tokens: int

    @property
    def seconds(self) -> float:
        """Until the run ends, if every evaluation episode lasts to the horizon."""
        return (self.training_steps + self.evaluation_steps) / self.rate

    def __str__(self) -> str:
        share = self.evaluation_steps / self.training_steps
        return (
            f"{self.training_steps / 1e6:.3g} M training world-steps at {self.rate / 1000:.3g} k/s, evaluation up to "
            f"{share:.0%} of that on top: about {clock(self.seconds)}"
        )


def fit_evaluation(settings: Settings, horizon: int) -> Settings:
    """The settings with evaluation cut down to its share of the training steps."""
    budget = _EVALUATION_SHARE * settings.steps * (settings.warm_start or 1.0)
    return settings.model_copy(update={"evaluation": settings.evaluation.within(budget, horizon)})


def estimate(
    settings: Settings,
    horizon: int,
    rate: float,
    messages: prompts.Messages,
    searches: Sequence[Settings],
    retrained: int,
) -> Estimate:
    """What a run will take.

    Args:
        settings: its sizes.
        horizon: control steps of an episode.
        rate: training world-steps a second.
        messages: the first prompt.
        searches: what it searches with, each time that it does; of the same sizes.
        retrained: trainings on fresh seeds.
    """
    evaluation = settings.evaluation
    steps = settings.worlds * settings.learning.horizon
    full, short = (evaluation.marks(n) for n in (settings.iterations, settings.warm_iterations))
    generation, warm = (halving.work(settings.racing, settings.samples, marks) for marks in (full, short))
    given = sum(1 for search in searches if search.start)
    parts = [(1, halving.work(None, retrained + given, full))]
    for search in searches:
        fresh = search.generations if search.warm_start is None else 0 if search.start else 1
        parts += [(fresh, generation), (search.generations - fresh, warm)]
    training = sum(count * cost.iterations * steps for count, cost in parts)
    judged = sum(
        count * (cost.evaluations * evaluation.selection_episodes + cost.finishers * evaluation.report_episodes)
        for count, cost in parts
    )
    return Estimate(training, judged * horizon, rate, prompts.estimated_tokens(messages))


def cost(settings: Settings, prompt_tokens: int) -> list[str]:
    """What a language model will take for a run, in words; nothing for designers that are none."""
    kind = settings.llm.partition(":")[0]
    if kind not in ("openai", "transformers"):
        return []
    asking, replies = settings.asking, settings.generations * settings.samples
    # A later prompt carries a reply and its statistics too.
    usual = settings.generations * (prompt_tokens + _USUAL_REPLY) + replies * _USUAL_REPLY
    tries = ROUNDS * (1 + settings.repairs)
    most = replies * asking.reply_tokens * tries
    lines = [
        f"model: {settings.generations} to {replies * tries} calls for {replies} replies, about "
        f"{usual} tokens, replies of at most {most} (--reply-tokens {asking.reply_tokens})"
    ]
    if kind == "openai" and asking.prices is None:
        lines.append("cost: unpriced; give --prices IN,OUT, or install genai-prices")
    elif asking.prices is not None:
        prices = asking.prices
        given = settings.generations * (prompt_tokens + _USUAL_REPLY)
        likely = prices.cost(given, 0, replies * _USUAL_REPLY)
        worst = prices.most(given * tries * settings.samples, most)
        lines.append(
            f"cost: about ${likely:.4f}, or ${worst:.2f} if everything fails again and again, at ${prices.input:g} in "
            f"and ${prices.output:g} out a million tokens"
        )
    limits = [f"--{n.replace('_', '-')} {v:g}" for n in ("max_usd", "max_tokens") if (v := getattr(asking, n))]
    return [*lines, f"limits: {', '.join(limits) or 'none'}"]
