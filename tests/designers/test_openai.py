"""The openai designer against a real server on this machine, in every mood."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server import GOOD, Server, completion, error
from test_evolve import TASK

from eureka import prompt
from eureka.config import Asking, Prices, Settings, load_task
from eureka.designers import Answer, Reply, Request, Surroundings
from eureka.designers.openai import OpenAI
from eureka.errors import BudgetSpent, ModelFault, UserError
from eureka.spending import Ledger

KEY = "sk-decoy-8842"
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}
JSON = {"Content-Type": "application/json"}


class Asker:
    """Asks a fresh designer of a fresh server, and keeps what it said on the way."""

    def __init__(self, server: Server, **asking: Any):
        preset = load_task("cartpole").file.presets["cpu"].model_dump()
        settings = Settings.model_validate(preset | {"preset": "cpu", "asking": {"timeout": 20.0} | asking})
        self.server, self.said, self.answers = server, [], []
        self.ledger = Ledger(Asking.model_validate(settings.asking.model_dump()))
        around = Surroundings(settings, self.ledger, Path("nowhere"), (), self.said.append)
        self.designer = OpenAI(f"small-model@{server.url}", around, retries=2)

    def __call__(self, slots: int = 3, requests: list[Request] | None = None) -> dict[int, Reply]:
        asked = requests or [request(*range(slots))]
        for answer in self.designer.propose(asked):
            self.answers.append(answer)
        return {r.slot: r for r in self.replies()}

    def replies(self) -> list[Reply]:
        return [r for a in self.answers for r in a.replies]


def request(*slots: int, attempt: int = 0, text: str = "") -> Request:
    messages = (*prompt.first(TASK), prompt.Message(role="user", content=text)) if text else prompt.first(TASK)
    return Request(1, slots, attempt, messages, TASK, None)


@pytest.fixture
def serve(monkeypatch) -> Iterator[Callable[..., Asker]]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    servers = []

    def start(answer, **asking: Any) -> Asker:
        servers.append(Server(answer))
        return Asker(servers[-1], **asking)

    yield start
    for server in servers:
        server.close()


def numbered(body: dict[str, Any], number: int, honoured: int | None = None) -> dict[str, Any]:
    count = body.get("n", 1) if honoured is None else min(honoured, body.get("n", 1))
    return completion(*[f"reply {number}.{i}" for i in range(count)])


def test_a_server_that_honours_n_is_asked_once(serve):
    ask = serve(numbered)
    assert {slot: r.text for slot, r in ask(4).items()} == {i: f"reply 1.{i}" for i in range(4)}
    (body,) = ask.server.bodies
    assert body["model"] == "small-model" and body["n"] == 4 and body["temperature"] == 1.0
    assert body["messages"][0]["role"] == "system" and body["max_completion_tokens"] == 16_384
    (answer,) = ask.answers
    assert (answer.model, answer.source, answer.prompt_tokens, answer.completion_tokens) == (
        "served-model", "call-1", 100, 50,
    )  # fmt: skip
    assert ask.server.keys == {f"Bearer {KEY}"} and ask.said == []


@pytest.mark.parametrize("honoured", [1, 3])
def test_what_a_server_leaves_out_is_asked_for_one_by_one(serve, honoured: int):
    ask = serve(lambda body, number: numbered(body, number, honoured))
    replies = ask(6)
    assert sorted(replies) == list(range(6)) and len({r.text for r in replies.values()}) == 6
    assert [b.get("n", 1) for b in ask.server.bodies] == [6] + [1] * (6 - honoured)
    assert len({b["seed"] for b in ask.server.bodies}) == len(ask.server.bodies), "or all would be the same"
    assert f"gave {honoured} of 6 replies" in ask.said[0]
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
    assert Counter(ask.said) == {f"{ask.server.url} refuses the parameter {name}; it is left out from now on": 1}


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
        (lambda b, n: error(500, "boom"), ModelFault, "failed with status 500 after 3 tries (boom)"),
        (lambda b, n: error(429, "slow", {"retry-after-ms": "1"}), ModelFault, "limits the rate after 3 tries"),
        (lambda b, n: error(429, "pay", code="insufficient_quota"), UserError, "has no quota left (pay)"),
        (lambda b, n: error(401, f"Incorrect API key: {KEY}"), UserError, "refuses the key in OPENAI_API_KEY"),
        (lambda b, n: error(404, "no such model"), UserError, "knows nothing of 'small-model'"),
        (lambda b, n: (200, '{"id": "x", "cho', JSON), ModelFault, "no chat completion"),
        (lambda b, n: (200, "", JSON), ModelFault, "no chat completion"),
        (lambda b, n: (200, "[" * 100_000, JSON), ModelFault, "no chat completion"),
        (lambda b, n: error(400, "'max_completion_tokens' is too large: 16384"), UserError, "is too large: 16384"),
        (lambda b, n: error(400, "context length exceeded"), UserError, "refuses the request: context length"),
        (lambda b, n: None, UserError, "no server answers at"),
        (lambda b, n: "<html>hello</html>", ModelFault, "not with a chat completion (<html>hello</html>)"),
        (lambda b, n: {"error": {"message": "upstream died"}}, ModelFault, "completion (upstream died)"),
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
    with pytest.raises(ModelFault, match=r"no answer in 0.3 s, after 3 tries; see --timeout"):
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
    with pytest.raises(UserError, match="refuses the request: no"):
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
    assert len(ask.server.bodies) <= 6 and ask.ledger.calls == len(ask.server.bodies), "each of them is counted"


def test_replies_that_are_all_the_same_are_pointed_out(serve):
    ask = serve(lambda b, n: completion(*["same"] * b["n"]))
    ask(3)
    assert "all 3 replies are the same" in ask.said[0]


def test_halves_of_characters_do_no_harm(serve):
    body = '{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, '
    body += '"finish_reason": "stop", "message": {"role": "assistant", "content": "a\\ud800b"}}]}'
    ask = serve(lambda b, n: (200, body, {"Content-Type": "application/json"}))
    assert ask(1)[0].text.encode("utf-8").decode().startswith("a")


# Money


PRICES = Prices(input=2.0, output=10.0, cached=0.5)


def test_a_call_is_priced_by_its_tokens(serve):
    details = {"prompt_tokens_details": {"cached_tokens": 400}}
    body = completion(GOOD, usage=(1000, 100))
    body["usage"] |= details
    ask = serve(lambda b, n: body, prices=PRICES.model_dump())
    ask(1)
    # 600 * 2 + 400 * 0.5 + 100 * 10 millionths
    assert ask.answers[0].usd == pytest.approx(0.0024) and ask.answers[0].cached_tokens == 400
    assert str(ask.ledger) == "1 call, 1100 tokens (400 cached), $0.0024"


def test_an_unknown_price_is_unpriced_and_never_nothing(serve):
    ask = serve(numbered)
    ask(1)
    assert ask.answers[0].usd is None and str(ask.ledger) == "1 call, 150 tokens, unpriced"


def test_what_a_server_says_that_it_charged_counts(serve):
    body = completion(GOOD)
    body["usage"]["cost"] = 0.5
    ask = serve(lambda b, n: body, prices=PRICES.model_dump())
    ask(1)
    assert ask.ledger.usd == 0.5


def test_no_call_is_made_that_could_pass_a_limit(serve):
    # one reply of at most 1000 tokens at 10 USD a million: 0.01, and the prompt
    ask = serve(numbered, prices=PRICES.model_dump(), reply_tokens=1000, max_usd=0.01)
    with pytest.raises(BudgetSpent, match=r"could pass --max-usd 0.01; raise it, or lower --reply-tokens"):
        ask(3)
    assert ask.server.bodies == []
    few = serve(numbered, reply_tokens=1000, max_tokens=3000)
    with pytest.raises(BudgetSpent, match="--max-tokens 3000"):
        few(3)
    enough = serve(numbered, reply_tokens=1000, max_tokens=100_000)
    assert len(enough(3)) == 3


def test_calls_in_flight_are_counted_at_their_most_until_they_are_answered(serve):
    flying, most = [0], [0]

    def answer(body, number):
        if "n" in body:
            return error(400, "n", param="n")
        flying[0] += 1
        most[0] = max(most[0], flying[0])
        time.sleep(0.3)
        flying[0] -= 1
        return numbered(body, number)

    a_call = 1000 + sum(len(m.content.encode()) + 16 for m in prompt.first(TASK))
    ask = serve(answer, reply_tokens=1000, max_tokens=3 * a_call + 1000)
    ask.designer._counts = False
    assert len(ask(8)) == 8, "each takes 150 in the end"
    assert most[0] == 3
    tight = serve(numbered, reply_tokens=1000, max_tokens=a_call + 200)
    tight.designer._counts = False
    with pytest.raises(BudgetSpent):
        tight(8)
    assert len(tight.replies()) == 2, "150 are spent after the first, 300 after the second"


def test_a_limit_that_cannot_be_kept_is_refused_after_the_answer_is_kept(serve):
    ask = serve(lambda b, n: completion("x", usage=None), max_tokens=1_000_000)
    with pytest.raises(UserError, match="does not say how many tokens"):
        ask(1)
    assert len(ask.replies()) == 1


def test_a_ledger_goes_on_from_the_journal():
    answer = Answer(
        replies=(), model="m", called=True, prompt_tokens=10, cached_tokens=4, completion_tokens=5, usd=0.25
    )
    event = {"event": "answer", "answer": answer.model_dump(mode="json")}
    ledger = Ledger(Asking(), [event, {"event": "verdict"}, event])
    assert (ledger.calls, ledger.tokens, ledger.cached, ledger.usd) == (2, 30, 8, 0.5)


def test_the_static_part_of_a_prompt_comes_first_and_stays_the_same(serve):
    ask = serve(numbered)
    later = (
        *prompt.first(TASK),
        prompt.Message(role="assistant", content="a"),
        prompt.Message(role="user", content="b"),
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
    with pytest.raises(UserError, match="no server answers at"):
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
    assert ask.ledger.calls == 1 and 0 <= ask.ledger.usd < 1 and ask.ledger.tokens >= 0
    known = ask.answers[0].prompt_tokens is not None
    assert ask.ledger.priced == known, "what is not known is unpriced, never 0"


@pytest.mark.parametrize("bad", ["sk decoy", "sk-décoy", "sk\ndecoy"])
def test_a_key_that_cannot_be_one_is_refused_unseen(serve, monkeypatch, bad: str):
    monkeypatch.setenv("OPENAI_API_KEY", bad)
    with pytest.raises(UserError, match="OPENAI_API_KEY holds characters that no key has") as caught:
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
    a_call = 1000 + sum(len(m.content.encode()) + 16 for m in prompt.first(TASK))
    ask = serve(numbered, reply_tokens=1000, max_tokens=a_call + 900)
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
    from eureka.designers.server import address

    with pytest.raises(UserError) as caught:
        address(f"m@{url}")
    assert "secret" not in str(caught.value)


def test_only_the_official_address_over_tls_is_official():
    from eureka.designers.server import is_official

    assert is_official("https://api.openai.com/v1")
    assert not is_official("http://api.openai.com/v1") and not is_official("https://api.openai.com.evil.example/v1")
