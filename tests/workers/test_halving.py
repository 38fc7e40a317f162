"""Races: who goes on from a rung, and what that costs."""

from __future__ import annotations

import shutil

import pytest
from support.bench import Bench
from support.halving import standing
from support.populations import PLAN, finish, training

from eureka.config.options import DeviceOptions, Options, SearchOptions
from eureka.config.settings import Evaluation, Learning, Racing, Settings
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.experiment.arms import control
from eureka.experiment.estimate import estimate
from eureka.experiment.options import resolve
from eureka.runs.candidate import Dropped, Failed, Outcome, Trained
from eureka.runs.results import CompareOptions
from eureka.system.paths import shipped
from eureka.workers import halving

HALVING = Racing(rungs=(0.25, 0.5), keep=0.5)
FAILED = Failed(stage="train", message="NaN")


def test_a_rung_is_the_first_evaluation_from_its_share_on_and_never_the_last():
    marks = [3, 5, 8, 10]
    assert halving.stretches(None, 1, marks) == [(10, 1)]
    assert halving.stretches(HALVING, 1, marks) == [(3, 1), (5, 1), (10, 1)]
    found = halving.stretches(Racing(rungs=(0.55, 0.6, 0.9), keep=0.5), 1, marks)
    assert found == [(8, 1), (10, 1)], "two at once are one, 0.9 is the end"


def test_a_rung_has_its_number_of_trainings_but_never_more_than_the_run():
    race = Racing(rungs=(0.25, 0.5), seeds=(1, 3))
    assert halving.stretches(race, 4, [2, 4, 6, 8]) == [(2, 1), (4, 3), (8, 4)]
    assert halving.stretches(race, 2, [2, 4, 6, 8]) == [(2, 1), (4, 2), (8, 2)]
    for seeds in ((1,), (2, 1)):
        with pytest.raises(ValueError, match="one number of trainings for each rung"):
            Racing(rungs=(0.25, 0.5), seeds=seeds)


def test_the_worse_half_is_dropped_and_an_odd_one_with_it():
    standings = {c: [standing(0.0, fitness)] for c, fitness in enumerate([3.0, 9.0, 1.0, 7.0, 5.0])}
    assert halving.losers(HALVING, standings) == [0, 2, 4]
    assert halving.losers(Racing(keep=0.1), standings) == [0, 2, 3, 4], "somebody always goes on"


def test_those_who_failed_count_as_losers():
    standings: dict[int, list[Outcome]] = {0: [FAILED], 1: [standing(0.0, 2.0)], 2: [FAILED], 3: [standing(0.0, 1.0)]}
    assert halving.losers(HALVING, standings) == []
    assert halving.losers(HALVING, {0: [FAILED], 1: [FAILED]}) == []
    several: dict[int, list[Outcome]] = {0: [standing(0.0, 9.0), FAILED], 1: [standing(0.0, 2.0)] * 2}
    assert halving.losers(HALVING, several) == [], "one failure is enough"


def test_candidates_are_ranked_by_the_mean_of_their_trainings():
    standings = {0: [standing(0.0, 9.0), standing(0.0, 1.0)], 1: [standing(0.0, 6.0), standing(0.0, 5.0)]}
    assert halving.fitness_at(standings) == {0: 5.0, 1: 5.5}
    assert halving.losers(HALVING, standings) == [0]


def test_the_episodes_of_training_rank_candidates_and_equal_ones_their_slot():
    standings = {
        c: [standing(selection, training)]
        for c, (selection, training) in enumerate(((9.0, 0.1), (1.0, 0.2), (5.0, 0.2), (7.0, 0.2)))
    }
    assert halving.losers(HALVING, standings) == [0, 3]


def test_metrics_decide_between_equal_fitness_in_their_order():
    merits = [(-0.0, -1.5), (-0.0, -0.5), (-1.0, -0.1), (-0.0, -0.7)]
    standings = {c: [standing(0.0, 0.0).model_copy(update={"merit": merit})] for c, merit in enumerate(merits)}
    assert halving.losers(HALVING, standings) == [0, 2]


def test_selection_fitness_ranks_all_where_no_episode_of_training_ended_for_one():
    standings = {0: [standing(9.0, None)], 1: [standing(1.0, 7.0)], 2: [standing(5.0, 6.0)]}
    assert halving.fitness_at(standings) == {0: 9.0, 1: 1.0, 2: 5.0}
    assert halving.losers(HALVING, standings) == [1, 2]


def test_the_cost_of_a_race_is_what_its_members_train():
    marks = [2, 4, 6, 8]
    assert halving.work(None, 1, 6, marks) == (48, 24, 6)
    assert halving.work(None, 2, 6, marks) == (96, 48, 12)
    # 6 to iteration 2, 3 to iteration 4, 1 to the end
    assert halving.work(HALVING, 1, 6, marks) == (6 * 2 + 3 * 2 + 1 * 4, 6 + 3 + 2, 1)
    assert halving.work(HALVING, 1, 3, marks, done=1) == (3 * 2 + 1 * 4, 3 + 2, 1)
    # a second training of three up to 4, and of one from there on; a third one of one from the beginning
    race = Racing(rungs=(0.25, 0.5), keep=0.5, seeds=(1, 2))
    assert halving.work(race, 3, 6, marks) == (6 * 2 + 3 * 2 + 3 * 4 + 2 * 4 + 8, 6 + 3 + 6 + 4 + 4, 3)


def test_a_member_stopped_at_a_rung_and_gone_on_with_ends_as_one_that_never_stopped(cartpole: Bench, tmp_path):
    """Four members to the rung in two shares, then two of them, one from each, together to the end."""
    whole, parameters = finish(training(cartpole, [0, 1, 2, 3], 1))
    standings, files = [], []
    for share in ([0, 1], [2, 3]):
        t = training(cartpole, share, 1)
        file = tmp_path / str(share[0])
        standings += t.run(lambda _: None, lambda _, t=t, file=file: t.save(file), until=2)
        files += [(file, 0), (file, 1)]
    assert all(isinstance(left, Dropped) and left.steps == 2 * 32 * 16 for left in standings)
    survivors = training(cartpole, [0, 3], 2)
    survivors.load([files[0], files[3]])
    outcomes, flat = finish(survivors)
    assert outcomes == [whole[0], whole[3]] and flat.equal(parameters[[0, 3]])
    for left, to_the_end in zip(standings, whole, strict=True):
        assert isinstance(to_the_end, Trained) and left.curves.fitness == to_the_end.curves.fitness[:1]
    assert PLAN.evaluation.marks(PLAN.iterations)[0] == 2


@pytest.mark.parametrize(
    "text", ["on,", "0.5:", "0.5:1.5", "2:0.5", "0:0.5", "halving", "0.5:0.5:0.5", "0.5x", "0.5x0", "0.2x2,0.5x1"]
)
def test_a_race_that_cannot_be_is_refused_in_a_sentence(text: str):
    if text == "0.5:":
        assert resolve(load_task("cartpole"), Options(search=SearchOptions(racing=text))).racing == Racing(rungs=(0.5,))
        return
    with pytest.raises(UserError, match=r"--racing .* give on, off, or RUNG"):
        resolve(load_task("cartpole"), Options(search=SearchOptions(racing=text)))


def test_seeds_and_validation_are_given_on_the_command_line():
    def given(**search) -> Settings:
        return resolve(load_task("cartpole"), Options(search=SearchOptions(**search), device=DeviceOptions("cpu")))

    plain = given()
    assert (plain.seeds, plain.finalists, plain.validation_seeds, plain.choose_by) == (1, 3, 3, "estimate")
    raced = given(racing="0.25,0.5x2:0.4")
    assert raced.racing == Racing(rungs=(0.25, 0.5), keep=0.4, seeds=(1, 2)) and raced.seeds == 2
    assert given(racing="0.25,0.5x2:0.4", seeds=3).seeds == 3
    assert (given(validation="4x2").finalists, given(validation="4x2").validation_seeds) == (4, 2)
    assert given(validation="off").validation_seeds == 0 and given(final_seeds=0).final_seeds == 0
    assert given(choose_by="checkpoint").choose_by == "checkpoint"
    for wrong, said in (
        ({"validation": "3"}, "--validation 3: give MxV"),
        ({"validation": "0x3"}, "give MxV"),
        ({"seeds": 0}, "--search-seeds must be at least 1"),
        ({"choose_by": "checkpoints"}, "did you mean 'checkpoint'"),
    ):
        with pytest.raises(UserError) as refused:
            given(**wrong)
        assert said in str(refused.value)


def test_a_tasks_own_race_is_taken_and_the_command_line_overrides_it(tmp_path):
    shutil.copytree(shipped("tasks") / "cartpole", tmp_path / "cartpole")
    text = (shipped("tasks") / "cartpole.yaml").read_text()
    own = "    final_seeds: 3\n    racing: {rungs: [0.3], keep: 0.4}\n    warm_start: 0.5\n"
    (tmp_path / "mine.yaml").write_text(text.replace("    final_seeds: 10\n", own, 1))
    task = load_task(str(tmp_path / "mine.yaml"))
    settings = resolve(task, Options(device=DeviceOptions("cpu")))
    assert settings.racing == Racing(rungs=(0.3,), keep=0.4) and settings.warm_start == 0.5
    assert resolve(task, Options(search=SearchOptions(racing="off"), device=DeviceOptions("cpu"))).racing is None
    assert resolve(task, Options(search=SearchOptions(racing="on"), device=DeviceOptions("cpu"))).racing == Racing()
    assert resolve(load_task("cartpole"), Options(device=DeviceOptions("cpu"))).racing is None
    assert load_task("humanoid").file.presets["cpu"].racing == Racing()
    (tmp_path / "mine.yaml").write_text(text.replace("    final_seeds: 10\n", own.replace("[0.3]", "[1.3]"), 1))
    with pytest.raises(UserError, match=r"racing\.rungs\.0: input should be less than 1"):
        load_task(str(tmp_path / "mine.yaml"))


def test_an_estimate_counts_what_a_race_and_warm_starts_leave_out():
    """2 x 4 trainings of 8 iterations of 10 x 5 steps and a final one; 4 evaluations of 2 episodes, 3 reported."""
    settings = resolve(load_task("cartpole"), Options(device=DeviceOptions("cpu"))).model_copy(
        update={
            "generations": 2,
            "samples": 4,
            "worlds": 10,
            "steps": 400,
            "learning": Learning(horizon=5),
            "evaluation": Evaluation(checkpoints=4, selection_episodes=2, report_episodes=3),
            "racing": None,
            "validation_seeds": 0,
        }
    )

    def steps(**changes) -> tuple[int, int]:
        own = settings.model_copy(update=changes)
        found = estimate(own, 100, (1.0, 1.0), (), [own], retrained=1)
        return found.training_steps, found.evaluation_steps

    assert steps() == (9 * 8 * 50, 9 * (4 * 2 + 3) * 100)
    # at iterations 2 and 4 two go on, then one: 4 * 2 + 2 * 2 + 1 * 4 iterations, 4 + 2 + 2 evaluations, one report
    assert steps(racing=HALVING) == ((2 * 16 + 8) * 50, (2 * (8 * 2 + 3) + 11) * 100)
    # four to iteration 4; two on to 8, and a second training of these: marks 2, 4 | 6, 8 | 2, 4, 6, 8; two reports each
    raced = (4 * 4 + 2 * 4 + 2 * 8, 4 * 2 + 2 * 2 + 2 * 4, 2 * 2)
    expected = ((2 * raced[0] + 8) * 50, (2 * (raced[1] * 2 + raced[2] * 3) + 11) * 100)
    assert steps(racing=Racing(rungs=(0.5,)), seeds=2) == expected
    assert steps(finalists=3, validation_seeds=2) == ((9 + 6) * 8 * 50, (9 + 6) * 11 * 100)
    assert steps(warm_start=0.5) == ((4 * 8 + 4 * 4 + 8) * 50, 9 * 11 * 100)
    started = ((8 * 4 + 8 + 8) * 50, 10 * 11 * 100)
    assert steps(warm_start=0.5, start="human") == started, "generation 0 is trained, and is a parent too"


def test_a_control_without_a_parent_is_estimated_without_warm_starts():
    search = SearchOptions(generations=3, warm_start=0.5, racing="off", validation="off")
    run = resolve(load_task("cartpole"), Options(search=search, device=DeviceOptions("cpu")))
    wanted = CompareOptions(controls=("search", "best-of-n"))
    controls = [control(name, run, wanted) for name in wanted.controls]
    both, warm, cold = (
        estimate(run, 100, (1.0, 1.0), (), of, retrained=0).training_steps
        for of in (controls, controls[:1], controls[1:])
    )
    assert both == warm + cold and warm < 0.7 * cold
