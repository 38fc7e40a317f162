"""Trainings by a command of the user's: what is read, what is refused, and that nothing is left running."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support import misbehaving
from support.misbehaving import BEHAVIOURS

from eureka.config.external import ExternalFile
from eureka.config.parameters import Curriculum
from eureka.config.settings import Evaluation, Learning, Plan
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.runs import layout
from eureka.runs.candidate import Dropped, Failed, Trained
from eureka.system.processes import MARK
from eureka.trainer.external import ExternalService
from eureka.workers import messages

STEPS = 1000
REWARD = json.dumps(
    {
        "version": 1,
        "inputs": ["position"],
        "nodes": [{"op": "aten.neg.default", "args": [{"value": 0}]}],
        "outputs": [{"value": 1}, {"value": 1}],
        "components": ["near"],
    }
)


def task_file(folder: Path, *command: str, **more: object) -> Path:
    """A task with this command."""
    trainer = {"command": [*command], "timeout": 4.0} | {k: more.pop(k) for k in ("describe", "folder") if k in more}
    content = {
        "name": "toy",
        "description": "reach the origin",
        "trainer": trainer,
        "state": {"position": {"doc": "distance", "unit": "m"}, "near": {"doc": "whether it is near", "dtype": "bool"}},
        "action": {"size": 1, "doc": "The force."},
        "horizon": 100,
        "control_period": 0.05,
        "fitness": {"name": "nearness", "unit": "m"},
        "presets": {"cpu": {"generations": 1, "samples": 2, "steps": STEPS}},
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(content | more))
    return path


class Bench:
    """A service in this process."""

    def __init__(self, folder: Path, path: Path, slots: int = 4):
        self.folder, self.answers = folder, []
        self.service = ExternalService(load_task(str(path)), slots, Curriculum(), self.answers.append)

    def train(self, seeds: list[int], until: int | None = None, name: str = "a") -> messages.Outcomes:
        plan = Plan(1, STEPS, Learning(horizon=1), Evaluation(), 0, "search")
        folder = str(self.folder / "scratch" / name)
        programs = (REWARD,) * len(seeds)
        command = messages.Train(
            programs=programs, seeds=tuple(seeds), plan=plan, folder=folder, resume=None, warm=None, until=until
        )
        self.service.answer(command)
        ended = self.answers[-1]
        assert isinstance(ended, messages.Outcomes)
        return ended


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, task_file(tmp_path, "{python}", str(Path(misbehaving.__file__))))
    yield made
    made.service.close()


def left_running(folder: Path) -> list[str]:
    """Processes that have an output folder below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if f"{MARK}={folder}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return [command for command in found if command]


def test_each_misbehaving_command_fails_alone_in_a_sentence_and_nothing_stays(bench: Bench):
    assert len(BEHAVIOURS) >= 25
    answer = bench.train([*range(len(BEHAVIOURS))])
    for (name, (_, expected)), outcome in zip(BEHAVIOURS.items(), answer.outcomes, strict=True):
        if expected is None:
            assert isinstance(outcome, Trained), (name, outcome)
            assert outcome.report == 2.0 and outcome.curves.components == {"near": [0.1, 0.2]}
        else:
            assert isinstance(outcome, Failed) and expected in outcome.message, (name, outcome)
            assert outcome.stage == "train" and outcome.message.isprintable()
    assert not left_running(bench.folder)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["no-such-interpreter"], "code 127; it printed last: no-such-interpreter cannot be started: No such file"),
        (["./plain.txt"], "code 126; it printed last: ./plain.txt cannot be started: Permission denied"),
        (["{python}", "missing.py"], "ended with exit code 2; it printed last:"),
    ],
)
def test_a_command_that_cannot_start_is_one_sentence(tmp_path: Path, command: list[str], expected: str):
    (tmp_path / "plain.txt").write_text("text")
    (outcome,) = Bench(tmp_path, task_file(tmp_path, *command)).train([0]).outcomes
    assert isinstance(outcome, Failed) and expected in outcome.message


SLOW = """
import json, os, time
steps = int(os.environ["EUREKA_STEPS"])
with open(os.environ["EUREKA_OUT"] + "/started", "a") as file:
    file.write("x")
with open(os.environ["EUREKA_OUT"] + "/progress.jsonl", "a") as file:
    for k in range(1, 11):
        line = {"step": k * steps // 10, "fitness": k + int(os.environ["EUREKA_SEED"]), "total": 0.0}
        file.write(json.dumps(line) + "\\n")
        file.flush()
        time.sleep(0.1)
"""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "train.py").write_text(SLOW)
    made = Bench(tmp_path, task_file(tmp_path, "{python}", "train.py"))
    yield made
    made.service.close()


def test_a_race_pauses_at_a_rung_ends_the_losers_and_goes_on_with_the_others(slow: Bench):
    at_rung = slow.train([0, 10, 20], until=500).outcomes
    assert all(isinstance(o, Dropped) and o.steps == 500 and o.selection == 5 + 10 * i for i, o in enumerate(at_rung))
    waiting = len(left_running(slow.folder))
    time.sleep(0.5)
    assert waiting == 3 == len(left_running(slow.folder))
    paused = [len(f.read_text().splitlines()) for f in (slow.folder / "scratch").glob("*/progress.jsonl")]
    assert max(paused) < 10
    (ended,) = slow.train([20], name="b").outcomes
    assert isinstance(ended, Trained) and ended.report == 30 and ended.steps == STEPS
    assert not left_running(slow.folder)
    assert [f.read_text() for f in (slow.folder / "scratch").glob("*/started")] == ["x"] * 3


def test_a_finished_training_is_not_repeated_by_the_next_process(slow: Bench):
    first = slow.train([3]).outcomes
    again = Bench(slow.folder, slow.folder / "toy.yaml")
    assert again.train([3, 4]).outcomes[0] == first[0]
    assert [f.read_text() for f in (slow.folder / "scratch").glob("*/started")] == ["x", "x"]


def test_a_command_that_is_ended_with_the_trainer_is_neither_recorded_nor_started_again(slow: Bench):
    (slow.folder / "train.py").write_text(
        SLOW.replace(
            "import json", "import signal, sys; signal.signal(15, lambda *_: (time.sleep(1), sys.exit(3)))\nimport json"
        )
    )
    threading.Thread(target=slow.train, args=([0, 1],), daemon=True).start()
    scratch = slow.folder / "scratch"
    while len([*scratch.glob("*/progress.jsonl")]) < 2:
        time.sleep(0.01)
    slow.service.close()  # as at the end of the trainer's input
    time.sleep(0.5)
    assert not [*scratch.glob(f"*/{layout.ENDED}")] and not left_running(slow.folder)
    assert [file.read_text() for file in scratch.glob("*/started")] == ["x", "x"]


def test_two_members_with_the_same_program_and_seed_are_two_trainings(slow: Bench):
    plan = Plan(1, STEPS, Learning(horizon=1), Evaluation(), 0, "final")
    folder = str(slow.folder / "scratch/a")
    about = {"plan": plan, "folder": folder, "resume": None, "warm": None, "until": None}
    slow.service.answer(messages.Train(programs=(REWARD, REWARD), seeds=(1, 1), **about))
    ended = slow.answers[-1]
    assert [o.report for o in ended.outcomes] == [11, 11] and len({p.file for p in ended.policies}) == 2


def test_less_is_better_turns_the_fitness_round(tmp_path: Path):
    (tmp_path / "train.py").write_text(SLOW)
    fitness = {"name": "error", "better": "lower", "range": [0.0, None]}
    made = Bench(tmp_path, task_file(tmp_path, "{python}", "train.py", fitness=fitness))
    (outcome,) = made.train([0]).outcomes
    assert isinstance(outcome, Trained) and outcome.report == -10 and outcome.curves.fitness[0] == -1
    description = made.service.description
    assert description.fitness_name == "minus the error" and description.fitness_range == (None, 0.0)


def test_a_module_is_written_from_the_program_and_the_placeholders_are_filled_in(tmp_path: Path):
    script = "import sys, json; json.dump(sys.argv[1:], open(sys.argv[2] + '/arguments.json', 'w'))"
    (tmp_path / "train.py").write_text(script)
    arguments = ["{reward}", "{out}", "{seed}", "{steps}", "x{seed}"]
    made = Bench(tmp_path, task_file(tmp_path, "{python}", "train.py", *arguments))
    made.train([2**40 + 7])
    (found,) = (tmp_path / "scratch").glob("*/arguments.json")
    reward, out, seed, steps, joined = json.loads(found.read_text())
    assert (out, seed, steps, joined) == (str(found.parent), "7", "1000", "x7")
    assert "def compute_reward(position):" in Path(reward).read_text() and str(Path(reward).parent) == out


def test_a_placeholder_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"no placeholder \{sead\} .*; there are \{reward\}, "):
        load_task(str(task_file(tmp_path, "{python}", "train.py", "--seed={sead}")))
    assert load_task(str(task_file(tmp_path, "{python}", "train.py", '{"a": 1}'))).external


def test_variables_are_passed_only_if_they_are_usual_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = "import json, os; json.dump(dict(os.environ), open(os.environ['EUREKA_OUT'] + '/environ.json', 'w'))"
    (tmp_path / "train.py").write_text(script)
    path = task_file(tmp_path, "{python}", "train.py")
    content = yaml.safe_load(path.read_text())
    content["trainer"]["environment"] = ["WANTED"]
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("EUREKA_PASS_WANTED", "yes")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    Bench(tmp_path, path).train([0])
    (found,) = (tmp_path / "scratch").glob("*/environ.json")
    variables = json.loads(found.read_text())
    assert variables["WANTED"] == "yes" and "OPENAI_API_KEY" not in variables and "PATH" in variables


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "has 0 states; write 16 to 4096"),
        ([{"position": 1.0}] * 16, "lacks the field near"),
        ([{"position": [1.0, 2.0], "near": True}] * 16, "field position has shape (2,), and the task's file says ()"),
        ([{"position": "far", "near": True}] * 16, "field position:"),
    ],
)
def test_described_states_must_fit_the_fields(tmp_path: Path, lines: list[dict], expected: str):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "given.jsonl").write_text(text)
    command = [sys.executable, "-c", "import shutil, sys; shutil.copy('given.jsonl', sys.argv[1] + '/states.jsonl')"]
    path = task_file(tmp_path, "true", describe=[*command, "{out}"])
    with pytest.raises(UserError) as caught:
        Bench(tmp_path, path)
    assert expected in str(caught.value)


def test_described_states_give_the_usual_ranges_and_the_pre_flight(tmp_path: Path):
    text = "".join(json.dumps({"position": i / 100, "near": i < 3}) + "\n" for i in range(101))
    (tmp_path / "given.jsonl").write_text(text)
    command = [sys.executable, "-c", "import shutil, sys; shutil.copy('given.jsonl', sys.argv[1] + '/states.jsonl')"]
    made = Bench(tmp_path, task_file(tmp_path, "true", describe=[*command, "{out}"]))
    usual = {field.name: field.usual for field in made.service.description.state}
    assert usual["near"] is None and usual["position"] == pytest.approx((0.05, 0.94), abs=0.01)
    made.service.answer(messages.Preflight(program=REWARD, worlds=1))
    (answer,) = made.answers
    assert isinstance(answer.result, messages.PreflightReport) and answer.result.ranges["near"][0] == pytest.approx(
        -0.99
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"presets": {"cpu": {"generations": 1, "samples": 2, "steps": 9, "worlds": 5}}}, "worlds has no effect"),
        ({"trainer": {"command": []}}, "trainer.command"),
        ({"state": {"Bad Name": {"doc": "x"}}}, "a state field is named by lower-case letters"),
        ({"fitnes": 1}, "unknown key 'fitnes' (did you mean 'fitness'?)"),
        ({"human": "nowhere.py"}, "names nowhere.py, but that file does not exist"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, change: dict, expected: str):
    path = task_file(tmp_path, "true", **change)
    with pytest.raises(UserError) as caught:
        load_task(str(path))
    assert expected in str(caught.value)


def test_the_fields_of_the_file_are_documented():
    assert all(field.description for field in ExternalFile.model_fields.values())
    assert os.environ.get(MARK) is None
