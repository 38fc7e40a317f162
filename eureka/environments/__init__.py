"""Tasks that are environments of Gymnasium's, named by their id. What is here imports nothing, for the orchestrator."""

PREFIX = "gymnasium:"
"""Before an id, in a YAML's `task` and on the command line."""
BASELINE = "environment"
"""The only baseline of such a task: the environment's own reward."""
PROGRAM = '{"environment": true}'
"""Stands where a reward program would. No candidate can send it: it is none, and pre-flight refuses it."""
FIELD = "reward of the environment"
"""The state field that holds it. No argument can have this name, and no designer is told of it."""
