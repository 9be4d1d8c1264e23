"""Lengths: the estimate, tokenizers as files, and everything that can be wrong with those. TRL's: tests_train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, TokenizerUnreadable
from ledger.exporters import tokenizer_files
from ledger.exporters.lengths import ESTIMATE, Prompt, Ruler, Sides, load_tokenizer

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = ("<|im_start|>", "<|im_end|>", "user", "assistant", "hello", "you", "[UNK]")
ASKED = json.dumps([{"role": "user", "content": "hello you"}])
SAID = json.dumps([{"role": "assistant", "content": "hello"}])


def tokenizer(folder: Path, template: object = CHATML, **config: object) -> Path:
    """Write a tokenizer of whole words into a folder."""
    folder.mkdir(exist_ok=True)
    added = [
        {"id": number, "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        | {"special": True}
        for number, word in enumerate(WORDS[:2])
    ]
    value = {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: n for n, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(value))
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_the_estimate_says_its_rule_and_keeps_it() -> None:
    """Bytes by three, rounded up, and what messages, templates and tools add; the sentence names the numbers."""
    rule = ESTIMATE.identity["rule"]
    assert [number for number in ("3 bytes", "8 for", "40 for", "200 where") if number not in rule] == []
    assert ESTIMATE.identity["by"] == "estimate"
    assert ESTIMATE.prompt_tokens(json.dumps("ab\u00e9"), None, "standard") == 2
    assert ESTIMATE.prompt_tokens(ASKED, None, "conversational") == -(-len("userhello you") // 3) + 8 + 40
    more = ESTIMATE.prompt_tokens(ASKED, "[]", "conversational") - ESTIMATE.prompt_tokens(ASKED, None, "conversational")
    assert more in {200, 201}


@given(st.text(), st.sampled_from(("conversational", "standard")))
def test_anything_can_be_estimated(text: str, form: str) -> None:
    """Whatever the JSON text, also where it is none, there is a number, and adding text never lowers it."""
    said = json.dumps([{"role": "user", "content": text}]) if form == "conversational" else json.dumps(text)
    longer = (
        json.dumps([{"role": "user", "content": text + "x"}]) if form == "conversational" else json.dumps(text + "x")
    )
    assert 0 <= ESTIMATE.prompt_tokens(said, None, form) <= ESTIMATE.prompt_tokens(longer, None, form)
    assert ESTIMATE.prompt_tokens(text, text, form) >= 0


def test_the_estimate_is_rather_long(data: Path, tmp_path: Path) -> None:
    """On the real slices, an 8,000-token vocabulary of their own seldom needs more tokens than estimated."""
    made = trained(tmp_path / "bpe", [data / "poor.jsonl", data / "enhanced.jsonl"])
    lines = [*(data / "poor.jsonl").read_bytes().splitlines(), *(data / "enhanced.jsonl").read_bytes().splitlines()]
    prompts: list[Prompt] = [(json.dumps(json.loads(line)["conversations"]), None, "conversational") for line in lines]
    pairs = list(zip(made.prompt_tokens_many(prompts), ESTIMATE.prompt_tokens_many(prompts), strict=True))
    assert sum(guess < count for count, guess in pairs) <= 0.05 * len(pairs)
    assert sum(guess for _, guess in pairs) < 2 * sum(count for count, _ in pairs)


def trained(folder: Path, files: list[Path]) -> Ruler:
    """Return a byte-level tokenizer trained on files."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: PLC0415 - optional

    folder.mkdir()
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train(
        [str(file) for file in files],
        trainers.BpeTrainer(vocab_size=8000, initial_alphabet=alphabet, show_progress=False),
    )
    made.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(CHATML)
    return load_tokenizer(folder)


def test_a_conversation_goes_through_its_template(tmp_path: Path) -> None:
    """The generation prompt counts, cutting that the file asks for does not happen, and many are as each alone."""
    ruler = load_tokenizer(tokenizer(tmp_path / "t"))
    assert ruler.prompt_tokens(ASKED, None, "conversational") == 7  # start user hello you end, start assistant
    assert ruler.prompt_tokens('"hello you you"', None, "standard") == 3
    many: list[Prompt] = [
        (ASKED, None, "conversational"),
        ('"hello"', None, "standard"),
        ("[]", None, "conversational"),
    ]
    assert ruler.prompt_tokens_many(many) == [ruler.prompt_tokens(*one) for one in many]
    assert ruler.prompt_tokens_many([]) == []
    rows = [Sides(ASKED, SAID, None, "conversational"), Sides('"hello"', '" you"', None, "standard")]
    assert [ruler.dropped(rows, length) for length in (1, 2, 7, 8)] == [[True] * 2, *[[True, False]] * 2, [False] * 2]


def test_the_identity_names_bytes_not_places(tmp_path: Path) -> None:
    """It holds digests and a file's name, and is the same wherever the folder stands."""
    first, second = (
        load_tokenizer(tokenizer(tmp_path / "a")),
        load_tokenizer(tokenizer(tmp_path / "b") / "tokenizer.json"),
    )
    body = (tmp_path / "a" / "tokenizer.json").read_bytes()
    assert first.identity == second.identity
    assert first.identity == {
        "by": "tokenizer",
        "name": "tokenizer.json",
        "blake3": show(blake3_bytes(body)),
        "template": show(blake3_bytes(CHATML.encode())),
    }
    assert load_tokenizer(tokenizer(tmp_path / "c", None)).identity["template"] is None
    timed = load_tokenizer(tokenizer(tmp_path / "d", CHATML + "{{ strftime_now('%d %b %Y') }}"))
    assert timed.identity["clock"] == "2024-07-26"


def test_a_file_alone_has_no_template(tmp_path: Path) -> None:
    """Under another name nothing beside it belongs to it: roles and contents are counted."""
    moved = (tokenizer(tmp_path / "t") / "tokenizer.json").rename(tmp_path / "t" / "own.json")
    ruler = load_tokenizer(moved)
    assert (ruler.identity["name"], ruler.identity["template"]) == ("own.json", None)
    assert ruler.prompt_tokens(ASKED, None, "conversational") == 3  # user hello you
    assert ruler.unrendered == 0


def test_several_templates(tmp_path: Path) -> None:
    """`tool_use` is for rows with tools, files go before the configuration, and one of them must be the default."""
    named = [{"name": "default", "template": "hello"}, {"name": "tool_use", "template": "hello {{ tools[0].name }}"}]
    ruler = load_tokenizer(tokenizer(tmp_path / "t", named))
    tools = json.dumps([{"name": "you you"}])
    assert ruler.prompt_tokens(ASKED, None, "conversational") == 1
    assert ruler.prompt_tokens(ASKED, tools, "conversational") == 3
    assert ruler.prompt_tokens(ASKED, json.dumps(tools), "conversational") == 3  # tools as JSON text
    (tmp_path / "t" / "chat_template.jinja").write_text("hello you you you")
    assert load_tokenizer(tmp_path / "t").prompt_tokens(ASKED, tools, "conversational") == 4
    with pytest.raises(TokenizerUnreadable, match="no `default`"):
        load_tokenizer(tokenizer(tmp_path / "u", named[1:]))


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{{ messages[5].content.x }}",
        "{{ 1 // 0 }}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ messages.append(1) }}",
        "{{ messages.__class__.__mro__ }}",
        "{% for a in range(99) %}{{ 'x' * 9999999 }}{% endfor %}",
        "{{ lipsum() }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_that_fails_on_a_prompt_is_counted(tmp_path: Path, template: str) -> None:
    """The prompt is measured as if there were no template, and the trainer's stop is told by the count."""
    ruler = load_tokenizer(tokenizer(tmp_path / "t", template))
    assert ruler.prompt_tokens(ASKED, None, "conversational") == 3
    assert ruler.unrendered == 1
    assert ruler.prompt_tokens('"hello"', None, "standard") == 1
    assert ruler.unrendered == 1


def _damage(folder: Path, how: str) -> Path:
    file, config = folder / "tokenizer.json", folder / "tokenizer_config.json"
    broken: dict[str, Any] = {
        "no JSON": (file, b"{"),
        "another JSON": (file, b"[1]"),
        "empty": (file, b""),
        "binary": (file, b"\xff\x00"),
        "no unknown word": (file, file.read_bytes().replace(b'"unk_token": "[UNK]"', b'"unk_token": "none"')),
        "configuration": (config, b"{"),
        "configuration, a list": (config, b"[]"),
        "template": (config, b'{"chat_template": "{% for %}"}'),
        "template, a number": (config, b'{"chat_template": 7}'),
        "template, unnamed": (config, b'{"chat_template": [{"template": "x"}]}'),
        "template file": (folder / "chat_template.jinja", b"\xff"),
        "endless tag": (folder / "chat_template.jinja", b"{% generation %}"),
        "token number": (config, b'{"added_tokens_decoder": {"x": {"content": "a"}}}'),
    }
    place, body = broken[how]
    place.write_bytes(body)
    return folder


@pytest.mark.parametrize(
    "how",
    [
        "no JSON",
        "another JSON",
        "empty",
        "binary",
        "no unknown word",
        "configuration",
        "configuration, a list",
        "template",
        "template, a number",
        "template, unnamed",
        "template file",
        "endless tag",
        "token number",
    ],
)
def test_what_cannot_be_loaded_is_said(tmp_path: Path, how: str) -> None:
    """Every damage is one error that names the path."""
    with pytest.raises(TokenizerUnreadable, match="is not a tokenizer that can be loaded") as caught:
        load_tokenizer(_damage(tokenizer(tmp_path / "t"), how))
    assert str(tmp_path / "t") in str(caught.value)


def test_places_without_a_tokenizer(tmp_path: Path) -> None:
    """Nothing there, an empty folder, a device and a NUL byte are refused."""
    for path, why in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "holds no tokenizer.json"),
        (Path("/dev/null"), "no plain file"),
        (Path("a\0b"), "NUL"),
        (tmp_path / ("n" * 300), "too long"),
    ):
        with pytest.raises(TokenizerUnreadable, match=why):
            load_tokenizer(path)


def test_the_packages_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them, the request names the extra to install."""
    monkeypatch.setattr(tokenizer_files, "find_spec", lambda _: None)
    with pytest.raises(BadRequest, match=r"sample-ledger\[tokenizer\]"):
        load_tokenizer(tmp_path)
