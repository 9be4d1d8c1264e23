"""A training as a picture: the loss over the steps, and over it what else the trainer tells, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple, TypeGuard

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 36, 40
_TICKS = 4
_LARGEST = 1e15
_NAMES = ("loss", "kl", "rewards/margins", "eval_loss")
"""What is drawn, each in a strip of its own, where the trainer tells it."""


class Line(NamedTuple):
    """One line of a plot: its name and its points, by step."""

    name: str
    points: Sequence[tuple[float, float]]


def loss_plot(history: Iterable[Mapping[str, Any]], title: str) -> str:
    """Return the numbers of a trainer's log over its steps as one SVG, a strip for each that it tells."""
    entries = list(history)
    strips = [Line(name, _points(entries, name)) for name in _NAMES]
    drawn = [one for one in strips if one.points] or [Line("loss", ())]
    return chart([[one] for one in drawn], title)


def chart(strips: Sequence[Sequence[Line]], title: str) -> str:
    """Return strips of lines, one below the other, as an SVG that reads in light and dark."""
    height = HEIGHT * len(strips)
    body = "".join(_strip(strip, number * HEIGHT) for number, strip in enumerate(strips))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{_plain(title)}" font-family="sans-serif" font-size="12">'
        f"<title>{_plain(title)}</title>{_STYLE}"
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>{body}</svg>\n'
    )


_STYLE = """<style>
.ground { fill: #ffffff } text { fill: #222222 } .grid { stroke: #d0d0d0 } .line { fill: none; stroke-width: 2 }
.c0 { stroke: #0072b2 } .c1 { stroke: #d55e00 } .c2 { stroke: #009e73 } .c3 { stroke: #cc79a7 }
@media (prefers-color-scheme: dark) { .ground { fill: #16181d } text { fill: #e6e6e6 } .grid { stroke: #3a3f4a } }
</style>"""
"""The colours of Okabe and Ito, which people who are colour-blind can tell apart."""


def _points(entries: Iterable[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    found = [(one.get("step"), one.get(name)) for one in entries]
    return [(float(x), float(y)) for x, y in found if _is_drawn(x) and _is_drawn(y)]


def _is_drawn(value: object) -> TypeGuard[float]:
    """Say whether a value is a number that can be drawn: a loss that is out of all bounds leaves a gap."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _plain(text: str) -> str:
    """Return a text as it can stand in an SVG."""
    return escape("".join(each if each.isprintable() else " " for each in text), quote=True)


def _strip(lines: Sequence[Line], top: int) -> str:
    points = [point for line in lines for point in line.points]
    if not points:
        return f'<text x="{WIDTH / 2}" y="{top + HEIGHT / 2}" text-anchor="middle">nothing was logged</text>'
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    width, height = right - left or 1.0, high - low or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - left) / width * (WIDTH - _LEFT - _RIGHT)
        down = top + _TOP + (high - y) / height * (HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    parts = []
    for tick in range(_TICKS + 1):
        value = low + height * tick / _TICKS
        _, down = place(left, value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down}" y2="{down}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{down + 4}" text-anchor="end">{value:.3g}</text>')
        step = left + width * tick / _TICKS
        across, _ = place(step, low)
        parts.append(f'<text x="{across}" y="{top + HEIGHT - 16}" text-anchor="middle">{step:.0f}</text>')
    for number, line in enumerate(lines):
        path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in line.points))
        parts.append(f'<polyline class="line c{number % 4}" points="{path}"/>')
        parts.append(f'<text x="{_LEFT + 8 + number * 160}" y="{top + 22}">{_plain(line.name)}</text>')
        parts.append(
            f'<line class="line c{number % 4}" x1="{_LEFT - 12 + number * 160}" x2="{_LEFT + 4 + number * 160}" '
            f'y1="{top + 18}" y2="{top + 18}"/>'
        )
    return "".join(parts)
