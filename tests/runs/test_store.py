"""The run folder: whole or not at all, one owner, nothing outside it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eureka.config.settings import Evaluation, Settings
from eureka.config.tasks import load_task
from eureka.errors import RunBusy, StorageFault, UserError
from eureka.runs import store
from eureka.runs.journal import (
    ArmsEvent,
    BaselineEvent,
    CutEvent,
    PublishedFile,
    SplitEvent,
    StartedEvent,
    TrainedEvent,
    read_journal,
)
from eureka.runs.store import Run, create, find_run, task_of
from eureka.system.files import write_whole
from eureka.system.paths import shipped


def settings() -> Settings:
    preset = load_task("cartpole").file.presets["cpu"]
    return Settings.model_validate(preset.model_dump() | {"preset": "cpu"})


@pytest.fixture
def run(tmp_path: Path):
    r = create(tmp_path / "run", load_task("cartpole"), settings(), {"eureka": "test"})
    yield r
    with contextlib.suppress(OSError):  # closed by the test
        r.close()


def reopened(r: Run) -> Run:
    r.close()
    return Run(r.folder)


def cut(members: int) -> CutEvent:
    return CutEvent(members=members)


def publishing(place: str, sha256: str) -> TrainedEvent:
    files = {place: PublishedFile(file="scratch/policy", sha256=sha256)}
    return TrainedEvent(training="final", members=[], until=None, outcomes=[], publish=files)


def test_events_are_found_again_after_a_restart(run: Run):
    run.append(BaselineEvent(arm="human", program="a"))
    run.append(cut(4))
    run.append(BaselineEvent(arm="sparse", program="b"))
    again = reopened(run)
    assert again.events == run.events
    found = again.find(BaselineEvent, arm="sparse")
    assert found is not None and found.program == "b"
    assert again.find(BaselineEvent, arm="evolved") is None
    assert [e.arm for e in again.all(BaselineEvent)] == ["human", "sparse"]
    assert again.settings == run.settings
    again.close()


def test_an_event_is_on_the_disk_before_it_is_known(run: Run, monkeypatch: pytest.MonkeyPatch):
    """A power cut after `append` returned must not lose what was acted upon."""
    synced: list[tuple[bytes, int]] = []

    def fsync(descriptor: int) -> None:
        assert os.path.sameopenfile(descriptor, run._journal)
        synced.append(((run.folder / "events.jsonl").read_bytes(), len(run.events)))

    known = len(run.events)
    monkeypatch.setattr(store.os, "fsync", fsync)
    run.append(cut(3))
    ((written, then),) = synced
    assert written.endswith(b"\n") and b'"cut"' in written, "the whole line was written"
    assert then == known, "and it was not known yet"


def test_the_latest_of_equal_events_is_found(run: Run):
    about = {"training": "final", "members": [0, 1], "until": None}
    for reason in ("first", "second"):
        run.append(SplitEvent(**about, reason=reason))
    found = run.find(SplitEvent, **about)
    assert found is not None and found.reason == "second"


def test_the_settings_in_effect_have_the_evaluation_as_fitted_and_the_record_keeps_the_given_one(run: Run):
    fitted = Evaluation(checkpoints=1, selection_episodes=2, report_episodes=4)
    assert run.settings.evaluation != fitted
    run.append(StartedEvent(evaluation=fitted, sandbox={}, fence="", sizes=None))
    assert run.settings.evaluation == fitted and run.record.settings == settings()
    run.close()
    resumed = Run(run.folder, settings().model_copy(update={"llm": "manual"}))
    assert resumed.settings == settings().model_copy(update={"evaluation": fitted, "llm": "manual"})
    resumed.close()
    assert read_journal(run.folder).settings.llm == "search", "what a resume changes is not recorded"


def test_a_run_is_recorded_as_a_search_or_as_a_comparison(run: Run, tmp_path: Path):
    assert run.record.kind == "search" and run.arms is None
    asked = ArmsEvent(arms=(), controls=("search",))
    other = create(tmp_path / "other", load_task("cartpole"), settings(), {}, asked)
    assert other.record.kind == "comparison" and other.arms == asked and other.events == [asked]
    other.close()
    (tmp_path / "other" / "events.jsonl").write_text("")
    with pytest.raises(UserError, match="does not say what is compared"):
        _ = read_journal(tmp_path / "other").arms


def test_what_is_recorded_is_not_produced_again(run: Run):
    made = []
    for _ in range(2):
        event = run.once(CutEvent, {}, lambda: {"members": made.append(1) or len(made)})
    assert event.members == 1 and made == [1]


@pytest.mark.parametrize("torn", ['{"event": "cu', '{"event": "cut", "time": 1.0, "members": 3}', "\x00\x00\x00"])
def test_a_line_cut_off_by_a_crash_is_dropped_and_overwritten(run: Run, torn: str):
    run.append(cut(1))
    run.close()
    with open(run.folder / "events.jsonl", "a") as journal:
        journal.write(torn)
    again = Run(run.folder)
    again.append(cut(2))
    again.close()
    assert [e.members for e in read_journal(run.folder).all(CutEvent)] == [1, 2]


def test_a_damaged_whole_line_is_reported_not_skipped(run: Run):
    run.append(cut(1))
    run.close()
    with open(run.folder / "events.jsonl", "a") as journal:
        journal.write("not json\n")
    with pytest.raises(UserError, match="line 2: damaged"):
        Run(run.folder)


def test_a_second_process_is_refused_and_the_first_named(run: Run):
    code = f"from eureka.runs.store import Run; from pathlib import Path; Run(Path({str(run.folder)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RunBusy" in other.stderr and f"process {os.getpid()}" in other.stderr


def test_a_resume_waits_until_workers_of_the_dead_are_gone(run: Run, monkeypatch):
    # a worker that outlives its orchestrator holds the lock it inherited
    worker = subprocess.Popen(["sleep", "1.5"], pass_fds=[run.workers_lock])
    with worker:
        run.close()
        monkeypatch.setattr(store, "_PATIENCE", 0.2)
        with pytest.raises(RunBusy, match="helper process"):
            Run(run.folder)
        monkeypatch.setattr(store, "_PATIENCE", 10)
        Run(run.folder).close()
        assert worker.wait() == 0


def test_a_file_is_published_even_if_the_move_was_interrupted(run: Run):
    source = run.folder / "scratch" / "policy"
    source.write_bytes(b"weights")
    sha256 = store._hash(source)
    run.append(publishing("final/policy", sha256))
    again = reopened(run)  # killed between the journal and the move
    assert (again.folder / "final" / "policy").read_bytes() == b"weights" and not source.exists()
    again.close()
    Run(run.folder).close()  # and once more, after the move


def test_a_published_file_that_was_changed_is_named(run: Run):
    source = run.folder / "scratch" / "policy"
    source.write_bytes(b"weights")
    run.append(publishing("final/policy", store._hash(source)))
    reopened(run).close()
    (run.folder / "final" / "policy").write_bytes(b"other")
    with pytest.raises(UserError, match="final/policy is missing or was changed"):
        Run(run.folder)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_strangers_journal_cannot_lead_out_of_its_folder(run: Run, path: str):
    run.append(publishing(path, ""))
    run.close()
    with pytest.raises(UserError, match=r"outside the run"):
        Run(run.folder)


def test_a_task_inside_the_run_is_data_and_not_run(run: Run):
    run.close()
    record = json.loads((run.folder / "run.json").read_text())
    record["task_file"] = str(run.folder / "task" / "cartpole.yaml")
    (run.folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="its code is not run"):
        task_of(run.folder)


def test_a_changed_task_file_is_named_on_resume(tmp_path: Path):
    shutil.copytree(shipped("tasks"), tmp_path / "mine")
    task = load_task(str(tmp_path / "mine" / "cartpole.yaml"))
    run = create(tmp_path / "run", task, settings(), {})
    run.close()
    assert task_of(run.folder) == task
    (tmp_path / "mine" / "cartpole" / "task.py").write_text("# other")
    with pytest.raises(UserError, match=r"cartpole/task.py was changed since the run began"):
        task_of(run.folder)
    assert (run.folder / "task" / "cartpole" / "task.py").read_text() != "# other", "the copy is what it was"


@pytest.mark.parametrize("harm", ["changed", "link", "gone"])
def test_a_copy_of_a_missing_task_that_is_not_what_it_was_is_not_run(tmp_path: Path, harm: str):
    home = tmp_path / "mine"
    shutil.copytree(shipped("tasks") / "cartpole", home / "cartpole")
    shutil.copy(shipped("tasks") / "cartpole.yaml", home)
    run = create(tmp_path / "run", load_task(str(home / "cartpole.yaml")), settings(), {})
    run.close()
    home.rename(tmp_path / "moved")
    assert task_of(run.folder).module == run.folder / "task" / "cartpole" / "task.py"
    copy = run.folder / "task" / "cartpole" / "task.py"
    copy.unlink()
    if harm == "changed":
        copy.write_text("# other")
    elif harm == "link":
        copy.symlink_to(tmp_path / "moved" / "cartpole" / "task.py")
    with pytest.raises(UserError, match=r"is missing, and .*task/cartpole/task.py, the run's copy, is missing or was"):
        task_of(run.folder)


def test_files_of_a_task_outside_its_yamls_folder_are_copied_into_the_run(tmp_path: Path):
    home = tmp_path / "mine"
    shutil.copytree(shipped("tasks") / "cartpole", home)
    text = (shipped("tasks") / "cartpole.yaml").read_text().replace("cartpole/rewards", "../rewards")
    (home / "yaml").mkdir()
    (home / "yaml" / "own.yaml").write_text(text.replace("cartpole/task.py", "../task.py"))
    run = create(tmp_path / "run", load_task(str(home / "yaml" / "own.yaml")), settings(), {})
    run.close()
    assert {p.name for p in (run.folder / "task").iterdir()} == {"yaml", "task.py", "rewards"}
    home.rename(tmp_path / "moved")
    assert task_of(run.folder).path == run.folder / "task" / "yaml" / "own.yaml"


def test_a_folder_in_use_is_not_taken_for_a_new_run(run: Run, tmp_path: Path):
    with pytest.raises(UserError, match=r"exists already; to resume that run: eureka resume"):
        create(run.folder, load_task("cartpole"), settings(), {})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"exists already$"):
        create(tmp_path / "full", load_task("cartpole"), settings(), {})


@pytest.mark.parametrize("killed_in", ["copyfile", "rmtree"])
def test_a_folder_that_a_kill_left_half_made_or_half_cleared_is_in_nobodys_way(tmp_path: Path, killed_in: str):
    folder = tmp_path / "run"
    child = os.fork()
    if not child:
        setattr(store.shutil, killed_in, lambda *_, **__: os._exit(9))
        run = create(folder, load_task("cartpole"), settings(), {})
        run.append(cut(1))
        store.discard(folder, run.made)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert folder.exists() and not (folder / "run.json").exists()
    run = create(folder, load_task("cartpole"), settings(), {})
    assert run.events == []
    run.close()


def test_a_run_that_never_began_leaves_none_of_the_folders_made_for_it(tmp_path: Path):
    begun = [create(tmp_path / "runs" / "cartpole" / name, load_task("cartpole"), settings(), {}) for name in "ab"]
    for run in begun:
        run.close()
    store.discard(begun[0].folder, begun[0].made)
    assert begun[1].folder.is_dir() and not begun[0].folder.exists()
    store.discard(begun[1].folder, [*begun[1].made, *begun[0].made])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["/proc/x/y", "file/x", "x" * 300])
def test_a_place_where_no_run_can_be_is_a_sentence(tmp_path: Path, out: str):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written: .*; choose another path with --out"):
        create(tmp_path / out, load_task("cartpole"), settings(), {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_whose_folder_was_moved_stops_and_makes_no_second_one(run: Run, tmp_path: Path):
    run.append(cut(1))
    run.folder.rename(tmp_path / "moved")
    for write in (lambda: run.append(cut(2)), lambda: run.write("candidates/1.0/record.json", "{}")):
        with pytest.raises(UserError, match="run was moved or removed during the run"):
            write()
    assert not run.folder.exists() and len(read_journal(tmp_path / "moved").events) == 1


@pytest.fixture
def three_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An old and a new run of a task, and a newer one of another, with a control search that is newer still."""
    monkeypatch.chdir(tmp_path)
    for place, task in (("a/new", "a"), ("a/old", "a"), ("b/one", "b"), ("b/one/controls/search", "b")):
        folder = tmp_path / "runs" / place
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"task": task}))
        time = {"new": 2, "old": 1, "one": 3, "search": 4}[folder.name]
        (folder / "events.jsonl").write_text(json.dumps({"event": "started", "time": time}) + "\n")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("[")
    return tmp_path


@pytest.mark.parametrize(
    "name, expected", [("latest", "runs/b/one"), ("a", "runs/a/new"), ("runs/a/old", "runs/a/old")]
)
def test_latest_and_a_task_stand_for_the_newest_run(three_runs: Path, capsys, name: str, expected: str):
    assert find_run(name) == three_runs / expected
    assert capsys.readouterr().err == ("" if name == expected else f"run {expected}\n")


def test_the_path_of_a_run_comes_before_a_name_and_a_near_miss_is_told(three_runs: Path):
    (three_runs / "a").mkdir()  # as `eureka new-task a` makes it
    assert find_run("a") == three_runs / "runs" / "a" / "new"
    (three_runs / "a" / "run.json").touch()
    assert find_run("a") == three_runs / "a"
    with pytest.raises(UserError, match=r"latst does not exist .did you mean 'latest'"):
        find_run("latst")
    with pytest.raises(UserError, match="there is no run of cartpole in"):
        find_run("cartpole")


def test_hostile_runs_do_not_stop_the_search_for_the_newest_one(three_runs: Path):
    for name, time in (("pipe", None), ("device", None), ("never", math.nan), ("none", "x")):
        folder = three_runs / "runs" / name
        folder.mkdir()
        (folder / "run.json").write_text('{"task": "b"}')
        journal = folder / "events.jsonl"
        if time is not None:
            journal.write_text(json.dumps({"time": time}) + "\n")
        elif name == "pipe":
            os.mkfifo(journal)
        else:
            journal.symlink_to("/dev/zero")
        os.utime(folder / "run.json", (0, 0))
    assert find_run("b") == three_runs / "runs" / "b" / "one"
    with pytest.raises(UserError, match="holds no run"):
        find_run("")


@pytest.mark.parametrize("name, expected", [("nowhere", "does not exist"), (".", "holds no run")])
def test_a_missing_run_is_said_to_be_missing(tmp_path: Path, monkeypatch, name: str, expected: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=expected):
        find_run(name)


def test_a_full_disk_loses_nothing_that_was_recorded(run: Run, monkeypatch):
    run.append(cut(1))
    real = os.write

    def full(descriptor: int, data) -> int:
        if descriptor == run._journal:
            real(descriptor, bytes(data)[:5])  # half a line arrives
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(store.os, "write", full)
    with pytest.raises(StorageFault, match="the disk is full"):
        run.append(cut(2))
    monkeypatch.undo()
    run.append(cut(3))
    assert [e.members for e in read_journal(run.folder).all(CutEvent)] == [1, 3]


def test_a_link_in_the_place_of_a_half_written_file_leads_nowhere(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "report.html.tmp").symlink_to(victim)
    write_whole(tmp_path / "report.html", b"new")
    assert victim.read_text() == "mine" and (tmp_path / "report.html").read_bytes() == b"new"
    assert not (tmp_path / "report.html").is_symlink()


def test_events_of_several_threads_are_whole_and_all_there(tmp_path: Path):
    run = create(tmp_path / "run", load_task("cartpole"), settings(), {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: run.append(BaselineEvent(arm=str(i), program="x" * 5000)), range(200)))
    run.close()
    assert sorted(int(e.arm) for e in read_journal(tmp_path / "run").all(BaselineEvent)) == list(range(200))
