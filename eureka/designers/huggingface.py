"""Local language models with transformers: any causal chat model from a folder, a GGUF file or the Hub."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eureka.designers.base import DesignerContext, Request
from eureka.designers.prompts import Messages, folded
from eureka.errors import UserError
from eureka.runs.candidate import Known
from eureka.runs.replies import Answer, Reply
from eureka.system.seeds import derive

INSTALL = "run pip install -e '.[local]' in the checkout"


class HuggingFaceDesigner:
    """Samples all replies to a prompt as one batch."""

    def __init__(self, name: str, around: DesignerContext):
        """Load a model from a folder, a .gguf file, or the Hugging Face Hub.

        Raises:
            UserError: transformers is not installed, or the model cannot be loaded.
        """
        try:
            import torch
            import transformers
        except ImportError as missing:
            raise UserError(f"--llm transformers needs the package {missing.name}: {INSTALL}") from None
        self._torch, self._transformers = torch, transformers
        transformers.logging.set_verbosity_error()
        self._asking, self._seed, self._ledger = around.settings.asking, around.settings.seed, around.budget
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer, self._model = _load(name)
        self._model = self._model.to(self._device).eval()
        self._called = Path(name).name if Path(name).exists() else name  # paths are long
        self.name = f"{self._called} in this process on {self._device}"

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for request in requests:
            yield self._answer(request)

    def verdict(self, generation: int, slot: int, attempt: int) -> Known | None:
        return None

    def _answer(self, request: Request) -> Answer:
        begun = time.monotonic()
        inputs = self._encoded(request.messages)
        length, count = inputs["input_ids"].shape[1], len(request.slots)
        most = min(self._asking.reply_tokens, self._context() - length)
        if most < 1:
            raise UserError(f"the prompt has {length} tokens; {self._called} accepts at most {self._context()}")
        hold = self._ledger.reserve(length, count * most)
        try:
            # `generate` uses torch's global generator: one seed per batch, derived from the first slot's address.
            seed = derive(self._seed, "model", request.generation, request.slots[0], request.attempt) % 2**31
            self._transformers.set_seed(seed)
            hot = {"do_sample": True, "temperature": self._asking.temperature} if self._asking.temperature else {}
            with self._torch.inference_mode():
                out = self._model.generate(
                    **inputs,
                    **(hot or {"do_sample": False}),
                    num_return_sequences=count if hot else 1,
                    max_new_tokens=most,
                    pad_token_id=self._ends()[0],
                )
        finally:
            self._ledger.release(hold)
        rows = [row.tolist() for row in out[:, length:]]
        rows = rows if hot else rows * count
        replies, completion = [], 0
        for slot, row in zip(request.slots, rows, strict=True):
            end = next((i for i, token in enumerate(row) if token in self._ends()), None)
            completion += len(row) if end is None else end + 1
            text = self._tokenizer.decode(row[:end], skip_special_tokens=True)
            replies.append(Reply(slot=slot, text=text, finish="length" if end is None else "stop"))
        answer = Answer(
            replies=tuple(replies),
            model=self._called,
            source=f"seed {seed}",
            called=True,
            prompt_tokens=length,
            cached_tokens=0,
            completion_tokens=completion,
            usd=0.0,
            seconds=round(time.monotonic() - begun, 3),
        )
        self._ledger.count(answer)
        return answer

    def _encoded(self, messages: Messages) -> Any:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        if not self._tokenizer.chat_template:
            text = "\n\n".join(f"{t['role']}: {t['content']}" for t in turns) + "\n\nassistant:"
            return self._tokenizer(text, return_tensors="pt").to(self._device)
        options = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}
        try:
            encoded = self._tokenizer.apply_chat_template(turns, **options)
        except Exception:  # templates raise arbitrary errors if they do not support the system role
            turns = [{"role": m.role, "content": m.content} for m in folded(messages)]
            encoded = self._tokenizer.apply_chat_template(turns, **options)
        return encoded.to(self._device)

    def _context(self) -> int:
        """Context length in tokens."""
        return int(getattr(self._model.config, "max_position_embeddings", None) or 1 << 20)

    def _ends(self) -> list[int]:
        ends = self._model.generation_config.eos_token_id
        if ends is None:
            ends = self._tokenizer.eos_token_id
        return ends if isinstance(ends, list) else [0 if ends is None else ends]


def _load(name: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = Path(name)
    where, options = name, {}
    if path.suffix == ".gguf":
        where, options = str(path.parent), {"gguf_file": path.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        return tokenizer, AutoModelForCausalLM.from_pretrained(where, dtype="auto", **options)
    except Exception as error:  # truncated file, invalid configuration, missing package, ...
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot load the model {name!r}: {first[:200]}; give a folder, a .gguf file or a name on the Hub"
        ) from None
