"""Rewards as people write them: habits that do no harm are accepted, others refused in the author's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from eureka.rewards.compiler import Compiler
from eureka.rewards.preflight import preflight
from eureka.rewards.program import Field, Rejected, rebuild
from eureka.runs.candidate import Failed
from eureka.system.paths import load_sandbox
from eureka.workers.isolation import IsolationPolicy

trace = load_sandbox("trace")
FIELDS = {
    "position": Field((3,)),
    "velocity": Field((3,)),
    "rotation": Field((4,)),
    "bodies": Field((5, 3)),
    "height": Field(()),
    "fallen": Field((), "bool"),
    "steps": Field((), "int64"),
}
INTERNAL = re.compile(
    r"Fake|ProxyT|\b[su]\d+\b|Sym(Int|Float)|Guard|Dynamo|aten|torch\._|symbolic|singleton|<class|NoneType|Torch not"
    r"|[Uu]nbacked|Pending|KeyError"
)
"""Words of torch's tracing, which no message may contain."""


def reward(body: str, head: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f"{head}def compute_reward({', '.join(FIELDS)}):\n{lines}"
    return text if "return" in body else text + "    return r, {'r': r}\n"


def states(worlds: int) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(1)
    return {name: trace._example(field, worlds, chance) for name, field in FIELDS.items()}


SAME = {
    "len": "r = torch.zeros(len(height)) + torch.ones([len(height)]) * height + height.new_zeros(len(height))",
    "size": "r = torch.full((height.size(0),), 2.0) + torch.zeros(position.numel() // 3) + height",
    "views": "r = bodies.reshape(len(bodies), -1).mean(1) + position.view(position.shape[0], 3).sum(-1)",
    "repeat": "t = torch.tensor([1.0, 2.0, 3.0]).repeat(len(position), 1)\nr = (t * position).sum(-1)",
    "expand": "r = torch.tensor([1.0]).expand(height.shape[0]) + height",
    "arange": "r = bodies[torch.arange(len(bodies)), 2, 0]",
    "written into": "z = torch.zeros(len(height), 3)\nz[:, 2] = 1\nr = (z * position).sum(-1)",
    "sizes asserted": "assert len(height) == len(position)\nr = height if len(height) > 0 else -height",
    "f-string": "print(f'{len(height):d}', f'{height.mean().item()}')\nr = height",
    "percent": "print('%.2f' % height[0], '%d' % steps[0])\nr = height",
    "output": "import logging, sys, warnings\nlogging.debug('%s', height)\nsys.stdout.write('x')\nr = height",
    "values printed": "print(round(float(height.mean()), 2), height.tolist(), height.cpu().numpy())\nr = height",
    "text kept": "text = f'{height.mean():.3f}' + '%.1f' % position.norm() + str(height)\nr = height",
    "normal": "r = torch.distributions.Normal(0.0, 0.5).log_prob(height)",
    "normal of fields": "n = torch.distributions.Normal(velocity, torch.ones(3))\nr = n.log_prob(position).sum(-1)",
    "entropy": "r = torch.distributions.Categorical(logits=position).entropy()",
    "builtins": "r = sum([height, abs(height), pow(height, 2)]) * math.pi * math.exp(-0.5)",
    "guards": 'assert not torch.isnan(height).any(), "x"\nassert torch.isfinite(height).all()\n'
    "assert (height > -1e6).all()\nif torch.isnan(height).any(): raise ValueError('nan')\n"
    "if not torch.isfinite(height).all():\n    print('bad')\n    raise ValueError(f'{height.max().item()}')\n"
    "if torch.isnan(height).any():\n    raise ValueError\nelif len(height) > 0:\n    r = height",
    "a guard that is caught": "try:\n    if math.pi > 3:\n        raise ValueError\n    k = 1.0\n"
    "except ValueError:\n    k = 2.0\nr = height * k",
    "a guard of a function that is caught": "def f(x):\n    assert x.get('a')\n    return 1.0\ntry:\n    k = f({})\n"
    "except AssertionError:\n    k = 2.0\nassert not torch.isnan(height).any()\nreturn height * k, {}",
    "a branch on a number": "k = 2.0\nif math.sqrt(k) > 2:\n    pass\nelse:\n    k = 3.0\nr = height * k",
    "a size that values of constants decide": "r = height * torch.combinations(torch.arange(3)).sum()",
    "contexts": "torch.manual_seed(0)\nwith torch.no_grad(), torch.inference_mode():\n    r = height * 2",
}


@pytest.mark.parametrize("name", SAME)
def test_a_harmless_habit_is_accepted_and_computes_what_its_text_does(name: str):
    source = reward(SAME[name])
    text = trace.compile_reward(source, FIELDS)
    for worlds in (1, 33):
        given = states(worlds)
        program = rebuild(text, FIELDS, worlds)
        (expected, *_), _ = plain(source, given), None
        results = program(*[given[n] for n in program.inputs])
        assert torch.allclose(expected.expand(worlds).float(), results[0], rtol=1e-5, atol=1e-6)


def plain(source: str, given: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The reward as Python runs it, with nothing of the sandbox."""
    names: dict = {"torch": torch, "math": __import__("math")}
    exec(source, names)
    return names["compute_reward"](**given)


ACCEPTED = {
    "formatted": reward("print(f'{height:.3f} {height.mean():.3f}'); print('{:>9.2f}'.format(height))\nr = height"),
    "default device": reward("r = torch.zeros(len(height)) + height", "torch.set_default_device('cuda')\n"),
    "device in the function": reward("torch.set_default_device('cuda:0')\nr = torch.zeros_like(height)"),
    "constant on a device": reward("r = height + W", "W = torch.tensor(1.0, device='cuda:0').to('cuda').cuda()\n"),
    "device of a field": reward("d = torch.device('cuda:0')\nr = torch.ones(len(height), device=d) * height.to(d)"),
    "calls of CUDA": reward("torch.cuda.synchronize()\ntorch.cuda.empty_cache()\nr = height"),
    "decorators": reward("r = height", "@torch.jit.script\n@torch.no_grad()\n"),
    "seeds": reward("r = height", "import random\nrandom.seed(0)\ntorch.manual_seed(0)\n"),
    "an example of use": reward("r = height") + "print(torch.rand(3))\n",
    "annotations": "def compute_reward(height: np.ndarray) -> Tuple[jnp.ndarray, Foo]:\n    return height, {}\n",
    "annotations of the future": '"""Doc."""\nfrom __future__ import annotations\n' + reward("r = height"),
    "indented": "    def compute_reward(height):\n        return height, {}\n",
    "indented by tabs": "\tdef compute_reward(height):\n\t\treturn height, {}\n",
    "indented by chance": "  def compute_reward(height):\n    return height, {}\n",
    "indented with a text": '    def compute_reward(height):\n        """A\ntext"""\n        return height, {}\n',
    "indented below an import": "import torch\n\n    @torch.jit.script\n    def compute_reward(height):\n"
    "        return height, {}\n",
    "a static method": "    @staticmethod\n    def compute_reward(height):\n        return height, {}\n",
    "pasted spaces": "\ufeffdef compute_reward(height):\n\u00a0\u00a0\u00a0 return height, {}\n",
    "a list of two": reward("return [height, {'a': 1, 'b': height.new_ones(1), 'c': fallen, 'd': steps}]"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted(name: str):
    program = rebuild(trace.compile_reward(ACCEPTED[name], FIELDS), FIELDS, 5)
    assert program(*[states(5)[n] for n in program.inputs])[0].shape == (5,)


REFUSED = [  # body, line of it, parts of the message
    ("r = height / len(height)", 1, "computes with the number of worlds"),
    ("r = torch.zeros_like(height)\nfor i in range(len(height)):\n    r[i] = 1.0", 3, "own world only", "loops"),
    ("r = torch.zeros_like(height)\nfor i in range(16):\n    r[i] = height[i]", 3, "own world only"),
    ("out = []\nfor row in position:\n    out.append(row)\nr = torch.stack(out)", 2, "loop over worlds"),
    ("r = torch.stack([abs(x) for x in height])", 1, "loop over worlds"),
    ("for i, x in enumerate(height):\n    r = x", 1, "enumerate()", "loop over worlds"),
    ("r = float(f'{height.mean():.3f}') * height", 1, "could not convert"),
    ("r = height\nreturn r, {f'at_{height.mean():.0f}': r}", 2, "plain identifier"),
    ("r = height * math.exp(height)", 1, "math.exp() takes numbers", "torch.exp"),
    ("r = math.atan2(height, height)", 1, "use torch.atan2"),
    ("from math import sqrt\nr = sqrt(height)", 2, "use torch.sqrt"),
    ("r = math.fabs(height)", 1, "use torch.abs"),
    ("r = round(height, 2)", 1, "use torch.round"),
    ("r = max(height, 0.0)", 1, "torch.maximum", "torch.clamp"),
    ("r = min(height, velocity[:, 0])", 1, "torch.minimum"),
    ("r = height * int(steps)", 1, "int()", "x.long()"),
    ("r = height * bool(fallen)", 1, "bool()", "x.bool()"),
    ("r = torch.tensor(height.tolist())", 1, "tolist()", "keep the tensor"),
    ("r = height * height.item()", 1, "item()", "keep the tensor"),
    ("r = torch.tensor(height.numpy())", 1, "numpy()", "keep the tensor", "numpy cannot"),
    ("import numpy as np\nr = np.linalg.norm(position, axis=-1)", 2, "use torch.linalg.norm"),
    ("import numpy as np\nr = (position * np.ones(3)).sum(-1)", 2, "numpy array", "torch.tensor"),
    ("if height > 0:\n    r = height", 1, "Python's if", "torch.where(condition, a, b)"),
    ("r = height if fallen else -height", 1, "Python's if", "torch.where"),
    ("r = height\nwhile r.mean() > 0:\n    r = r - 1", 2, "Python's while"),
    ("r = (height > 0 and fallen).float()", 1, "Python's and", "use & and |", "parentheses"),
    ("r = height * (not fallen)", 1, "Python's not", "~"),
    ("r = (0.1 < height < 0.5).float()", 1, "chain", "(low < x) & (x < high)"),
    ("r = height * (steps in [1, 2])", 1, "Python's in", "(x == a) | (x == b)"),
    ("r = height * [1.0, 2.0][steps]", 1, "torch.tensor([...])[index]"),
    ("x, y, z = position\nr = x", 1, "x.unbind(-1)"),
    ("r = torch.zeros(4096) + height", 1, "(4096,) and (N,)", "differs between runs", "torch.zeros_like(field)"),
    ("num_envs = 4096\nr = torch.zeros(num_envs)\nr += height", 3, "(4096,)", "differs between runs"),
    ("r = torch.tensor([1.0]).expand(512) * height", 1, "(512,)", "differs between runs"),
    ("r = position.view(512, 3).sum(-1)", 1, "(N, 3)", "differs between runs"),
    ("r = bodies[torch.arange(64), 0, 0] + height", 1, "(64,)", "differs between runs"),
    ("r = torch.zeros(1024)", 2, "the total reward has shape (1024,)", "differs between runs"),
    ("r = height\nreturn r, {'b': torch.ones(256)}", 2, "component 'b' has shape (256,)", "differs between runs"),
    ("r = torch.distributions.Normal(height, 1.0).sample()", 1, "draws random numbers"),
    ("r = height + torch.randn(len(height))", 1, "draws random numbers"),
    ("r = torch.empty_like(height).uniform_(-1, 1)", 1, "draws random numbers"),
    ("r = F.dropout(height)", 1, "draws random numbers"),
    ("import random\nr = height * random.uniform(0, 1)", 2, "draws random numbers"),
    ("import numpy as np\nr = height * np.random.randn()", 2, "draws random numbers"),
    ("import time\nr = height * time.time()", 2, "reads a clock"),
    ("from datetime import datetime\nr = height * datetime.now().second", 2, "reads a clock"),
    ("return height", 1, "returned one tensor", "(total, components)"),
    ("return None", 1, "returned nothing", "return total, {...}"),
    ("r = height\nreturn 0, {}", 2, "the total is the number 0"),
    ("return height, height", 1, "a total and one tensor"),
    ("return height, {}, 1", 1, "a tuple of 3"),
    ("return (height,)", 1, "a tuple of 1"),
    ("return {'r': height}", 1, "one dict"),
    ("return height, {'a': None}", 1, "component 'a' is None"),
    ("return height, {'n': len(height)}", 1, "computes with the number of worlds"),
    ("return torch.max(position, dim=-1), {}", 1, "take .values"),
    ("return height.unsqueeze(-1), {}", 1, "(N, 1)", ".squeeze(-1)"),
    ("return height, {'p': position}", 1, "'p' has shape (N, 3)", ".sum(dim=-1)"),
    ("r = torch.norm(position)", 2, "shape ()", "dim=-1"),
    ("r = torch.cat([height, height])", 2, "(2*N,)"),
    ("r = height[fallen]", 2, "some worlds", "torch.where"),
    ("r = (position + rotation).sum(-1)", 1, "(N, 3) and (N, 4)"),
    ("r = (position * height).sum(-1)", 1, "(N, 3) and (N,)", "x.unsqueeze(-1)"),
    ("r = (position @ velocity).sum(-1)", 1, "(a * b).sum(dim=-1)"),
    ("r = torch.cat([position, height], dim=-1).sum(-1)", 1, "number of dimensions", "x.unsqueeze(-1)"),
    ("r = height.sum(dim=1)", 1, "there is no dimension 1", "(N,)"),
    ("r = position[:, 3]", 1, "index 3 does not exist", "(N, 3)"),
    ("r = height[:, 0]", 1, "more indices"),
    ("r = position['x']", 1, "whole numbers"),
    ("r = position.x", 1, "a tensor has no attribute 'x'", "p[:, 0]"),
    ("r = torch.sqaure(height)", 1, "torch has no attribute 'sqaure'", "square"),
    ("r = height * velocty", 1, "'velocty' is not defined", "velocity"),
    ("r = quat_rotate(rotation, velocity)[:, 0]", 1, "not defined", "define it"),
    ("if False:\n    r = height", 3, "before it has a value"),
    ("r = torch.maximum(height, 0.0)", 1, "takes a tensor, not float", "torch.clamp"),
    ("r = height * torch.exp(-1.0)", 1, "use math.exp for numbers"),
    ("r = torch.where(height > 0, 1.0)", 1, "torch.where(mask, a, b)"),
    ("r = torch.where(height, 1.0, 0.0)", 1, "must be a mask"),
    ("r = torch.tensor([height, height])", 1, "torch.stack([a, b], dim=-1)"),
    ("r = (position - [0.0, 0.0, 1.0]).norm(dim=-1)", 1, "torch.tensor([...])"),
    ("r = position.norm(axis=-1)", 1, "dim and keepdim"),
    ("r = 1.0 - fallen", 1, ".float()"),
    ("r = steps.mean(dim=-1)", 1, ".float()"),
    ("r = (position @ torch.ones(3, 1).double()).squeeze(-1)", 1, "dtypes", ".float()"),
    ("r = torch.zeros_like(steps)\nr += 0.5", 2, "in place", ".float()"),
    ("r = height & fallen", 1, "parentheses"),
    ("r = height ^ 2", 1, "**"),
    ("r = bodies.transpose(1, 2).view(-1, 15).sum(-1)", 1, "reshape"),
    ("import copy\nr = copy.deepcopy(height)", 2, "x.clone()"),
    ("r = torch.histc(height).mean() * height", 1, "operation histc"),
    ("m = torch.nonzero(height > 0.1)\nr = -height * (m.numel() > 0)", 1, "depends on values", "torch.where"),
    ("r = height * (height.shape[0] > 100)", 1, "computes with the number of worlds"),
    ("r = torch.norm(bodies - position, dim=-1).sum(-1)", 1, "write position.unsqueeze(1)"),
    ("assert position.shape[-1] == 4, 'four'\nr = height", 1, "four"),
    ("import isaacgym\nr = height", 1, "can be imported", "isaacgym"),
    ("exit()\nr = height", 1, "ends the program"),
]


@pytest.mark.parametrize(("body", "line", "parts"), [(body, line, parts) for body, line, *parts in REFUSED])
def test_a_mistake_is_told_in_the_words_of_its_author_with_its_line(body: str, line: int, parts: list[str]):
    with pytest.raises(trace.Refused) as caught:
        trace.compile_reward(reward(body), FIELDS)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert caught.value.line == line + 1
    assert not INTERNAL.search(message.split(" in `")[0]) and "\n" not in message and len(message) < 500


TEXTS = {
    "def compute_reward(self, height):\n    return height, {}": (1, "'self' is not a state field; remove it"),
    "class A:\n    def compute_reward(self, height):\n        return height, {}": (2, "inside the class A"),
    "def compute_reward(height, num_envs):\n    return height, {}": (1, "position.shape[0]"),
    "def compute_reward(**state):\n    return state, {}": (1, "takes **state"),
    "def compute_reward(height, /):\n    return height, {}": (1, "remove the /"),
    "def compute_reward(height):\n    r = height": (1, "returned nothing"),
    "def compute_reward(height):\n    yield height": (1, "must not use yield"),
    "compute_reward = 3": (None, "not a function"),
    "@script\ndef compute_reward(height):\n    return height, {}": (1, "'script' is not defined"),
    "import random\nW = random.random()\ndef compute_reward(height):\n    return height * W, {}": (2, "random numbers"),
    "    def compute_reward(height):\n        return height + hight, {}": (2, "similar names are height"),
    "    def compute_reward(height):\n        return height +": (2, "not valid Python"),
    "def compute_reward(height):\n    r = height\n      r = r\n    return r, {}": (3, "unexpected indent"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_defines_no_reward_is_told_so(text: str):
    line, expected = TEXTS[text]
    with pytest.raises(trace.Refused, match=re.escape(expected)) as caught:
        trace.compile_reward(text, FIELDS)
    assert caught.value.line == line


def test_the_jail_gives_the_same_answers(tmp_path: Path):
    """In it, nothing can be imported any more."""
    sources = {name: reward(body) for name, body in SAME.items()} | ACCEPTED
    sources |= {f"refused {i}": reward(body) for i, (body, *_) in enumerate(REFUSED)}
    fields = {name: (field.shape, field.dtype) for name, field in FIELDS.items()}
    compiler = Compiler(IsolationPolicy(), tmp_path / "log")
    try:
        found = dict(compiler.compile(sources, fields))
    finally:
        compiler.close()
    assert [name for name in [*SAME, *ACCEPTED] if not isinstance(found[name], str)] == []
    for i, (_, line, *parts) in enumerate(REFUSED):
        answer = found[f"refused {i}"]
        assert isinstance(answer, Failed) and answer.line == line + 1
        assert all(part in answer.message for part in parts), answer.message


def test_python_may_not_count_the_worlds_that_a_mask_selects():
    with pytest.raises(trace.Refused, match="let Python decide by a tensor's values"):
        trace.compile_reward(reward("r = height * float(height[height > 0].shape[0] > 2)"), FIELDS)


def test_two_axes_of_worlds_are_named_as_such():
    text = trace.compile_reward(reward("r = (height[:, None] - height[None, :]).sum(-1)"), FIELDS)
    with pytest.raises(Rejected, match=r"depends on other worlds: shape \(N, N\)"):
        preflight(text, FIELDS, states(32))


@pytest.mark.parametrize("mean", ["height.mean()", "height - height.mean()", "(height > 1).float().mean().item()"])
def test_a_component_that_is_a_mean_over_worlds_is_named(mean: str):
    text = trace.compile_reward(reward(f"r = height\nreturn r, {{'r': r, 'mean_angle': {mean}}}"), FIELDS)
    with pytest.raises(
        Rejected, match="'mean_angle' depends on other worlds; give it for each world, since means are shown"
    ) as e:
        preflight(text, FIELDS, states(32))
    assert e.value.line == 3


def test_what_the_total_needs_is_not_a_mean_for_display():
    text = trace.compile_reward(reward("m = height.mean()\nr = height + m\nreturn r, {'m': m}"), FIELDS)
    with pytest.raises(Rejected, match="the reward of one world depends on other worlds"):
        preflight(text, FIELDS, states(32))


def test_a_reward_with_a_guard_may_still_not_keep_state():
    head = "calls = []\n"
    body = "assert torch.isfinite(height).all()\ncalls.append(1)\nr = height * len(calls)"
    with pytest.raises(trace.Refused, match="differs between two calls"):
        trace.compile_reward(reward(body, head), FIELDS)


def test_what_is_replaced_while_a_reward_runs_is_put_back():
    import random
    import time

    before = (torch.jit.script, torch.set_default_device, random.random, time.time)
    with pytest.raises(trace.Refused):
        trace.compile_reward(reward("r = torch.rand(3)"), FIELDS)
    assert before == (torch.jit.script, torch.set_default_device, random.random, time.time)
