"""A cat of a hundred thousand tensors of nothing.

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
nodes = [
    op("unsqueeze.default", HEIGHT, 1),
    op("expand.default", FIRST, [N, 1]),
    op("clone.default", value(4)),
]
nodes.append(op("zeros.default", [0]))
nodes.append(op("cat.default", [value(6)] * 100_000))
nodes.append(op("sum.default", value(7)))
made = [2 + len(nodes)]
nodes.append(op("stack.default", [value(k) for k in made]))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
