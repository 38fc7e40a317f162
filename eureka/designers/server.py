"""OpenAI-compatible servers: URL, API key, models, and error messages."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import openai

from eureka.errors import EurekaError, ModelFault, ModelRefused, UserError, did_you_mean
from eureka.text import shown

OFFICIAL = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
RETRIES = 6  # by the client library, with exponential backoff or the server's Retry-After


@dataclass(frozen=True)
class Server:
    """Connection parameters of a server."""

    url: str
    key: str = field(repr=False)  # Empty without a key
    timeout: float  # s to wait for data
    retries: int = RETRIES

    def client(self) -> openai.OpenAI:
        """Create a thread-safe client."""
        timeout = openai.Timeout(self.timeout, connect=min(20.0, self.timeout))
        return openai.OpenAI(api_key=self.key or "none", base_url=self.url, max_retries=self.retries, timeout=timeout)

    def models(self) -> list[str]:
        """Names of the models that the server lists; UserError if it does not respond or lists none."""
        try:
            client = self.client().with_options(max_retries=0, timeout=min(10.0, self.timeout))
            return sorted(shown(model.id)[:100] for model in client.models.list() if isinstance(model.id, str))
        except openai.APIConnectionError as error:
            raise UserError(f"cannot connect to {self.url} ({self.clean(cause(error))})") from None
        except (openai.OpenAIError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise UserError(f"{self.url} does not list its models ({self.clean(message(error))})") from None

    def clean(self, text: str) -> str:
        """A server's message on one line, with the API key redacted."""
        for form in (self.key, repr(self.key)[1:-1]):
            text = text.replace(form, "***") if form else text
        return "".join(c if c.isprintable() else " " for c in text)[:300]

    def fault(self, error: openai.OpenAIError, model: str) -> EurekaError:
        """Convert an error of the client library to one with a message for the user."""
        said = self.clean(message(error))
        tries = f"after {self.retries + 1} attempts"
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                what = f"rejects the API key in {KEY}" if self.key else f"needs an API key, but {KEY} is not set"
                return ModelRefused(f"{self.url} {what} ({said}); export a valid key")
            case openai.NotFoundError():
                with contextlib.suppress(UserError):
                    known = self.models()
                    if model not in known:
                        listed = f"; it offers {', '.join(known[:20])}" if known else ""
                        return ModelRefused(f"{self.url} has no model {model!r}{did_you_mean(model, known)}{listed}")
                return ModelRefused(f"{self.url} does not know the model {model!r} ({said}); check the URL")
            case openai.RateLimitError() if error.code == "insufficient_quota":
                return ModelRefused(f"the account at {self.url} has no quota left ({said})")
            case openai.RateLimitError():
                return ModelFault(f"{self.url} still limits the rate {tries} ({said}); wait or lower --samples")
            case openai.APITimeoutError():
                return ModelFault(f"{self.url} did not respond within {self.timeout:g} s, {tries}; raise --timeout")
            case openai.APIConnectionError():
                return ModelRefused(f"cannot connect to {self.url} {tries} ({self.clean(cause(error))}); is it up?")
            case openai.APIStatusError() if error.status_code >= 500:
                return ModelFault(f"{self.url} failed with status {error.status_code} {tries} ({said})")
            case _:
                return ModelRefused(f"{self.url} rejects the request: {said}")


def address(argument: str) -> tuple[str, str]:
    """Parse MODEL[@URL] or "" to model and URL (default: OPENAI_BASE_URL, or OpenAI's); UserError if it is invalid."""
    model, at, rest = argument.rpartition("@http")
    model, url = (model, f"http{rest}") if at else (argument, os.environ.get("OPENAI_BASE_URL") or OFFICIAL)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise UserError(f"{url!r} is not a valid URL; give one like http://localhost:11434/v1")
    if parts.username or parts.password or parts.query:
        raise UserError(f"the URL of {parts.hostname} contains credentials or a query; export the API key as {KEY}")
    return model, url.rstrip("/")


def key() -> str:
    """The API key from the environment, or ""; UserError if it contains invalid characters."""
    found = os.environ.get(KEY, "").strip()
    if not all("!" <= c <= "~" for c in found):
        raise UserError(
            f"{KEY} contains invalid characters (spaces, line breaks or non-ASCII letters); export a valid key"
        )
    return found


def server_of(argument: str, timeout: float, retries: int = RETRIES) -> tuple[str, Server]:
    """Model and server for MODEL, MODEL@URL or an empty string, with the API key from the environment.

    Raises:
        UserError: the model, the API key or the URL is missing or invalid.
    """
    model, url = address(argument)
    server = Server(url, key(), timeout, retries)
    if not server.key and is_official(url):
        raise UserError(
            f"{KEY} is not set; export it, give a server that needs no key (--llm "
            "openai:MODEL@http://localhost:11434/v1), or use --llm manual or --llm search"
        )
    if not model:
        known = ", ".join(server.models()[:20]) or "none"
        raise UserError(f"--llm openai needs a model after a colon; {url} lists {known}")
    return model, server


def is_official(url: str) -> bool:
    """Whether a URL is OpenAI's."""
    return urlsplit(url).scheme == "https" and urlsplit(url).hostname == urlsplit(OFFICIAL).hostname


def is_local(url: str) -> bool:
    """Whether a URL is on this machine."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def message(error: Exception) -> str:
    """The server's error message, without the client library's prefix."""
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return body["message"]
    return str(error)


def cause(error: Exception) -> str:
    """The cause of a failed connection."""
    return str(error.__cause__ or error)
