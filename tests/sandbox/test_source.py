"""The module that is written from a program holds no text of the candidate's (test_honest.py: what it computes)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.state import FIELDS

from eureka.rewards.program import Field
from eureka.system.paths import load_sandbox

trace, source = load_sandbox("trace"), load_sandbox("source")
HONEST = Path(__file__).parent / "honest"


def state_fields() -> dict[str, Field]:
    return {n: Field(tuple(s), d) for n, (s, d, _) in FIELDS.items()}


def test_a_module_holds_nothing_of_the_candidates_but_names_of_components():
    secret = (
        '"""A docstring."""\nimport torch\nNOTE = "words of mine"\n\n'
        "def compute_reward(object_position, goal_position):\n"
        "    hidden_name = (object_position - goal_position).norm(dim=-1)  # a comment\n"
        '    near = torch.exp(-hidden_name / 0.25)\n    return near, {"near": near}\n'
    )
    eager = trace.load(secret)
    program, _ = trace.trace(lambda: eager, trace.requested(eager, state_fields()))
    text = source.module(program, "Of a test.")
    assert not re.search(r"docstring|words|hidden|comment", text)
    assert "C1 = 0.25" in text and '"near"' in text


def test_a_module_needs_torch_alone(tmp_path: Path):
    eager = trace.load((HONEST / "04_quadruped_velocity_tracking.py").read_text())
    program, _ = trace.trace(lambda: eager, trace.requested(eager, state_fields()))
    (tmp_path / "reward.py").write_text(source.module(program, "Of a test."))
    code = (
        "import reward, sys; print([m for m in sys.modules if m.startswith('eureka')], callable(reward.compute_reward))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert ran.stdout.split() == ["[]", "True"]


def program(**changes: Any) -> str:
    whole = {
        "version": 1,
        "inputs": ["x"],
        "nodes": [{"op": "aten.mul.Tensor", "args": [{"value": 0}, 2.0]}],
        "outputs": [{"value": 1}],
        "components": [],
    }
    return json.dumps(whole | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": ["x): import os #"]},
        {"inputs": ["lambda"]},
        {"inputs": ["torch"]},
        {"inputs": []},
        {"components": ['a": __import__("os"), "b'], "outputs": [{"value": 1}, {"value": 1}]},
        {"nodes": [{"op": "aten.from_file.default", "args": ["/etc/passwd"]}]},
        {"nodes": [{"op": "aten.mul.Tensor); evil(", "args": [{"value": 0}]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": 0}, "evil()"]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": 0}], "kwargs": {"a=evil(), b": 1}}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": 0}, {"float": "evil()"}]}]},
        {
            "nodes": [
                {"op": "aten.div.Tensor_mode", "args": [{"value": 0}, 1.0], "kwargs": {"rounding_mode": {"text": "'"}}}
            ]
        },
        {
            "nodes": [
                {"op": "aten.sum.default", "args": [{"value": 0}], "kwargs": {"dtype": {"dtype": "float32, evil()"}}}
            ]
        },
        {"nodes": [{"op": "constant", "dtype": "float32", "shape": ["evil()"], "data": []}]},
        {"nodes": [{"op": "constant", "dtype": "float32", "shape": [1], "data": ["evil()"]}]},
        {"nodes": [{"op": "get", "args": [{"value": 0}, "evil()"]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": "evil()"}, 1.0]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": 5}, 1.0]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"value": -1}, 1.0]}]},
        {"nodes": [{"op": "aten.mul.Tensor", "args": [{"size": "evil()"}, 1.0]}]},
        {"outputs": []},
        {"outputs": [{"value": 1}, {"value": 1}]},
        {"nodes": 5},
    ],
)
def test_no_text_of_a_hostile_program_gets_into_a_module(changes: dict[str, Any]):
    with pytest.raises(source.Unwritable):
        source.module(program(**changes), "Of a test.")


def test_an_index_out_of_range_is_clamped_as_in_the_program():
    nodes = [{"op": "aten.index_select.default", "args": [{"value": 0}, 1, {"value": 1}]}]
    nodes += [{"op": "aten.select.int", "args": [{"value": 2}, 1, 0]}]
    text = program(inputs=["x", "place"], nodes=nodes, outputs=[{"value": 3}])
    written: dict[str, Any] = {}
    exec(source.module(text, "Of a test."), written)
    total, _ = written["compute_reward"](x=torch.arange(6.0).reshape(2, 3), place=torch.tensor([99, 1]))
    assert total.tolist() == [2.0, 5.0]
