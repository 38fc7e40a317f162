"""Reward design for robot learning: a designer writes rewards, a sandbox compiles them, a population trains on them.

The functions of `eureka.api` are here too; they are loaded when one is used (docs/python.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from eureka.api import (
        Check,
        Designer,
        Question,
        Run,
        SearchState,
        Strategy,
        check,
        compare,
        load_policy,
        load_run,
        resume,
        run,
        train,
    )

__all__ = [
    "Check", "Designer", "Question", "Run", "SearchState", "Strategy", "check", "compare", "load_policy", "load_run",
    "resume", "run", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        from eureka import api

        return getattr(api, name)
    raise AttributeError(f"module 'eureka' has no attribute {name!r}")
