"""What a provider's interface offers, in no provider's words: to send one request, to count, to hold batches.

An interface sends what it is told once and says what came of it. It repeats nothing, keeps no budget and knows no
limits; whoever uses it does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.agents.contract import Call, Failure, Request
from ledger.agents.profiles import Profile


class Answer(NamedTuple):
    """An answer with status 200, as it came; `headers` are those that tell limits, in small letters."""

    body: bytes
    headers: Mapping[str, str]
    request_id: str | None
    milliseconds: int


class Held(NamedTuple):
    """A batch as the provider tells of it: how many requests it holds, and whether it has ended.

    `counts` has processing, succeeded, errored, canceled and expired; `created` is the provider's own time.
    """

    id: str
    ended: bool
    counts: Mapping[str, int]
    created: str

    @property
    def size(self) -> int:
        """Return how many requests it holds."""
        return sum(self.counts.values())


class Result(NamedTuple):
    """One line of a batch's results: the key of the call, and either the line as it came or why there is no reply."""

    key: str
    body: bytes | None
    failure: Failure | None


class Refused(Exception):  # noqa: N818 - what happened; it never reaches a user as it is
    """A request has no answer; `failure` says why, `headers` are those that tell limits, where any came."""

    def __init__(self, failure: Failure, headers: Mapping[str, str] | None = None) -> None:
        """Keep both; the message is a sentence of this program."""
        super().__init__(failure.detail)
        self.failure = failure
        self.headers: Mapping[str, str] = headers or {}


class Api(Protocol):
    """A provider's interface, opened for one model."""

    provider: str
    profile: Profile
    address: str
    """Where it is, as far as that may be shown: no name, no password, no path."""

    async def send(self, request: Request) -> Answer:
        """Send one request, once; raise Refused where there is no answer."""
        ...

    async def count(self, request: Request) -> int | None:
        """Return how many tokens a request's prompt has, or None where the provider does not count; raises Refused."""
        ...

    async def submit(self, calls: Sequence[Call]) -> Held:
        """Hand in a batch, once; raise Refused where no answer says that the provider holds it."""
        ...

    async def held(self, provider_id: str) -> Held:
        """Return what became of a batch so far; raises Refused."""
        ...

    def listed(self) -> AsyncIterator[Held]:
        """Yield the batches that the provider holds, youngest first; raises Refused."""
        ...

    def results(self, provider_id: str) -> AsyncIterator[Result]:
        """Yield the results of a batch that has ended, in any order; raises Refused."""
        ...

    async def cancel(self, provider_id: str) -> Held:
        """Ask for a batch to end early; raises Refused."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
