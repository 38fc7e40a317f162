"""`eureka resume RUN --generations N`: a finished search continues, is interrupted, and is extended again."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest
from support.cli import SMALL, Cli, sentence, start_command, workers
from support.events import cut_before, events_of
from support.fakes import Crash, crash_at

from eureka.experiment import estimate
from eureka.report.run_view import read
from eureka.runs.journal import read_journal
from eureka.video.selection import select

SIZES = (*SMALL, "--generations", 1, "--seed", 4)
"""One in which generation 2 has a new winner, and generation 3 has none (with trainers that do not train)."""


@pytest.fixture
def run(cli: Cli, fakes, tmp_path: Path) -> Path:
    assert cli("run", "cartpole", "--out", "run", *SIZES).returncode == 0
    return tmp_path / "run"


def result(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())


def policies(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("policy.safetensors")}


def extended(cli: Cli, run: Path, *arguments: object) -> str:
    done = cli("resume", run, "--generations", 1, "--display", "plain", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_that_is_extended_twice_keeps_its_trainings_and_its_comparisons(cli: Cli, run: Path, tmp_path: Path):
    first, kept = result(run), policies(run)
    assert "estimate: " in extended(cli, run)
    second, more = result(run), policies(run)
    assert kept.items() <= more.items(), "no policy is overwritten"
    assert second["settings"]["generations"] == 2 and first["winner"] != second["winner"]
    assert {c["generation"] for c in second["candidates"]} == {1, 2}
    assert second["earlier"] == [{"generations": 1, "winner": first["winner"], "comparison": first["comparison"]}]
    of = [{arm["name"]: arm["fitness"] for arm in found["comparison"]["arms"]} for found in (first, second)]
    assert of[0].pop("evolved") != of[1].pop("evolved") and of[0] == of[1]
    final = [place for place in more.keys() - kept.keys() if place.startswith("final/")]
    assert sorted(final) == [f"final/round-2/evolved-{seed}/policy.safetensors" for seed in (0, 1)]
    (player,) = select(str(run), None, None, None).players
    assert player.file == run / "final/round-2/evolved-0/policy.safetensors"
    (old,) = select(str(run / "final/evolved-0/policy.safetensors"), None, None, None).players
    assert old.file == run / "final/evolved-0/policy.safetensors" and old.program != player.program

    extended(cli, run)
    third = result(run)
    assert third["winner"] == second["winner"] and third["comparison"] == second["comparison"]
    assert [e["generations"] for e in third["earlier"]] == [1, 2]
    assert {p for p in policies(run) if p.startswith("final/")} == {p for p in more if p.startswith("final/")}
    validated = [tuple(m) for e in events_of(run, "training") if "validation" in e["training"] for m in e["members"]]
    assert len(validated) == len(set(validated)), "a finalist is validated once"

    shown = cli("inspect", run).stdout
    assert shown.index("after 2 generations: winner") < shown.index("after 1 generation: winner")
    view = read(read_journal(run))
    assert view.settings.generations == 3 and [n for n, _ in view.earlier] == [2, 1]
    assert len(view.finals) == 6 and view.progress.words == "finished"
    assert cli("report", run, "--out", "page.html").returncode == 0
    assert (tmp_path / "page.html").read_text().count("<h2>Earlier comparison") == 2
    compared = cli("compare", run, "--seeds", 2, "--out", "compared")
    assert "6 of 6 trainings are taken from" in compared.stdout, compared.stderr


MOMENTS = {"extended": 1, "trained": 1, "finalists": 1, "checkpoint": -1}
"""Events, and which one of the extension: in its search, before the validation, and in the final comparison."""


def test_a_crash_in_an_extension_does_not_change_the_result(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, run: Path, tmp_path: Path
):
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    extended(cli, whole)
    for kind, place in MOMENTS.items():
        count = place if place > 0 else len(events_of(whole, kind)) - len(events_of(run, kind))
        crashed = Path(shutil.copytree(run, tmp_path / kind))
        with monkeypatch.context() as patch:
            crash_at(patch, kind, count)
            with pytest.raises(Crash):
                extended(cli, crashed)
        view = read(read_journal(crashed))
        assert not view.finished and len(view.earlier) == 1 and 0 < view.progress.share < 1
        assert "is not finished" in sentence(cli("resume", crashed, "--generations", 1))
        assert cli("resume", crashed).returncode == 0
        assert (crashed / "result.json").read_bytes() == (whole / "result.json").read_bytes(), kind
        assert policies(crashed) == policies(whole)


@pytest.mark.slow
def test_a_replay_has_all_generations_and_one_that_is_extended_likewise_is_the_same(
    cli: Cli, run: Path, tmp_path: Path
):
    extended(cli, run)
    replay = ("run", "cartpole", "--llm", f"replay:{run}")
    assert cli(*replay, "--out", "at-once").returncode == 0
    assert {c["generation"] for c in result(tmp_path / "at-once")["candidates"]} == {1, 2}
    assert cli(*replay, "--strict", "--generations", 1, "--out", "again").returncode == 0
    extended(cli, tmp_path / "again")
    assert (tmp_path / "again" / "result.json").read_bytes() == (run / "result.json").read_bytes()
    assert "has replies of generations up to 2, but the run would have 3" in sentence(
        cli("resume", "again", "--generations", 1)
    )
    assert read_journal(tmp_path / "again").finished, "a refused extension leaves the run as it was"
    assert "fitness" in extended(cli, tmp_path / "again", "--llm", "search")


def test_what_cannot_be_extended_is_said_in_a_sentence(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, run: Path, tmp_path: Path
):
    before = (run / "events.jsonl").read_bytes()
    assert "at least 1" in cli("resume", run, "--generations", 0).stderr
    monkeypatch.setattr(estimate, "LONG", 0.0)
    assert "add --yes" in sentence(cli("resume", run, "--generations", 1))
    assert (run / "events.jsonl").read_bytes() == before and read_journal(run).finished
    extended(cli, run, "--yes")
    assert cli("train", "cartpole", "--reward", "human", "--seeds", 1, "--out", "t", "--yes").returncode == 0
    assert "has no generations to add to" in sentence(cli("resume", "t", "--generations", 1))
    cut_before(tmp_path / "run", "finished")
    assert "is not finished" in sentence(cli("resume", run, "--generations", 1))


@pytest.mark.slow
def test_a_killed_extension_of_real_processes_ends_in_the_same_result(command: Cli, recorded: Path, tmp_path: Path):
    for name in ("whole", "killed"):
        shutil.copytree(recorded, tmp_path / name)
    assert command("resume", "whole", "--generations", 1).returncode == 0
    killed = (sys.executable, str(Path(__file__).parents[1] / "support" / "killed.py"))
    arguments: tuple[object, ...] = ("resume", "killed", "--generations", 1)
    for kill in ("after:extended:1", "after:checkpoint:2", "half:finished:1"):
        process = start_command(kill, *arguments, cwd=tmp_path, prefix=killed)
        _, said = process.communicate(timeout=500)
        assert process.returncode == -signal.SIGKILL, said
        arguments = ("resume", "killed")
    assert command("resume", "killed").returncode == 0
    assert (tmp_path / "killed" / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()
    assert policies(tmp_path / "killed") == policies(tmp_path / "whole") and workers(tmp_path / "killed") == {}
