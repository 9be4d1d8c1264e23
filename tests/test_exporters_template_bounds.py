"""The bounds of templates: a size that is told is never less than what is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.template_bounds import LONGEST, Oversized, binary, check, formatted, shallow, text_size
from tests.strategies import json_values

ODD = st.text(st.sampled_from("a\"\\\n\x00\x7fé\u2028\U000e0001'"), max_size=20)


@given(json_values() | st.lists(st.dictionaries(ODD, ODD)), st.integers(0, 9))
def test_no_text_of_a_value_is_longer_than_told(value: Any, indent: int) -> None:  # noqa: ANN401 - JSON
    """Neither as Python writes it, nor as JSON with or without escapes, nor indented."""
    assert text_size(value) >= len(str(value))
    assert text_size([value]) >= max(len(json.dumps(value)), len(json.dumps(value, ensure_ascii=False)))
    assert text_size([value], 8, indent) >= len(json.dumps(value, indent=indent))


@given(st.text(), st.lists(st.integers(0, 5), max_size=30))
def test_what_stands_twice_counts_twice(text: str, picks: list[int]) -> None:
    """A list that holds another one several times counts as the text that it becomes."""
    held: list[Any] = [text]
    for pick in picks[:8]:
        held = [held] * (pick % 3 + 1)
    assert text_size(held) >= len(str(held))
    apart = json.loads(json.dumps(held))
    assert text_size(held) == text_size(apart)


@pytest.mark.parametrize("value", ["a" * (LONGEST + 1), [0] * (LONGEST // 8 + 1), 1 << (LONGEST + 1)], ids=type)
def test_what_is_too_large_by_itself(value: Any) -> None:  # noqa: ANN401 - any value
    """A text, a list or a number."""
    with pytest.raises(Oversized):
        shallow(value)


def test_the_bound_itself_is_within_it() -> None:
    """What is as long as the bound is taken, by every way there."""
    check(LONGEST)
    half = "a" * (LONGEST // 2)
    binary("+", half, half)
    binary("*", half, 2)
    binary("%", f"%{LONGEST - 1000}d", 1)
    formatted(f"{{:{LONGEST - 1000}}}", (1,), {})
    for operator, left, right in (("+", half, f"{half}a"), ("*", 3, half), ("%", f"%{LONGEST}d", 1), ("**", 1, 1)):
        with pytest.raises(Oversized):
            binary(operator, left, right)


def test_numbers_without_end_are_too_much() -> None:
    """A width of a million digits is not even read."""
    for text in ("%" + "9" * 10**6 + "d", "%(a" + "9" * 10**6 + ")s"):
        with pytest.raises(Oversized):
            binary("%", text, {"a": 1} if "(" in text else 1)
    with pytest.raises(Oversized):
        formatted("{:" + "9" * 10**6 + "}", (1,), {})
