"""Isolation of the compiler and the trainer: what the user asks for, and what this machine provides."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import BaseModel, Field

from eureka.errors import UserError

LEVELS = ("auto", "strict", "strict-noland", "container", "none")  # `auto` selects `strict` or `strict-noland`


@dataclass(frozen=True)
class IsolationPolicy:
    """The isolation that the user asks for; raises `UserError` as `check_level`."""

    level: str = "auto"
    open_trainer: bool = False  # whether the trainer, which runs the task's code, is not isolated

    def __post_init__(self) -> None:
        check_level(self.level)

    @property
    def fenced(self) -> bool:
        """Whether the trainer is isolated."""
        return not self.open_trainer and self.level not in ("container", "none")


class Sandbox(BaseModel):
    """The sandbox of reward source, as tested on this machine."""

    level: str = Field(description="strict, strict-noland, container or none")
    landlock: int = Field(description="Landlock ABI in use; 0 for none")
    through: list[str] = Field(description="forbidden operations that succeeded; empty for the strict levels")

    def __str__(self) -> str:
        match self.level:
            case "strict":
                return f"strict: seccomp, landlock {self.landlock}, limits"
            case "strict-noland":
                return "strict-noland: seccomp, limits"
            case _:
                return f"{self.level}: limits only; a reward can {', '.join(self.through)}"


def check_level(level: str) -> None:
    """Raise `UserError` if the value of `--sandbox` is unknown, or is `none` and refused in this environment."""
    if level not in LEVELS:
        raise UserError(f"unknown sandbox level {level!r}; use one of {', '.join(LEVELS)}")
    if level == "none":
        keys = [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))]
        if keys:
            raise UserError(f"--sandbox none: a reward could read {keys[0]} from the environment; unset it first")
        if os.environ.get("EUREKA_ALLOW_NO_SANDBOX") != "1":
            raise UserError(
                "--sandbox none runs model code with your permissions; set EUREKA_ALLOW_NO_SANDBOX=1 to allow it"
            )
