"""How large a value gets that a chat template is about to make: looked at before it is made, refused if too large.

Each function here returns what an operation may take or raises Oversized; sizes are characters as text, never less
than there will be. A list is counted with what it holds, so that a list of lists that are one list cannot hide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from itertools import chain
from string import Formatter
from typing import Any, TypeAlias

LONGEST = 64 * 1024 * 1024
"""Characters of one text that a template makes; an eighth of it are the items of a list."""
_ESCAPED = 12
"""Characters that one character of a text becomes at most where the text stands in a list or in JSON."""
_PLACE = 8
"""What an item of a list counts besides itself: it takes as much as so many characters."""
_TRUTH = 4
"""Characters that True and False take beyond their bits."""
_OTHER = 400
"""Characters of what is neither text nor a whole number nor holds others: a float, a function."""
_JOINABLE = (str, bytes, list, tuple)
_MOST_BITS = 1 << 16
_MOST_PLACES = 400
_MOST_STRFTIME = 1000
_HOLDERS = (dict, list, tuple, set, frozenset, Mapping, KeysView, ValuesView, ItemsView)
_DIGITS = re.compile("[0-9]++")
_WIDTHS = re.compile(r"%[-#0 +]*+(\*|[0-9]*+)(?:\.(\*|[0-9]*+))?+")

_Weight: TypeAlias = tuple[int, int, int]
"""Characters of all texts in a value, how many things it consists of, and the sum of the levels they stand on."""
Arguments: TypeAlias = Mapping[str, Any]


class Oversized(ValueError):  # noqa: N818 - becomes Unrendered
    """An operation would make more than a template may."""


def check(size: int) -> None:
    """Raise Oversized for a size that is over the bound."""
    if size > LONGEST:
        raise Oversized(f"the template makes over {LONGEST} characters of it")


def shallow(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value that is no longer than it may be by itself."""
    if isinstance(value, _JOINABLE):
        check(_extent(value))
    elif isinstance(value, int):
        check(value.bit_length())
    return value


def text_size(value: Any, item: int = 4, level: int = 0) -> int:  # noqa: ANN401 - any value
    """Return how long a value is as text, with all that it holds; raise Oversized.

    `item` is what each thing in a list or object takes besides itself, and `level` for each level above it.
    """
    if isinstance(value, str):
        check(len(value))
        return len(value)
    text, things, levels = _weight(value, {})
    size = text + item * things + level * levels
    check(size)
    return size


def _weight(value: Any, seen: dict[int, tuple[Any, _Weight]]) -> _Weight:  # noqa: ANN401 - any value
    """Return the weight of a value; each list in it is looked at once, however often it stands there."""
    if not isinstance(value, _HOLDERS):
        return _light(value), 1, 0
    if id(value) in seen:
        return seen[id(value)][1]
    text, things, levels = 0, 1, 0
    for part in chain(value, value.values()) if isinstance(value, dict | Mapping) else value:
        if isinstance(part, str):
            text, things, levels = text + _ESCAPED * len(part), things + 1, levels + 1
        else:
            more, count, below = _weight(part, seen)
            text, things, levels = text + more, things + count, levels + count + below
    weight = text, things, levels
    seen[id(value)] = value, weight  # with the value, so that its id stays its own
    return weight


def _light(value: Any) -> int:  # noqa: ANN401 - any value
    """Return how long a value gets that holds no others."""
    if isinstance(value, str | bytes):
        return _ESCAPED * len(value)
    if isinstance(value, int):
        return value.bit_length() + _TRUTH
    if type(value).__name__ == "Namespace":
        raise Oversized("a namespace is no text, as nobody knows how much it holds")
    return _OTHER


def _extent(value: Any) -> int:  # noqa: ANN401 - what has a length
    return len(value) * (1 if isinstance(value, str | bytes) else _PLACE)


def binary(operator: str, left: Any, right: Any) -> None:  # noqa: ANN401 - any values
    """Raise Oversized where an operator would make too much: `**` always, as no template needs it."""
    if operator == "**":
        raise Oversized("** is kept from making values without bound")
    if operator == "%" and isinstance(left, str | bytes):
        check(_percent(left if isinstance(left, str) else left.decode("latin-1"), right))
    elif operator == "*":
        _product(left, right)
    elif operator == "+" and any(isinstance(left, kind) and isinstance(right, kind) for kind in _JOINABLE):
        check(_extent(left) + _extent(right))


def _product(left: object, right: object) -> None:
    for many, count in ((left, right), (right, left)):
        if isinstance(many, _JOINABLE) and isinstance(count, int):
            check(_extent(many) * count)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _MOST_BITS:
        raise Oversized("its numbers have too many digits")


def _percent(text: str, given: Any) -> int:  # noqa: ANN401 - any value
    """Return how long `text % given` gets: a value that is named can stand there several times."""
    if isinstance(given, Mapping):
        return len(text) + _numbers(_DIGITS.findall(text)) + text.count("%") * text_size(given)
    widths = [width for both in _WIDTHS.findall(text) for width in both]
    starred = sum(abs(one) for one in _each(given) if isinstance(one, int)) if "*" in widths else 0
    return len(text) + _numbers(widths) + starred + text_size(given)


def _each(given: Any) -> Iterable[Any]:  # noqa: ANN401 - any value
    return given if isinstance(given, tuple) else (given,)


def formatted(text: str, given: Sequence[Any], named: Any) -> None:  # noqa: ANN401 - any mapping
    """Raise Oversized where `text.format(...)` would make too much; a width that is itself given is not judged."""
    widths, fields = [], 0
    for _, field, written, _ in Formatter().parse(text):
        fields += field is not None
        if written and "{" in written:
            raise Oversized("a width that is given is kept from making text without bound")
        widths += _DIGITS.findall(written or "")
    check(len(text) + _numbers(widths) + fields * text_size([list(given), named]))


def _numbers(digits: Iterable[str]) -> int:
    """Return the sum of numbers as written; one of many digits counts as too much."""
    return sum(LONGEST + 1 if len(one.lstrip("0")) > len(str(LONGEST)) else int(one) for one in digits if one.isdigit())


def method(owner: Any, name: str, args: tuple[Any, ...], named: Arguments) -> tuple[Any, ...]:  # noqa: ANN401 - any value
    """Return the arguments with which a method of text or of a number may be called; raise Oversized."""
    given = (*args, *named.values())
    if name in _PADDING:
        check(sum(one for one in given if isinstance(one, int)))
    elif name == "expandtabs":
        tabs = owner.count("\t" if isinstance(owner, str) else b"\t")
        check(len(owner) + tabs * next((one for one in given if isinstance(one, int)), 8))
    elif name == "join":
        items = args[0] if isinstance(args[0], str | list | tuple) else list(args[0])
        check(len(owner) * len(items) + sum(map(_length, items)))
        return (items,)
    elif name == "replace":
        _replaced(owner, *args[:2])
    elif name == "translate":
        check(len(owner) * max(map(_length, _values(*args)), default=1))
    return args


_PADDING = frozenset({"center", "ljust", "rjust", "zfill", "to_bytes"})


def _replaced(text: Any, old: Any = None, new: Any = None) -> None:  # noqa: ANN401 - any values
    if isinstance(new, type(text)) and isinstance(old, type(text)):
        check(len(text) + text.count(old) * len(new))


def _values(table: Any) -> Iterable[Any]:  # noqa: ANN401 - any value
    return table.values() if isinstance(table, Mapping) else table


def _length(value: Any) -> int:  # noqa: ANN401 - any value
    return len(value) if isinstance(value, str | bytes) else 1


def _filter_join(given: Arguments) -> None:
    glue = text_size(given.get("d", ""))
    check(sum(text_size(one) + glue for one in given["value"]))


def _filter_indent(given: Arguments) -> None:
    width, text = given.get("width", 4), given["s"]
    lines = len(text.splitlines()) + 1 if isinstance(text, str) else text_size(text)
    check(text_size(text) + lines * (width if isinstance(width, int) else text_size(width)))


def _filter_replace(given: Arguments) -> None:
    if all(isinstance(given[name], str) for name in ("s", "old", "new")):
        _replaced(str(given["s"]), str(given["old"]), str(given["new"]))
    else:
        check(text_size(given["s"]) * (1 + text_size(given["new"])))


def _filter_format(given: Arguments) -> None:
    named = given.get("kwargs")
    check(text_size(given["value"]) + _percent(str(given["value"]), named or given.get("args", ())))


def _filter_wordwrap(given: Arguments) -> None:
    check(text_size(given["s"]) * (1 + _length(given.get("wrapstring") or "\n")))


def _filter_round(given: Arguments) -> None:
    if abs(given.get("precision", 0)) > _MOST_PLACES:
        raise Oversized("a number is kept from having places without bound")


def _filter_sum(given: Arguments) -> None:
    if not isinstance(given.get("start", 0), int | float):
        raise Oversized("only numbers are summed within bounds")


def _filter_count(name: str) -> Callable[[Arguments], None]:
    def counted(given: Arguments) -> None:
        check(_OTHER * given[name])

    return counted


def _refused(_given: Arguments) -> None:
    raise Oversized("this filter is kept from making text without bound")


FILTERS: Mapping[str, Callable[[Arguments], None]] = {
    "batch": _filter_count("linecount"),
    "center": lambda given: check(text_size(given["value"]) + given.get("width", 80)),
    "format": _filter_format,
    "indent": _filter_indent,
    "join": _filter_join,
    "pprint": _refused,
    "replace": _filter_replace,
    "round": _filter_round,
    "slice": _filter_count("slices"),
    "sum": _filter_sum,
    "urlize": _refused,
    "wordwrap": _filter_wordwrap,
}
"""What filters of jinja2 that multiply are asked before they run, by the names of their arguments."""

WHOLE = frozenset(
    {"attr", "count", "d", "default", "dictsort", "first", "groupby", "items", "last", "length", "list", "map", "max"}
    | {"min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "unique"}
)
"""Filters that take and give values as they are, and make no text of them."""


def strftime_format(text: Any) -> Any:  # noqa: ANN401 - any value
    """Return what a time may be written by: some systems pad its parts."""
    if len(text) > _MOST_STRFTIME:
        raise Oversized("a time is written by a short text")
    return text
