"""Batched physics behind one Protocol: MuJoCo's CPU batch (`threads`) and MuJoCo Warp on GPUs (`warp`)."""
