"""Lengths: characters, words, messages of each side, in any language."""

from __future__ import annotations

from ledger.fixed import LARGEST, ONE
from ledger.sample import Content, fingerprint
from ledger.scorers import Item, Score, find_scorer


def score(content: Content) -> Score:
    """Return the lengths of a content."""
    said = find_scorer("length", {}).score(Item(bytes(32), content, None, {}, fingerprint(content)))
    assert isinstance(said, Score)
    return said


def test_a_chat() -> None:
    """System messages are messages, but their text is not the instruction's."""
    said = score(
        Content(
            "conversational",
            ({"role": "system", "content": "be kind"}, {"role": "user", "content": "héllo 世界"}),
            ({"role": "assistant", "content": "a b c"},),
        )
    )

    assert {name: value // ONE for name, value in said.dimensions.items()} == {
        "prompt_chars": 8,
        "prompt_words": 2,
        "prompt_messages": 2,
        "completion_chars": 5,
        "completion_words": 3,
        "completion_messages": 1,
    }


def test_a_standard_content_has_no_messages() -> None:
    """It is text, so its messages are unscored, not 0 or 1; an empty side is 0 long."""
    said = score(Content("standard", "", "a b"))

    assert said.dimensions == {
        "prompt_chars": 0,
        "prompt_words": 0,
        "completion_chars": 3 * ONE,
        "completion_words": 2 * ONE,
    }
    assert set(said.unscored.values()) == {"not_a_chat"}


def test_a_length_beyond_every_score_is_unscored() -> None:
    """No score is above a million; a longer text says so."""
    said = score(Content("standard", "x" * (LARGEST + 1), "x" * LARGEST))

    assert said.unscored["prompt_chars"] == "over_a_million"
    assert said.dimensions["completion_chars"] == LARGEST * ONE


def test_structured_calls_have_a_length() -> None:
    """A call without prose is as long as its name and arguments written out."""
    message = {"role": "assistant", "tool_calls": [{"function": {"name": "run", "arguments": {"a": 1}}}]}
    said = score(Content("conversational", (), (message,)))

    assert said.dimensions["completion_chars"] == len('tool_call: run\narguments: {"a": 1}') * ONE


def test_a_call_whose_arguments_do_not_parse_keeps_them_as_text() -> None:
    """What is not JSON is written as it stands; what is no call is left out."""
    calls = [{"function": {"name": "run", "arguments": "{oops"}}, {"function": {}}]
    parts = [{"type": "text", "text": "see"}, {"type": "image"}]
    said = score(Content("conversational", (), ({"role": "assistant", "content": parts, "tool_calls": calls},)))

    assert said.dimensions["completion_chars"] == len("see\ntool_call: run\narguments: {oops") * ONE
