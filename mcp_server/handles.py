"""Short names for cursors and selections that only this process can have given out.

A name is a keyed digest (HMAC-SHA-256, cut to 80 bits) of what it stands for, so nobody can make one up, and what it
stands for is kept here, so a name costs an agent a dozen tokens however long the filter is. The key is the process's:
names die with it, and what nobody has used for long is forgotten first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ledger.errors import BadRequest

MOST = 4_096
LARGEST = 4 * 1024 * 1024
"""How many names are kept, and how many bytes of what they stand for."""

_DIGITS = 20
_CURSOR, _SELECTION = "c", "s"
_AGAIN = "Call again without cursor, and follow the cursors of that answer."
_SELECT = "Ask ledger_search or ledger_near_misses again and use the selection of that answer."


@dataclass(frozen=True)
class Chosen:
    """What a selection stands for: the filter, the head it was made at, how many samples, and their digest."""

    chosen: Mapping[str, Any]
    position: int
    count: int
    digest: str


class Handles:
    """The cursors and selections that one server has given out; any thread may use it."""

    def __init__(self) -> None:
        """Draw the key."""
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def cursor(self, tool: str, asked: Mapping[str, Any], position: int, after: str) -> str:
        """Return a short name for the page of `asked` that begins behind the key `after`, at the head `position`.

        `asked` are the arguments that decide which rows there are and in which order, as JSON values.
        """
        return self._give(_CURSOR, [tool, dict(asked), position, after])

    def follow(self, tool: str, asked: Mapping[str, Any], cursor: str, position: int) -> str:
        """Return the key behind which a cursor's page begins.

        Raises BadRequest unless this process gave it for the same tool and arguments, and the head is still there.
        """
        kept = self._take(_CURSOR, cursor)
        if kept is None:
            raise BadRequest("This server did not give out that cursor, or has forgotten it", hint=_AGAIN)
        its_tool, its_asked, its_position, after = kept
        if its_tool != tool or _plain(its_asked) != _plain(dict(asked)):
            step = "Repeat the arguments of the call that gave the cursor, or leave the cursor out."
            raise BadRequest("That cursor belongs to another question", hint=step)
        if its_position != position:
            moved = f"The ledger has moved on from @{its_position} to @{position}, so the pages no longer fit together"
            raise BadRequest(moved, hint=_AGAIN)
        return str(after)

    def selection(self, chosen: Mapping[str, Any], position: int, count: int, digest: str) -> str:
        """Return a short name for the samples that a filter finds at a head."""
        return self._give(_SELECTION, [dict(chosen), position, count, digest])

    def chosen(self, handle: str) -> Chosen:
        """Return what a selection stands for; raise BadRequest unless this process gave it."""
        kept = self._take(_SELECTION, handle)
        if kept is None:
            raise BadRequest("This server did not give out that selection, or has forgotten it", hint=_SELECT)
        return Chosen(*kept)

    def _give(self, kind: str, content: list[Any]) -> str:
        body = _plain(content)
        name = self._name(kind, body)
        with self._lock:
            if name not in self._kept:
                self._bytes += len(body)
            self._kept[name] = body
            self._kept.move_to_end(name)
            while len(self._kept) > MOST or (self._bytes > LARGEST and len(self._kept) > 1):
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return name

    def _take(self, kind: str, name: str) -> list[Any] | None:
        with self._lock:
            body = self._kept.get(name)
            if body is not None:
                self._kept.move_to_end(name)
        # A name is compared with the digest of what stands under it, in constant time, also where nothing does.
        sound = hmac.compare_digest(self._name(kind, body or b"").encode(), name.encode(errors="replace"))
        content: list[Any] | None = json.loads(body) if sound and body is not None else None
        return content

    def _name(self, kind: str, body: bytes) -> str:
        return kind + hmac.new(self._key, kind.encode() + body, hashlib.sha256).hexdigest()[:_DIGITS]


def _plain(content: object) -> bytes:
    """Return JSON that is the same for the same values."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_set).encode()


def _set(value: object) -> list[Any]:
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a handle")
