"""Servers in every mood: each ends as it should, and no key is in what is sent elsewhere or shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from support.asking import KEY, Asker, serving
from support.model_server import completion, error
from support.moods import LIMIT, MOODS

from eureka.designers.providers import KEYS
from eureka.errors import EurekaError

OTHERS = {name: f"decoy-of-{name.lower()}" for name in KEYS if name != "OPENAI_API_KEY"}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Asker]]:
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    for name, value in OTHERS.items():
        monkeypatch.setenv(name, value)
    yield from serving(monkeypatch)


def test_there_are_enough_moods():
    assert len(MOODS) >= 60


@pytest.mark.parametrize("name", MOODS)
def test_a_server_in_this_mood_ends_as_it_should(serve, name: str):
    mood = MOODS[name]
    ask = serve(mood.answer, **{"reply_tokens": LIMIT} | mood.asking)
    if mood.text is None:
        with pytest.raises(EurekaError) as caught:
            ask(mood.slots)
        assert mood.error in str(caught.value) and "\n" not in str(caught.value)
        ask.said.append(str(caught.value))
    else:
        replies = ask(mood.slots)
        assert sorted(replies) == list(range(mood.slots))
        assert {(r.text, r.finish) for r in replies.values()} == {(mood.text, mood.finish)}
        said = [line for line in ask.said if "replies are identical" not in line and "; attempt " not in line]
        assert any(mood.said in line for line in said) if mood.said else said == []
        assert len(set(ask.said)) == len(ask.said)
    last = ask.server.bodies[-1]
    assert mood.last.items() <= last.items() and not set(mood.without) & set(last)
    assert ask.server.keys == {f"Bearer {KEY}"}
    shown = json.dumps([ask.said, ask.server.bodies, [a.model_dump() for a in ask.answers]])
    assert not any(key in shown for key in (KEY, *OTHERS.values()))


def test_the_text_of_a_refused_system_role_comes_first_for_the_user(serve):
    ask = serve(MOODS["no system role"].answer)
    ask(2)
    refused, sent = ask.server.bodies
    system, user = refused["messages"]
    assert sent["messages"] == [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}]
    ask(1)
    assert len(ask.server.bodies) == 3, "remembered"


def test_one_long_reply_among_short_ones_is_no_unheard_limit(serve):
    def answer(body, number):
        made = completion(*["x"] * body["n"], usage=(1500, 200 * (body["n"] - 1) + LIMIT))
        made["choices"][0]["finish_reason"] = "length"
        return made

    ask = serve(answer, reply_tokens=LIMIT)
    assert [r.finish for _, r in sorted(ask(8).items())] == ["length"] + ["stop"] * 7
    assert len(ask.server.bodies) == 1 and not any("cut replies" in line for line in ask.said)


def test_a_server_that_quotes_keys_has_them_redacted(serve):
    said = " ".join([KEY, *OTHERS.values()])
    with pytest.raises(EurekaError) as caught:
        serve(lambda b, n: error(401, f"wrong: {said}"))(1)
    assert not any(key in str(caught.value) for key in (KEY, *OTHERS.values()))


def test_a_value_too_short_for_a_key_garbles_no_message(serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    with pytest.raises(EurekaError, match="Temporary failure"):
        serve(lambda b, n: error(400, "Temporary failure"))(1)
