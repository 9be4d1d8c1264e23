"""Cutting and joining JSON text: what comes out is the text that went in, piece by piece."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.splice import (
    Edit,
    alike,
    concatenated,
    edited,
    is_empty,
    items,
    joined,
    members,
    quoted,
    unquoted,
)
from tests.rows import exact
from tests.strategies import SPELLINGS, json_values

SPELLS = st.sampled_from(SPELLINGS)
MEGABYTE = 1_000_000


@given(st.lists(json_values(), max_size=4), SPELLS)
def test_items_are_the_texts_of_an_array(values: list[object], spell: object) -> None:
    """Each span holds one item, in order, and nothing lies between two spans but a comma and white space."""
    text = spell(values)  # type: ignore[operator]  # one of SPELLINGS
    spans = items(text)
    assert [json.loads(text[span.start : span.end]) for span in spans] == values
    rest = edited(text, [Edit(span.start, span.end, "") for span in spans])
    assert set(rest) <= set("[], \t\r\n")


@given(st.dictionaries(st.text(max_size=5), json_values(), max_size=4), SPELLS)
def test_members_are_the_texts_of_an_object(value: dict[str, object], spell: object) -> None:
    """Keys are read, with their escapes; values are spans, in the order of the source."""
    text = spell(value)  # type: ignore[operator]  # one of SPELLINGS
    found = members(text)
    assert [(member.key, json.loads(text[member.start : member.end])) for member in found] == list(value.items())
    assert all(
        json.loads(text[member.place :].split(":")[0]) == member.key for member in found if ":" not in member.key
    )


@given(st.lists(json_values(), max_size=3), st.lists(json_values(), max_size=3), SPELLS, SPELLS)
def test_joined_arrays_hold_both(first: list[object], second: list[object], one: object, other: object) -> None:
    """Every item stands once, in order, its numbers as they were written."""
    texts = one(first), other(second)  # type: ignore[operator]  # of SPELLINGS
    assert exact(joined(*texts)) == [*exact(texts[0]), *exact(texts[1])]


@given(st.text(), st.text(), st.booleans())
def test_strings_are_put_together(first: str, second: str, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """The text of two strings is the one after the other; escapes stay what they are."""
    texts = [json.dumps(text, ensure_ascii=ascii_only) for text in (first, second)]
    assert json.loads(concatenated(*texts)) == first + second
    assert concatenated(*texts) == texts[0][:-1] + texts[1][1:]
    assert unquoted(texts[0]) == first
    assert unquoted(quoted(first)) == first


@given(json_values(), SPELLS, SPELLS)
def test_a_value_is_alike_in_every_spelling(value: object, one: object, other: object) -> None:
    """White space and escapes make no difference."""
    assert alike(one(value), other(value))  # type: ignore[operator]  # of SPELLINGS


@pytest.mark.parametrize(("first", "second"), [("1", "1.0"), ("1", "true"), ("0", "false"), ("1", '"1"'), ("[]", "{}")])
def test_unlike_values_are_told_apart(first: str, second: str) -> None:
    """What Python takes for equal, or a careless reader, is not."""
    assert not alike(f"[{first}]", f"[{second}]")
    assert alike('{"a": 1, "b": [2]}', '{"b":[2],"a":1}')


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[\n]"])
def test_empty_arrays(text: str) -> None:
    """White space is nothing."""
    assert is_empty(text)
    assert items(text) == []
    assert not is_empty("[ 0 ]")
    assert not is_empty('""')


@pytest.mark.parametrize("text", ["", "{", "[", '{"a"', '{"a":', "[1", "nope", '{"a": 1', "[[" * 50_000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    """One of the errors that the module names, and no endless loop."""
    for cut in (items, members):
        with pytest.raises((ValueError, IndexError, StopIteration, RecursionError)):
            cut(text)


@pytest.mark.parametrize(
    "text",
    [
        '["' + "[" * MEGABYTE + '"]',
        "[" + " " * MEGABYTE + "]",
        "[" + " " * MEGABYTE + "1]",
        "[" + ",".join(["1"] * (MEGABYTE // 2)) + "]",
        '["' + '\\"' * (MEGABYTE // 2) + '"]',
    ],
)
def test_a_megabyte_of_anything_is_cut_at_once(text: str) -> None:
    """Time is linear in the text, however hostile it is; what is not would take hours."""
    began = time.perf_counter()
    found = items(text)
    is_empty(text)
    joined(text, text)
    assert time.perf_counter() - began < 30
    assert len(found) in {0, 1, MEGABYTE // 2}
