"""Places in a run folder are told apart by the same module that makes them."""

from __future__ import annotations

import pytest
from support.journals import EXAMPLE

from eureka.runs import layout
from eureka.runs.journal import PromptEvent, TrainedEvent, TrainingEvent, read_journal


@pytest.mark.parametrize(("key", "seed"), [("human", 0), ("my-arm-2", 13), ("evolved", 100)])
def test_a_final_place_gives_its_key_and_seed_back(key: str, seed: int):
    folder = layout.final(key, seed)
    assert layout.final_of(folder) == layout.final_of(layout.policy(folder)) == (key, seed)
    assert layout.final_of(layout.policy(layout.final(key, seed, 2))) == (key, seed)


@pytest.mark.parametrize(
    "place",
    [
        "candidates/1.0",
        "final/human",
        "final/human-x",
        "final/-1",
        "final/a-0/b/c",
        "final/../a-0/x",
        "x/final/a-0",
        "",
    ],
)
def test_any_other_place_is_none(place: str):
    assert layout.final_of(place) is None


def test_a_training_is_of_the_search_or_of_the_final_comparison():
    assert [layout.is_final(key) for key in ("final", "final-3", "generation-1-0", "finally")] == [
        True,
        True,
        False,
        False,
    ]
    assert layout.is_final(layout.final_training(1, 2)) and not layout.is_validation(layout.final_training(0, 2))
    assert layout.is_validation(layout.validation(1)) and layout.is_validation(layout.validation(2))
    keys = [layout.final_training(0), layout.final_training(3), layout.search_training(1, 0)]
    assert keys == ["final", "final-3", "generation-1-0"]


def test_the_shipped_run_lies_where_the_layout_says():
    """The names on the disk are those of runs that were recorded before."""
    journal = read_journal(EXAMPLE)
    assert layout.is_run(EXAMPLE) and not layout.is_run(EXAMPLE / layout.CANDIDATES)
    for (generation, slot, _), (reply, _) in journal.replies().items():
        assert (EXAMPLE / layout.candidate(f"{generation}.{slot}") / "reply.md").read_text() == reply.text
    for prompt in journal.all(PromptEvent):
        assert (EXAMPLE / layout.prompt(prompt.generation, prompt.attempt, None)).is_file()
    assert (EXAMPLE / layout.baseline("human")).is_file() and (EXAMPLE / layout.RESULT).is_file()
    assert [e.training for e in journal.all(TrainingEvent)] == [layout.search_training(g, 0) for g in (1, 2)]
    published = {place for event in journal.all(TrainedEvent) for place in event.publish}
    candidates = {layout.policy(layout.candidate(f"{g}.{s}")) for g in (1, 2) for s in range(4)}
    arms = {layout.policy(layout.final(key, seed)) for key in ("evolved", "human", "sparse") for seed in range(3)}
    assert published == candidates | arms


def test_a_prompt_for_some_slots_names_them():
    assert layout.prompt(2, 1, [0, 3]) == "prompts/2.1.slot-0+3.md"
