"""Curves in a sink are those of the run, however often it was interrupted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.boards import agrees, board, points
from support.cli import Cli

from eureka.display import loggers
from eureka.display.loggers import Scalar, Scalars, TensorBoard
from eureka.runs import events as _events


def test_tensorboard_shows_the_numbers_of_the_run(recorded: Path):
    agrees(recorded)


def test_a_finished_run_is_logged_afterwards_and_never_twice(cli: Cli, recorded: Path, tmp_path: Path):
    run = Path(shutil.copytree(recorded, tmp_path / "run"))
    before = sorted((run / "tensorboard").rglob("events*"))
    assert cli("resume", run, "--log", "tensorboard").returncode == 0
    assert sorted((run / "tensorboard").rglob("events*")) == before, "there was nothing to add"
    for path in before:
        path.unlink()
    assert cli("resume", run, "--log", "tensorboard").returncode == 0
    agrees(run)


def test_points_are_there_while_the_run_goes_on(tmp_path: Path):
    (tmp_path / "events.jsonl").write_text("")
    shown: list[_events.Event] = []
    show = loggers.LoggingDisplay(shown.append, TensorBoard)
    show(_events.Opened(tmp_path))
    point = {"steps": 64, "fitness": 1.5, "kl": None, "components": {"up\x1b[2J": 0.25}}
    event = {"event": "checkpoint", "time": 1.0, "points": {"candidates/1.0": point}}
    with (tmp_path / "events.jsonl").open("a") as journal:
        journal.write(json.dumps(event) + "\n" + '{"event": "checkp')
    show(_events.Notice("anything"))
    assert points(tmp_path, "candidates/1.0", "fitness") == [(64, 1.5)]
    assert board(tmp_path, "candidates/1.0").Tags()["scalars"] == ["fitness", "components/up [2J"], (
        "no number, no point"
    )
    assert shown == [_events.Opened(tmp_path), _events.Notice("anything")]
    show.close()


def test_what_was_spent_adds_up():
    scalars = Scalars()
    answers = [
        {"called": True, "prompt_tokens": 100, "completion_tokens": 20, "usd": 0.5},
        {"called": False, "prompt_tokens": 7},
        {"called": True, "prompt_tokens": 10, "completion_tokens": 2, "usd": None},
    ]
    found = [p for a in answers for p in scalars.of({"event": "answer", "time": 0.0, "answer": a})]
    spent = [(p.name, p.step, p.value) for p in found]
    assert spent == [
        ("spent/prompt_tokens", 1, 100), ("spent/completion_tokens", 1, 20), ("spent/usd", 1, 0.5),
        ("spent/prompt_tokens", 2, 110), ("spent/completion_tokens", 2, 22), ("spent/usd", 2, 0.5),
    ]  # fmt: skip


def test_a_series_leads_nowhere_but_below_its_folder(tmp_path: Path):
    event = {"event": "checkpoint", "time": 0.0, "points": {"../../../x/./a b": {"steps": 1, "fitness": 1.0}}}
    (scalar,) = Scalars().of(event)
    assert scalar.series == "x/a-b"


def test_a_log_that_cannot_be_written_does_not_end_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "events.jsonl").write_text("")
    (tmp_path / "tensorboard").write_text("in the way")
    show = loggers.LoggingDisplay(_events.silent, TensorBoard)
    show(_events.Opened(tmp_path))
    event = {"event": "checkpoint", "time": 0.0, "points": {"a": {"steps": 1, "fitness": 1.0}}}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    for _ in range(3):
        show(_events.Notice("on"))
    show.close()
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_another_sink_is_a_class_with_three_methods(tmp_path: Path):
    class Listed:
        def __init__(self, folder: Path):
            self.folder = folder

        def known(self) -> set[tuple[str, str, int]]:
            return {("a", "fitness", 1)}

        def write(self, scalar: Scalar) -> None:
            taken.append(scalar)

        def close(self) -> None:
            taken.append(None)

    taken: list[Scalar | None] = []
    events = [
        {"event": "checkpoint", "time": 2.0, "points": {"a": {"steps": step, "fitness": 0.5}}} for step in (1, 2, 2)
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    show = loggers.LoggingDisplay(_events.silent, Listed)
    show(_events.Opened(tmp_path))
    show.close()
    assert taken == [Scalar("a", "fitness", 2, 0.5, 2.0), None]


def test_the_orchestrators_sink_imports_no_torch():
    code = "import sys; from eureka.display import loggers; from pathlib import Path; "
    code += "s = loggers.TensorBoard(Path('/nowhere')); "
    code += "s.known(); import tensorboard.summary.writer.record_writer; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_log_is_one_sentence_before_anything_begins(cli: Cli, tmp_path: Path):
    done = cli("run", "cartpole", "--log", "tensorbord")
    assert done.returncode == 2 and "did you mean 'tensorboard'?" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "runs").exists()
