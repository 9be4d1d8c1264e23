"""Which text of a content is compared, and what its words are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.sample import Content
from ledger.similarity.fields import field_text, words

ARGUMENTS = {"context": {"toolContext": "to see the rooftop", "tags": ["a", "b"]}, "limit": 2, "none": None}
QUESTION = {"role": "user", "content": "Load it."}
SYSTEM = {"role": "system", "content": "Be kind."}


def talk(*completion: dict[str, Any], prompt: tuple[dict[str, Any], ...] = (QUESTION,)) -> Content:
    """Return a conversation."""
    return Content("conversational", prompt, completion)


def said(text: str) -> dict[str, Any]:
    """Return an assistant's message."""
    return {"role": "assistant", "content": text}


def called(arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a call in OpenAI's notation."""
    call = {"id": "1", "type": "function", "function": {"name": "load", "arguments": json.dumps(arguments)}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


NOTATIONS = {
    "openai": called(ARGUMENTS),
    "text": said(f"tool_call: load\narguments: {json.dumps(ARGUMENTS)}"),
    "mistral": said("[TOOL_CALLS] " + json.dumps([{"name": "load", "arguments": ARGUMENTS}])),
}


@pytest.mark.parametrize("notation", sorted(NOTATIONS))
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("toolContext", "to see the rooftop"),
        ("context.toolContext", "to see the rooftop"),
        ("context.tags", "a\nb"),
        ("context.tags.1", "b"),
        ("context", '{"toolContext": "to see the rooftop", "tags": ["a", "b"]}'),
        ("limit", "2"),
        ("none", None),
        ("context.tags.2", None),
        ("context.tags.x", None),
        ("missing", None),
        ("context.missing.further", None),
        ("answer", None),
        ("prompt", "Load it."),
        ("conversation", f"Load it.\ntool_call: load\narguments: {json.dumps(ARGUMENTS)}"),
        ("completion", f"tool_call: load\narguments: {json.dumps(ARGUMENTS)}"),
    ],
)
def test_a_field_is_the_same_in_every_notation(notation: str, field: str, expected: str | None) -> None:
    """A call says the same whether it stands in text, in tool_calls or in [TOOL_CALLS]."""
    assert field_text(talk(NOTATIONS[notation]), field) == expected


def test_the_nearest_key_of_the_first_call_counts() -> None:
    """A bare name is looked for level by level; a later call only counts where no earlier one has it."""
    deep = {"first": {"second": {"goal": "deep"}}, "beside": {"goal": "near"}}
    content = talk(called({"other": 1}), called(deep), called({"goal": "late"}))
    assert field_text(content, "goal") == "near"
    assert field_text(content, "first.second.goal") == "deep"


def test_the_answer_is_the_last_message_that_calls_nothing() -> None:
    """Calls are passed over; an answer may be empty; a text content has its completion."""
    assert field_text(talk(called({}), said("Done.")), "answer") == "Done."
    assert field_text(talk(said("First."), said("")), "answer") == ""
    assert field_text(talk(said("First."), called({})), "answer") == "First."
    assert field_text(talk(called({})), "answer") is None
    assert field_text(Content("standard", "Why?", "Because."), "answer") == "Because."
    assert field_text(Content("standard", "Why?", ""), "answer") is None


def test_system_messages_stand_only_in_the_conversation() -> None:
    """An exchange and a prompt are compared without the system message that a whole set may share."""
    content = talk(said("Hello."), prompt=(SYSTEM, QUESTION))
    assert field_text(content, "conversation") == "Be kind.\nLoad it.\nHello."
    assert field_text(content, "exchange") == "Load it.\nHello."
    assert field_text(content, "prompt") == "Load it."
    assert field_text(talk(said("Hello."), prompt=(SYSTEM,)), "prompt") == "Be kind."
    assert field_text(talk(said("Hello."), prompt=()), "prompt") is None
    assert field_text(talk(), "completion") is None


def test_odd_messages_have_the_text_that_they_have() -> None:
    """Parts, missing contents, calls that are none and arguments that do not parse do no harm."""
    parts = {"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "image"}, 3, {"text": "two"}]}
    odd = {"role": "assistant", "content": 7, "tool_calls": ["x", {"function": {"name": "f", "arguments": "{"}}]}
    content = talk(odd, {"content": None, "tool_calls": 5}, prompt=(parts,))
    assert field_text(content, "conversation") == "one two\ntool_call: f\narguments: {\n"
    assert field_text(content, "limit") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP, 42 times!", ["don", "t", "stop", "42", "times"]),
        ("Straße ﬁn E\u0301té", ["strasse", "fin", "été"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("שָׁלוֹם عليكم", ["שָׁלוֹם", "عليكم"]),
        ("你好 world", ["你", "好", "world"]),
        ("カナ한글", ["カ", "ナ", "한글"]),
        ("a_b\u200bc\u00ad-d", ["a", "b", "c", "d"]),
        ("\ud800x\x00\U0001f600 ...", ["x"]),
        ("", []),
        ("?!\n", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Words are folded runs of letters, marks and digits; a spaceless script has one for each character."""
    assert words(text) == expected


@given(st.text())
def test_words_do_not_depend_on_case_or_form(text: str) -> None:
    """Composed or not, and folded before or not, a text has the same words."""
    import unicodedata  # noqa: PLC0415 - only here

    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert all(words(word) for word in words(text))


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0300\u0316" * 500_000,
        "ab " * 300_000 + "é",
        "a" * 1_000_000 + "é",
        "\u4e2d" * 1_000_000,
        "é\u0301" * 9**6,
    ],
    ids=["marks", "words", "one-word", "chinese", "accents"],
)
def test_a_megabyte_takes_linear_time(text: str) -> None:
    """Hostile text of a megabyte has its words in seconds, on a slow machine too; naive NFC would take an hour."""
    begun = time.process_time()
    words(text)
    assert time.process_time() - begun < 10
