"""Moods of model servers: how they refuse, fail, and form their answers, and how asking them ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.model_server import GOOD, completion, error

SSE = {"Content-Type": "text/event-stream"}
JSON = {"Content-Type": "application/json"}
LIMIT = 1000  # --reply-tokens


@dataclass(frozen=True)
class Mood:
    """One kind of server."""

    answer: Callable[[dict[str, Any], int], Any]
    said: str = ""  # A part of the lines shown; empty if nothing is to be said
    text: str | None = GOOD  # Of every reply; None if asking ends in an error
    finish: str = "stop"
    error: str = ""  # A part of the sentence that asking ends with
    last: dict[str, Any] = field(default_factory=dict)  # Parameters of the last call
    without: tuple[str, ...] = ()  # Parameters that the last call lacks
    asking: dict[str, Any] = field(default_factory=dict)
    slots: int = 2


def good(body: dict[str, Any], number: int, **more: Any) -> dict[str, Any]:
    return completion(*[GOOD] * body.get("n", 1), **more)


def unless(refused: Callable[[dict[str, Any]], bool], refusal: Any) -> Callable[[dict[str, Any], int], Any]:
    """Refuses some calls and answers the others."""
    return lambda body, number: refusal if refused(body) else good(body, number)


def has(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: name in body


def first(failure: Any) -> Callable[[dict[str, Any], int], Any]:
    """Fails once."""
    return lambda body, number: failure if number == 1 else good(body, number)


def stream(*parts: str, finish: str = "stop", key: str = "content", **more: Any) -> tuple:
    """A reply in chunks."""
    lines = [": waiting"]
    for part in parts:
        lines.append(json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {key: part}}]}))
    lines.append(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]} | more))
    usage = {"prompt_tokens": 1500, "completion_tokens": 200}
    lines.append(json.dumps({"choices": [], "usage": usage}))
    data = [line if line.startswith(":") else f"data: {line}" for line in lines]
    return 200, "\n\n".join([*data, "data: [DONE]", ""]), SSE


def message(finish: str = "stop", **values: Any) -> Callable[[dict[str, Any], int], Any]:
    """An answer whose message has these values."""

    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        made = completion(*[""] * body.get("n", 1), finish=finish)
        for choice in made["choices"]:
            choice["message"] |= {"content": None} | values
        return made

    return answer


def finished(word: Any, text: str = GOOD) -> Callable[[dict[str, Any], int], Any]:
    return lambda body, number: completion(*[text] * body.get("n", 1), finish=word, usage=(1500, 2 * LIMIT))


def nested(inner: dict[str, Any], **outer: Any) -> dict[str, Any]:
    return {
        "error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(inner)}} | outer
    }


def system_refused(reason: str, status: int = 400) -> Callable[[dict[str, Any], int], Any]:
    return unless(lambda body: body["messages"][0]["role"] == "system", error(status, reason))


def deaf(name: str) -> Callable[[dict[str, Any], int], Any]:
    """Knows one name of the limit; without it, replies have at most 64 tokens."""

    def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
        if name in body:
            return good(body, number)
        return completion(*["cut"] * body.get("n", 1), finish="length", usage=(1500, 64 * body.get("n", 1)))

    return answer


def failed_choice(body: dict[str, Any], number: int) -> dict[str, Any]:
    """One choice of the first call failed."""
    made = good(body, number)
    if number == 1:
        made["choices"][0] |= {"error": {"code": 502, "message": "upstream"}, "finish_reason": "error"}
    return made


def whole_last() -> tuple:
    """A stream with the whole message behind its parts."""
    status, text, headers = stream(GOOD[:50], GOOD[50:])
    whole = json.dumps({"choices": [{"index": 0, "message": {"content": GOOD}, "finish_reason": "stop"}]})
    return status, text.replace("data: [DONE]", f"data: {whole}\n\ndata: [DONE]"), headers


NO_TEMPERATURE = {"error": {"message": "Unsupported value: 'temperature' does not support 0.7", "param": "temperature"}}
REJECTS = "rejects the parameter"
_UNPROCESSABLE = {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra"}]}

MOODS = {
    # Where a reason is
    "reason nested in metadata.raw": Mood(
        unless(has("temperature"), (400, nested(NO_TEMPERATURE), {})),
        f"{REJECTS} temperature",
        without=("temperature",),
    ),
    "reason in a cause": Mood(
        unless(has("seed"), (400, {"error": "bad", "cause": {"details": [{"reason": "unknown field seed"}]}}, {})),
        f"{REJECTS} seed",
        without=("seed",),
    ),
    "error as a list": Mood(
        unless(has("seed"), (400, [{"error": {"code": 400, "message": 'Unknown name "seed"'}}], {})),
        f"{REJECTS} seed",
        without=("seed",),
    ),
    "errors of FastAPI": Mood(unless(has("seed"), (422, _UNPROCESSABLE, {})), f"{REJECTS} seed", without=("seed",)),
    "reason as text": Mood(
        unless(has("temperature"), (400, "temperature is not supported", {"Content-Type": "text/plain"})),
        f"{REJECTS} temperature",
        without=("temperature",),
    ),
    "a reason that names nothing": Mood(
        lambda b, n: error(400, "Bad Request"), text=None, error="rejects the request: Bad Request", last={"n": 2}
    ),
    "a reason about something else": Mood(
        lambda b, n: error(400, "model is loading"), text=None, error="rejects the request: model is loading"
    ),
    "a nested reason is shown": Mood(
        lambda b, n: (400, nested({"error": {"message": "this model is retired"}}), {}),
        text=None,
        error="Provider returned error: this model is retired",
    ),
    "html for people": Mood(
        lambda b, n: (400, "<html><style>x{}</style><h1>No entry</h1></html>", {"Content-Type": "text/html"}),
        text=None,
        error="rejects the request: No entry",
    ),
    # Parameters
    "n refused by its meaning": Mood(
        unless(has("n"), error(400, "Only one completion choice is allowed")), f"{REJECTS} n", without=("n",)
    ),
    "n refused in other words": Mood(
        unless(has("n"), error(400, "Multiple candidates is not enabled for this model")),
        f"{REJECTS} n",
        without=("n",),
    ),
    "candidateCount refused": Mood(
        unless(has("n"), error(400, "generationConfig.candidateCount must be 1")), f"{REJECTS} n", without=("n",)
    ),
    "a limit that is too large": Mood(
        lambda b, n: error(400, "max_completion_tokens is too large: at most 512"),
        text=None,
        error="lower --reply-tokens",
    ),
    "the older name of the limit": Mood(
        unless(has("max_completion_tokens"), error(400, "Unrecognized request argument: max_completion_tokens")),
        f"{REJECTS} max_completion_tokens",
        last={"max_tokens": LIMIT},
    ),
    "no limit at all": Mood(
        unless(
            lambda b: {"max_tokens", "max_completion_tokens"} & set(b),
            error(400, "maxTokens: unknown; max_completion_tokens: unknown"),
        ),
        f"{REJECTS} max_completion_tokens",
        without=("max_tokens", "max_completion_tokens"),
    ),
    "an option of the user refused": Mood(
        lambda b, n: error(400, "Unknown parameter: 'top_k'"),
        text=None,
        error="correct --llm-option top_k",
        asking={"options": {"top_k": 5}},
    ),
    "an option of the user": Mood(good, last={"top_k": 5, "stream": False}, asking={"options": {"top_k": 5}}),
    "stream refused": Mood(
        unless(has("stream"), error(400, "Unknown parameter: stream")), "answers in streams only", without=("stream",)
    ),
    # The role system
    "no system role": Mood(system_refused("System role not supported"), "refuses the system role"),
    "no developer instruction": Mood(
        system_refused("Developer instruction is not enabled for models/gemma-3"), "refuses the system role"
    ),
    "roles must alternate": Mood(
        system_refused("Conversation roles must alternate user/assistant/user/assistant/..."), "refuses the system role"
    ),
    "a template that raises": Mood(
        system_refused("Jinja error: System role not supported", 500), "refuses the system role"
    ),
    # Streams
    "a stream unless false": Mood(unless(lambda b: b.get("stream") is not False, stream(GOOD))),
    "a stream all the same": Mood(lambda b, n: stream(GOOD[:50], GOOD[50:]), "returned 1 of 2"),
    "a stream of another type": Mood(lambda b, n: (200, stream(GOOD)[1], JSON), "returned 1 of 2"),
    "only streams": Mood(
        lambda b, n: (
            stream(GOOD) if b["stream"] else error(400, "enable_thinking must be false for non-streaming calls")
        ),
        "answers in streams only",
        last={"stream": True},
    ),
    "an error in a stream": Mood(
        first((200, 'data: {"error": {"code": 503, "message": "busy"}}\n\n', SSE)),
    ),
    "a stream of reasoning": Mood(
        lambda b, n: stream(GOOD, key="reasoning_content"), "sent a reply as reasoning", slots=1
    ),
    # Errors with status 200
    "a code in a 200": Mood(first({"error": {"code": 429, "message": "slow down"}})),
    "a code as text in a 200": Mood(first({"error": {"code": "503", "message": "later"}})),
    "words in a 200": Mood(first({"error": {"type": "overloaded_error", "message": "Overloaded"}})),
    "a list in a 200": Mood(first((200, [{"error": {"code": 500, "message": "x"}}], {}))),
    "an object error in a 200": Mood(
        lambda b, n: (
            {"object": "error", "message": "no such thing as seed", "code": 40003} if "seed" in b else good(b, n)
        ),
        f"{REJECTS} seed",
        without=("seed",),
    ),
    "a refused key in a 200": Mood(
        lambda b, n: {"error": {"code": 401, "message": "Invalid API key"}}, text=None, error="rejects the API key in"
    ),
    "a failed choice": Mood(failed_choice, "returned 1 of 2"),
    "all choices failed": Mood(
        first(completion("", "", finish="error")),
    ),
    # Status codes
    "403 for a region": Mood(
        lambda b, n: error(403, "Country, region, or territory not supported"),
        text=None,
        error="denies access (status 403: Country, region, or territory not supported)",
    ),
    "402": Mood(
        lambda b, n: error(402, "Insufficient credits"), text=None, error="has no quota left (Insufficient credits)"
    ),
    "413": Mood(lambda b, n: error(413, "prompt too long"), text=None, error="longer context"),
    "an unknown error once": Mood(first(error(500, "An unknown error occurred. Please contact support."))),
    "529 once": Mood(first(error(529, "overloaded"))),
    "quota behind a rate limit": Mood(
        lambda b, n: error(429, "You exceeded it", code="insufficient_quota"), text=None, error="no quota left"
    ),
    # What a finished reply is
    **{
        f"cut: {word}": Mood(finished(word, "cut"), text="cut", finish="length")
        for word in ("max_tokens", "MAX_TOKENS", "model_length", "FINISH_REASON_MAX_TOKENS", "token_limit")
    },
    **{
        f"whole: {word}": Mood(finished(word))
        for word in ("eos", "end_turn", "stop_sequence", "COMPLETE", None, "eos_token")
    },
    "filtered": Mood(finished("SAFETY", "par"), text="par", finish="content_filter"),
    "an unknown word": Mood(
        finished("insufficient_system_resource"),
        "'insufficient_system_resource'",
        finish="insufficient_system_resource",
    ),
    "reasoning only": Mood(message(reasoning_content=GOOD), "sent a reply as reasoning"),
    "reasoning by another name": Mood(message(reasoning=GOOD), "sent a reply as reasoning"),
    "cut in reasoning": Mood(
        message("length", reasoning_content="so"),
        "spent a reply's tokens on reasoning",
        text="",
        finish="length",
        asking={"reply_tokens": 100},
    ),
    "reasoning and content": Mood(message(reasoning_content="draft", content=GOOD)),
    "parts of thinking": Mood(
        message(content=[{"type": "thinking", "thinking": "x", "text": "draft"}, {"type": "text", "text": GOOD}])
    ),
    # The numbers of a server
    "the limit unheard": Mood(deaf("max_tokens"), "sending the limit as max_tokens", last={"max_tokens": LIMIT}),
    "no limit heard": Mood(deaf("nothing"), "raise the server's own limit", text="cut", finish="length"),
    "a cut prompt": Mood(lambda b, n: good(b, n, usage=(256, 100)), "it cut the prompt"),
    "a limit passed": Mood(lambda b, n: good(b, n, usage=(1500, 9000)), "does not keep --reply-tokens 1000"),
    "a budget passed": Mood(
        lambda b, n: good(b, n, usage=(1500, 90000)),
        "--max-tokens 20000 was passed: 91500",
        asking={"max_tokens": 20_000},
    ),
    "reasoning in the total only": Mood(
        lambda b, n: (
            completion("cut", finish="length", usage=(1500, 0))
            | {"usage": {"prompt_tokens": 1500, "completion_tokens": 0, "total_tokens": 1500 + LIMIT}}
        ),
        text="cut",
        finish="length",
        slots=1,
    ),
    "cached tokens counted apart": Mood(
        lambda b, n: (
            good(b, n)
            | {
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 9,
                    "prompt_tokens_details": {"cached_tokens": 1490},
                }
            }
        )
    ),
    # Further words and forms of servers
    "a range of the limit": Mood(
        lambda b, n: error(400, "Invalid max_completion_tokens value, the valid range is [1, 512]"),
        text=None,
        error="lower --reply-tokens",
    ),
    "n in French": Mood(
        lambda b, n: error(400, "Le mod\u00e8le n'est pas disponible"), text=None, error="n'est pas", last={"n": 2}
    ),
    "a stream that broke": Mood(
        lambda b, n: error(400, "error reading request body: stream ended early"), text=None, error="ended early"
    ),
    "n refused with status 500": Mood(
        unless(has("n"), error(500, "litellm: does not support parameters: {'n': 2}")), f"{REJECTS} n", without=("n",)
    ),
    "a completion within data": Mood(lambda b, n: {"code": 200, "msg": "ok", "data": good(b, n)}),
    "the API of another kind": Mood(
        lambda b, n: {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": GOOD}]},
        text=None,
        error="did not return a chat completion",
    ),
    "a stream that ends early": Mood(
        first((200, stream(GOOD[:50], finish="")[1].replace("data: [DONE]", ""), SSE)),
    ),
    "the whole behind its parts": Mood(lambda b, n: whole_last(), slots=1),
    "an error event": Mood(first((200, "event: error\ndata: busy, try again\n\n", SSE))),
    "only user and assistant": Mood(
        system_refused("Only user and assistant roles are supported!", 500), "refuses the system role"
    ),
    "supported values of a role": Mood(
        system_refused("Invalid value: 'system'. Supported values are: 'assistant' and 'user'."),
        "refuses the system role",
    ),
    "errors by parameter": Mood(
        unless(has("seed"), (400, {"errors": {"seed": ["is not permitted"]}}, {})), f"{REJECTS} seed", without=("seed",)
    ),
    "a limit that is required": Mood(
        unless(lambda b: "max_tokens" not in b, error(400, "max_tokens: Field required")),
        "requires the parameter max_tokens",
        last={"max_tokens": LIMIT},
    ),
    "a long prompt in a 200": Mood(
        lambda b, n: {"error": {"type": "invalid_request_error", "message": "exceeds capacity of context window"}},
        text=None,
        error="rejects the request: exceeds capacity",
    ),
    "billing behind a rate limit": Mood(
        lambda b, n: error(429, "You exceeded your current quota, please check your billing"),
        text=None,
        error="no quota left",
    ),
    "a bad key with status 400": Mood(
        lambda b, n: error(400, "API key not valid. Please pass a valid API key."),
        text=None,
        error="rejects the API key",
    ),
    "no usage": Mood(lambda b, n: good(b, n, usage=None)),
}
"""By name; each reply of a mood is GOOD and nothing is said unless it says otherwise."""
