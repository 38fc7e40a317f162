"""Each kind of event is read as it was written; what is not of this version, or damaged, is refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest
from support.candidates import trained
from support.journals import EXAMPLE, append, example, example_record, write_run

from eureka.config.settings import Evaluation
from eureka.errors import UserError
from eureka.runs import journal
from eureka.runs.candidate import Dropped, Estimate, Failed, Point
from eureka.runs.journal import Journal, JournalEvent, read_journal
from eureka.runs.replies import Answer, Message, Reply
from eureka.runs.results import ArmSpec, Comparison, Reward
from eureka.runs.store import _line

ONE = trained(up=[0.1, 0.2, 0.3])
LEFT = Dropped(curves=ONE.curves, best=1, selection=20.0, diverged=3, steps=20)
FAILED = Failed(stage="train", message="NaN", machine=True)
POINT = Point(
    steps=64,
    fitness=None,
    training_fitness=None,
    episode_length=12.5,
    total=0.5,
    kl=0.01,
    learning_rate=0.001,
    action_std=1.0,
    components={"up": 0.25},
    least={"up": None},
    greatest={"up": 1.0},
)
ANSWER = Answer(replies=(Reply(slot=2, text="\u00fc\n```"),), model="m", called=True, prompt_tokens=7, usd=None)
OF_REPLY = {"generation": 1, "attempt": 0}
OF_TRAINING = {"training": "generation-1-0"}
EVENTS: list[JournalEvent] = [
    journal.StartedEvent(evaluation=Evaluation(), sandbox={"level": "strict", "through": []}, fence="", sizes=None),
    journal.PromptEvent(**OF_REPLY, sha256="a", messages=(Message(role="user", content="x"),), parents=("1.2", "0.0")),
    journal.AnswerEvent(**OF_REPLY, prompt=None, answer=ANSWER),
    journal.VerdictEvent(**OF_REPLY, slot=2, code=None, notes=("n",), failed=FAILED, program=None, fingerprint=None),
    journal.TrainingEvent(**OF_TRAINING, members=[(1, 2, 0), (1, 0, 3)], warm="0.0"),
    journal.SharesEvent(**OF_TRAINING, until=8, shares=[[0], [1]]),
    journal.CheckpointEvent(
        **OF_TRAINING, members=[1], number=0, file="f", sha256="b", points={"candidates/1.0": POINT}
    ),
    journal.SplitEvent(**OF_TRAINING, members=[0, 1], until=None, reason="was killed"),
    journal.RacedEvent(**OF_TRAINING, until=8, dropped=[1]),
    journal.StageEvent(**OF_TRAINING, stage=0, iteration=8, met=True),
    journal.TrainedEvent(
        **OF_TRAINING,
        members=[0, 1, 2],
        until=None,
        outcomes=[ONE, LEFT, FAILED],
        seconds={"env": 1.5},
        sizes={"njmax": 9},
        publish={"candidates/1.2/policy.safetensors": journal.PublishedFile(file="scratch/p", sha256="c")},
    ),
    journal.FinalistsEvent(estimates={"1.0": Estimate(mean=0.5, error=None, trainings=1)}, chosen=["1.0"]),
    journal.ShortenedEvent(round=1, generations=1, wanted=3, hours=0.5),
    journal.BaselineEvent(arm="human", program="{}"),
    journal.ArmsEvent(arms=(ArmSpec(name="a", rewards=(Reward(origin="o", code=None),)),), controls=("search",)),
    journal.CutEvent(members=3),
    journal.ProbedEvent(part=0, robustness={"noisy view": [1.0]}, correlation=[None, 0.5]),
    journal.FinishedEvent(winner=None, comparison=Comparison(arms=[])),
    journal.ExtendedEvent(generations=4),
    journal.RemarkEvent(file="1-a.json", generation=2, candidate="1.0", text="the knees are stiff"),
]


def test_every_kind_of_event_is_read_as_it_was_written(tmp_path: Path):
    assert {type(event) for event in EVENTS} == set(get_args(JournalEvent))
    folder = write_run(tmp_path / "run", [])
    (folder / "events.jsonl").write_bytes(b"".join(map(_line, EVENTS)))
    assert read_journal(folder).events == EVENTS
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert [list(json.loads(line))[:2] for line in lines] == [["event", "time"]] * len(EVENTS)


def test_the_shipped_runs_would_be_written_as_they_are(tmp_path: Path):
    """Nothing in them is left out by the models, and nothing is added."""
    for line, event in zip(example(), read_journal(EXAMPLE).events, strict=True):
        assert json.loads(_line(event)) == line


def test_a_value_that_is_no_number_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        _line(journal.ProbedEvent(part=0, robustness={"x": [float("nan")]}, correlation=None))


@pytest.mark.parametrize(
    ("version", "said"),
    [(0, "in journal version 0"), (2, "in journal version 2"), ("1", None), (None, "without a journal version")],
)
def test_a_run_of_another_version_is_refused_by_its_number(tmp_path: Path, version: object, said: str | None):
    record = example_record() | {"journal_version": version}
    record |= {"something": "new"}  # the version is told, not what else differs
    if version is None:
        del record["journal_version"]
    folder = write_run(tmp_path / "run", [], record)
    expected = f"{folder} was written {said or 'in journal version 1'}; this eureka reads version 1"
    with pytest.raises(UserError) as refused:
        read_journal(folder)
    assert expected in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"journal_version": 1}', '{"a": "\xff"}'])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str):
    (tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"run.json cannot be read: "):
        Journal(tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "Expecting property name"),
        (b"[]", "line: "),
        (b'{"event": 3}', "line: "),
        (b"\xff\xfe", "Expecting value"),
        (b"[" * 100_000, "recursion"),
        (b'{"event": "cat"}', "line: "),
        (b'{"event": "cut", "time": 1.0}', "cut.members: Field required"),
        (b'{"event": "cut", "time": 1.0, "members": 3, "more": 1}', "cut.more: Extra inputs"),
        (b'{"event": "cut", "time": -1.0, "members": 3}', "cut.time: "),
        (b'{"event": "answer", "time": 1.0, "generation": 1, "attempt": 0, "prompt": "a"}', "answer.answer: Field"),
    ],
)
def test_a_damaged_line_is_told_with_its_number_and_what_is_wrong(tmp_path: Path, line: bytes, what: str):
    folder = write_run(tmp_path / "run", example()[:2])
    with open(folder / "events.jsonl", "ab") as file:
        file.write(line + b"\n")
    with pytest.raises(UserError, match="line 3: damaged") as refused:
        read_journal(folder)
    assert what in str(refused.value) and str(refused.value).isprintable()


def test_only_what_is_new_in_a_journal_is_read(tmp_path: Path):
    folder = write_run(tmp_path / "run", example()[:3])
    one = Journal(folder)
    assert one.refresh() and len(one.events) == 3 and not one.refresh()
    with open(folder / "events.jsonl", "r+b") as file:
        file.write(b"this was read before, so its damage is not seen")
    line = json.dumps(example()[3]).encode()
    with open(folder / "events.jsonl", "ab") as file:
        file.write(line[:20])
    assert not one.refresh() and len(one.events) == 3, "a line that is not whole does not count"
    with open(folder / "events.jsonl", "ab") as file:
        file.write(line[20:] + b"\n")
    assert one.refresh() and one.events == read_journal(EXAMPLE).events[:4]


def test_a_journal_that_was_replaced_is_read_anew_with_its_record(tmp_path: Path):
    folder = write_run(tmp_path / "run", example()[:6])
    one = Journal(folder)
    one.refresh()
    other = write_run(tmp_path / "other", example()[:2], example_record() | {"task": "other"})
    for name in ("run.json", "events.jsonl"):
        os.replace(other / name, folder / name)
    assert one.refresh() and len(one.events) == 2 and one.record.task == "other"
    (folder / "events.jsonl").unlink()
    assert one.refresh() and one.events == []


@pytest.mark.parametrize("name", ["run.json", "events.jsonl"])
def test_a_link_is_not_followed(tmp_path: Path, name: str):
    folder = write_run(tmp_path / "run", example()[:1])
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is a link"):
        read_journal(folder)


def test_of_two_replies_for_one_slot_the_first_counts(tmp_path: Path):
    """A model may be asked again after a kill; what was recorded first was acted on."""
    folder = write_run(tmp_path / "run", [])
    append(folder, [EVENTS[2].model_dump()])
    second = ANSWER.model_copy(update={"replies": (Reply(slot=2, text="late"), Reply(slot=3, text="new"))})
    append(folder, [journal.AnswerEvent(**OF_REPLY, prompt="a", answer=second).model_dump()])
    texts = {address: reply.text for address, (reply, _) in read_journal(folder).replies().items()}
    assert texts == {(1, 2, 0): "\u00fc\n```", (1, 3, 0): "new"}
