"""From what a person types to what it names: ids by prefix, positions, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ledger.digest import MIN_PREFIX, PREFIX
from ledger.errors import AmbiguousId, BadRequest, NoSuchId, NoSuchPosition
from ledger.event import BIRTHS
from ledger.store import Store
from ledger.views import samples

_HEX = re.compile(r"[0-9a-f]+")
_WHOLE = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_sample(store: Store, text: str) -> samples.Row:
    """Return the sample that an id names: its own, or that of its current version; raise NoSuchId, AmbiguousId."""
    first, last = _bounds(text)
    born = [position for _, position, kind, _ in store.find_ops(first, last) if kind in BIRTHS]
    if not born:
        blobs = store.find_blobs(first, last)
        born = [sample for _, blob in blobs for sample in samples.of_version(store.connection, blob, 20)]
    row = samples.get(store.connection, _only(store, text, born))
    if row is None:
        raise NoSuchId(text)
    return row


def find_event(store: Store, text: str) -> int:
    """Return the position of the event that `text` names: `@POSITION`, or a prefix of its op."""
    if text.startswith("@"):
        if not text[1:].isdecimal():
            raise BadRequest(f"{text!r} is not @ and a position")
        if store.event(int(text[1:])) is None:
            raise NoSuchId(text)
        return int(text[1:])
    return _only(store, text, [position for _, position, _, _ in store.find_ops(*_bounds(text))])


def position_of(store: Store, moment: str) -> int:
    """Return the position that `--as-of` names: a number, or an ISO 8601 time (the last head not later than it).

    Raises BadRequest, NoSuchPosition.
    """
    head = store.head().position
    if moment.isdecimal():
        if int(moment) > head:
            raise NoSuchPosition(moment, f"ends at {head}")
        return int(moment)
    try:
        time = datetime.fromisoformat(moment)
    except ValueError as error:
        raise BadRequest(f"--as-of takes a position or a time such as 2026-01-31T12:00Z, not {moment!r}") from error
    at = (time.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    found = store.head_before(at)
    if found is None:
        raise NoSuchPosition(moment, "begins later")
    return found.position


def short_ids(store: Store, ids: list[bytes], least: int = 8) -> dict[bytes, str]:
    """Return for each id its shortest prefix that is unique in the log, at least `least` characters."""
    shown: dict[bytes, str] = {}
    for op in ids:
        before, after = store.neighbours(op)
        text = op.hex()
        needed = max((_shared(text, other.hex()) for other in (before, after) if other is not None), default=0) + 1
        shown[op] = text[: max(least, needed)]
    return shown


def _bounds(text: str) -> tuple[bytes, bytes]:
    prefix = text.strip().lower().removeprefix(PREFIX)
    if not _HEX.fullmatch(prefix) or not MIN_PREFIX <= len(prefix) <= _WHOLE:
        raise BadRequest(f"{text!r} is not an id: {MIN_PREFIX} to {_WHOLE} hexadecimal characters")
    return bytes.fromhex(prefix.ljust(_WHOLE, "0")), bytes.fromhex(prefix.ljust(_WHOLE, "f"))


def _only(store: Store, text: str, positions: list[int]) -> int:
    found = sorted(set(positions))
    if not found:
        raise NoSuchId(text)
    if len(found) > 1:
        ops = [event[0].hex()[:12] for event in map(store.event, found[:5]) if event is not None]
        raise AmbiguousId(text, len(found), ", ".join(ops))
    return found[0]


def _shared(one: str, other: str) -> int:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
