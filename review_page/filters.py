"""How templates say numbers, digests, labels and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode


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


FILTERS: dict[str, Callable[..., Any]] = {"label": label, "number": number, "short": short}
GLOBALS: dict[str, Callable[..., Any]] = {"address": address, "share": share}
