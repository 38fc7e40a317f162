"""Access control of the live pages: a token for one browser on this machine, and protection from other sites.

Another site can send requests, but it cannot set the Host header (checked against DNS rebinding), read the responses,
or send the cookie, which is SameSite=Strict. What changes something is a POST, which needs the cookie, and whose Origin
must be the address of these pages.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

WRITES = "/remark/"  # Beginning of the paths that accept POST
_HOSTS = ("127.0.0.1", "localhost", "[::1]")  # With any port, for SSH tunnels
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # else browsers send no origin with a form
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware that rejects unauthorized requests and adds security headers to every response."""

    def __init__(self, app: App, token: str, port: int):
        """Accept one token. The port makes the cookie's name unique among servers on this host."""
        self._app, self._token, self._cookie = app, token, f"eureka-view-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # WebSockets are not supported
        rejection = self._reject(scope)
        if rejection is not None:
            await _answer(send, *rejection)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_encode(_HEADERS)]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _reject(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        """Status, text and headers of the response instead of a page; None for an authorized request."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in _HOSTS:
            return 421, "These pages are available only on this machine. Open the address that eureka view printed.", {}
        writes = scope["method"] == "POST" and scope["path"].startswith(WRITES)
        if scope["method"] not in ("GET", "HEAD") and not writes:
            return 405, "This page is read-only. Use GET or HEAD.", {"allow": "GET, HEAD"}
        if writes and headers.get("origin", "") not in (f"http://{host}", f"https://{host}"):
            return 403, "The form was sent by another site.", {}
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for key, value in query if key == "token"), None)
        if given is not None and not writes and self._is_token(given):
            rest = urlencode([(key, value) for key, value in query if key != "token"])
            # A single leading slash: two would be a URL on another host.
            place = "/" + quote(scope["path"].lstrip("/")) + (f"?{rest}" if rest else "")
            cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            return 303, "", {"location": place, "set-cookie": cookie}
        if not self._is_token(_cookie(headers.get("cookie", ""), self._cookie)):
            return 403, "The token is missing or wrong. Open the address that eureka view printed.", {}
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._token.encode())


def _cookie(header: str, name: str) -> str:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for key, _, value in pairs if key == name), "")


async def _answer(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    headers = {"content-type": "text/plain; charset=utf-8"} | _HEADERS | headers
    await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
    await send({"type": "http.response.body", "body": text.encode()})


def _encode(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
