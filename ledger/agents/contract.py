"""What passes between the work to be done, which knows samples, and the providers of models, which do not.

The work gives calls; a backend sends them, live or in batches, and tells a journal of every step before it goes on:
that a request is about to be sent, what came back as it came, that an attempt failed. What a reply is worth is judged
by the work, which may give another call for the same sample.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

Request: TypeAlias = Mapping[str, Any]
"""The body of a request as the Messages API takes it: model, max_tokens, system, messages, output_config and so on."""

LIVE, BATCH = "live", "batch"
MODES = (LIVE, BATCH)

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "rate_limited": "the provider asks to wait",
        "overloaded": "the provider is overloaded",
        "server_error": "the provider failed",
        "timed_out": "no reply came in time; it may have been paid for",
        "connection_lost": "the connection broke before the request was whole, so nothing was paid for",
        "reply_lost": "the reply was lost after the request was sent; it may have been paid for",
        "bad_request": "the provider refuses the request as it is",
        "not_allowed": "the provider does not accept the key, or it may not use the model",
        "spend_limit": "the provider's own limit of spending is reached",
        "expired": "the batch ended before the request's turn came",
        "canceled": "the batch was cancelled",
    }
)
"""Why an attempt has no reply that can be read."""
TRANSIENT = frozenset({"rate_limited", "overloaded", "server_error", "timed_out", "connection_lost", "reply_lost"})
"""Those that another attempt may mend; of the others `expired` and `canceled` were never paid for."""
PAID_PERHAPS = frozenset({"reply_lost", "timed_out"})
"""Those after which the provider may have been paid all the same."""
STOPPING = frozenset({"not_allowed", "spend_limit"})
"""Those after which no other call can succeed either: the whole work stops, and nothing fails for it."""


class Call(NamedTuple):
    """One question to a model: `key` names it for good (64 hexadecimal digits), whatever attempts it takes.

    `digest` is that of the request. A key is made of it and of what distinguishes equal requests.
    """

    key: str
    request: Request
    digest: bytes


class Usage(NamedTuple):
    """Tokens of one reply, as the provider counts them; `prompt` is all that went in, cached or not."""

    prompt: int
    output: int
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0


class Reply(NamedTuple):
    """What a provider answered with status 200, as it came, and what can be said of it without judging it.

    `usage` and `stop` are None where the bytes do not say; `cost` in dollars is None then, and the reserved sum stands.
    """

    status: int
    body: bytes
    request_id: str | None
    milliseconds: int
    stop: str | None
    usage: Usage | None
    cost: Decimal | None


class Failure(NamedTuple):
    """Why an attempt has no reply: one of FAILURES, and a sentence of this program without a word of the sample.

    `wait` is how many seconds the provider asks for.
    """

    kind: str
    detail: str
    status: int | None = None
    wait: float | None = None

    @property
    def paid(self) -> bool:
        """Say whether it may have been paid for: its kind says so, here as in the log."""
        return self.kind in PAID_PERHAPS


class Outcome(NamedTuple):
    """What became of a call in the end: a reply, or the failure of its last attempt."""

    call: Call
    attempts: int
    reply: Reply | None
    failure: Failure | None


class Journal(Protocol):
    """Who hears of every step. Each method returns only when what it was told is stored for good."""

    async def sent(self, call: Call, attempt: int, reserved: Decimal, batch: str | None = None) -> None:
        """Hear that an attempt (from 1) is about to be sent, for which so many dollars are set aside."""

    async def replied(self, call: Call, attempt: int, reply: Reply) -> None:
        """Hear what came back; nothing has read it yet but for what stands in Reply."""

    async def failed(self, call: Call, attempt: int, failure: Failure) -> None:
        """Hear that an attempt has no reply."""

    async def submitted(self, batch: str, calls: int, provider_id: str, *, adopted: bool) -> None:
        """Hear that the provider holds a batch, whose digest is `batch`."""


class Backend(Protocol):
    """Where calls are answered: live or in batches, by whichever provider."""

    def run(self, calls: AsyncIterator[Call], journal: Journal) -> AsyncIterator[Outcome]:
        """Yield what became of each call, in the order in which they end; never more than the budget allows.

        Raises Stopped when no further call can be sent; those in flight are waited for and yielded before that.
        Closing the iterator drains it: nothing new is sent, and what is in flight is waited for.
        """
        ...


class Stopped(Exception):  # noqa: N818 - what happened to the work, which is no error of this program
    """The work cannot go on: `budget`, or one of STOPPING, with a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say why, in a word and in a sentence."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
