"""Replies in the forms that models and chat windows give them."""

from __future__ import annotations

import html
import json
import time

import pytest

from eureka.designers.extraction import extract, whole_functions

CODE = '''def compute_reward(angle):
    """Less than 0 > never."""
    up = torch.exp(-(angle**2))
    return up, {"up": up}
'''
DRAFT = CODE.replace("-(", "+(")
FENCE = "```"
BLOCK = f"{FENCE}python\n{CODE}{FENCE}"
DRAFTED = f"Maybe {FENCE}python\n{DRAFT}{FENCE}\n"
STUB = "def compute_reward(angle):\n    {}\n"


def indented(text: str, by: str) -> str:
    return "".join(f"{by}{line}\n" for line in text.splitlines())


FORMS = {
    "fence behind text": f"Here it is: {BLOCK}",
    "fence without a language behind text": f"Here it is: {FENCE}\n{CODE}{FENCE}",
    "indented by tabs": indented(f"1. So:\n{BLOCK}", "\t"),
    "in a list": "- Code:\n  - " + indented(BLOCK, "    ").lstrip(),
    "quoted": "> Sure:\n>\n" + indented(BLOCK, "> ") + "\nDone.",
    "code on the fence's line": f"{FENCE}python {CODE}{FENCE}",
    "code on a bare fence's line": f"{FENCE}{CODE}{FENCE}",
    "fence behind the last line": f"{FENCE}python\n{CODE.rstrip()}{FENCE}",
    "html": f'<p>Hi</p><pre><code class="language-python">{html.escape(CODE)}</code></pre>',
    "pre alone": f"<pre>\n{html.escape(CODE)}</pre>",
    "json": json.dumps({"thought": "x", "code": CODE}),
    "json in a fence": f"{FENCE}json\n{json.dumps({'code': CODE})}\n{FENCE}",
    "json between words": f"weights [1, 2]. {json.dumps({'reward': {'python': BLOCK}})} Good luck!",
    "json with raw line breaks": '{"code": "' + CODE.replace('"', '\\"') + '"}',
    "json with lines": json.dumps({"code": CODE.splitlines()}),
    "end of turn behind a fence": f"{BLOCK}<|im_end|>",
    "end of turn behind code": f"{CODE.rstrip()}<|eot_id|>",
    "end of sequence": f"{CODE.rstrip()}</s>",
    "end of sentence": f"{CODE.rstrip()}<\uff5cend\u2581of\u2581sentence\uff5c>",
    "another turn made up": f"{BLOCK}<|im_end|>\n<|im_start|>user\nBetter?\n{FENCE}python\n{DRAFT}{FENCE}",
    "indented in its fence": f"{FENCE}python\n{indented(CODE, '    ')}{FENCE}",
    "indented without a fence": indented(CODE, "    "),
    "a later stub": f"{BLOCK}\nUse:\n{FENCE}python\n{STUB.format('...')}{FENCE}",
    "a later pass": f"{BLOCK}\nUse:\n{FENCE}python\n{STUB.format('pass')}{FENCE}",
    "a later excerpt": f"{BLOCK}\nUse:\n{FENCE}python\n{STUB.format('...')}    return up, {{}}\n{FENCE}",
    "a later signature": f"{BLOCK}\n{FENCE}python\ndef compute_reward(angle) -> tuple:\n{FENCE}",
    "a later error": f"{BLOCK}\n{FENCE}python\n{STUB.format('raise NotImplementedError')}{FENCE}",
    "formulas before code": f"r = exp(-theta^2 / 0.1)\ntotal = r + 0.1 * bonus\n\n{CODE}\nIt works.",
    "think": f"<think>{DRAFTED}</think>\n{BLOCK}",
    "think begun by the prompt": f"{DRAFTED}</think>\n{BLOCK}",
    "think behind the answer": f"{BLOCK}\n<think>\n{DRAFTED}",
    "THINK": f"[THINK]{DRAFTED}[/THINK]{CODE}",
    "reasoning": f"<reasoning>{DRAFTED}</reasoning>{BLOCK}",
    "channels": f"<|channel|>analysis<|message|>{DRAFTED}<|end|><|start|>assistant<|channel|>final<|message|>{BLOCK}",
    "channels without marks": f"analysisWe need x. {DRAFTED}assistantfinal{BLOCK}",
    "text behind a fence at the end of code": f"{FENCE}python\n{CODE.rstrip()}{FENCE} is my code.",
    "text behind the last fence": f"{FENCE}python\n{CODE}{FENCE} is my code.",
    "a bold fence": f"**{FENCE}python\n{CODE}{FENCE}**",
    "no opening fence": f"python\n{CODE}{FENCE}",
    "a list behind code": f"{CODE}\n- note one\n- note two\n",
    "indented behind prose": f"Of course:\n\n{indented(CODE, '    ')}\nHope it helps.",
    "what Python prints": repr({"code": CODE}),
    "a tool's arguments": json.dumps({"name": "submit", "arguments": json.dumps({"code": CODE})}),
    "an explanation with the name": json.dumps({"explanation": "def compute_reward(angle) is below", "code": CODE}),
    "two objects": f"{json.dumps({'code': DRAFT})}\n{json.dumps({'code': CODE})}",
    "escaped in its fence": f"{FENCE}python\n{html.escape(CODE)}{FENCE}",
    "a later excerpt with unknown names": f"{BLOCK}\n{FENCE}python\n{STUB.format('return total, parts')}{FENCE}",
    "a tag in a sentence": f"{BLOCK}\nNo </think> tag is needed.",
    "a tag in backticks": f"{BLOCK}\nAll thoughts end with `</think>`.",
    "an unusual tag": f"<thinking about it> ok\n\n{BLOCK}",
    "a heading like a tag": f"<analysis>\nThe pole...\n\n{BLOCK}",
    "the word analysis first": f"analysis of angle\n{BLOCK}\nThis is what the assistant finalised.",
    "an instruction's mark in prose": f"1. [INST] is a token.\n{BLOCK}",
    "a channel's mark in prose": f"{BLOCK}\nsee <|channel|>final<|message|> format",
    "an empty last channel": f"<|channel|>final<|message|>{BLOCK}<|end|><|start|>assistant<|channel|>final<|message|>",
    "spaces that do not break": f"{FENCE}python\n{CODE.replace('    ', chr(160) * 4)}{FENCE}",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_code_is_found_in_this_form(form: str):
    found = extract(FORMS[form])
    assert found.failed is None and found.code is not None and found.code.strip() == CODE.strip()


@pytest.mark.parametrize(
    "form, note",
    [
        ("a later stub", "code block 1 of 2 was chosen: a later one is a stub"),
        ("a later signature", "code block 1 of 2 was chosen: a later one is not valid Python"),
        ("json", "the code was in a JSON object"),
        ("html", "the code was in an HTML element"),
        ("indented in its fence", "indentation of the whole code was removed"),
        ("formulas before code", "text around the code was removed"),
        ("think", "reasoning before the answer was left out"),
        ("another turn made up", "text after the end of the answer was left out"),
    ],
)
def test_what_was_chosen_is_in_the_notes(form: str, note: str):
    assert note in extract(FORMS[form]).notes


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>{DRAFTED}",
        f"<think>{DRAFTED}</think>\n",
        f"{DRAFTED}</think>",
        f"<|channel|>analysis<|message|>{DRAFTED}",
        f"analysis<|message|>{DRAFTED}<|end|>",
        f"analysisWe need code. {DRAFTED}",
        f"<|channel|>analysis<|message|>{DRAFTED}<|end|><|start|>assistant<|channel|>commentary<|message|>ok<|end|>",
    ],
)
def test_a_draft_in_reasoning_is_never_the_answer(reply: str):
    found = extract(reply)
    assert found.code is None and found.failed is not None
    assert found.failed.message == "the reply has only reasoning and no answer"


def test_a_constant_before_bare_code_stays_and_imports_too():
    code = f"import torch\nSCALE = 2.0\n\n{CODE.replace('up = ', 'up = SCALE * ')}"
    assert (extract(f"I choose:\n\n{code}\nDone.").code or "").strip() == code.strip()
    assert (extract(f"{FENCE}python import torch\n{CODE}{FENCE}").code or "") == f"import torch\n{CODE}"


def test_a_name_that_the_function_needs_is_not_cut_away_with_a_syntax_error():
    broken = f"SCALE = = 2\n{CODE.replace('up = ', 'up = SCALE * ')}"
    failed = extract(broken).failed
    assert failed is not None and "not valid Python" in failed.message and failed.line == 1


@pytest.mark.parametrize(
    "line",
    [
        "# <think> of the angle",
        "# </analysis>",
        "# closes with </thinking>",
        "# [INST] x",
        "# bonus if <|angle|>0.1",
        f"# see {FENCE}",
        's = "<|im_start|>user"',
        's = "</s>"',
        f'"""Like\n    {FENCE}python\n    x\n    {FENCE}\n    """',
        '"""Of\n    <analysis> the angle\n    """',
        "limit = (angle\n  > 0)",
        "if angle.dim() > 9:\n        ...",
    ],
)
def test_marks_within_code_change_nothing(line: str):
    code = f"def compute_reward(angle):\n    {line}\n    return angle, {{}}\n"
    found = extract(f"> I use `def compute_reward`\n\n{FENCE}python\n{code}{FENCE}\nDone.")
    assert found.code == code and found.notes == ()


def test_an_unknown_finish_reason_is_in_the_notes():
    found = extract(BLOCK, "strange")
    assert found.code == CODE and "the server gave the finish reason 'strange'" in found.notes


def test_several_functions_of_one_reply_are_told_apart_with_what_they_share():
    other = CODE.replace("**2", "**4")
    reply = f"Two:\n{FENCE}python\nK = 2.0\n{FENCE}\nA\n{BLOCK}\nB\n{FENCE}python\n{other}{FENCE}\n"
    first, second = whole_functions(reply)
    assert CODE in (extract(first).code or "") or extract(first).code == CODE
    assert extract(second).code == other and "K = 2.0" in first and "K = 2.0" in second
    assert whole_functions(BLOCK) == [BLOCK] and whole_functions(FORMS["a later stub"]) == [FORMS["a later stub"]]


@pytest.mark.parametrize(
    "hostile",
    [
        "<think>" * 20_000,
        "[THINK]" * 20_000 + "[/THINK]" * 20_000,
        "`" * 100_000,
        "<pre>" * 20_000 + "def compute_reward",
        "[{" * 50_000,
        "> " * 50_000 + FENCE,
        " " * 100_000 + FENCE,
        "analysis" + " assistant" * 10_000,
        "x = y\n" * 8000 + "def compute_reward(a:\n    return a, {}\n",
        "".join(f"{FENCE}\nimport a{i}\ndef compute_reward(a:\n{FENCE}\n" for i in range(2000)),
        "x = 1\n" * 2000 + "def compute_reward(a:\n    y",
        "def compute_reward(a):\n" * 3000,
    ],
)  # fmt: skip
def test_no_reply_takes_long(hostile: str):
    begun = time.monotonic()
    assert extract(hostile).failed is not None
    assert time.monotonic() - begun < 10
