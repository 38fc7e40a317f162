"""Language models on OpenAI-compatible servers.

All replies of a generation are requested in one call (`n`). Some servers ignore `n`; missing replies are then
requested in concurrent calls. The client library retries failed calls. A parameter that the server rejects is omitted
from later calls. Answers are yielded, and thus recorded, as they arrive.
"""

from __future__ import annotations

import math
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from eureka.designers.base import DesignerContext, Request
from eureka.designers.budget import Reservation
from eureka.designers.server import RETRIES, message, server_of
from eureka.errors import EurekaError, ModelFault, ModelRefused
from eureka.runs.candidate import Known
from eureka.runs.replies import Answer, Reply
from eureka.system.seeds import derive

_CONCURRENCY = 8  # Maximum calls in flight
_TOO_LONG = re.compile(r"context|too (long|large|many)|at most|maximum|exceed", re.IGNORECASE)
"""Matches errors about a size, as opposed to an unknown parameter."""
_MAX_EMPTY = 3  # Answers without a reply after which the reply is recorded as empty


@dataclass(frozen=True)
class _Job:
    request: Request
    slots: tuple[int, ...]
    empty: int = 0  # Answers without a reply so far


class OpenAI:
    """Requests replies through the chat completions API."""

    def __init__(self, argument: str, around: DesignerContext, retries: int = RETRIES):
        """Create the client for MODEL or MODEL@URL. No request for a reply is sent yet.

        Raises:
            UserError: the model, the API key or the URL is missing or invalid.
        """
        self._asking, self._seed = around.settings.asking, around.settings.seed
        self._ledger, self._tell = around.budget, around.tell
        self.model, self._server = server_of(argument, self._asking.timeout, retries)
        self.url, self._client = self._server.url, self._server.client()
        self._refused: set[str] = set()
        self._counts = True  # Whether the server supports `n`
        self.name = f"{self.model} at {self.url}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        waiting = deque(_Job(request, request.slots) for request in requests)
        inbox: queue.SimpleQueue[tuple[_Job, Reservation, Answer | Exception]] = queue.SimpleQueue()
        running, failure, texts = 0, None, []
        while True:
            while waiting and running < _CONCURRENCY and failure is None:
                job = waiting.popleft()
                if len(job.slots) > 1 and not self._counts:
                    waiting.extendleft(reversed([_Job(job.request, (slot,)) for slot in job.slots]))
                    continue
                try:
                    hold = self._ledger.reserve(_most_tokens(job.request), len(job.slots) * self._asking.reply_tokens)
                except EurekaError as spent:
                    if running:  # calls in flight may cost less than reserved and leave enough
                        waiting.appendleft(job)
                        break
                    if len(job.slots) == 1:
                        failure = spent
                        break
                    waiting.extendleft(reversed([_Job(job.request, (slot,)) for slot in job.slots]))
                    continue
                # A daemon thread: Ctrl-C does not wait for the model.
                threading.Thread(target=self._work, args=(job, hold, inbox), daemon=True).start()
                running += 1
            if not running:
                break
            job, hold, result = inbox.get()
            running -= 1
            self._ledger.release(hold)
            if isinstance(result, _Smaller):
                waiting.appendleft(job)
            elif isinstance(result, Exception):
                failure = failure or result  # wait for calls in flight: their answers are recorded
            else:
                self._ledger.count(result)
                yield result
                texts += [r.text for r in result.replies]
                waiting.extend(self._missing(job, result))
                failure = failure or self._check_usage(result)
        if failure is not None:
            raise failure
        if len(texts) > 1 and len(set(texts)) == 1:
            self._tell(f"all {len(texts)} replies are identical; check that {self.url} samples at this temperature")

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _missing(self, job: _Job, answer: Answer) -> list[_Job]:
        """Calls for the replies missing from an answer."""
        got = {r.slot for r in answer.replies}
        left = [slot for slot in job.slots if slot not in got]
        if left and len(job.slots) > 1 and self._counts:
            self._counts = False
            self._tell(f"{self.url} returned {len(got)} of {len(job.slots)} replies; requesting the others one by one")
        return [_Job(job.request, (slot,), 0 if got else job.empty + 1) for slot in left]

    def _check_usage(self, answer: Answer) -> EurekaError | None:
        """An error if a limit is set but the server does not report usage."""
        limited = self._asking.max_usd or self._asking.max_tokens
        if not limited or answer.prompt_tokens is not None:
            return None
        return ModelRefused(
            f"{self.url} does not report token usage, so a limit cannot be enforced; remove --max-usd and --max-tokens"
        )

    def _work(self, job: _Job, hold: Reservation, inbox: queue.SimpleQueue) -> None:
        try:
            result = self._ask(job)
        except Exception as error:  # raised again in the consumer's thread
            result = error
        inbox.put((job, hold, result))

    def _ask(self, job: _Job) -> Answer:
        """Make one call; repeat it without the parameters that the server rejects."""
        begun = time.monotonic()
        while True:
            extra = self._parameters(job)
            messages: Any = [{"role": m.role, "content": m.content} for m in job.request.messages]
            try:
                completion = self._client.chat.completions.create(model=self.model, messages=messages, **extra)
                return self._answer(job, completion, time.monotonic() - begun)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._leave_out(error, extra):
                    raise self._server.fault(error, self.model) from None
                if "n" in extra and not self._counts:
                    raise _Smaller from None
            except openai.OpenAIError as error:
                raise self._server.fault(error, self.model) from None
            except (
                ValueError,
                TypeError,
                AttributeError,
                RecursionError,
            ) as error:  # responses are not validated
                said = self._server.clean(str(error))
                raise ModelFault(f"{self.url} did not return a chat completion ({said})") from None

    def _parameters(self, job: _Job) -> dict[str, Any]:
        most = "max_tokens" if "max_completion_tokens" in self._refused else "max_completion_tokens"
        wanted: dict[str, Any] = {
            "temperature": self._asking.temperature,
            "seed": derive(self._seed, "model", job.request.generation, job.slots[0], job.request.attempt) % 2**31,
            most: self._asking.reply_tokens,
        }
        if len(job.slots) > 1:
            wanted["n"] = len(job.slots)
        return {name: value for name, value in wanted.items() if name not in self._refused}

    def _leave_out(self, error: openai.APIStatusError, sent: dict[str, Any]) -> bool:
        """Record a rejected parameter. Returns False if the error has another cause."""
        said = f"{error.param or ''} {message(error)}"
        if _TOO_LONG.search(said) and not ("n" in sent and re.search(r"\bn\b", said)):
            return False
        name = next((name for name in sent if re.search(rf"\b{name}\b", said)), None)
        if name is None:
            # Servers describe `n` in many ways.
            name = "n" if "n" in sent else None
        if name is None or (name == "max_tokens" and (self._asking.max_usd or self._asking.max_tokens)):
            return False
        if name == "n":
            self._counts = False
        if name not in self._refused:
            self._refused.add(name)
            self._tell(f"{self.url} rejects the parameter {name}; omitting it from now on")
        return True

    def _answer(self, job: _Job, completion: ChatCompletion, seconds: float) -> Answer:
        fault = (getattr(completion, "model_extra", None) or {}).get("error")
        if not hasattr(completion, "choices") or fault:
            why = fault.get("message", fault) if isinstance(fault, dict) else fault or completion
            said = self._server.clean(str(why))
            raise ModelFault(f"{self.url} did not return a chat completion ({said}); check the URL")
        replies = [_reply(slot, choice) for slot, choice in zip(job.slots, _list(completion.choices), strict=False)]
        if not replies and job.empty + 1 >= _MAX_EMPTY:
            replies = [Reply(slot=slot, text="", finish="empty") for slot in job.slots]
        usage = completion.usage
        given, taken = _count(getattr(usage, "prompt_tokens", None)), _count(getattr(usage, "completion_tokens", None))
        known = given is not None and taken is not None
        cached = min(
            given or 0, _count(getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", 0)) or 0
        )
        usd = _charged(usage)
        if usd is None and known and self._asking.prices:
            usd = self._asking.prices.cost(given or 0, cached, taken or 0)
        return Answer(
            replies=tuple(replies),
            model=completion.model if isinstance(completion.model, str) and completion.model else self.model,
            source=completion.id if isinstance(completion.id, str) else None,
            called=True,
            prompt_tokens=given if known else None,
            cached_tokens=cached if known else None,
            completion_tokens=taken if known else None,
            usd=usd,
            seconds=round(seconds, 3),
        )


class _Smaller(Exception):
    """The server returns one reply per call; the job must be split."""


def _reply(slot: int, choice: Any) -> Reply:
    """Convert a choice to a reply; tolerates malformed choices."""
    said = getattr(choice, "message", None)
    refusal = getattr(said, "refusal", None)
    if isinstance(refusal, str) and refusal:
        return Reply(slot=slot, text=refusal, finish="refusal")
    content = getattr(said, "content", None)
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    finish = getattr(choice, "finish_reason", None)
    ended = finish if finish in ("length", "content_filter") else "stop"
    return Reply(slot=slot, text="".join(text for text in texts if isinstance(text, str)), finish=ended)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    """Return `value` if it is a valid token count, else None."""
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def _charged(usage: Any) -> float | None:
    """Cost of a call in USD as reported by the server, e.g. OpenRouter."""
    cost = (getattr(usage, "model_extra", None) or {}).get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if 0 <= cost < math.inf else None


def _most_tokens(request: Request) -> int:
    """Upper bound on the tokens of a prompt: one per byte and 16 per message."""
    return sum(len(m.content.encode()) + 16 for m in request.messages)
