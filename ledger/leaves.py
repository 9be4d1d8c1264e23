"""Leaves of ingested lines, written in pieces: what a line says once it is read, cut where the log has the last word.

Reading and appending then need not be one process's work: who reads writes the pieces, who appends puts the time, the
run and the count of the occurrence between them. Together they are the bytes that `event.leaf_bytes` makes, and the
ops those of `event.op_of`; only faster, since most of a leaf is the same for all lines of a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson

from ledger.digest import blake3_bytes
from ledger.event import KINDS, Stamp, pairs

Pieces = tuple[bytes, bytes, bytes]
"""What stands between the time and the occurrence, between that and the run, and behind the run."""

_V = KINDS["ingested"].v
_FIRST = (
    b',"blob":"%b","campaign":%b,"domain":%b,"fingerprint":"%b","form":"%b","kind":"ingested","label":%b,'
    b'"line":%d,"nth":'
)
_SECOND = b',"prompt":%b,"reader":"%b","run":'
_THIRD = b',"source":%b,"tags":%b,"type":"%b","v":%d,"via":%b}'
_OP = b'{"blob":"%b","campaign":%b,"nth":%d,"source":%b}'
_LABELS = {True: b"true", False: b"false", None: b"null"}


class Origin(NamedTuple):
    """Where lines come from, as JSON: their campaign and source, and the way in of who ingests them."""

    campaign: bytes
    source: bytes
    via: bytes


class Said(NamedTuple):
    """What a reader made of one line; fingerprints in bytes."""

    fingerprint: bytes
    prompt: bytes | None
    reader: str
    form: str
    type: str
    label: bool | None
    domain: str | None
    tags: Mapping[str, str]


def origin(campaign: str, source: str, via: str) -> Origin:
    """Return an Origin of plain texts."""
    return Origin(orjson.dumps(campaign), orjson.dumps(source), orjson.dumps(via))


def birth(where: Origin, blob: str, nth: int) -> bytes:
    """Return the op of the sample that the `nth` line with these bytes (hex of their address) is."""
    return blake3_bytes(_OP % (blob.encode(), where.campaign, nth, where.source))


def pieces(where: Origin, blob: str, line: int, said: Said) -> Pieces:
    """Return the pieces of the leaf of one line, whose number in its source is `line`."""
    first = _FIRST % (
        blob.encode(),
        where.campaign,
        b"null" if said.domain is None else _text(said.domain),
        said.fingerprint.hex().encode(),
        said.form.encode(),
        _LABELS[said.label],
        line,
    )
    prompt = b"null" if said.prompt is None else b'"%b"' % said.prompt.hex().encode()
    tags = orjson.dumps(pairs(said.tags)) if said.tags else b"[]"
    third = _THIRD % (where.source, tags, said.type.encode(), _V, where.via)
    return first, _SECOND % (prompt, said.reader.encode()), third


def whole(opening: bytes, cut: Pieces, nth: int, run: bytes) -> bytes:
    """Return the leaf; `opening` is what `open_leaf` made, `run` the run's position as text."""
    return b"%b%b%d%b%b%b" % (opening, cut[0], nth, cut[1], run, cut[2])


def open_leaf(stamp: Stamp) -> bytes:
    """Return the beginning that all leaves of one commit share."""
    return b'{"actor":%b,"at":%d' % (orjson.dumps(stamp.actor), stamp.at)


@lru_cache(maxsize=1024)
def _text(text: str) -> bytes:
    return orjson.dumps(text)
