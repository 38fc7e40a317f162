"""The compile step on honest and faulty rewards: traced in this process, since the texts are ours."""

from __future__ import annotations

import pytest
import torch

from eureka.rewards.program import Field, rebuild
from eureka.system.paths import load_sandbox

trace = load_sandbox("trace")
FIELDS = {
    "position": Field((3,)),
    "target": Field((3,)),
    "velocity": Field((3,)),
    "rotation": Field((4,)),
    "bodies": Field((5, 3)),
    "action": Field((8,)),
    "height": Field(()),
    "fallen": Field((), "bool"),
    "steps": Field((), "int64"),
}

HONEST = {
    "norm, exp, clamp": """
def compute_reward(position, target, velocity, action):
    distance = torch.norm(target - position, p=2, dim=-1)
    near = torch.exp(-distance / 0.5)
    speed = torch.clamp(torch.linalg.norm(velocity, dim=-1), 0.0, 3.0)
    return near + 0.5 * speed - 0.01 * torch.sum(action ** 2, dim=-1), {"near": near, "speed": speed}
""",
    "where, masks, integers": """
def compute_reward(height, fallen, steps, velocity):
    down = (height < 0.31) | fallen
    alive = torch.where(down, torch.full_like(height, -2.0), torch.ones_like(height))
    late = torch.where(steps > 50, 0.5, 1.0)
    return alive + velocity[:, 0] * (~down).float() * late, {"alive": alive}
""",
    "masked assignment": """
def compute_reward(height, velocity):
    r = torch.zeros(height.shape[0], device=height.device)
    r += velocity[:, 0]
    r[height < 0.3] = -1.0
    r[height > 1.0] += 5.0
    return r, {"r": r.clone()}
""",
    "masked assignment of masked values": """
def compute_reward(height, velocity):
    r = torch.zeros_like(height)
    m = height > 0.3
    r[m] = velocity[m, 0] * 2
    r[~m] *= 3
    return r, {}
""",
    "masked assignment into columns": """
def compute_reward(position, height):
    p = position.clone()
    p[height > 0, 2] = 1.0
    p[p < -1] = -1
    return p.sum(dim=-1), {}
""",
    "quaternions and helpers": """
def conjugate(q):
    return torch.cat([q[:, :1], -q[:, 1:]], dim=-1)
def multiply(a, b):
    aw, ax, ay, az = a.unbind(-1); bw, bx, by, bz = b.unbind(-1)
    return torch.stack([aw*bw-ax*bx-ay*by-az*bz, aw*bx+ax*bw+ay*bz-az*by,
                        aw*by-ax*bz+ay*bw+az*bx, aw*bz+ax*by-ay*bx+az*bw], dim=-1)
def compute_reward(rotation, velocity):
    d = multiply(rotation, conjugate(rotation))
    angle = 2.0 * torch.asin(torch.clamp(torch.norm(d[:, 1:], p=2, dim=-1), max=1.0))
    turned = torch.cross(rotation[:, 1:], velocity, dim=-1)
    dot = torch.bmm(velocity.view(-1, 1, 3), turned.view(-1, 3, 1)).squeeze(-1).squeeze(-1)
    return torch.exp(-angle.abs()) + dot, {"angle": angle}
""",
    "typed TorchScript of published code": """
from typing import Tuple, Dict
import torch
from torch import Tensor
@torch.jit.script
def compute_reward(position: Tensor, target: Tensor, action: Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    temperature: float = 2.5
    d = torch.norm(target - position, p=2, dim=-1)
    reach = torch.exp(-temperature * d)
    bonus = torch.where(d < 0.1, torch.ones_like(d), torch.zeros_like(d))
    effort = torch.sum(torch.square(action), dim=-1) / float(8)
    components: Dict[str, Tensor] = {"reach": reach, "bonus": bonus, "effort": effort}
    return reach + bonus - 0.001 * effort, components
""",
    "loops, constants, module tensors": """
import math
WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.2, 0.2])
SCALES = [0.5, 1.0]
def compute_reward(bodies, target, action):
    r = torch.zeros(bodies.shape[0], device="cuda:0")
    parts = {}
    for i, w in enumerate(WEIGHTS.tolist()):
        parts[f"body_{i}"] = w * torch.exp(-torch.norm(bodies[:, i] - target, dim=-1))
        r = r + parts[f"body_{i}"]
    r = r + (bodies[:, [0, 2, 4], 2] * WEIGHTS[:3].to(bodies.device)).sum(-1) * math.pi
    if len(SCALES) > 1:
        r = r - SCALES[0] * action[:, [0, 3, 7]].abs().mean(-1)
    return r, parts
""",
    "einsum, cdist, softmax, min and max": """
def compute_reward(bodies, target, rotation):
    c = torch.einsum("nbi,ni->nb", bodies, target)
    trace = torch.einsum("nii->n", torch.einsum("ni,nj->nij", rotation, rotation))
    spread = torch.cdist(bodies, bodies).sum(dim=(1, 2))
    low = torch.stack([bodies[:, i, 2] for i in range(bodies.shape[1])], -1).min(dim=-1).values
    high, _ = torch.max(bodies[..., 2], dim=-1)
    total = c.softmax(-1).amax(-1) + trace - 0.01 * spread + torch.max(low, high) + F.softplus(low)
    return total, {"c": c.mean(-1)}
""",
    "numbers as components, default arguments": """
def compute_reward(height, scale: float = 2.0, mode="dense"):
    if mode == "dense" and scale > 1:
        r = scale / (1.0 + height.abs())
    else:
        r = height
    return r, {"r": r, "constant": 1.0, "flag": True, "zero_d": torch.tensor(0.5)}
""",
    "angles": """
def compute_reward(rotation):
    w, x, y, z = rotation[:, 0], rotation[:, 1], rotation[:, 2], rotation[:, 3]
    yaw = torch.atan2(2 * (w * z + x * y), 1 - 2 * (y ** 2 + z ** 2))
    wrapped = torch.remainder(yaw + math.pi, 2 * math.pi) - math.pi
    return torch.cos(wrapped) * math.exp(-0.5), {"yaw": wrapped}
""",
    "indices from values, within a world": """
def compute_reward(bodies, target):
    lowest = torch.argmin(bodies[..., 2], dim=1)
    chosen = bodies.gather(1, lowest.view(-1, 1, 1).expand(-1, 1, 3)).squeeze(1)
    best, _ = torch.topk(bodies[..., 0], 2, dim=1)
    return -(chosen - target).norm(dim=-1) + best.sum(-1), {}
""",
}


@pytest.mark.parametrize("name", HONEST)
def test_a_program_computes_what_its_text_does(name: str):
    text = trace.compile_reward(HONEST[name], FIELDS)
    for worlds in (1, 2, 64):
        agrees(HONEST[name], text, worlds)


def agrees(source: str, text: str, worlds: int) -> None:
    program = rebuild(text, FIELDS, worlds)
    chance = torch.Generator().manual_seed(1)
    states = {n: trace._example(FIELDS[n], worlds, chance) for n in program.inputs}
    eager = trace.load(source.replace('device="cuda:0"', 'device="cpu"'))
    total, components = eager(**{k: v.clone() for k, v in states.items()})
    expected = [total, *components.values()]
    results = program(*states.values())
    assert list(program.components) == list(components)
    for a, b in zip(expected, results, strict=True):
        assert b.shape == (worlds,) and b.dtype == torch.float32
        assert torch.allclose(torch.as_tensor(a, dtype=torch.float32).expand(worlds), b, rtol=1e-5, atol=1e-6)


FAULTY = {
    "no code at all": ("x = 1", "does not define the function compute_reward", None),
    "another name": ("def reward(height):\n    return height, {}", "it defines reward", None),
    "a syntax error": ("def compute_reward(height)\n    return height", "not valid Python", 1),
    "an unknown field": ("def compute_reward(hight):\n    return hight, {}", "similar names are height", 1),
    "no field": ("def compute_reward():\n    return 1, {}", "requests no state field", 1),
    "all fields": ("def compute_reward(*args):\n    return args[0], {}", "must name the state fields", 1),
    "a branch on values": (
        "def compute_reward(height):\n    if height.mean() > 0:\n        return height, {}\n    return -height, {}",
        "torch.where",
        2,
    ),
    "a Python number from a tensor": (
        "def compute_reward(height):\n    h = float(height.max())\n    return height * h, {}",
        "torch.where",
        2,
    ),
    "and between tensors": (
        "def compute_reward(height, fallen):\n    m = (height > 0) and fallen\n    return m.float(), {}",
        "& and |",
        2,
    ),
    "the number of worlds": ("def compute_reward(height):\n    return height * (1.0 / height.shape[0]), {}", "own world", 2),
    "a loop over worlds": (
        "def compute_reward(height):\n    return torch.stack([height[i] for i in range(len(height))]), {}",
        "own world",
        2,
    ),
    "random numbers": ("def compute_reward(height):\n    return height + torch.rand_like(height), {}", "random", 2),
    "worlds chosen by index": ("def compute_reward(fallen):\n    return fallen.nonzero().float(), {}", "torch.where", 2),
    "an input changed in place": ("def compute_reward(action):\n    action.clamp_(-1, 1)\n    return action.sum(-1), {}", "'action' in place", 2),
    "numpy": ("import numpy as np\ndef compute_reward(height):\n    return np.exp(height), {}", "numpy", 3),
    "a single tensor returned": ("def compute_reward(height):\n    return height", "(total, components)", 2),
    "a wrong shape": ("def compute_reward(position):\n    return position, {}", "(N, 3)", 2),
    "a component of wrong shape": ("def compute_reward(position):\n    return position[:, 0], {'p': position}", "component", 2),
    "a component of a reserved name": ("def compute_reward(height):\n    return height, {'fitness': height}", "is reserved", 2),
    "a component name that is no name": ("def compute_reward(height):\n    return height, {'a b\\x1b[2J': height}", "identifier", 2),
    "a component that is text": ("def compute_reward(height):\n    return height, {'a': 'x'}", "it must be a tensor", 2),
    "a total that is a number": ("def compute_reward(height):\n    return 1.0, {}", "must be a tensor", 2),
    "hidden state": (
        "last = None\ndef compute_reward(height):\n    global last\n    before = last if last is not None else height\n"
        "    last = height.clone()\n    return height - before, {}",
        "keep state",
        None,
    ),
    "a typo": ("def compute_reward(height):\n    return torch.absolut(height), {}", "absolut", 2),
    "shapes that do not fit": ("def compute_reward(position, action):\n    return (position + action).sum(-1), {}", "size", 2),
    "its own data": ("def compute_reward(height):\n    height.data.zero_()\n    return height, {}", "changes its input 'height' in place", 2),
    "a tensor that is kept": (
        "kept = torch.zeros(3)\ndef compute_reward(height):\n    kept.add_(1.0)\n    return height * kept[0], {}",
        "a tensor that it keeps between calls, in place", 3,
    ),
    "the number of worlds added": (
        "def compute_reward(height):\n    return height + height.shape[0], {}", "computes with the number of worlds", 2,
    ),
    "endless recursion": ("def compute_reward(height):\n    return compute_reward(height)", "without end", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_reward_gets_advice_and_its_line(name: str):
    source, expected, line = FAULTY[name]
    with pytest.raises(trace.Refused) as caught:
        trace.compile_reward(source, FIELDS)
    message = str(caught.value)
    assert expected in message
    assert caught.value.line == line
    assert "\n" not in message and len(message) < 500
