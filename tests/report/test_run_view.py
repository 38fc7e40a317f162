"""What the pages say of a run is what its journal says, however much of it there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.journals import (
    EXAMPLE,
    Event,
    beginning,
    example,
    example_record,
    failing,
    grown,
    halves,
    of_kind,
    reading,
    write_run,
)

from eureka.errors import UserError
from eureka.report.document import document, failures
from eureka.report.lineage import ancestors
from eureka.runs.store import at_work

FAILED = {"stage": "train", "message": "NaN"}


def test_the_recorded_run_reads_as_it_went():
    run = reading(EXAMPLE)
    assert run.searching and run.finished and run.winner == "1.0" and run.best is run.entries["1.0"]
    assert [e.parent for e in run.entries.values()] == [None] * 4 + ["1.0"] * 4
    assert ancestors(run, run.entries["2.3"]) == ["1.0", "2.3"]
    assert [e.state for e in run.entries.values()] == ["trained"] * 8
    assert [(p.generation, p.asked) for p in run.prompts] == [
        (1, ("1.0", "1.1", "1.2", "1.3")),
        (2, ("2.0", "2.1", "2.2", "2.3")),
    ]
    assert [(f.key, f.seed) for f in run.finals] == [(k, s) for k in ("evolved", "human", "sparse") for s in range(3)]
    assert run.progress.words == "finished" and run.progress.share == 1.0


def test_every_beginning_of_a_journal_can_be_shown(tmp_path: Path):
    """A run may stop between any two events; its report then says what there is."""
    events, shares = example(), []
    for count in range(len(events) + 1):
        folder = write_run(tmp_path / str(count), events[:count])
        text = document(folder)
        assert "not finished" in text or count == len(events)
        shares.append(reading(folder).progress.share)
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == 1.0


def test_progress_is_told_by_the_last_event(tmp_path: Path):
    events = example()
    journals: list[tuple[list[Event], str]] = [
        (beginning(events, "prompt"), "generation 1 of 2: asking the designer"),
        (beginning(events, "answer", 4), "generation 1 of 2: compiling, 0 of 4 rewards checked in the sandbox"),
        (beginning(events, "checkpoint", 3), "generation 1 of 2: training 4 policies, checkpoint 3 of 8"),
        (beginning(events, "checkpoint", 24), "final comparison: training 9 policies, checkpoint 8 of 8"),
    ]
    for i, (part, words) in enumerate(journals):
        assert reading(write_run(tmp_path / str(i), part)).progress.words == words


def test_the_end_is_estimated_from_the_pace_since_the_process_began(tmp_path: Path):
    """Two generations of 4 trainings and a comparison of 9, whose times are as 4**0.75 and 9**0.75, 26, 26 and 48 %.

    The pace is that from the first of eight checkpoints, at 21.25 % of the first training, to the fourth, at 55 %; the
    start of the processes, here 60 s, does not count.
    """
    events = halves()[0]
    for event in events[:-4]:
        event["time"] -= 60.0
    folder = write_run(tmp_path / "run", events)
    assert reading(folder).progress.end is None, "no process"
    (folder / "orchestrator.lock").touch()
    first, *_, last = [e["time"] for e in halves()[0] if e["event"] == "checkpoint"]
    for begun, known in ((last - 100.0, True), (last - 1.0, False), (last + 100.0, False)):
        os.utime(folder / "orchestrator.lock", (begun, begun))
        progress = reading(folder).progress
        assert (progress.end is not None) is known
        if progress.end is not None:
            assert progress.end - last == pytest.approx(
                (last - first) * (1 - 0.55 * 0.261) / (0.3375 * 0.261), rel=0.01
            )


def test_times_sum_to_the_elapsed_time_and_parallel_calls_count_once(tmp_path: Path):
    """Both replies are awaited from 1001.5 to 1004; of 10 s of the last training the clocks know 4."""
    reply = {"slot": 0, "text": "x", "finish": "stop"}
    answer = {"replies": [reply], "model": "m", "called": True, "prompt_tokens": 100, "completion_tokens": 20}
    events: list[Event] = [
        example()[0] | {"time": 1000.0},
        {"event": "prompt", "time": 1001.0, "generation": 1, "attempt": 0, "sha256": "a", "messages": [],
         "parents": []},
        {"event": "answer", "time": 1003.0, "generation": 1, "attempt": 0, "prompt": "a",
         "answer": answer | {"usd": 0.5, "seconds": 1.5, "cached_tokens": 40}},
        {"event": "answer", "time": 1004.0, "generation": 1, "attempt": 0, "prompt": "a",
         "answer": answer | {"replies": [reply | {"slot": 1}], "usd": None, "seconds": 2.5}},
        {"event": "verdict", "time": 1004.75, "generation": 1, "slot": 0, "attempt": 0, "code": None, "notes": [],
         "failed": {"stage": "extract", "message": "none"}, "program": None, "fingerprint": None},
        {"event": "trained", "time": 1010.0, "training": "generation-1-0", "members": [], "until": None, "outcomes": [],
         "seconds": {"env": 2.0, "learning": 1.0}},
        {"event": "trained", "time": 1020.0, "training": "final", "members": [], "until": None, "outcomes": [],
         "seconds": {"env": 4.0}},
    ]  # fmt: skip
    costs = reading(write_run(tmp_path / "run", events)).costs
    assert [(p.name.split(":")[-1].strip(), p.search, p.final) for p in costs.parts] == [
        ("waiting for replies", 2.5, 0.0),
        ("sandbox and pre-flight", 0.75, 0.0),
        ("simulation, rewards, resets", 2.0, 4.0),
        ("learning", 1.0, 0.0),
        ("not timed (starting processes, writing files)", 3.75, 6.0),
    ]
    assert sum(p.seconds for p in costs.parts) == costs.elapsed == 20.0
    assert (costs.calls, costs.prompt_tokens, costs.cached_tokens, costs.completion_tokens) == (2, 200, 40, 40)
    assert costs.usd == 0.5 and not costs.priced


def test_a_reply_that_was_mended_is_shown_with_the_one_before(tmp_path: Path):
    events = failing(example(), 1, 2, "compile", "unknown name pole_angel")
    answer = next(e for e in of_kind(events, "answer") if e["answer"]["replies"][0]["slot"] == 2)
    mended = {**answer, "attempt": 1, "answer": answer["answer"] | {"replies": [{"slot": 2, "text": "mended"}]}}
    verdict = next(e for e in of_kind(example(), "verdict") if (e["generation"], e["slot"]) == (1, 2))
    place = next(i for i, e in enumerate(events) if e["event"] == "training")
    events[place:place] = [mended, verdict | {"attempt": 1}]
    run = reading(write_run(tmp_path / "run", events))
    entry = run.entries["1.2"]
    assert [(a.number, a.failed.stage if a.failed else None) for a in entry.attempts] == [(0, "compile"), (1, None)]
    assert entry.state == "trained" and entry.candidate.reply == "mended"
    assert failures(run) == {"compile": [("1.2", 0, "line 3: unknown name pole_angel", True)]}


def test_an_equal_program_is_a_duplicate_with_the_fitness_of_the_first(tmp_path: Path):
    events, record = grown(generations=2, samples=8)
    run = reading(write_run(tmp_path / "run", events, record))
    assert run.entries["2.5"].state == "duplicate" and run.entries["2.5"].candidate.duplicate_of == "2.4"
    assert run.entries["2.5"].score == run.entries["2.4"].score is not None
    assert run.original(run.entries["2.5"]) is run.entries["2.4"]
    assert {s: run.count(s) for s in ("trained", "failed", "duplicate")} == {
        "trained": 12, "failed": 2, "duplicate": 2
    }  # fmt: skip


def raced() -> list[Event]:
    """The recorded run's first generation as a race with a rung at the fourth checkpoint, at which two are dropped."""
    before, _ = halves()
    *after, trained = beginning(example(), "trained")[len(before) :]
    outcomes = [{k: v for k, v in o.items() if not k.startswith(("report", "metrics"))} for o in trained["outcomes"]]
    outcomes = [o | {"steps": 65536, "selection": 100.0 + i} for i, o in enumerate(outcomes)]
    about = {"time": trained["time"], "training": trained["training"]}
    rung = {"event": "trained", **about, "members": [0, 1, 2, 3], "until": 64, "outcomes": outcomes, "publish": {}}
    cut = {"event": "raced", **about, "until": 64, "dropped": [1, 2]}
    end = trained | {"members": [0, 3], "outcomes": [trained["outcomes"][0], trained["outcomes"][3]]}
    return [*before, rung, cut, *after, end]


def test_who_was_dropped_in_a_race_keeps_its_curves_and_its_fitness_by_then(tmp_path: Path):
    events = raced()
    run = reading(write_run(tmp_path / "run", events))
    assert [e.state for e in run.entries.values()] == ["trained", "dropped", "dropped", "trained"]
    assert run.entries["1.1"].score == 101.0 and run.entries["1.1"].curves is not None
    assert run.best is not None and run.best.name == "1.0"
    assert "Stopped by racing at step 65,536" in document(tmp_path / "run")
    half = reading(write_run(tmp_path / "half", beginning(events, "raced")))
    assert half.progress.words == "generation 1 of 2: training 2 of 4 policies, checkpoint 4 of 8"
    assert [e.state for e in half.entries.values()] == ["training", "dropped", "dropped", "training"]


def test_curves_are_shown_while_a_training_goes_on(tmp_path: Path):
    """From the points that checkpoints leave; one that was made again after a crash counts once."""
    events = beginning(example(), "training")
    point = {"training_fitness": None, "episode_length": 20.0, "total": 1.5, "kl": 0.01, "learning_rate": 0.001,
             "action_std": 1.0, "components": {"up": 0.5}, "least": {"up": 0.0}, "greatest": {"up": 1.0}}  # fmt: skip
    for steps, fitness in ((100, 3.0), (200, 7.0), (200, 7.0), (300, None)):
        points = {"candidates/1.2": point | {"steps": steps, "fitness": fitness}}
        events.append({"event": "checkpoint", "time": 1.0, "training": "generation-1-0", "members": [2], "number": 0,
                       "file": "x", "sha256": "x", "points": points})  # fmt: skip
    run = reading(write_run(tmp_path / "run", events))
    entry = run.entries["1.2"]
    assert (entry.state, entry.score, run.best) == ("training", 7.0, None)
    assert entry.curves is not None and entry.curves.steps == [100, 200, 300] and entry.curves.fitness[:2] == [3.0, 7.0]
    assert "Best fitness on selection episodes so far: 7.00" in document(tmp_path / "run")


@pytest.mark.parametrize(
    "broken",
    [
        {"event": "trained", "training": "final", "members": [0, 1], "until": None, "outcomes": []},
        {"event": "trained", "training": "generation-1-0", "members": [7], "until": None, "outcomes": [FAILED]},
        {"event": "training", "training": "generation-3-0", "members": [], "warm": None},
    ],
)
def test_events_that_contradict_each_other_end_in_one_sentence(tmp_path: Path, broken: Event):
    folder = write_run(tmp_path / "run", [*example()[:-1], broken])
    with pytest.raises(UserError, match="run is damaged"):
        document(folder)


def test_a_journal_with_any_numbers_can_be_shown(tmp_path: Path):
    """JSON of a stranger's may hold what no float can, and clocks that were never right."""
    text = (EXAMPLE / "events.jsonl").read_text()
    folder = write_run(tmp_path / "run", [], example_record())
    strange = [
        *(("500.0", number) for number in ("1e400", "NaN", "-Infinity", "1e308")),
        ("0.0", "5e-324"),
        ("131072", str(10**400)),
        ('"time": 1', '"time": -1e300'),
        ('"time": 1', '"time": 9' + "9" * 400),
    ]
    for old, new in strange:
        (folder / "events.jsonl").write_text(text.replace(old, new))
        try:
            assert "</html>" in document(folder), (old, new)
        except UserError as error:
            assert "damaged" in str(error)


@pytest.mark.parametrize("ended", [False, True])
def test_a_run_that_claims_a_billion_generations_or_seeds_can_be_shown(tmp_path: Path, ended: bool):
    record, extended = example_record(), {"event": "extended", "time": 2e9, "generations": 10**9}
    record["settings"] |= {"final_seeds": 10**9, "samples": 10**9}
    folder = write_run(tmp_path / "run", [*example(), extended, *([example()[-1]] if ended else [])], record)
    assert "</html>" in document(folder)


def test_a_run_is_at_work_while_its_lock_is_held(tmp_path: Path):
    assert not at_work(tmp_path)
    lock = tmp_path / "orchestrator.lock"
    lock.write_text("1\n")
    assert not at_work(tmp_path)
    code = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        assert at_work(tmp_path) and lock.read_text() == "1\n"
    finally:
        holder.communicate("\n", timeout=10)
    assert not at_work(tmp_path)
