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
from support.journals import append, write_run

from eureka.display import factory, loggers
from eureka.display.loggers import Scalar, Scalars, TensorBoard
from eureka.runs import events as _events
from eureka.runs.candidate import Point
from eureka.runs.journal import AnswerEvent, CheckpointEvent, read_journal
from eureka.runs.replies import Answer


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


def point(steps: int, fitness: float, **components: float) -> Point:
    """All other values are not known, and give no point of a curve."""
    unknown = {name: {} if "dict" in str(field.annotation) else None for name, field in Point.model_fields.items()}
    return Point(**unknown | {"steps": steps, "fitness": fitness, "components": components})


def checkpoint(series: str, of: Point, time: float = 0.0) -> CheckpointEvent:
    about = {"training": "final", "members": [0], "number": 0, "file": "x", "sha256": ""}
    return CheckpointEvent(time=time, **about, points={series: of})


def test_points_are_there_while_the_run_goes_on(tmp_path: Path):
    write_run(tmp_path, [])
    shown: list[_events.Event] = []
    show = loggers.LoggingDisplay(shown.append, TensorBoard)
    show(_events.Opened(tmp_path))
    event = checkpoint("candidates/1.0", point(64, 1.5, **{"up\x1b[2J": 0.25}))
    with (tmp_path / "events.jsonl").open("a") as journal:
        journal.write(event.model_dump_json() + "\n" + '{"event": "checkp')
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
    about = {"generation": 1, "attempt": 0, "prompt": "x"}
    found = [p for a in answers for p in scalars.of(AnswerEvent(**about, answer=Answer(replies=(), model="m", **a)))]
    spent = [(p.name, p.step, p.value) for p in found]
    assert spent == [
        ("spent/prompt_tokens", 1, 100), ("spent/completion_tokens", 1, 20), ("spent/usd", 1, 0.5),
        ("spent/prompt_tokens", 2, 110), ("spent/completion_tokens", 2, 22), ("spent/usd", 2, 0.5),
    ]  # fmt: skip


def test_a_series_leads_nowhere_but_below_its_folder(tmp_path: Path):
    (scalar,) = Scalars().of(checkpoint("../../../x/./a b", point(1, 1.0)))
    assert scalar.series == "x/a-b"


def test_a_log_that_cannot_be_written_does_not_end_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path, [])
    (tmp_path / "tensorboard").write_text("in the way")
    show = loggers.LoggingDisplay(_events.silent, TensorBoard)
    show(_events.Opened(tmp_path))
    append(tmp_path, [checkpoint("a", point(1, 1.0)).model_dump()])
    for _ in range(3):
        show(_events.Notice("on"))
    show.close()
    assert capsys.readouterr().err.count("cannot write the log of") == 1


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
    write_run(tmp_path, [checkpoint("a", point(step, 0.5), time=2.0).model_dump() for step in (1, 2, 2)])
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


def test_weights_and_biases_gets_each_point_once_also_after_an_interruption(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = Path(shutil.copytree(recorded, tmp_path / "run"))
    whole = {scalar.place for event in read_journal(run).events for scalar in Scalars().of(event)}
    for _ in range(2):  # the second time, nothing is new
        show = loggers.with_logger(lambda event: None, "wandb")
        show(_events.Opened(run))
        factory.close(show)
    written = [tuple(json.loads(line)) for line in (run / "wandb/written.jsonl").read_text().splitlines()]
    searched = {place for place in written if place[0] != "run"}
    assert len(written) == len(set(written)) and searched == {place for place in whole if place[0] != "run"}
    (file,) = (run / "wandb").rglob("run-*.wandb")
    text = file.read_bytes()
    assert b"candidates/1.0/fitness" in text and b"candidates/1.0/steps" in text
