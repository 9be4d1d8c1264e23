"""What a request asks a provider to keep: the fronts of its prompt, each up to a block that says so.

A prompt is read as tools, then system, then messages. Two requests whose fronts are equal share what is kept of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from blake3 import blake3

from ledger.agents.contract import Request

SHORT, LONG = "5m", "1h"
"""How long a front can be kept."""

_MARK = "cache_control"
_OUTSIDE = frozenset({"tools", "system", "messages", "max_tokens", "metadata", "stream"})
"""What of a request has no say in whether a front fits, beside the blocks; anything else (model, thinking) has."""


class Front(NamedTuple):
    """The front of a request up to a mark: its address, the bytes of its blocks, and how long it is to be kept."""

    digest: bytes
    size: int
    keep: str


def fronts(request: Request) -> list[Front]:
    """Return the fronts that a request wants kept, the shortest first."""
    others = {key: value for key, value in request.items() if key not in _OUTSIDE}
    hasher = blake3(_written(others))
    size = 0
    found = []
    for block in _blocks(request):
        written = _written(block)
        hasher.update(b"%d:" % len(written))
        hasher.update(written)
        size += len(written)
        if (keep := _mark(block)) is not None:
            found.append(Front(hasher.digest(), size, keep))
    return found


def _blocks(request: Request) -> Iterator[Any]:
    yield from request.get("tools") or ()
    yield from _texts(request.get("system") or ())
    for message in request.get("messages") or ():
        for block in _texts(message.get("content") or ()):
            yield {"role": message.get("role"), **block}


def _texts(content: Any) -> Any:  # noqa: ANN401 - JSON
    """Return blocks, also of a content that is one text."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _mark(block: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return how long a block asks to be kept; None where it does not ask."""
    mark = block.get(_MARK) if isinstance(block, dict) else None
    return mark.get("ttl", SHORT) if isinstance(mark, dict) else None


def _written(value: Any) -> bytes:  # noqa: ANN401 - JSON
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
