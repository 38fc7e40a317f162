import pytest

from eureka.designers.extraction import code_blocks, extract

CODE = "def compute_reward(a):\n    return a, {}\n"


def test_the_block_that_defines_the_function_is_taken():
    reply = f"Some thoughts.\n\n```python\n{CODE}```\nThat is all."
    found = extract(reply)
    assert found.code == CODE and found.failed is None and found.notes == ()


def test_the_last_of_several_such_blocks_counts_and_the_rest_is_said():
    other = CODE.replace("return a", "return -a")
    found = extract(f"```python\n{CODE}```\nBetter:\n```python\n{other}```\n```bash\nls\n```\n")
    assert found.code == other and found.notes == ("ignored 2 other code blocks",)


def test_helpers_imports_and_constants_stay():
    code = f"import math\nK = 2.0\ndef helper(x):\n    return x * K\n{CODE}"
    assert extract(f"```py\n{code}```").code == code


def test_code_without_a_fence_is_code():
    assert extract(CODE).code == CODE


def test_an_unclosed_fence_runs_to_the_end():
    assert extract(f"Here:\n```python\n{CODE}").code == CODE


def test_other_fences_and_indented_ones_are_seen():
    assert code_blocks("~~~\na\n~~~\n  ```\n  b\n  ```") == ["a\n", "b\n"]
    assert code_blocks("no code") == []


@pytest.mark.parametrize(
    "reply, stage, message, line",
    [
        ("I cannot help with that.", "extract", "no code block", None),
        (
            "```python\ndef reward(a):\n    return a\n```",
            "extract",
            "defines reward but no function compute_reward",
            None,
        ),
        ("```python\ndef compute_reward(a)\n    return a\n```", "compile", "not valid Python", 1),
        ("```python\nclass X:\n    def compute_reward(a):\n        return a\n```", "extract", "at the top level", None),
        ("```python\ndef compute_reward(a):\n    x = '\0'\n```", "compile", "not valid Python", None),
    ],
)
def test_a_reply_without_usable_code_is_told_why(reply: str, stage: str, message: str, line: int | None):
    failed = extract(reply).failed
    assert failed is not None and failed.stage == stage and message in failed.message and failed.line == line


@pytest.mark.parametrize(
    "deep", ["-" * 100_000 + "1", "a" + ".b" * 100_000, "1" + "+1" * 100_000, "lambda:" * 5000 + "1"]
)
def test_code_nested_beyond_the_parser_is_a_failure(deep: str):
    found = extract(f"```python\nx = {deep}\n{CODE}```")
    assert found.failed is not None and found.failed.stage == "compile"
    assert "nested" in found.failed.message


def test_prose_around_the_code_in_its_block_is_left_out():
    found = extract(f"```python\nHere is the function you wanted:\n\n{CODE}\nI hope this helps, it isn't tested.\n```")
    assert found.failed is None and found.code == CODE
    assert found.notes == ("text around the code was removed",)


def test_a_syntax_error_within_the_function_is_never_cut_away():
    broken = "def compute_reward(a):\n    b = a +\n    return b, {}\n"
    found = extract(f"```python\n{broken}```")
    assert found.failed is not None and found.failed.line == 2
    tail = extract("```python\ndef compute_reward(a):\n    r = a\nif r > 0 return r\n    return r, {}\n```")
    assert tail.failed is not None


def test_helpers_in_a_block_of_their_own_are_put_before_the_function():
    reply = (
        "First a constant:\n```python\nSCALE = 2.0\n```\nthen a helper:\n```python\ndef shaped(x):\n"
        "    return SCALE * x\n```\nand a plot:\n```python\nimport matplotlib\n```\nand the reward:\n"
        "```python\ndef compute_reward(a):\n    return shaped(a), {}\n```\n"
    )
    found = extract(reply)
    assert found.code is not None and found.failed is None
    names = {}
    exec(found.code, names)
    assert names["compute_reward"](3.0)[0] == 6.0 and "matplotlib" not in found.code
    assert found.notes == ("ignored 1 other code block", "combined 3 code blocks")


@pytest.mark.parametrize(
    "finish, text, expected",
    [
        ("length", f"```python\n{CODE}", "cut off"),
        ("refusal", "I cannot help with that.", "the model refused to answer: I cannot help"),
        ("content_filter", "", "content filter"),
        ("stop", "  \n", "the reply is empty"),
        ("skipped", "", "no reply was given"),
    ],
)
def test_a_reply_that_is_no_answer_is_a_failure_of_its_own_kind(finish: str, text: str, expected: str):
    found = extract(text, finish)
    assert found.code is None and found.failed is not None
    assert found.failed.stage == "reply" and expected in found.failed.message


def test_the_nearest_definition_before_the_function_counts():
    blocks = ["K = 1.0", "K = 2.0", "def compute_reward(a):\n    return a * K, {}", "K = 99.0"]
    found = extract("\n".join(f"text\n```python\n{b}\n```" for b in blocks))
    names = {}
    exec(found.code or "", names)
    assert names["K"] == 2.0


def test_indented_fences_marks_at_the_beginning_and_other_line_ends_are_understood():
    indented = "- so:\n   ```python\n" + "".join(f"   {line}\n" for line in CODE.splitlines()) + "   ```\n"
    assert extract(indented).code == CODE
    assert extract("\ufeff```python\n" + CODE + "```").code == CODE
    assert extract(f"```python\n{CODE}```".replace("\n", "\r\n")).code == CODE
    assert extract("```python\ns = 'a\x0cb'\n" + CODE + "```").failed is None


def test_a_fence_left_open_in_a_draft_does_not_swallow_the_answer():
    assert extract(f"<think>\n```python\ndef compute_reward(a\n</think>\n```python\n{CODE}```").code == CODE


def test_a_longer_fence_holds_shorter_ones():
    code = 'def compute_reward(a):\n    """Like\n    ```\n    this.\n    ```\n    """\n    return a, {}\n'
    assert extract(f"````python\n{code}````\n").code == code
