"""Questions for the next generation."""

from __future__ import annotations

from typing import get_args

from support.candidates import TASK, candidate, trained

from eureka.config.settings import Settings
from eureka.designers import prompts
from eureka.experiment.strategies import STRATEGIES, SearchState, best_of_n, elite, greedy
from eureka.runs.candidate import Candidate, Estimate, Failed


def of(generation: int, slot: int, fitness: float | None, best: int = 0) -> Candidate:
    if fitness is None:
        return candidate(generation=generation, slot=slot, outcome=Failed(stage="train", message="NaN"))
    outcome = trained(a=[1.0, 2.0, 3.0]).model_copy(update={"report": fitness, "best": best})
    return candidate(generation=generation, slot=slot, reply=f"reply {generation}.{slot}", outcome=outcome)


def test_every_name_is_a_strategy():
    assert set(STRATEGIES) == set(get_args(Settings.model_fields["strategy"].annotation))


def state(*generations: list[Candidate], start: Candidate | None = None, samples: int = 2) -> SearchState:
    return SearchState(TASK, samples, start, tuple(map(tuple, generations)))


def test_every_slot_has_a_question():
    for strategy in STRATEGIES.values():
        assert len(strategy(state(samples=3))) == len(strategy(state([of(1, 0, 9.0)], samples=3))) == 3


def test_greedy_reflects_on_the_best_of_the_latest_generation_that_has_one():
    first, second = [of(1, 0, 9.0), of(1, 1, 3.0)], [of(2, 0, 1.0), of(2, 1, 2.0)]
    assert greedy(state())[0].messages == prompts.first(TASK) and greedy(state())[0].parents == ()
    for question in greedy(state(first, second)):
        assert question.parents == (second[1],) and question.messages[2].content == "reply 2.1"
    assert greedy(state(first, [of(2, 0, None)]))[0].parents == (first[0],)


def test_of_equals_the_earlier_checkpoint_is_reflected_on():
    late, soon = of(1, 0, 5.0, best=2), of(1, 1, 5.0, best=1)
    assert greedy(state([late, soon]))[0].parents == (soon,)


def test_elite_keeps_the_best_of_all_generations_until_it_is_beaten():
    first, second = [of(1, 0, 9.0), of(1, 1, 3.0)], [of(2, 0, 1.0), of(2, 1, None)]
    (question, _) = elite(state(first, second))
    assert question.parents == (first[0],) and question.messages[2].content == "reply 1.0"
    assert "NaN" in question.messages[3].content, "the failures of the latest generation are told"
    assert elite(state(first, [of(2, 0, 9.5)]))[0].parents[0].name == "2.0"
    assert elite(state())[0].messages == prompts.first(TASK)


def test_the_estimate_chooses_the_parent_not_the_best_training():
    lucky = of(1, 0, 9.0).model_copy(update={"estimate": Estimate(mean=5.0, error=1.0, trainings=1)})
    steady = of(1, 1, 7.0).model_copy(update={"estimate": Estimate(mean=6.5, error=0.5, trainings=3)})
    assert greedy(state([lucky, steady]))[0].parents == (steady,)


def test_best_of_n_repeats_the_first_question():
    generations = [[of(1, 0, 9.0)], [of(2, 0, 1.0)]]
    assert best_of_n(state(*generations)) == best_of_n(state())
    given = of(0, 0, 4.0)
    asked = best_of_n(state(*generations, start=given))[0]
    assert asked.parents == (given,) and asked.messages[2].content == "reply 0.0"
