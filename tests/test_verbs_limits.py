"""Deadlines and interruption: what runs too long stops soon, says after how long, and leaves a ledger that works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, Interrupted, LedgerBusy
from ledger.store import Store
from ledger.verbs.limits import Limit, check
from ledger.verbs.moment import reading
from tests.logs import store_of
from tests.small import pairs, write

ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
SOON = 0.2
"""Seconds from the moment at which a question is over until it has stopped."""


@pytest.fixture
def small(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of six samples."""
    ledger.ingest(write(tmp_path / "in.jsonl", *pairs(3)), campaign="c")
    return ledger


@contextmanager
def later(seconds: float, act: Callable[[], None]) -> Iterator[list[float]]:
    """Do something from another thread in a while; yield a list that gets the time at which it was done."""
    done: list[float] = []

    def run() -> None:
        done.append(time.monotonic())
        act()

    timer = threading.Timer(seconds, run)
    timer.start()
    try:
        yield done
    finally:
        timer.join()


def endless(store: Store, as_of: int | None = None) -> None:
    """Ask what SQLite would never finish."""
    with reading(store, as_of) as (here, _):
        here.connection.execute(ENDLESS).fetchone()


@pytest.mark.parametrize("as_of", [None, 2])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_deadline_stops_what_runs(small: Ledger, as_of: int | None, *, read_only: bool) -> None:
    """Of the present and of an earlier moment; the error says after how long; the next question is answered."""
    with Ledger.open(small.path, read_only=read_only) as ledger:
        before, began = ledger.status(), time.monotonic()
        with pytest.raises(Interrupted, match=r"stopped after 0\.[1-9] s"), ledger.limited(0.1):
            endless(store_of(ledger), as_of)
        assert time.monotonic() - began < 0.1 + SOON
        assert not store_of(ledger).connection.in_transaction
        assert ledger.status() == before
        with ledger.limited(5):
            assert ledger.find(text="question" if not read_only else None)["total"] == before["samples"]


@pytest.mark.parametrize("as_of", [None, 2])
def test_another_thread_stops_what_runs(small: Ledger, as_of: int | None) -> None:
    """`interrupt` from another thread ends the question within a moment, and only that question."""
    with Ledger.open(small.path, read_only=True) as ledger:
        with later(0.1, ledger.interrupt) as asked:
            with pytest.raises(Interrupted), ledger.limited(30):
                endless(store_of(ledger), as_of)
            assert time.monotonic() - asked[0] < SOON
        with ledger.limited(30):
            assert ledger.status()["samples"] == 6


def test_without_a_limit_sql_that_runs_is_stopped_too(small: Ledger) -> None:
    """Outside of `limited` the statement that runs at that moment stops; where none runs, nothing happens."""
    small.interrupt()
    assert small.status()["samples"] == 6
    with later(0.1, small.interrupt), pytest.raises(Interrupted, match=r"after 0\.[0-9]+ s"):
        endless(store_of(small))
    assert small.status()["samples"] == 6


def test_many_short_statements_are_stopped_as_one_long_one(small: Ledger) -> None:
    """A loop of Python over small questions ends at its deadline: the instructions add up."""
    began = time.monotonic()

    def ask() -> None:
        while True:
            small.find(status="pending")

    with pytest.raises(Interrupted), small.limited(0.1):
        ask()
    assert time.monotonic() - began < 0.1 + SOON


def test_what_writes_is_undone(small: Ledger, tmp_path: Path) -> None:
    """A write that is stopped leaves the ledger as it was, whole and writable."""
    head = small.status()["head"]
    many = write(tmp_path / "many.jsonl", *pairs(4000))
    with pytest.raises(Interrupted), small.limited(0.02):
        small.ingest(many, campaign="c")
    assert small.status()["head"] == head
    assert small.verify()["ok"]
    assert small.ingest(many, campaign="c")["new"] == 8000  # two of each pair


def test_the_shorter_of_two_limits_counts(small: Ledger) -> None:
    """A limit inside another one: whichever is over first; and the outer one still holds afterwards."""
    with pytest.raises(Interrupted), small.limited(30), small.limited(0.05):
        endless(store_of(small))
    began = time.monotonic()

    def first_inside_then_behind() -> None:
        with small.limited(30):
            assert small.status()["samples"] == 6
        endless(store_of(small))

    with pytest.raises(Interrupted), small.limited(0.1):
        first_inside_then_behind()
    with pytest.raises(Interrupted), small.limited(0.1), small.limited(30):
        endless(store_of(small))
    assert time.monotonic() - began < 2 * (0.1 + SOON)


def test_a_question_that_was_answered_in_time_stands(small: Ledger) -> None:
    """A deadline that passes while nothing runs refuses nothing, and the one after it begins anew."""
    with small.limited(0.01):
        answer = small.status()
        time.sleep(0.02)
    assert answer == small.status()


def test_waiting_for_a_writer_counts(small: Ledger) -> None:
    """Where another connection holds the file for itself, a question waits as long as it may take, and no longer."""
    with Ledger.open(small.path, read_only=True) as ledger:
        store_of(small).connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(LedgerBusy), ledger.limited(0.2):
            ledger.status()
        assert 0.1 < time.monotonic() - began < 1
        store_of(small).connection.execute("ROLLBACK")
        assert ledger.status()["samples"] == 6


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5", True, None])
def test_a_limit_is_a_number_of_seconds(small: Ledger, seconds: object) -> None:
    """Anything else is refused, and sets no limit."""
    with pytest.raises(BadRequest, match="seconds"), small.limited(seconds):  # type: ignore[arg-type]  # the point
        pass
    assert store_of(small).is_over is None


def test_a_limit_says_once_that_it_is_over() -> None:
    """Then not for a moment, in which what tidies up may run SQL; the one around it is asked too."""
    limit = Limit(30, Limit(0))
    assert [limit.is_over() for _ in range(3)] == [True, False, False]
    asked = Limit(30)
    assert not asked.is_over()
    asked.stop()
    assert [asked.is_over() for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("step", ["events", "views"])
def test_verify_that_is_stopped_finds_nothing_wrong(
    small: Ledger, monkeypatch: pytest.MonkeyPatch, step: str, *, read_only: bool
) -> None:
    """An interruption is never told as damage, whichever connection it hits."""
    monkeypatch.setattr("ledger.sqlite._OPCODES", 20)
    with Ledger.open(small.path, read_only=read_only) as ledger:

        def stop(what: str, _done: int, _total: int) -> None:
            if what == step:
                ledger.interrupt()

        with pytest.raises(Interrupted), ledger.limited(30):
            ledger.verify(progress=stop)
        assert ledger.verify()["findings"] == []


def test_an_answer_in_which_something_was_stopped_is_none(small: Ledger) -> None:
    """Where code in between takes the error for another, the block still ends with Interrupted."""

    def ask() -> None:
        with suppress(Interrupted):
            endless(store_of(small))

    with pytest.raises(Interrupted), small.limited(0.05):
        ask()
    with small.limited(30):
        assert small.status()["samples"] == 6


def test_a_loop_can_ask(small: Ledger) -> None:
    """`check` raises where the question is over, and does nothing without a limit."""
    check(store_of(small))

    def ask() -> None:
        check(store_of(small))
        time.sleep(0.02)
        check(store_of(small))

    with pytest.raises(Interrupted), small.limited(0.01):
        ask()
