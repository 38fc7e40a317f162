"""A run with stages, by real processes."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from support.cli import start_command, workers
from support.events import events_of
from support.leaning import write_task

STAGES = """stages:
- {until: fitness >= 10.6, parameters: {angle_limit: 1.0}}
- {share: 0.25, parameters: {angle_limit: {uniform: [0.3, 0.8]}}}
- {}
"""
SIZES = ("--generations", 1, "--samples", 2, "--seeds", 0, "--set", "parameters.angle_limit=0.5")


@pytest.mark.slow
def test_kills_inside_a_stage_and_after_its_end_was_decided_do_not_change_the_result(tmp_path: Path):
    task = write_task(tmp_path / "task", STAGES)
    killed = (sys.executable, str(Path(__file__).parents[1] / "support" / "killed.py"))
    whole = start_command("run", task, "--out", "whole", *SIZES, cwd=tmp_path)
    _, said = whole.communicate(timeout=500)
    assert whole.returncode == 0, said
    arguments: tuple[object, ...] = ("run", task, "--out", "run", *SIZES)
    for kill in ("half:checkpoint:1", "after:stage:1", "trainer:checkpoint:1,after:checkpoint:2"):
        process = start_command(kill, *arguments, cwd=tmp_path, prefix=killed)
        _, said = process.communicate(timeout=500)
        assert process.returncode == -signal.SIGKILL, said
        arguments = ("resume", "run")
    process = start_command(*arguments, cwd=tmp_path)
    _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    run = tmp_path / "run"
    assert (run / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()
    for policy in (tmp_path / "whole").rglob("policy.safetensors"):
        assert (run / policy.relative_to(tmp_path / "whole")).read_bytes() == policy.read_bytes()
    met = [(e["stage"], e["iteration"], e["met"]) for e in events_of(run, "stage")]
    assert met == [(0, 4, False), (0, 8, True)]
    assert workers(run) == {}
