"""Batched physics behind one Protocol: `threads` is MuJoCo's own CPU batch, `warp` MuJoCo Warp on GPUs."""
