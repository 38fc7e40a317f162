"""An openai designer beside a server of its own, for tests of what they say to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.candidates import TASK
from support.model_server import Server, completion

from eureka.config.settings import Asking, Prices, Settings
from eureka.config.tasks import load_task
from eureka.designers import prompts
from eureka.designers.base import DesignerContext, Request
from eureka.designers.budget import Budget
from eureka.designers.openai import OpenAI
from eureka.runs.replies import Reply

KEY = "sk-decoy-8842"
PRICES = Prices(input=2.0, output=10.0, cached=0.5)


class Asker:
    """Asks a fresh designer of a fresh server, and keeps what it said on the way."""

    def __init__(self, server: Server, **asking: Any):
        preset = load_task("cartpole").file.presets["cpu"].model_dump()
        settings = Settings.model_validate(preset | {"preset": "cpu", "asking": {"timeout": 20.0} | asking})
        self.server, self.said, self.answers = server, [], []
        self.budget = Budget(Asking.model_validate(settings.asking.model_dump()))
        around = DesignerContext(settings, self.budget, Path("nowhere"), (), self.said.append)
        self.designer = OpenAI(f"openai:small-model@{server.url}", around, retries=2)

    def __call__(self, slots: int = 3, requests: list[Request] | None = None) -> dict[int, Reply]:
        asked = requests or [request(*range(slots))]
        for answer in self.designer.propose(asked):
            self.answers.append(answer)
        return {r.slot: r for r in self.replies()}

    def replies(self) -> list[Reply]:
        return [r for a in self.answers for r in a.replies]


def request(*slots: int, attempt: int = 0, text: str = "") -> Request:
    messages = (*prompts.first(TASK), prompts.Message(role="user", content=text)) if text else prompts.first(TASK)
    return Request(1, slots, attempt, messages, TASK, None)


def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Asker]]:
    """The body of a fixture: starts askers, each with a server of its own that answers as it is told."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    servers = []

    def start(answer, **asking: Any) -> Asker:
        servers.append(Server(answer))
        return Asker(servers[-1], **asking)

    yield start
    for server in servers:
        server.close()


def numbered(body: dict[str, Any], number: int, honoured: int | None = None) -> dict[str, Any]:
    count = body.get("n", 1) if honoured is None else min(honoured, body.get("n", 1))
    return completion(*[f"reply {number}.{i}" for i in range(count)])
