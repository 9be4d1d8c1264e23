"""How many tokens prompts have: as the provider counts some of them, or, where it cannot be asked, from their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

import orjson

from ledger.agents.api import Api, Refused
from ledger.agents.contract import Request
from ledger.agents.prefixes import Front, fronts

COUNTED = 200
"""Prompts that the provider is asked to count at the most; it counts for nothing, at a rate of its own."""
_TOGETHER = 4
_FRONTS = 4
_EXACT, _SAMPLED, _BYTES = "counted", "sampled", "bytes"
_TOKENS_A_BYTE = (0.18, 0.31, 0.5)
"""From five and a half bytes a token, as plain English has, to two, as dense JSON or other scripts have."""
_SURE, _FEW = 3.0, 8.0
"""Standard errors on either side of a mean: three, and eight divided by the size of the sample, which is about what
Student's distribution asks for where no more than one mean in a hundred is to lie beyond."""
_LEAST = 0.01
"""A sample never says more exactly than this part of what it says."""


class Range(NamedTuple):
    """A number as far as it is known: it is hardly less than `low` and hardly more than `high`."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> Range:
        """Return all three times a factor."""
        return Range(*(number * factor for number in self))


class Counted(NamedTuple):
    """Tokens for each byte of a request, how that is known, and of how many prompts the provider counted the tokens.

    `fronts` has the tokens of fronts (by their digests) that were counted on their own.
    """

    ratio: Range
    how: str
    prompts: int
    fronts: Mapping[bytes, int]


def size_of(request: Request) -> int:
    """Return the bytes of what a provider reads of a request."""
    return len(orjson.dumps([request.get(name) for name in ("tools", "system", "messages", "output_config")]))


async def count(api: Api | None, requests: Sequence[Request], most: int = COUNTED) -> Counted:
    """Return how many tokens requests have for each byte; `api` None, or one that does not count, leaves the bytes.

    The provider counts up to `most` of them, evenly spread over their sizes.
    """
    chosen = spread(sorted(requests, key=size_of), most)
    counted = [] if api is None else await _all_counted(api, chosen)
    pairs = [(size_of(request), tokens) for request, tokens in zip(chosen, counted, strict=False) if tokens]
    if api is None or not pairs:
        return Counted(Range(*_TOKENS_A_BYTE), _BYTES, 0, {})
    ratio = sum(tokens for _, tokens in pairs) / sum(size for size, _ in pairs)
    alone = await _fronts(api, chosen)
    if len(pairs) == len(requests):
        return Counted(Range(ratio, ratio, ratio), _EXACT, len(pairs), alone)
    return Counted(_around(ratio, pairs), _SAMPLED, len(pairs), alone)


def spread(things: Sequence[Any], most: int) -> list[Any]:
    """Return up to `most` of some things, evenly spread over their order, the first and the last among them."""
    if len(things) <= most:
        return list(things)
    if most == 1:
        return [things[len(things) // 2]]
    return [things[place * (len(things) - 1) // (most - 1)] for place in range(most)]


def mean_range(numbers: Sequence[float], least: float = _LEAST) -> Range:
    """Return a mean and how exactly it is known from a sample; at least so large a part on either side."""
    many, mean = len(numbers), sum(numbers) / len(numbers)
    spread_ = sqrt(sum((number - mean) ** 2 for number in numbers) / (many - 1)) if many > 1 else mean
    half = max((_SURE + _FEW / many) * spread_ / sqrt(many), least * mean)
    return Range(max(0.0, mean - half), mean, mean + half)


def _around(ratio: float, pairs: Sequence[tuple[int, int]]) -> Range:
    """Return a ratio of sums and how exactly it is known, from how far each prompt is off it."""
    mean_size = sum(size for size, _ in pairs) / len(pairs)
    off = mean_range([(tokens - ratio * size) / mean_size for size, tokens in pairs], 0.0)
    half = max(off.high - off.likely, _LEAST * ratio)
    return Range(max(0.0, ratio - half), ratio, ratio + half)


async def _all_counted(api: Api, requests: Sequence[Request]) -> list[int | None]:
    """Return the tokens of each prompt; nothing more is asked after the first that is not counted."""
    found: list[int | None] = []
    for start in range(0, len(requests), _TOGETHER):
        found += await asyncio.gather(*(_counted(api, one) for one in requests[start : start + _TOGETHER]))
        if found[-1] is None:
            break
    return found


async def _counted(api: Api, request: Request) -> int | None:
    try:
        return await api.count(request)
    except Refused:
        return None


async def _fronts(api: Api, requests: Sequence[Request]) -> dict[bytes, int]:
    """Return the tokens of the first few different fronts, each counted with next to nothing behind it."""
    seen: dict[bytes, Request] = {}
    for request in requests:
        for front, short in _alone(request):
            if len(seen) < _FRONTS:
                seen.setdefault(front.digest, short)
    counted = [(digest, await _counted(api, short)) for digest, short in seen.items()]
    return {digest: tokens for digest, tokens in counted if tokens is not None}


def _alone(request: Request) -> list[tuple[Front, Request]]:
    """Return the last front of a request with a request that has hardly anything else; none where it has no front."""
    found = fronts(request)
    system = request.get("system")
    if not found or not isinstance(system, (list, tuple)):
        return []
    ends = [place for place, block in enumerate(system) if "cache_control" in block]
    if not ends:
        return []
    least = [{"role": "user", "content": "."}]
    return [(found[-1], {**request, "system": list(system[: ends[-1] + 1]), "messages": least})]
