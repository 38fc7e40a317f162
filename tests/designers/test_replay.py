"""Replay by address: a prompt that differs is reported once, and refused only when strict."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.asking import request
from support.journals import EXAMPLE

from eureka.config.options import ModelOptions, Options
from eureka.config.tasks import load_task
from eureka.designers.replay import ReplayDesigner
from eureka.errors import UserError
from eureka.experiment.options import apply_changes, resolve
from eureka.runs.journal import read_journal

RECORDED = read_journal(EXAMPLE).replies()


def asked(generation: int, slots: dict[int, bool], attempt: int = 0) -> list[Any]:
    """A request for each slot, with the recorded prompt where the slot's value is true, else with another one."""
    return [
        SimpleNamespace(
            generation=generation,
            slots=(slot,),
            attempt=attempt,
            mark=RECORDED[generation, slot, 0][1].prompt if same else request(slot, text="other").mark,
        )
        for slot, same in slots.items()
    ]


def texts(designer: ReplayDesigner, requests: list[Any]) -> list[str]:
    """Texts in the order of slots; an answer holds the replies to one prompt."""
    replies = [reply for answer in designer.propose(requests) for reply in answer.replies]
    return [reply.text for reply in sorted(replies, key=lambda reply: reply.slot)]


def test_recorded_prompts_get_the_recorded_replies_by_address_and_nothing_is_said():
    said: list[str] = []
    designer = ReplayDesigner(EXAMPLE, True, said.append)
    for generation in (2, 1):
        expected = [RECORDED[generation, slot, 0][0].text for slot in (0, 3)]
        assert texts(designer, asked(generation, {3: True, 0: True})) == expected
    assert said == []


def test_other_prompts_get_the_same_replies_and_one_line_for_the_whole_run():
    said: list[str] = []
    designer = ReplayDesigner(EXAMPLE, False, said.append)
    assert texts(designer, asked(1, {0: True, 1: True})) == [RECORDED[1, slot, 0][0].text for slot in (0, 1)]
    assert said == []
    for generation in (2, 2, 1):
        requests = asked(generation, {0: False, 1: True, 2: False, 3: True})
        assert texts(designer, requests) == [RECORDED[generation, slot, 0][0].text for slot in range(4)]
    assert said == [
        "the prompt differs from the recorded one in generation 2 (2 of 4 slots): replies are replayed by address; "
        "--strict refuses"
    ]


def test_strict_refuses_another_prompt_before_it_answers_any():
    designer = ReplayDesigner(EXAMPLE, True, pytest.fail)
    with pytest.raises(UserError, match=r"the prompt for generation 1, slot 1, attempt 0 differs .* omit --strict"):
        next(designer.propose(asked(1, {0: True, 1: False})))


@pytest.mark.parametrize("strict", [True, False])
def test_an_address_that_was_not_recorded_is_an_error(strict: bool):
    with pytest.raises(UserError, match="has no reply for generation 1, slot 0, attempt 1"):
        next(ReplayDesigner(EXAMPLE, strict, pytest.fail).propose(asked(1, {0: True}, attempt=1)))


def test_strict_is_kept_in_the_settings_of_a_replay_and_refused_elsewhere():
    task = load_task("cartpole")

    def settings(llm: str, strict: bool | None):
        return resolve(task, Options(model=ModelOptions(llm, strict=strict)))

    strict = settings(f"replay:{EXAMPLE}", True)
    assert strict.asking.strict and apply_changes(strict, ModelOptions()).asking.strict
    assert not settings(f"replay:{EXAMPLE}", None).asking.strict
    assert not apply_changes(strict, ModelOptions("search")).asking.strict
    for llm in ("search", "manual", "openai:m", "transformers:m"):
        with pytest.raises(UserError, match=f"--strict has no effect on --llm {llm.partition(':')[0]}; omit it"):
            settings(llm, True)
