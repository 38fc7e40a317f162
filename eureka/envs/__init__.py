"""Batched environments for training: tasks on batched physics, and Gymnasium environments."""
