"""How long a text may be for a regular expression of a schema to be tried on it.

Python's matcher goes back and tries again, which takes exponential time for a repeat within a repeat and a power of
the length for several repeats. A schema is the user's, but the texts come from models, so the steps that a pattern can
take are bounded from above by its form; a text that could take more is not compared, which is a finding.

The bound counts the ways in which a pattern can match the first characters of a text. Of l characters there are at
most `many` * C(l + loops - 1, l) * base^l: one way for a character, sums for choices, products for what follows one
another, and for a repeat all the ways of cutting the characters into parts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache, reduce
from itertools import pairwise, takewhile
from math import exp, inf, isinf, lgamma, log
from re import _parser  # type: ignore[attr-defined]  # untyped; what the pattern means to `re`, not to a second grammar
from typing import Any, NamedTuple

STEPS = 2e7
"""Steps that trying a pattern on one text may take, at worst a few tenths of a second; and all tries of one sample."""
MOST = 1_000_000
"""Characters that are compared with any pattern."""

_CHEAP = 10
"""Characters that are passed one after the other in the time of one step."""
_LARGEST = 700.0
"""The logarithm of what counts as endless."""
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_CHOICES = frozenset({"BRANCH", "GROUPREF_EXISTS"})
_LOOKS = frozenset({"ASSERT", "ASSERT_NOT"})
_GROUPS = frozenset({"SUBPATTERN", "ATOMIC_GROUP", *_LOOKS})


class _Ways(NamedTuple):
    """In how many ways a part of a pattern matches: see the module; `loops` is 0 where `many` is all there are.

    `peak` is the most of any one length where there are no loops; `size` the characters of the part; `empty` says that
    it may match none.
    """

    many: float = 1
    loops: int = 0
    base: float = 1
    peak: float = 1
    size: int = 0
    empty: bool = True


_NEVER = _Ways(many=inf)
_PLAIN = {
    **dict.fromkeys(("LITERAL", "NOT_LITERAL", "ANY", "IN"), _Ways(size=1, empty=False)),
    **dict.fromkeys(("AT", "FAILURE"), _Ways()),
    "GROUPREF": _Ways(loops=1),  # as long as the group was
}


class Allowance:
    """The steps that the patterns of schemas may still take on one sample; it may hold any number of texts."""

    def __init__(self) -> None:
        """Begin with all of them."""
        self._left = STEPS

    def renew(self) -> None:
        """Begin again, with another sample."""
        self._left = STEPS

    def take(self, pattern: str, length: int) -> bool:
        """Say whether a pattern may be tried on a text of so many characters; if so, its steps are taken."""
        wanted = steps(pattern, length) if length <= longest(pattern) else inf
        if wanted > self._left:
            return False
        self._left -= wanted
        return True


@lru_cache(1_000)
def longest(pattern: str) -> int:
    """Return the most characters of a text that a pattern is tried on; -1 for a pattern that is not tried at all."""
    ways, anchored = _read(pattern)
    return max(_longest(one, anchored=anchored) for one in ways)


@lru_cache(10_000)
def steps(pattern: str, length: int) -> float:
    """Return how many steps trying a pattern on a text of so many characters takes at the most, by this measure."""
    ways, anchored = _read(pattern)
    return exp(min(_LARGEST, *(_log_steps(one, length, anchored=anchored) for one in ways)))


@lru_cache(1_000)
def _read(pattern: str) -> tuple[tuple[_Ways, _Ways], bool]:
    """Return two bounds of the ways of a pattern, and whether it can only match at the beginning of a text.

    In the first a bounded repeat is what allows for longer texts by itself, in the second it is a loop where it can be.
    """
    try:
        parsed = _parser.parse(pattern)
        first = parsed[0] if len(parsed) else (None, None)
        anchored = str(first[0]) == "AT" and str(first[1]) in {"AT_BEGINNING", "AT_BEGINNING_STRING"}
        ways = _sequence(parsed, loops=False), _sequence(parsed, loops=True)
    except (re.error, RecursionError, OverflowError):
        return (_NEVER, _NEVER), False
    return ways, anchored and not parsed.state.flags & re.MULTILINE


def _longest(ways: _Ways, *, anchored: bool = False) -> int:
    return bisect_right(range(MOST + 1), log(STEPS), key=lambda n: _log_steps(ways, n, anchored=anchored)) - 1


def _log_steps(ways: _Ways, length: int, *, anchored: bool) -> float:
    """Return the logarithm of the steps on a text of so many characters: from every start, to every end."""
    if isinf(ways.many):
        return inf
    free = 1 if anchored else 2  # where a match ends, and where it begins
    found = log(ways.many) + log(1 + ways.size / _CHEAP)
    if ways.base == 1:
        return found + _log_cuts(length, ways.loops + free)
    found += length * log(ways.base) + free * log(ways.base / (ways.base - 1))
    return found + _log_cuts(length, ways.loops)


def _log_cuts(length: int, parts: int) -> float:
    """Return the logarithm of the number of ways of cutting a text into so many parts, which may be empty."""
    return lgamma(length + parts) - lgamma(parts) - lgamma(length + 1) if parts else 0.0


def _sequence(items: Any, *, loops: bool) -> _Ways:  # noqa: ANN401 - re's own
    return reduce(_then, (_part(str(sign), value, loops=loops) for sign, value in items), _Ways())


def _then(one: _Ways, other: _Ways) -> _Ways:
    return _Ways(
        one.many * other.many,
        one.loops + other.loops,
        max(one.base, other.base),
        min(one.peak * other.many, other.peak * one.many),
        one.size + other.size,
        one.empty and other.empty,
    )


def _part(sign: str, value: Any, *, loops: bool) -> _Ways:  # noqa: ANN401 - re's own
    """Return the ways of one part; what is never tried again (atomic groups, looks ahead) counts as if it were."""
    if sign in _PLAIN:
        return _PLAIN[sign]
    if sign in _REPEATS:
        return _repeat(value[0], value[1], _sequence(value[2], loops=loops), loops=loops)
    if sign in _CHOICES:
        return _choice(value[1] if sign == "BRANCH" else [value[1], value[2] or []], loops=loops)
    if sign not in _GROUPS:
        return _NEVER
    inner = _sequence(value if sign == "ATOMIC_GROUP" else value[-1], loops=loops)
    return inner._replace(empty=True) if sign in _LOOKS else inner


def _choice(branches: list[Any], *, loops: bool) -> _Ways:
    """Return the ways of a choice: those of all, or, where the beginning tells which one it can be, of any one."""
    ways = [_sequence(branch, loops=loops) for branch in branches]
    words = sorted(map(_beginning, branches))
    apart = "" not in words and not any(other.startswith(one) for one, other in pairwise(words))
    count = max if apart else sum
    return _Ways(
        count(one.many for one in ways),
        max(one.loops for one in ways),
        max(one.base for one in ways),
        count(one.peak for one in ways),
        max(one.size for one in ways) + len(ways),
        any(one.empty for one in ways),
    )


def _beginning(items: Any) -> str:  # noqa: ANN401 - re's own
    """Return the characters of ASCII with which a branch begins, in small letters."""
    plain = takewhile(lambda item: str(item[0]) == "LITERAL" and chr(item[1]).isascii(), items)
    return "".join(chr(value) for _, value in plain).lower()


def _repeat(least: int, most: int, one: _Ways, *, loops: bool) -> _Ways:
    endless = most == _parser.MAXREPEAT
    if one.empty:  # the matcher takes such a part once without a character, as the last time, in each of its ways
        more = _loop(one)._replace(many=1 + one.many)
        return _then(_times(least, least, one), more) if endless else _times(least, most, one)
    loop = _loop(one)._replace(size=one.size * max(1, least), empty=least == 0)
    return loop if endless or (loops and most > least) else max(_times(least, most, one), loop, key=_longest)


def _times(least: int, most: int, one: _Ways) -> _Ways:
    """Return the ways of a part that stands so many times: each time one of its ways, and each number of times."""
    each = 0.0 if one.many == 1 else most * log(one.many)
    many = (most - least + 1) * exp(each) if each < _LARGEST else inf
    peak = many / (most - least + 1) if one.many != 1 or one.empty else 1.0
    return _Ways(many, one.loops * most, one.base, peak, one.size * max(1, least), one.empty or least == 0)


def _loop(one: _Ways) -> _Ways:
    """Return the ways of a part that stands any number of times, each time for at least one character."""
    if one.loops:  # 1 / (1 - x) of x = many / (1 - base z)^loops, less its empty way, grows with this base
        share = (one.many / (one.many + 1)) ** (1 / one.loops) if not isinf(one.many) else 1.0
        base = one.base / (1 - share) if share < 1 else inf
    else:
        base = max(one.base, min(one.many, one.peak + 1))
    return _NEVER if isinf(base) else _Ways(1, 1, base, 1, one.size, empty=True)
