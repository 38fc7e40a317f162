"""Messages between the orchestrator and a trainer process: as frames and back, refused, and with other paths."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from support.candidates import TASK, trained
from support.halving import standing

from eureka.config.parameters import Curriculum, Stage
from eureka.config.settings import Evaluation, Learning, Plan
from eureka.runs.candidate import Failed, Point
from eureka.runs.events import TrainingProgress
from eureka.workers import messages as m

PLAN = Plan(16, 8, Learning(hidden=(8, 4), learning_rate=0.1 + 0.2), Evaluation(checkpoints=2), 3, "final", True)
FILES = (m.FileReference(file="/run/a"), m.FileReference(file="/run/b"))
HASHED = (m.HashedFile(file="/run/c", sha256="1"), m.HashedFile(file="/run/d", sha256="2"))
POINT = Point(
    steps=4,
    components={"a": 0.1, "b": None},
    least={},
    greatest={},
    **dict.fromkeys(("fitness", "training_fitness", "episode_length", "total", "kl", "learning_rate", "action_std")),
)
FAILED = Failed(stage="train", message="NaN", line=3, machine=True)
REPORT = m.PreflightReport(fingerprint="f", inputs=("x",), nodes=2, ranges={"total": (0.0, 0.5, 1.0)}, notes=("n",))
COMMANDS: tuple[m.Command, ...] = (
    m.Preflight(program="p", worlds=4),
    m.Load(curriculum=Curriculum({"angle": {"uniform": [0.1, 0.2]}}, (Stage(until="fitness >= 1"), Stage()))),
    m.PlayEpisodes(episodes=4, seed=1),
    m.Measure(members=2, plan=PLAN),
    m.Probe(policies=FILES, programs=("p", "q"), human="h", robustness=True, plan=PLAN),
    m.Play(policies=FILES, labels=("a", "b"), programs=("p", None), seed=1, steps=9, episodes=None, output="/run/o"),
    m.Train(
        programs=("p", "q"),
        seeds=(2**61, 5),
        plan=PLAN,
        folder="/run/g",
        resume=(m.CheckpointMember(file="/run/a", member=1), m.CheckpointMember(file="/run/b", member=0)),
        warm=m.InitialPolicyFile(file="/run/w", samples=7),
        until=4,
        stage_ends=(2, 3),
    ),
)
ANSWERS: tuple[m.Answer, ...] = (
    m.Described(description=TASK, fence="seccomp", sizes={"njmax": 64}),
    m.Preflighted(result=REPORT),
    m.Preflighted(result=FAILED),
    m.Measured(seconds=0.1, steps=100, evaluation=0.01),
    m.Probed(robustness={"mass": [1.0, 2.0]}, correlation=[0.5, None]),
    m.PlayedEpisodes(fitness=(0.5, 1.0), length=(3, 4), metrics={"error": (0.1, 0.2)}),
    m.Played(steps=3, first=(1.5, None)),
    m.Progress(progress=TrainingProgress(1, 2, 3, 4, {"env": 0.5}, [None, 1 / 3])),
    m.Note(text="n"),
    m.Checkpoint(number=1, saved=HASHED[0], points=(POINT,)),
    m.Outcomes(outcomes=(trained(a=[1.0]), standing(2.0), FAILED), policies=HASHED, clocks={"env": 1.0}, sizes=None),
    m.TaskError(message="e"),
    m.StorageError(message="s"),
    m.Unfenced(reason="u"),
)


def through_a_pipe(message: m.Command | m.Answer) -> dict[str, Any]:
    return json.loads(json.dumps(m.encode(message)))


@pytest.mark.parametrize("message", COMMANDS, ids=lambda message: type(message).__name__)
def test_a_command_arrives_as_it_was_sent(message: m.Command):
    assert m.decode_command(through_a_pipe(message)) == message
    with pytest.raises(m.InvalidMessage, match=f"unknown kind '{type(message).__name__}'"):
        m.decode_answer(through_a_pipe(message))


@pytest.mark.parametrize("message", ANSWERS, ids=lambda message: type(message).__name__)
def test_an_answer_arrives_as_it_was_sent(message: m.Answer):
    assert m.decode_answer(through_a_pipe(message)) == message
    with pytest.raises(m.InvalidMessage, match=f"unknown kind '{type(message).__name__}'"):
        m.decode_command(through_a_pipe(message))


def test_every_message_is_tried_here():
    assert {type(c) for c in COMMANDS} == set(get_args(m.Command))
    assert {type(a) for a in ANSWERS} == set(get_args(m.Answer))


@pytest.mark.parametrize(
    "frame, problem",
    [
        ({}, "unknown kind None"),
        ([], "unknown kind None"),
        ({"kind": "no\x1b[2Jthing"}, r"unknown kind 'no\\x1b\[2Jthing'"),
        ({"kind": ["Note"]}, "unknown kind"),
        ({"kind": "Note", "text": "n", "a\x1b[2J": 1}, r"Note\.a \[2J: Extra inputs"),
        ({"kind": "Note"}, r"Note\.text: Field required"),
        ({"kind": "Note", "text": 3}, r"Note\.text: Input should be a valid string"),
        ({"kind": "Note", "text": "n", "file": "/etc/passwd"}, r"Note\.file: Extra inputs"),
        ({"kind": "Outcomes", "outcomes": 1, "policies": [], "clocks": {}, "sizes": None}, r"Outcomes\.outcomes: "),
        (
            {"kind": "Checkpoint", "number": 0, "saved": {"file": "a"}, "points": []},
            r"Checkpoint\.saved\.sha256: Field required",
        ),
    ],
)
def test_a_frame_that_is_not_a_message_is_refused_with_what_is_wrong_and_where(frame: Any, problem: str):
    with pytest.raises(m.InvalidMessage, match=problem):
        m.decode_answer(frame)


def test_a_failure_that_a_process_reports_is_cleaned():
    hostile = through_a_pipe(m.Preflighted(result=FAILED))
    hostile["result"] |= {"message": "a\x1b[2Jb\n" + "c" * 10_000, "line": -1}
    answer = m.decode_answer(hostile)
    assert isinstance(answer, m.Preflighted) and isinstance(answer.result, Failed)
    assert answer.result.message.startswith("a [2Jb c") and len(answer.result.message) < 700
    assert answer.result.line is None


@pytest.mark.parametrize("message", (*COMMANDS, *ANSWERS), ids=lambda message: type(message).__name__)
def test_file_references_and_nothing_else_get_another_path(message: m.Command | m.Answer):
    found: list[m.FileReference] = []

    def path_of(reference: m.FileReference) -> str:
        found.append(reference)
        return f"/there{reference.file}"

    changed = message.replace_files(path_of)
    expected = {
        "Probe": ["/run/a", "/run/b"],
        "Play": ["/run/a", "/run/b"],
        "Train": ["/run/a", "/run/b", "/run/w"],
        "Checkpoint": ["/run/c"],
        "Outcomes": ["/run/c", "/run/d"],
    }.get(type(message).__name__, [])
    assert [reference.file for reference in found] == expected
    text = json.dumps(m.encode(message))
    for file in expected:
        text = text.replace(f'"{file}"', f'"/there{file}"')
    assert json.dumps(m.encode(changed)) == text
