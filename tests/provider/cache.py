"""The prompt cache: what a prefix costs, and when it can be read.

A prefix ends at a cache_control; its identity is everything up to there. It can be read once the answer of the request
that wrote it has begun, until it has not been read for as long as it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from tests.provider.models import Model, Tokens, counted

_SECONDS = {"5m": 300.0, "1h": 3600.0}
BEGINS = 0.3
"""The share of a request's time after which its answer begins."""


class Breakpoint(NamedTuple):
    """A prefix: its digest, its tokens, and how long it is asked to be kept."""

    digest: str
    tokens: int
    keep: str


class _Entry(NamedTuple):
    visible: float
    expires: float


def pieces(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of a prompt in the order in which they are read: tools, system, messages."""
    yield from body.get("tools") or ()
    system = body.get("system") or ()
    yield from [{"type": "text", "text": system}] if isinstance(system, str) else system
    for message in body.get("messages", ()):
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        yield from ({**part, "role": message["role"]} for part in parts)


def text_of(piece: Mapping[str, Any]) -> str:
    """Return what of a piece counts as text."""
    return str(piece["text"]) if piece.get("type") == "text" else json.dumps(piece, sort_keys=True)


def breakpoints(model: Model, body: Mapping[str, Any]) -> tuple[list[Breakpoint], int]:
    """Return the prefixes of a request and the tokens of its whole prompt."""
    schema = json.dumps((body.get("output_config") or {}).get("format"), sort_keys=True)
    running = sha256(f"{model.id}{schema}".encode())
    found, texts = [], []
    for piece in pieces(body):
        texts.append(text_of(piece))
        running.update(json.dumps({**piece, "cache_control": None}, sort_keys=True).encode())
        if control := piece.get("cache_control"):
            found.append(Breakpoint(running.hexdigest(), counted(model, texts), control.get("ttl", "5m")))
    return found, counted(model, texts)


class Cache:
    """What is kept, for all models."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[str, _Entry] = {}

    def used(self, model: Model, body: Mapping[str, Any], now: float) -> tuple[Tokens, list[Breakpoint]]:
        """Return the input that a request uses, and the prefixes that it will write."""
        found, whole = breakpoints(model, body)
        known = [one for one in found if one.tokens >= model.cache_minimum]
        read = max((one.tokens for one in known if self._readable(one, now)), default=0)
        new = [one for one in known if one.tokens > read]
        written, last = {"5m": 0, "1h": 0}, read
        for one in new:
            written[one.keep] += one.tokens - last
            last = one.tokens
        return Tokens(whole - last, written["5m"], written["1h"], read), new

    def write(self, new: list[Breakpoint], visible: float) -> None:
        """Keep prefixes, which can be read from `visible` on."""
        for one in new:
            entry = self._kept.get(one.digest)
            if entry is None or entry.expires <= visible:
                self._kept[one.digest] = _Entry(visible, visible + _SECONDS[one.keep])

    def _readable(self, one: Breakpoint, now: float) -> bool:
        entry = self._kept.get(one.digest)
        if entry is None or not entry.visible <= now < entry.expires:
            return False
        self._kept[one.digest] = entry._replace(expires=now + _SECONDS[one.keep])
        return True
