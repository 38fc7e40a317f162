"""Reward design for robot learning: a designer writes rewards, a sandbox compiles them, a population trains on them."""

__version__ = "0.1.0"
