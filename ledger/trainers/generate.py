"""What a model answers: greedily, so that the same model gives the same answer to the same prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ledger.errors import ModelUnreadable
from ledger.trainers.environment import imported, quiet
from ledger.trainers.trl_backend import load_tokenizer, refusing

BATCH = 8
"""Prompts that are answered at once."""


class Prompt(NamedTuple):
    """What a model is asked: messages or a text, and the tools that are offered."""

    said: Sequence[Mapping[str, Any]] | str
    tools: Sequence[Any] | None = None


def answers(
    model: Path, prompts: Sequence[Prompt], most_tokens: int, on_step: Callable[[str, int, int], None]
) -> list[str]:
    """Return what the model in a folder answers to each prompt, at most so many tokens; raise ModelUnreadable."""
    with quiet(), refusing(ModelUnreadable, model):
        tokenizer = load_tokenizer(model)
        tokenizer.padding_side = "left"
        loaded = _load(model)
        found: list[str] = []
        for start in range(0, len(prompts), BATCH):
            found += _batch(loaded, tokenizer, prompts[start : start + BATCH], most_tokens)
            on_step(f"asking {model.name}", len(found), len(prompts))
    return found


def _load(model: Path) -> Any:  # noqa: ANN401 - a model
    torch = imported("torch")
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu and torch.cuda.is_bf16_supported() else torch.float32
    if (model / "adapter_config.json").is_file():
        made = imported("peft").AutoPeftModelForCausalLM.from_pretrained(str(model), dtype=dtype)
    else:
        made = imported("transformers").AutoModelForCausalLM.from_pretrained(str(model), dtype=dtype)
    return made.to("cuda" if gpu else "cpu").eval()


def _batch(model: Any, tokenizer: Any, prompts: Sequence[Prompt], most_tokens: int) -> list[str]:  # noqa: ANN401 - likewise
    torch = imported("torch")
    texts = [_text(tokenizer, prompt) for prompt in prompts]
    given = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
    given.pop("token_type_ids", None)
    with torch.inference_mode():
        out = model.generate(**given, max_new_tokens=most_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    begins = given["input_ids"].shape[1]
    return [str(text) for text in tokenizer.batch_decode(out[:, begins:], skip_special_tokens=True)]


def _text(tokenizer: Any, prompt: Prompt) -> str:  # noqa: ANN401 - likewise
    if isinstance(prompt.said, str):
        return prompt.said
    return str(
        tokenizer.apply_chat_template(list(prompt.said), tools=prompt.tools, tokenize=False, add_generation_prompt=True)
    )
