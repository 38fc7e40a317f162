"""What holds for every shipped task: the tests beside this one have each task's own numbers."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import torch
from support.bench import Bench, bench_of

from eureka.config.tasks import shipped_tasks
from eureka.envs.gymnasium.batched import MujocoTask
from eureka.envs.introspection import attribute_docs, describe, load_class
from eureka.system.paths import shipped
from eureka.task import Task
from eureka.testing import trace_step

NAMES = shipped_tasks()
NOT_A_VECTOR = re.compile(r"(last_)?action|control|(hip|knee)_(angle|velocity)|thrust|(thigh|foot)_contact_force")
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
    endless = type(bench.task).terminated is Task.terminated
    assert len(d.action) > 40 and (d.termination == "" if endless else len(d.termination) > 20)
    assert d.constants or isinstance(bench.task, MujocoTask), "whose constants are arguments of the environment"
    assert all(c.doc for c in d.constants)
    assert {f.name for f in d.state} >= {"action", "last_action"}


def test_every_task_names_its_sources(bench: Bench):
    text = (bench.loaded.module.parent / "SOURCES.md").read_text()
    for word in ("human reward", "fitness", "What differs"):
        assert word in text


def test_every_preset_can_be_run_in_whole_iterations(bench: Bench):
    published = "bird" if isinstance(bench.task, MujocoTask) else "paper"
    assert set(bench.loaded.file.presets) == {"cpu", "gpu", published}
    for preset in bench.loaded.file.presets.values():
        steps_per_iteration = preset.worlds * preset.learning.horizon
        assert preset.steps % steps_per_iteration == 0, "steps are rounded down to whole iterations"
        assert preset.worlds % 32 == 0
        assert preset.evaluation.steps(bench.task.horizon) <= 0.25 * preset.steps


def test_a_control_step_is_static_and_never_asks_the_host(bench: Bench):
    trace_step(load_class(bench.loaded))


def test_the_tracing_test_can_fail(cartpole: Bench):
    class Peeking(type(cartpole.task)):
        def terminated(self, state, memory):
            return torch.full((4,), bool((state.action > 0).any()))

    with pytest.raises(Exception, match="_local_scalar_dense"):
        trace_step(Peeking())


EACH, STEPS = 16, 150


def test_no_action_makes_a_world_diverge_and_episodes_end_in_fitness_within_the_horizon(bench: Bench):
    """A third of the worlds gets no action, a third uniform ones, and a third extreme ones held for eight steps."""
    each = EACH // 4 if bench.loaded.path.parent != shipped("tasks") else EACH
    size, worlds, ended = bench.task.action_size, 3 * each, 0
    env = bench.env(1, worlds)
    env.reset()
    chance = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        if step % 8 == 0:
            extreme = torch.randint(0, 2, (1, each, size), generator=chance) * 2.0 - 1
        uniform = 2 * torch.rand(1, each, size, generator=chance) - 1
        seen = env.step(torch.cat([torch.zeros(1, each, size), uniform, extreme], dim=1))
        assert torch.isfinite(seen.observation).all()
        assert seen.observation.abs().max() < 1e4, "a policy must be able to see this"
        over = seen.terminated | seen.timed_out
        assert (seen.length[over] <= bench.task.horizon).all() and torch.isfinite(seen.fitness[over]).all()
        ended += int(over.sum())
    assert env.diverged.sum() == 0 and env.physics.warnings() == {}
    assert ended > 0 or bench.task.horizon >= 500


def test_only_primitive_shapes_collide(bench: Bench):
    m = bench.model
    colliding = (m.geom_contype != 0) | (m.geom_conaffinity != 0)
    primitive = {0, 2, 3, 4, 5, 6}  # plane, sphere, capsule, ellipsoid, cylinder, box
    assert set(m.geom_type[colliding].tolist()) <= primitive
