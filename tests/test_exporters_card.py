"""ledger.exporters.card: a card that the Hub reads, whatever the names in it are."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ledger import Ledger
from ledger.exporters.card import About, DataFile, dataset_card, size_category
from ledger.exporters.escape import LONGEST, markdown, yaml
from tests.small import chat, write

pyyaml = pytest.importorskip("yaml")  # huggingface_hub brings it

MANIFEST: dict[str, Any] = {
    "considered": 12,
    "form": "conversational",
    "head": {"position": 40, "root": "b3:" + "1" * 64},
    "labels": {"false": 5, "none": 0, "true": 5},
    "ledger": "a-ledger",
    "manifest": 2,
    "omitted": {"duplicate": 2, "erased": 0},
    "output": {"name": "train.jsonl", "blake3": "b3:" + "2" * 64, "bytes": 1234},
    "params": {"batch_size": 4, "container": "jsonl", "dialect": "trl", "seed": "0", "tool_args": "object"},
    "plan": "kto-interleaved/2",
    "policy": None,
    "rows": 10,
    "tool": "0.1.0",
    "type": "unpaired_preference",
    "used": 10,
    "view": "kto-interleaved",
    "weights": {"repeated": 3},
    "gates": [
        {"name": "floor", "severity": "error", "passed": True, "observed": "6%", "limit": {"max": "9%", "min": "5%"}}
        | {"examples": [], "about": "rows that have it"},
        {"name": "change", "severity": "info", "passed": True, "observed": None, "limit": None}
        | {"examples": [], "about": "not judged: this view was never released"},
    ],
    "interleaving": {
        "minority": 5,
        "majority_label": None,
        "batch_needed": 2,
        "thinned": 1,
        "label_weights": {"desirable_weight": ["1.0000", "1.3333"], "undesirable_weight": ["0.7500", "1.0000"]},
        "repeated": 0,
        "repeats_left_out": 0,
    },
}
PART = {"samples": 1, "rows": 5, "share": 0.5}
COMPOSITION = {
    "rows": 10,
    "samples": 10,
    "by_label": {"true": PART, "false": {"samples": 5, "rows": 6, "share": 0.123456}},
    "by_tag": {"perfect": {**PART, "values": {"yes": PART}, "more_values": 0}},
    "splits": {"train": {"samples": 9, "rows": 9, "tags": {"perfect": PART}}},
    "others": {},
}
FILES = [DataFile("train.jsonl", "b3:" + "2" * 64, 1234, "3" * 64)]
HOSTILE = [
    "a | b",
    "`code`",
    "``` \n# heading",
    "<script>alert(1)</script>",
    "<!-- comment",
    "[x](javascript:alert(1))",
    "![x](http://x.y/z.png)",
    "line\nbreak\r\n---\nlicense: stolen",
    "---",
    '"quoted" \\ \\" \\n',
    "*em* _em_ **b** ~~s~~",
    "www.example.com http://example.com a@example.com",
    "&amp; &#124;",
    "\x00\x07\x1b[31m\x7f\x85\u2028\u202e\ufeff",
    "- item",
    "1. item",
    "    code",
    "# heading",
    "{{ jinja }} {% x %} $x^2$",
    "\U0001f600 é ż 漢",
    "@mention #12 :smile:",
    "",
    " ",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def rendered(text: str) -> str:
    """Return Markdown as HTML, raw HTML and tables included, as the Hub does."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


def shown(text: str) -> str:
    """Return what people are to see of a text."""
    seen = "".join(f"[U+{ord(sign):04X}]" if hidden(sign) else sign for sign in text)
    return seen.replace("\xa0", " ") or "(empty)"


def hidden(sign: str) -> bool:
    """Return whether nobody can see a sign."""
    return markdown(f"x{sign}x") == f"x&#91;U+{ord(sign):04X}&#93;x"


@given(TEXTS)
def test_a_cell_shows_its_text_and_nothing_else(text: str) -> None:
    """Bars, ticks, brackets, tags and line breaks neither end a cell nor begin anything."""
    made = rendered(f"| a | b |\n|---|---|\n| {markdown(text)} | end |\n")
    cells = re.findall(r"<td>(.*?)</td>", made, re.DOTALL)
    assert len(cells) == 2
    assert cells[1] == "end"
    assert "<" not in cells[0]
    assert html.unescape(cells[0]).replace("\xa0", " ").strip() == shown(text).strip()


@given(TEXTS)
def test_a_paragraph_and_a_heading_too(text: str) -> None:
    """Nor does a text become a list, a rule, a link or another heading."""
    made = rendered(f"# {markdown(text)}\n\n{markdown(text)}\n")
    heading, _, paragraph = made.strip().partition("\n")
    assert re.fullmatch("<h1>[^<]*</h1>", heading)
    assert re.fullmatch("<p>[^<]*</p>", paragraph)
    assert html.unescape(paragraph[3:-4]).replace("\xa0", " ").strip() == shown(text).strip()


def test_a_long_text_is_cut_visibly() -> None:
    """A name of a megabyte does not make a card of a megabyte."""
    assert html.unescape(markdown("x" * 10**6)) == "x" * LONGEST + "…"


@given(TEXTS)
def test_yaml_says_the_text(text: str) -> None:
    """A scalar is one line of ASCII, and the loaders that the Hub and `datasets` use read the text from it."""
    line = f"a: {yaml(text)}"
    assert line.isascii()
    assert line.isprintable()
    assert pyyaml.safe_load(line) == {"a": text}


@given(TEXTS.filter(str.strip), TEXTS, TEXTS, TEXTS, TEXTS)
def test_the_front_matter_cannot_be_written_into(name: str, file: str, tag: str, view: str, kind: str) -> None:
    """Whatever the dataset, its file, tags, view and types are called, the Hub reads these keys and no others."""
    composition = {**COMPOSITION, "by_tag": {tag: PART}, tag: {"x": {tag: tag}}}
    manifest = {
        **MANIFEST,
        "view": view,
        "type": kind,
        "params": {tag: tag},
        "omitted": {tag: 2},
        "gates": [{"name": tag, "limit": {tag: tag}, "about": tag}],
        "interleaving": {**MANIFEST["interleaving"], "label_weights": {tag: [tag, tag]}},
    }
    files = [FILES[0]._replace(name=file)]
    body = dataset_card(manifest, composition, files, About(name, "mit")).decode()
    card: Any = DatasetCard(body, ignore_metadata_errors=False)
    data = card.data.to_dict()
    assert set(data) == {"pretty_name", "license", "tags", "size_categories", "configs"}
    assert (data["pretty_name"], data["license"]) == (name, "mit")
    assert data["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": file}]}]
    assert set(re.findall("<([a-z0-9]+)", rendered(body.split("\n---\n", 1)[1]))) <= {
        *("h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "pre", "code")
    }


def test_what_a_card_says() -> None:
    """The counts, what was left out, how it was made, and how to check it and make it again."""
    text = words_of(dataset_card(MANIFEST, COMPOSITION, FILES, About("A set")))
    for words in (
        "10 rows of type unpaired_preference, made from 10 samples, the view kto-interleaved of a ledger. The",
        "12 samples were considered: 10 used, 2 left out",
        "duplicate 2",
        "true 1 5 50.00 %",
        "perfect = yes 1 5 50.00 %",
        "train = perfect 1 5 50.00 %",
        "head position 40",
        "batch_size 4",
        "repeated 3",
        "container jsonl",
        "dialect trl",
        "tool_args object",
        "floor error yes 6% at most 9%, at least 5% rows that have it",
        "change info yes - - not judged",
        "b3sum train.jsonl",
        "ledger verify-export train.jsonl",
        "ledger rebuild train.jsonl.manifest.json",
        "train.jsonl train 1,234 b3:" + "2" * 64,
    ):
        assert words in text, words
    assert "erased" not in text


def words_of(card: bytes) -> str:
    """Return what people read of a card, on one line."""
    seen = html.unescape(rendered(card.decode().split("\n---\n", 1)[1]))
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", seen))


def test_an_interleaved_export_says_how_to_train_with_it(ledger: Ledger, tmp_path: Path) -> None:
    """The batch size and the weights that the manifest of a real release advises, and its gates in words."""
    rows = [chat(f"q{n}", f"a{n}", label=n % 3 == 0) for n in range(30)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl", card=True)
    text = words_of((tmp_path / "README.md").read_bytes())
    told = made["interleaving"]
    for name, (least, most) in told["label_weights"].items():
        assert f"{name} {least} to {most}" in text
    for words in (
        f"Train in this order, in batches of {made['params']['batch_size']}",
        f"Below {told['batch_needed']} rows a batch, no order puts both labels into every batch",
        "the more frequent label false",
        f"rows of the rarer label {told['minority']}",
        "container jsonl",
        "windows error yes 0 at most 0 batches of 4",
        "label_balance warning yes 32.1428% at least 10%",
    ):
        assert words in text, words
    assert text.count("{") == 0
    gates = [gate["name"] for gate in made["gates"]]
    assert gates == [name for name in gates if f" {name} " in text]


def test_a_plain_export_has_no_advice_on_batches(toolset: Ledger, tmp_path: Path) -> None:
    """Its manifest has null where an interleaved one says how to train; its dialect and kind of file are told."""
    made = toolset.project("sft", tmp_path / "set", container="datasets", dialect="openai")
    assert made["interleaving"] is None
    text = words_of((tmp_path / "set" / "README.md").read_bytes())
    assert "Training with it" not in text
    for name in ("dialect", "container", "tool_args"):
        assert f"{name} {made['params'][name]}" in text


def test_the_order_of_keys_does_not_matter() -> None:
    """A manifest that was read from its file gives the same card."""

    def turned(value: Any) -> Any:  # noqa: ANN401 - JSON
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    about = About("A set")
    assert dataset_card(turned(MANIFEST), turned(COMPOSITION), FILES, about) == dataset_card(
        MANIFEST, COMPOSITION, FILES, about
    )


def test_without_gates_it_says_so() -> None:
    """A release that was not checked does not look like one that was."""
    assert b"without a check of its gates" in dataset_card({**MANIFEST, "gates": None}, {}, FILES, About("x"))


def test_an_empty_export_has_a_card() -> None:
    """No rows, no composition, nothing left out."""
    empty = {**MANIFEST, "rows": 0, "used": 0, "considered": 0, "omitted": {}, "labels": {}}
    assert b"0 rows of type" in dataset_card(empty, {}, FILES, About("x"))


def test_a_command_is_never_made_of_a_hostile_name() -> None:
    """A name that a shell reads otherwise is not put where people copy commands from."""
    files = [FILES[0]._replace(name="x; rm -rf ~\n```")]
    block = dataset_card(MANIFEST, {}, files, About("x")).decode().rpartition("```sh")[2]
    assert "rm" not in block
    assert "b3sum FILE" in block


@pytest.mark.parametrize(
    "about", [About(""), About(" "), About("x", "MIT License"), About("x", "mit\nx: y"), About("x", "")]
)
def test_what_is_no_name_and_no_license(about: About) -> None:
    """The Hub knows licenses by short names."""
    with pytest.raises(ValueError, match=r"name|license"):
        dataset_card(MANIFEST, {}, FILES, about)


@pytest.mark.parametrize(
    ("rows", "word"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**10, "n>1B")]
)
def test_sizes(rows: int, word: str) -> None:
    """The Hub's own words."""
    assert size_category(rows) == word
