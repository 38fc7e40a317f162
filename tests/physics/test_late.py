"""Late fields: as MuJoCo's own step leaves them, on both backends, with contact forces computed where they are read."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import pytest
import torch

from eureka.physics.base import DERIVED, ON_DEMAND, Physics, compile_scene
from eureka.physics.buffers import Sizes
from eureka.physics.threads import ThreadPhysics
from eureka.physics.warp import WarpPhysics

SCENE = """
<mujoco>
  <option timestep="0.01" integrator="RK4"/>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body name="box" pos="0 0 0.2">
      <freejoint/><geom type="box" size="0.1 0.1 0.1" mass="1"/><site name="top" pos="0 0 0.1"/>
      <body name="arm" pos="0 0 0.1">
        <joint name="hinge" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>
"""
WORLDS, SUBSTEPS = 3, 2
ALL = torch.ones(WORLDS, dtype=torch.bool)
FIRST = torch.tensor([True, False, False])
READ = ("xpos", "site_xpos", "cvel", "subtree_com", "cinert", "qfrc_constraint", "cfrc_ext")


def model() -> mujoco.MjModel:
    return compile_scene(mujoco.MjSpec.from_string(SCENE))


def threads() -> Physics:
    return ThreadPhysics(model(), WORLDS, 1)


def warp() -> Physics:
    return WarpPhysics(model(), WORLDS, "cpu", Sizes(16, 64))


def begin(make: Callable[[], Physics]) -> Physics:
    physics = make()
    physics.late = True
    physics.reset(ALL)
    qpos = physics.qpos.clone()
    qpos[:, 2] += 0.02 * torch.arange(WORLDS)
    physics.assign(ALL, qpos=qpos)
    physics.forward(ALL)
    for name in READ:
        getattr(physics, name)
    return physics


def of_mujoco(physics: Physics) -> list[mujoco.MjData]:
    """MuJoCo at the same states."""
    found = []
    for i in range(WORLDS):
        data = mujoco.MjData(physics.model)
        data.qpos[:], data.qvel[:] = physics.qpos[i].numpy(), physics.qvel[i].numpy()
        mujoco.mj_forward(physics.model, data)
        found.append(data)
    return found


def advance(physics: Physics, data: list[mujoco.MjData], moment: int) -> None:
    for i in range(WORLDS):
        physics.ctrl[i] = data[i].ctrl[0] = (-1) ** moment * 0.1 * i
    physics.step(SUBSTEPS)
    for each in data:
        mujoco.mj_step(physics.model, each, SUBSTEPS)
        mujoco.mj_rnePostConstraint(physics.model, each)


def test_fields_on_cpus_are_those_of_mujocos_own_step_to_the_bit():
    physics = begin(threads)
    data, forces = of_mujoco(physics), 0.0
    for moment in range(20):
        advance(physics, data, moment)
        for name in ("qpos", "qvel", *READ):
            for i in range(WORLDS):
                expected = torch.from_numpy(getattr(data[i], name))
                assert torch.equal(getattr(physics, name)[i], expected), (name, moment)
        forces = max(forces, float(physics.cfrc_ext.abs().max()))
    assert forces > 5.0, "the box never touched the ground"
    assert not torch.equal(physics.xpos[0, 1], physics.qpos[0, :3]), "fields are current, so nothing was tested"


def test_fields_in_warp_are_those_of_mujocos_own_step():
    physics = begin(warp)
    data = of_mujoco(physics)
    for moment in range(6):
        for i, each in enumerate(data):  # again at the same state, since contacts amplify the rounding of float32
            each.qpos[:], each.qvel[:] = physics.qpos[i].numpy(), physics.qvel[i].numpy()
        advance(physics, data, moment)
        for name in READ:
            for i in range(WORLDS):
                expected = torch.from_numpy(getattr(data[i], name)).float()
                assert torch.allclose(getattr(physics, name)[i], expected, rtol=2e-3, atol=2e-3), (name, moment, i)


@pytest.mark.parametrize("make", [threads, warp])
def test_a_reset_leaves_the_late_fields_of_other_worlds_and_clears_contact_forces(make: Callable[[], Physics]):
    physics = begin(make)
    for _ in range(10):
        physics.step(SUBSTEPS)
    before = {name: getattr(physics, name).clone() for name in READ}
    assert before["cfrc_ext"][0].abs().max() > 5.0
    physics.reset(FIRST)
    physics.forward(FIRST)
    for name, value in before.items():
        assert torch.equal(getattr(physics, name)[1:], value[1:]), name
    assert torch.equal(physics.xpos[0, 1], physics.qpos[0, :3]), "after a reset, fields are current"
    assert (physics.cfrc_ext[0] == 0).all(), "as in Gymnasium, which computes them after a step only"


@pytest.mark.parametrize("make", [threads, warp])
def test_saved_late_fields_come_back(make: Callable[[], Physics]):
    physics = begin(make)
    for _ in range(8):
        physics.step(SUBSTEPS)
    saved = physics.save()
    late = {name: getattr(physics, name).clone() for name in (*DERIVED, *READ)}
    physics.step(SUBSTEPS)
    after = {name: getattr(physics, name).clone() for name in ("qpos", *READ)}
    other = begin(make)
    other.load(saved)
    for name, value in late.items():
        assert torch.equal(getattr(other, name), value), name
    other.step(SUBSTEPS)
    for name, value in after.items():
        assert torch.equal(getattr(other, name), value), name


def test_a_field_that_is_first_read_late_has_its_value_and_changes_nothing():
    early, later = begin(threads), threads()
    later.late = True
    later.reset(ALL)
    later.assign(ALL, qpos=early.qpos)
    later.forward(ALL)
    for moment in range(12):
        for physics in (early, later):
            physics.step(SUBSTEPS)
        if moment == 8:
            for name in ON_DEMAND:
                assert torch.equal(getattr(later, name), getattr(early, name)), name
    assert torch.equal(later.qpos, early.qpos) and torch.equal(later.cfrc_ext, early.cfrc_ext)
