"""The trusted computing base: compiles a candidate's source text to the tensor program that trains.

    server.py    the compiler process: imports torch once, forks a child for each candidate
    output.py    the output of a child, in memory that no other child inherits
    jail.py      confinement that a child applies to itself before it reads the text (seccomp, Landlock, limits)
    canary.py    forbidden actions that a child tries at start-up to test the jail
    trace.py     inside the jail: text -> list of tensor operations; text.py reads the text, habits.py adapts torch,
                 recorder.py records its operations, results.py checks what it returns, advice.py words its errors
    graph.py     outside, trusts nothing: list of operations -> checked module
    ops.py       the operations that a reward may use

Imports nothing from eureka. `docs/sandbox.md` has the threat model.
"""
