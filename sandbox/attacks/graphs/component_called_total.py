"""Components named like the total and the fitness, and twice alike.

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
nodes = [op("neg.default", HEIGHT)]
graph = {"version": 1, "inputs": ["height"], "nodes": [], "outputs": [{"value": 0}] * 2, "components": ["total"]}
os.write(3, b"=" + json.dumps({"program": json.dumps(graph)}).encode())
os._exit(0)
