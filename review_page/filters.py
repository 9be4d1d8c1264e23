"""How templates say numbers, digests, labels and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from review_page import charts


def number(value: float) -> str:
    """Return a count with separators."""
    return f"{value:,}"


def short(digest: str, length: int = 10) -> str:
    """Return the beginning of an id or of a digest."""
    return digest.removeprefix("b3:")[:length]


def label(value: bool | None) -> str:  # noqa: FBT001 - a label
    """Return a label's word."""
    return {True: "true", False: "false", None: "none"}[value]


def address(path: str, state: Mapping[str, Any] | None = None, **changes: object) -> str:
    """Return an address with a state: `changes` set, and None removes."""
    query = {**(state or {}), **changes}
    kept = {name: value for name, value in query.items() if value is not None and value != "" and name != "sample"}
    return quote(path) + (f"?{urlencode(kept)}" if kept else "")


def share(part: int, whole: int) -> str:
    """Return a share in per cent; of nothing there is none."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def change(before: int, after: int) -> str:
    """Return a difference with its sign, nothing where there is none."""
    return f"{after - before:+,}" if after != before else ""


def percent(rate: float | None) -> str:
    """Return a rate in per cent; what is not known is a dash."""
    return "-" if rate is None else f"{100 * rate:.1f} %"


FILTERS: dict[str, Callable[..., Any]] = {"label": label, "number": number, "percent": percent, "short": short}
GLOBALS: dict[str, Callable[..., Any]] = {
    "address": address,
    "change": change,
    "histogram": charts.histogram,
    "share": share,
    "trend_points": charts.trend,
    "width": charts.share,
}
