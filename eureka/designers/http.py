"""The HTTP client for model servers: whatever a server sends becomes one chat completion, or an error with its status.

The client library then retries, waits and raises as usual. Changed are

    a stream            its chunks are joined, also if no stream was asked for
    an error in a 200   gets the status that it stands for, so that it is asked for again like one
    failed choices      are left out, or are an error if there is no other choice
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2
import openai

from eureka.designers.providers import is_local
from eureka.designers.reasons import Reason, reason, reason_of
from eureka.errors import UserError

_SSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_STREAMED = re.compile(r"\s*(data|event|id|retry)?:")
_DONE = re.compile(r"^data: *\[DONE\]", re.MULTILINE)
_INNER = ("data", "result", "response", "output")
"""Keys under which gateways put a chat completion."""
_HEADERS = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")
"""Variables from which the client library makes headers."""


class _Client(openai.DefaultHttpxClient):
    """Sends requests and returns responses in the standard form."""

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def send(self, request: httpx2.Request, *, stream: bool = False, **more: Any) -> httpx2.Response:
        response = super().send(request, stream=True, **more)
        try:
            text = _read(response)
        finally:
            response.close()
        status, again = response.status_code, {}
        if request.method == "POST" and status == 200:
            status, text = standard(text)
        elif status >= 500 and reason(text).is_refusal:  # such as of a chat template, which does not pass
            again = {"x-should-retry": "false"}
        kept = {k: v for k, v in response.headers.items() if k.lower().startswith(("retry-after", "x-"))}
        headers = {"content-type": response.headers.get("content-type", "application/json")} | kept | again
        if _json(text) is not None:
            headers["content-type"] = "application/json"
        return httpx2.Response(status, headers=headers, content=text.encode("utf-8", "replace"), request=request)


def client(url: str, timeout: httpx2.Timeout) -> httpx2.Client:
    """An HTTP client for a server; addresses of this machine are reached without a proxy.

    Raises:
        UserError: a variable of the environment is invalid: proxies, certificates, headers.
    """
    for name in _HEADERS:
        allowed = "\n" if name == "OPENAI_CUSTOM_HEADERS" else ""
        if not all(" " <= c <= "~" or c in allowed for c in os.environ.get(name, "")):
            raise UserError(f"{name} contains characters that no HTTP header may have; correct it, or unset it")
    try:
        if (folder := os.environ.get("SSL_CERT_DIR")) and not os.environ.get("SSL_CERT_FILE"):
            os.listdir(folder)
        verify = httpx2.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        name = next((name for name in _SSL if os.environ.get(name)), None)
        where = f"{name}, {os.environ[name]}," if name else "the certificates of this system"
        raise UserError(
            f"{where} cannot be read ({error.strerror or error}); give certificates in PEM format"
            + (f", or unset {name}" if name else " in SSL_CERT_FILE")
        ) from None
    try:
        return _Client(timeout=timeout, verify=verify, trust_env=not is_local(url))
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        name = _bad_proxy()
        said = "the package socksio is missing: pip install socksio" if isinstance(error, ImportError) else str(error)
        raise UserError(f"the proxy in {name} cannot be used ({said}); correct {name}, or unset it") from None


def proxy_of(url: str) -> str | None:
    """The variable that names the proxy for a URL, None if none is used."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    if is_local(url) or proxy_bypass(host):
        return None
    found = getproxies()
    kind = next((kind for kind in (scheme, "all") if found.get(kind)), None)
    return kind and _variable(f"{kind}_proxy")


def _bad_proxy() -> str:
    """The variable with a proxy that cannot be used."""
    for kind, value in getproxies().items():
        if kind not in ("http", "https", "all"):
            continue
        try:
            proxy = httpx2.Proxy(url=value if "://" in value else f"http://{value}")
            if proxy.url.scheme not in ("http", "https"):
                return _variable(f"{kind}_proxy")
        except (ValueError, httpx2.InvalidURL):
            return _variable(f"{kind}_proxy")
    return _variable("no_proxy")


def _variable(name: str) -> str:
    return next((n for n in (name, name.upper()) if os.environ.get(n)), name)


def _read(response: httpx2.Response) -> str:
    """The body; of a stream up to its end mark, since some servers keep the connection open behind it."""
    if "event-stream" not in response.headers.get("content-type", ""):
        response.read()
        return response.text
    text = ""
    for part in response.iter_text():
        text += part
        if _DONE.search(text, max(0, len(text) - len(part) - 20)):
            break
    return text


def standard(text: str) -> tuple[int, str]:
    """Status and text of the standard form of a body that came with status 200."""
    body = _joined(text) if _STREAMED.match(text) else _json(text)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return 200, text
    inner = next((body[k] for k in _INNER if isinstance(body.get(k), dict) and "choices" in body[k]), None)
    body = inner if inner is not None and "choices" not in body else body
    found = _error(body)
    if found is not None:
        return found.status, json.dumps(body)
    choices = body.get("choices")
    if isinstance(choices, list):
        good = [choice for choice in choices if not _failed(choice)]
        if choices and not good:
            inner = choices[0].get("error") or {"message": "the model failed (finish reason error)"}
            return reason_of(inner).status, json.dumps({"error": inner})
        body["choices"] = good
    return 200, json.dumps(body)


def _error(body: dict[str, Any]) -> Reason | None:
    """The reason, if an answer without choices is an error."""
    if body.get("choices"):
        return None
    if body.get("error") or body.get("errors"):
        return reason_of({k: v for k, v in body.items() if k != "id"})
    if "choices" in body:
        return None
    told = any(isinstance(body.get(name), str) for name in ("detail", "message", "msg"))
    found = reason_of({k: v for k, v in body.items() if k in _ERROR})
    return found if body.get("object") == "error" or body.get("type") == "error" or found.code or told else None


_ERROR = ("object", "type", "code", "status", "status_code", "message", "msg", "detail", "details")


def _failed(choice: Any) -> bool:
    return isinstance(choice, dict) and bool(choice.get("error") or choice.get("finish_reason") == "error")


def _joined(text: str) -> Any:
    """The chat completion whose chunks a stream consists of; its first error if it has one."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    for event in lines.split("\n\n"):
        fields = [line.partition(":") for line in event.split("\n")]
        data = "\n".join(value.removeprefix(" ") for field, _, value in fields if field.strip() == "data")
        named = next((value.strip() for field, _, value in fields if field.strip() == "event"), "")
        chunks = [_json(data)] if _json(data) is not None else [_json(part) for part in data.split("\n")]
        if named == "error" and data:
            return {"error": chunks[0] if isinstance(chunks[0], dict) else {"message": data}}
        chunk = next((chunk for chunk in chunks if isinstance(chunk, dict) and chunk.get("error")), None)
        if chunk:
            return chunk
        for chunk in chunks:
            _add(whole, choices, chunk)
    if not whole and not choices:
        return _json("\n".join(line for line in lines.split("\n") if not line.startswith(":")))
    if not _DONE.search(text) and any(not choice["finish_reason"] for choice in choices.values()):
        return {"error": {"message": "the stream ended before the reply did", "code": 502}}
    return whole | {"object": "chat.completion", "choices": [choices[i] for i in sorted(choices)]}


def _add(whole: dict[str, Any], choices: dict[int, dict[str, Any]], chunk: Any) -> None:
    if isinstance(chunk, dict):
        whole |= {k: v for k, v in chunk.items() if k != "choices" and v is not None}
        for part in chunk.get("choices") or ():
            if isinstance(part, dict):
                _extend(choices, part)


def _extend(choices: dict[int, dict[str, Any]], part: dict[str, Any]) -> None:
    given = part.get("index")
    index = given if isinstance(given, int) else 0
    choice = choices.setdefault(index, {"index": index, "finish_reason": None, "message": {"role": "assistant"}})
    if part.get("error"):
        choice["error"] = part["error"]
    choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
    if isinstance(part.get("message"), dict) and part["message"].get("content"):  # the whole, behind its parts
        choice["message"] = part["message"]
        return
    said = part.get("delta") or {"content": part.get("text")}
    for name, value in said.items() if isinstance(said, dict) else ():
        if isinstance(value, list):
            value = "".join(str(p.get("text") or "") for p in value if isinstance(p, dict))
        if isinstance(value, str) and name != "role":
            choice["message"][name] = str(choice["message"].get(name) or "") + value


def _json(text: str) -> Any:
    """A decoded body, None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
