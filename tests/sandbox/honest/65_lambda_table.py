import torch
from collections import OrderedDict

TERMS = OrderedDict([
    # name           weight   function of the state
    ("reach",        (1.0,   lambda s: torch.exp(-5 * (s["tips"] - s["obj"][:, None]).norm(dim=-1).min(-1).values))),
    ("center",       (0.5,   lambda s: torch.exp(-5 * (s["tips"].mean(1) - s["obj"]).norm(dim=-1)))),
    ("carry",        (2.0,   lambda s: torch.exp(-2 * (s["goal"] - s["obj"]).norm(dim=-1)))),
    ("lifted",       (0.5,   lambda s: (s["obj"][:, 2] > 0.1).float())),
    ("done",         (20.0,  lambda s: ((s["goal"] - s["obj"]).norm(dim=-1) < 0.03).float())),
    ("effort",       (-1e-4, lambda s: (s["tau"] * s["qd"]).abs().sum(-1))),
])

def compute_reward(fingertip_positions, object_position, goal_position, torques, joint_velocities):
    s = dict(tips=fingertip_positions, obj=object_position, goal=goal_position, tau=torques, qd=joint_velocities)
    comps = {name: w * fn(s) for name, (w, fn) in TERMS.items()}
    return torch.stack(tuple(comps.values()), dim=-1).sum(dim=-1), comps
