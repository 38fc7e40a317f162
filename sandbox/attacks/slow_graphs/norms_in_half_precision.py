"""2900 norms in half precision, which the processor has no unit for.

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
    op("expand.default", FIRST, [N, 4096]),
    op("clone.default", value(4)),
]
nodes.append(op("_to_copy.default", value(5), dtype={"dtype": "float16"}))
made = []
for _ in range(2900):
    nodes.append(op("linalg_vector_norm.default", value(6), 2.5))
    made.append(2 + len(nodes))
nodes.append(op("stack.default", [value(k) for k in made]))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
