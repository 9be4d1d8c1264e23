"""The ledger behind the page: how long a question may take, how many wait, and how all of it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable

import anyio
import pytest

from ledger import Ledger
from ledger.errors import Interrupted
from review_page import ledgers
from review_page.ledgers import Ledgers
from review_page.options import Options
from tests.review_serving import counted, endless

Told = dict[str, Interrupted]


async def _told(told: Told, name: str, asking: Callable[[], Awaitable[object]]) -> None:
    try:
        await asking()
    except Interrupted as error:
        told[name] = error


def test_what_runs_and_what_waits_ends_with_the_server(ledger: Ledger) -> None:
    """Questions without an end on every thread, and more that wait for one, are told at once that this is the end."""
    told: Told = {}
    asked = Ledgers(Options(ledger.path, deadline=60))

    async def run() -> float:
        async with anyio.create_task_group() as tasks:
            for n in range(ledgers.READERS + 4):
                tasks.start_soon(_told, told, f"read {n}", lambda: asked.read(endless))
            for n in range(3):
                tasks.start_soon(_told, told, f"patiently {n}", lambda: asked.patiently(endless))
                tasks.start_soon(_told, told, f"slowly {n}", lambda: asked.slowly(endless))
            await anyio.sleep(0.5)
            began = time.monotonic()
            asked.close()
        return time.monotonic() - began

    assert anyio.run(run) < 3
    assert len(told) == ledgers.READERS + 4 + 6
    assert [error.next_step for error in told.values()].count(ledgers.ENDING) == 4 + 2 + 2
    for question in (asked.read, asked.patiently, asked.slowly):
        with pytest.raises(Interrupted):
            anyio.run(question, endless)


def test_a_change_may_come_to_its_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs when the server ends does; those that wait change nothing; one without an end is stopped."""
    told: Told = {}
    monkeypatch.setattr(ledgers, "FAREWELL", 1.0)
    begun = threading.Event()

    def change(changing: Ledger) -> str:
        begun.set()
        time.sleep(0.3)
        return f"counted {counted(changing, 300_000)}"

    async def run(act: Callable[[Ledger], object]) -> list[object]:
        asked, done = Ledgers(Options(ledger.path)), []

        async def first() -> None:
            done.append(await asked.write("anna", act))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_told, told, "first", first)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.start_soon(_told, told, "second", lambda: asked.write("anna", act))
            await anyio.sleep(0.05)
            asked.close()
        return done

    assert anyio.run(run, change) == ["counted 300000"]
    assert set(told) == {"second"}

    def without_end(changing: Ledger) -> int:
        begun.set()
        return endless(changing)

    begun.clear()
    assert anyio.run(run, without_end) == []
    assert set(told) == {"first", "second"}


def test_waiting_is_part_of_the_time(ledger: Ledger) -> None:
    """A question is given up after the deadline, also where others before it took that time."""
    told: Told = {}
    asked = Ledgers(Options(ledger.path, deadline=0.5))

    async def run() -> float:
        began = time.monotonic()
        async with anyio.create_task_group() as tasks:
            for n in range(ledgers.READERS * 4):
                tasks.start_soon(_told, told, str(n), lambda: asked.read(endless))
        return time.monotonic() - began

    assert anyio.run(run) < 1.9  # one after the other it would be four times half a second
    assert len(told) == ledgers.READERS * 4
    asked.close()


@pytest.mark.parametrize(("line", "most"), [("slowly", ledgers.MAKING), ("patiently", ledgers.AWAITED)])
def test_no_more_may_wait_than_there_is_room_for(ledger: Ledger, line: str, most: int) -> None:
    """Others are refused at once and can read meanwhile; when there is room again, they are let in."""
    told: Told = {}
    asked = Ledgers(Options(ledger.path))
    goes_on = threading.Event()

    def waits(_: Ledger) -> bool:
        return goes_on.wait(20)

    async def run() -> int:
        async with anyio.create_task_group() as tasks:
            for n in range(most + 5):
                tasks.start_soon(_told, told, str(n), lambda: getattr(asked, line)(waits))
            await anyio.sleep(0.2)
            found = len(told)
            assert "samples" in await asked.read(lambda one: one.status())
            other = asked.patiently if line == "slowly" else asked.slowly
            assert "samples" in await other(lambda one: one.status())
            goes_on.set()
        assert await getattr(asked, line)(waits)
        return found

    assert anyio.run(run) == 5
    assert len(told) == 5
    assert {error.next_step for error in told.values()} == {ledgers.CROWDED}
    asked.close()


def test_what_takes_minutes_has_an_end_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are never made, and a change that never ends, are given up."""
    told: Told = {}
    asked = Ledgers(Options(ledger.path))
    monkeypatch.setattr(Ledgers._do, "__defaults__", (0.3,))  # noqa: SLF001 - half an hour is too long to wait

    async def run() -> None:
        await _told(told, "slowly", lambda: asked.slowly(endless))
        await _told(told, "write", lambda: asked.write("anna", endless))

    anyio.run(run)
    assert set(told) == {"slowly", "write"}
    asked.close()
