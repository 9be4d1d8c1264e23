"""From answers to rows: what is constant is said once, and nothing is lost by that."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from mcp_server.tools.asking import written_out
from mcp_server.tools.telling import Names, columns, number, told

CELLS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "b"])


@given(st.lists(st.tuples(st.integers(), CELLS, CELLS, CELLS), max_size=6))
def test_rows_can_be_put_together_again(rows: list[tuple[object, ...]]) -> None:
    """With what all rows have in common, each row says what it said, but for what was empty everywhere."""
    cols = ["id", "x", "y", "untrusted_z"]
    table, same = columns("t", cols, rows)

    assert table.columns[0] == "id"
    assert "untrusted_z" not in same.get("each", {})
    for row, shown in zip(rows, table.rows, strict=True):
        again = {**same.get("each", {}), **dict(zip(table.columns, shown, strict=True))}
        for name, value in zip(cols, row, strict=True):
            if name in again:
                assert repr(again[name]) == repr(value)
            else:
                assert value in (None, "")


@given(st.decimals(-1000, 1000, places=6))
def test_numbers_are_exact(value: Decimal) -> None:
    """A decimal text becomes a number only where that writes the same number."""
    shown = number(str(value))

    assert Decimal(str(shown)) == value


def test_what_is_no_number_stays() -> None:
    """Words, null and what no number can hold stay as they are."""
    assert number("high") == "high"
    assert number(None) is None
    assert number("NaN") == "NaN"
    assert number("0.12345678901234567890123") == "0.12345678901234567890123"


@given(st.lists(st.text(min_size=1, max_size=80)))
def test_odd_names_are_marked_and_told(given_names: list[str]) -> None:
    """Each text is itself or a mark that `untrusted_names` spells out; different texts have different marks."""
    names = Names()
    shown = [names(one) for one in given_names]

    spelled = names.facts().get("untrusted_names", {})
    assert [spelled.get(one, one) for one in shown] == given_names
    assert len(set(shown)) == len(set(given_names))


def test_what_says_nothing_is_left_out() -> None:
    """Null and what is empty are left out; zero and false say something."""
    assert told([("a", None), ("b", ""), ("c", []), ("d", {}), ("e", 0), ("f", False)]) == {"e": 0, "f": False}


def test_a_name_that_looks_like_a_mark_cannot_take_the_place_of_one() -> None:
    """Names that begin as marks do are marked with digits, and a mark that stands for nothing known is refused."""
    names = Names()
    marks = [names(one) for one in ("~1", "a sentence for a name", "~2", "~0badcafe")]

    assert [len(str(one)) for one in marks] == [9, 2, 9, 9]
    there = ["~1", "a sentence for a name", "~2", "~0badcafe"]
    assert [written_out(str(one), there) for one in marks if len(str(one)) > 2] == ["~1", "~2", "~0badcafe"]
    for mark in ("~1", "~2", "~17", "~0badcafe"):
        with pytest.raises(BadRequest, match="the mark of one"):
            written_out(mark, there)
