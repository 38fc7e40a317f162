"""MuJoCo Warp behind the Protocol, on its CPU device: what a task and training may rely on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import mujoco
import mujoco_warp as mjw
import pytest
import torch

from eureka.errors import UserError
from eureka.physics import buffers, warp
from eureka.physics.base import compile_scene
from eureka.physics.buffers import POOL_BITS, WORLD_BITS, Sizes
from eureka.physics.threads import ThreadPhysics
from eureka.physics.warp import WarpPhysics

SCENE = """
<mujoco>
  <option timestep="0.01" integrator="implicitfast"/>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body name="ball" pos="0 0 0.15">
      <freejoint/><geom name="ball" type="sphere" size="0.1" mass="1"/><site name="skin" size="0.11"/>
    </body>
    <body name="other" pos="1 0 0.5"><freejoint/><geom type="sphere" size="0.1" mass="1"/></body>
    <body pos="0 2 1">
      <joint name="arm" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5"/>
    </body>
  </worldbody>
  <actuator><general name="lazy" joint="arm" dyntype="filter" dynprm="0.1" gainprm="2"/></actuator>
  <sensor>
    <framepos name="position" objtype="body" objname="ball"/>
    <framelinvel name="velocity" objtype="body" objname="ball"/>
    <touch name="touch" site="skin"/>
  </sensor>
</mujoco>
"""
WORLDS = 4
EVERYONE = torch.ones(WORLDS, dtype=torch.bool)
SECOND = torch.tensor([False, True, False, False])


def model() -> mujoco.MjModel:
    return compile_scene(mujoco.MjSpec.from_string(SCENE))


def make(room: Sizes = Sizes(8, 16), varied: tuple[str, ...] = ()) -> WarpPhysics:  # noqa: B008
    return WarpPhysics(model(), WORLDS, "cpu", room, varied)


def scattered(physics: WarpPhysics | ThreadPhysics) -> None:
    """Balls at four heights, touching the floor within the next steps, and four speeds of the arm."""
    qpos, qvel = physics.qpos.clone(), physics.qvel.clone()
    qpos[:, 2] += torch.arange(WORLDS) * 0.01
    qvel[:, 12] = torch.arange(WORLDS)
    physics.assign(EVERYONE, qpos=qpos, qvel=qvel)
    physics.ctrl[:, 0] = torch.arange(WORLDS) * 0.3


def everything(physics: WarpPhysics) -> dict[str, torch.Tensor]:
    return physics.save() | {"xpos": physics.xpos.clone(), "xquat": physics.xquat.clone()}


def test_positions_and_velocities_are_fresh_after_step_reset_and_forward():
    physics = make()
    scattered(physics)
    for _ in range(3):
        physics.step(3)
        assert torch.equal(physics.sensor("position"), physics.qpos[:, :3])
        assert torch.equal(physics.sensor("velocity"), physics.qvel[:, :3])
        assert torch.equal(physics.xpos[:, 1], physics.qpos[:, :3])
    before = everything(physics)
    physics.reset(SECOND)
    physics.forward(SECOND)
    assert physics.qpos[1, 2] == pytest.approx(0.15) and torch.equal(physics.xpos[1, 1], physics.qpos[1, :3])
    for name, value in everything(physics).items():
        assert torch.equal(value[~SECOND], before[name][~SECOND]), f"{name} of worlds that were let be"


def test_a_force_from_outside_acts_as_on_the_cpu():
    ours, theirs = make(), ThreadPhysics(model(), WORLDS, 1)
    assert ours.xfrc_applied.shape == theirs.xfrc_applied.shape
    for physics in (ours, theirs):
        physics.xfrc_applied[:, 1] = torch.tensor([0.5, 0.0, 3.0, 0.0, 0.1, 0.0])
        physics.step(4)
    assert torch.allclose(ours.qvel.double(), theirs.qvel, atol=1e-4) and ours.qvel[:, 0].min() > 0


def test_forces_and_touch_belong_to_the_last_substep_as_on_the_cpu():
    ours, theirs = make(), ThreadPhysics(model(), WORLDS, 1)
    for physics in (ours, theirs):
        scattered(physics)
        for substeps in (20, 1, 3, 60):
            physics.step(substeps)
            physics.forward(SECOND)
    assert torch.allclose(ours.sensordata, theirs.sensordata.float(), atol=1e-3)
    assert torch.allclose(ours.sensor("touch"), torch.full((WORLDS, 1), 9.81), atol=0.3)  # a ball of 1 kg at rest
    assert torch.allclose(ours.qfrc_actuator, theirs.qfrc_actuator.float(), atol=1e-4)
    assert ours.qfrc_actuator[3, 12] > 1.5
    for physics in (ours, theirs):
        physics.reset(SECOND)
        physics.forward(SECOND)
        assert physics.sensor("touch")[:, 0].gt(1).tolist() == [True, False, True, True]
        assert physics.qfrc_actuator[1].abs().max() == 0 and physics.qfrc_actuator[3].abs().max() > 1.5


MORE = """
  <tendon><fixed name="cord"><joint joint="arm" coef="2"/></fixed></tendon>
  <sensor>
    <jointlimitpos name="limit" joint="arm"/><actuatorpos name="motor" actuator="lazy"/>
    <tendonvel name="speed" tendon="cord"/>
  </sensor>
"""


def test_sensors_that_need_more_than_places_and_velocities_are_fresh_too():
    limited = SCENE.replace('axis="0 1 0"', 'axis="0 1 0" limited="true" range="-1 0.5"')
    scene = compile_scene(mujoco.MjSpec.from_string(limited.replace("</mujoco>", MORE + "</mujoco>")))
    ours, theirs = WarpPhysics(scene, WORLDS, "cpu", Sizes(8, 16)), ThreadPhysics(scene, WORLDS, 1)
    beyond = []
    for physics in (ours, theirs):
        scattered(physics)
        for _ in range(12):
            physics.step(4)
            beyond.append(physics.sensor("limit").clone())
            assert torch.allclose(physics.sensor("speed"), 2 * physics.qvel[:, 12:13])
            assert torch.allclose(physics.sensor("motor"), physics.qpos[:, 14:15])
    found, expected = torch.stack(beyond[:12]), torch.stack(beyond[12:]).float()
    assert torch.allclose(found, expected, atol=1e-4) and (expected[-1] < 0).all()
    assert torch.allclose(ours.sensor("touch"), theirs.sensor("touch").float(), atol=1e-2)
    for physics in (ours, theirs):
        physics.reset(SECOND)  # the arm is level again, far from its limit
        physics.forward(SECOND)
        assert physics.sensor("limit")[:, 0].lt(0).tolist() == [True, False, True, True]
        assert physics.sensor("touch")[:, 0].gt(0).tolist() == [True, False, True, True]


def test_what_is_written_counts_at_the_next_step_without_a_forward():
    ours, told = make(), make()
    for physics in (ours, told):
        scattered(physics)
        if physics is told:
            physics.forward(EVERYONE)
        physics.step(7)
        physics.reset(SECOND)
        physics.qvel[2, 0] = 3.0
        if physics is told:
            physics.forward(EVERYONE)
        physics.step(5)
    assert torch.equal(ours.qpos, told.qpos) and torch.equal(ours.qvel, told.qvel)


def test_a_world_that_diverged_harms_no_other_and_is_whole_after_its_reset():
    ours, healthy = make(), make()
    for physics in (ours, healthy):
        scattered(physics)
        physics.step(5)
    ours.qpos[1, 2] = torch.nan
    ours.qvel[1, 3] = torch.inf
    for physics in (ours, healthy):
        physics.forward(EVERYONE)
        physics.step(20)
    assert not torch.isfinite(ours.qvel[1]).all()
    for physics in (ours, healthy):
        physics.reset(SECOND)
        physics.forward(SECOND)
        physics.step(30)
    for name, value in everything(ours).items():
        assert torch.equal(value, everything(healthy)[name]), name


def test_a_simulation_goes_on_exactly_from_what_was_saved():
    a, b = make(varied=("body_mass",)), make(varied=("body_mass",))
    a.field("body_mass")[2] *= 1.5
    scattered(a)
    a.step(30)  # on the floor by now: contacts and warm starts count
    b.step(3)
    b.load(a.save())
    assert torch.equal(a.sensordata, b.sensordata) and torch.equal(a.qfrc_actuator, b.qfrc_actuator)
    for physics in (a, b):
        physics.step(15)
    for name, value in everything(a).items():
        assert torch.equal(value, everything(b)[name]), name
    assert a.save()["state/act"].abs().max() > 0.1


def test_views_are_the_simulators_own_memory_for_ever():
    physics = make()
    names = ("qpos", "qvel", "ctrl", "xpos", "xquat", "qfrc_actuator", "sensordata")
    addresses = {name: getattr(physics._data, name).ptr for name in names}
    scattered(physics)
    physics.step(2)
    physics.load(physics.save())
    physics.reset(EVERYONE)
    for name in names:
        assert getattr(physics, name).data_ptr() == getattr(physics._data, name).ptr == addresses[name]
    assert physics.site_xpos.shape == (WORLDS, 1, 3) and physics.qpos.dtype == torch.float32


def test_rows_that_do_not_fit_are_charged_to_their_world_alone_and_stay_on_record():
    physics = make(Sizes(8, 4))  # each ball on the floor takes four rows
    qpos = physics.qpos.clone()
    qpos[:, [2, 9]] = torch.tensor([[0.099, 0.5], [0.099, 0.099], [0.5, 0.5], [0.5, 0.099]])
    physics.assign(EVERYONE, qpos=qpos)
    physics.step(1)
    assert (physics.overflow() & POOL_BITS).tolist() == [0] * 4
    assert ((physics.overflow() & WORLD_BITS) != 0).tolist() == [False, True, False, False]
    physics.reset(EVERYONE)
    physics.step(1)
    assert (physics.overflow() & WORLD_BITS).tolist() == [0, buffers.ROWS, 0, 0]
    physics.clear_overflow()
    physics.step(1)
    assert physics.overflow().tolist() == [0] * 4


def test_a_pool_that_is_too_small_names_no_culprit():
    physics = make(Sizes(1, 16))
    qpos = physics.qpos.clone()
    qpos[:, [2, 9]] = 0.099
    physics.assign(EVERYONE, qpos=qpos)
    physics.step(1)
    assert ((physics.overflow() & POOL_BITS) != 0).all()
    assert (physics.overflow() & WORLD_BITS).tolist() == [0] * 4


def test_the_bits_are_those_of_mujoco_warp():
    kind = mjw.OverflowType
    assert POOL_BITS == kind.BROADPHASE | kind.NARROWPHASE | kind.CCD
    ignored = kind.ITERATIONS | kind.LS_ITERATIONS | kind.EPA_HORIZON
    assert kind.ALL & ~POOL_BITS & ~ignored == WORLD_BITS
    assert buffers.ROWS | buffers.JACOBIAN == kind.NEFC | kind.NJMAX_NNZ


def test_a_model_field_may_differ_between_worlds_if_it_was_named():
    physics = make(varied=("opt.gravity", "body_mass"))
    physics.field("opt.gravity")[1] = 0.0
    physics.field("body_mass")[2] *= 2.0
    mass = physics.field("body_mass")
    physics.step(5)
    assert physics.qvel[0, 2] < -0.3 and physics.qvel[1, 2] == 0.0
    assert mass.shape == (WORLDS, 4) and mass[2, 1] == 2 * mass[1, 1]
    with pytest.raises(UserError, match=r"geom_friction .*allocated: body_mass, opt\.gravity"):
        physics.field("geom_friction")


@pytest.mark.parametrize("name", ["geom_condim", "opt.iterations", "no_such_field"])
def test_a_field_that_cannot_differ_is_refused(name: str):
    with pytest.raises(UserError, match=name):
        make(varied=(name,))


def test_the_package_is_asked_for_in_one_sentence_and_by_nothing_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    spec = importlib.util.spec_from_file_location("without_the_package", warp.__file__)
    assert spec and spec.loader
    with pytest.raises(UserError, match=r"pip install -e '\.\[gpu\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    rest = "import sys, eureka.cli.app, eureka.rl.training, eureka.physics.buffers; sys.exit('warp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", rest], check=False).returncode == 0


def test_all_parts_of_mujocos_integration_state_are_saved_and_reset():
    parts = {name.removeprefix("mjSTATE_").lower() for name, bit in mujoco.mjtState.__members__.items() if _single(bit)}
    parts = parts - {"warmstart", "plugin"} | {"qacc_warmstart"}  # engine plugins are not for a GPU
    assert set(warp._STATE) == parts


def _single(bit: mujoco.mjtState) -> bool:
    return bit & mujoco.mjtState.mjSTATE_INTEGRATION and bit.value.bit_count() == 1
