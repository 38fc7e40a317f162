"""Ways of watching: lines, JSON, and the live view on a real terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text
from support.candidates import candidate, trained

from eureka.__main__ import main
from eureka.display import factory, format, json_lines, tables
from eureka.display import plain as display
from eureka.display import terminal as terminal_
from eureka.display.live import Live
from eureka.display.terminal import fold
from eureka.runs import events
from eureka.runs.candidate import Failed
from eureka.runs.journal import read_journal
from eureka.runs.replies import Answer, Reply
from eureka.system.paths import shipped

EXAMPLE = shipped("tasks").parent / "runs" / "examples" / "cartpole"
REPORT = events.TrainingProgress(3, 4, steps=9000, steps_left=3000, clocks={}, fitness=[1.5, None])
ANSWER = Answer(
    replies=(Reply(slot=0, text="x"),),
    model="m\x1b[2J",
    called=True,
    prompt_tokens=10,
    completion_tokens=5,
    seconds=1.25,
)
FAILED = candidate(outcome=Failed(stage="compile", message="no such field", line=3))
EVENTS: list[Any] = [
    events.Notice("hello"),
    events.GenerationBegan(1, 2),
    events.Asked("m", 2),
    events.Answered(ANSWER, 1, "1 call, 15 tokens, unpriced"),
    events.Rejected(FAILED, again=True),
    events.TrainingBegan(("1.0", "1.1")),
    events.Progressed((0, 1), REPORT),
    events.GenerationEnded((candidate(outcome=trained(a=[1.0, 2.0, 3.0])), FAILED)),
    events.FinalBegan(("evolved", "human"), 3),
]


def test_plain_is_a_line_an_event():
    lines: list[str] = []
    show = display.Plain(lines.append)
    for event in EVENTS:
        show(event)
    assert [line.strip() for line in lines] == [
        "hello",
        "generation 1 of 2",
        "asking m for 2 replies",
        "1 reply from m [2J in 1.2 s, 10 + 5 tokens, 1 more to come; spent: 1 call, 15 tokens, unpriced",
        "1.0  failed: compile: line 3: no such field; requesting a repair",
        "training 2 policies",
        "1.0    fitness  290.00   from step 30        a",
        "1.0    failed: compile: line 3: no such field",
        "final comparison: evolved, human on 3 fresh seeds, same budget",
    ], "progress comes every few seconds only"


def test_what_a_person_answers_by_hand_costs_nothing_and_is_not_accounted():
    lines: list[str] = []
    by_hand = ANSWER.model_copy(update={"called": False, "prompt_tokens": None, "model": "a person"})
    display.Plain(lines.append)(events.Answered(by_hand, 3, "0 calls, 0 tokens, $0.0000"))
    assert lines == ["  1 reply from a person in 1.2 s, 3 more to come"]


@pytest.mark.parametrize("width", [100, 60, 40, None])
def test_no_number_of_a_comparison_is_cut_at_any_width(width: int | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    shown, finished = io.StringIO(), read_journal(EXAMPLE).finished
    assert finished
    values = [100.125 + i for i in range(10)]
    arms = tuple(arm.model_copy(update={"fitness": values}) for arm in finished.comparison.arms)
    given = {"force_terminal": True, "width": width} if width else {}
    console = Console(file=shown, highlight=False, soft_wrap=True, color_system=None, **given)
    tables.show_comparison(console, finished.comparison.model_copy(update={"arms": arms}))
    words = shown.getvalue().split()
    assert all(words.count(f"{value:.0f}") >= len(arms) for value in values) and "…" not in shown.getvalue()
    assert not width or max(map(len, shown.getvalue().splitlines())) <= width


def test_json_is_an_object_an_event(capsys: pytest.CaptureFixture[str]):
    show = json_lines.Json()
    for event in EVENTS:
        show(event)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [f["event"] for f in found] == [
        "notice", "generation_began", "asked", "answered", "rejected", "training_began", "progressed",
        "generation_ended", "final_began",
    ]  # fmt: skip
    assert found[3]["prompt_tokens"] == 10 and found[3]["missing"] == 1 and found[3]["replies"] == 1
    assert found[4]["failed"]["line"] == 3 and found[7]["candidates"][0]["report"] == 290.0


@pytest.mark.parametrize("width", [120, 40])
def test_live_draws_what_goes_on_and_leaves_what_is_done(width: int):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, height=30, highlight=False)
    show = Live(console)
    try:
        for event in EVENTS[:7]:
            show(event)
        with console.capture() as drawn:
            console.print(show._draw())
    finally:
        show.close()
    text = drawn.get()
    assert "generation 1 of 2" in text and "75%" in text
    assert "current fitness 1.50" in text and "1.1" in text
    plain = Text.from_ansi(text).plain
    assert max(len(line.rstrip()) for line in plain.split("\n")) <= width
    assert "hello" in screen.getvalue() and "\x1b[2J" not in screen.getvalue().replace("\x1b[2K", "")


def test_a_rung_says_who_is_dropped_and_at_what_fitness():
    lines: list[str] = []
    show = display.Plain(lines.append)
    show(events.TrainingBegan(("1.0", "1.1", "1.2")))
    show(events.RungReached(4096, {0: 1.0, 2: 0.5}, (2,)))
    show(events.RungReached(8192, {0: 1.0}, ()))
    assert lines[1:] == ["  step 4096: 1.2 (0.500) dropped, 1 continue", "  step 8192: none dropped, 1 continue"]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=30, highlight=False)
    live = Live(console)
    try:
        for event in (*EVENTS[:7], events.RungReached(4096, {0: 1.5, 1: 0.5}, (1,))):
            live(event)
        with console.capture() as drawn:
            console.print(live._draw())
    finally:
        live.close()
    assert "1.1 (0.500) dropped" in screen.getvalue()
    assert "1.1  dropped at fitness 0.500" in Text.from_ansi(drawn.get()).plain


def test_names_of_displays_are_checked():
    with pytest.raises(Exception, match="give one of auto, live, plain, json, none"):
        factory.make("fancy")


def test_a_terminal_gets_the_live_view_and_a_pipe_gets_lines(fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run in a pseudo-terminal: the region is drawn, taken away, and the table is left."""
    arguments = ["run", "cartpole", "--out", "run", "--generations", "1", "--samples", "2", "--steps", "8192"]
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    show = Live.__call__

    def show_and_draw(live: Live, event: events.Event) -> None:
        """Made-up trainings take less time than the region waits between two drawings."""
        show(live, event)
        if live._region.is_started:
            live._region.refresh()

    monkeypatch.setattr(Live, "__call__", show_and_draw)
    mine, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=lambda: shown.extend(read_all(mine)))
    reader.start()
    with open(theirs, "w") as terminal, contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
        code = main(arguments)
    reader.join()
    text = shown.decode(errors="replace")
    assert code == 0, text
    assert "training 2 policies" in text and "current fitness" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0, "the cursor is back"
    assert text.rstrip().endswith("next: eureka report run")


def read_all(terminal: int) -> bytes:
    """What is written to a pseudo-terminal until its other side is closed."""
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            shown += part
    return shown


def test_the_time_left_of_a_resumed_training_is_that_of_what_is_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("eureka.display.plain.time.monotonic", lambda: now[0])
    pace = format.Pace()
    now[0] = 10.0
    words = pace.words(replace(REPORT, steps=1000, steps_left=20_000))
    assert words == "0.1 k world-steps/s   0:10 elapsed, ~3:20 left in training"


def drawn(width: int, height: int, candidates: int, dropped: tuple[int, ...] = ()) -> str:
    """What the live view shows of so many candidates in training, of fitness 0, 1, 2 and so on."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, height=height, highlight=False)
    show = Live(console)
    try:
        show(events.GenerationBegan(1, 2))
        show(events.TrainingBegan(tuple(f"1.{i}" for i in range(candidates))))
        fitness = [float(i) for i in range(candidates)]
        show(events.Progressed(tuple(range(candidates)), replace(REPORT, fitness=fitness)))
        show(events.RungReached(4096, dict(enumerate(fitness)), dropped))
        with console.capture() as found:
            console.print(show._draw())
    finally:
        show.close()
    return Text.from_ansi(found.get()).plain


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("height", [10, 24, 60])
def test_eighty_candidates_fit_any_screen_and_the_best_is_among_those_shown(width: int, height: int):
    lines = drawn(width, height, 80, dropped=(0, 1)).rstrip("\n").split("\n")
    assert max(len(line.rstrip()) for line in lines) <= width and len(lines) <= max(height - 1, 7)
    text = "\n".join(lines)
    assert "1.79" in text and "79.00" in text
    left_out = [line for line in lines if "more, none better" in line]
    if width == 200 and height == 24:
        assert not left_out and "0.00 dropped" in text and "1.40" in text, "there is room for all"
    if left_out and width >= 40:
        count = int(left_out[0].split()[1])
        assert sum(line.count("  1.") for line in lines) == 80 - count


def test_times_are_not_lost_on_a_narrow_screen():
    text = drawn(40, 24, 3)
    assert "k world-steps/s" in text and "left in training" in text and "\u2026" not in text


def test_lines_are_folded_between_words_and_go_on_indented():
    line = "  1.0    fitness  500.00   from step 32768     cart_velocity_inverse + pole_angle_bell + alive"
    found = fold(line, 40).split("\n")
    assert found == [
        "  1.0    fitness  500.00   from step",
        "      32768     cart_velocity_inverse +",
        "      pole_angle_bell + alive",
    ]
    assert fold("a\n\n" + line, 200) == "a\n\n" + line


def test_a_table_too_wide_for_its_terminal_becomes_a_list():
    table = Table("reward", "fitness", "95% interval")
    table.add_row(Text("evolved\x1b[2J"), "500.00", "480.00 .. 520.00")

    def printed(width: int, terminal: bool) -> str:
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=terminal, width=width, color_system=None, soft_wrap=True)
        terminal_.show(console, table)
        return screen.getvalue()

    wide = printed(80, True)
    assert "reward" in wide and wide.count("\n") >= 4
    assert printed(30, True).split("\n") == [
        "", "reward", "evolved [2J", "  fitness       500.00", "  95% interval  480.00 ..", "      520.00", "",
    ]  # fmt: skip
    assert "500.00" in printed(30, False) and "  fitness       500.00" not in printed(30, False)


@pytest.mark.parametrize("extra", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_colours_are_kept_from_whoever_wants_none(tmp_path: Path, extra: dict[str, str]):
    """In a pseudo-terminal: no colour with NO_COLOR, and no escape at all on a dumb one."""
    command = [str(Path(sys.executable).parent / "eureka"), "inspect", str(EXAMPLE), "--best"]
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")} | {"TERM": "xterm-256color"}
    mine, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, stdout=theirs, env=environment | extra)
    os.close(theirs)
    shown = read_all(mine)
    assert process.wait() == 0 and b"compute_reward" in shown
    colours = set(re.findall(rb"\x1b\[([0-9;]*)m", shown))
    if not extra:
        assert any(b"3" in colour for colour in colours)
    else:
        assert not {c for c in colours if re.search(rb"(^|;)(3[0-9]|9[0-7]|4[0-8])(;|$)", c)}
    if extra == {"TERM": "dumb"}:
        assert b"\x1b" not in shown
