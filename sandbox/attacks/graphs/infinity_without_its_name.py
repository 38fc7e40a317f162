"""The number 1e999, which JSON's reader makes infinite without asking.

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
nodes = [op("add.Scalar", {"value": 0}, 12345)]
graph = {"version": 1, "inputs": ["height"], "nodes": nodes, "outputs": [{"value": 1}], "components": []}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph).replace("12345", "1e999")}).encode())
os._exit(0)
