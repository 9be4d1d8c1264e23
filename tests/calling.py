"""Calls to a provider, a journal that notes every step, and what a run of a backend brought."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Failure, Outcome, Reply
from ledger.agents.live import Live
from ledger.agents.opening import Opened, open_backend
from ledger.digest import blake3_bytes
from tests.provider.handle import Provider

MODEL = "claude-haiku-5-5"
T = TypeVar("T")


class Step(NamedTuple):
    """Something that a journal heard."""

    what: str
    key: str
    attempt: int
    detail: Any


class Notes:
    """A journal that keeps what it hears in order, and may take its time or break at a step."""

    def __init__(self, pause: float = 0.0, breaks: str = "") -> None:
        """Begin empty; `breaks` is the step that raises OSError."""
        self.steps: list[Step] = []
        self.pause = pause
        self.breaks = breaks
        self.withheld: set[str] = set()
        """Keys of calls that must not be sent any more."""

    async def sent(self, call: Call, attempt: int, reserved: Decimal, batch: str | None = None) -> bool:
        """Note that an attempt is about to be sent, unless it is withheld."""
        del batch
        if call.key in self.withheld:
            return False
        await self._note(Step("sent", call.key, attempt, reserved))
        return True

    async def replied(self, call: Call, attempt: int, reply: Reply) -> None:
        """Note what came back."""
        await self._note(Step("replied", call.key, attempt, reply))

    async def failed(self, call: Call, attempt: int, failure: Failure) -> None:
        """Note that an attempt has no reply."""
        await self._note(Step("failed", call.key, attempt, failure))

    async def submitted(self, batch: str, calls: int, provider_id: str, *, adopted: bool) -> None:
        """Note that the provider holds a batch."""
        await self._note(Step("submitted", batch, calls, (provider_id, adopted)))

    def of(self, what: str) -> list[Step]:
        """Return the steps of one kind."""
        return [step for step in self.steps if step.what == what]

    def failures(self) -> Counter[str]:
        """Return how many attempts failed, by their kinds."""
        return Counter(step.detail.kind for step in self.of("failed"))

    def known_cost(self) -> Decimal:
        """Return what the journal knows to be spent: costs, and what was set aside where nobody knows."""
        ends = {(step.key, step.attempt): step for step in self.steps if step.what != "sent"}
        return sum((_cost(step, ends.get((step.key, step.attempt))) for step in self.of("sent")), Decimal(0))

    async def _note(self, step: Step) -> None:
        await asyncio.sleep(self.pause)
        if step.what == self.breaks:
            raise OSError("the disk is full")
        self.steps.append(step)


class Ran(NamedTuple):
    """What a run brought: outcomes in their order, the journal, the budget, and what was raised at its end."""

    outcomes: list[Outcome]
    notes: Notes
    budget: Budget
    error: Exception | None


def call(opened: Opened, text: str, *, output: int = 60, number: int = 0) -> Call:
    """Return a call about a text; `number` tells equal ones apart."""
    request = opened.request([("Say something about it.", None)], json.dumps({"text": text}), None, output)
    digest = opened.digest(request)
    return Call(blake3_bytes(digest + bytes([number])).hex(), request, digest)


async def each(calls: list[Call]) -> AsyncIterator[Call]:
    """Give calls one after another."""
    for one in calls:
        yield one


def with_opened(provider: Provider, use: Callable[[Opened], Awaitable[T]], **options: Any) -> T:  # noqa: ANN401 - options of open_backend
    """Open the provider for a model, and return what comes of using it."""

    async def run() -> T:
        given: dict[str, Any] = {"base_url": provider.url, "budget": Budget(Decimal(100))} | options
        async with open_backend("anthropic", given.pop("model", MODEL), **given) as opened:
            return await use(opened)

    return asyncio.run(run())


async def collected(backend: Live, calls: AsyncIterator[Call], notes: Notes) -> Ran:
    """Run calls to the end, whatever it is."""
    outcomes, error = [], None
    try:
        async for outcome in backend.run(calls, notes):
            outcomes.append(outcome)  # noqa: PERF401 - what came before an error is kept
    except Exception as raised:  # noqa: BLE001 - the test looks at it
        error = raised
    return Ran(outcomes, notes, backend.budget, error)


def ran(provider: Provider, texts: list[str], notes: Notes | None = None, **options: Any) -> Ran:  # noqa: ANN401 - as above
    """Ask about texts, live."""

    async def use(opened: Opened) -> Ran:
        backend = opened.backend
        assert isinstance(backend, Live)
        return await collected(backend, each([call(opened, text) for text in texts]), notes or Notes())

    return with_opened(provider, use, **options)


def _cost(sent: Step, end: Step | None) -> Decimal:
    if end is None or (end.what == "failed" and end.detail.paid):
        return Decimal(sent.detail)
    if end.what == "failed":
        return Decimal(0)
    return Decimal(sent.detail if end.detail.cost is None else end.detail.cost)
