"""What callers type is checked at the door, whatever they type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import NotRestricted, encode
from ledger.errors import BadRequest
from ledger.verbs.words import LARGEST, LONGEST, plain_text, whole_number


@given(st.text())
def test_what_passes_can_stand_in_an_event(text: str) -> None:
    """A text is refused, or restricted JSON holds it: nothing fails deep inside."""
    try:
        passed = plain_text("It", text)
    except BadRequest:
        return
    assert passed == text
    assert encode({"said": text})


@pytest.mark.parametrize("bad", ["\ud800", "a\udfffb", "a\x00", "\x1b[31m", "two\nlines", "\x7f", "\x85"])
def test_half_characters_and_control_characters_are_refused(bad: str) -> None:
    """Lone surrogates and control characters are named by their number and place, without being printed."""
    with pytest.raises(BadRequest, match=r"The reason holds .* \(U\+[0-9A-F]{4}\) at place \d+") as raised:
        plain_text("The reason", bad)
    assert str(raised.value).isprintable()


def test_a_surrogate_is_what_restricted_json_refuses() -> None:
    """The check is needed: without it the refusal would come as an error of the encoding."""
    with pytest.raises(NotRestricted):
        encode({"said": "\ud800"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "must be text"),
        (3, "must be text"),
        (b"x", "must be text"),
        (" ", "empty"),
        ("x" * (LONGEST + 1), "long"),
    ],
)
def test_what_is_no_name_is_refused(text: object, says: str) -> None:
    """A name is text, not blank, and not endless."""
    with pytest.raises(BadRequest, match=says):
        plain_text("The name", text, needed=True)


def test_blank_text_is_fine_where_none_is_needed() -> None:
    """A reason may be left out; emoji and any other script may stand in it."""
    assert plain_text("The reason", "") == ""
    assert plain_text("The reason", "gut 👍🏽 好") == "gut 👍🏽 好"


@pytest.mark.parametrize("number", [0, -1, LARGEST + 1, 10**30, -(10**30), True, 2.0, "4", None])
def test_what_is_no_count_is_refused(number: object) -> None:
    """A batch size is a whole number in a range that somebody can mean; a bool is not one."""
    with pytest.raises(BadRequest, match="The batch size must be"):
        whole_number("The batch size", number, 1)


def test_the_ends_of_the_range_belong_to_it() -> None:
    """Both bounds are allowed."""
    assert (whole_number("It", 1, 1), whole_number("It", LARGEST, 1)) == (1, LARGEST)
