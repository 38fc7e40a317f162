"""What a comparison may say, with numbers worked out by hand; and the command, interrupted and not."""

from __future__ import annotations

import io
import json
import shutil
import signal
from pathlib import Path

import pytest
from rich.console import Console
from support.candidates import trained
from support.cli import Cli, sentence, start_command, wait_for_event
from support.comparisons import LOST, arm, of
from support.events import cut_before, events_of, rewrite
from support.fakes import Crash, crash_at

from eureka.display.tables import show_comparison
from eureka.experiment import compare
from eureka.experiment.arms import parse_arms
from eureka.runs.candidate import Outcome, Trained
from eureka.runs.comparison import comparison
from eureka.runs.results import ArmSpec, Comparison, Reward
from eureka.workers.pool import TrainerPool


def shown(found: Comparison) -> str:
    written = io.StringIO()
    show_comparison(Console(file=written, width=200), found)
    return written.getvalue()


def against(found: Comparison, name: str = "evolved"):
    one = found.arm(name)
    assert one is not None and one.against is not None
    return one.against


def test_better_worse_and_undecided_are_told_apart():
    low, high, wide = (1.0, 1.1, 0.9), (9.0, 9.1, 8.9), (0.0, 5.0, 10.0)
    for mine, verdict in ((high, "better"), (low, "undecided"), (wide, "undecided")):
        assert against(of(arm("evolved", *mine), arm("human", *low))).verdict == verdict
    assert against(of(arm("evolved", *low), arm("human", *high))).verdict == "worse"


def test_the_interval_of_the_difference_decides_where_those_of_the_means_touch():
    # Variance 1, five seeds each: 5 +- 1.24 and 2.9 +- 1.24 nearly touch; the difference is 2.1 +- 0.63 t
    mine, theirs = (4.0, 4.5, 5.0, 5.5, 6.0), (1.9, 2.4, 2.9, 3.4, 3.9)
    one = against(of(arm("evolved", *mine), arm("human", *theirs)))
    assert one.difference is not None and one.verdict == "better" and one.seeds_needed is None
    # t of 8 degrees of freedom for 97.75 %: 2.8178; standard error sqrt(0.625 / 5 * 2) = 0.5
    assert (one.difference.mean, one.difference.low) == pytest.approx((2.1, 2.1 - 2.8178 * 0.5), abs=2e-3)


def test_an_undecided_comparison_tells_how_many_seeds_would_decide_it():
    mine, theirs = (1.0, 2.0, 3.0, 4.0, 5.0), (0.5, 1.5, 2.5, 3.5, 4.5)
    one = against(of(arm("evolved", *mine), arm("human", *theirs)))
    # about (2.28 + 0.84)^2 * (2.5 + 2.5) / 0.5^2 = 195
    assert one.verdict == "undecided" and one.seeds_needed == pytest.approx(196, abs=3)


def test_every_arm_is_held_against_the_sparse_reward_too():
    found = of(arm("evolved", 9.0, 9.1), arm("human", 8.0, 8.1), arm("sparse", 1.0, 1.1))
    held = [a.against_sparse and a.against_sparse.verdict for a in found.arms]
    assert held == ["better", None, None]


def test_every_arm_but_the_human_one_is_held_against_it():
    found = of(arm("human", 2.0, 2.0), arm("mine", 4.0, 4.0), arm("sparse", 1.0, 1.0))
    assert [a.against is None for a in found.arms] == [True, False, False]
    # (4 - 1) / (2 - 1) = 3;  sparse itself is at 0
    assert against(found, "mine").normalised == pytest.approx(3.0)
    assert against(found, "sparse").normalised == pytest.approx(0.0)
    assert of(arm("mine", 4.0, 4.1), arm("other", 1.0, 1.1)).arms[0].against is None, "nothing to hold it against"


def test_without_a_human_reward_the_sparse_one_is_the_baseline():
    found = of(arm("evolved", 9.0, 9.1), arm("sparse", 1.0, 1.1))
    one = against(found)
    assert found.baseline == "sparse" and (one.verdict, one.normalised) == ("better", None)
    assert [a.against_sparse for a in found.arms] == [None, None]
    text = shown(found)
    assert "against sparse" in text and " normalised" not in text


def test_the_seeds_of_three_searches_are_three_values():
    # 1, 2, 3: mean 2, standard deviation 1, t of 2 degrees of freedom 4.303: 2 +- 4.303 / sqrt(3) = 2.484
    name, outcomes = arm("ours", *[search + off for search in (1.0, 2.0, 3.0) for off in (-0.2, -0.1, 0.0, 0.1, 0.2)])
    ours = ArmSpec(name=name, rewards=tuple(Reward(origin=run, code="") for run in "abc"), searches=3)
    human = ArmSpec(name="human", rewards=(Reward(origin="human", code=""),))
    found = comparison([ours, human], {name: outcomes, **dict([arm("human", 1.4, 1.5, 1.4, 1.5, 1.45)])})
    one = found.arms[0]
    assert one.fitness == pytest.approx([1.0, 2.0, 3.0]) and len(one.seeds) == 3
    assert one.seeds[1] == pytest.approx([1.8, 1.9, 2.0, 2.1, 2.2])
    assert one.interval is not None and one.iqm_interval is not None
    assert (one.mean, one.interval.high - 2.0, one.iqm) == pytest.approx((2.0, 2.484, 2.0), abs=1e-3)
    assert one.iqm_interval == pytest.approx((1.0, 3.0)), "whole searches are drawn anew, not seeds"
    assert against(found, "ours").verdict == "undecided", "fifteen seeds would have decided it"
    assert against(found, "ours").improvement == pytest.approx(2 / 3)
    assert "1.00 2.00 3.00 (mean per reward)" in shown(found)


def test_nothing_is_concluded_from_one_seed():
    found = of(arm("evolved", 0.51), arm("human", 0.50), arm("sparse", 0.49))
    one = against(found)
    assert (one.verdict, one.normalised, one.improvement) == ("not defined", None, None)
    assert found.arms[0].mean == 0.51 and found.arms[0].interval is None


def test_nothing_is_concluded_where_seeds_were_lost():
    found = of(arm("evolved", 9.0, 9.1, lost=1), arm("human", 1.0, 1.1, 1.2), arm("sparse", 0.0, 0.1, 0.2))
    one = against(found)
    assert (one.verdict, one.normalised, one.improvement) == ("not defined", None, None)
    assert found.arms[0].failures == ["failed: train: NaN"]


def test_a_lost_seed_does_not_move_the_others_to_another_reward():
    """Two rewards on three seeds each; the second seed of the first reward is lost."""
    (_, first), (_, second) = arm("a", 1.0, 3.0), arm("b", 10.0, 20.0, 30.0)
    spec = ArmSpec(name="both", rewards=tuple(Reward(origin=name, code="") for name in "ab"))
    (found,) = comparison([spec], {"both": [first[0], LOST, first[1], *second]}).arms
    assert found.seeds == [[1.0, 3.0], [10.0, 20.0, 30.0]] and found.fitness == [2.0, 20.0]
    assert len(found.failures) == 1 and not found.comparable


def test_the_remark_says_why_something_is_not_defined():
    human, apart = arm("human", 2.0, 2.0), arm("sparse", 1.0, 1.0)
    fine, touching = arm("evolved", 3.0, 3.0), arm("sparse", 1.9, 2.1)
    score, cannot_tell = "human-normalised score is not defined", "human and sparse do not differ significantly"
    assert "not defined" not in shown(of(fine, human, apart))
    assert f"{score}: {cannot_tell}" in shown(of(fine, human, touching))
    assert f"{score}: there is no arm sparse" in shown(of(fine, human))
    lost = shown(of(fine, human, arm("sparse", 0.0, lost=1)))
    assert "seeds of sparse failed" in lost and f"{score}: seeds of sparse failed" in lost and cannot_tell not in lost
    lost = shown(of(arm("evolved", 3.0, lost=1), human, apart))
    assert "seeds of evolved failed" in lost and cannot_tell not in lost
    assert "more than one seed is needed" in shown(of(arm("evolved", 3.0), arm("human", 2.0), arm("sparse", 1.0)))


def curve(*fitness: float) -> Trained:
    """Checkpoints at steps 10, 20, ...; the best of them is reported too."""
    seed, best = trained(), max(fitness)
    steps = [10 * (i + 1) for i in range(len(fitness))]
    curves = seed.curves.model_copy(update={"steps": steps, "fitness": list(fitness)})
    return seed.model_copy(update={"curves": curves, "selection": best, "report": best})


@pytest.mark.parametrize("zero", [0.0, -20.0])
def test_sample_efficiency_is_steps_to_eighty_percent_of_what_human_learned(zero: float):
    # human rises from 2 to 12 above zero: 2 + 0.8 * 10 = 10 is to be reached, wherever the zero is
    human = [curve(zero + 1, zero + 11), curve(zero + 3, zero + 13), curve(zero + 2, zero + 12)]
    mine: list[Outcome] = [curve(zero + 1, zero + 9.9, zero + 10), curve(zero + 15, zero), curve(zero + 9.9), LOST]
    found = of(("evolved", mine), ("human", [*human]))
    assert found.arms[0].steps_to_baseline == [30, 10, None, None]
    assert found.arms[1].steps_to_baseline == [20, 20, 20]


@pytest.mark.parametrize(
    "human",
    [
        [curve(0.0, 0.0), curve(0.0, 0.0), curve(0.0, 0.0)],
        [curve(0.0, 0.1), curve(0.3, 0.2), curve(0.1, 0.4)],  # noise: 0.13 +- 0.38 and 0.27 +- 0.38
        [curve(1.0, 9.0)],  # one seed cannot tell
        [LOST, LOST],
    ],
)
def test_nobody_gets_to_a_human_reward_that_did_not_learn(human: list[Outcome]):
    found = of(arm("evolved", 5.0, 5.0), ("human", human))
    assert [a.steps_to_baseline for a in found.arms] == [[], []]


def test_never_is_longer_than_any_number_of_steps():
    human = [curve(0.0, 10.0), curve(0.0, 10.0)]
    there, not_there = curve(9.0), curve(7.0, 7.0)
    for seeds, expected in (
        ([there, not_there, not_there], "never (1 of 3 seeds)"),
        ([there, not_there], "never (1 of 2 seeds)"),
        ([there, there, not_there], "10 (2 of 3 seeds)"),
        ([there, curve(0.0, 9.0), LOST, LOST], "never (2 of 4 seeds)"),
        ([there, curve(0.0, 9.0), there, LOST], "15 (3 of 4 seeds)"),
    ):
        assert expected in shown(of(("evolved", [*seeds]), ("human", [*human])))


@pytest.mark.parametrize("name", ["human", "sparse", "environment", "search", "evolved"])
def test_a_file_is_never_taken_for_what_has_its_name(name: str, tmp_path: Path):
    path = tmp_path / f"{name}.py"
    path.write_text("def compute_reward(cart_position):\n    return -cart_position.abs(), {}\n")
    found = parse_arms(["human", str(path)], "cartpole").specs
    assert [spec.name for spec in found] == ["human", f"my_{name}"]
    assert found[1].rewards[0].code == path.read_text()


SMALL = ("--seeds", 2, "--steps", 4096, "--display", "plain")


LAZY = "def compute_reward(cart_position):\n    return -cart_position.abs(), {}\n"


@pytest.fixture
def searched(cli: Cli, fakes, tmp_path: Path) -> Path:
    """A folder with `found`, a small finished search on cartpole."""
    done = cli("run", "cartpole", "--out", "found", "--generations", 1, "--samples", 2, "--steps", 4096, "--seeds", 2)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_runs_files_and_baselines_are_compared_on_the_same_seeds(command: Cli, recorded: Path, tmp_path: Path):
    """By real processes."""
    (tmp_path / "lazy.py").write_text(LAZY)
    done = command(
        "compare", "human", "sparse", "lazy.py", f"both={recorded},lazy.py", "--task", "cartpole",
        "--robustness", "--correlation", "--out", "c", *SMALL, "--steps", 2048,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    arms = {a["name"]: a for a in json.loads((tmp_path / "c" / "result.json").read_text())["comparison"]["arms"]}
    assert list(arms) == ["human", "sparse", "lazy", "both"]
    assert [[len(one) for one in arms[name]["seeds"]] for name in arms] == [[2], [2], [2], [2, 2]]
    assert arms["both"]["searches"] == 1 and arms["lazy"]["searches"] == 0
    assert arms["both"]["seeds"][1] == arms["lazy"]["fitness"], "the same reward on the same seeds is the same"
    assert set(arms["lazy"]["robustness"]) == set(arms["human"]["robustness"]) and len(arms["lazy"]["robustness"]) == 4
    assert arms["human"]["correlation"] is None and -1 <= arms["lazy"]["correlation"] <= 1
    assert arms["sparse"]["correlation"] is None, "a constant correlates with nothing"
    for word in ("against human", "IQM", "robustness", "noisy view"):
        assert word in done.stdout


def test_policies_are_looked_at_in_the_parts_they_were_trained_in_each_once(cli: Cli, fakes, tmp_path: Path):
    (tmp_path / "lazy.py").write_text(LAZY)
    more = ("--task", "cartpole", "--robustness", "--correlation", "--envs", 32, "--workers", 1, *SMALL)
    assert cli("compare", "human", "lazy.py", *more, "--out", "c").returncode == 0
    run = tmp_path / "c"
    result = run / "result.json"
    whole = result.read_bytes()
    (trained,), (look,) = (events_of(run, kind) for kind in ("trained", "probed"))
    # The same four trainings as a machine with room for three records them, killed after it looked at the first three.
    outcomes = {"final": trained["outcomes"][:3], "final-1": trained["outcomes"][3:]}
    kept = [e for e in events_of(run) if e["event"] in ("arms", "started", "baseline")]
    kept.append({"event": "cut", "members": 3})
    for name, some in outcomes.items():
        kept.append(trained | {"training": name, "members": list(range(len(some))), "outcomes": some, "publish": {}})
    robustness = {name: values[:3] for name, values in look["robustness"].items()}
    kept.append(look | {"part": 0, "robustness": robustness, "correlation": look["correlation"][:3]})
    rewrite(run, lambda _: kept)
    result.unlink()
    done = cli("resume", "c")
    assert done.returncode == 0, done.stderr
    looks = events_of(run, "probed")
    assert [(e["part"], len(e["correlation"])) for e in looks] == [(0, 3), (1, 1)], "the rest, and nothing twice"
    assert result.read_bytes() == whole, "how it was cut changes nothing"


def test_the_parts_that_memory_allows_do_not_change_the_seeds(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Every arm is trained on the same seeds, wherever the trainings are cut."""
    arguments = ("compare", "human", "sparse", "--task", "cartpole", "--workers", 1, *SMALL)
    assert cli(*arguments, "--out", "whole").returncode == 0
    monkeypatch.setattr(TrainerPool, "room", lambda *_: 3)
    assert cli(*arguments, "--out", "cut").returncode == 0
    assert [e["members"] for e in events_of(tmp_path / "cut", "trained")] == [[0, 1, 2], [0]]
    assert (tmp_path / "cut" / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()


@pytest.mark.parametrize("kind", ["cut", "checkpoint", "trained", "probed"])
def test_a_comparison_that_crashed_ends_in_the_same_table(
    cli: Cli, fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
):
    arguments = ("compare", "human", "sparse", "--task", "cartpole", "--robustness", *SMALL)
    assert cli(*arguments, "--out", "whole").returncode == 0
    crash_at(monkeypatch, kind)
    with pytest.raises(Crash):
        cli(*arguments, "--out", "crashed")
    resumed = cli("resume", "crashed")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "crashed" / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()


@pytest.mark.slow
def test_a_killed_comparison_ends_in_the_same_table(command: Cli, tmp_path: Path):
    arguments = ("compare", "human", "sparse", "--task", "cartpole", *SMALL)
    assert command(*arguments, "--out", "whole").returncode == 0
    process = start_command(*arguments, "--out", "killed", cwd=tmp_path)
    wait_for_event(tmp_path / "killed", "checkpoint", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resumed = command("resume", "killed")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "killed" / "result.json").read_bytes() == (tmp_path / "whole" / "result.json").read_bytes()


def test_a_run_alone_is_held_against_its_tasks_rewards_and_keeps_the_trainings_it_has(
    cli: Cli, searched: Path, monkeypatch: pytest.MonkeyPatch
):
    """The search has two final seeds; two more are added, also after a crash."""
    more = ("--seeds", 4, "--display", "plain")
    done = cli("compare", "found", *more, "--out", "more")
    assert done.returncode == 0, done.stderr
    assert "6 of 12 trainings are taken from" in done.stdout
    reused, *fresh = events_of(searched / "more", "trained")
    assert reused["training"] == "final-reused" and len(reused["members"]) == 6
    assert sum(len(e["members"]) for e in fresh if e["until"] is None) == 6
    assert len(list((searched / "more" / "final").glob("*/policy.safetensors"))) == 12
    with monkeypatch.context() as patch:
        crash_at(patch, "cut")
        with pytest.raises(Crash):
            cli("compare", "found", *more, "--out", "crashed")
    assert cli("resume", "crashed").returncode == 0
    with monkeypatch.context() as patch:
        patch.setattr(compare, "reuse", lambda *_: None)
        assert cli("compare", "found", *more, "--out", "whole").returncode == 0
    whole = (searched / "whole" / "result.json").read_bytes()
    assert (
        (searched / "more" / "result.json").read_bytes() == (searched / "crashed" / "result.json").read_bytes() == whole
    )
    other = cli("compare", "found", *more, "--steps", 8192, "--out", "longer")
    assert other.returncode == 0 and "are taken from" not in other.stdout, "another size is another training"
    policy = next((searched / "found" / "final").glob("human-0/*"))
    policy.write_bytes(policy.read_bytes()[:-1])
    damaged = cli("compare", "found", *more, "--out", "damaged")
    assert "5 of 12 trainings are taken from" in damaged.stdout


def test_controls_are_runs_of_their_own_as_large_as_the_first(cli: Cli, searched: Path):
    done = cli("compare", "human", "found", "--controls", "search,best-of-n", "--out", "k", *SMALL)
    assert done.returncode == 0, done.stderr
    arms = json.loads((searched / "k" / "result.json").read_text())["comparison"]["arms"]
    assert [a["name"] for a in arms] == ["human", "found", "search", "best-of-n"]
    assert [a["searches"] for a in arms] == [0, 1, 1, 1]
    for name, strategy in (("search", "greedy"), ("best-of-n", "best-of-n")):
        settings = json.loads((searched / "k" / "controls" / name / "run.json").read_text())["settings"]
        assert (settings["samples"], settings["generations"], settings["strategy"]) == (2, 1, strategy)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["human"], "the task is missing; give it with --task"),
        (["humen", "--task", "cartpole"], "no arm 'humen' (did you mean 'human'?)"),
        (["human", "human", "--task", "cartpole"], "two arms or rewards have the name human"),
        (["a=human,sparse", "a-0=human", "--task", "cartpole"], "two arms or rewards have the name a-0"),
        (["a b=human", "--task", "cartpole"], "is an invalid arm name"),
        (["human", "search=found", "--controls", "search"], "'search' is an invalid arm name"),
        (["human", "evolved=found"], "'evolved' is an invalid arm name"),
        (["x=", "--task", "cartpole"], "the arm x is empty"),
        (["human", "--task", "cartpole", "--controls", "serch"], "no control 'serch'"),
        (["unfinished", "human"], "is not finished; resume with: eureka resume"),
        (["found", "--task", "shadow_hand"], "has the task"),
        (["k-of-human"], "no arm 'k-of-human'"),
    ],
)
def test_mistakes_get_one_sentence(cli: Cli, recorded: Path, tmp_path: Path, arguments: list[str], expected: str):
    (tmp_path / "found").symlink_to(recorded)
    shutil.copytree(recorded, tmp_path / "unfinished")
    cut_before(tmp_path / "unfinished", "finished")
    assert expected in sentence(cli("compare", *arguments, "--out", "wrong"))
    assert not (tmp_path / "wrong").exists(), "nothing half-made is left"
