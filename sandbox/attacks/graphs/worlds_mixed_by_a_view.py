"""A view that moves numbers from world to world.

walls: verifier preflight training
"""

import json
import os


def op(name, *args, **kwargs):
    return {"op": "aten." + name, "args": list(args), "kwargs": kwargs}


def value(k):
    return {"value": k}


HEIGHT, STEPS, POSITION, FIRST = value(0), value(1), value(2), value(3)
N = {"size": 1}
nodes = [op("permute.default", POSITION, [1, 0]), op("reshape.default", FIRST, [N, 3]), op("sum.dim_IntList", value(4), [1])]
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
