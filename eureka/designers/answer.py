"""The answer in a model's reply: without reasoning, special tokens and quotation, and out of JSON or HTML."""

from __future__ import annotations

import ast
import contextlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any

_THINK, _OTHERS = r"(?:seed:)?think(?:ing)?", r"thoughts?|reasoning|reflection|analysis|scratchpad"
_REASONING = (
    (rf"<{_THINK}>", rf"</{_THINK}>", True),
    (r"\[THINK\]", r"\[/THINK\]", True),
    (r"◁think▷", r"◁/think▷", True),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>", True),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>", True),
    (r"<\|channel>\s*thought", r"<channel\|>", True),
    (rf"<(?:{_OTHERS})>", rf"</(?:{_OTHERS})>", False),
)
"""Begin and end of a model's reasoning, and whether one of them alone is a mark too."""
_CHANNEL = re.compile(r"<\|channel\|>(?P<name>[^<]*)(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNELS_BEGIN = re.compile(r"\s*(<\||(analysis|commentary)<\|message\|>)")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_BARE_CHANNEL = re.compile(r"\s*analysis(?=[A-Z])")  # Where a server removed special tokens
_NEXT_TURN = re.compile(
    r"(?:^|>)[ \t]*(?:<\|im_start\|>\s*(?:user|system)|<start_of_turn>\s*user|<\|start_header_id\|>\s*user|"
    r"<[|\uff5c]User[|\uff5c]>|\[INST\])",
    re.MULTILINE,
)
_TOKENS = (
    r"(?:<[|\uff5c](?:im_|eot|eom|end|begin|start|return|call|eos|bos|pad|user|assistant|system)[\w\u2581 ]*[|\uff5c]>|"
    r"</?s>|<(?:end|start)_of_turn>|<(?:eos|bos)>|\[/INST\]|<turn\|>|<\|turn>)"
)
_TOKENS_AROUND = re.compile(rf"^[ \t]*{_TOKENS}+|{_TOKENS}+[ \t]*$", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]{0,3}(?:>(?!>>)[ ]?)+", re.MULTILINE)
_PYTHON = r"(?:python|py)\d?"
_CODE_ON_FENCE = re.compile(rf"(?<!`)(`{{3,}}+)[ \t]*+(?:{_PYTHON})?[ \t]*+(?=(?:def|import|from|class)\b|@\w|#)")
_MOST_OBJECTS = 20  # Places in a reply where a JSON object is looked for


def answer_of(reply: str, wanted: str) -> tuple[str, tuple[str, ...]]:
    """The text of a reply that counts, and notes on what was left out.

    Args:
        reply: the designer's text.
        wanted: words that the answer contains.
    """
    text = re.sub("[\u200b\ufeff]", "", reply).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    answer = _outside_reasoning(text, wanted)
    notes = ("reasoning before the answer was left out",) if answer != text else ()
    if (turn := _NEXT_TURN.search(answer)) and wanted in answer[: turn.start()]:
        answer = answer[: turn.start() + 1].rstrip()
        notes += ("text after the end of the answer was left out",)
    return _TOKENS_AROUND.sub("", answer), notes


def _outside_reasoning(text: str, wanted: str) -> str:
    if _CHANNELS_BEGIN.match(text) and "<|message|>" in text:
        parts = [text[channel.end() :] for channel in _CHANNEL.finditer(text) if channel["name"].strip() == "final"]
        parts = [part[: end.start()] if (end := _CHANNEL_END.search(part)) else part for part in parts]
        parts = [part for part in parts if wanted in part] or [part for part in parts if part.strip()]
        text = parts[-1] if parts else ""
    elif _BARE_CHANNEL.match(text):
        text = text.partition("assistantfinal")[2]
    for begin, end, alone in _REASONING:
        text = _without(text, re.compile(f"({begin})|({end})", re.IGNORECASE), alone)
    return text


def _without(text: str, marks: re.Pattern[str], alone: bool) -> str:
    """The text outside of pairs of marks, of which the first group is the beginning.

    With `alone`, an end without a beginning counts at the start or end of a line, since the prompt may have begun it,
    and a beginning without an end at the start of a line.
    """
    kept: list[str] = []
    at, begun = 0, -1
    for mark in marks.finditer(text):
        line = text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()]
        if "#" in line or line[-1:] in ("`", '"', "'"):  # quoted, or in a comment of code
            continue
        ends_line = text[mark.end() : mark.end() + 1] in ("", "\n")
        if mark[1] is None and begun >= 0:
            at, begun = mark.end(), -1
        elif mark[1] is None and alone and (not line.strip() or ends_line):
            kept, at = [], mark.end()
        elif mark[1] is not None and begun < 0:
            kept.append(text[at : mark.start()])
            begun = mark.start()
    if begun < 0:
        kept.append(text[at:])
    elif not alone or text[text.rfind("\n", 0, begun) + 1 : begun].strip():
        kept.append(text[begun:])
    return "".join(kept)


def fenced(text: str) -> list[str]:
    """The contents of all code fences of a text; an unclosed last fence extends to the end."""
    blocks: list[list[str]] = []
    fence, indent = "", 0
    for line in _CODE_ON_FENCE.sub(r"\1python\n", text).split("\n"):
        before, mark, info = _parts_of(line)
        content = before.strip()
        if mark and fence and (_in_string(blocks[-1]) or (content and ("#" in before or before.count('"""') % 2))):
            mark = ""
        if not mark:
            if fence:
                blocks[-1].append(line[indent:] if not line[:indent].strip() else line)
        elif not fence or (info and not content and re.fullmatch(r"[\w+#.{}=-]+", info)):
            if content and info and not re.fullmatch(_PYTHON, info):
                continue  # words about a fence
            fence, indent = mark, 0 if content else len(before)
            blocks.append([])
        elif mark.startswith(fence):
            if content:
                blocks[-1].append(before)
            fence = ""
        else:
            blocks[-1].append(line)
    return ["\n".join(block).rstrip("\n") + "\n" for block in blocks]


def _parts_of(line: str) -> tuple[str, str, str]:
    """What stands before a fence in a line, the fence, and its info string; no fence if there are other backticks."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return line, "", ""
    return re.sub(r"\*\*$", "", found["before"]), found["fence"], found["info"].strip().strip("*")


_FENCE = re.compile(r"(?P<before>[^`~]*+)(?P<fence>`{3,}+|~{3,}+)(?P<info>[^`]*+)")


def _in_string(lines: list[str]) -> bool:
    """Whether a line behind these is within a string of several lines."""
    text = "\n".join(lines)
    return any(text.count(quotes) % 2 for quotes in ('"""', "'''"))


def unquoted(text: str) -> str:
    """The text without the marks of a quotation."""
    return _QUOTED.sub("", text)


def from_json(text: str, wanted: str) -> list[str]:
    """The strings with `wanted` in the JSON objects of the text, or in what Python prints of a dictionary."""
    decoder = json.JSONDecoder(strict=False)
    found: list[str] = []
    behind = 0
    places = [m.start() for m in re.finditer(r"[{\[]", text)]
    first = [place for place in places if place < text.find(wanted)]
    for place in (*first[:_MOST_OBJECTS], *first[-_MOST_OBJECTS:], *places[len(first) :][:_MOST_OBJECTS]):
        if place < behind:
            continue
        try:
            value, behind = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        found += [code for code in _strings(value) if wanted in code]
    if not found and text.strip()[:1] == "{":
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = [code for code in _strings(ast.literal_eval(text.strip())) if wanted in code]
    return found


def from_html(text: str, wanted: str) -> list[str]:
    """The contents with `wanted` of the HTML elements for code."""
    found: list[str] = []
    at = text.find(wanted)
    while at >= 0 and len(found) < _MOST_OBJECTS:
        begins = list(re.finditer(r"<(?:pre|code)\b[^<>]*>", text[:at], re.IGNORECASE))
        end = re.compile(r"</(?:pre|code)\s*>", re.IGNORECASE).search(text, at)
        if not begins or end is None:
            break
        plain = re.sub(r"</?(?:span|code|b|i|br)\b[^<>]*>", "", text[begins[-1].end() : end.start()])
        found.append(html.unescape(plain).strip("\n") + "\n")
        at = text.find(wanted, end.end())
    return found


def _strings(value: Any) -> Iterator[str]:
    below = [value]
    while below:
        one = below.pop(0)
        if isinstance(one, str):
            inner = None
            if one.lstrip()[:1] in ("{", "["):
                with contextlib.suppress(ValueError, RecursionError):
                    inner = json.loads(one, strict=False)
            if isinstance(inner, dict | list):
                below.append(inner)
            else:
                yield one
        elif isinstance(one, dict):
            below += one.values()
        elif isinstance(one, list):
            below += ["\n".join(one)] if one and all(isinstance(line, str) for line in one) else one


def outdented(block: str) -> str:
    """The block without the indentation of its first line, which lines within strings may lack."""
    first = next((line for line in block.split("\n") if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" \t"))]
    return "\n".join(line.removeprefix(indent) for line in block.split("\n")) if indent else block
