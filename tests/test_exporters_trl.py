"""Rows for reading are spliced from exact text: nothing about the values changes, and a row is one line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.trl import sample_row

ODD = '[{"role": "user",  "content": "\\u00e9\\n", "n": 1.50, "z": 12345678901234567890, "A": -0.0, "e": 1E2}]'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_text_is_kept_exactly() -> None:
    """Spaces, escapes, numbers and key order of the parts stand in the row as they came."""
    row = sample_row({"a": 1}, ODD, ODD, ODD)
    assert row == f'{{"a": 1, "prompt": {ODD}, "completion": {ODD}, "tools": {ODD}}}\n'.encode()


def test_what_a_sample_has_not_is_null() -> None:
    """A row for reading has its facts first, and null for a side that is missing."""
    row = sample_row({"sample": "ab", "tags": {}}, None, '"c"', None)
    assert json.loads(row) == {"sample": "ab", "tags": {}, "prompt": None, "completion": "c"}
    assert list(json.loads(row)) == ["sample", "tags", "prompt", "completion"]
    assert json.loads(sample_row({"a": 1}, '"p"', None, "[]")) == {
        "a": 1,
        "prompt": "p",
        "completion": None,
        "tools": [],
    }


@given(JSON, JSON, st.sampled_from([None, 0, 2]), st.sampled_from(["\r", "\n", "\r\n", " "]))
def test_any_layout_becomes_one_line(prompt: object, completion: object, indent: int | None, end: str) -> None:
    """Line breaks between tokens, of whatever kind, vanish; the values stay; non-ASCII text does too."""
    first, second = (
        json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", end) for value in (prompt, completion)
    )
    row = sample_row({"a": "x\ny"}, first, second, first)
    assert row.count(b"\n") == 1
    assert b"\r" not in row
    found = json.loads(row)
    assert (found["prompt"], found["completion"], found["tools"]) == (prompt, completion, prompt)
