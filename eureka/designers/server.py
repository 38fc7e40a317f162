"""A model server: URL, API key, client, models, and messages for its failures."""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from eureka.designers import http
from eureka.designers.providers import KEYS, PROVIDERS, address, is_own, key
from eureka.designers.reasons import TOO_LONG, Reason, reason
from eureka.errors import EurekaError, ModelFault, ModelRefused, UserError, did_you_mean
from eureka.text import shown

RETRIES = 6  # by the client library, with exponential backoff or the server's Retry-After
_SHORTEST_SECRET = 8  # Shorter values are no keys; to redact them would garble messages


class _Client(openai.OpenAI):
    """Tells when it will repeat a call; of several calls at once, only for the first."""

    tell: Callable[[str], None] = staticmethod(lambda line: None)
    _told = -math.inf

    def _calculate_retry_timeout(self, remaining_retries: int, options: Any, response_headers: Any = None) -> float:
        seconds = super()._calculate_retry_timeout(remaining_retries, options, response_headers)
        now, most = time.monotonic(), options.get_max_retries(self.max_retries)
        if now - self._told > 0.4:
            self._told = now
            state = "does not respond" if response_headers is None else "is not ready"
            attempt = f"attempt {most - remaining_retries + 2} of {most + 1}"
            self.tell(f"{str(self.base_url).rstrip('/')} {state}; {attempt} in {seconds:.1f} s")
        return seconds


@dataclass(frozen=True)
class Server:
    """Connection parameters of a server."""

    url: str
    key: str = field(repr=False)  # Empty without a key
    timeout: float  # s to wait for data
    retries: int = RETRIES
    key_name: str | None = "OPENAI_API_KEY"  # Variable that holds the key

    def client(self, tell: Callable[[str], None] = lambda line: None) -> openai.OpenAI:
        """Create a thread-safe client; it calls `tell` with a line before it repeats a call.

        Raises:
            UserError: a proxy, a certificate or a header that the environment names is invalid.
        """
        timeout = httpx2.Timeout(self.timeout, connect=min(20.0, self.timeout))
        made = _Client(
            api_key=self.key or "none",
            base_url=self.url,
            max_retries=self.retries,
            timeout=timeout,
            http_client=http.client(self.url, timeout),
        )
        if not is_own("openai", self.url):  # these name accounts at OpenAI
            made.organization = made.project = None
        made.tell = tell
        return made

    def models(self) -> list[str]:
        """Names of the models that the server lists; UserError if it does not respond or lists none."""
        try:
            client = self.client().with_options(max_retries=0, timeout=min(10.0, self.timeout))
            return sorted(shown(model.id)[:100] for model in client.models.list() if isinstance(model.id, str))
        except openai.APIConnectionError as error:
            raise UserError(f"cannot connect to {self.url}{self._proxy()} ({self.clean(cause(error))})") from None
        except (openai.OpenAIError, TypeError, AttributeError, ValueError, RecursionError) as error:
            said = reason_in(error).text if isinstance(error, openai.OpenAIError) else str(error)
            raise UserError(f"{self.url} does not list its models ({self.clean(said)})") from None

    def clean(self, text: str) -> str:
        """A server's message on one line, with all API keys redacted."""
        for secret in (self.key, *(os.environ.get(name, "") for name in KEYS)):
            for form in (secret, repr(secret)[1:-1]):
                text = text.replace(form, "***") if len(form) >= _SHORTEST_SECRET else text
        return "".join(c if c.isprintable() else " " for c in text)[:400]

    def fault(self, error: openai.OpenAIError, model: str) -> EurekaError:
        """Convert an error of the client library to one with a message for the user."""
        why = reason_in(error)
        said, tries, proxy = self.clean(why.text), f"after {_attempts(error)} attempts", self._proxy()
        match error:
            case openai.AuthenticationError() | openai.BadRequestError() if why.bad_key or isinstance(
                error, openai.AuthenticationError
            ):
                return ModelRefused(f"{self.url} {self._key_advice(said)}")
            case openai.NotFoundError():
                with contextlib.suppress(UserError):
                    known = self.models()
                    if model not in known:
                        listed = f"; it offers {', '.join(known[:20])}" if known else ""
                        return ModelRefused(f"{self.url} has no model {model!r}{did_you_mean(model, known)}{listed}")
                return ModelRefused(f"{self.url} does not know the model {model!r} ({said}); check the URL")
            case openai.APIStatusError() if error.status_code == 402 or (error.status_code == 429 and why.no_quota):
                return ModelRefused(f"the account at {self.url} has no quota left ({said})")
            case openai.RateLimitError():
                return ModelFault(f"{self.url} still limits the rate {tries} ({said}); wait or lower --samples")
            case openai.APITimeoutError():
                return ModelFault(f"{self.url} did not respond within {self.timeout:g} s, {tries}; raise --timeout")
            case openai.APIConnectionError():
                known = self.clean(cause(error))
                if "CERTIFICATE" in known.upper():
                    known += "; SSL_CERT_FILE can name the certificates of your network"
                return ModelRefused(f"cannot connect to {self.url}{proxy} {tries} ({known}); is it up?")
            case openai.APIStatusError() if error.status_code >= 500:
                return ModelFault(f"{self.url} failed with status {error.status_code}{proxy} {tries} ({said})")
            case openai.APIStatusError() if error.status_code in (403, 407):
                return ModelRefused(f"{self.url} denies access{proxy} (status {error.status_code}: {said})")
            case _:
                long = TOO_LONG.search(said) and re.search(r"token|context|prompt|too long", said, re.IGNORECASE)
                advice = "; lower --reply-tokens, or use a model with a longer context" if long else ""
                return ModelRefused(f"{self.url} rejects the request: {said}{advice}")

    def _key_advice(self, said: str) -> str:
        if self.key_name is None:
            return f"needs an API key ({said}); give --llm openai:MODEL@{self.url} and export the key as OPENAI_API_KEY"
        what = (
            f"rejects the API key in {self.key_name}"
            if self.key
            else f"needs an API key, but {self.key_name} is not set"
        )
        return f"{what} ({said}); export a valid key"

    def _proxy(self) -> str:
        name = http.proxy_of(self.url)
        return f" through the proxy in {name}" if name else ""


def server_of(llm: str, timeout: float, retries: int = RETRIES) -> tuple[str, Server]:
    """Model and server for KIND:MODEL or KIND:MODEL@URL, with the API key from the environment.

    Raises:
        UserError: the model, the API key or the URL is missing or invalid.
    """
    kind = llm.partition(":")[0]
    model, url = address(llm)
    name = PROVIDERS[kind].key
    server = Server(url, key(kind), timeout, retries, name)
    if name and not server.key and is_own(kind, url):
        raise UserError(
            f"{name} is not set; export it, give a server that needs no key (--llm "
            "openai:MODEL@http://localhost:11434/v1), or use --llm manual or --llm search"
        )
    if not model:
        known = ", ".join(server.models()[:20]) or "none"
        raise UserError(f"--llm {kind} needs a model after a colon; {url} lists {known}")
    return model, server


def _attempts(error: openai.OpenAIError) -> int:
    """Calls that were made until this error."""
    request: Any = getattr(error, "request", None) or getattr(getattr(error, "response", None), "request", None)
    retried = request.headers.get("x-stainless-retry-count", "0") if request is not None else "0"
    return int(retried) + 1 if retried.isdigit() else 1


def reason_in(error: Exception) -> Reason:
    """The server's reason in an error of the client library."""
    response: Any = getattr(error, "response", None)
    text = getattr(response, "text", None)
    return reason(text) if text else Reason(str(error), (), None)


def cause(error: Exception) -> str:
    """The cause of a failed connection."""
    return str(error.__cause__ or error)


class Habits:
    """What a server was found to refuse or to ignore, so that later calls are made in the way that it accepts."""

    def __init__(self, server: Server, tell: Callable[[str], None], limited: bool):
        """Start with the standard parameters; with `limited`, a limit on a reply's tokens is never left out."""
        self._server, self._tell, self._limited = server, tell, limited
        self._refused: set[str] = set()
        self._said: set[str] = set()
        self.counts = True  # Whether the server supports `n`
        self.folded = False  # Whether the system role is sent as part of the first message of the user
        self._limit, self._unheard = "max_completion_tokens", False
        self._stream = False

    def parameters(self, wanted: Mapping[str, Any], reply_tokens: int) -> dict[str, Any]:
        """Parameters of a call, of those wanted."""
        limits = [name for name in (self._limit, *_LIMITS) if name not in self._refused][:1]
        found = {name: value for name, value in wanted.items() if name not in self._refused}
        stream = {"stream": self._stream} | ({"stream_options": {"include_usage": True}} if self._stream else {})
        return found | dict.fromkeys(limits, reply_tokens) | {k: v for k, v in stream.items() if k not in self._refused}

    def adapt(self, why: Reason, sent: Mapping[str, Any], options: Mapping[str, Any], system: bool) -> bool:
        """Change what is sent because of a refusal.

        Args:
            why: the server's reason.
            sent: the parameters of the refused call.
            options: those of them that the user gave.
            system: whether it had a message of the role `system`.

        Returns:
            Whether anything changed, so that the call can be repeated.
        """
        name = why.parameter(sent)
        if name in options:
            return False
        if name in _LIMITS:
            others = [limit for limit in _LIMITS if limit != name and limit not in self._refused]
            if TOO_LONG.search(why.text) or (self._limited and not others):
                return False
        if name is None and (wanted := why.demanded(set(_LIMITS) - set(sent))) and wanted != self._limit:
            self._limit = wanted
            self._refused.discard(wanted)
            self.say(f"{self._server.url} requires the parameter {wanted}; sending it from now on")
            return True
        if name is None:
            if not (system and why.refuses_system):
                return False
            self.folded = True
            self.say(f"{self._server.url} refuses the system role; sending its text in the first user message")
        elif name == "stream" and sent["stream"] is False:
            self._stream = True
            self.say(f"{self._server.url} answers in streams only; asking for one from now on")
        else:
            self._refused |= {name} | ({"stream_options"} if name == "stream" else set())
            self.counts = self.counts and name != "n"
            self.say(f"{self._server.url} rejects the parameter {name}; omitting it from now on")
        return True

    def limit_unheard(self, tokens: int, reply_tokens: int, sent: Mapping[str, Any]) -> bool:
        """Say that replies were cut far below the limit; True if another name of the limit is left to try."""
        if self._limit not in sent:  # another call has changed it meanwhile
            return True
        other = next((name for name in _LIMITS if name != self._limit and name not in self._refused), None)
        cut = (
            f"{self._server.url} cut replies after {tokens} tokens, though {reply_tokens} are allowed (--reply-tokens)"
        )
        if other is None or self._unheard:
            self.say(f"{cut}; raise the server's own limit or its context length", about="cut replies")
            return False
        self._limit, self._unheard = other, True
        self.say(f"{cut}; sending the limit as {other} from now on")
        return True

    def say(self, line: str, about: str = "") -> None:
        """Show a line, once; of lines `about` the same, only the first."""
        if (about or line) not in self._said:
            self._said.add(about or line)
            self._tell(line)


_LIMITS = ("max_completion_tokens", "max_tokens")
