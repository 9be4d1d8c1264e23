"""Finding a batch again of which nobody heard whether the provider took it.

Handing it in once more would pay for all of it twice. The provider lists the batches that it holds: one with as many
requests, of which nothing is known here, may be the one that is missed. Which it is only its results can tell, by the
keys of the calls; so one that goes on still is waited for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from ledger.agents.api import Api, Held
from ledger.agents.patience import Patience

LOOKS = 6
"""How often the list is asked for before it counts as certain that the provider never took a batch."""
_LATER = 3
"""Steps by which pauses between looks are longer than others: a minute in all, since a batch may be listed late."""
FARTHEST = 2_000
"""Batches of the list that are looked at, the youngest first."""
_SLACK = 3600.0
"""Seconds by which the clocks of the two sides may differ."""


class Missed(NamedTuple):
    """What is known of a batch that is missed: the keys of its calls, and when it was sent (seconds of the epoch)."""

    keys: Collection[str]
    since: float | None = None


async def find(api: Api, missed: Missed, heard: Collection[str], patience: Patience) -> str | None:
    """Return the provider's id of a missed batch, or None where the provider never took it.

    `heard` are ids that are known to be those of other batches. Raises Left, and Refused where the provider refuses to
    tell for a reason that does not pass.
    """
    others = set(heard)
    for look in range(LOOKS):
        if look:
            await patience.pause(look + _LATER)
        for one in await patience.ask(lambda: _listed(api, missed)):
            if one.id not in others:
                if await _holds(api, one, missed.keys, patience):
                    return one.id
                others.add(one.id)
    return None


async def ended(api: Api, provider_id: str, patience: Patience) -> Held:
    """Return a batch when it has ended, however long that takes; raises Left, and Refused as `Patience.ask` does."""
    look = 0
    while not (held := await patience.ask(lambda: api.held(provider_id))).ended:
        await patience.pause(look)
        look += 1
    return held


async def _listed(api: Api, missed: Missed) -> list[Held]:
    """Return the batches that may be the one that is missed, the youngest first."""
    found: list[Held] = []
    seen = 0
    async for one in api.listed():
        seen += 1
        if seen > FARTHEST or _is_before(one.created, missed.since):
            break
        if one.size == len(missed.keys):
            found.append(one)
    return found


def _is_before(created: str, since: float | None) -> bool:
    """Say whether a batch is older than one that was sent at a time; unknown times say nothing."""
    if since is None:
        return False
    try:
        return datetime.fromisoformat(created).timestamp() < since - _SLACK
    except ValueError:
        return False


async def _holds(api: Api, held: Held, keys: Collection[str], patience: Patience) -> bool:
    """Say whether a batch has exactly these calls, once it has ended."""

    async def read() -> bool:
        found = set()
        async for result in api.results(held.id):
            if result.key not in keys:
                return False
            found.add(result.key)
        return len(found) == len(keys)

    await ended(api, held.id, patience)
    return await patience.ask(read)
