"""Quarantine: the lines that are not valid samples, to look at and to read again."""

from __future__ import annotations

from typing import Any

from ledger.digest import show
from ledger.errors import NoSuchId
from ledger.readers import FactMap, Unreadable, read_line
from ledger.store import Store
from ledger.verbs.ids import find_event
from ledger.views import quarantine

_LOOKED_AT = 1 << 20
"""Bytes; a longer line is not parsed again to say where it goes wrong."""


def quarantined(store: Store, campaign: str | None, limit: int) -> list[dict[str, Any]]:
    """Return the lines in quarantine, oldest first."""
    return [_answer(store, line) for line in quarantine.listed(store.connection, campaign=campaign, limit=limit)]


def quarantined_line(store: Store, identity: str) -> tuple[dict[str, Any], bytes]:
    """Return one line in quarantine and its exact bytes; raise NoSuchId."""
    position = find_event(store, identity)
    for line in quarantine.listed(store.connection):
        if line.position == position:
            return _answer(store, line), store.body(line.blob) or b""
    raise NoSuchId(identity)


def _answer(store: Store, line: quarantine.Quarantined) -> dict[str, Any]:
    return {
        "event": line.id.hex(),
        "position": line.position,
        "blob": show(line.hash),
        "bytes": line.size,
        "campaign": line.campaign,
        "source": line.source,
        "line": line.line,
        "offset": line.offset,
        "reason": line.reason,
        "message": _message(store, line),
    }


def _message(store: Store, line: quarantine.Quarantined) -> str:
    """Return what is wrong; where JSON does not parse, as this Python's parser puts it (events do not hold that)."""
    body = store.body(line.blob) if line.reason == "invalid_json" and line.size <= _LOOKED_AT else None
    read = None if body is None else read_line(body, FactMap())
    return read.message if isinstance(read, Unreadable) else line.message
