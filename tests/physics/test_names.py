"""What a task reads and writes by name, on MuJoCo's CPU batch and on MuJoCo Warp's CPU device, beside MuJoCo itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np
import pytest
import torch

from eureka import testing
from eureka.envs.env import Env
from eureka.errors import UserError
from eureka.physics.base import Sim, compile_scene
from eureka.physics.buffers import Sizes
from eureka.physics.threads import ThreadPhysics
from eureka.physics.warp import WarpPhysics
from eureka.task import Episode, NoMemory, Task

SCENE = """
<mujoco>
  <option timestep="0.005" integrator="implicitfast"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 1"/>
    <body name="puck" pos="0 0 0.095">
      <freejoint name="slide"/><geom name="rim" type="sphere" size="0.1" mass="1"/>
      <body name="flag" pos="0.1 0 0.2">
        <joint name="hinge" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5"/>
        <site name="tip" pos="0.3 0 0" euler="0 0 90"/>
      </body>
    </body>
    <body name="other" pos="1 1 1">
      <joint name="ball" type="ball"/><geom name="far" type="box" size="0.1 0.2 0.1" pos="0.1 0 0"/>
    </body>
    <body name="goal" mocap="true" pos="2 0 1"><site name="mark"/></body>
  </worldbody>
  <actuator><general name="lazy" joint="hinge" dyntype="filter" dynprm="0.1" gainprm="2"/></actuator>
  <sensor>
    <contact name="grounded" body1="puck" geom2="floor" data="found force" reduce="netforce"/>
    <contact name="met" geom1="rim" geom2="far"/>
  </sensor>
</mujoco>
"""
WORLDS = 3
EVERYONE = torch.ones(WORLDS, dtype=torch.bool)
FIRST = torch.tensor([True, False, False])
backends = pytest.mark.parametrize("kind", ["cpu", "warp"])


@cache
def scene() -> mujoco.MjModel:
    return compile_scene(mujoco.MjSpec.from_string(SCENE))


def make(kind: str) -> ThreadPhysics | WarpPhysics:
    if kind == "cpu":
        return ThreadPhysics(scene(), WORLDS, 1)
    return WarpPhysics(scene(), WORLDS, "cpu", Sizes(16, 64))


def stir(physics: ThreadPhysics | WarpPhysics) -> None:
    """Turns and speeds of everything, different in each world."""
    rng = np.random.default_rng(0)
    qpos = physics.qpos + torch.tensor(rng.normal(size=physics.qpos.shape), dtype=physics.qpos.dtype)
    qpos[:, 2] += 3.0
    qpos[:, 3:7] /= qpos[:, 3:7].norm(dim=-1, keepdim=True)
    qpos[:, 8:12] /= qpos[:, 8:12].norm(dim=-1, keepdim=True)
    physics.assign(EVERYONE, qpos=qpos, qvel=torch.tensor(rng.normal(size=physics.qvel.shape)))
    physics.ctrl[:] = 1.0


@backends
def test_poses_and_velocities_by_name_are_mujocos_and_current_after_step_reset_and_forward(kind: str):
    physics = make(kind)

    def compare() -> None:
        for world in range(WORLDS):
            data = mujoco.MjData(scene())
            data.qpos[:], data.qvel[:] = physics.qpos[world], physics.qvel[world]
            mujoco.mj_forward(scene(), data)
            speed = np.zeros(6)
            for name, kinds in (("puck", "body"), ("flag", "body"), ("other", "body"), ("tip", "site")):
                found, own = getattr(physics, kinds)(name), getattr(data, kinds)(name)
                kind_of = mujoco.mjtObj.mjOBJ_XBODY if kinds == "body" else mujoco.mjtObj.mjOBJ_SITE
                mujoco.mj_objectVelocity(scene(), data, kind_of, own.id, speed, False)
                place, turn = (own.xpos, own.xquat) if kinds == "body" else (own.xpos, data.site_xquat[own.id])
                near = {"abs": 2e-5}
                assert found.position[world].tolist() == pytest.approx(place, **near)
                assert found.rotation[world].tolist() == pytest.approx(turn, **near)
                assert found.linear_velocity[world].tolist() == pytest.approx(speed[3:], **near)
                assert found.angular_velocity[world].tolist() == pytest.approx(speed[:3], **near)

    compare()  # before any step
    stir(physics)
    physics.forward(EVERYONE)
    compare()
    physics.step(5)
    compare()
    physics.reset(FIRST)
    physics.forward(FIRST)
    compare()
    assert physics.body("puck").linear_velocity[0].norm() == 0 and physics.body("puck").linear_velocity[1].norm() > 0.1


@backends
def test_joints_by_name_are_views_that_can_be_written(kind: str):
    physics = make(kind)
    shapes = {"hinge": ((WORLDS,), (WORLDS,)), "ball": ((WORLDS, 4), (WORLDS, 3)), "slide": ((WORLDS, 7), (WORLDS, 6))}
    for name, (positions, velocities) in shapes.items():
        joint = physics.joint(name)
        assert joint.position.shape == positions and joint.velocity.shape == velocities
    physics.joint("hinge").position[:] = 0.5
    physics.joint("slide").velocity[:, 2] = 7.0
    assert physics.qpos[:, 7].tolist() == [0.5] * WORLDS and physics.qvel[:, 2].tolist() == [7.0] * WORLDS
    for view in (physics.body("flag").position, physics.joint("hinge").position, physics.site("tip").position):
        assert view.untyped_storage().data_ptr() in {
            physics.xpos.untyped_storage().data_ptr(),
            physics.qpos.untyped_storage().data_ptr(),
            physics.site_xpos.untyped_storage().data_ptr(),
        }


@backends
@pytest.mark.parametrize(
    "code, expected",
    [
        ("sim.ctrl = sim.ctrl + 1", "write sim.ctrl[:] = ..."),
        ("sim.mocap_pos = 0.0", "write sim.mocap_pos[:] = ..."),
        ("sim.cvel; sim.cvel = 0.0", "write sim.cvel[:] = ..."),
        ("sim.qops = sim.qpos", "sim has no qops (did you mean 'qpos'?); write sim.qpos[:] = ..."),
        ("sim.ctl", "sim has no ctl (did you mean 'ctrl'?); it has model, "),
        ("sim.geom('rim')", "sim has no geom; it has"),
        ("sim.contact", "sim has no contact; it has"),
        ("sim.data.qpos", "assign; geoms and contacts: use sites and contact sensors, docs/tasks.md"),
        ("sim.body('puck').pos", "a body or site has no pos (did you mean 'position'?); it has position, rotation"),
        ("sim.joint('hinge').qpos_", "a joint has no qpos_; it has position, velocity"),
        ("sim.body(2)", "sim.body(2): give the name of a body; the scene has puck, flag, other, goal"),
        ("sim.sensor([])", "sim.sensor([]): give the name of a sensor; the scene has grounded, met"),
    ],
)
def test_what_a_task_cannot_do_is_an_error_that_says_what_it_can(kind: str, code: str, expected: str):
    sim = make(kind)
    with pytest.raises((AttributeError, UserError), match=re.escape(expected)):
        exec(code, {"sim": sim})
    before = sim.ctrl.clone()
    sim.ctrl += 1.0  # in place, and so of effect
    assert torch.equal(sim.ctrl, before + 1.0) and not hasattr(sim, "geom")


@backends
def test_contacts_are_read_from_a_contact_sensor(kind: str):
    physics = make(kind)
    qpos = physics.qpos.clone()
    qpos[0, 2], qpos[1, 2] = 2.0, 0.0999  # one in the air, two on the floor
    physics.assign(EVERYONE, qpos=qpos)
    physics.step(1)
    found, force = physics.sensor("grounded")[:, 0], physics.sensor("grounded")[:, 1:].norm(dim=-1)
    assert found.tolist() == [0, 1, 1] and force[0] == 0 and (force[1:] > 1.0).all()
    assert physics.sensor("met").tolist() == [[0.0]] * WORLDS
    physics.step(1000)
    assert force.shape == (WORLDS,) and (physics.sensor("grounded")[:, 0] >= 1).all()
    physics.reset(FIRST)
    physics.forward(FIRST)
    assert physics.sensor("grounded")[0, 0] == 0, "of the last substep, of which there is none"


def test_both_backends_have_the_same_contact_forces():
    forces = []
    for kind in ("cpu", "warp"):
        physics = make(kind)
        physics.step(40)
        forces.append(physics.sensor("grounded").float())
    assert torch.allclose(*forces, rtol=1e-2, atol=0.05)


@backends
def test_mocap_bodies_and_activations_can_be_written_and_are_saved(kind: str):
    physics = make(kind)
    assert physics.mocap_pos.shape == (WORLDS, 1, 3) and physics.mocap_quat.shape == (WORLDS, 1, 4)
    physics.mocap_pos[1, 0] = torch.tensor([0.0, 0.5, 0.25], dtype=physics.mocap_pos.dtype)
    physics.mocap_quat[1, 0] = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=physics.mocap_pos.dtype)
    physics.act[2] = 0.75
    physics.forward(EVERYONE)
    assert physics.body("goal").position[1].tolist() == physics.site("mark").position[1].tolist() == [0.0, 0.5, 0.25]
    assert physics.body("goal").position[0].tolist() == [2.0, 0.0, 1.0]
    assert physics.site("mark").rotation[1].tolist() == pytest.approx([0, 0, 0, 1])
    saved, other = physics.save(), make(kind)
    other.load(saved)
    assert torch.equal(other.mocap_pos, physics.mocap_pos) and other.act[:, 0].tolist() == [0.0, 0.0, 0.75]
    physics.step(1)
    assert physics.qvel[2, 6] != physics.qvel[0, 6], "an activation acts"
    physics.reset(EVERYONE)
    assert physics.mocap_pos[1, 0].tolist() == [2.0, 0.0, 1.0] and physics.act.abs().max() == 0


@backends
@pytest.mark.parametrize(
    "kind_of, name, said",
    [
        ("body", "puk", r"the scene has no body named 'puk' \(did you mean 'puck'\?\); it has puck, flag, other, goal"),
        ("site", "tipp", r"no site named 'tipp' \(did you mean 'tip'\?\)"),
        ("joint", "hing", r"no joint named 'hing' \(did you mean 'hinge'\?\)"),
        ("sensor", "touch", r"no sensor named 'touch'; it has grounded, met"),
    ],
)
def test_a_wrong_name_lists_the_right_ones(kind: str, kind_of: str, name: str, said: str):
    with pytest.raises(UserError, match=said):
        getattr(make(kind), kind_of)(name)


@dataclass(frozen=True)
class State:
    """Views of the simulator as they are, without a copy."""

    hinge: torch.Tensor
    goal: torch.Tensor
    activation: torch.Tensor
    spin: torch.Tensor
    action: torch.Tensor
    last_action: torch.Tensor


class Views(Task[State, NoMemory]):
    State, control_period, horizon, action_size = State, 0.005, 9, 1

    def scene(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_string(SCENE)

    def act(self, sim: Sim, memory: NoMemory, action: torch.Tensor) -> NoMemory:
        sim.ctrl.copy_(action)
        sim.mocap_pos.add_(0.5)
        return memory

    def state(self, sim: Sim, memory: NoMemory, action: torch.Tensor, last_action: torch.Tensor) -> State:
        hinge, spin = sim.joint("hinge").velocity.float(), sim.body("flag").angular_velocity.float()
        return State(hinge, sim.mocap_pos[:, 0].float(), sim.act[:, 0].float(), spin, action, last_action)

    def observe(self, state: State) -> torch.Tensor:
        return state.spin

    def fitness(self, episode: Episode) -> torch.Tensor:
        return episode.length.float()


@backends
def test_a_state_of_views_by_name_keeps_its_numbers_at_the_next_step(kind: str):
    env = Env(Views(), make(kind), torch.zeros(1, dtype=torch.int64), "names")
    env.reset()
    met: list[dict[str, torch.Tensor]] = []

    def keep(state: dict[str, torch.Tensor]) -> torch.Tensor:
        met.append(state)
        return torch.zeros(1, WORLDS)

    env.step(torch.ones(1, WORLDS, 1), keep)
    copies = {name: value.clone() for name, value in met[0].items()}
    env.step(-torch.ones(1, WORLDS, 1), keep)
    for name in ("hinge", "goal", "activation", "spin"):
        assert torch.equal(met[0][name], copies[name]) and not torch.equal(met[1][name], copies[name]), name


def test_names_can_be_used_in_a_control_step_that_a_cuda_graph_captures():
    testing.trace_step(Views())
