"""Rewards as language models write them, from blind sittings: they compile, and compute what their text does.

The files in `honest/` were written without sight of this code, for the state of `support/state.py`. `make test`
compiles those in VARIED, and all of them while the sandbox's sources differ from those whose digest is in
`checked.txt`. `make test-honest` compiles all and then writes that digest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from _pytest.mark import ParameterSet
from support.sandbox_sources import CHECKED, digest
from support.state import FIELDS

from eureka.rewards.program import Field, rebuild
from eureka.system.paths import load_sandbox

trace, graph, module_source = load_sandbox("trace"), load_sandbox("graph"), load_sandbox("source")
CORPUS = {p.stem: p for p in sorted((Path(__file__).parent / "honest").glob("*.py"))}
REFUSED = {
    "43_feet_masks_and_scatter": (33, "use torch.where"),  # nonzero: its size depends on values
    "80_linalg_grasp_frame": (32, "write out the formula for small matrices"),  # LAPACK
}
"""The line and the fix that the advice names."""
VARIED = [
    "04_quadruped_velocity_tracking",
    "06_balance_rotation_matrix",
    "09_namedtuple_static_helpers",
    "26_walrus_fstrings",
    "28_logical_ops_heaviside",
    "34_body_posture_statistics",
    "36_no_grad_detach",
    "39_goals_and_steps_ints",
    "40_bounding_gait_split",
    "48_dm_tolerance_reach",
    "65_lambda_table",
    "67_special_functions",
    "69_logsumexp_softmin",
    "70_argmin_gather",
    "71_one_hot_stages",
    "72_bucketize_bonus",
    "73_searchsorted_schedule",
    "74_polynomial_horner",
    "75_masked_inplace",
    "77_scatter_index_add",
    "81_gait_symmetry_roll_flip",
    "82_defensive_checks",
    "83_numpy_constants",
    "89_long_door_staged_class",
    "h08_cube_reorientation",
]
"""25 that cover 225 of the corpus's 232 kinds of syntax, decorators, builtins, subscripts and graph operations."""
SAME_SANDBOX = CHECKED.read_text().strip() == digest()
TOLERANCES = {"float32": (1e-5, 1e-6), "float64": (1e-9, 1e-9)}


def as_written(value: torch.Tensor, worlds: int) -> torch.Tensor:
    """In place of `graph.per_world`, which makes everything float32."""
    return value.reshape(()).expand(worlds) if value.numel() == 1 else value


def check_module(text: str, program: Any, states: dict[str, torch.Tensor]) -> None:
    """The module that is written from a program gives the same numbers, to the bit."""
    names: dict[str, Any] = {}
    exec(module_source.module(text, "Of a test."), names)
    total, parts = names["compute_reward"](**states)
    assert tuple(parts) == program.components
    for a, b in zip((total, *parts.values()), program(*states.values()), strict=True):
        assert a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))


def cases() -> Iterator[ParameterSet]:
    for name in CORPUS:
        if name not in REFUSED:
            yield pytest.param(name, "float32", marks=[pytest.mark.slow] if name not in VARIED and SAME_SANDBOX else [])
            yield pytest.param(name, "float64", marks=pytest.mark.slow)


@pytest.mark.parametrize(("name", "precision"), cases())
def test_a_program_agrees_with_plain_eager_execution(name: str, precision: str, monkeypatch):
    source = CORPUS[name].read_text()
    fields = {n: Field(tuple(s), precision if d == "float32" else d) for n, (s, d, _) in FIELDS.items()}
    if precision == "float64":
        monkeypatch.setattr(graph, "per_world", as_written)
    default = torch.get_default_dtype()
    try:
        if precision == "float64":
            torch.set_default_dtype(torch.float64)
            source = source.replace("float32", "float64").replace(".float()", ".double()")
        # written for GPUs; what a text means by them is the machine's own device
        eager = trace.load(source.replace('"cuda:0"', '"cpu"').replace('"cuda"', '"cpu"').replace(".cuda()", ""))
        text, _ = trace.trace(lambda: eager, trace.requested(eager, fields))
        for worlds in (1, 33):
            program = rebuild(text, fields, worlds)
            chance = torch.Generator().manual_seed(worlds)
            states = {n: trace._example(fields[n], worlds, chance) for n in program.inputs}
            total, components = eager(**{k: v.clone() for k, v in states.items()})
            assert list(program.components) == list(components)
            rtol, atol = TOLERANCES[precision]
            if precision == "float32":
                check_module(text, program, states)
            expected = {"total": total, **components}
            for (name, a), b in zip(expected.items(), program(*states.values()), strict=True):
                a = torch.as_tensor(a).to(b.dtype).expand(worlds)
                assert torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True), name
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_get_advice_that_names_the_line_and_the_fix(name: str):
    line, fix = REFUSED[name]
    fields = {n: Field(tuple(s), d) for n, (s, d, _) in FIELDS.items()}
    with pytest.raises(trace.Refused) as caught:
        trace.compile_reward(CORPUS[name].read_text(), fields)
    assert caught.value.line == line and fix in str(caught.value)


def test_at_least_98_of_100_legitimate_rewards_compile():
    assert len(CORPUS) >= 100 and len(VARIED) == 25 and set(VARIED) < set(CORPUS)
    # the one that asks which worlds fulfil a condition is no reward of one world's state alone
    legitimate = len(CORPUS) - 1
    assert (len(CORPUS) - len(REFUSED)) / legitimate >= 0.98
    for path in CORPUS.values():
        ast.parse(path.read_text())
