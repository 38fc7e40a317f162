"""The openai designer against a real server on this machine, in every mood."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.asking import KEY, PRICES, Asker, numbered, request, serving
from support.candidates import TASK
from support.model_server import GOOD, completion, error

from eureka.designers import prompts
from eureka.designers.base import Request
from eureka.designers.providers import address, is_own
from eureka.errors import ModelFault, UserError

USAGE = {"prompt_tokens": 1, "completion_tokens": 1}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def serve(monkeypatch) -> Iterator[Callable[..., Asker]]:
    yield from serving(monkeypatch)


def test_a_server_that_honours_n_is_asked_once(serve):
    ask = serve(numbered)
    assert {slot: r.text for slot, r in ask(4).items()} == {i: f"reply 1.{i}" for i in range(4)}
    (body,) = ask.server.bodies
    assert body["model"] == "small-model" and body["n"] == 4 and body["temperature"] == 1.0
    assert body["messages"][0]["role"] == "system" and body["max_completion_tokens"] == 16_384
    (answer,) = ask.answers
    assert (answer.model, answer.source, answer.prompt_tokens, answer.completion_tokens) == (
        "served-model", "call-1", 1500, 200,
    )  # fmt: skip
    assert ask.server.keys == {f"Bearer {KEY}"} and ask.said == []


@pytest.mark.parametrize("honoured", [1, 3])
def test_what_a_server_leaves_out_is_asked_for_one_by_one(serve, honoured: int):
    ask = serve(lambda body, number: numbered(body, number, honoured))
    replies = ask(6)
    assert sorted(replies) == list(range(6)) and len({r.text for r in replies.values()}) == 6
    assert [b.get("n", 1) for b in ask.server.bodies] == [6] + [1] * (6 - honoured)
    assert len({b["seed"] for b in ask.server.bodies}) == len(ask.server.bodies), "or all would be the same"
    assert f"returned {honoured} of 6 replies" in ask.said[0]
    ask(6)
    assert all("n" not in b for b in ask.server.bodies[7 - honoured :]), "remembered"


def test_a_server_that_refuses_n_is_asked_one_by_one(serve):
    def answer(body, number):
        return error(400, "Only one completion choice is allowed") if "n" in body else numbered(body, number)

    ask = serve(answer)
    assert sorted(ask(3)) == [0, 1, 2]
    assert [b.get("n") for b in ask.server.bodies] == [3, None, None, None]


def test_calls_are_made_at_once(serve):
    def answer(body, number):
        if "n" in body:
            return error(400, "n is not supported", param="n")
        time.sleep(0.5)
        return numbered(body, number)

    ask = serve(answer)
    begun = time.monotonic()
    assert len(ask(8)) == 8
    assert time.monotonic() - begun < 3.0, "eight of half a second"


def test_prompts_of_their_own_are_asked_at_once_too(serve):
    ask = serve(lambda body, number: completion(body["messages"][-1]["content"]))
    replies = ask(requests=[request(i, attempt=1, text=f"mend {i}") for i in (0, 3, 5)])
    assert {slot: r.text for slot, r in replies.items()} == {0: "mend 0", 3: "mend 3", 5: "mend 5"}


@pytest.mark.parametrize("name", ["temperature", "seed"])
def test_a_parameter_that_is_refused_is_left_out_and_remembered(serve, name: str):
    def answer(body, number):
        if name in body:
            return error(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)
        return numbered(body, number)

    ask = serve(answer)
    assert len(ask(2)) == 2 and len(ask(2)) == 2
    assert [name in b for b in ask.server.bodies] == [True, False, False]
    assert Counter(ask.said) == {f"{ask.server.url} rejects the parameter {name}; omitting it from now on": 1}


def test_an_older_name_of_the_limit_is_tried(serve):
    def answer(body, number):
        if "max_completion_tokens" in body:
            return error(422, "extra fields not permitted: max_completion_tokens")
        return numbered(body, number)

    ask = serve(answer, reply_tokens=77)
    assert len(ask(1)) == 1 and ask.server.bodies[-1]["max_tokens"] == 77


def test_a_rate_limit_is_waited_out(serve):
    def answer(body, number):
        return error(429, "slow down", {"retry-after-ms": "50"}) if number == 1 else numbered(body, number)

    ask = serve(answer)
    assert len(ask(2)) == 2 and len(ask.server.bodies) == 2


def test_a_dropped_connection_is_tried_again(serve):
    ask = serve(lambda body, number: None if number == 1 else numbered(body, number))
    assert len(ask(2)) == 2 and len(ask.server.bodies) == 2


@pytest.mark.parametrize(
    "answer, kind, expected",
    [
        (lambda b, n: error(500, "boom"), ModelFault, "failed with status 500 after 3 attempts (boom)"),
        (lambda b, n: error(429, "slow", {"retry-after-ms": "1"}), ModelFault, "limits the rate after 3 attempts"),
        (lambda b, n: error(429, "pay", code="insufficient_quota"), UserError, "has no quota left (pay)"),
        (lambda b, n: error(401, f"Incorrect API key: {KEY}"), UserError, "rejects the API key in OPENAI_API_KEY"),
        (lambda b, n: error(404, "no such model"), UserError, "does not know the model 'small-model'"),
        (lambda b, n: (200, '{"id": "x", "cho', JSON), ModelFault, "did not return a chat completion"),
        (lambda b, n: (200, "", JSON), ModelFault, "did not return a chat completion"),
        (lambda b, n: (200, "[" * 100_000, JSON), ModelFault, "did not return a chat completion"),
        (lambda b, n: error(400, "'max_completion_tokens' is too large: 16384"), UserError, "is too large: 16384"),
        (lambda b, n: error(400, "context length exceeded"), UserError, "rejects the request: context length"),
        (lambda b, n: None, UserError, "cannot connect to"),
        (lambda b, n: "<html>hello</html>", ModelFault, "return a chat completion (<html>hello</html>)"),
        (lambda b, n: {"error": {"message": "upstream died"}}, ModelFault, "502 after 3 attempts (upstream died)"),
    ],
)  # fmt: skip
def test_a_server_that_fails_is_one_sentence_without_the_key(serve, answer, kind, expected: str):
    ask = serve(answer)
    with pytest.raises(kind) as caught:
        ask(1)
    assert expected in str(caught.value) and KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_model_is_told_the_near_ones(serve, monkeypatch):
    ask = serve(lambda b, n: error(404, "The model does not exist"))
    ask.designer.model = "smal-model"
    with pytest.raises(UserError, match=r"has no model 'smal-model' \(did you mean 'small-model'") as caught:
        ask(1)
    assert "it offers large-model, small-model" in str(caught.value)


def test_a_silent_server_ends_in_a_sentence(serve):
    ask = serve(lambda b, n: time.sleep(3), timeout=0.3)
    begun = time.monotonic()
    with pytest.raises(ModelFault, match=r"did not respond within 0.3 s, after 3 attempts; raise --timeout"):
        ask(1)
    assert time.monotonic() - begun < 15


def test_answers_in_flight_are_not_lost_when_another_call_fails(serve):
    def answer(body, number):
        if "n" in body:
            return error(400, "n", param="n")
        if number == 2:
            return error(400, "no")
        time.sleep(0.5)
        return numbered(body, number)

    ask = serve(answer)
    with pytest.raises(UserError, match="rejects the request: no"):
        ask(4)
    assert len(ask.replies()) == 3


def test_a_reply_that_was_cut_says_so(serve):
    ask = serve(lambda b, n: completion("```python\ndef compute_re", finish="length"))
    assert ask(1)[0].finish == "length"


def test_a_refusal_is_told_from_a_reply(serve):
    body = completion("")
    body["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help with that."}
    reply = serve(lambda b, n: body)(1)[0]
    assert (reply.finish, reply.text) == ("refusal", "I cannot help with that.")


def test_a_long_reply_is_taken_whole(serve):
    text = GOOD + "x" * 200_000
    assert serve(lambda b, n: completion(text))(1)[0].text == text


def test_a_server_that_gives_no_reply_at_all_is_not_asked_for_ever(serve):
    ask = serve(lambda b, n: completion())
    replies = ask(2)
    assert [r.finish for r in replies.values()] == ["empty", "empty"]
    assert len(ask.server.bodies) <= 6 and ask.budget.calls == len(ask.server.bodies), "each of them is counted"


def test_replies_that_are_all_the_same_are_pointed_out(serve):
    ask = serve(lambda b, n: completion(*["same"] * b["n"]))
    ask(3)
    assert "all 3 replies are identical" in ask.said[0]


def test_halves_of_characters_do_no_harm(serve):
    body = '{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, '
    body += '"finish_reason": "stop", "message": {"role": "assistant", "content": "a\\ud800b"}}]}'
    ask = serve(lambda b, n: (200, body, {"Content-Type": "application/json"}))
    assert ask(1)[0].text.encode("utf-8").decode().startswith("a")


def test_the_static_part_of_a_prompt_comes_first_and_stays_the_same(serve):
    ask = serve(numbered)
    later = (
        *prompts.first(TASK),
        prompts.Message(role="assistant", content="a"),
        prompts.Message(role="user", content="b"),
    )
    ask(requests=[request(0)])
    ask(requests=[Request(2, (0,), 0, later, TASK, None)])
    first, second = (b["messages"] for b in ask.server.bodies)
    assert second[: len(first)] == first


def test_a_port_where_nobody_listens_is_one_sentence(serve):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ask = serve(numbered)
    ask.designer._client = ask.designer._client.with_options(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    with pytest.raises(UserError, match="cannot connect to"):
        ask(1)


def choice(**message: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": GOOD} | message}


@pytest.mark.parametrize(
    "change, text",
    [
        ({"choices": [choice() | {"message": None}]}, ""),
        ({"choices": [None]}, ""),
        ({"choices": [choice(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]}, "ab"),
        ({"choices": [choice(refusal=["x"])]}, GOOD),
        ({"choices": [choice() | {"finish_reason": "skipped"}]}, GOOD),
        ({"id": 7}, GOOD),
        ({"model": "m\ud800"}, GOOD),
        ({"usage": {}}, GOOD),
        ({"usage": {"prompt_tokens": 10.5, "completion_tokens": "many"}}, GOOD),
        ({"usage": {"prompt_tokens": -5, "completion_tokens": 5, "cost": float("nan")}}, GOOD),
        ({"usage": USAGE | {"prompt_tokens_details": {"cached_tokens": 10**9}}}, GOOD),
        ({"usage": USAGE | {"cost": -100}}, GOOD),
    ],
)  # fmt: skip
def test_an_answer_of_odd_form_is_kept_and_counted(serve, change: dict, text: str):
    ask = serve(lambda b, n: completion(GOOD) | change, prices=PRICES.model_dump())
    reply = ask(1)[0]
    assert reply.text == text and reply.finish == "stop"
    assert ask.budget.calls == 1 and 0 <= ask.budget.usd < 1 and ask.budget.tokens >= 0
    known = ask.answers[0].prompt_tokens is not None
    assert ask.budget.priced == known, "what is not known is unpriced, never 0"


@pytest.mark.parametrize("bad", ["sk decoy", "sk-décoy", "sk\ndecoy"])
def test_a_key_that_cannot_be_one_is_refused_unseen(serve, monkeypatch, bad: str):
    monkeypatch.setenv("OPENAI_API_KEY", bad)
    with pytest.raises(UserError, match="OPENAI_API_KEY contains invalid characters") as caught:
        serve(numbered)
    assert "coy" not in str(caught.value)


def test_a_line_end_after_a_key_does_no_harm(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY + "\n")
    ask = serve(numbered)
    assert len(ask(1)) == 1 and ask.server.keys == {f"Bearer {KEY}"}


def test_names_of_models_cannot_drive_a_terminal(serve):
    ask = serve(lambda b, n: error(404, "no"))
    ask.server.models = ("a\x1b]0;owned\x07", "two\nlines", 5)
    with pytest.raises(UserError) as caught:
        ask(1)
    assert str(caught.value).isprintable()


def test_a_batch_that_a_limit_forbids_is_asked_for_one_by_one(serve):
    a_call = 1000 + sum(len(m.content.encode()) + 16 for m in prompts.first(TASK))
    ask = serve(lambda b, n: numbered(b, n) | {"usage": USAGE}, reply_tokens=1000, max_tokens=a_call + 900)
    assert len(ask(4)) == 4 and all("n" not in b for b in ask.server.bodies)


def test_a_prompt_that_is_too_long_is_not_blamed_on_the_number_of_replies(serve):
    ask = serve(lambda b, n: error(400, "maximum context length is 8192 tokens", code="context_length_exceeded"))
    with pytest.raises(UserError, match="maximum context length"):
        ask(4)
    assert len(ask.server.bodies) == 1 and ask.said == []


@pytest.mark.parametrize(
    "url", ["http://user:secret@host/v1", "http://host/v1?key=secret", "http://ho st/v1", "http:///v1"]
)
def test_an_address_holds_nothing_but_an_address(url: str):
    with pytest.raises(UserError) as caught:
        address(f"openai:m@{url}")
    assert "secret" not in str(caught.value)


def test_only_the_official_address_over_tls_is_official():
    assert is_own("openai", "https://api.openai.com/v1")
    for other in ("http://api.openai.com/v1", "https://api.openai.com.evil.example/v1", "https://openrouter.ai/api/v1"):
        assert not is_own("openai", other)
