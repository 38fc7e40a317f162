"""Chat completions as replies: what a finished reply is, and what the numbers of a server say."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from eureka.runs.replies import Answer, Reply

_STOP = re.compile(
    r"(stop|eos|end|finish|complete|done|success|normal|natural|none|null|unspecified)[\w -]*", re.IGNORECASE
)
_LENGTH = re.compile(
    r"length|max|limit|token|truncat|budget|incomplete|cut|context|window|exceed|too.?long|time.?out|not.?finish",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content.?filter|safety|recitation|block|prohibit|spii|filter|sensitive|moderation|refus", re.IGNORECASE
)
_STOPS = re.compile(
    r"(stop|eos)[ _-]?(token|sequence|word)?s?|end.?of.?(text|turn|sequence|sentence)|eot", re.IGNORECASE
)
KNOWN_FINISHES = ("stop", "length", "refusal", "content_filter", "empty")
_OURS = ("empty", "skipped")  # Finish reasons that only this program gives


def finish_of(word: Any) -> str:
    """The finish reason in the words of `Reply.finish`; an unknown word is kept."""
    if not isinstance(word, str) or not word.strip() or word in _OURS:
        return "stop"
    word = re.sub(r"^finish_?reason_?|[<>|/]", "", word.strip(), flags=re.IGNORECASE) or "stop"
    if _FILTER.search(word):
        return "content_filter"
    if word.lower() in ("im_end", "s") or _STOPS.fullmatch(word):
        return "stop"
    if _LENGTH.search(word):
        return "length"
    return "stop" if _STOP.fullmatch(word) else word[:60]


def reply_of(slot: int, choice: Any) -> tuple[Reply, bool]:
    """A choice as a reply, and whether its text came as reasoning; tolerates malformed choices."""
    said = getattr(choice, "message", None)
    finish = finish_of(getattr(choice, "finish_reason", None))
    refusal = getattr(said, "refusal", None)
    if isinstance(refusal, str) and refusal:
        return Reply(slot=slot, text=refusal, finish="refusal"), False
    text = _text(getattr(said, "content", None))
    more = getattr(said, "model_extra", None) or {}
    thought = next((t for name in ("reasoning_content", "reasoning", "thinking") if (t := _text(more.get(name)))), "")
    if text.strip() or not thought.strip():
        if not text and isinstance(getattr(choice, "text", None), str):  # of the older completions API
            text = choice.text
        return Reply(slot=slot, text=text, finish=finish), False
    # Reasoning that was cut holds drafts only.
    return Reply(slot=slot, text="" if finish == "length" else thought, finish=finish), True


def _text(content: Any) -> str:
    """Text of a message's content: a string, or a list of parts of which those of type `thinking` do not count."""
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        if isinstance(part, dict):
            reasoned = part.get("thought") or re.search(r"think|reason|thought", str(part.get("type")))
            part = part.get("value", part.get("text")) if not reasoned else None
            part = part.get("value") if isinstance(part, dict) else part
        texts.append(part)
    return "".join(text for text in texts if isinstance(text, str))


def answer_of(completion: Any, replies: Sequence[Reply], model: str, prices: Any, seconds: float) -> Answer:
    """The replies with the server's numbers: tokens, cost."""
    usage = completion.usage
    given, taken = _count(getattr(usage, "prompt_tokens", None)), _count(getattr(usage, "completion_tokens", None))
    total = _count(getattr(usage, "total_tokens", None))
    if given is not None and taken is not None and total is not None:
        taken = max(taken, total - given)  # some servers count reasoning in the total only
    known = given is not None and taken is not None
    cached = _count(getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", 0)) or 0
    cached = min(given or 0, cached)
    usd = _charged(usage)
    if usd is None and known and prices:
        usd = prices.cost(given or 0, cached, taken or 0)
    return Answer(
        replies=tuple(replies),
        model=completion.model if isinstance(completion.model, str) and completion.model else model,
        source=completion.id if isinstance(completion.id, str) else None,
        called=True,
        prompt_tokens=given if known else None,
        cached_tokens=cached if known else None,
        completion_tokens=taken if known else None,
        usd=usd,
        seconds=round(seconds, 3),
    )


def _count(value: Any) -> int | None:
    """Return `value` if it is a valid token count, else None."""
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def _charged(usage: Any) -> float | None:
    """Cost of a call in USD as reported by the server, e.g. OpenRouter."""
    cost = (getattr(usage, "model_extra", None) or {}).get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 <= cost < math.inf else None
