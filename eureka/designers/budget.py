"""Tracks tokens and cost of a run's language model and enforces their limits."""

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
    """Upper bound on the cost of a call in flight, reserved until its answer arrives."""

    tokens: int
    usd: float


class Budget:
    """Spent and reserved tokens and USD of a run. Thread-safe."""

    def __init__(self, asking: Asking, answers: Iterable[Answer] = ()):
        self._limits, self._lock = asking, threading.Lock()
        self.calls = self.tokens = self.cached = 0
        self.usd = 0.0
        self.priced = True  # Whether all calls have a price; otherwise `usd` is a lower bound
        self._held_tokens, self._held_usd = 0, 0.0
        for answer in answers:
            self._add(answer)

    def reserve(self, prompt: int, completion: int) -> Reservation:
        """Reserve the maximum cost of a call, for upper bounds on its prompt and completion tokens.

        Raises:
            BudgetSpent: spent, reserved and new cost together exceed a limit.
        """
        limits, prices = self._limits, self._limits.prices
        hold = Reservation(prompt + completion, prices.most(prompt, completion) if prices else 0.0)
        with self._lock:
            tokens = self.tokens + self._held_tokens + hold.tokens
            if limits.max_tokens is not None and tokens > limits.max_tokens:
                raise BudgetSpent(
                    f"the next call may use {hold.tokens} tokens; with {self.tokens} spent, this could exceed "
                    f"--max-tokens {limits.max_tokens}; raise it or lower --reply-tokens"
                )
            usd = self.usd + self._held_usd + hold.usd
            if limits.max_usd is not None and usd > limits.max_usd:
                raise BudgetSpent(
                    f"the next call may cost ${hold.usd:.4f}; with ${self.usd:.4f} spent, this could exceed "
                    f"--max-usd {limits.max_usd:g}; raise it or lower --reply-tokens"
                )
            self._held_tokens += hold.tokens
            self._held_usd += hold.usd
        return hold

    def release(self, hold: Reservation) -> None:
        """Release a reservation. Call `count` for the answer, if any."""
        with self._lock:
            self._held_tokens -= hold.tokens
            self._held_usd -= hold.usd

    def count(self, answer: Answer) -> str | None:
        """Add an answer; a sentence if it passes a limit, since a server may ignore the limit on its replies."""
        limits = self._limits
        with self._lock:
            before = self.tokens, self.usd
            self._add(answer)
        if limits.max_tokens is not None and before[0] <= limits.max_tokens < self.tokens:
            return f"--max-tokens {limits.max_tokens} was passed: {self.tokens} tokens are spent; no call follows"
        if limits.max_usd is not None and before[1] <= limits.max_usd < self.usd:
            return f"--max-usd {limits.max_usd:g} was passed: ${self.usd:.4f} is spent; no call follows"
        return None

    def _add(self, answer: Answer) -> None:
        if not answer.called:
            return  # manual reply, built-in search, or replay
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
    """Look up a model's prices with the optional package genai-prices; None if unknown."""
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
    """USD per million tokens; for tiered prices, the first tier."""
    return None if price is None else float(getattr(price, "base", price))
