"""train, export and list."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from support.bench import Bench
from support.cli import Cli, sentence
from support.events import cut_before, rewrite
from support.journals import example, halves, write_run

from eureka.cli import listing
from eureka.cli.export import source
from eureka.system.paths import shipped


def test_an_exported_reward_is_the_program_that_was_trained(cli: Cli, recorded: Path, cartpole: Bench, tmp_path: Path):
    done = cli("export", recorded, "-o", "reward.py")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "reward.py").read_text()
    assert text.startswith('"""Reward for the task cartpole, candidate ') and "eureka" not in text.split('"""')[2]
    states = {name: value[:5] for name, value in cartpole.states.items()}
    code = "import json, sys, inspect, torch, reward\n"
    code += "states = {k: torch.tensor(v) for k, v in json.load(sys.stdin).items()}\n"
    code += "names = inspect.signature(reward.compute_reward).parameters\n"
    code += "total, parts = reward.compute_reward(**{n: states[n] for n in names})\n"
    code += "print(json.dumps([total.tolist(), sorted(parts), [m for m in sys.modules if m.startswith('eureka')]]))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, check=True,
        input=json.dumps({k: v.tolist() for k, v in states.items()}),
    )  # fmt: skip
    total, parts, modules = json.loads(ran.stdout)
    result = json.loads((recorded / "result.json").read_text())
    code_of = (recorded / "candidates" / result["winner"] / "reward.py").read_text()
    program = cartpole.program(code_of, 5)
    expected = program(*[states[n] for n in program.inputs])[0]
    assert torch.allclose(torch.tensor(total), expected) and sorted(program.components) == parts
    assert modules == []


def test_an_exported_wrapper_needs_gymnasium_and_torch_and_nothing_of_eureka(cli: Cli, recorded: Path, tmp_path: Path):
    done = cli("export", recorded, "-o", "evolved.py", "--wrapper")
    assert done.returncode == 0 and done.stdout.strip().endswith(", with a gymnasium wrapper"), done.stderr
    code = """
import gymnasium, sys, evolved
names = evolved.inspect.signature(evolved.compute_reward).parameters
fields = {"action": [0.0], "last_action": [0.0]}
state = lambda env, observation, action, info: {n: fields.get(n, 0.1) for n in names}
env = evolved.EvolvedReward(gymnasium.make("CartPole-v1"), state)
env.reset(seed=0)
_, reward, _, _, info = env.step(1)
print(type(reward).__name__, info["task_reward"], [m for m in sys.modules if m.startswith("eureka")])
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert ran.stdout.split() == ["float", "1.0", "[]"]


def test_an_export_says_what_is_in_the_way(cli: Cli, recorded: Path, tmp_path: Path):
    run = recorded
    (tmp_path / "mine.py").write_text("precious")
    for arguments, expected in (
        ([run, "-o", "mine.py"], "mine.py exists already"),
        ([run, "-o", "."], ". is a folder; give a file, such as reward.py"),
        ([run, "-o", "x.py", "--candidate", "9.9"], "no candidate '9.9'"),
        ([run], "nothing to write; give -o FILE for the reward, --policy FILE for the policy"),
        ([run, "--policy", "p.zip"], "must end in .pt (TorchScript) or .onnx"),
        ([run, "-o", "nodir/x.py"], "nodir/x.py cannot be written: No such file"),
        ([run, "-o", "mine.py/x.py"], "cannot be written"),
        (["nowhere", "-o", "x.py"], "nowhere does not exist"),
    ):
        done = cli("export", *arguments)
        assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "mine.py").read_text() == "precious" and not (tmp_path / "x.py").exists()
    assert cli("export", run, "-o", "mine.py", "--force").returncode == 0
    assert "def compute_reward" in (tmp_path / "mine.py").read_text()


def test_what_the_sandbox_gives_silently_is_imported_in_an_export():
    code = (
        '"""My own words."""\nfrom __future__ import annotations\nK = math.pi\n\n'
        "def compute_reward(a: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n"
        '    b = F.relu(a) * K\n    return b, {"b": b}\n'
    )
    text = source(code, 'From a """hostile\\ name.')
    names: dict = {}
    exec(text, names)
    assert names["compute_reward"](torch.ones(2))[0].tolist() == pytest.approx([3.14159265] * 2)
    assert "My own words." in names["__doc__"] and "hostile" in names["__doc__"]


def test_list_shows_tasks_and_runs_whatever_their_state(cli: Cli, recorded: Path, tmp_path: Path):
    folder = tmp_path / "some"
    (folder / "runs").mkdir(parents=True)
    shutil.copytree(recorded, folder / "runs" / "one")
    broken = folder / "runs" / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    done = cli("list", folder / "runs")
    assert done.returncode == 0, done.stderr
    flat = "".join(done.stdout.split())
    assert "shadow_hand" in flat and "finished" in flat and "cannotberead:UserError" in flat
    empty = cli("list")
    assert empty.returncode == 0 and "no runs: there is no folder" in empty.stdout
    missing = cli("list", "nowhere")
    assert missing.returncode == 2 and "there is no folder nowhere" in missing.stderr


@pytest.mark.parametrize("width", [40, 80, None])
def test_the_list_has_a_line_for_each_run_at_any_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int | None
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width or 40))
    names = [f"runs/cartpole/2026-11-21-093{i}-quick-otter" for i in range(3)]
    for name in names:
        write_run(tmp_path / name, example())
    if width:
        console = Console(force_terminal=True, width=width, soft_wrap=True, color_system=None)
        monkeypatch.setattr(listing.terminal, "console", lambda: console)
    listing.show(Path("runs"))
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown.splitlines() if "-quick-otter" in line]
    assert [line[0][-13:] for line in lines] == [name[-13:] for name in names]
    assert all("500.00" in line and "finished" in line for line in lines)
    assert not width or max(map(len, shown.splitlines())) <= width
    assert shown.index("otter") < shown.index("shadow_hand")


def test_a_run_at_work_is_told_from_an_interrupted_one(cli: Cli, tmp_path: Path):
    folder = write_run(tmp_path / "runs" / "my task" / "one", halves()[0])
    with open(folder / "orchestrator.lock", "w+") as lock:
        lock.write("4477\n")
        lock.flush()
        left = cli("inspect", "latest").stdout
        assert "\ninterrupted: generation 1 of 2: training 4 policies, checkpoint 4 of 8\n" in left
        assert "\nresume with: eureka resume 'runs/my task/one'\n" in left
        assert "interrupted at " in cli("list").stdout
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "\nrunning, process 4477: generation 1 of 2: training" in cli("inspect", "latest").stdout
        assert "running, " in cli("list").stdout


def test_inspect_shows_all_parts_that_are_asked_for(cli: Cli, tmp_path: Path):
    write_run(tmp_path / "one", example())
    code, feedback = (cli("inspect", "one", part).stdout for part in ("--code", "--reflection"))
    assert code and feedback and cli("inspect", "one", "--reflection", "--code").stdout == code + feedback


def test_to_resume_a_finished_run_says_that_it_is_finished(cli: Cli, tmp_path: Path):
    write_run(tmp_path / "one", example())
    done = cli("resume", "one", "--display", "plain")
    assert done.returncode == 0 and done.stdout.startswith("one is finished"), done.stderr


def test_a_printed_command_is_quoted_for_a_shell(cli: Cli, tmp_path: Path):
    write_run(tmp_path / "my run", example())
    assert "eureka resume 'my run' --generations N" in cli("resume", "my run").stdout


def test_train_trains_one_reward_on_several_seeds_and_resumes(cli: Cli, fakes, tmp_path: Path):
    reward = tmp_path / "mine.py"
    reward.write_text(
        "def compute_reward(pole_angle):\n    up = torch.exp(-pole_angle.square() / 0.1)\n    return up, {}\n"
    )
    done = cli("train", "cartpole", "--reward", reward, "--seeds", 2, "--steps", 8192, "--out", "one")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "one" / "result.json").read_text())
    (arm,) = result["comparison"]["arms"]
    assert arm["name"] == "mine" and len(arm["fitness"]) == 2
    assert len(list((tmp_path / "one" / "final").glob("mine-*/policy.safetensors"))) == 2
    assert "mine" in done.stdout and "evolved" not in done.stdout
    # cut off before its end, it goes on to the same result
    cut_before(tmp_path / "one", "finished", "trained")
    before = (tmp_path / "one" / "result.json").read_bytes()
    again = cli("resume", "one")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "one" / "result.json").read_bytes() == before


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--reward", "nowhere.py"], "nowhere.py cannot be read"),
        (["--reward", "bad.py"], "bad.py, line 2: "),
        (["--reward", "human", "--seeds", "0"], "--seeds"),
        ([], "Missing option '--reward'"),
    ],
)
def test_a_mistake_with_train_is_one_sentence_and_leaves_nothing(
    cli: Cli, fakes, tmp_path: Path, arguments: list[str], expected: str
):
    (tmp_path / "bad.py").write_text("def compute_reward(pole_angle):\n    return torch.nope(pole_angle), {}\n")
    done = cli("train", "cartpole", *arguments, "--out", "run")
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "head",
    ['"""Doc."""; K = 2.0\n', '"""Doc."""\nfrom __future__ import annotations; K = 2.0\n', "K = 2.0  # a comment\n"],
)
def test_an_export_keeps_what_shares_a_line_with_what_is_moved(head: str):
    names: dict = {}
    exec(source(head + "\ndef compute_reward(a):\n    return a * K, {}\n", "x"), names)
    assert names["K"] == 2.0 and names["compute_reward"](3.0)[0] == 6.0


def test_an_export_runs_in_plain_python_without_what_the_sandbox_leaves_out(cli: Cli, recorded: Path, tmp_path: Path):
    code = (
        "    import logging\n\n    def compute_reward(pole_angle: np.ndarray):\n        # kept\n"
        "        print(f'é {pole_angle:.3f}',\n              pole_angle)  # why\n"
        "        if len(pole_angle) > 0:\n            logging.info('%d', pole_angle); k = 2.0\n"
        "        assert torch.isfinite(pole_angle).all()\n"
        "        return pole_angle * k, {'text': pole_angle}  # end\n"
    )
    shutil.copytree(recorded, tmp_path / "one")
    rewrite(tmp_path / "one", lambda events: [e | ({"code": code} if e["event"] == "verdict" else {}) for e in events])
    done = cli("export", "one", "-o", "reward.py", "--original")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "reward.py").read_text()
    assert "\n    # kept\n    pass  # left out: print(f'é {pole_angle:.3f}', pole_angle)  # why\n    if len" in text
    assert "\n        pass; k = K\n    assert torch" in text and text.endswith("}  # end\n")
    assert text.index("\nK = 2.0\n") < text.index("def compute_reward"), "numbers are in one block at the top"
    run = "import reward, torch; print(reward.compute_reward(torch.ones(3))[0].tolist())"
    ran = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert ran.stdout == "[2.0, 2.0, 2.0]\n"


def test_an_export_keeps_comments_where_a_docstring_is_moved():
    text = source(
        '"""Doc."""\nK = 2.0  # two\nprint(K)\n\ndef compute_reward(a):\n    return a * K, {}\n', "From here."
    )
    assert 'From here.\n\nDoc.\n"""\n\nK = 2.0  # two\npass  # left out: print(K)\n' in text


def test_check_notes_what_the_sandbox_reads_otherwise_than_python(cli: Cli, tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "    def compute_reward(pole_angle):\n        r = -pole_angle\n        print(r.mean())\n"
        "        print(r)\n        return r, {'r': r}\n"
    )
    done = cli("check", "cartpole", "--reward", "mine.py", "--episodes", 2)
    assert done.returncode == 0, done.stderr
    refused = "note: Python itself refuses this file (unexpected indent, line 1); the sandbox removed the indentation\n"
    assert refused + "note: printing is left out: lines 3, 4\n" in done.stdout
    assert "control steps of 500  higher is better" in done.stdout, "the unit of the fitness"


def test_check_holds_a_reward_against_the_episodes_of_a_policy(cli: Cli, tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "def compute_reward(pole_angle):\n    return -1.0 - pole_angle.abs(), {'lean': pole_angle.abs()}\n"
    )
    example = str(shipped("runs") / "examples" / "cartpole")
    done = cli("check", "cartpole", "--reward", "mine.py", "--episodes", 8, "--policy", example)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n  mean of an episode  random actions +cartpole, evolved\n  the reward +-\d+\.", done.stdout)
    assert re.search(r"\n  fitness +\d+\.\d+ +500\.00\n", done.stdout)
    assert "pays random actions more than this policy" in done.stdout
    human = cli("check", "cartpole", "--reward", "human", "--episodes", 8, "--policy", example).stdout
    assert "cartpole, evolved" in human and "pays random actions more" not in human
    assert "policy of another task" in sentence(cli("check", "ball_balance", "--reward", "human", "--policy", example))
    assert "give --reward too" in sentence(cli("check", "cartpole", "--policy", example))


DAMAGES = [
    ("run.json", "[]"),
    ("run.json", '{"settings": []}'),
    ("run.json", "[" * 100_000),
    ("events.jsonl", "1\n"),
    ("events.jsonl", "{}\n"),
    ("events.jsonl", '{"event": "answer"}\n'),
    ("events.jsonl", '{"event": "finished", "winner": null, "comparison": {"arms": []}}\n'),
    ("events.jsonl", '{"event": "train", "name": "x"}\n{"event": "finished", "comparison": {"arms": []}}\n'),
]


@pytest.mark.parametrize("name, text", DAMAGES)
def test_a_damaged_run_is_one_sentence_for_every_command(
    cli: Cli, fakes, recorded: Path, tmp_path: Path, name: str, text: str
):
    shutil.copytree(recorded, tmp_path / "runs" / "one")
    (tmp_path / "runs" / "one" / name).write_text(text)
    for command in (["inspect", "runs/one"], ["export", "runs/one", "-o", "x.py"], ["resume", "runs/one"]):
        done = cli(*command)
        assert "Traceback" not in done.stderr and done.returncode in (0, 2), (command, done.stderr)
        assert done.returncode == 0 or len(done.stderr.strip().splitlines()) == 1
    listed = cli("list")
    assert listed.returncode == 0, listed.stderr


def test_a_strangers_run_cannot_drive_the_terminal(cli: Cli, recorded: Path, tmp_path: Path):
    run = tmp_path / "one"
    shutil.copytree(recorded, run)
    evil = "\x1b]0;owned\x07[/foo]"
    record = json.loads((run / "run.json").read_text())
    record["task"] = evil
    (run / "run.json").write_text(json.dumps(record))
    events = (
        (run / "events.jsonl")
        .read_text()
        .replace('"evolved"', json.dumps(evil))
        .replace('"notes": []', '"notes": ' + json.dumps([evil]))
    )
    (run / "events.jsonl").write_text(events)
    for arguments in (["inspect", "one"], ["inspect", "one", "--best"], ["list", "."], ["resume", "one"]):
        done = cli(*arguments)
        assert "\x1b" not in done.stdout + done.stderr and "\x07" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
