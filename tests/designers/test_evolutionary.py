"""The built-in search: honest code for every task, guided by what the statistics say."""

from __future__ import annotations

import json

import pytest
from support.bench import Bench, bench_of
from support.candidates import candidate, trained

from eureka.config.tasks import shipped_tasks
from eureka.designers import prompts
from eureka.designers.base import Request
from eureka.designers.evolutionary import Search, Term, _child, features, terms_of
from eureka.designers.extraction import extract
from eureka.envs.introspection import describe
from eureka.rewards.preflight import preflight
from eureka.runs.replies import Reply


@pytest.fixture(params=shipped_tasks())
def bench(request: pytest.FixtureRequest) -> Bench:
    return bench_of(request.param)


def description(bench: Bench):
    return describe(bench.loaded, bench.task, bench.states, 1)


def request(bench: Bench, generation: int = 1, slots=(0, 1, 2, 3, 4, 5), parent=None, attempt: int = 0) -> Request:
    task = description(bench)
    return Request(generation, tuple(slots), attempt, prompts.first(task), task, parent)


def proposed(seed: int, ask: Request) -> list[Reply]:
    return [reply for answer in Search(seed).propose([ask]) for reply in answer.replies]


def test_every_proposal_is_code_that_compiles_and_passes_preflight(bench: Bench):
    replies = proposed(3, request(bench, slots=range(6)))
    for reply in replies:
        code = extract(reply.text).code
        assert code is not None
        report = preflight(bench.text(code), bench.fields, bench.states)
        assert report.problem is None, code


def test_the_same_seed_proposes_the_same_and_another_does_not(bench: Bench):
    ask = request(bench)
    first, again, other = (proposed(seed, ask) for seed in (0, 0, 1))
    assert first == again and first != other
    assert len({r.text for r in first}) > 3, "slots differ"
    assert proposed(0, request(bench, slots=[2]))[0] == first[2], "a slot does not depend on the others"


def test_terms_are_read_back_from_a_reply(bench: Bench):
    catalogue = features(description(bench))
    for reply in proposed(0, request(bench)):
        terms = terms_of(reply.text, catalogue)
        assert terms and all(t.name in reply.text for t in terms)
    for foreign in ("def compute_reward(a): ...", "terms: [1]", 'terms: [{"feature": "os"}]', "terms: [}"):
        assert terms_of(foreign, catalogue) is None


def test_goals_are_what_the_hand_is_mostly_about(shadow_hand: Bench):
    catalogue = features(description(shadow_hand))
    turned = catalogue["object_rotation_to_goal_rotation"]
    assert "acos" in turned.code and turned.likelihood > 1 and not turned.signed
    assert "goal_position_to_fingertip_position" in catalogue
    assert not any("rotation_to" in name and "position" in name for name in catalogue), "units do not mix"


def child_of(
    bench: Bench, terms: list[Term], curves: dict[str, list[float]], **changes
) -> list[tuple[list[Term], str]]:
    import random

    t = trained(**curves)
    t = t.model_copy(update={"curves": t.curves.model_copy(update=changes)})
    catalogue = features(description(bench))
    return [_child(terms, t, catalogue, random.Random(i), wild=False) for i in range(20)]


def test_a_flat_component_changes_its_width_or_goes(cartpole: Bench):
    terms = [Term("pole_angle", "bell", 1.0, 0.5), Term("cart_position", "penalty", 1.0, 1.0)]
    curves = {t.name: [0.5, 0.6, 0.7] for t in terms}
    flat = {"least": {terms[0].name: [0.5] * 3, terms[1].name: [0.0] * 3}}
    flat |= {"greatest": {terms[0].name: [0.5] * 3, terms[1].name: [1.0] * 3}}
    children = child_of(cartpole, terms, curves, **flat)
    assert all("pole_angle_bell was almost constant" in story for _, story in children)


def test_an_overbearing_component_is_scaled_down(cartpole: Bench):
    terms = [Term("pole_angle", "bell", 100.0, 0.5), Term("cart_position", "penalty", 1.0, 1.0)]
    curves = {terms[0].name: [80.0, 90.0, 95.0], terms[1].name: [-0.5, -0.4, -0.3]}
    for _, story in child_of(cartpole, terms, curves):
        assert "pole_angle_bell dominated the others: weight 20.0" in story


def test_a_term_that_runs_against_the_fitness_is_turned_round(cartpole: Bench):
    terms = [Term("cart_velocity", "proportion", 1.0, 0.5), Term("pole_angle", "bell", 1.0, 1.0)]
    curves = {terms[0].name: [3.0, 2.0, 1.0], terms[1].name: [0.5, 0.6, 0.9]}
    for _, story in child_of(cartpole, terms, curves):
        assert "cart_velocity_proportion was anticorrelated with the fitness" in story


def test_children_grow_out_of_the_best_reply(cartpole: Bench):
    (parent_reply,) = proposed(5, request(cartpole, slots=[0]))
    catalogue = features(description(cartpole))
    parents = terms_of(parent_reply.text, catalogue)
    assert parents
    curves = {t.name: [0.1, 0.5, 0.9] for t in parents}
    parent = candidate(reply=parent_reply.text, outcome=trained(**curves))
    children = proposed(5, request(cartpole, generation=2, parent=parent))
    shared = [len({t.name for t in terms_of(c.text, catalogue) or []} & {t.name for t in parents}) for c in children]
    assert sum(shared) >= len(children), "most keep most of it"
    assert all(c.text != parent_reply.text for c in children)


def test_a_parent_of_one_term_has_children_too(cartpole: Bench):
    term = Term("pole_angle", "bell", 1.0, 0.5)
    for terms, story in child_of(cartpole, [term], {term.name: [0.5, 0.6, 0.7]}):
        assert terms and story


def test_component_names_are_never_too_long():
    assert len(Term("a" * 70, "square_penalty", 1.0, 1.0).name) == 64


def test_a_parent_by_somebody_else_means_a_fresh_start(cartpole: Bench):
    parent = candidate(outcome=trained(a=[1.0, 2.0, 3.0]))
    replies = proposed(0, request(cartpole, generation=2, parent=parent))
    assert all("new sum of terms" in r.text for r in replies)
    assert json.loads(replies[0].text.split("terms: ")[1].splitlines()[0])
