"""Cursors and selections: what this process gave out is found again, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from mcp_server import handles
from mcp_server.handles import Chosen, Handles

FILTER = {"campaign": "c03", "rule": "quality", "where": "status == 'rejected'"}
TEXT = st.text(max_size=20)
VALUES = st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=3)
FILTERS = st.dictionaries(TEXT, VALUES, max_size=4)
POSITIONS = st.integers(min_value=0, max_value=2**53)


@given(tool=TEXT, asked=FILTERS, position=POSITIONS, after=TEXT)
def test_a_cursor_is_followed_to_its_key(tool: str, asked: dict[str, Any], position: int, after: str) -> None:
    """The same tool, arguments and head find the key again, in whatever order the arguments come."""
    made = Handles()
    cursor = made.cursor(tool, asked, position, after)

    assert made.follow(tool, dict(reversed(asked.items())), cursor, position) == after


@given(chosen=FILTERS, position=POSITIONS, count=POSITIONS, digest=TEXT)
def test_a_selection_stands_for_what_was_chosen(chosen: dict[str, Any], position: int, count: int, digest: str) -> None:
    """Filter, head, count and digest come back as they were."""
    made = Handles()

    assert made.chosen(made.selection(chosen, position, count, digest)) == Chosen(chosen, position, count, digest)


def test_names_are_short_and_the_same_for_the_same() -> None:
    """A name costs a dozen tokens however long the filter is, and asking again gives the name again."""
    made = Handles()
    long = {**FILTER, "where": "x" * 10_000}

    assert len(made.selection(long, 5, 10, "d" * 64)) == 21
    assert made.selection(FILTER, 5, 10, "d") == made.selection(dict(reversed(FILTER.items())), 5, 10, "d")
    assert made.selection(FILTER, 5, 10, "d") != made.selection(FILTER, 6, 10, "d")


@pytest.mark.parametrize(
    "forged", ["", "s", "s" + "0" * 20, "c" + "0" * 20, "\ud800", "s" * 100_000, "../../etc/passwd", "' OR 1=1 --"]
)
def test_a_name_that_was_made_up_is_refused(forged: str) -> None:
    """A forged name is refused with a next step, and is not repeated."""
    made = Handles()
    made.selection(FILTER, 5, 10, "d")

    with pytest.raises(BadRequest, match="did not give out that selection") as caught:
        made.chosen(forged)
    assert "Ask ledger_search" in caught.value.next_step
    with pytest.raises(BadRequest, match="did not give out that cursor") as caught:
        made.follow("t", FILTER, forged, 5)
    assert "without cursor" in caught.value.next_step


@given(place=st.integers(0, 20), other=st.sampled_from("0123456789abcdefsc"))
def test_a_changed_name_is_refused(place: int, other: str) -> None:
    """Changing any one character of a name makes it another's."""
    made = Handles()
    name = made.selection(FILTER, 5, 10, "d")
    changed = name[:place] + other + name[place + 1 :]

    if changed != name:
        with pytest.raises(BadRequest):
            made.chosen(changed)


def test_another_process_knows_nothing_of_it() -> None:
    """Each server has a key of its own."""
    first, second = Handles(), Handles()
    name = first.selection(FILTER, 5, 10, "d")

    with pytest.raises(BadRequest):
        second.chosen(name)
    assert second.selection(FILTER, 5, 10, "d") != name


def test_a_cursor_is_no_selection() -> None:
    """What was given as one kind is not taken as the other."""
    made = Handles()

    with pytest.raises(BadRequest):
        made.chosen(made.cursor("t", FILTER, 5, "k"))
    with pytest.raises(BadRequest):
        made.follow("t", FILTER, made.selection(FILTER, 5, 10, "d"), 5)


def test_a_cursor_is_bound_to_its_question_and_its_head() -> None:
    """Another tool, other arguments and a ledger that has moved on are refused, each in its own words."""
    made = Handles()
    cursor = made.cursor("search", FILTER, 5, "k")

    for tool, asked in (("other", FILTER), ("search", {**FILTER, "campaign": "c04"}), ("search", {})):
        with pytest.raises(BadRequest, match="belongs to another question"):
            made.follow(tool, asked, cursor, 5)
    with pytest.raises(BadRequest, match="moved on from @5 to @6"):
        made.follow("search", FILTER, cursor, 6)
    assert made.follow("search", FILTER, cursor, 5) == "k"


def test_what_nobody_uses_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a bound in names and in bytes; a name that is used stays."""
    monkeypatch.setattr(handles, "MOST", 3)
    made = Handles()
    first = made.selection(FILTER, 0, 1, "d")
    second = made.selection(FILTER, 1, 1, "d")
    for position in range(2, 4):
        made.chosen(first)
        made.selection(FILTER, position, 1, "d")

    assert made.chosen(first).position == 0
    with pytest.raises(BadRequest):
        made.chosen(second)


def test_long_filters_push_out_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the filters are that somebody sends, what is kept stays within its bytes, the last one always."""
    monkeypatch.setattr(handles, "LARGEST", 1_000)
    made = Handles()
    first = made.selection({"text": "a" * 600}, 0, 1, "d")
    second = made.selection({"text": "b" * 600}, 0, 1, "d")
    third = made.selection({"text": "c" * 6_000}, 0, 1, "d")

    for gone in (first, second):
        with pytest.raises(BadRequest):
            made.chosen(gone)
    assert made.chosen(third).count == 1


def test_only_json_can_be_chosen() -> None:
    """Something else is a mistake of this program, found when the name is made."""
    with pytest.raises(TypeError):
        Handles().selection({"x": object()}, 0, 1, "d")
    assert json.dumps(Handles().selection({"x": {"b", "a"}}, 0, 1, "d"))
