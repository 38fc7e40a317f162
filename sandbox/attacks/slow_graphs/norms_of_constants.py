"""2900 norms over a wide tensor that depends on no state, for whoever computes constants beforehand.

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
nodes = [op("full.default", [N, 4096], 0.5), op("cumsum.default", FIRST, 1)]
made = []
for _ in range(2900):
    nodes.append(op("linalg_vector_norm.default", value(4), 2.5))
    made.append(2 + len(nodes))
nodes.append(op("stack.default", [value(k) for k in made]))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
