"""A slice that is whole for the numbers of worlds that a proof may try, and cuts where there are more or fewer.

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
    op("slice.Tensor", HEIGHT, 0, -7919),
    op("sum.default", value(1)),
    op("constant_pad_nd.default", HEIGHT, [1048583, -1048583]),
    op("add.Tensor", value(3), value(2)),
]
last = value(len(nodes))
graph = {"version": 1, "inputs": ["height"], "nodes": nodes, "outputs": [last], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
