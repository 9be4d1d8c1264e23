"""Fixed-point numbers: how scores, weights and thresholds are written, stored and compared.

A score is a decimal number with up to six decimals. In a leaf it is text in its shortest form ("2.6"), in a view a
whole number of millionths, so that no comparison with a threshold depends on how a float rounds.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache

ONE = 1_000_000
"""Millionths in one."""

LARGEST = 1_000_000
"""No score is further from zero than this."""

PLACES = 6
"""Decimals of a score."""

_LONGEST = 40
_CONTEXT = Context(prec=_LONGEST + 2 * PLACES, rounding=ROUND_HALF_EVEN)
"""Wide enough for every number that is read, and the same whatever the program around this one has set."""


def micro(value: object) -> int:
    """Return a JSON number, or a decimal number written as text, in millionths; more decimals round half to even.

    Raises ValueError, with a sentence, for what is no number: NaN, infinity, a boolean, null, other text, too large.
    """
    return int(_number(value).scaleb(PLACES, _CONTEXT).to_integral_value(ROUND_HALF_EVEN, _CONTEXT))


def exactly(value: object, places: int = PLACES) -> int:
    """Return a number that people wrote, times 10**places; raise ValueError as `micro`, or if it has more decimals."""
    scaled = _number(value).scaleb(places, _CONTEXT)
    whole = scaled.to_integral_value(context=_CONTEXT)
    if whole != scaled:
        raise ValueError(f"{_short(value)} has more than {places} decimals")
    return int(whole)


@lru_cache(1 << 16)  # scores repeat: a judge gives few different ones
def text_of(millionths: int) -> str:
    """Return the shortest decimal text of a number of millionths: 2600000 -> 2.6."""
    whole, rest = divmod(abs(millionths), ONE)
    decimals = f".{rest:06}".rstrip("0").rstrip(".")
    return f"{'-' if millionths < 0 else ''}{whole}{decimals}"


def half_away(total: int, count: int) -> int:
    """Return `total / count` rounded to the nearest whole number, halves away from zero; `count` is positive.

    This is `(total ± count / 2) / count` in whole numbers that are cut towards zero, which is how SQL computes it.
    """
    return (total + count // 2) // count if total >= 0 else -((count // 2 - total) // count)


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{_short(value)} is not a number")  # noqa: TRY004 - a value of the user's, not a wrong call
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"{_short(value)} is further from zero than {LARGEST}")
    text = value.strip() if isinstance(value, str) else repr(value)
    try:
        number = Decimal(text) if len(text) <= _LONGEST and text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{_short(value)} is not a number")
    if number.copy_abs() > LARGEST:
        raise ValueError(f"{_short(value)} is further from zero than {LARGEST}")
    return number


def _short(value: object) -> str:
    if isinstance(value, int) and abs(value) > 10**_LONGEST:  # Python refuses to write very long ones
        return "a whole number of over 40 digits"
    return repr(str(value)[:_LONGEST])
