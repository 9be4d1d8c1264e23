"""The list of a proposal's samples as bytes: a JSON array of [sample id, version], both in hex, in the order of ids.

Every entry is as long as any other, so a long list is read a piece at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ledger.digest import DIGEST_BYTES, decode
from ledger.errors import CorruptLedger
from ledger.store import Store
from ledger.transaction import in_chunks

PIECE = 900
"""Members that are read at a time."""

Member = tuple[bytes, bytes]
"""A sample's id, and the address of the version that is meant."""

_HEX = 2 * DIGEST_BYTES
_ENTRY = len('["",""],') + 2 * _HEX


def packed(members: Mapping[bytes, bytes]) -> bytes:
    """Return the list of samples and their versions, by id."""
    made = bytearray(b"[")
    for piece in in_chunks(sorted(members)):
        made += b"".join(b'["%b","%b"],' % (one.hex().encode(), members[one].hex().encode()) for one in piece)
    made[-1:] = b"]"
    return bytes(made)


def unpacked(store: Store, blob: int, count: int) -> Iterator[list[Member]]:
    """Yield the members in a row of blob, a few hundred at a time; raise CorruptLedger where they are not `count`."""
    body = store.body(blob) or b""
    if count < 1 or len(body) != 1 + _ENTRY * count:
        raise _corrupt(store, blob)
    for first in range(0, count, PIECE):
        last = min(first + PIECE, count)
        yield _read(store, blob, body[1 + _ENTRY * first : _ENTRY * last])


def first_members(store: Store, blob: int, count: int, limit: int) -> list[Member]:
    """Return up to `limit` of the members in a row of blob; raise CorruptLedger where they are not `count`."""
    found: list[Member] = []
    for piece in unpacked(store, blob, count):
        found += piece[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def _read(store: Store, blob: int, entries: bytes) -> list[Member]:
    try:
        return [(bytes.fromhex(one), bytes.fromhex(version)) for one, version in decode(b"[" + entries + b"]")]
    except (TypeError, ValueError) as error:
        raise _corrupt(store, blob) from error


def _corrupt(store: Store, blob: int) -> CorruptLedger:
    return CorruptLedger(store.path, f"the list of samples in blob {blob} is not that of a proposal")
