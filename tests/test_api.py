"""Eureka from Python."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import eureka
from eureka.designers.replay import ReplayDesigner
from eureka.errors import UserError
from eureka.rl.deploy import ActingPolicy, write_policy

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "runs/examples/cartpole"
TINY = {"generations": 2, "samples": 2, "envs": 8, "steps": 2048, "validation": "off", "seeds": 2, "display": "none"}
REPLY = """I balance.

```python
def compute_reward(pole_angle, pole_velocity):
    upright = torch.exp(-pole_angle.abs() / NUMBER)
    return upright, {"upright": upright}
```
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_is_a_designer_and_another_one_a_strategy(folder: Path):
    asked: list[list[dict[str, str]]] = []
    seen: list[int] = []

    def designer(messages: list[dict[str, str]]) -> str:
        asked.append(messages)
        return REPLY.replace("NUMBER", f"0.{len(asked)}")

    def strategy(state: eureka.SearchState) -> tuple[eureka.Question, ...]:
        from eureka.designers import prompts

        seen.append(len(state.generations))
        return (eureka.Question(prompts.first(state.task)),) * state.samples

    run = eureka.run("cartpole", llm=designer, strategy=strategy, out=folder / "run", **TINY)
    assert run.folder == folder / "run" and run.task == "cartpole" and seen[:2] == [0, 1]
    assert [m["role"] for m in asked[0]] == ["system", "user"] and len(asked) == 4
    assert run.settings.llm == "python:designer" and run.settings.strategy == "python"
    assert set(run.candidates) == {"1.0", "1.1", "2.0", "2.1"}
    winner = run.winner
    assert winner and "upright" in (winner.code or "") and run.comparison and run.comparison.arm("human")
    rows = run.rows()
    assert rows[0]["candidate"] == "1.0" and rows[0]["fitness"] == run.candidates["1.0"].trained.report
    shown = run._repr_html_()
    assert shown.count("<table>") == 2 and "fitness on fresh seeds" in shown
    with pytest.raises(UserError, match="designer python:designer is a function"):
        eureka.resume(run, generations=1, strategy=strategy, display="none")
    longer = eureka.resume(run, generations=1, llm=designer, strategy=strategy, display="none")
    assert "3.1" in longer.candidates


def test_an_interrupted_run_is_resumed_with_its_function(folder: Path):
    replies = 0

    def designer(messages: list[dict[str, str]]) -> str:
        nonlocal replies
        replies += 1
        if replies == 3:
            raise KeyboardInterrupt
        return REPLY.replace("NUMBER", f"0.{replies}")

    with pytest.raises(BaseException) as stopped:
        eureka.run("cartpole", llm=designer, out=folder / "run", **TINY)
    assert type(stopped.value).__name__ in ("KeyboardInterrupt", "Interrupted")
    run = eureka.resume(folder / "run", llm=designer, display="none")
    assert run.winner and replies == 5


def test_events_go_to_a_function_and_rewards_are_compared(folder: Path):
    events: list[Any] = []
    sizes = {name: TINY[name] for name in ("envs", "steps")}
    run = eureka.compare("human", "sparse", task="cartpole", seeds=2, display=events.append, out=folder / "c", **sizes)
    assert [arm.name for arm in run.comparison.arms] == ["human", "sparse"] and run.winner is None
    assert {type(e).__name__ for e in events} >= {"Opened", "FinalBegan", "Finished"}


def test_a_reward_is_checked_and_trained_alone(folder: Path):
    with pytest.raises(UserError, match=r"human.py, line 2: .*unknown"):
        (folder / "human.py").write_text("def compute_reward(pole_angle):\n    return unknown, {}\n")
        eureka.check("cartpole", folder / "human.py")
    found = eureka.check("cartpole", "human", episodes=3)
    assert found.report is not None and "pole_angle" in found.report.inputs and found.watching == ("", "sparse")
    assert found.random is not None and len(found.random.fitness) == 3 == len(found.random.returns[0])
    assert "is valid: " in str(found) and "3 episodes of random actions:" in str(found)
    run = eureka.train("cartpole", "human", seeds=1, out=folder / "t", envs=TINY["envs"], steps=TINY["steps"])
    assert run.comparison is not None and [arm.name for arm in run.comparison.arms] == ["human"]
    assert eureka.load_policy(run, "human").act(np.zeros(4)).shape == (1,)
    with pytest.raises(UserError, match="no option 'generations'"):
        eureka.train("cartpole", "human", generations=2)


def test_mistakes_are_named(folder: Path):
    with pytest.raises(UserError, match=r"no option 'generation'.*did you mean 'generations'"):
        eureka.run("cartpole", generation=2)
    with pytest.raises(UserError, match="returned int; it must return a text"):
        eureka.run("cartpole", llm=lambda messages: 3, out=folder / "run", **TINY)
    assert not (folder / "run").exists()
    with pytest.raises(UserError, match="does not exist"):
        eureka.load_run("nowhere")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = eureka.nothing
    assert isinstance(ReplayDesigner(EXAMPLE, True, print), eureka.Designer)


def test_the_import_is_light():
    code = "import eureka, sys; print([m for m in ('torch', 'mujoco', 'pydantic', 'numpy') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert ran.stdout.strip() == "[]"
    code = (
        "import eureka, sys; eureka.load_run; print([m for m in ('torch', 'mujoco', 'gymnasium') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_pandas_is_optional_and_gives_a_table():
    pandas = pytest.importorskip("pandas")
    table = eureka.load_run(EXAMPLE).to_pandas()
    assert isinstance(table, pandas.DataFrame) and table.loc["1.0", "fitness"] == 500.0


def kept_policy() -> Path:
    return EXAMPLE / "final/evolved-0/policy.safetensors"


def test_a_policy_acts_as_in_an_evaluation():
    from eureka.rl.checkpoints import load_policies
    from eureka.rl.rollout import normalize

    acting = eureka.load_policy(eureka.load_run(EXAMPLE))
    policy, moments = load_policies([kept_policy()], torch.device("cpu"))
    seen = np.random.default_rng(0).normal(size=(7, acting.size)).astype(np.float32) * 5
    expected = policy.mean(normalize(moments, torch.as_tensor(seen)[None]))[0].clamp(-1, 1).numpy()
    assert np.allclose(acting.act(seen), expected, atol=1e-6)
    assert np.allclose(acting.act(seen[3]), expected[3], atol=1e-6) and acting.act(seen[3]).shape == (1,)
    with pytest.raises(ValueError, match=r"are \(4,\) or \(N, 4\), not \(3,\)"):
        acting.act([0.0, 0.0, 0.0])


def choosing_policy(folder: Path, choices: tuple[int, ...]) -> Path:
    """The file of a policy that chooses, with 4 observations."""
    from eureka.rl.checkpoints import save_policies
    from eureka.rl.normalization import RunningMoments
    from eureka.rl.policy import Policy, Shape

    policy = Policy.create(Shape(4, sum(choices), (8,), choices=choices), torch.tensor([1]))
    policy.views["actor.1.weight"].mul_(100)  # else it makes the same choice for all observations
    save_policies(policy, RunningMoments(1, (4,), torch.device("cpu")), [folder / "choosing.safetensors"])
    return folder / "choosing.safetensors"


@pytest.mark.parametrize("choices", [(3,), (2, 3)])
def test_a_policy_that_chooses_acts_with_the_largest_logit_of_each_choice(tmp_path: Path, choices: tuple[int, ...]):
    from eureka.rl.checkpoints import load_policies

    file = choosing_policy(tmp_path, choices)
    policy, _ = load_policies([file], torch.device("cpu"))
    assert policy.shape.choices == choices
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    logits = policy.mean(torch.from_numpy(seen)[None])[0]
    expected = np.stack([part.argmax(1).numpy() for part in logits.split(choices, dim=1)], axis=1)
    expected = expected[:, 0] if len(choices) == 1 else expected
    acting = ActingPolicy.load(file)
    found = acting.act(seen)
    assert found.dtype == np.int64 and np.array_equal(found, expected) and len(np.unique(found)) > 1
    assert np.array_equal(acting.act(seen[7]), expected[7]) and np.shape(acting.act(seen[7])) == acting.shape


@pytest.mark.parametrize("choices", [(), (3,), (2, 3)])
@pytest.mark.parametrize("ending", [".pt", ".onnx"])
def test_an_exported_policy_runs_without_eureka_and_gives_the_same_actions(
    tmp_path: Path, ending: str, choices: tuple[int, ...]
):
    if ending == ".onnx":
        pytest.importorskip("onnxruntime")
    target, file = tmp_path / f"policy{ending}", choosing_policy(tmp_path, choices) if choices else kept_policy()
    assert str(target) in write_policy(file, target)
    seen = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32) * 3
    np.save(tmp_path / "seen.npy", seen)
    run = {
        ".pt": "torch.jit.load('policy.pt')(torch.as_tensor(seen)).detach().numpy()",
        ".onnx": "onnxruntime.InferenceSession('policy.onnx').run(None, {'observation': seen})[0]",
    }[ending]
    code = f"import {'torch' if ending == '.pt' else 'onnxruntime'}, json, sys, numpy; seen = numpy.load('seen.npy')\n"
    code += f"found = {run}\nprint(json.dumps([found.tolist(), [m for m in sys.modules if m.startswith('eureka')]]))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, check=True)
    found, modules = json.loads(ran.stdout)
    expected = ActingPolicy.load(file).act(seen)
    assert np.shape(found) == expected.shape and np.abs(np.array(found) - expected).max() < 1e-5 and modules == []


def test_a_policy_of_another_kind_is_refused(tmp_path: Path):
    (tmp_path / "policy.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not a policy file of eureka"):
        ActingPolicy.load(tmp_path / "policy.safetensors")
    with pytest.raises(UserError, match=r"must end in \.pt \(TorchScript\) or \.onnx"):
        write_policy(kept_policy(), tmp_path / "policy.zip")


@pytest.mark.slow
def test_the_notebook_runs(folder: Path):
    cells = json.loads((ROOT / "examples/python/search.ipynb").read_text())["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    (folder / "search.py").write_text(code)
    names = runpy.run_path(str(folder / "search.py"), run_name="__main__")
    assert names["run"].winner and names["action"].shape == (1,)
