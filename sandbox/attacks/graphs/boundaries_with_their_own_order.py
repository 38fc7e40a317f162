"""A search with an order of its own, which is an index that nobody checks.

walls: verifier
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
nodes.append({"op": "constant", "dtype": "int64", "shape": [3], "data": [1 << 60] * 3})
nodes.append({"op": "constant", "dtype": "float32", "shape": [3], "data": [1.0, 2.0, 3.0]})
nodes.append(op("searchsorted.Tensor", value(4), HEIGHT, sorter=FIRST))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
