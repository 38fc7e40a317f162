"""A real HTTP server that speaks the OpenAI API as well or as badly as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any], int], Any]
"""From a request's body and its number to what `respond` understands."""

GOOD = (
    "The pole should be upright.\n```python\ndef compute_reward(pole_angle, cart_position):\n"
    "    upright = torch.exp(-torch.square(pole_angle) / 0.1)\n    centred = -0.1 * torch.abs(cart_position)\n"
    '    return upright + centred, {"upright": upright, "centred": centred}\n```\n'
)


def completion(*texts: str, finish: str = "stop", usage: Any = (1500, 200), **more: Any) -> dict[str, Any]:
    """A chat completion with one choice a text."""
    body: dict[str, Any] = {"id": "call-1", "object": "chat.completion", "created": 1, "model": "served-model"}
    body["choices"] = [
        {"index": i, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(texts)
    ]
    if usage is not None:
        prompt, reply = usage
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}
    return body | more


def error(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> tuple:
    """A refusal in the API's form."""
    return status, {"error": {"message": message, "type": "error"} | more}, headers or {}


class Server:
    """Answers chat completions with `answer`; remembers the bodies and keys it was sent."""

    models = ("small-model", "large-model")

    def __init__(self, answer: Answer):
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                return None

            def do_GET(self) -> None:
                server.keys.add(self.headers.get("Authorization", ""))
                data = [{"id": m, "object": "model", "created": 1, "owned_by": "x"} for m in server.models]
                self.reply(200, {"object": "list", "data": data}, {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.keys.add(self.headers.get("Authorization", ""))
                    server.bodies.append(body)
                    number = len(server.bodies)
                result = server.answer(body, number)
                if result is None:  # drop the connection
                    self.close_connection = True
                    return
                status, content, headers = result if isinstance(result, tuple) else (200, result, {})
                self.reply(status, content, headers)

            def reply(self, status: int, content: Any, headers: dict[str, str]) -> None:
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                kind = "text/html" if isinstance(content, str) else "application/json"
                try:
                    self.send_response(status)
                    for name, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    return  # the client did not wait

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
