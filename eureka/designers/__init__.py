"""Reward designers with a common protocol: language models, evolutionary search, replays, manual replies."""
