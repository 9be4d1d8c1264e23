"""ledger.agents.intake: calls come in groups, whole and in their order, whoever waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.contract import Call
from ledger.agents.intake import Intake, size_of


def call(number: int, text: str = "") -> Call:
    """Return a call."""
    return Call(f"{number:064x}", {"messages": [{"role": "user", "content": text}]}, b"")


async def given_(many: int, fails: bool = False) -> AsyncIterator[Call]:  # noqa: FBT001, FBT002 - a case
    """Give so many calls, and then perhaps fail."""
    for number in range(many):
        yield call(number)
    if fails:
        raise LookupError


async def groups(intake: Intake) -> list[list[Call]]:
    """Return all groups."""
    found = []
    while group := await intake.group():
        found.append(group)
    await intake.aclose()
    return found


@given(st.integers(0, 60), st.integers(1, 25))
def test_every_call_comes_once_and_in_order(many: int, most: int) -> None:
    """All groups but the last are full, and together they are what was given."""

    async def run() -> list[list[Call]]:
        return await groups(Intake(given_(many), most, 5.0))

    found = asyncio.run(run())
    assert [one for group in found for one in group] == [call(number) for number in range(many)]
    assert all(len(group) == most for group in found[:-1])


def test_a_group_does_not_grow_beyond_what_fits() -> None:
    """Bytes count as well as calls, and a call that is too large by itself is a group of its own."""
    large = "x" * 300

    async def given_large() -> AsyncIterator[Call]:
        for number in range(5):
            yield call(number, large)

    async def run() -> list[list[Call]]:
        return await groups(Intake(given_large(), 100, 5.0, 1_000))

    found = asyncio.run(run())
    assert [len(group) for group in found] == [2, 2, 1]
    assert all(sum(map(size_of, group)) <= 1_000 for group in found)


def test_a_giver_that_waits_is_not_waited_for() -> None:
    """After a moment without a further call a group is what came; the rest comes later."""

    async def run() -> list[int]:
        go_on = asyncio.Event()

        async def slow() -> AsyncIterator[Call]:
            yield call(0)
            await go_on.wait()
            yield call(1)

        intake = Intake(slow(), 10, 0.05)
        first = await intake.group()
        go_on.set()
        second = await intake.group()
        await intake.aclose()
        return [len(first), len(second)]

    assert asyncio.run(run()) == [1, 1]


def test_closing_ends_the_waiting() -> None:
    """Whoever waits for a group gets none."""

    async def run() -> list[Call]:
        async def never() -> AsyncIterator[Call]:
            await asyncio.Event().wait()
            yield call(0)

        intake = Intake(never(), 10, 5.0)
        waiting = asyncio.create_task(intake.group())
        await asyncio.sleep(0.01)
        await intake.aclose()
        return await waiting

    assert asyncio.run(run()) == []


def test_what_the_giver_raises_comes_behind_what_it_gave() -> None:
    """The calls before it come first, then the error itself."""

    async def run() -> int:
        intake = Intake(given_(3, fails=True), 10, 5.0)
        many = len(await intake.group())
        with pytest.raises(LookupError):
            await intake.group()
        await intake.aclose()
        return many

    assert asyncio.run(run()) == 3
