"""The trusted computing base: everything between a candidate's text and the tensor program that trains.

    server.py    the program that runs apart: imports torch once, forks a child for each candidate
    output.py    what a child wrote, in memory that no other child inherits
    jail.py      what a child does to itself before it touches the text (seccomp, Landlock, limits)
    canary.py    forbidden acts that a child tries at start-up, to see that the jail holds
    trace.py     runs inside the jail: text -> list of tensor operations
    graph.py     runs outside, trusts nothing: list of operations -> checked module
    ops.py       the operations a reward may use

Imports nothing of eureka. `docs/sandbox.md` has the threat model.
"""
