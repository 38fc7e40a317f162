"""Replaces json.dumps, by which the answer is written, with one that gives a forged program.

walls: verifier
"""

import json

real = json.dumps
forged = {
    "version": 1,
    "inputs": ["height"],
    "nodes": [{"op": "aten.rand_like.default", "args": [{"value": 0}]}],
    "outputs": [{"value": 1}],
    "components": [],
}


def dumps(data, **kwargs):
    if isinstance(data, dict) and "nodes" in data:
        data = forged
    return real(data, **kwargs)


json.dumps = dumps


def compute_reward(height):
    return height, {}
