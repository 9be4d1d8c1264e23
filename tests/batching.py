"""Batches for tests: a journal that knows which batch a call was sent in, and runs that are cut off and go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from ledger.agents.batch import Batches, Open, Sent, Settings
from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Outcome
from ledger.agents.opening import Opened
from tests.calling import Notes, Ran, Step, call, each, with_opened
from tests.provider.handle import Provider

QUICK = Settings(linger=0.2, wait=lambda _: 0.02)
SHARED = "These rules hold for every sample. " * 400
"""Instructions that are long enough to be kept by every model."""


class Cut(Exception):  # noqa: N818 - what a test does to a run
    """The journal stops at a step, as a program that is killed would."""


class BatchNotes(Notes):
    """Notes that know the batches; from step `until` on nothing is stored any more."""

    def __init__(self, until: int | None = None, before: BatchNotes | None = None) -> None:
        """Begin where another one ended."""
        super().__init__()
        self.steps = [] if before is None else list(before.steps)
        self.batch_of: dict[tuple[str, int], str | None] = {} if before is None else dict(before.batch_of)
        self.since: float | None = None
        self._until = None if until is None else until + len(self.steps)

    async def sent(self, call: Call, attempt: int, reserved: Decimal, batch: str | None = None) -> bool:
        """Note in which batch it goes, too."""
        if not await super().sent(call, attempt, reserved, batch):
            return False
        self.batch_of[call.key, attempt] = batch
        return True

    def open(self) -> dict[str, Open]:
        """Return the batches whose end nobody has heard."""
        ended = {(step.key, step.attempt) for step in self.steps if step.what in {"replied", "failed"}}
        ids = {step.key: step.detail[0] for step in self.of("submitted")}
        found: dict[str, Open] = {}
        for step in self.of("sent"):
            batch = self.batch_of[step.key, step.attempt]
            if batch is not None and (step.key, step.attempt) not in ended:
                one = found.setdefault(batch, Open(ids.get(batch), {}, self.since))
                one.sent[step.key] = Sent(step.attempt, step.detail)  # type: ignore[index]
        return found

    def answered(self) -> set[str]:
        """Return the keys of the calls that have a reply."""
        return {step.key for step in self.of("replied")}

    async def _note(self, step: Step) -> None:
        await asyncio.sleep(0)
        if self._until is not None and len(self.steps) >= self._until:
            raise Cut
        self.steps.append(step)


def calls_of(opened: Opened, many: int, *, shared: bool = False) -> list[Call]:
    """Return calls about texts of their own; `shared`: with long instructions that are to be kept."""
    if not shared:
        return [call(opened, f"text {number}.") for number in range(many)]
    made = []
    for number in range(many):
        request = opened.request([(SHARED, "1h")], f'{{"text": "text {number}."}}', None, 60)
        digest = opened.digest(request)
        made.append(Call(digest.hex(), request, digest))
    return made


def batches(opened: Opened, settings: Settings = QUICK, notes: BatchNotes | None = None) -> Batches:
    """Return a backend that goes on where a journal ended."""
    made = opened.backend
    assert isinstance(made, Batches)
    known = {} if notes is None else notes.open()
    heard = set() if notes is None else {step.detail[0] for step in notes.of("submitted")}
    made.budget.spent += sum((one.reserved for each_ in known.values() for one in each_.sent.values()), Decimal(0))
    return Batches(made.api, made.live, made.budget, made.prices, known=known, heard=heard, settings=settings)


async def collect(backend: Batches, calls: AsyncIterator[Call], notes: Notes) -> Ran:
    """Run calls to the end, whatever it is."""
    outcomes: list[Outcome] = []
    error = None
    try:
        async for outcome in backend.run(calls, notes):
            outcomes.append(outcome)  # noqa: PERF401 - kept when it ends early
    except Exception as raised:  # noqa: BLE001 - the test looks at it
        error = raised
    return Ran(outcomes, notes, backend.budget, error)


def run_batches(
    provider: Provider,
    many: int,
    *,
    shared: bool = False,
    settings: Settings = QUICK,
    notes: BatchNotes | None = None,
    until: int | None = None,
    **options: Any,  # noqa: ANN401 - options of open_backend
) -> Ran:
    """Ask `many` questions in batches, going on where `notes` end: what is answered there is not asked."""

    async def use(opened: Opened) -> Ran:
        after = BatchNotes(until, notes)
        answered = after.answered()
        left = [one for one in calls_of(opened, many, shared=shared) if one.key not in answered]
        return await collect(batches(opened, settings, notes), each(left), after)

    given: dict[str, Any] = {"model": "claude-sonnet-5-5", "budget": Budget(None), "mode": "batch"} | options
    return with_opened(provider, use, **given)


async def first_few(backend: Batches, calls: AsyncIterator[Call], notes: Notes, many: int) -> list[Outcome]:
    """Return the first outcomes, and leave."""
    found: list[Outcome] = []
    async with aclosing(backend.run(calls, notes)) as outcomes:  # type: ignore[type-var]
        async for outcome in outcomes:
            found.append(outcome)
            if len(found) == many:
                break
    return found
