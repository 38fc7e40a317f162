"""Questions for the next generation."""

from __future__ import annotations

from typing import get_args

from support.candidates import TASK, candidate, trained

from eureka.config.settings import Settings
from eureka.designers import prompts
from eureka.experiment.islands import islands, populate
from eureka.experiment.search import STRATEGIES
from eureka.experiment.strategies import SearchState, ancestry, best_of_n, elite, greedy
from eureka.runs.candidate import Candidate, Estimate, Failed


def of(generation: int, slot: int, fitness: float | None, best: int = 0) -> Candidate:
    if fitness is None:
        return candidate(generation=generation, slot=slot, outcome=Failed(stage="train", message="NaN"))
    outcome = trained(a=[1.0, 2.0, 3.0]).model_copy(update={"report": fitness, "best": best})
    return candidate(generation=generation, slot=slot, reply=f"reply {generation}.{slot}", outcome=outcome)


def test_every_name_is_a_strategy():
    assert {*STRATEGIES, "python"} == set(get_args(Settings.model_fields["strategy"].annotation))


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


def test_elite_tells_the_steps_to_the_incumbent_and_asks_one_slot_in_four_for_another_structure():
    start, other = of(0, 0, 5.0), of(1, 1, 3.0)
    line = [start]
    for generation in range(1, 6):
        reply = f"Change {generation}, for speed.\nMore words.\n```python\npass\n```"
        made = of(generation, 0, 5.0 + generation).model_copy(update={"parents": (line[-1].name,), "reply": reply})
        line.append(made)
    given = state([line[1], other], *([c] for c in line[2:]), start=start, samples=8)
    assert ancestry(line[-1], given) == tuple(line[-4:]) and ancestry(line[1], given) == (start, line[1])
    asked = [q.messages[3].content for q in elite(given)]
    assert "- 2.0, fitness 7.00: Change 2, for speed.\n- 3.0, fitness 8.00: Change 3" in asked[0]
    assert "Change 1" not in asked[0] and "More words" not in asked[0]
    assert "Answer with one sentence that says what you change and why" in asked[0]
    assert ["whose structure is different" in text for text in asked] == [False, False, False, True] * 2
    assert len(set(asked)) == 2, "slots with the same question share a call"
    assert elite(state([of(1, 0, 4.0)], start=start))[0].parents == (start,), "which stays until it is beaten"


def test_islands_admit_what_is_as_good_as_their_mean_and_migrate():
    def generation(number: int, *fitness: float | None) -> list[Candidate]:
        return [of(number, slot, value) for slot, value in enumerate(fitness)]

    first = generation(1, 4.0, 1.0, 2.0, None)
    assert [[c.name for c in island] for island in populate(state(first, samples=4))] == [["1.0", "1.2"], ["1.1"]]
    second = generation(2, 2.9, 1.0, 3.0, 0.5)
    found = populate(state(first, second, samples=4))
    assert [[c.name for c in island] for island in found] == [["1.0", "2.2", "1.2"], ["1.1", "2.1"]]
    third = generation(3, None, None, None, None)
    found = populate(state(first, second, third, samples=4))
    assert [[c.name for c in island] for island in found] == [["1.0", "2.2", "1.2", "1.1"], ["1.0", "1.1", "2.1"]]
    many = [generation(g, *[float(g)] * 4) for g in range(1, 9)]
    assert {len(island) for island in populate(state(*many, samples=4))} == {8}


def test_islands_ask_for_mutations_and_crossovers_of_their_own():
    generations = [[of(g, slot, 1.0 + g + slot / 10) for slot in range(8)] for g in (1, 2)]
    asked = islands(state(*generations, samples=8))
    assert asked == islands(state(*generations, samples=8)), "a pure function"
    kinds = set()
    for slot, question in enumerate(asked):
        assert all(parent.slot % 4 == slot % 4 for parent in question.parents)
        text = question.messages[3].content
        assert question.messages[2].content == question.parents[0].reply
        if len(question.parents) == 2:
            assert "combines what works in both" in text
            assert f"has a fitness of {question.parents[1].estimate.mean:.2f}:\n\n```python\n" in text  # type: ignore[union-attr]
        else:
            assert "Change one component, add one or remove one" in text
        kinds.add(len(question.parents))
    assert kinds == {1, 2}
    assert islands(state(samples=8)) == best_of_n(state(samples=8))
    lost = [of(1, slot, 1.0 if slot else None) for slot in range(4)]
    empty, *_ = islands(state([lost[0], lost[1]], samples=4))
    assert empty.parents == (), "an island without members is asked the first question"
    other = SearchState(TASK, 8, None, tuple(map(tuple, generations)), seed=1)
    assert [q.parents for q in islands(other)] != [q.parents for q in asked]


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
