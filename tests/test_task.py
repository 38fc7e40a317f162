"""What holds for every shipped task."""

from __future__ import annotations

import re
from dataclasses import fields
from types import SimpleNamespace

import pytest
import torch
from support.bench import Bench, bench_of
from torch._subclasses.fake_tensor import FakeTensorMode

from eureka.config.tasks import shipped_tasks
from eureka.envs.env import Env
from eureka.envs.introspection import attribute_docs, describe
from eureka.system.paths import shipped

NAMES = shipped_tasks()
NOT_A_VECTOR = re.compile(r"(last_)?action|(hip|knee)_(angle|velocity)|thrust|(thigh|foot)_contact_force")
"""Three or four numbers that have no frame: one for each leg, rotor or motor."""
UNITS = r"\b(m|m/s|rad|rad/s|N|N m|in \[-1, 1\]|unit quaternions?)\b"


@pytest.fixture(params=NAMES, scope="module")
def bench(request: pytest.FixtureRequest) -> Bench:
    return bench_of(request.param)


def test_every_state_field_is_documented_with_its_shape_and_unit(bench: Bench):
    docs = attribute_docs(bench.task.State)
    for f in fields(bench.task.State):
        shape = tuple(bench.states[f.name].shape[1:])
        written = "(" + ", ".join(["N", *map(str, shape)]) + ("," if not shape else "") + ")"
        assert docs[f.name].startswith(written), f.name
        assert re.search(UNITS, docs[f.name]), f"{f.name} has no unit"
        assert bench.states[f.name].dtype == torch.float32


def test_every_vector_and_rotation_names_its_frame(bench: Bench):
    docs, vectors = attribute_docs(bench.task.State), []
    for f in fields(bench.task.State):
        shape = bench.states[f.name].shape[1:]
        if shape and shape[-1] in (3, 4) and not NOT_A_VECTOR.fullmatch(f.name):
            vectors.append(f.name)
            assert re.search(r"\b(frame|frames)\b", docs[f.name]), f"{f.name} has no frame"
    assert vectors or bench.loaded.file.name == "cartpole", "a pole in a plane has angles only"


def test_the_description_tells_action_termination_and_constants_and_hides_the_fitness(bench: Bench):
    d = describe(bench.loaded, bench.task, bench.states, 1)
    assert len(d.action) > 40 and len(d.termination) > 20 and d.constants
    assert all(c.doc for c in d.constants)
    assert {f.name for f in d.state} >= {"action", "last_action"}


def test_every_task_names_its_sources(bench: Bench):
    text = (shipped("tasks") / bench.loaded.file.name / "SOURCES.md").read_text()
    for word in ("human reward", "fitness", "What differs"):
        assert word in text


def test_every_preset_can_be_run_in_whole_iterations(bench: Bench):
    assert set(bench.loaded.file.presets) == {"cpu", "gpu", "paper"}
    for preset in bench.loaded.file.presets.values():
        steps_per_iteration = preset.worlds * preset.learning.horizon
        assert preset.steps % steps_per_iteration == 0, "steps are rounded down to whole iterations"
        assert preset.worlds % 32 == 0
        assert preset.evaluation.steps(bench.task.horizon) <= 0.25 * preset.steps


class FakePhysics:
    """Views of the right shapes and no physics: enough to trace a control step on fake tensors."""

    def __init__(self, bench: Bench, worlds: int):
        m = bench.model
        self.model, self.num_worlds, self.device = m, worlds, torch.device("cpu")
        shapes = {
            "qpos": (m.nq,),
            "qvel": (m.nv,),
            "ctrl": (m.nu,),
            "xpos": (m.nbody, 3),
            "xquat": (m.nbody, 4),
            "site_xpos": (m.nsite, 3),
            "qfrc_actuator": (m.nv,),
            "sensordata": (m.nsensordata,),
        }
        for name, shape in shapes.items():
            setattr(self, name, torch.zeros(worlds, *shape))

    def assign(self, mask, *, qpos=None, qvel=None):
        for view, value in ((self.qpos, qpos), (self.qvel, qvel)):
            if value is not None:
                view.copy_(torch.where(mask[:, None], value.to(view.dtype), view))

    def sensor(self, name):
        sensor = self.model.sensor(name)
        return self.sensordata[:, sensor.adr[0] : sensor.adr[0] + sensor.dim[0]]

    def step(self, substeps):
        pass

    def reset(self, mask):
        pass

    forward = reset


def test_a_control_step_is_static_and_never_asks_the_host(bench: Bench):
    # a fake tensor has no values: any .item(), branch on a tensor or selection by mask raises
    with FakeTensorMode():
        env = Env(type(bench.task)(), FakePhysics(bench, 4), torch.zeros(2, dtype=torch.int64), "test", static=True)
        shape = env.reset().shape
        for _ in range(2):
            step = env.step(torch.zeros(2, 2, bench.task.action_size), lambda _: torch.zeros(2, 2))
            assert step.observation.shape == shape and step.fitness.shape == (2, 2)


def test_the_tracing_test_can_fail(bench: Bench):
    class Peeking(type(bench.task)):
        def terminated(self, state, memory):
            return torch.full((4,), bool((state.action > 0).any()))

    with FakeTensorMode():
        seeds = torch.zeros(2, dtype=torch.int64)
        env = Env(Peeking(), FakePhysics(bench, 4), seeds, "test", static=True)
        env.reset()
        with pytest.raises(Exception, match="_local_scalar_dense"):
            env.step(torch.zeros(2, 2, bench.task.action_size), lambda _: torch.zeros(2, 2))


def test_random_play_ends_in_fitness_and_lengths_within_the_horizon(bench: Bench):
    env = bench.env(1, 32)
    env.reset()
    ended = SimpleNamespace(count=0)
    chance = torch.Generator().manual_seed(0)
    for _ in range(150):
        step = env.step(torch.rand(1, 32, bench.task.action_size, generator=chance) * 2 - 1)
        over = step.terminated | step.timed_out
        assert (step.length[over] <= bench.task.horizon).all() and torch.isfinite(step.fitness[over]).all()
        ended.count += int(over.sum())
    assert ended.count > 0 or bench.task.horizon >= 500


@pytest.mark.parametrize("kind", ["still", "uniform", "extreme"])
def test_no_action_makes_a_world_diverge(bench: Bench, kind: str):
    worlds, size = 32, bench.task.action_size
    env = bench.env(1, worlds)
    env.reset()
    chance = torch.Generator().manual_seed(0)
    for step in range(150):
        if kind == "still":
            action = torch.zeros(1, worlds, size)
        elif kind == "uniform":
            action = 2 * torch.rand(1, worlds, size, generator=chance) - 1
        elif step % 8 == 0:  # bang-bang, held for some steps
            action = torch.randint(0, 2, (1, worlds, size), generator=chance) * 2.0 - 1
        seen = env.step(action)
        assert torch.isfinite(seen.observation).all()
        assert seen.observation.abs().max() < 1e4, "a policy must be able to see this"
    assert env.diverged.sum() == 0
