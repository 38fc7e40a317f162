"""Replies of the local model server."""

from __future__ import annotations

from support.model_server import GOOD, completion


def rewards(body: dict, number: int) -> dict:
    """As many different good rewards as are asked for."""
    scales = [f"{0.1 + 0.01 * (number * 16 + i):.3f}" for i in range(body.get("n", 1))]
    return completion(*[GOOD.replace("/ 0.1", f"/ {scale}") for scale in scales], usage=(1000, 200))
