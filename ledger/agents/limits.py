"""A provider's limits, as the headers of its answers tell them, and buckets that mirror them on this side."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import NamedTuple

REQUESTS, PROMPT, OUTPUT, TOKENS = "requests", "prompt", "output", "tokens"
"""What a provider counts: requests, tokens of prompts that are not cached, tokens of answers, or both kinds as one."""

_MESSAGES = MappingProxyType(
    {
        REQUESTS: "anthropic-ratelimit-requests",
        PROMPT: "anthropic-ratelimit-input-tokens",
        OUTPUT: "anthropic-ratelimit-output-tokens",
    }
)
_CHAT = MappingProxyType({REQUESTS: "requests", TOKENS: "tokens"})
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,6})?", re.ASCII)
LONGEST_WAIT = 3600.0
"""No provider is waited for any longer at a time, in seconds, whatever it asks."""

FRACTION = 0.985
"""The part of a limit that is used; the rest is for what a mirror cannot know: clocks, roundings, delays."""
_BURST = 1.5
"""What may be sent at once after a pause, in seconds of the rate."""


class Seen(NamedTuple):
    """A limit for a minute, and how much of it is left just now."""

    limit: float
    left: float


def seen(headers: Mapping[str, str]) -> dict[str, Seen]:
    """Return the limits that headers, named in small letters, tell of; none where they do not."""
    found: dict[str, Seen] = {}
    for name, prefix in _MESSAGES.items():
        _note(found, name, headers.get(f"{prefix}-limit"), headers.get(f"{prefix}-remaining"))
    if not found:
        for name, part in _CHAT.items():
            limit, left = headers.get(f"x-ratelimit-limit-{part}"), headers.get(f"x-ratelimit-remaining-{part}")
            _note(found, name, limit, left)
    return found


def wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds a provider asks to wait, at most an hour; `now` is in seconds of the epoch."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if (number := _number(headers.get(name))) is not None:
            return min(number / unit, LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(until - now, 0.0), LONGEST_WAIT)


class Bucket:
    """A mirror of one of a provider's buckets that is never fuller than the provider's own.

    It fills a little more slowly, holds less, and is emptied when a request sets out, which is before it arrives.
    """

    def __init__(self, said: Seen, now: float) -> None:
        """Begin with what a provider says after one request, when its own bucket is as good as full."""
        self.limit = said.limit
        self.burst = max(1.0, min(said.left / 2, said.limit * _BURST / 60))
        self.level = min(self.burst, max(said.left, 0.0))
        self._at = now
        self._fraction = FRACTION

    @property
    def rate(self) -> float:
        """Return how much it gains in a second."""
        return max(self.limit * self._fraction / 60, 1e-6)

    def wait(self, amount: float, now: float) -> float:
        """Return in how many seconds so much can be taken; what is more than it ever holds may be taken when full."""
        self._fill(now)
        return max(0.0, (min(amount, self.burst) - self.level) / self.rate)

    def take(self, amount: float, now: float) -> None:
        """Take so much, or give back what is below nothing; it may go below empty."""
        self._fill(now)
        self.level = min(self.level - amount, self.burst)

    def sync(self, said: Seen, now: float) -> bool:
        """Go down to what the provider says is left, never up, and over to a new limit; say whether that is lower."""
        self._fill(now)
        lower = said.limit < self.limit
        if said.limit != self.limit and said.limit > 0:
            self.burst = max(1.0, self.burst * said.limit / self.limit)
            self.limit = said.limit
        self.level = min(self.level, self.burst, said.left)
        return lower

    def shrink(self, factor: float) -> None:
        """Use a smaller part of the limit (or a larger, at most the usual one)."""
        self._fraction = min(max(self._fraction * factor, FRACTION / 4), FRACTION)

    def _fill(self, now: float) -> None:
        self.level = min(self.level + max(now - self._at, 0.0) * self.rate, self.burst)
        self._at = max(now, self._at)


def _note(found: dict[str, Seen], name: str, limit: str | None, left: str | None) -> None:
    most, rest = _number(limit), _number(left)
    if most is not None and rest is not None and most > 0:
        found[name] = Seen(most, rest)


def _number(text: str | None) -> float | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
