"""One batch from end to end: said in the journal, handed in or found again, waited for, its results told.

Results come in any order and may come twice. They are put aside until they are whole and told in the order of the
calls, so that the same replies make the same log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple, Self, TypeVar

from ledger.agents.adoption import Missed, ended, find
from ledger.agents.api import Answer, Api, Refused, Result
from ledger.agents.budget import Budget
from ledger.agents.contract import BATCH, STOPPING, TRANSIENT, Call, Failure, Journal, Outcome, Stopped
from ledger.agents.patience import Patience
from ledger.agents.prices import Prices
from ledger.agents.replies import reply
from ledger.digest import digest_of

_T = TypeVar("_T")

UNHEARD = frozenset({"reply_lost", "timed_out", "server_error", "overloaded"})
"""Failures of handing a batch in after which the provider may hold it all the same."""
HAND_INS = 5
"""How often a batch is handed in that the provider, as far as it can be told, does not hold."""
KEPT_SECONDS = 29 * 86_400.0
"""How long a provider keeps the results of a batch."""

_TOGETHER = 500
"""Steps of the journal that are under way at a time: it stores those together."""
_READS = 3
_IN_MEMORY = 32_000_000
_MISSING = Failure("reply_lost", "The batch has ended, and its results do not name the call.")
_TOO_OLD = Failure("reply_lost", "The batch is so old that the provider has dropped its results.")
_NEVER = Failure("connection_lost", "The provider never took the batch that the call was part of.")


class Try(NamedTuple):
    """One call on an attempt (from 1), and the dollars that are set aside for it."""

    call: Call
    attempt: int
    reserved: Decimal = Decimal(0)


@dataclass
class Desk:
    """Where batches are handed in; `tell` hears what became of each call in the end."""

    api: Api
    budget: Budget
    prices: Prices
    journal: Journal
    patience: Patience
    heard: set[str]
    tell: Callable[[Outcome], None]
    attempts: int = 3
    now: Callable[[], float] = time.time

    async def send(self, tries: Sequence[Try]) -> list[Try]:
        """Answer calls in a batch, for which money is set aside; return those that are to be tried again.

        Raises Stopped where the provider refuses the batch, and Left.
        """
        digest = digest_of([[one.call.key, one.attempt] for one in tries]).hex()
        await _each(self.journal.sent(one.call, one.attempt, one.reserved, digest) for one in tries)
        provider_id = await self._hand_in(digest, tries)
        return await self._collect(tries, provider_id, self.now())

    async def resume(self, digest: str, tries: Sequence[Try], provider_id: str | None, missed: Missed) -> list[Try]:
        """Answer calls of a batch that an earlier run sent, as `send` does; it is looked for where no id is known."""
        if provider_id is None:
            provider_id = await self._look_for(missed)
            if provider_id is None:
                return await self._all_failed(tries, _NEVER)
            await self._submitted(digest, len(missed.keys), provider_id, adopted=True)
        return await self._collect(tries, provider_id, missed.since)

    async def _hand_in(self, digest: str, tries: Sequence[Try]) -> str:
        """Return the provider's id of a batch that it takes now, or has taken without our hearing of it."""
        failure = _NEVER
        for look in range(HAND_INS):
            try:
                held = await self.api.submit([one.call for one in tries])
            except Refused as refused:
                failure = refused.failure
            else:
                return await self._submitted(digest, len(tries), held.id, adopted=False)
            if failure.kind in UNHEARD:
                found = await self._look_for(Missed({one.call.key for one in tries}, self.now()))
                if found is not None:
                    return await self._submitted(digest, len(tries), found, adopted=True)
            if failure.kind not in TRANSIENT:
                break
            await self.patience.pause(look, failure.wait)
        unpaid = _NEVER if failure.paid else failure
        await _each(self._failed(one, unpaid) for one in tries)
        raise Stopped(failure.kind, f"The provider does not take a batch: {failure.detail}")

    async def _submitted(self, digest: str, calls: int, provider_id: str, *, adopted: bool) -> str:
        self.heard.add(provider_id)
        await self.journal.submitted(digest, calls, provider_id, adopted=adopted)
        return provider_id

    async def _look_for(self, missed: Missed) -> str | None:
        try:
            return await find(self.api, missed, self.heard, self.patience)
        except Refused as refused:
            raise Stopped(
                refused.failure.kind, f"The provider does not say which batches it holds: {refused.failure.detail}"
            ) from refused

    async def _collect(self, tries: Sequence[Try], provider_id: str, since: float | None) -> list[Try]:
        """Tell what became of each call when the batch has ended; return those that are to be tried again."""
        with _Results({one.call.key for one in tries}) as results:
            try:
                await ended(self.api, provider_id, self.patience)
                await self._read(provider_id, results)
            except Refused as refused:
                if refused.failure.kind in STOPPING or since is None or self.now() - since < KEPT_SECONDS:
                    raise Stopped(
                        refused.failure.kind, f"The provider does not show a batch: {refused.failure.detail}"
                    ) from refused
                return await self._all_failed(tries, _TOO_OLD)
            told = (self._told(one, results.get(one.call.key)) for one in tries)
            return [one for one in await _each(told) if one is not None]

    async def _read(self, provider_id: str, results: _Results) -> None:
        async def whole() -> None:
            async for result in self.api.results(provider_id):
                results.put(result)

        for look in range(_READS):
            await self.patience.ask(whole)
            if results.complete:
                return
            await self.patience.pause(look)

    async def _told(self, one: Try, result: Result) -> Try | None:
        """Say in the journal what became of a call; return it where it is to be tried again."""
        if result.body is None:
            return await self._failed(one, result.failure or _MISSING, may_retry=True)
        got = reply(Answer(result.body, {}, None, 0), self.prices, BATCH)  # a batch has no time of one reply
        await self.journal.replied(one.call, one.attempt, got)
        self.budget.settle(one.reserved, got.cost)
        self.tell(Outcome(one.call, one.attempt, got, None))
        return None

    async def _all_failed(self, tries: Sequence[Try], failure: Failure) -> list[Try]:
        again = await _each(self._failed(one, failure, may_retry=True) for one in tries)
        return [one for one in again if one is not None]

    async def _failed(self, one: Try, failure: Failure, *, may_retry: bool = False) -> Try | None:
        await self.journal.failed(one.call, one.attempt, failure)
        self.budget.settle(one.reserved, None if failure.paid else Decimal(0))
        if not may_retry:
            return None
        if failure.kind in TRANSIENT and one.attempt < self.attempts:
            return Try(one.call, one.attempt + 1)
        self.tell(Outcome(one.call, one.attempt, None, failure))
        return None


class _Results:
    """The results of a batch, aside in a file until they are whole, by the keys of those that are wanted."""

    def __init__(self, keys: set[str]) -> None:
        self._keys = keys
        self._found: dict[str, tuple[int, int] | Failure] = {}
        self._file: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed with this

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def complete(self) -> bool:
        return len(self._found) == len(self._keys)

    def put(self, result: Result) -> None:
        """Keep a result that is wanted; the first that came stands."""
        if result.key not in self._keys or result.key in self._found:
            return
        if result.body is None:
            self._found[result.key] = result.failure or _MISSING
        else:
            self._found[result.key] = (self._file.seek(0, 2), self._file.write(result.body))

    def get(self, key: str) -> Result:
        """Return the result of a call; one that is missing says so."""
        found = self._found.get(key, _MISSING)
        if isinstance(found, Failure):
            return Result(key, None, found)
        self._file.seek(found[0])
        return Result(key, self._file.read(found[1]), None)


async def _each(steps: Iterable[Awaitable[_T]]) -> list[_T]:
    """Return what all steps return, in their order; a few hundred are under way at a time."""
    done: list[_T] = []
    rest = iter(steps)
    while chunk := list(islice(rest, _TOGETHER)):
        done += await asyncio.gather(*chunk)
    return done
