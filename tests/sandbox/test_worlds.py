"""Worlds kept apart by proof: what is refused, what honest code may do, and no mutant that gets through."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import pytest
import torch
from support.state import FIELDS

from eureka.rewards.program import Field, Rejected, rebuild, require_separate_worlds
from eureka.system.paths import load_sandbox

ops, trace, worlds = load_sandbox("ops"), load_sandbox("trace"), load_sandbox("worlds")
STATE = {name: Field(tuple(shape), dtype) for name, (shape, dtype, _) in FIELDS.items()}


def test_every_operation_has_a_rule():
    known = worlds._POINTWISE | worlds._ALONG | set(worlds._RULES)
    assert {name for name, op in ops.ALLOWED.items() if op not in known} == set()


def text(body: str, *names: str) -> str:
    return trace.compile_reward(f"def compute_reward({', '.join(names)}):\n    {body}\n    return r, {{}}", STATE)


APART = {
    "all of them": "r = height[: height.shape[0]] + height.data",
    "another's entry by a moved count": "i = body_positions[..., 2].argmin(1)[:, None]; "
    "r = body_positions[torch.arange(height.shape[0])[:, None], i, 0].reshape(-1)",
    "flattened and back": "r = body_positions.reshape(-1, 3).norm(dim=-1).view(-1, 5).sum(-1)",
    "an entry of each world's own": "i = body_positions[..., 2].argmin(1); "
    "r = body_positions[torch.arange(body_positions.shape[0]), i, 0]",
    "stacked in front": "r = torch.stack([height, height * 2], dim=0).sum(0)",
    "turned over": "r = body_positions.permute(1, 2, 0).sum(0).mean(0)",
    "pairs within a world": "r = torch.cdist(body_positions, body_positions).amax((1, 2))",
    "a table": "t = torch.tensor([0.5, 1.0, 2.0]); r = t[(height > 0).long()] * height",
    "a product of each": "r = (body_positions @ body_positions.transpose(1, 2)).diagonal(dim1=1, dim2=2).sum(-1)",
    "weights": "r = body_positions.reshape(-1, 15) @ torch.linspace(0, 1, 15)",
    "the last of each": "r = body_positions[:, -1].cumsum(-1)[:, -1]",
}


@pytest.mark.parametrize("name", APART)
def test_honest_code_keeps_worlds_apart_in_many_ways(name: str):
    program = text(APART[name], "height", "body_positions")
    rebuild(program, STATE, 5)
    require_separate_worlds(program, STATE)


COUNTED = "n = torch.arange(height.shape[0]); "
TOGETHER = {
    "a count that wraps round": f"{COUNTED}r = height[n.to(torch.int8).long()]",
    "a count made a truth": f"{COUNTED}r = torch.where(height > 6.0, height[n.bool().long()], height)",
    "a count as a table's index": f"{COUNTED}t = torch.tensor([0.5, 1.0, 2.0]); r = height * t[n.clamp(max=2)]",
    "a count of a small type": "n = torch.arange(height.shape[0], dtype=torch.int8); r = height[n.long()]",
    "a count from elsewhere": "n = torch.arange(1, height.shape[0] + 1); r = height[n - 1]",
    "a count's own entry": f"{COUNTED}r = n[n] * height",
    "a count put in": f"{COUNTED}z = torch.zeros_like(height).long(); z[n] = n; r = z * height",
    "as many as are missing": "r = height + torch.ones(9000 - height.shape[0]).sum()",
    "one more than there are": "r = height + torch.ones(height.shape[0] + 1)[1:]",
    "by the greatest": "r = height / height.abs().max()",
    "evens and odds": "r = height.view(-1, 1) * 0 + height.std()\n    r = r[:, 0]",
    "the first": "r = height - height[0]",
    "all but the first": "r = torch.cat([height[1:], height[:1]])",
    "a rare gate": "r = torch.where((height > 9.0).float().sum() > 0, height * 2, height)",
    "behind a large constant": "r = 1e6 + height + height.mean()",
    "turned round": "r = height.flip(0)",
    "rank": "r = (height[:, None] > height).float().sum(-1)",
    "sorted": "r = height.sort().values",
    "running": "r = height.cumsum(0)",
    "products": "r = body_positions[:, 0] @ body_positions[:, 0].T\n    r = r.sum(-1)",
    "flattened too far": "r = body_positions.reshape(-1)[: height.shape[0]]",
    "another's entry": "r = height[(height * 0).long()]",
    "the number of the world": "r = height * torch.arange(height.shape[0])",
    "how many there are": "r = height * torch.ones_like(height).sum()",
    "softmax": "r = torch.softmax(height, 0)",
    "a table of worlds": "r = torch.bucketize(height, height.detach())",
    "gathered": "r = height.gather(0, (height > 0).long())",
    "two fields askew": "r = (body_positions.sum(-1)[:5, 0] * 0).sum() + height",
}


@pytest.mark.parametrize("name", TOGETHER)
def test_worlds_that_come_together_are_refused_whatever_the_values(name: str):
    try:
        program = text(TOGETHER[name], "height", "body_positions")
    except trace.Refused:
        return  # it does not even become a program
    with pytest.raises(Rejected):
        rebuild(program, STATE, 7)
        require_separate_worlds(program, STATE)


N = {"size": 1}
PADDED = {"op": "aten.constant_pad_nd.default", "args": [{"value": 0}, [5, -5]]}
FORGED = {
    "every second world": [
        {"op": "aten.arange.default", "args": [{"size": 2}]},
        {"op": "aten.reshape.default", "args": [{"value": 1}, [N, 2]]},
        {"op": "aten.select.int", "args": [{"value": 2}, 1, 0]},
        {"op": "aten.index.Tensor", "args": [{"value": 0}, [{"value": 3}]]},
    ],
    "the number of worlds": [
        {"op": "aten.arange.start_step", "args": [0, {"size": 2}, N]},
        {"op": "aten.select.int", "args": [{"value": 1}, 0, 1]},
        {"op": "aten.mul.Tensor", "args": [{"value": 0}, {"value": 2}]},
    ],
    **{
        f"a literal of {size}": [
            {"op": "aten.full.default", "args": [[size], 1.0]},
            {"op": "aten.sum.default", "args": [{"value": 1}]},
            {"op": "aten.slice.Tensor", "args": [{"value": 0}, 0, 0, size]},
            {"op": "aten.mul.Tensor", "args": [{"value": 2}, {"value": 3}]},
        ]
        for size in worlds.WORLDS
    },
    "moved by a few worlds": [PADDED],
    "an odd start": [
        {"op": "aten.arange.start", "args": [5, N]},
        {"op": "aten.constant_pad_nd.default", "args": [{"value": 1}, [5, 0]]},
        {"op": "aten.mul.Tensor", "args": [{"value": 0}, {"value": 2}]},
    ],
    "rolled by their number": [
        {"op": "aten.arange.default", "args": [7]},
        {"op": "aten.roll.default", "args": [{"value": 1}, [N], [0]]},
        {"op": "aten.select.int", "args": [{"value": 2}, 0, 0]},
        {"op": "aten.mul.Tensor", "args": [{"value": 0}, {"value": 3}]},
    ],
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_programs_that_fit_a_chosen_number_of_worlds_are_refused(name: str):
    nodes, last = FORGED[name], {"value": len(FORGED[name])}
    data = {"version": 1, "inputs": ["height"], "nodes": nodes, "outputs": [last], "components": []}
    with pytest.raises(Rejected):
        require_separate_worlds(json.dumps(data), STATE)


def test_the_proof_is_for_more_worlds_than_any_program_gets():
    program = text("r = height", "height")
    for count in (0, (1 << 20) + 1):
        with pytest.raises(Rejected, match="worlds"):
            rebuild(program, STATE, count)
    assert all(all(p % k for k in range(2, 1100)) for p in worlds.WORLDS) and min(worlds.WORLDS) > 1 << 20


def mutate(program: dict, chance: random.Random) -> dict:
    """A program with a few arguments, operations or references changed."""
    data = copy.deepcopy(program)
    names = list(ops.ALLOWED)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data["nodes"]))
        node = data["nodes"][at]
        if node["op"] == "constant":
            continue
        count = len(data["inputs"]) + at
        match chance.randrange(4):
            case 0:
                node["op"] = chance.choice(names)
            case 1 if node["args"]:
                place = chance.randrange(len(node["args"]))
                node["args"][place] = chance.choice(
                    [
                        0,
                        1,
                        -1,
                        2,
                        [0],
                        [1],
                        [-1],
                        0.5,
                        None,
                        {"value": chance.randrange(max(1, count))},
                        {"size": 1},
                        {"size": 3},
                        1048583,
                    ]
                )
            case 2:
                for place, a in enumerate(node["args"]):
                    if isinstance(a, dict) and "value" in a:
                        node["args"][place] = {"value": chance.randrange(max(1, count))}
            case 3 if node.get("kwargs"):
                node["kwargs"].pop(chance.choice(list(node["kwargs"])))
            case _:
                data["outputs"][0] = {"value": chance.randrange(count + 1)}
    return data


@pytest.mark.parametrize(
    ("mutants", "parents"),
    [(300, (2, 20, 69, 76)), pytest.param(3000, (2, 4, 20, 33, 40, 57, 69, 76), marks=pytest.mark.slow)],
)
def test_no_mutant_of_an_honest_program_crashes_the_host_or_mixes_worlds(mutants: int, parents: tuple[int, ...]):
    corpus = sorted((Path(__file__).parent / "honest").glob("*.py"))
    honest = [json.loads(trace.compile_reward(corpus[i].read_text(), STATE)) for i in parents]
    accepted = 0
    for seed in range(mutants):
        chance = random.Random(seed)
        mutant = json.dumps(mutate(chance.choice(honest), chance))
        try:
            program = rebuild(mutant, STATE, 12)
            require_separate_worlds(mutant, STATE)
        except Rejected as rejection:
            assert "\n" not in str(rejection)
            continue
        accepted += 1
        generator = torch.Generator().manual_seed(seed)
        states = [trace._example(STATE[n], 12, generator) for n in program.inputs]
        kept = torch.rand(12, generator=generator) < 0.5
        others = [trace._example(STATE[n], 12, generator) for n in program.inputs]
        mixed = [torch.where(kept.view(-1, *[1] * (x.dim() - 1)), x, y) for x, y in zip(states, others, strict=True)]
        before = [x.clone() for x in states]
        try:
            first, again, second = program(*states), program(*states), program(*mixed)
        except (RuntimeError, IndexError, ZeroDivisionError):
            continue  # it met values that it cannot compute with, and fails alone: see ProgramBank
        for a, b, c in zip(first, again, second, strict=True):
            assert a.shape == (12,) and torch.equal(a.nan_to_num(), b.nan_to_num()), "it is a function"
            assert torch.allclose(a[kept], c[kept], rtol=1e-4, atol=1e-5, equal_nan=True), mutant
        assert all(torch.equal(x, y) for x, y in zip(states, before, strict=True)), "inputs stay"
    assert accepted > mutants / 10
