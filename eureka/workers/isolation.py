"""How strictly the two helper processes are confined: asked for by the user, found out on the spot, recorded."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import BaseModel, Field

from eureka.errors import UserError

LEVELS = ("auto", "strict", "strict-noland", "container", "none")
"""What `--sandbox` accepts; `auto` takes the best of the first two real ones and no other."""


@dataclass(frozen=True)
class IsolationPolicy:
    """What a user asks for.

    Raises:
        UserError: the level is unknown, or too weak for where it is asked for; says what to give instead.
    """

    level: str = "auto"
    open_trainer: bool = False
    """Whether the task's code may write anywhere and use the network."""

    def __post_init__(self) -> None:
        check_level(self.level)

    @property
    def fenced(self) -> bool:
        """Whether the trainer is to be confined."""
        return not self.open_trainer and self.level not in ("container", "none")


class Sandbox(BaseModel):
    """What the jail is worth on this machine."""

    level: str = Field(description="strict, strict-noland, container or none")
    landlock: int = Field(description="Landlock ABI in force, 0 for none")
    through: list[str] = Field(description="forbidden acts that got through; empty for the strict levels")

    def __str__(self) -> str:
        match self.level:
            case "strict":
                return f"strict: seccomp, landlock {self.landlock}, limits"
            case "strict-noland":
                return "strict-noland: seccomp, limits"
            case _:
                return f"{self.level}: limits only; a reward can {', '.join(self.through)}"


def check_level(level: str) -> None:
    """Refuse a `--sandbox` that is unknown, or too weak for where it is asked for.

    Raises:
        UserError: with what to give instead.
    """
    if level not in LEVELS:
        raise UserError(f"no sandbox level {level!r}; there are {', '.join(LEVELS)}")
    if level == "none":
        keys = [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))]
        if keys:
            raise UserError(f"--sandbox none is refused while {keys[0]} is set: a reward could read it; unset it first")
        if os.environ.get("EUREKA_ALLOW_NO_SANDBOX") != "1":
            raise UserError("--sandbox none runs a model's code as you; to accept that, set EUREKA_ALLOW_NO_SANDBOX=1")
