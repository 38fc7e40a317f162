"""Model servers by name: address and key variable of each kind of `--llm KIND:MODEL`.

The addresses are those that the providers document for clients of OpenAI's API. Only `openai` and `ollama` addresses
were tried, the latter with a stand-in; the others need keys:

    anthropic    https://docs.anthropic.com/en/api/openai-sdk
    gemini       https://ai.google.dev/gemini-api/docs/openai
    ollama       https://docs.ollama.com/api/openai-compatibility
    openrouter   https://openrouter.ai/docs/quickstart
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from eureka.errors import UserError


@dataclass(frozen=True)
class Provider:
    """A kind of model server."""

    url: str
    key: str | None  # Environment variable that holds the API key; None if the server needs none


PROVIDERS = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "ollama": Provider("http://localhost:11434/v1", None),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
}
KEYS = tuple(p.key for p in PROVIDERS.values() if p.key)
_BASE = "OPENAI_BASE_URL"
_LIKE_AN_ADDRESS = re.compile(
    r"[a-z]+:?/{1,2}|http|localhost\b|\[|[\w.-]+:\d+(/|$)|\d+\.\d+\.\d+\.\d+|[\w-]+(\.[\w-]+)*\.[a-z]{2,}(/|$)|"
    r"[\w.-]+/v\d|//",
    re.IGNORECASE,
)
_SURELY_AN_ADDRESS = re.compile(r"localhost(:|/|$)|(\d+\.){3}\d+|[a-z]+://|\S+ https?://", re.IGNORECASE)
_LOOPBACK = ("localhost", "ip6-localhost", "localhost.localdomain")


def address(llm: str) -> tuple[str, str]:
    """Model (may be empty) and URL of `KIND:MODEL[@URL]`; the default URL of `openai` is OPENAI_BASE_URL, or OpenAI's.

    Raises:
        UserError: the URL is invalid.
    """
    kind, _, argument = llm.partition(":")
    model, *given = re.split(r"@(?=https?://)", argument, maxsplit=1, flags=re.IGNORECASE)
    if given:
        url, source = given[0], "the URL"
    elif re.match(r"https?://", argument, re.IGNORECASE):
        model, url, source = "", argument, "the URL"
    else:
        model, _, after = argument.rpartition("@")
        lone = not model and _SURELY_AN_ADDRESS.match(argument)
        if lone or (model and _LIKE_AN_ADDRESS.match(after)):
            url = re.sub(r"^((https?|wss?|ftp):/{0,2}|[a-z]+://|https?//|//)", "", after, flags=re.IGNORECASE)
            scheme = "https" if re.match("https|wss", after, re.IGNORECASE) else "http"
            raise UserError(
                f"--llm {kind}:{model}: the address {after} does not begin with http:// or https://; give "
                f"{kind}:{model or 'MODEL'}@{scheme}://{url}"
            )
        own = os.environ.get(_BASE) if kind == "openai" else None
        model, url, source = argument, own or PROVIDERS[kind].url, _BASE if own else "the URL"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and url.isprintable() and " " not in url
        _ = parts.port
    except ValueError:
        parts, valid = urlsplit(""), False
    if not valid:
        raise UserError(f"{source} {url!r} is not a valid URL; give one like http://localhost:11434/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        where = f"the URL of {parts.hostname}" if source != _BASE else _BASE
        raise UserError(
            f"{where} contains credentials or a query; export the API key as {PROVIDERS[kind].key or 'a variable'}"
        )
    scheme, _, rest = url.partition("://")
    return model, re.sub(r"(/chat/completions)?/*$", "", f"{scheme.lower()}://{rest}")


def key(kind: str) -> str:
    """The API key for a kind of server from the environment, or ""; UserError if it contains invalid characters."""
    name = PROVIDERS[kind].key
    found = os.environ.get(name, "").strip() if name else ""
    if not all("!" <= c <= "~" for c in found):
        raise UserError(
            f"{name} contains invalid characters (spaces, line breaks or non-ASCII letters); export a valid key"
        )
    return found


def is_own(kind: str, url: str) -> bool:
    """Whether a URL is the provider's, so that its key may be sent there without a question."""
    own = urlsplit(PROVIDERS[kind].url)
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname) == (own.scheme, own.hostname)


def is_local(url: str) -> bool:
    """Whether a URL is on this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host in _LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
        found = getattr(found, "ipv4_mapped", None) or found
        return found.is_loopback or found.is_unspecified
    except ValueError:
        return False
