"""World w reads world 2 w, by a row of numbers cut in two.

walls: verifier
"""

import json
import os


def op(name, *args, **kwargs):
    return {"op": "aten." + name, "args": list(args), "kwargs": kwargs}


def value(k):
    return {"value": k}


HEIGHT = value(0)
nodes = [
    op("arange.default", {"size": 2}),
    op("reshape.default", value(1), [{"size": 1}, 2]),
    op("select.int", value(2), 1, 0),
    op("index.Tensor", HEIGHT, [value(3)]),
]
last = value(len(nodes))
graph = {"version": 1, "inputs": ["height"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
