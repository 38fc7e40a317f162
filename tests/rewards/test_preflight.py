import json

import pytest
import torch
from support.bench import Bench

from eureka.rewards.preflight import _mixes_worlds, preflight
from eureka.rewards.program import Field, ProgramBank, Rejected, rebuild


def report(bench: Bench, source: str):
    return preflight(bench.text(source), bench.fields, bench.states)


@pytest.mark.parametrize(
    "body",
    [
        "pole_angle - pole_angle.mean()",
        "pole_angle / pole_angle.abs().max()",
        "torch.flip(pole_angle, dims=[0])",
        "pole_angle.cumsum(0)",
        "pole_angle * (pole_angle.sum() > 1000)  + torch.sort(pole_angle)[0]",
        "torch.softmax(pole_angle, dim=0)",
        "pole_angle[0] + cart_position",
    ],
)
def test_a_reward_that_looks_at_other_worlds_is_refused_with_its_line(cartpole: Bench, body: str):
    source = f"def compute_reward(pole_angle, cart_position):\n    return {body}, {{}}"
    with pytest.raises(Rejected, match="depends on other worlds") as caught:
        report(cartpole, source)
    assert caught.value.line == 2
    program = cartpole.program(source, 32)
    states = {name: value[:32] for name, value in cartpole.states.items()}
    outputs = {"total": program(*[states[n] for n in program.inputs])[0]}
    assert "of one world depends" in str(_mixes_worlds(program, states, outputs)), "tried out, it shows too"


def test_a_component_that_looks_at_other_worlds_is_refused(cartpole: Bench):
    source = "def compute_reward(pole_angle):\n    return pole_angle, {'fine': pole_angle, 'z': pole_angle.mean()}"
    with pytest.raises(Rejected, match="depends on other worlds"):
        report(cartpole, source)


def test_a_reward_that_is_nan_on_random_play_is_refused_with_its_share(cartpole: Bench):
    problem = report(cartpole, "def compute_reward(pole_angle):\n    return torch.sqrt(pole_angle), {}").problem
    assert problem is not None and "NaN" in problem and "%" in problem


def test_honest_rewards_pass_with_their_ranges(cartpole: Bench):
    for name in ("human", "sparse"):
        r = report(cartpole, cartpole.loaded.rewards[name].read_text())
        assert r.problem is None
        least, mean, greatest = r.ranges["total"]
        assert least <= mean <= greatest
    assert "alive is the same in all states of random play" in r.notes, "said, not forbidden"


@pytest.mark.parametrize(
    ("body", "learns"),
    [
        ("torch.ones_like(pole_angle)", False),
        ("torch.full((pole_angle.shape[0],), 2.0) * torch.zeros_like(pole_angle) + 1.0", False),
        ("torch.ones_like(pole_angle) - 0.01 * torch.square(action).sum(-1)", True),
        ("(pole_angle > 100.0).float()", True),
    ],
)
def test_a_reward_without_the_state_is_refused_where_no_episode_ends_early(cartpole: Bench, body: str, learns: bool):
    source = f"def compute_reward(pole_angle, action):\n    return {body}, {{'told': pole_angle}}"
    problem = preflight(cartpole.text(source), cartpole.fields, cartpole.states, endless=True).problem
    assert problem is None if learns else "does not depend on the state" in str(problem)
    assert report(cartpole, source).problem is None, "it pays for staying alive"


def test_a_program_that_cannot_compute_fails_its_own_member_alone():
    fields = {"a": Field((), "int64")}
    nodes = [{"op": "aten.remainder.Scalar", "args": [{"value": 0}, 0]}]
    data = {"version": 1, "inputs": ["a"], "nodes": nodes, "outputs": [{"value": 1}], "components": []}
    broken = rebuild(json.dumps(data), fields, 2)
    nodes = [{"op": "aten.neg.default", "args": [{"value": 0}]}]
    fine = rebuild(json.dumps(data | {"nodes": nodes}), fields, 2)
    bank = ProgramBank([fine, broken], 2)
    total = bank({"a": torch.tensor([1, 2, 3, 4])})
    assert total[0].tolist() == [-1.0, -2.0] and total[1].isnan().all()
    good, bad = bank.drain()
    assert good.fault is None and bad.fault is not None and "ZeroDivisionError" in bad.fault


def test_a_field_without_effect_on_the_reward_is_not_read():
    fields = {"a": Field(()), "costly": Field((3,))}
    nodes = [{"op": "aten.neg.default", "args": [{"value": 1}]}]
    data = {"version": 1, "inputs": ["costly", "a"], "nodes": nodes, "outputs": [{"value": 2}], "components": []}
    bank = ProgramBank([rebuild(json.dumps(data), fields, 2)], 2)
    assert bank({"a": torch.tensor([1.0, 2.0])}).tolist() == [[-1.0, -2.0]]
