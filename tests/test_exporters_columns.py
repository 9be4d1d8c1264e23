"""ledger.exporters.columns: the narrowest kind of column that holds every value of it exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.columns import Column, Unparquetable, cells, columns_of

USER, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}
CALLING = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}


def line(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return a row."""
    return json.dumps(value).encode() + b"\n"


def kind(*values: Any) -> str:  # noqa: ANN401 - JSON
    """Return the kind of a column with these values."""
    (column,) = columns_of(line({"a": value}) for value in values)
    return column.kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, None], "bool"),
        ([1, -(2**63), 2**63 - 1], "int"),
        ([2**63], "json"),
        ([10**40], "json"),
        ([1.5, -0.0], "float"),
        ([1, 1.5], "json"),
        ([True, 1], "json"),
        (["a", "", "é"], "text"),
        (["\ud800"], "json"),
        (["a", 1], "json"),
        ([[USER], [USER, ANSWER], [], None], "messages"),
        ([[USER], [CALLING]], "json"),
        ([[USER], [{"content": "hi", "role": "user"}]], "json"),
        ([[USER, {"role": "user", "content": None}]], "json"),
        ([[{"role": "user", "content": "\udfff"}]], "json"),
        ([[{}]], "json"),
        ([[], []], "json"),
        ([[1]], "json"),
        ([{"a": 1}], "json"),
        ([None], "json"),
    ],
)
def test_kinds(values: list[Any], expected: str) -> None:
    """One value that a kind cannot hold exactly makes the column JSON text."""
    (column,) = columns_of(line({"a": value}) for value in values)
    assert column.kind == expected


@pytest.mark.parametrize("text", ["0.1000000000000000055511151231257827", "1e400", "1e-400", "1e99999999999999999999"])
def test_a_float_that_no_double_says_stays_text(text: str) -> None:
    """Digits beyond a double's would be lost."""
    (column,) = columns_of([b'{"a": %b}' % text.encode()])
    assert column.kind == "json"
    assert cells(b'{"a": %b}' % text.encode(), 1)["a"].text == text


def test_a_later_row_counts_as_much_as_an_early_one() -> None:
    """The kinds do not depend on the order of the rows."""
    rows = [line({"a": [USER], "b": 1})] * 500 + [line({"a": [CALLING], "b": None})]
    assert columns_of(rows) == columns_of(reversed(rows))
    assert columns_of(rows)[0] == Column("a", "json", ("role", "content"))


def test_missing_and_null_are_told_apart() -> None:
    """Either can be an empty cell; where both occur, null becomes the text `null`."""
    missing, empty, full = line({"b": 1}), line({"a": None, "b": 1}), line({"a": 1, "b": 1})
    assert columns_of([full, missing])[0] == Column("a", "int", absent=True)
    assert columns_of([full, empty])[0] == Column("a", "int", nulls=True)
    both = columns_of([full, missing, empty])[0]
    assert both == Column("a", "json", absent=True, nulls=True)
    assert both.null_is_text


def test_the_keys_that_every_object_has() -> None:
    """Of lists of objects that vary, those keys are known that hold text everywhere."""
    assert columns_of([line({"a": [CALLING]}), line({"a": [USER, CALLING]})])[0].keys == ("role", "content")
    assert columns_of([line({"a": [CALLING]}), line({"a": [{"role": "x", "content": None}]})])[0].keys == ("role",)
    assert columns_of([line({"a": [CALLING]}), line({"a": "x"})])[0].keys == ()


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"a"',
        b'{"a":',
        b'{"a": 1',
        b'{"a": 1,',
        b'{"a": 1,}',
        b'{"a": 1} x',
        b'{"a": 1}{"a": 1}',
        b"{1: 2}",
        b'{"a": NaN}',
        b'{"a": [-Infinity]}',
        b'{"a": 1, "a": 1}',
        b'{"a": [{"b": 1, "b": 2}]}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 200_000,
        b'{"a": ' + b'{"a":' * 200_000,
    ],
)
def test_a_row_that_is_none_is_named(row: bytes) -> None:
    """What is not one JSON object, or has no one meaning, is refused with its number."""
    with pytest.raises(Unparquetable, match="Row 2"):
        columns_of([line({"a": 1}), row])


@pytest.mark.parametrize("digits", [str(2**64), str(-(2**63) - 1), "1" + "0" * 30, "1" + "0" * 5000])
def test_an_integer_beyond_64_bits_is_refused_where_it_is_written(digits: str) -> None:
    """Readers of JSON columns fail on it when the row is read, long after the file was loaded."""
    row = f'{{"a": [{{"b": {digits}}}]}}'.encode()
    with pytest.raises(Unparquetable, match=r"Row 7 .* 64 bits"):
        cells(row, 7)
    assert cells(row, 7, exact=False)["a"].text == f'[{{"b": {digits}}}]'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), max_size=8)


@given(ROWS, st.booleans(), st.sampled_from([None, 1]))
def test_the_text_of_a_cell_is_that_of_the_row(
    rows: list[dict[str, Any]],
    escaped: bool,  # noqa: FBT001 - drawn
    indent: int | None,
) -> None:
    """Whatever white space and escapes stand there, each text is a value's own."""
    for row in rows:
        text = json.dumps(row, ensure_ascii=escaped, indent=indent)
        found = cells(text.encode(), 1)
        assert {name: cell.value for name, cell in found.items()} == row
        assert all(json.loads(cell.text) == cell.value and cell.text in text for cell in found.values())
