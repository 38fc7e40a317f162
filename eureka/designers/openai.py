"""Language models on OpenAI-compatible servers.

All replies of a generation are requested in one call (`n`). Some servers ignore `n`; missing replies are then
requested in concurrent calls. The client library retries failed calls. What a server refuses is changed in later calls
(`Habits`). Answers are yielded, and thus recorded, as they arrive.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import openai

from eureka.designers.base import DesignerContext, Request
from eureka.designers.budget import Reservation
from eureka.designers.completion import KNOWN_FINISHES, answer_of, reply_of
from eureka.designers.prompts import folded
from eureka.designers.server import RETRIES, Habits, reason_in, server_of
from eureka.errors import EurekaError, ModelFault, ModelRefused
from eureka.runs.candidate import Known
from eureka.runs.replies import Answer, Reply
from eureka.system.seeds import derive

_CONCURRENCY = 8  # Maximum calls in flight
_MAX_EMPTY = 3  # Answers without a reply after which the reply is recorded as empty
_CHARACTERS_PER_TOKEN = 6  # More than tokenizers reach in prompts of code and English, about 3 to 5


@dataclass(frozen=True)
class _Job:
    request: Request
    slots: tuple[int, ...]
    empty: int = 0  # Answers without a reply so far


class OpenAI:
    """Requests replies through the chat completions API."""

    def __init__(self, llm: str, around: DesignerContext, retries: int = RETRIES):
        """Create the client for KIND:MODEL or KIND:MODEL@URL. No request for a reply is sent yet.

        Raises:
            UserError: the model, the API key, the URL or a variable of the environment is missing or invalid.
        """
        self._asking, self._seed = around.settings.asking, around.settings.seed
        self._ledger = around.budget
        self.model, self._server = server_of(llm, self._asking.timeout, retries)
        self.url, self._client = self._server.url, self._server.client(around.tell)
        limited = bool(self._asking.max_usd or self._asking.max_tokens)
        self._habits = Habits(self._server, around.tell, limited)
        self.name = f"{self.model} at {self.url}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        waiting = deque(_Job(request, request.slots) for request in requests)
        inbox: queue.SimpleQueue[tuple[_Job, Reservation, _Result | Exception]] = queue.SimpleQueue()
        running, failure, texts = 0, None, []
        while True:
            while waiting and running < _CONCURRENCY and failure is None:
                job = waiting.popleft()
                if len(job.slots) > 1 and not self._habits.counts:
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
                answer = result.answer
                if passed := self._ledger.count(answer):
                    self._habits.say(passed)
                yield answer
                texts += [r.text for r in answer.replies]
                waiting.extend(self._missing(job, result))
                failure = failure or self._check_usage(answer)
        if failure is not None:
            raise failure
        if len(texts) > 1 and len(set(texts)) == 1:
            self._habits.say(
                f"all {len(texts)} replies are identical; check that {self.url} samples at this temperature"
            )

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _missing(self, job: _Job, result: _Result) -> list[_Job]:
        """Calls for the replies missing from an answer."""
        got = {r.slot for r in result.answer.replies}
        left = [slot for slot in job.slots if slot not in got]
        if result.again:
            return [_Job(job.request, tuple(left))]
        if left and len(job.slots) > 1 and self._habits.counts:
            self._habits.counts = False
            self._habits.say(
                f"{self.url} returned {len(got)} of {len(job.slots)} replies; requesting the others one by one"
            )
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

    def _ask(self, job: _Job) -> _Result:
        """Make one call; repeat it without what the server refuses."""
        begun, options = time.monotonic(), self._asking.options
        while True:
            messages = folded(job.request.messages) if self._habits.folded else job.request.messages
            sent = self._habits.parameters(self._wanted(job), self._asking.reply_tokens)
            try:
                completion: Any = self._client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]
                    extra_body=sent,
                )
                return self._result(job, completion, sent, time.monotonic() - begun)
            except openai.APIStatusError as error:
                why = reason_in(error)
                system = messages[0].role == "system"
                refused = error.status_code in (400, 422) or (error.status_code >= 500 and why.is_refusal)
                if not refused or not self._habits.adapt(why, sent, options, system):
                    raise self._fault(error, sent) from None
                if "n" in sent and not self._habits.counts:
                    raise _Smaller from None
            except openai.OpenAIError as error:
                raise self._server.fault(error, self.model) from None
            except (ValueError, TypeError, AttributeError, RecursionError) as error:  # responses are not validated
                said = self._server.clean(str(error))
                raise ModelFault(f"{self.url} did not return a chat completion ({said})") from None

    def _wanted(self, job: _Job) -> dict[str, Any]:
        request = job.request
        wanted: dict[str, Any] = {
            "temperature": self._asking.temperature,
            "seed": derive(self._seed, "model", request.generation, job.slots[0], request.attempt) % 2**31,
        }
        return wanted | ({"n": len(job.slots)} if len(job.slots) > 1 else {}) | self._asking.options

    def _fault(self, error: openai.APIStatusError, sent: dict[str, Any]) -> EurekaError:
        fault = self._server.fault(error, self.model)
        name = reason_in(error).parameter(sent) if error.status_code in (400, 422) else None
        if name not in self._asking.options:
            return fault
        return ModelRefused(f"{fault}; correct --llm-option {name}, or leave it out")

    def _result(self, job: _Job, completion: Any, sent: dict[str, Any], seconds: float) -> _Result:
        if not hasattr(completion, "choices"):
            said = self._server.clean(str(completion))
            raise ModelFault(f"{self.url} did not return a chat completion ({said}); check the URL")
        if not isinstance(completion.choices, list) and completion.model_extra:
            keys = ", ".join(map(str, completion.model_extra))
            raise ModelFault(f"{self.url} did not return a chat completion (its keys are {keys}); check the URL")
        choices = completion.choices if isinstance(completion.choices, list) else []
        read = [reply_of(slot, choice) for slot, choice in zip(job.slots, choices, strict=False)]
        replies = [reply for reply, _ in read]
        self._tell_forms(read)
        if not replies and job.empty + 1 >= _MAX_EMPTY:
            replies = [Reply(slot=slot, text="", finish="empty") for slot in job.slots]
        answer = answer_of(completion, replies, self.model, self._asking.prices, seconds)
        again = bool(replies) and self._check_counts(job, answer, sent)
        if again:
            kept = tuple(r for r in answer.replies if r.finish != "length")
            answer = answer.model_copy(update={"replies": kept})
        return _Result(answer, again)

    def _tell_forms(self, read: Sequence[tuple[Reply, bool]]) -> None:
        """Show in which unusual forms replies came."""
        for reply, reasoned in read:
            if reasoned and reply.finish == "length":
                self._habits.say(f"{self.url} spent a reply's tokens on reasoning; raise --reply-tokens")
            elif reasoned:
                self._habits.say(f"{self.url} sent a reply as reasoning, without content; taking it as the reply")
            if reply.finish not in KNOWN_FINISHES:
                self._habits.say(
                    f"{self.url} ended a reply with the unknown finish reason {reply.finish!r}; taking it as complete"
                )

    def _check_counts(self, job: _Job, answer: Answer, sent: dict[str, Any]) -> bool:
        """Compare the server's numbers with what was asked for; True if cut replies should be requested again."""
        given, taken, count = answer.prompt_tokens, answer.completion_tokens, len(answer.replies)
        length = sum(len(m.content) for m in job.request.messages)
        if given and not answer.cached_tokens and given * _CHARACTERS_PER_TOKEN < length:
            self._habits.say(
                f"{self.url} counted {given} tokens in a prompt of {length} characters, which has about {length // 4}: "
                "it cut the prompt; raise its context length (of Ollama: OLLAMA_CONTEXT_LENGTH)",
                about="cut prompts",
            )
        allowed = self._asking.reply_tokens
        if taken is None:
            return False
        if taken > (allowed + 16) * count:  # an end mark or two
            self._habits.say(
                f"{self.url} does not keep --reply-tokens {allowed}: it counts {taken} tokens in {count} "
                f"repl{'ies' if count != 1 else 'y'}",
                about="long replies",
            )
        cut = sum(reply.finish == "length" for reply in answer.replies)
        return taken < allowed * cut / 2 and self._habits.limit_unheard(taken // count, allowed, sent)


@dataclass(frozen=True)
class _Result:
    answer: Answer
    again: bool  # Whether replies were cut since the server did not hear of the limit, and are left out


class _Smaller(Exception):
    """The server returns one reply per call; the job must be split."""


def _most_tokens(request: Request) -> int:
    """Upper bound on the tokens of a prompt: one per byte and 16 per message."""
    return sum(len(m.content.encode()) + 16 for m in request.messages)
