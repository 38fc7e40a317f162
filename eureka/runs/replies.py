"""Prompts and replies as the journal records them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

SKIPPED = "skipped"  # how a reply ends that was never given; it is not asked for again

CUT_OFF = "the reply was cut off by the length limit"  # what is said of a reply that ended with `length`

Address = tuple[int, int, int]  # generation, slot, attempt


def writable(text: str) -> str:
    """JSON can hold halves of surrogate pairs, which no file in UTF-8 can."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class Reply(BaseModel):
    """One text, for one slot."""

    model_config = ConfigDict(frozen=True)

    slot: int
    text: str = Field(description="whole and untrusted")
    finish: str = Field(
        default="stop", description="why it ended: stop, length, refusal, empty, skipped, or a server's own word"
    )

    @field_validator("text", "finish")
    @classmethod
    def _can_be_written(cls, text: str) -> str:
        return writable(text)


class Answer(BaseModel):
    """What one call to a designer gave, recorded whole before any of it is used."""

    model_config = ConfigDict(frozen=True)

    replies: tuple[Reply, ...]
    model: str = Field(description="who answered")
    called: bool = Field(default=False, description="whether a model was called, which may cost something")
    source: str | None = Field(default=None, description="a server's name for the call, or the file it was read from")
    prompt_tokens: int | None = Field(default=None, ge=0, description="None if not counted")
    cached_tokens: int | None = Field(
        default=None, ge=0, description="those of prompt_tokens that a server had in its cache"
    )
    completion_tokens: int | None = Field(default=None, ge=0, description="including reasoning; None if not counted")
    usd: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="None where the price is not known")
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="until the answer was there")

    @field_validator("model", "source")
    @classmethod
    def _can_be_written(cls, text: str | None) -> str | None:
        return None if text is None else writable(text)[:500]
