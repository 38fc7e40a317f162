"""Gymnasium environments as tasks, named by id."""
