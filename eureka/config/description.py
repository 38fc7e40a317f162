"""The description of a task for designers. The trainer process extracts it from the task class and sends it as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class StateField(_Frozen):
    """A state quantity that a reward function can take as an argument."""

    name: str
    shape: tuple[int, ...] = Field(description="without the leading N")
    dtype: str
    doc: str = Field(description="shape, unit and frame, as documented by the task")


class Constant(_Frozen):
    """A named constant of the task."""

    name: str
    value: float
    doc: str


class Description(_Frozen):
    """Everything that a designer may know about a task. The code of the fitness function is not included."""

    name: str
    goal: str = Field(description="the task in one sentence, from its YAML")
    scene: str = Field(description="the scene, from the class docstring")
    state: tuple[StateField, ...]
    action: str = Field(description="meaning of an action")
    action_size: int
    termination: str = Field(description="what ends an episode before the horizon")
    constants: tuple[Constant, ...]
    horizon: int = Field(description="control steps after which an episode is truncated")
    control_period: float = Field(description="seconds between two actions")
    observation_size: int
    assumptions: tuple[str, ...] = Field(default=(), description="for the user: assumptions about missing information")

    def fields(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """State fields by name: shape without the leading N, and dtype."""
        return {f.name: (f.shape, f.dtype) for f in self.state}
