"""ledger.agents.patience: what may pass is asked again, what lasts comes through, and leaving ends it all."""

from __future__ import annotations

import asyncio
import time

import pytest

from ledger.agents.api import Refused
from ledger.agents.contract import FAILURES, TRANSIENT, Failure
from ledger.agents.patience import PATIENCE, Left, Patience, growing


async def asked(kind: str, times: int, patience: Patience, wait: float | None = None) -> int:
    """Ask something that is refused so many times; return how often it was asked."""
    seen = 0

    async def question() -> int:
        nonlocal seen
        seen += 1
        if seen <= times:
            raise Refused(Failure(kind, "no", wait=wait))
        return seen

    return await patience.ask(question)


@pytest.mark.parametrize("kind", sorted(TRANSIENT))
def test_what_may_pass_is_asked_again(kind: str) -> None:
    """Until it is answered."""
    assert asyncio.run(asked(kind, 5, Patience(lambda _: 0.0))) == 6


@pytest.mark.parametrize("kind", sorted(FAILURES.keys() - TRANSIENT))
def test_what_lasts_comes_through(kind: str) -> None:
    """The first time."""
    with pytest.raises(Refused) as refused:
        asyncio.run(asked(kind, 1, Patience(lambda _: 0.0)))
    assert refused.value.failure.kind == kind


def test_nobody_is_asked_for_ever() -> None:
    """What does not pass comes through in the end."""
    with pytest.raises(Refused):
        asyncio.run(asked("overloaded", PATIENCE + 1, Patience(lambda _: 0.0)))


def test_a_provider_that_says_how_long_is_obeyed() -> None:
    """The pause is as long as it asks for, where that is longer."""
    began = time.monotonic()
    asyncio.run(asked("rate_limited", 1, Patience(lambda _: 0.0), 0.2))
    assert time.monotonic() - began >= 0.2


def test_leaving_ends_a_pause_and_every_later_one() -> None:
    """Whoever waits hears of it at once."""

    async def run() -> None:
        patience = Patience(lambda _: 60.0)
        waiting = asyncio.create_task(patience.pause(0))
        await asyncio.sleep(0.01)
        patience.leave()
        for pause in (waiting, patience.pause(3, 100.0)):
            with pytest.raises(Left):
                await pause

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 10


def test_pauses_grow_to_a_minute() -> None:
    """From a second on, never longer than a minute, however often."""
    pauses = [growing(look) for look in range(1000)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, 60.0)
