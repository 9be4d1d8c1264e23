"""Rows in TRL's types are spliced from exact text: nothing about the values changes, and a row is one line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.trl import prompt_completion, sample_row, unpaired_preference

ODD = '[{"role": "user",  "content": "\\u00e9\\n", "n": 1.50, "z": 12345678901234567890, "A": -0.0, "e": 1E2}]'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_text_is_kept_exactly() -> None:
    """Spaces, escapes, numbers and key order of the parts stand in the row as they came."""
    row = unpaired_preference(ODD, ODD, ODD, label=True)
    assert row == f'{{"prompt": {ODD}, "completion": {ODD}, "label": true, "tools": {ODD}}}\n'.encode()
    assert prompt_completion(ODD, '"x"', None) == f'{{"prompt": {ODD}, "completion": "x"}}\n'.encode()
    assert prompt_completion('"p"', '"c"', ODD) == f'{{"prompt": "p", "completion": "c", "tools": {ODD}}}\n'.encode()


def test_labels_are_json() -> None:
    """True, false and none are written as JSON has them."""
    rows = [json.loads(unpaired_preference('"p"', '"c"', None, label)) for label in (True, False, None)]
    assert [row["label"] for row in rows] == [True, False, None]


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
    for row in (
        unpaired_preference(first, second, first, label=False),
        prompt_completion(first, second, None),
        sample_row({"a": "x\ny"}, first, second, None),
    ):
        assert row.count(b"\n") == 1
        assert b"\r" not in row
        found = json.loads(row)
        assert (found["prompt"], found["completion"]) == (prompt, completion)
