import pytest

from eureka.extract import extract, fenced

CODE = "def compute_reward(a):\n    return a, {}\n"


def test_the_block_that_defines_the_function_is_taken():
    reply = f"Some thoughts.\n\n```python\n{CODE}```\nThat is all."
    found = extract(reply)
    assert found.code == CODE and found.failed is None and found.ignored == 0


def test_the_last_of_several_such_blocks_counts_and_the_rest_is_said():
    other = CODE.replace("return a", "return -a")
    found = extract(f"```python\n{CODE}```\nBetter:\n```python\n{other}```\n```bash\nls\n```\n")
    assert found.code == other and found.ignored == 2


def test_helpers_imports_and_constants_stay():
    code = f"import math\nK = 2.0\ndef helper(x):\n    return x * K\n{CODE}"
    assert extract(f"```py\n{code}```").code == code


def test_code_without_a_fence_is_code():
    assert extract(CODE).code == CODE


def test_an_unclosed_fence_runs_to_the_end():
    assert extract(f"Here:\n```python\n{CODE}").code == CODE


def test_other_fences_and_indented_ones_are_seen():
    assert fenced("~~~\na\n~~~\n  ```\n  b\n  ```") == ["a\n", "  b\n"]
    assert fenced("no code") == []


@pytest.mark.parametrize(
    "reply, stage, message, line",
    [
        ("I cannot help with that.", "extract", "no code block", None),
        ("", "extract", "no code block", None),
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
