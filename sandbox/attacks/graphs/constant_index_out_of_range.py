"""A constant index far away, for index, gather, index_select and index_put.

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
nodes.append({"op": "constant", "dtype": "int64", "shape": [1], "data": [1 << 62]})
nodes.append(op("index_select.default", POSITION, 1, FIRST))
nodes.append(op("index.Tensor", POSITION, [None, FIRST]))
nodes.append(op("index_put.default", POSITION, [None, FIRST], value(5)))
nodes.append(op("sum.default", value(2 + len(nodes))))
nodes.append(op("add.Tensor", HEIGHT, value(2 + len(nodes))))
last = {"value": 2 + len(nodes)}
graph = {"version": 1, "inputs": ["height", "steps", "position"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
