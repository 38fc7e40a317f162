"""The reason that a model server gives for a failure, wherever its answer holds it, and what the reason is about.

Servers nest reasons in `error`, `detail`, `metadata.raw` and so on, as objects, lists, or JSON in a string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_DEEPEST, _MOST = 12, 200  # Levels and values of an answer that are read
_TEXTS = frozenset(
    "message msg detail details error errors reason cause raw description title hint info error_description "  # noqa: SIM905
    "error_message error_msg errormessage response body content failed_generation innererror".split()
)
"""Keys of sentences for people."""
_NAMED = frozenset(("code", "type", "param", "loc", "field", "status"))
_NUMBERS = ("code", "status", "status_code", "statusCode", "http_status", "http_code", "error_code")
_KINDS = (
    (400, r"context.?(length|window)|too.?(long|large)|invalid_request|maximum context"),
    (401, r"authenticat|unauthori[sz]ed|invalid.?(api.?)?key|api.?key.?(is.?)?(invalid|missing)"),
    (429, r"rate.?limit|too.?many|quota|resource.?exhausted|throttl"),
    (503, r"overload|capacity|unavailable|not available|busy|try again"),
    (504, r"time.?out|timed.?out|deadline"),
    (403, r"permission|forbidden|not.?allowed.?to"),
    (404, r"not.?found|does not exist|no such model"),
    (400, r"invalid|unsupported|not.?support|bad.?request|validation|must be|not permitted"),
)
"""Status codes that the words of an error stand for."""
_ALIASES = {
    "max_completion_tokens": r"max_?completion_?tokens",
    "max_tokens": r"max_?tokens",
    "stream": (
        r"non[- ]?stream(ing)?|stream(ing)? (mode|is|must|only|not|=|param)|"
        r"(support|only|enable|require|parameter:?|field:?|name|set|argument:?|use)s? ['\"`]?stream(ing)?|"
        r"['\"`]stream['\"`]"
    ),
    "n": (
        r"['\"`](?-i:n)['\"`]|(?-i:n) ?(=|>|<|:|must|should|is|param|was|cannot|not|number)|"
        r"(parameter|argument|field|name|of|use|body\.|unsupported):? ?(?-i:n)(?! or\b)|best_of|candidate_?count|"
        r"num_?return_?sequences|(number of|multiple|single|only|one|more than one) (completion |1 )?"
        r"(choice|completion|candidate|sample|generation|output|response|sequence)s?"
        r"(?![ _]?(token|format|length|type)| is being)"
    ),
}
"""Other words for a parameter, as a regular expression; the default is the name itself."""
TOO_LONG = re.compile(
    r"context|too (long|large|many)|at most|maximum|exceed|less than or equal|range|<=|no more than|greater than|fewer",
    re.IGNORECASE,
)
"""Matches errors about a size, as opposed to an unknown parameter."""
_SYSTEM = re.compile(
    r"\b(system|developer)\b.{0,40}\b(role|message|prompt|instruction)|\brole\b.{0,40}\b(system|developer)\b|"
    r"\b(system|developer)\b.{0,20}not (support|allow|enabl)|roles must alternate|"
    r"(must|should) (start|begin) with.{0,20}user|first message must.{0,20}user|only user and assistant|"
    r"'system'.{0,40}supported values|messages?\W*0\W*role|role must be one of",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Reason:
    """Why a server refuses or fails."""

    text: str  # Its sentences, the outermost first
    about: tuple[str, ...]  # Names of parameters and kinds of error that it gives apart
    code: int | None  # A status code in the answer itself

    @property
    def status(self) -> int:
        """The status code that the answer should have had; 502 if it says nothing about it."""
        if self.code:
            return self.code
        words = " ".join((*self.about, self.text))
        return next((code for code, kind in _KINDS if re.search(kind, words, re.IGNORECASE)), 502)

    @property
    def no_quota(self) -> bool:
        """Whether an account has no quota left, as opposed to a limit on the rate."""
        words = r"insufficient_quota|billing|no_credit|current quota|insufficient (balance|credit|funds)"
        return any(re.search(words, part, re.IGNORECASE) for part in (*self.about, self.text))

    @property
    def is_refusal(self) -> bool:
        """Whether it refuses what was sent, whatever the status code."""
        words = (
            r"(not|n't)( be)? support|unsupported|supports? (only|one)|only supports|only .{0,40} (is|are) allowed|"
            r"not (allowed|implemented|permitted)|(unknown|unrecogni[sz]ed) (request )?(param|arg|field|name|key)"
        )
        return self.refuses_system or bool(re.search(words, self.text, re.IGNORECASE))

    @property
    def bad_key(self) -> bool:
        """Whether an API key is refused."""
        words = r"api.?key.{0,12}(not valid|invalid)|invalid.?api.?key|API_KEY_INVALID"
        return any(re.search(words, part, re.IGNORECASE) for part in (*self.about, self.text))

    def demanded(self, names: Iterable[str]) -> str | None:
        """The parameter that the server requires, of some that were not sent."""
        if not re.search(r"required|missing", self.text, re.IGNORECASE):
            return None
        return self.parameter(names)

    @property
    def refuses_system(self) -> bool:
        """Whether it is about messages of the role `system`."""
        words = " ".join((*self.about, self.text))
        return bool(_SYSTEM.search(words)) and not re.search(r"context|too long|token", words, re.IGNORECASE)

    def parameter(self, sent: Iterable[str]) -> str | None:
        """The parameter among those sent that the reason is about: one that it gives apart, else the first named."""
        names = list(sent)
        for part in self.about:
            if name := next((n for n in names if re.fullmatch(rf"(\w+\.)*{n}", part.replace("$.", ""))), None):
                return name
        for text in (" ".join(self.about), self.text):
            found = [(match.start(), -len(name), name) for name in names if (match := _named(name).search(text))]
            if found:
                return min(found)[2]
        return None


def _named(name: str) -> re.Pattern[str]:
    words = _ALIASES.get(name) or re.escape(name)
    return re.compile(rf"(?<![\w\\-])(?:{words})(?![\w-])", re.IGNORECASE)


def reason(answer: str) -> Reason:
    """The reason in the body of an answer: JSON, HTML or text."""
    body = _json(answer)
    if body is None:
        plain = re.sub(r"<(style|script|head)\b.*?</\1>|<[^>]+>", " ", answer, flags=re.DOTALL | re.IGNORECASE)
        return Reason(" ".join(plain.split()), (), None)
    return reason_of(body)


def reason_of(body: Any) -> Reason:
    """The reason in a decoded answer."""
    texts, about, codes = [], [], []
    for key, value in _leaves(body):
        if isinstance(value, str) and key.startswith("errors."):  # of a parameter, by its name
            about.append(key.removeprefix("errors."))
            texts.append(f"{about[-1]}: {value}")
        elif isinstance(value, str) and key.lower() in _TEXTS:
            texts.append(" ".join(value.split()))
        elif isinstance(value, str):
            about.append(value)
        if key in _NUMBERS and (code := _status(value)):
            codes.append(code)
    unique = [t for i, t in enumerate(texts) if t and not any(t in other for other in texts[:i])]
    if not unique:
        unique = about or [json.dumps(body)[:500]]
    return Reason(": ".join(unique), tuple(about), codes[0] if codes else None)


def _leaves(body: Any) -> Iterator[tuple[str, Any]]:
    """Keys and single values of an answer, the outermost first; JSON in strings is decoded."""
    level: list[tuple[str, Any]] = [("error", body)]
    for _ in range(_DEEPEST):
        below: list[tuple[str, Any]] = []
        for key, value in level[:_MOST]:
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and (inner := _json(value)) is not None:
                value = inner
            if isinstance(value, dict) and isinstance(value.get("loc"), list) and isinstance(value.get("msg"), str):
                value = value | {"msg": f"{'.'.join(map(str, value['loc']))}: {value['msg']}"}  # of FastAPI
            if isinstance(value, dict) and key == "errors" and not {"message", "msg", "detail"} & set(value):
                below += [(k if k.lower() in _TEXTS | _NAMED else f"errors.{k}", v) for k, v in value.items()]
            elif isinstance(value, dict):
                below += [(str(k), v) for k, v in value.items()]
            elif isinstance(value, list):
                below += [(key, v) for v in value]
            elif value is not None:
                yield key, value
        level = below


def _json(text: str) -> Any:
    """A JSON object or list, else None."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _status(value: Any) -> int | None:
    """400 to 599 from a number, a numeric string, or a longer code that begins with it, such as 40303."""
    digits = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[45]\d\d(\d\d)?", digits):
        return None
    return int(digits[:3])
