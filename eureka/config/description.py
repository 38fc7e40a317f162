"""A task as told to the designer: what the trainer process reads out of the task's class and sends up as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class StateField(_Frozen):
    """One thing a reward may ask for by naming an argument."""

    name: str
    shape: tuple[int, ...] = Field(description="without the leading N")
    dtype: str
    doc: str = Field(description="shape, unit, frame, in the words of the task's author")


class Constant(_Frozen):
    """A number of the task with its meaning."""

    name: str
    value: float
    doc: str


class Description(_Frozen):
    """Everything about a task that a designer may know. The fitness's code is not among it."""

    name: str
    goal: str = Field(description="the task in one sentence, from its YAML")
    scene: str = Field(description="what is there, from the class docstring")
    state: tuple[StateField, ...]
    action: str = Field(description="what an action means")
    action_size: int
    termination: str = Field(description="what ends an episode before its time")
    constants: tuple[Constant, ...]
    horizon: int = Field(description="control steps after which an episode is cut")
    control_period: float = Field(description="s between two actions")
    observation_size: int
    assumptions: tuple[str, ...] = Field(default=(), description="for the user: what nobody said and was assumed")

    def fields(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """State fields by name: shape without N, and dtype."""
        return {f.name: (f.shape, f.dtype) for f in self.state}
