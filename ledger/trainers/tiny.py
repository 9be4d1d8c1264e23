"""A tiny model with random weights, and a tokenizer of the rows that it is to learn: enough to try a trainer with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ledger.trainers.content import rows_of
from ledger.trainers.environment import imported, quiet

WORDS = 2_000
"""Tokens of its vocabulary."""
_LINES = 5_000
_HIDDEN, _LAYERS, _HEADS = 64, 2, 4
_LONGEST = 4096
_SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>")
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content %}{{ message.content }}{% endif %}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }} "
    "{{ call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, with tool calls as a name and their arguments."""


def make_tiny(rows: Path, folder: Path) -> Path:
    """Write a two-layer Llama with random weights, the same each time, and a byte-level BPE of the rows' own words."""
    with quiet():
        return _made(rows, folder)


def _made(rows: Path, folder: Path) -> Path:
    tokenizers, transformers, torch = (imported(name) for name in ("tokenizers", "transformers", "torch"))
    padding, _, ending = _SPECIAL
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=WORDS, special_tokens=list(_SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(_texts(rows), trainer)
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token=padding, eos_token=ending)
    wrapped.chat_template = _TEMPLATE
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(wrapped),
        hidden_size=_HIDDEN,
        intermediate_size=2 * _HIDDEN,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        max_position_embeddings=_LONGEST,
        pad_token_id=wrapped.pad_token_id,
        eos_token_id=wrapped.eos_token_id,
        bos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder


def _texts(rows: Path) -> Iterator[str]:
    container = "parquet" if rows.suffix == ".parquet" else "jsonl"
    return (text for row in islice(rows_of(rows, container), _LINES) for text in _words(row))


def _words(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the texts of a row, its keys too: tool calls are written with theirs."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
