"""Words that pages share: numbers and addresses that stand in an address, and the keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ledger.errors import BadRequest

_NUMBER = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,6})?")

LARGEST = 10**9
KEYS = (
    ("j", "the next sample, or the next page"),
    ("k", "the sample before"),
    ("a", "accept"),
    ("r", "reject: opens the list of reasons; then a digit, or a reason of your own"),
    ("d", "defer"),
    ("l", "relabel: opens the labels; then t, f or n"),
    ("e", "edit, which makes a version"),
    ("u", "undo the last decision"),
    ("o", "open the sample"),
    ("?", "this list"),
    ("Escape", "leave a field, close what is open"),
)
"""Each key and what it does."""


def whole(state: Mapping[str, str], name: str, usual: int = 0) -> int:
    """Return a whole number from 0 on that an address may hold; raise BadRequest for anything else there."""
    text = state.get(name) or str(usual)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(LARGEST)):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}", hint="Go back, and follow the links.")
    return int(text)


def decimal(text: str) -> float | None:
    """Return a decimal number of up to six places, for placing a slider; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def maybe(state: Mapping[str, str], name: str) -> int | None:
    """Return a whole number that an address may leave out."""
    return whole(state, name) if state.get(name) else None


def own(address: str) -> str | None:
    """Return an address of this server's own, None for any other."""
    here = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if here else None
