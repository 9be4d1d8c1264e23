"""Regenerating: the answer is hidden and written anew in the sample's voice, with texts of a corpus that has some."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import blake3_bytes, digest_of
from ledger.errors import CorpusEmpty, SpecInvalid
from ledger.recipes import Regenerate, load_spec, recipe_of, shipped
from ledger.recipes.contract import Made, Memory, Problem
from ledger.recipes.spec import Spec
from ledger.recipes.styles import pack_for, packs_of
from tests.improving import item, text_call

TEXT = shipped("spec")["persona-answers"]
SPEC = load_spec(TEXT, "persona-answers")
TWAIN = [
    f"Passage {number} of a pilot who had opinions about sandbars, and shared them with every sandbar."
    for number in range(9)
]
FRANKLIN = ["Early to the almanac and late to the quarrel makes the printer's ink last longer than the news."]
CORPUS = "\n".join(
    json.dumps({"text": text, "persona": who})
    for who, texts in (("twain", TWAIN), ("franklin", FRANKLIN))
    for text in texts
).encode()
TEMPLATED = "The current weather in Hannibal is 71 degrees."
CALL = text_call("weather_get", {"place": "Hannibal", "days": 1.0})


def chat(**known: Any) -> Any:  # noqa: ANN401 - fields of an Item
    """Return a conversation whose last message is templated."""
    said = [
        ("user", "How is it in Hannibal?"),
        ("assistant", CALL),
        ("user", 'Result: {"f": 71}'),
        ("assistant", TEMPLATED),
    ]
    return item({"messages": [{"role": role, "content": text} for role, text in said]}, **known)


def recipe() -> Regenerate:
    """Return the shipped spec with a corpus."""
    made = recipe_of(SPEC, CORPUS)
    assert isinstance(made, Regenerate)
    return made


def test_the_old_answer_is_not_shown() -> None:
    """The data holds the conversation up to the answer, and not a word of what is to be replaced."""
    question = recipe().ask(chat(), Memory())

    assert question is not None
    assert TEMPLATED not in question.data
    said = json.loads(question.data)["sample"]["messages"]
    assert [each["content"] for each in said] == ["How is it in Hannibal?", CALL, 'Result: {"f": 71}', ""]


@pytest.mark.parametrize(
    ("tag", "voice"), [("twain", "river pilot"), ("franklin", "almanac"), ("onion", "plain"), (None, "plain")]
)
def test_the_voice_is_that_of_a_tag(tag: str | None, voice: str) -> None:
    """The persona's words come from its tag; an unknown one, or none, is the default, and has no passages."""
    question = recipe().ask(chat(tags={} if tag is None else {"persona": tag}), Memory())

    assert question is not None
    spoken = question.instructions[1]
    assert voice in spoken.text
    assert spoken.keep == "1h"
    assert ("sandbar" in spoken.text, "almanac and late" in spoken.text) == (tag == "twain", tag == "franklin")


def test_an_answer_becomes_a_version() -> None:
    """Only the last message is another one; the call keeps its bytes."""
    each = chat()
    made = recipe().read(each, json.dumps({"answer": "Seventy-one degrees, and not one of them is in a hurry."}))

    assert isinstance(made, Made)
    assert made.content == each.raw.replace(
        TEMPLATED.encode(), b"Seventy-one degrees, and not one of them is in a hurry."
    )
    assert made.tags == {"derivation": "regenerated"}
    same = recipe().read(each, json.dumps({"answer": TEMPLATED.upper()}))
    assert isinstance(same, Problem)
    assert same.kind == "unchanged"


def test_a_sample_that_ends_in_a_call_is_left_alone() -> None:
    """There is no answer to write where the last message calls a tool."""
    line = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": CALL}]}

    assert recipe().ask(item(line), Memory()) is None


@given(samples=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=50, unique=True))
def test_a_sample_always_gets_the_same_pack(samples: list[bytes]) -> None:
    """The pack depends on the sample alone, there are as many as the spec says, and each holds texts of its voice."""
    packs = packs_of(SPEC.style, CORPUS) if SPEC.style else {}

    assert {who: len(each) for who, each in packs.items()} == {"franklin": 1, "twain": 4}
    for sample in samples:
        pack = pack_for(packs, "twain", sample)
        assert pack == packs["twain"][int.from_bytes(blake3_bytes(sample)[:8]) % 4]
        assert len(pack) == 3
        assert {*pack} <= {*TWAIN}
        assert pack_for(packs, "neutral", sample) == ()


SHAPES = {
    "lines": CORPUS,
    "lines in another order": b"\n".join(reversed(CORPUS.splitlines())),
    "by voice": json.dumps({"twain": TWAIN, "franklin": FRANKLIN}).encode(),
    "in a document": json.dumps(
        {"passages": {"twain": [{"passage": text} for text in TWAIN], "franklin": FRANKLIN}, "metadata": {"n": 10}}
    ).encode(),
}


@pytest.mark.parametrize("corpus", SHAPES.values(), ids=SHAPES)
def test_the_shapes_of_a_corpus(corpus: bytes) -> None:
    """Lines, lists by voice and documents yield the same packs, whatever the order of the texts."""
    assert SPEC.style is not None

    assert packs_of(SPEC.style, corpus) == packs_of(SPEC.style, CORPUS)


def plain(**changed: str) -> Spec:
    """Return the shipped spec without voices, with some words changed."""
    text = TEXT.replace('voices = ["twain", "franklin"]\n', "").replace('voice = "persona"\n', "")
    for old, new in changed.items():
        text = text.replace(f"{old} = ", f"{old} = {new} #")
    return load_spec(text, "plain")


def test_a_corpus_of_paragraphs() -> None:
    """Plain text is cut at empty lines; texts are cut to their longest, and short ones left out."""
    spec = plain(longest="60")
    text = f"Short.\n\n{TWAIN[0]}\n\n{TWAIN[1]}\ngoes on over\ntwo lines\r\n\r\nEnd."

    assert spec.style is not None
    packs = packs_of(spec.style, text.encode())
    assert {each for pack in packs[""] for each in pack} == {TWAIN[0][:60], TWAIN[1][:60]}


@pytest.mark.parametrize(
    "corpus",
    [
        b"", b"\n\n", b"[]", b"{}", b'{"passages": []}', b"[1, 2]", b"too short", b"\xff\xfe",
        json.dumps({"passages": [{"body": TWAIN[0], "author": "MT"}], "metadata": {}}).encode(),
    ],
)  # fmt: skip
def test_an_empty_corpus_is_an_error(corpus: bytes) -> None:
    """A file without a text that can show a style stops the work before anything is sent."""
    for spec in (SPEC, plain()):
        with pytest.raises(CorpusEmpty, match=r"styles\.jsonl"):
            recipe_of(spec, corpus)


def test_a_voice_without_texts_is_an_error() -> None:
    """Each voice that a style names must have texts of its own; without the file there are none."""
    with pytest.raises(CorpusEmpty, match="franklin"):
        recipe_of(SPEC, CORPUS.rpartition(b"\n")[0])
    with pytest.raises(CorpusEmpty):
        recipe_of(SPEC)
    with pytest.raises(CorpusEmpty, match=r"mine\.txt"):
        recipe_of(SPEC, b"", "mine.txt")


def test_what_depends_on_the_corpus() -> None:
    """Another corpus makes another recipe; the same texts in another order do not."""
    frozen = [
        digest_of(recipe_of(SPEC, corpus).frozen())
        for corpus in (CORPUS, SHAPES["lines in another order"], CORPUS.replace(b"Early", b"Later"))
    ]

    assert frozen[0] == frozen[1] != frozen[2]


def test_a_regeneration_without_style() -> None:
    """Persona and style can be left out."""
    text = TEXT[: TEXT.index("[persona]")] + TEXT[TEXT.index("[memory]") :]
    made = recipe_of(load_spec(text, "bare"))
    question = made.ask(chat(), Memory())

    assert question is not None
    assert len(question.instructions) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('default = "neutral"', 'default = "nobody"', "words says nothing about the default"),
        ('voices = ["twain", "franklin"]', 'voices = ["twain", "onion"]', "no persona is called 'onion'"),
        ("shortest = 50", "shortest = 501", "shortest is more than longest"),
        ('purpose = "regenerate"', 'purpose = "improve"', 'purpose = "regenerate"'),
    ],
)
def test_what_a_persona_or_a_style_cannot_say(old: str, new: str, told: str) -> None:
    """Impossible personas and styles are refused with a sentence."""
    assert old in TEXT
    with pytest.raises(SpecInvalid) as refused:
        load_spec(TEXT.replace(old, new), "x")

    assert told in str(refused.value)
