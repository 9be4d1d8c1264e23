"""ledger.agents.budget: what is set aside before sending, and settled after."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.budget import Budget

CENTS = st.integers(0, 500).map(lambda cents: Decimal(cents) / 100)


@given(
    CENTS, st.lists(st.tuples(CENTS, st.none() | st.integers(0, 100)), max_size=30), st.randoms(use_true_random=False)
)
def test_the_cap_holds_whatever_is_settled(
    cap: Decimal, steps: list[tuple[Decimal, int | None]], order: Random
) -> None:
    """Spent and set aside together never exceed the cap, in whichever order sums are settled, known or not."""
    budget = Budget(cap)
    open_: list[tuple[Decimal, Decimal | None]] = []
    for worst, percent in steps:
        if budget.reserve(worst):
            open_.append((worst, None if percent is None else worst * percent / 100))
        assert budget.spent + budget.reserved <= cap
        if open_ and order.random() < 0.5:
            budget.settle(*open_.pop(0))
        assert budget.spent + budget.reserved <= cap
    for one in open_:
        budget.settle(*one)
    assert budget.reserved == 0
    assert budget.spent <= cap


def test_what_nobody_knows_counts_in_full() -> None:
    """A lost reply costs what was set aside for it; what was never paid for costs nothing."""
    budget = Budget(Decimal(1))
    assert budget.reserve(Decimal("0.4"))
    budget.settle(Decimal("0.4"), None)
    assert budget.reserve(Decimal("0.5"))
    budget.release(Decimal("0.5"))
    assert (budget.spent, budget.reserved, budget.left) == (Decimal("0.4"), Decimal(0), Decimal("0.6"))


def test_who_waits_gets_what_becomes_free() -> None:
    """A sum that is not covered now waits for what is under way, and is refused when nothing is."""

    async def run() -> tuple[bool, bool]:
        budget = Budget(Decimal(1))
        assert budget.reserve(Decimal("0.9"))
        asyncio.get_running_loop().call_later(0.01, budget.settle, Decimal("0.9"), Decimal("0.1"))
        return await budget.take(Decimal("0.5")), await Budget(Decimal(1)).take(Decimal("1.1"))

    assert asyncio.run(run()) == (True, False)


def test_who_waits_is_woken_to_stop() -> None:
    """Whoever waits for money leaves as soon as there is no more to be sent."""

    async def run() -> bool:
        budget, halted = Budget(Decimal(1)), asyncio.Event()
        assert budget.reserve(Decimal(1))
        waiting = asyncio.create_task(budget.take(Decimal(1), halted.is_set))
        await asyncio.sleep(0.01)
        halted.set()
        budget.wake()
        return await waiting

    assert asyncio.run(run()) is False


def test_four_fifths_are_told_once() -> None:
    """The warning comes once, with what is spent and the cap; without a cap there is none."""
    told: list[tuple[Decimal, Decimal]] = []
    budget = Budget(Decimal(10), Decimal(7), warn=lambda spent, cap: told.append((spent, cap)))
    free = Budget(None, warn=lambda spent, cap: told.append((spent, cap)))
    for cost in (Decimal("0.5"), Decimal("0.6"), Decimal("0.7")):
        for one in (budget, free):
            assert one.reserve(cost)
            one.settle(cost, cost)
    assert told == [(Decimal("8.1"), Decimal(10))]
    assert free.left is None
