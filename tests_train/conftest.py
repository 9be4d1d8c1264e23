"""Everything a trainer needs, made here: a tokenizer, a random model, exports of the real slices. No network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # models are so small that threads only wait for one another
# ^ before anything imports transformers: it reads them once

import pytest

from ledger import Ledger

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "toolset"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content %}{{ message.content }}{% endif %}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments | tojson }}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML with tool calls; a call's arguments are an object, as current templates want them."""


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's witness files, ledger and name."""
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(tmp_path_factory.mktemp("witness")))
    monkeypatch.delenv("LEDGER_PATH", raising=False)
    monkeypatch.setenv("LEDGER_ACTOR", "tester")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Yield a ledger of the poor and the enhanced slice."""
    with Ledger.init(tmp_path / "ledger.db") as made:
        made.ingest([DATA / "poor.jsonl", DATA / "enhanced.jsonl"], campaign="toolset")
        yield made


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - a class of an optional package
    """Return a small byte-level BPE tokenizer, trained on the slices."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415 - optional
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - optional

    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train(
        [str(DATA / "poor.jsonl")],
        trainers.BpeTrainer(vocab_size=800, special_tokens=special, initial_alphabet=alphabet),
    )
    padding, _, ending = special
    wrapped = PreTrainedTokenizerFast(tokenizer_object=made, pad_token=padding, eos_token=ending)
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(tmp_path_factory.mktemp("tokenizer"))
    return wrapped


@pytest.fixture(scope="session")
def model(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: ANN401 - likewise
    """Return the folder of a two-layer Llama with random weights, the same in every run."""
    import torch  # noqa: PLC0415 - optional
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415 - optional

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    folder = tmp_path_factory.mktemp("model")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
