"""Numbers that stand in an address."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import BadRequest

LARGEST = 10**9


def whole(state: Mapping[str, str], name: str, usual: int = 0) -> int:
    """Return a whole number from 0 on that an address may hold; raise BadRequest for anything else there."""
    text = state.get(name) or str(usual)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(LARGEST)):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}", hint="Go back, and follow the links.")
    return int(text)
