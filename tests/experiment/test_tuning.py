"""`eureka tune`: what is tuned from what, and what the trials say of each constant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import Cli, sentence
from support.journals import EXAMPLE

from eureka.config.options import Options, SearchOptions
from eureka.errors import UserError
from eureka.experiment.tuning import resolve, sensitivities
from eureka.runs.journal import read_journal
from eureka.runs.statistics import rank_correlation

SMALL = ("--trials", 5, "--samples", 3, "--envs", 16, "--steps", 2048, "--validation", "off", "--seeds", 2)


def test_a_run_gives_its_winner_and_its_sizes():
    task, settings = resolve(str(EXAMPLE), None, 20, Options(search=SearchOptions(samples=8, final_seeds=5)))
    recorded = read_journal(EXAMPLE)
    assert task.file.name == "cartpole" and (settings.llm, settings.strategy) == ("constants", "elite")
    assert recorded.finished is not None
    assert settings.start == str(EXAMPLE / "candidates" / str(recorded.finished.winner) / "reward.py")
    assert (settings.generations, settings.samples, settings.final_seeds) == (3, 8, 5)
    assert (settings.worlds, settings.steps) == (recorded.settings.worlds, recorded.settings.steps)


def test_a_baseline_is_named_and_other_rewards_are_refused(tmp_path: Path):
    task, settings = resolve("human", "cartpole", 4, Options())
    assert settings.start == "human" and (settings.generations, settings.samples) == (1, 4)
    assert settings.worlds == task.preset("cpu").worlds
    plain, broken = tmp_path / "plain.py", tmp_path / "broken.py"
    plain.write_text("def compute_reward(pole_angle):\n    return 1 - pole_angle**2, {}\n")
    broken.write_text("def compute_reward(\n")
    for reward, words in (
        (str(plain), "plain.py has no constants to tune"),
        (str(broken), "broken.py, line 1: "),
        (str(tmp_path / "none.py"), "none.py cannot be read"),
    ):
        with pytest.raises(UserError, match=words):
            resolve(reward, "cartpole", 4, Options())


def test_rank_correlations_share_the_ranks_of_equals():
    assert rank_correlation([1.0, 2.0, 3.0, 4.0, 50.0], [0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(1.0)
    assert rank_correlation([1.0, 1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 4.0, 3.0, 2.0]) == pytest.approx(-1.0)
    assert rank_correlation([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]) is None, "too few"
    assert rank_correlation([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) is None


def test_the_constants_of_a_file_are_tuned_and_compared_with_the_untuned_ones(cli: Cli, fakes, tmp_path: Path):
    mine = tmp_path / "mine.py"
    code = "def compute_reward(pole_angle, cart_velocity):\n    return 0.5 - 2 * pole_angle**2, {}\n"
    mine.write_text(code)
    done = cli("tune", "mine.py", "--task", "cartpole", *SMALL, "--out", "tuned")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "tuned" / "result.json").read_text())
    arms = {arm["name"]: arm for arm in result["comparison"]["arms"]}
    assert list(arms) == ["evolved", "start", "human", "sparse"] and arms["evolved"]["against_start"]
    assert arms["start"]["origins"] == [f"--start {mine}"]
    assert "the reward of --start" in done.stdout
    trials = [c for c in result["candidates"] if c["generation"]]
    assert len(trials) == 6, "whole generations"
    texts = {
        (tmp_path / "tuned" / "candidates" / f"{g}.{k}" / "reward.py").read_text() for g in (1, 2) for k in range(3)
    }
    assert len(texts) == 6 and all("\n    return REWARD - REWARD_2 * pole_angle**2, {}\n" in text for text in texts)
    found = sensitivities(read_journal(tmp_path / "tuned"))
    assert sorted(one.start for one in found) == [0.5, 2.0] and all(one.tuned != one.start for one in found[:1])
    for shown in (done.stdout, cli("inspect", "tuned").stdout):
        assert " rank correlation" in shown and all(one.name in shown for one in found)
    assert sensitivities(read_journal(EXAMPLE)) == []
    asked = ("run", "cartpole", "--llm", "constants")
    assert "--llm constants varies the numbers of a reward" in sentence(cli(*asked), 2)
    said = sentence(cli(*asked, "--start", "sparse", "--out", "none"), 2)
    assert "--start sparse has no constants to tune" in said and not (tmp_path / "none").exists()
    winner = tmp_path / "tuned" / "candidates" / result["winner"] / "reward.py"
    winner.write_text(winner.read_text() + "\n")
    assert "is missing or was changed" in sentence(cli("tune", "tuned"), 2)
