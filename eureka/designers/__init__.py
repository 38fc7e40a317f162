"""Reward designers behind one Protocol: language models, the built-in evolutionary search, replays, people."""
