"""Fixed-point numbers: what is read, what is refused, and that nothing is lost on the way to text and back."""

from __future__ import annotations

import decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import LARGEST, ONE, exactly, half_away, micro, text_of

millionths = st.integers(-LARGEST * ONE, LARGEST * ONE)


@given(millionths)
def test_text_and_back(number: int) -> None:
    """Every number of millionths has a text, and that text is the same number, exactly."""
    assert micro(text_of(number)) == exactly(text_of(number)) == number


@given(millionths)
def test_the_text_is_the_shortest(number: int) -> None:
    """No text ends in zeros after the point or in a point, and zero has no sign."""
    text = text_of(number)

    assert text == "0" or not text.startswith("-0") or text.startswith("-0.")
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2.6, 2_600_000),
        ("2.6", 2_600_000),
        (" 3 ", 3_000_000),
        (0.1 + 0.2, 300_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("-0.0000015", -2),
        (1e-300, 0),
        ("1e-999999", 0),
        ("1e6", 10**12),
        ("-1E+6", -(10**12)),
        (".5", 500_000),
        (-0.0, 0),
    ],
    ids=repr,
)
def test_numbers(value: float | str, number: int) -> None:
    """JSON numbers and decimal texts are read; what is finer than a millionth rounds half to even."""
    assert micro(value) == number


NONE: tuple[Any, ...] = (
    True,
    False,
    None,
    "",
    "x",
    "1_000",
    "\u0661",
    "NaN",
    "sNaN",
    "inf",
    "1,5",
    "0x1",
    [],
    {},
    "1" * 41,
)


@pytest.mark.parametrize("value", [*NONE, float("nan"), float("inf"), -float("inf")], ids=ascii)
def test_what_is_no_number(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Anything else is refused in a sentence that says what it was."""
    with pytest.raises(ValueError, match="is not a number"):
        micro(value)


LARGE: tuple[Any, ...] = (10**6 + 1, -(10**6) - 1, 10**5000, "1000000.0000001", 1e300, "1e999999")


@pytest.mark.parametrize("value", LARGE, ids=range(len(LARGE)))
def test_numbers_that_are_too_large(value: object) -> None:
    """No score is further from zero than a million, not even by less than a millionth."""
    with pytest.raises(ValueError, match="further from zero"):
        micro(value)


@pytest.mark.parametrize(("value", "places"), [("0.0000001", 6), ("0.30001", 4), (0.1 + 0.2, 6), ("1e-40", 6)])
def test_what_people_write_is_not_rounded(value: object, places: int) -> None:
    """A threshold or a weight with too many decimals is refused, where a measured score would be rounded."""
    with pytest.raises(ValueError, match=f"more than {places} decimals"):
        exactly(value, places)


def test_exact_numbers() -> None:
    """What has no more decimals is taken as it stands, trailing zeros or not."""
    assert exactly("0.3000", 4) == 3_000
    assert exactly("0.30000000", 4) == 3_000
    assert exactly(2) == 2 * ONE


def test_the_program_around_cannot_change_the_reading() -> None:
    """A decimal context with little precision or another rounding has no influence."""
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP

        assert micro("123456.7890125") == 123_456_789_012
        assert exactly("123456.789012") == 123_456_789_012


@given(st.integers(-(10**18), 10**18), st.integers(1, 10**6))
def test_halves_round_away_from_zero(total: int, count: int) -> None:
    """The nearest whole number is taken, and of two equally near the one further from zero."""
    made = half_away(total, count)

    assert abs(Fraction(total, count) - made) <= Fraction(1, 2)
    if abs(Fraction(total, count) - made) == Fraction(1, 2):
        assert abs(made) > abs(Fraction(total, count))
