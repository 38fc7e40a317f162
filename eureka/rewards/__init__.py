"""Reward functions: extracted from replies, compiled in the sandbox, checked, and run over a population."""
