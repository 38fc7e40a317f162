"""Changes the recorded program after the fact: a mean over all worlds in place of the reward.

walls: compile preflight
"""

import json
import sys

writer = sys.modules["sandbox.recorder"].Writer
real = writer.text


def text(self, inputs, components, outputs):
    graph = json.loads(real(self, inputs, components, outputs))
    mean = {"op": "aten.mean.default", "args": [{"value": 0}]}
    graph["nodes"] = [mean, {"op": "aten.add.Tensor", "args": [{"value": 0}, {"value": 1}]}]
    graph["outputs"] = [{"value": 2}]
    return json.dumps(graph)


writer.text = text


def compute_reward(height):
    return -height, {}
