"""Batched physics behind one Protocol: `threads` is MuJoCo's own CPU batch."""
