"""Pools of trainer processes: starting, isolating, recovering and placing them, locally or on a cluster."""
