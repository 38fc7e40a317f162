"""What a run's language model has cost, and whether the next call may be made."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eureka.config.settings import Asking, Prices
from eureka.errors import BudgetSpent

if TYPE_CHECKING:
    from eureka.runs.replies import Answer


@dataclass(frozen=True)
class Reservation:
    """What a call in flight may cost at most, set aside until its answer is there."""

    tokens: int
    usd: float


class Budget:
    """Spent and set aside, of one run; calls may be made from several threads."""

    def __init__(self, asking: Asking, answers: Iterable[Answer] = ()):
        """Begin with the answers that a journal records."""
        self._limits, self._lock = asking, threading.Lock()
        self.calls = self.tokens = self.cached = 0
        self.usd = 0.0
        self.priced = True
        """Whether `usd` is all there was; else it is a lower bound."""
        self._held_tokens, self._held_usd = 0, 0.0
        for answer in answers:
            self._add(answer)

    def reserve(self, prompt: int, completion: int) -> Reservation:
        """Set the most aside that a call of so many tokens may cost.

        Raises:
            BudgetSpent: together with what is spent and set aside already, it would pass a limit.
        """
        limits, prices = self._limits, self._limits.prices
        hold = Reservation(prompt + completion, prices.most(prompt, completion) if prices else 0.0)
        with self._lock:
            tokens = self.tokens + self._held_tokens + hold.tokens
            if limits.max_tokens is not None and tokens > limits.max_tokens:
                raise BudgetSpent(
                    f"the next call may take {hold.tokens} tokens, and with the {self.tokens} spent that could pass "
                    f"--max-tokens {limits.max_tokens}; raise it, or lower --reply-tokens"
                )
            usd = self.usd + self._held_usd + hold.usd
            if limits.max_usd is not None and usd > limits.max_usd:
                raise BudgetSpent(
                    f"the next call may cost ${hold.usd:.4f}, and with the ${self.usd:.4f} spent that could pass "
                    f"--max-usd {limits.max_usd:g}; raise it, or lower --reply-tokens"
                )
            self._held_tokens += hold.tokens
            self._held_usd += hold.usd
        return hold

    def release(self, hold: Reservation) -> None:
        """Take back what was set aside; the answer, if there is one, is counted by `count`."""
        with self._lock:
            self._held_tokens -= hold.tokens
            self._held_usd -= hold.usd

    def count(self, answer: Answer) -> None:
        """Add what an answer took."""
        with self._lock:
            self._add(answer)

    def _add(self, answer: Answer) -> None:
        if not answer.called:
            return  # a person, the built-in search, a replay
        self.calls += 1
        self.tokens += (answer.prompt_tokens or 0) + (answer.completion_tokens or 0)
        self.cached += answer.cached_tokens or 0
        self.usd += answer.usd or 0.0
        self.priced = self.priced and answer.usd is not None

    def __str__(self) -> str:
        calls = f"{self.calls} call{'s' if self.calls != 1 else ''}, {self.tokens} tokens"
        cached = f" ({self.cached} cached)" if self.cached else ""
        if not self.priced:
            return f"{calls}{cached}, unpriced" + (f" beyond ${self.usd:.4f}" if self.usd else "")
        return f"{calls}{cached}, ${self.usd:.4f}"


def known_prices(model: str, url: str) -> Prices | None:
    """The prices of a model at a provider, from the package genai-prices if it is installed; None if not known."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    try:
        found = calc_price(Usage(input_tokens=1), model_ref=model, provider_api_url=url).model_price
    except LookupError:
        return None
    given, out, cached = (_base(getattr(found, f"{n}_mtok")) for n in ("input", "output", "cache_read"))
    if given is None or out is None:
        return None
    return Prices(input=given, output=out, cached=given if cached is None else cached)


def _base(price: Any) -> float | None:
    """USD a million tokens; of tiers by the length of a prompt, the first."""
    return None if price is None else float(getattr(price, "base", price))
