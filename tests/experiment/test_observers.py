"""What people say between generations enters the next prompts, is never lost, and is told again by a replay."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from experiment.test_external_run import toy
from support.cli import Cli

from eureka.runs import remarks
from eureka.runs.journal import RemarkEvent, read_journal


def heard(process: subprocess.Popen[str], words: str) -> None:
    """Wait for a line of a process."""
    assert process.stdout is not None
    assert any(words in line for line in process.stdout), f"it ended without {words!r}"


def prompt(run: Path, generation: int) -> str:
    return next((run / "prompts").glob(f"{generation}.0*")).read_text()


@pytest.mark.slow
def test_words_between_generations_survive_a_kill_and_are_replayed(cli: Cli, tmp_path: Path):
    path = toy(tmp_path, generations=2, samples=2, final_seeds=0, validation_seeds=0)
    run, command = tmp_path / "run", [sys.executable, "-m", "eureka"]
    begin = [*command, "run", str(path), "--out", "run", "--ask", "words", "--strategy", "elite"]
    with subprocess.Popen(begin, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        heard(process, "waiting for words on generation 1: eureka feedback run ... --candidate 1.")
        assert "kept as a remark on 1." in cli("feedback", "run", "the knees\nare stiff").stdout
        process.send_signal(signal.SIGKILL)
    again = [*command, "resume", "run", "--ask", "words"]
    with subprocess.Popen(again, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        heard(process, "to continue: eureka feedback run --done")
        assert cli("feedback", "run", "it leans", "--candidate", "1.0", "--done").returncode == 0
        process.communicate()
    assert process.returncode == 0
    assert "the knees are stiff" in prompt(run, 2) and "it leans" in prompt(run, 2)
    assert "What the person says counts" in prompt(run, 2)
    assert [event.generation for event in read_journal(run).all(RemarkEvent)] == [2, 2]
    replay = cli("run", path, "--llm", "replay:run", "--strict", "--out", "replayed", "--yes", "--strategy", "elite")
    assert replay.returncode == 0, replay.stderr
    assert prompt(tmp_path / "replayed", 2) == prompt(run, 2)
    late = cli("feedback", "run", "too slow", "--candidate", "2.1")
    assert "eureka resume run --generations 3" in late.stdout
    assert "does not wait for words" in cli("feedback", "run", "--done").stderr
    longer = cli("resume", "run", "--generations", 1, "--yes")
    assert longer.returncode == 0, longer.stderr
    assert "too slow" in prompt(run, 3) and "the knees are stiff" in prompt(run, 3)


def test_mistakes_are_named(cli: Cli, tmp_path: Path):
    path = toy(tmp_path)
    refused = cli("run", path, "--ask", "words", "--strategy", "best-of-n", "--out", "run")
    assert refused.returncode == 2 and "best-of-n does not reflect" in refused.stderr
    assert "give words, not 'votes'" in cli("run", path, "--ask", "votes").stderr


def test_files_that_are_no_remarks_are_passed_over(tmp_path: Path):
    remarks.add(tmp_path, remarks.remark("1.0", "  it\x1b[2J   hops "))
    place = tmp_path / "remarks"
    (place / "1.json").write_text("{")
    (place / "2.json").write_text('{"candidate": "../x", "text": "a"}')
    (place / "3.json").write_text("x" * 20_000)
    (place / "4.json").symlink_to("/etc/passwd")
    (place / "5.json").mkdir()
    assert [(one.candidate, one.text) for one in remarks.kept(tmp_path).values()] == [("1.0", "it [2J hops")]
