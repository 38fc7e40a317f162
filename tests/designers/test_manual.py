"""The manual designer: whole files, once each, to the prompt that they answer."""

from __future__ import annotations

import os
import termios
import threading
import time
from pathlib import Path

import pytest
from support.candidates import TASK

from eureka.config.settings import Settings
from eureka.config.tasks import load_task
from eureka.designers import prompts
from eureka.designers.base import DesignerContext, Request
from eureka.designers.budget import Budget
from eureka.designers.manual import Manual
from eureka.runs.replies import Answer


def manual(folder: Path, answers: tuple = ()) -> tuple[Manual, list[str]]:
    preset = load_task("cartpole").file.presets["cpu"].model_dump()
    settings = Settings.model_validate(preset | {"preset": "cpu"})
    said: list[str] = []
    return Manual("me", DesignerContext(settings, Budget(settings.asking), folder, answers, said.append)), said


def request(*slots: int, attempt: int = 0, text: str = "x") -> Request:
    return Request(1, slots, attempt, (prompts.Message(role="user", content=text),), TASK, None)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - 60,) * 2)


def replies(answers: list[Answer]) -> dict[int, str]:
    return {r.slot: r.text for a in answers for r in a.replies}


def test_files_are_taken_in_the_order_of_their_numbers_and_moved(tmp_path: Path):
    for number in (10, 2, 1):
        put(tmp_path / "manual/1.0" / f"reply-{number}.md", f"text {number}")
    (tmp_path / "manual/1.0/reply-3.md").mkdir()
    (tmp_path / "manual/1.0/reply-4.md").symlink_to("nowhere")
    designer, said = manual(tmp_path)
    assert replies(list(designer.propose([request(0, 1, 2)]))) == {0: "text 1", 1: "text 2", 2: "text 10"}
    assert len(list((tmp_path / "manual/1.0/taken").iterdir())) == 3
    assert any("waiting for 3 replies" in line for line in said)


def test_a_file_that_still_grows_is_waited_for(tmp_path: Path):
    place = tmp_path / "manual/1.0"
    put(place / "reply-1.md", "half")
    (place / "reply-1.md").write_text("whole at last")  # just now: not settled
    begun = time.monotonic()
    designer, _ = manual(tmp_path)
    assert replies(list(designer.propose([request(0)]))) == {0: "whole at last"}
    assert time.monotonic() - begun > 0.9


@pytest.mark.parametrize("attempt", [0, 1])  # 0: questions of a strategy that asks several, 1: repairs
def test_two_prompts_have_folders_of_their_own_that_stay_when_slots_are_done(tmp_path: Path, attempt: int):
    designer, _ = manual(tmp_path)
    first, second = request(0, 1, attempt=attempt, text="fault A"), request(2, 3, attempt=attempt, text="fault B")
    places = [designer._ask(r).place for r in (first, second)]
    assert places[0] != places[1]
    assert "fault A" in (places[0] / "prompt.md").read_text() and "fault B" in (places[1] / "prompt.md").read_text()
    for place, slot, text in zip(places, (1, 3), ("fault A", "fault B"), strict=True):
        assert designer._ask(request(slot, attempt=attempt, text=text)).place == place


def test_a_file_that_is_in_the_journal_already_is_not_taken_twice(tmp_path: Path):
    put(tmp_path / "manual/1.0/reply-1.md", "recorded, and killed before it was moved")
    put(tmp_path / "manual/1.0/reply-2.md", "new")
    taken = Answer(replies=(), model="me", source="1.0/reply-1.md")
    designer, _ = manual(tmp_path, (taken,))
    assert replies(list(designer.propose([request(1)]))) == {1: "new"}
    assert (tmp_path / "manual/1.0/taken/reply-1.md").exists()


def test_files_of_any_name_are_taken_but_those_of_editors(tmp_path: Path):
    for name in ("reply-2.txt", "Answer from chat", "a.py", ".b.md.swp", "c.md~", "d.part", "conversation.md"):
        put(tmp_path / "manual/1.0" / name, name)
    put(tmp_path / "manual/1.0" / "scan.docx", "PK\0\1")
    designer, said = manual(tmp_path)
    assert sorted(replies(list(designer.propose([request(0, 1, 2)]))).values()) == [
        "Answer from chat",
        "a.py",
        "reply-2.txt",
    ]
    assert any("scan.docx is not a text file" in line for line in said)


def test_a_file_with_several_functions_counts_as_several_replies(tmp_path: Path):
    blocks = [f"```python\ndef compute_reward(a):\n    return a * {k}, {{}}\n```\n" for k in range(4)]
    put(tmp_path / "manual/1.0" / "all.md", "Four:\n" + "or\n".join(blocks))
    designer, said = manual(tmp_path)
    found = replies(list(designer.propose([request(0, 1, 2)])))
    assert [f"a * {k}" in found[k] and found[k].count("def ") == 1 for k in range(3)] == [True] * 3
    assert any("read all.md: 3 replies; 0 missing" in line for line in said)


def test_a_repair_shows_its_last_message_and_keeps_the_conversation(tmp_path: Path):
    roles = ("system", "user", "assistant", "user")
    turns = tuple(prompts.Message(role=role, content=f"turn {i}") for i, role in enumerate(roles))
    designer, said = manual(tmp_path)
    place = designer._ask(Request(1, (2,), 1, turns, TASK, None)).place
    assert (place / "prompt.md").read_text() == "turn 3\n"
    assert "turn 0" in (place / "conversation.md").read_text()
    assert not any("turn 0" in line for line in said) and any("about the reply for 1.2" in line for line in said)
    place = designer._ask(Request(1, (2,), 0, turns, TASK, None)).place
    assert "turn 0" in (place / "prompt.md").read_text(), "a new generation needs the whole"


@pytest.mark.parametrize("end", ["END\n", "\x04"])
def test_a_reply_is_pasted_into_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str):
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal, os.fdopen(ours, "wb", buffering=0) as keyboard:
        monkeypatch.setattr("sys.stdin", terminal)
        before = termios.tcgetattr(theirs)
        designer, said = manual(tmp_path)
        asked = designer.propose([request(0, 1)])
        threading.Timer(0.5, keyboard.write, (f"the code\nENDED\n{end}".encode(),)).start()
        (first,) = next(asked).replies
        assert first.text == "the code\nENDED\n"
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        assert any("pasted 2 lines" in line for line in said)
        asked.close()  # type: ignore[attr-defined]
        assert termios.tcgetattr(theirs) == before
    assert (tmp_path / "manual/1.0/pasted-1.md").exists(), "not yet recorded, so not moved"


def test_hostile_text_is_not_shown_as_it_is(tmp_path: Path):
    designer, said = manual(tmp_path)
    designer._ask(request(0, text="a\x1b[2Jb"))
    assert all("\x1b" not in line for line in said)
