"""The numbers of a reward apart from its structure, and how they are varied."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from support.candidates import TASK, candidate

from eureka.designers.base import Request
from eureka.designers.constants import ConstantTuner, constants, with_values
from eureka.designers.extraction import extract
from eureka.errors import UserError
from eureka.runs.replies import Reply
from eureka.system.paths import shipped

CODE = '''"""A reward. It says 3.0 and 4.0."""

import math

import torch

SCALE: float = 2.5  # m, é
LIMIT = -0.5


def bell(x, width=0.3):
    return torch.exp(-torch.square(x / width))


def compute_reward(x, v):
    near = 4 * bell(x[:, 2]) * SCALE
    slow = -0.1 * torch.norm(v, dim=-1) ** 2.0
    weights = {"up": 0.7, "alive": 1.5}
    turn = 2.0 * math.pi * torch.clamp(1.0 - x[:, 0] + 1e-8, min=LIMIT)
    far = torch.where(x[:, 1] > 1.25, 8, 0) / (0.5 * (1 + x[:, 1]))
    return near + slow + weights["up"] * turn + weights["alive"] + far, {"near": near}
'''
FOUND = {
    "SCALE": 2.5,
    "LIMIT_2": 0.5,
    "BELL": 0.3,
    "NEAR": 4.0,
    "SLOW": 0.1,
    "WEIGHTS_UP": 0.7,
    "WEIGHTS_ALIVE": 1.5,
    "FAR": 1.25,
    "FAR_2": 0.5,
}


def test_numbers_that_scale_shift_or_limit_are_constants_and_others_are_structure():
    assert constants(CODE) == FOUND


def test_other_values_leave_the_structure_and_stand_at_the_top():
    new = {name: round(value * 1.1, 4) for name, value in FOUND.items()}
    text = with_values(CODE, new)
    assert constants(text) == {name: float(f"{value:.3g}") for name, value in new.items()}
    head, _, rest = text.partition("SCALE: float = 2.75  # m, é\nLIMIT = -LIMIT_2\n")
    assert head.startswith('"""A reward. It says 3.0 and 4.0."""\n\nimport math\n\nimport torch\n\nLIMIT_2 = 0.55\n')
    assert "near = NEAR * bell(x[:, 2]) * SCALE" in rest and "-SLOW * torch.norm(v, dim=-1) ** 2.0" in rest
    assert '{"up": WEIGHTS_UP, "alive": WEIGHTS_ALIVE}' in rest and "def bell(x, width=BELL):" in rest
    assert with_values(text, constants(text)) == text, "once at the top, they stay where they are"
    exact = with_values("def f(x):\n    return x * 0.123456789 + x / 3\n", {"F": 0.123456789, "F_2": 3.0})
    assert exact.startswith("F = 0.123456789\nF_2 = 3.0\n"), "a value that stays is not rounded"


def rewards() -> list[Path]:
    found = sorted(shipped("tasks").glob("**/rewards/*.py")) + sorted(
        (shipped("tasks").parent / "runs" / "examples").glob("*/candidates/*/reward.py")
    )
    assert len(found) > 40
    return found


def test_every_shipped_reward_means_the_same_with_its_numbers_at_the_top():
    class Inlined(ast.NodeTransformer):
        def __init__(self, values: dict[str, float]):
            self.values = values

        def visit_Name(self, node: ast.Name) -> ast.AST:
            value = self.values.get(node.id) if isinstance(node.ctx, ast.Load) else None
            return node if value is None else ast.Constant(value)

    for file in rewards():
        code = file.read_text()
        values = constants(code)
        text = with_values(code, values)
        assigned = [t for n in ast.parse(code).body if isinstance(n, ast.Assign) for t in n.targets]
        own = {t.id for t in assigned if isinstance(t, ast.Name)}
        moved = {name: value for name, value in values.items() if name not in own}
        tree = Inlined(moved).visit(ast.parse(text))
        tree.body = [n for n in tree.body if not (isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) in moved)]
        for node in ast.walk(before := ast.parse(code)):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
                node.value = float(node.value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
                node.value = float(node.value)
        assert ast.dump(tree) == ast.dump(before), file


def proposed(generation: int, slots: tuple[int, ...], attempt: int = 0, seed: int = 0) -> list[Reply]:
    parent = candidate(generation=generation - 1, slot=0, code=CODE)
    request = Request(generation, slots, attempt, (), TASK, parent)
    (answer,) = ConstantTuner(seed).propose([request])
    return [*answer.replies]


def steps(reply: Reply) -> dict[str, float]:
    code = extract(reply.text).code
    assert code is not None
    found = constants(code)
    assert set(found) == set(FOUND)
    return {name: math.log(found[name] / FOUND[name]) for name in FOUND}


def test_pairs_of_slots_move_some_constants_by_a_factor_and_its_inverse():
    first, second, third = map(steps, proposed(1, (0, 1, 2)))
    assert any(first.values()) and [k for k, v in first.items() if v] == [k for k, v in second.items() if v]
    assert all(abs(first[name] + second[name]) < 0.02 for name in FOUND)
    assert third != first
    assert proposed(1, (1,))[0].text == proposed(1, (0, 1, 2))[1].text, "whatever else is asked"
    assert proposed(1, (1,), seed=1) != proposed(1, (1,))


def test_later_generations_and_repeated_attempts_move_less():
    def size(**given: int) -> float:
        moves = [abs(v) for r in proposed(slots=tuple(range(40)), **given) for v in steps(r).values() if v]
        return sum(moves) / len(moves)

    assert 1.2 < size(generation=1) / size(generation=2) < 1.7
    assert size(generation=1, attempt=1) < 0.7 * size(generation=1)


def test_a_reward_without_constants_is_refused():
    parent = candidate(code="def compute_reward(x):\n    return x[:, 0] ** 2, {}\n")
    with pytest.raises(UserError, match="its parent has none"):
        list(ConstantTuner(0).propose([Request(1, (0,), 0, (), TASK, parent)]))
