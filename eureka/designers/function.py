"""A function of the caller's as a designer, for use from Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from eureka.designers.base import Designer, Request
from eureka.errors import UserError
from eureka.runs.candidate import Known
from eureka.runs.replies import Answer, Reply

Chat = Callable[[list[dict[str, str]]], str]
"""Takes messages, each with `role` and `content`, and returns a reply: text with a fenced block of Python code."""


def designer_of(given: Designer | Chat | None, name: str) -> Designer:
    """A designer for what the caller gave; `UserError` if that is nothing, as on the command line."""
    if given is None:
        raise UserError(
            f"the designer python:{name} is a function; call eureka.resume(RUN, llm=FUNCTION) in Python, or give "
            "another designer with --llm"
        )
    return given if isinstance(given, Designer) else FunctionDesigner(given, name)


class FunctionDesigner:
    """Calls a function once for each reply."""

    def __init__(self, function: Chat, name: str):
        """Ask `function`; `name` is recorded as the model."""
        self._function, self.name = function, name

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """One answer for each slot, in order."""
        for request in requests:
            for slot in request.slots:  # a function may change its messages
                messages: list[dict[str, Any]] = [m.model_dump(include={"role", "content"}) for m in request.messages]
                begun = time.monotonic()
                text = self._function(messages)
                if not isinstance(text, str):
                    raise UserError(f"the designer {self.name} returned {type(text).__name__}; it must return a text")
                seconds = round(time.monotonic() - begun, 3)
                yield Answer(replies=(Reply(slot=slot, text=text),), model=self.name, seconds=seconds)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        """None: nothing is recorded."""
        return None
