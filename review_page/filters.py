"""How templates say numbers, digests, labels and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from review_page import charts, notices, safe
from review_page.words import own


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
    """Return an address with a state: `changes` set, and None removes; what is empty says so, and stays."""
    query = {**(state or {}), **changes}
    kept = {name: value for name, value in query.items() if value is not None and name != "sample"}
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


def own_address(address: str) -> str:
    """Return an address of this server's own; that of the overview for any other."""
    return own(address) or "/"


def undoable(events: Iterable[Mapping[str, Any]], position: object, who: str) -> Mapping[str, Any] | None:
    """Return the event at a position that a person made on this page and that still stands; None for any other."""
    listed = list(events)
    taken = {one["says"]["target"] for one in listed if one["kind"] == "withdrawn"}
    mine = (one for one in listed if (one["actor"], one["via"]) == (who, "ui") and one["event"] not in taken)
    return next((one for one in mine if str(one["position"]) == str(position)), None)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 sample, 2 samples."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def mine(events: Iterable[Mapping[str, Any]], who: str) -> int:
    """Return how many of some events a person made on this page."""
    return sum((one["actor"], one["via"]) == (who, "ui") for one in events)


FILTERS: dict[str, Callable[..., Any]] = {
    "counted": counted,
    "exact": safe.exact,
    "label": label,
    "number": number,
    "percent": percent,
    "short": short,
}
GLOBALS: dict[str, Callable[..., Any]] = {
    "address": address,
    "change": change,
    "histogram": charts.histogram,
    "longer": notices.as_text,
    "mine": mine,
    "own_address": own_address,
    "share": share,
    "trend_points": charts.trend,
    "undoable": undoable,
    "width": charts.share,
}
