"""Charts as numbers: what SVG is drawn from. Every bar holds a true count; nothing is smoothed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

WIDE, HIGH = 640.0, 150.0
"""The drawing, without the space for words around it."""
MOST = 40
"""Bars of one chart."""
_WIDTHS = (1, 2, 5, 10, 20, 25, 50)
"""Hundredths that a bar may be wide, or ten, a hundred … times so many."""
_FINER = 10_000
"""Millionths in a hundredth."""
_TICKS = 8
"""Numbers under the bars of one chart, at most; on a phone there is room for so many."""
_LAST = 30
"""Campaigns of a trend that are drawn: the last ones."""


class Bar(NamedTuple):
    """Where a bar stands, and what it says: the least and the most in it (inclusive, to a millionth), and its samples.

    `edge` is where the next one begins; `caught` says that a comparison with a threshold holds for all of it.
    """

    x: float
    y: float
    width: float
    height: float
    least: str
    most: str
    edge: str
    samples: int
    caught: bool


class Line(NamedTuple):
    """A threshold: where it stands and what it says."""

    x: float
    text: str


class Histogram(NamedTuple):
    """Bars, thresholds, and what stands at the axes, (place, text): numbers under edges of bars, and counts.

    `caught` says that a bar of the other colour is there.
    """

    bars: list[Bar]
    lines: list[Line]
    ticks: list[tuple[float, str]]
    levels: list[tuple[float, str]]
    caught: bool


class Point(NamedTuple):
    """One campaign of a trend: where its rate and the ends of its interval stand."""

    x: float
    y: float
    low: float
    high: float
    name: str
    rate: float
    known: bool


def bars(steps: Iterable[Sequence[int]], thresholds: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return bars of equal width from [hundredths, samples]: `least` and `most` of each as text, and its samples.

    Where nothing falls between two bars that hold something there is a bar of none, so that gaps are seen.
    """
    counts = {step: samples for step, samples in steps if samples}
    if not counts:
        return []
    lines = [_hundredths(str(one["value"])) for one in thresholds]
    low, high = min(counts), max(counts)
    near = [line for line in lines if low - 5 * (high - low + 20) <= line <= high + 5 * (high - low + 20)]
    low, high = min([low, *near]), max([high, *near])
    width = _width(low, high)
    grouped: Counter[int] = Counter()
    for step, samples in counts.items():
        grouped[step // width] += samples
    return [
        {
            "least": _text(n * width),
            "most": _text((n + 1) * width * _FINER - 1, 6),
            "samples": grouped[n],
            "width": width,
        }
        for n in range(low // width, high // width + 1)
    ]


def histogram(given: Sequence[Mapping[str, Any]], thresholds: Sequence[Mapping[str, Any]]) -> Histogram | None:
    """Return what to draw for the bars of `bars`; None where there are none."""
    if not given:
        return None
    tallest = max(bar["samples"] for bar in given)
    first, width = _hundredths(given[0]["least"]), given[0]["width"]
    each = WIDE / len(given)
    scale = each / width
    values = [(str(one["op"]), _millionths(str(one["value"]))) for one in thresholds]
    drawn = []
    for n, bar in enumerate(given):
        height = max(2.0, HIGH * bar["samples"] / tallest) if bar["samples"] else 0.0
        begin, end = first + n * width, first + (n + 1) * width
        caught = any(_holds(begin * _FINER, end * _FINER, op, value) for op, value in values)
        x, y = round(n * each + 1, 2), round(HIGH - height, 2)
        wide = round(max(each - 2, 1), 2)
        drawn.append(Bar(x, y, wide, round(height, 2), bar["least"], bar["most"], _text(end), bar["samples"], caught))
    places = [(value / _FINER - first) * scale for _, value in values]
    lines = [
        Line(round(place, 2), f"{one['op']} {one['value']}")
        for one, place in zip(thresholds, places, strict=True)
        if 0 <= place <= WIDE
    ]
    every = -(-(len(given) + 1) // _TICKS)
    ticks = [(round(n * each, 2), _text(first + n * width)) for n in range(0, len(given) + 1, every)]
    return Histogram(drawn, lines, ticks, _levels(tallest), any(bar.caught and bar.samples for bar in drawn))


def _levels(tallest: int) -> list[tuple[float, str]]:
    """Return the lines of the axis of counts, from nothing to the tallest bar: (place, text)."""
    counts = dict.fromkeys([0, tallest // 2, tallest])
    return [(round(HIGH * (1 - count / tallest), 2), f"{count:,}") for count in counts]


def trend(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return the share of accepted samples of the last campaigns, with the interval around each."""
    shown = rows[-_LAST:]
    each = WIDE / max(len(shown), 1)
    found = []
    for n, row in enumerate(shown):
        part = row["acceptance"]
        known = part["rate"] is not None
        rate, low, high = (float(part[name]) if known else 0.0 for name in ("rate", "low", "high"))
        x, (y, bottom, top) = round((n + 0.5) * each, 2), (round(HIGH * (1 - value), 2) for value in (rate, low, high))
        found.append(Point(x, y, bottom, top, row["campaign"], rate, known))
    return found


def share(part: int, whole: int, wide: float = 100.0) -> float:
    """Return how wide a bar of a share is."""
    return round(wide * part / whole, 2) if whole else 0.0


def _width(low: int, high: int) -> int:
    power = 1
    while True:
        for each in _WIDTHS:
            if high // (each * power) - low // (each * power) < MOST:
                return each * power
        power *= 100


def _holds(begin: int, end: int, op: str, value: int) -> bool:
    """Say whether a comparison holds for all numbers from `begin` to below `end`, in millionths."""
    if op == "<":
        return end <= value
    if op == "<=":
        return end - 1 <= value
    return begin > value if op == ">" else op == ">=" and begin >= value


def _hundredths(text: str) -> int:
    """Return a decimal number in hundredths, rounded down."""
    return _millionths(text) // _FINER


def _millionths(text: str) -> int:
    """Return a decimal number of at most six places, as every threshold is, in millionths."""
    return int(Decimal(text).scaleb(6))


def _text(value: int, places: int = 2) -> str:
    """Return a whole number of hundredths, or of smaller parts, as a decimal number."""
    whole, rest = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{places}}"
