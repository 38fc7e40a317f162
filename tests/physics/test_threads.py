import mujoco
import numpy as np
import pytest
import torch

from eureka.physics.base import compile_scene
from eureka.physics.threads import ThreadPhysics

SCENE = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body name="box" pos="0 0 0.5"><freejoint/><geom name="g" type="box" size="0.1 0.1 0.1" mass="1"/></body>
  </worldbody>
  <sensor><framelinvel name="velocity" objtype="body" objname="box"/>
    <framepos name="position" objtype="body" objname="box"/></sensor>
</mujoco>
"""


def model() -> mujoco.MjModel:
    return compile_scene(mujoco.MjSpec.from_string(SCENE))


def scattered(physics: ThreadPhysics) -> None:
    everyone = torch.ones(physics.num_worlds, dtype=torch.bool)
    qpos = physics.qpos.clone()
    qpos[:, 2] += torch.arange(physics.num_worlds, dtype=torch.float64) * 0.01
    physics.assign(everyone, qpos=qpos)
    physics.forward(everyone)


def test_scenes_are_compiled_without_silent_repairs_and_with_dense_jacobians():
    m = model()
    assert m.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_AUTORESET
    assert m.opt.jacobian == mujoco.mjtJacobian.mjJAC_DENSE


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_a_loop_over_single_simulations_to_the_last_bit(threads: int):
    m = model()
    physics = ThreadPhysics(m, 4, threads)
    scattered(physics)
    singles = [mujoco.MjData(m) for _ in range(4)]
    for i, data in enumerate(singles):
        data.qpos[2] += i * 0.01
    for _ in range(50):
        physics.step(2)
        for data in singles:
            mujoco.mj_step(m, data, 2)
    assert np.array_equal(physics.qpos.numpy(), np.stack([d.qpos for d in singles]))


def test_position_and_velocity_fields_are_fresh_after_step_reset_and_forward():
    physics = ThreadPhysics(model(), 2, 1)
    scattered(physics)
    for _ in range(3):
        physics.step(3)
        assert torch.equal(physics.sensor("position"), physics.qpos[:, :3])
        assert torch.equal(physics.sensor("velocity"), physics.qvel[:, :3])
        assert torch.equal(physics.xpos[:, 1], physics.qpos[:, :3])
    first = torch.tensor([True, False])
    before = physics.qpos[1].clone()
    physics.reset(first)
    physics.forward(first)
    assert physics.qpos[0, 2] == 0.5 and torch.equal(physics.xpos[0, 1], physics.qpos[0, :3])
    assert torch.equal(physics.qpos[1], before)


ARM = """
<mujoco>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body pos="0 0 0.05"><joint name="slide" type="slide" axis="0 0 1"/><geom type="sphere" size="0.05" mass="1"/>
      <site name="skin" type="sphere" size="0.06"/></body>
    <body pos="1 0 1"><joint name="arm" axis="0 1 0"/><geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/></body>
  </worldbody>
  <actuator><motor joint="arm"/></actuator>
  <sensor><jointpos joint="arm"/><touch site="skin"/><jointvel joint="arm"/></sensor>
</mujoco>
"""


def test_worlds_that_share_the_data_of_a_thread_have_their_own_values():
    m = compile_scene(mujoco.MjSpec.from_string(ARM))
    shared, apart = ThreadPhysics(m, 5, 1), ThreadPhysics(m, 5, 1)
    shared._make(m, persistent=False)
    assert apart._batch.persistent and not shared._batch.persistent
    chosen = torch.tensor([False, True, False, False, True])
    fields = ("qpos", "qvel", "xpos", "xquat", "site_xpos", "cvel", "qfrc_actuator", "qfrc_constraint", "sensordata")
    for step in range(20):
        for physics in (shared, apart):
            physics.ctrl[:] = 0.1 * torch.arange(5.0)[:, None] - 0.01 * step
            physics.step(3)
            if step == 7:
                physics.forward(chosen)
            if step == 12:
                physics.reset(chosen)
                physics.forward(chosen)
        for name in fields if step else ():  # a field that is read for the first time is 0 until the next step
            assert torch.equal(getattr(shared, name), getattr(apart, name)), (step, name)
        if not step:
            _ = [getattr(physics, name) for physics in (shared, apart) for name in fields]
    assert shared.sensordata[:, 1].gt(1.0).all() and shared.qfrc_actuator[:, 1].unique().numel() == 5


def test_a_simulation_goes_on_exactly_from_what_was_saved():
    a, b = ThreadPhysics(model(), 3, 1), ThreadPhysics(model(), 3, 2)
    scattered(a)
    a.step(30)  # on the ground by now: contacts and warm starts count
    b.load(a.save())
    assert torch.equal(a.sensordata, b.sensordata)
    for _ in range(20):
        a.step(2)
        b.step(2)
    assert torch.equal(a.qpos, b.qpos) and torch.equal(a.sensordata, b.sensordata)


def test_a_model_field_may_differ_between_worlds():
    physics = ThreadPhysics(model(), 2, 1)
    gravity = physics.field("opt.gravity")
    gravity[1] = 0.0
    physics.step(10)
    assert physics.qvel[0, 2] < -0.5 and physics.qvel[1, 2] == 0.0


def test_a_force_from_outside_acts_on_its_body_and_its_world():
    physics = ThreadPhysics(model(), 2, 1)
    assert physics.xfrc_applied.shape == (2, physics.model.nbody, 6)
    weight = -physics.model.body_mass[1] * physics.model.opt.gravity[2]
    physics.xfrc_applied[1, 1, 2] = weight
    physics.step(10)
    assert physics.qvel[0, 2] < -0.5 and physics.qvel[1, 2].abs() < 1e-9, "the force bears the weight"


def test_warnings_of_the_engine_are_counted_by_name():
    physics = ThreadPhysics(model(), 2, 1)
    assert physics.warnings() == {}
    physics.qvel[1, 0] = float("nan")
    physics.step(1)
    assert physics.warnings()["BADQVEL"] >= 1
    assert physics.overflow().tolist() == [0, 0]
