"""Text: limits of length are the caller's; an answer that looks cut off is a warning, and only where it surely is."""

from __future__ import annotations

import pytest

from ledger.sample import Content
from ledger.validators import validate
from ledger.validators.text import is_cut_off
from tests.talks import assistant, calling, function, rules, said, talk, text_call, user

LONG = "This is an answer of some length, and it goes on for a while"


def test_limits_are_the_callers() -> None:
    """Without limits any length is fine; with them the completion is counted, both limits included."""
    content = talk(user("x" * 1000), assistant("12345"))

    assert rules(content) == []
    assert rules(content, min_chars=5, max_chars=5) == []
    assert rules(content, min_chars=6) == ["text/too_short"]
    assert rules(content, max_chars=4) == ["text/too_long"]
    assert rules(Content("standard", "x" * 1000, "12345"), max_chars=4) == ["text/too_long"]


def test_structured_calls_have_a_length_too() -> None:
    """An answer that is only a call is not an empty text."""
    content = talk(user(), calling(function("look", '{"path": "notes"}')))

    assert rules(content, min_chars=40) == []
    assert rules(content, max_chars=40) == ["text/too_long"]


def test_a_code_block_that_is_left_open() -> None:
    """Each fence at the beginning of a line opens or closes a block."""
    assert rules(said("Here:\n```python\nprint(1)\n```\n")) == []
    assert rules(said("Here:\n```python\nprint(1)\n")) == ["text/truncated_fence"]
    assert rules(said("Three backticks, ```, begin a block.")) == []
    assert rules(said("Here:\n````\n```\n````\n")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2', True),
        ('{"a": "b', True),
        ('{"a": "b\\"', True),
        ("[[", True),
        ('{"a": 1}', False),
        ('{"a": 1}}', False),
        ('{"a" 1}', False),
        ('{"a": 1} and "so', False),
        ("", False),
    ],
)
def test_what_is_cut_off(text: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """A value is cut off if the text ends inside it, not if something else is wrong with it."""
    assert is_cut_off(text) is expected


def test_an_answer_that_ends_inside_json() -> None:
    """Both a call's arguments and an answer that is JSON are looked at; other brackets are left alone."""
    assert rules(said(text_call("f", '{"a": "b'))) == ["calls/malformed_arguments", "text/truncated_json"]
    assert rules(said(text_call("f", '{"a" "b"}'))) == ["calls/malformed_arguments"]
    assert rules(said('{"answer": [1, 2, 3')) == ["text/truncated_json"]
    assert rules(said('{"answer": [1, 2, 3]}')) == []
    assert rules(said("{not JSON} at all")) == []
    assert rules(said('[1] says the disk is 5" wide')) == []


@pytest.mark.parametrize("end", [",", " the", " and", " (", " under-"])
def test_an_answer_that_ends_inside_a_sentence(end: str) -> None:
    """A comma, an open bracket, a hyphen or an article cannot end a sentence."""
    (found,) = validate(said(LONG + end))

    assert (found.rule, found.severity) == ("text/truncated_sentence", "warning")


@pytest.mark.parametrize(
    "text", [LONG, LONG + ".", LONG + " - ", "Yes, the", LONG + ":\n- one", LONG + " banana", LONG + " :)"]
)
def test_an_answer_that_may_be_whole(text: str) -> None:
    """Without a sure sign nothing is said."""
    assert rules(said(text)) == []


def test_text_before_a_call_is_not_the_end() -> None:
    """What stands before a call ends where the call begins."""
    call = text_call("f", {"a": 1})

    assert rules(said(f"{LONG}, and\n{call}")) == []
    assert rules(talk(user(), {**calling(function("f", '{"a": 1}')), "content": LONG + ","})) == []


def test_only_the_last_answer_can_be_cut_off() -> None:
    """An answer that the chat went on from was whole enough."""
    assert rules(talk(user(), assistant(LONG + ","), user(), assistant())) == []
