"""Language models behind the OpenAI API: OpenAI's own and every server that speaks it.

A generation's replies are asked for in one call (`n`), what came is counted, and the rest is asked for by calls of
its own, several at once: servers ignore `n` without a word. Retries are the client's own and nobody else's. A
parameter that a server refuses is left out from then on. Every answer is handed on, and so recorded, as it comes.
"""

from __future__ import annotations

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

from eureka.candidate import Failed
from eureka.designers import Answer, Reply, Request, Surroundings
from eureka.designers.server import RETRIES, message, server_of
from eureka.errors import EurekaError, ModelFault, ModelRefused
from eureka.seeds import derive
from eureka.spending import Hold

_AT_ONCE = 8
"""Calls in flight."""
_EMPTY = 3
"""Answers without a reply after which a slot's reply is an empty text."""


@dataclass(frozen=True)
class _Job:
    """A call to be made."""

    request: Request
    slots: tuple[int, ...]
    empty: int = 0
    """Answers without a reply so far."""


class OpenAI:
    """Asks a model by chat completions."""

    def __init__(self, argument: str, around: Surroundings, retries: int = RETRIES):
        """Make ready; nothing is sent yet.

        Args:
            argument: MODEL, or MODEL@URL.
            around: settings, money, and where to say things.
            retries: of a call that fails, on top of the first try.

        Raises:
            UserError: no model, no key, or no such address.
        """
        self._asking, self._seed = around.settings.asking, around.settings.seed
        self._ledger, self._tell = around.ledger, around.tell
        self.model, self._server = server_of(argument, self._asking.timeout, retries)
        self.url, self._client = self._server.url, self._server.client()
        self._refused: set[str] = set()
        self._counts = True
        """Whether the server gives as many replies as it is asked for."""
        self.name = f"{self.model} at {self.url}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        waiting = deque(_Job(request, request.slots) for request in requests)
        inbox: queue.SimpleQueue[tuple[_Job, Hold, Answer | Exception]] = queue.SimpleQueue()
        running, failure, texts = 0, None, []
        while True:
            while waiting and running < _AT_ONCE and failure is None:
                job = waiting.popleft()
                if len(job.slots) > 1 and not self._counts:
                    waiting.extendleft(reversed([_Job(job.request, (slot,)) for slot in job.slots]))
                    continue
                try:
                    hold = self._ledger.hold(_most_tokens(job.request), len(job.slots) * self._asking.reply_tokens)
                except EurekaError as spent:
                    waiting.appendleft(job)
                    if not running:  # else those in flight may take less than the most, and leave enough
                        failure = spent
                    break
                # A daemon: a Ctrl-C does not wait for a model.
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
                failure = failure or result  # those in flight are waited for: what is answered is recorded
            else:
                self._ledger.count(result)
                yield result
                texts += [r.text for r in result.replies]
                waiting.extend(self._missing(job, result))
                failure = failure or self._uncounted(result)
        if failure is not None:
            raise failure
        if len(texts) > 1 and len(set(texts)) == 1:
            self._tell(f"all {len(texts)} replies are the same: {self.url} does not sample, or not at this temperature")

    def verdict(self, generation: int, slot: int, attempt: int) -> Failed | None:
        return None

    def _missing(self, job: _Job, answer: Answer) -> list[_Job]:
        """Calls for what an answer left out."""
        got = {r.slot for r in answer.replies}
        left = [slot for slot in job.slots if slot not in got]
        if left and len(job.slots) > 1 and self._counts:
            self._counts = False
            self._tell(f"{self.url} gave {len(got)} of {len(job.slots)} replies; the rest is asked for one by one")
        return [_Job(job.request, (slot,), 0 if got else job.empty + 1) for slot in left]

    def _uncounted(self, answer: Answer) -> EurekaError | None:
        """An error if limits are set that nobody can keep."""
        limited = self._asking.max_usd or self._asking.max_tokens
        if not limited or answer.prompt_tokens is not None:
            return None
        return ModelRefused(
            f"{self.url} does not say how many tokens a call took, so no limit can be kept; leave it out"
        )

    def _work(self, job: _Job, hold: Hold, inbox: queue.SimpleQueue) -> None:
        try:
            result = self._ask(job)
        except Exception as error:  # it is raised in the thread that waits
            result = error
        inbox.put((job, hold, result))

    def _ask(self, job: _Job) -> Answer:
        """Make one call, again without what the server refuses."""
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
        """Remember a parameter that was refused; False if the fault lies elsewhere."""
        said = f"{error.param or ''} {message(error)}"
        name = next((name for name in sent if re.search(rf"\b{name}\b", said)), None)
        if name is None:
            # Servers have many words for more than one reply.
            name = "n" if "n" in sent else None
        if name is None or (name == "max_tokens" and (self._asking.max_usd or self._asking.max_tokens)):
            return False
        if name == "n":
            self._counts = False
        if name not in self._refused:
            self._refused.add(name)
            self._tell(f"{self.url} refuses the parameter {name}; it is left out from now on")
        return True

    def _answer(self, job: _Job, completion: ChatCompletion, seconds: float) -> Answer:
        fault = (getattr(completion, "model_extra", None) or {}).get("error")
        if not hasattr(completion, "choices") or fault:
            why = fault.get("message", fault) if isinstance(fault, dict) else fault or completion
            said = self._server.clean(str(why))
            raise ModelFault(f"{self.url} answered, but not with a chat completion ({said}); is the address right?")
        replies = []
        for slot, choice in zip(job.slots, completion.choices or (), strict=False):
            refusal = getattr(choice.message, "refusal", None)
            finish = "refusal" if refusal else str(choice.finish_reason or "stop")
            replies.append(Reply(slot=slot, text=refusal or choice.message.content or "", finish=finish))
        if not replies and job.empty + 1 >= _EMPTY:
            replies = [Reply(slot=slot, text="", finish="empty") for slot in job.slots]
        usage = completion.usage
        details = getattr(usage, "prompt_tokens_details", None)
        cached = getattr(details, "cached_tokens", None) or 0
        usd = None
        if usage is not None:
            charged = (usage.model_extra or {}).get("cost")  # OpenRouter says what it charged
            prices = self._asking.prices
            counted = prices.cost(usage.prompt_tokens, cached, usage.completion_tokens) if prices else None
            usd = float(charged) if isinstance(charged, int | float) else counted
        return Answer(
            replies=tuple(replies),
            model=str(completion.model or self.model),
            source=completion.id,
            prompt_tokens=usage.prompt_tokens if usage else None,
            cached_tokens=cached if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            usd=usd,
            seconds=round(seconds, 3),
        )


class _Smaller(Exception):
    """The server gives one reply a call: the job has to be cut."""


def _most_tokens(request: Request) -> int:
    """More tokens than a prompt can have: one a byte, and some for its form."""
    return sum(len(m.content.encode()) + 16 for m in request.messages)
