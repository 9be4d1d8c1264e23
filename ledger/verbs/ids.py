"""From what a person types to what it names: ids by prefix, positions, times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ledger.digest import LARGEST_INT, MIN_PREFIX, PREFIX, show
from ledger.errors import AmbiguousId, BadRequest, NoSuchId, NoSuchPosition
from ledger.event import BIRTHS
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import samples

_HEX = re.compile(r"[0-9a-f]+")
_DIGITS = re.compile(r"[0-9]{1,30}")
_WHOLE = 64
_WHOLE_ID = re.compile(r"[0-9a-f]{64}")
NOW = ("now", "head")
"""Words for the last position."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_sample(store: Store, text: str) -> samples.Row:
    """Return the sample that an id names: its own, or (always so with `b3:`) that of its current version.

    Raises BadRequest, NoSuchId, AmbiguousId.
    """
    first, last = _bounds(text)
    born: list[int] = []
    if not text.strip().lower().startswith(PREFIX):
        born = [position for _, position, kind, _ in store.find_ops(first, last) if kind in BIRTHS]
    if not born:
        blobs = store.find_blobs(first, last)
        born = [sample for _, blob in blobs for sample in samples.of_version(store.connection, blob, 20)]
    row = samples.get(store.connection, _only(store, text, born))
    if row is None:
        raise NoSuchId(text)
    return row


def find_samples(store: Store, texts: Sequence[str]) -> list[samples.Row]:
    """Return the samples that ids name, each once, in the order in which they are first named; as `find_sample`."""
    rows: dict[int, samples.Row] = {}
    for chunk in in_chunks(texts):
        whole = [bytes.fromhex(text) for text in chunk if _WHOLE_ID.fullmatch(text)]
        known = samples.by_ids(store.connection, whole)
        for text in chunk:
            row = known.get(bytes.fromhex(text)) if _WHOLE_ID.fullmatch(text) else None
            row = row or find_sample(store, text)
            rows.setdefault(row.sample, row)
    return list(rows.values())


def find_blob(store: Store, text: str) -> tuple[bytes, int]:
    """Return (hash, row) of the blob that an address names; raises BadRequest, NoSuchId, AmbiguousId."""
    found = store.find_blobs(*_bounds(text))
    if not found:
        raise NoSuchId(text)
    if len(found) > 1:
        raise AmbiguousId(text, len(found), ", ".join(show(digest)[:15] for digest, _ in found[:5]))
    return found[0]


def find_events(store: Store, texts: Sequence[str]) -> list[int]:
    """Return the positions that ids, `@POSITION` and `@FIRST-@LAST` name, each once; raise like `find_event`."""
    found: dict[int, None] = {}
    for text in texts:
        first, dash, last = text.partition("-")
        if dash and first.startswith("@"):
            begin, end = find_event(store, first), find_event(store, last)
            if end < begin:
                raise BadRequest(f"{text!r} ends before it begins")
            found.update(dict.fromkeys(range(begin, end + 1)))
        else:
            found[find_event(store, text)] = None
    return list(found)


def find_event(store: Store, text: str) -> int:
    """Return the position of the event that `text` names: `@POSITION`, or a prefix of its op."""
    if text.startswith("@"):
        position = _number(text[1:])
        if position is None:
            raise BadRequest(f"{text!r} is not @ and a position")
        event_at(store, position)
        return position
    return _only(store, text, [position for _, position, _, _ in store.find_ops(*_bounds(text))])


def event_at(store: Store, position: int) -> tuple[bytes, str]:
    """Return (op, leaf) of the event at a position; raise NoSuchId."""
    found = store.event(position) if position <= LARGEST_INT else None
    if found is None:
        raise NoSuchId(f"@{position}")
    return found


def position_of(store: Store, moment: str) -> int:
    """Return the position that `--as-of` names: a number, or an ISO 8601 time (the last head not later than it).

    A time without a zone is UTC, as all times here are; `now` is the last position. Raises BadRequest, NoSuchPosition.
    """
    head = store.head().position
    if moment in NOW:
        return head
    position = _number(moment.removeprefix("@"))
    if position is not None:
        if position > head:
            raise NoSuchPosition(moment, f"ends at {head}" if head >= 0 else "is empty")
        return position
    try:
        time = datetime.fromisoformat(moment)
    except ValueError as error:
        told = f"--as-of takes a position, a time such as 2026-01-31T12:00Z, or now; not {moment!r}"
        raise BadRequest(told) from error
    at = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
    found = store.head_before(at)
    if found is None:
        raise NoSuchPosition(moment, "begins later")
    return found.position


def whole_id(text: str) -> bytes:
    """Return the bytes of an id written out in full; raise BadRequest if it is not."""
    first, last = _bounds(text)
    if first != last:
        raise BadRequest(f"{text!r} is not a whole id: {_WHOLE} hexadecimal characters")
    return first


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


def _number(text: str) -> int | None:
    """Return the number that `text` writes in decimal digits, or None (also where nothing has so high a number)."""
    return int(text) if _DIGITS.fullmatch(text) else None


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
