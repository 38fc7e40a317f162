"""A server that speaks the OpenAI API: its address, its models, and its errors in one sentence each."""

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
RETRIES = 6
"""Of a call that fails, on top of the first try; by the client, with growing pauses or what the server asks for."""


@dataclass(frozen=True)
class Server:
    """Where a model is asked, and with what."""

    url: str
    key: str = field(repr=False)
    """Empty if there is none."""
    timeout: float
    """s that an answer may take to begin or to go on."""
    retries: int = RETRIES

    def client(self) -> openai.OpenAI:
        """A client that may be used from several threads."""
        timeout = openai.Timeout(self.timeout, connect=min(20.0, self.timeout))
        return openai.OpenAI(api_key=self.key or "none", base_url=self.url, max_retries=self.retries, timeout=timeout)

    def models(self) -> list[str]:
        """The models that the server tells of.

        Raises:
            UserError: it does not answer, or refuses.
        """
        try:
            client = self.client().with_options(max_retries=0, timeout=min(10.0, self.timeout))
            return sorted(shown(model.id)[:100] for model in client.models.list() if isinstance(model.id, str))
        except openai.APIConnectionError as error:
            raise UserError(f"no server answers at {self.url} ({self.clean(cause(error))})") from None
        except (openai.OpenAIError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise UserError(f"{self.url} does not list its models ({self.clean(message(error))})") from None

    def clean(self, text: str) -> str:
        """A server's words on one line, without the key that it may repeat."""
        for form in (self.key, repr(self.key)[1:-1]):
            text = text.replace(form, "***") if form else text
        return "".join(c if c.isprintable() else " " for c in text)[:300]

    def fault(self, error: openai.OpenAIError, model: str) -> EurekaError:
        """One sentence for what went wrong, and what to do."""
        said = self.clean(message(error))
        tries = f"after {self.retries + 1} tries"
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                what = f"refuses the key in {KEY}" if self.key else f"wants a key, and {KEY} is not set"
                return ModelRefused(f"{self.url} {what} ({said}); export a valid one")
            case openai.NotFoundError():
                with contextlib.suppress(UserError):
                    known = self.models()
                    if model not in known:
                        listed = f"; it offers {', '.join(known[:20])}" if known else ""
                        return ModelRefused(f"{self.url} has no model {model!r}{did_you_mean(model, known)}{listed}")
                return ModelRefused(f"{self.url} knows nothing of {model!r} ({said}); is the address right?")
            case openai.RateLimitError() if error.code == "insufficient_quota":
                return ModelRefused(f"the account at {self.url} has no quota left ({said})")
            case openai.RateLimitError():
                return ModelFault(f"{self.url} still limits the rate {tries} ({said}); wait, or lower --samples")
            case openai.APITimeoutError():
                return ModelFault(f"{self.url} gave no answer in {self.timeout:g} s, {tries}; see --timeout")
            case openai.APIConnectionError():
                return ModelRefused(f"no server answers at {self.url} {tries} ({self.clean(cause(error))}); is it up?")
            case openai.APIStatusError() if error.status_code >= 500:
                return ModelFault(f"{self.url} failed with status {error.status_code} {tries} ({said})")
            case _:
                return ModelRefused(f"{self.url} refuses the request: {said}")


def address(argument: str) -> tuple[str, str]:
    """Model and URL of MODEL, MODEL@URL or nothing; the URL is OPENAI_BASE_URL's if none is given.

    Raises:
        UserError: what stands behind the @ is no URL.
    """
    model, at, rest = argument.rpartition("@http")
    model, url = (model, f"http{rest}") if at else (argument, os.environ.get("OPENAI_BASE_URL") or OFFICIAL)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise UserError(f"{url!r} is no address of a server; one looks like http://localhost:11434/v1")
    if parts.username or parts.password or parts.query:
        raise UserError(f"the address of {parts.hostname} holds more than an address; a key belongs into {KEY}")
    return model, url.rstrip("/")


def key() -> str:
    """The key of the environment, empty if there is none.

    Raises:
        UserError: it cannot be one.
    """
    found = os.environ.get(KEY, "").strip()
    if not all("!" <= c <= "~" for c in found):
        raise UserError(
            f"{KEY} holds characters that no key has (spaces, line ends, letters beyond ASCII); export it anew"
        )
    return found


def server_of(argument: str, timeout: float, retries: int = RETRIES) -> tuple[str, Server]:
    """Model and server of MODEL, MODEL@URL or nothing, with the key of the environment.

    Raises:
        UserError: no model, no such address, or no key where one is needed.
    """
    model, url = address(argument)
    server = Server(url, key(), timeout, retries)
    if not server.key and is_official(url):
        raise UserError(
            f"{KEY} is not set; export it, name a server that needs none (--llm openai:MODEL@http://localhost:11434/v1)"
            ", or go without a key: --llm manual, or --llm search"
        )
    if not model:
        known = ", ".join(server.models()[:20]) or "none that it tells of"
        raise UserError(f"--llm openai needs a model behind a colon; {url} offers {known}")
    return model, server


def is_official(url: str) -> bool:
    """Whether an address is OpenAI's own."""
    return urlsplit(url).scheme == "https" and urlsplit(url).hostname == urlsplit(OFFICIAL).hostname


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def message(error: Exception) -> str:
    """What a server said, without the client's wrapping."""
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return body["message"]
    return str(error)


def cause(error: Exception) -> str:
    """What a failed connection is due to."""
    return str(error.__cause__ or error)
