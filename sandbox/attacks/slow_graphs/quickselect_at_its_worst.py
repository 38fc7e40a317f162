"""Dozens of selections from numbers in an order that makes each of them quadratic.

walls: verifier
"""

import json
import os


def op(name, *args, **kwargs):
    return {"op": "aten." + name, "args": list(args), "kwargs": kwargs}


def value(k):
    return {"value": k}


HEIGHT = value(0)
N = 4096
order = [0.0] * N
for i in range(N // 2):
    order[i], order[N // 2 + i] = float(2 * i), float(2 * i + 1)
nodes = [{"op": "constant", "dtype": "float32", "shape": [N], "data": order}]
total = HEIGHT
for k in range(45):
    nodes.append(op("kthvalue.default", value(1), 1 + 90 * k, 0))
    nodes.append({"op": "get", "args": [value(len(nodes)), 0]})
    nodes.append(op("add.Tensor", total, value(len(nodes))))
    total = value(len(nodes))
last = value(len(nodes))
graph = {"version": 1, "inputs": ["height"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
