"""Batched environments that training steps: tasks on batched physics, and Gymnasium environments."""
