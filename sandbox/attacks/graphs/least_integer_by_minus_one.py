"""The least integer divided by minus one, in each width and each way, which a processor traps.

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
nodes = []
for dtype, least in (("int64", -(1 << 63)), ("int32", -(1 << 31)), ("int16", -(1 << 15)), ("int8", -128)):
    for name in ("remainder.Scalar", "fmod.Scalar"):
        nodes.append({"op": "constant", "dtype": dtype, "shape": [64], "data": [least] * 64})
        nodes.append(op(name, value(2 + len(nodes)), -1))
        nodes.append(op("floor_divide.default", value(2 + len(nodes) - 1), value(2 + len(nodes))))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
