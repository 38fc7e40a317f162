"""What calls cost, and limits that no call may pass, with the openai designer and a real server on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from support.asking import PRICES, Asker, numbered, serving
from support.candidates import TASK
from support.model_server import GOOD, completion, error

from eureka.config.settings import Asking
from eureka.designers import prompts
from eureka.designers.budget import Budget
from eureka.errors import BudgetSpent, UserError
from eureka.runs.replies import Answer

SMALL = {"usage": {"prompt_tokens": 100, "completion_tokens": 50}}


@pytest.fixture
def serve(monkeypatch) -> Iterator[Callable[..., Asker]]:
    yield from serving(monkeypatch)


def test_a_call_is_priced_by_its_tokens(serve):
    details = {"prompt_tokens_details": {"cached_tokens": 400}}
    body = completion(GOOD, usage=(1000, 100))
    body["usage"] |= details
    ask = serve(lambda b, n: body, prices=PRICES.model_dump())
    ask(1)
    # 600 * 2 + 400 * 0.5 + 100 * 10 millionths
    assert ask.answers[0].usd == pytest.approx(0.0024) and ask.answers[0].cached_tokens == 400
    assert str(ask.budget) == "1 call, 1100 tokens (400 cached), $0.0024"


def test_an_unknown_price_is_unpriced_and_never_nothing(serve):
    ask = serve(numbered)
    ask(1)
    assert ask.answers[0].usd is None and str(ask.budget) == "1 call, 1700 tokens, unpriced"


def test_what_a_server_says_that_it_charged_counts(serve):
    body = completion(GOOD)
    body["usage"]["cost"] = 0.5
    ask = serve(lambda b, n: body, prices=PRICES.model_dump())
    ask(1)
    assert ask.budget.usd == 0.5


def test_no_call_is_made_that_could_pass_a_limit(serve):
    # one reply of at most 1000 tokens at 10 USD a million: 0.01, and the prompt
    ask = serve(numbered, prices=PRICES.model_dump(), reply_tokens=1000, max_usd=0.01)
    with pytest.raises(BudgetSpent, match=r"could exceed --max-usd 0.01; raise it or lower --reply-tokens"):
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
        return numbered(body, number) | SMALL

    a_call = 1000 + sum(len(m.content.encode()) + 16 for m in prompts.first(TASK))
    ask = serve(answer, reply_tokens=1000, max_tokens=3 * a_call + 1000)
    ask.designer._habits.counts = False
    assert len(ask(8)) == 8, "each takes 150 in the end"
    assert most[0] == 3
    tight = serve(lambda b, n: numbered(b, n) | SMALL, reply_tokens=1000, max_tokens=a_call + 200)
    tight.designer._habits.counts = False
    with pytest.raises(BudgetSpent):
        tight(8)
    assert len(tight.replies()) == 2, "150 are spent after the first, 300 after the second"


def test_a_limit_that_cannot_be_kept_is_refused_after_the_answer_is_kept(serve):
    ask = serve(lambda b, n: completion("x", usage=None), max_tokens=1_000_000)
    with pytest.raises(UserError, match="does not report token usage"):
        ask(1)
    assert len(ask.replies()) == 1


def test_a_ledger_goes_on_from_the_journal():
    answer = Answer(
        replies=(), model="m", called=True, prompt_tokens=10, cached_tokens=4, completion_tokens=5, usd=0.25
    )
    budget = Budget(Asking(), [answer, answer])
    assert (budget.calls, budget.tokens, budget.cached, budget.usd) == (2, 30, 8, 0.5)
