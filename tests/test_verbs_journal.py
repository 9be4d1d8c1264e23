"""The journal of asking: gathered, in a fixed order, stored before anybody goes on."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.agents.contract import Call, Failure, Reply, Usage
from ledger.errors import BadRequest
from ledger.verbs.journal import By, Subject, WorkJournal, Writer, money_text, plain
from ledger.verbs.run import Run, Who
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.working import row_of

BY = By("improve", "ab" * 32, "test", "m")


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of three chats."""
    ledger.ingest([write(tmp_path / "in.jsonl", *(chat(f"q {n}", f"a {n}") for n in range(3)))], campaign="c")
    return ledger


def journal_of(ledger: Ledger, *keys: str, before: int = 0, gather: bool = True) -> WorkJournal:
    """Return a journal that knows calls about the samples in turn."""
    store = store_of(ledger)
    run = Run(store.ledger_id, "improve", {"recipe": BY.recipe}, Who("me"))
    made = WorkJournal(store, Writer(store, run, gather=gather), BY)
    for key, sample in zip(keys, samples(ledger), strict=False):
        row = row_of(ledger, sample)
        made.about[key] = Subject(row.sample, sample, row.version, row.hash.hex(), 0, before)
    return made


def call(key: str) -> Call:
    """Return a call."""
    return Call(key, {}, bytes(32))


def reply(body: bytes, cost: Decimal | None = Decimal("0.001")) -> Reply:
    """Return a reply."""
    return Reply(200, body, "req_1", 5, "end_turn", Usage(10, 5), cost)


def keys_of(ledger: Ledger) -> list[tuple[str, str]]:
    """Return (kind, first digit of the key) of the events of asking."""
    return [(e["kind"], e["says"]["call"][0]) for e in ledger.log(limit=999) if "call" in e["says"]]


def test_what_is_told_together_stands_by_kind_and_key(three: Ledger) -> None:
    """One commit, whatever the order in which it was told within a moment."""
    journal = journal_of(three, "c" * 64, "a" * 64, "b" * 64)

    async def tell() -> None:
        await asyncio.gather(*(journal.sent(call(key * 64), 1, Decimal("0.01")) for key in "cab"))
        await asyncio.gather(
            journal.failed(call("b" * 64), 1, Failure("overloaded", "it is overloaded")),
            journal.replied(call("c" * 64), 1, reply(b"one")),
            journal.replied(call("a" * 64), 1, reply(b"two")),
        )
        await journal.sent(call("b" * 64), 2, Decimal("0.01"))

    before = store_of(three).head().position
    asyncio.run(tell())
    heads = [store_of(three).head_at(at) for at in range(before + 1, store_of(three).head().position + 1)]
    assert sum(head is not None for head in heads) == 3  # the run's beginning came with the first of them
    assert keys_of(three) == [
        ("request_sent", "a"),
        ("request_sent", "b"),
        ("request_sent", "c"),
        ("reply_stored", "a"),
        ("reply_stored", "c"),
        ("attempt_failed", "b"),
        ("request_sent", "b"),
    ]
    assert journal.unsettled == {"b" * 64}
    assert (journal.requests, journal.cost) == (4, Decimal("0.002"))


def test_who_tells_goes_on_when_it_is_stored(three: Ledger) -> None:
    """Another connection sees it before the call returns."""
    journal = journal_of(three, "a" * 64)

    async def tell() -> int:
        await journal.sent(call("a" * 64), 1, Decimal("0.01"))
        with Ledger.open(three.path) as other:
            return len([event for event in other.log(limit=999) if event["kind"] == "request_sent"])

    assert asyncio.run(tell()) == 1


def test_attempts_are_counted_on_from_those_in_the_log(three: Ledger) -> None:
    """A backend counts from one; the log does not begin again."""
    journal = journal_of(three, "a" * 64, before=2)
    asyncio.run(journal.sent(call("a" * 64), 1, Decimal("0.01")))
    assert three.log(limit=1)[0]["says"]["attempt"] == 3


def test_two_processes_do_not_ask_the_same(three: Ledger) -> None:
    """The second one is told before it sends."""
    asyncio.run(journal_of(three, "a" * 64).sent(call("a" * 64), 1, Decimal("0.01")))
    with pytest.raises(BadRequest, match="Another process"):
        asyncio.run(journal_of(three, "a" * 64).sent(call("a" * 64), 1, Decimal("0.01")))


def test_what_one_write_raises_reaches_its_teller_alone(three: Ledger) -> None:
    """A reply that was paid for is stored, though a request of the same moment may not be sent."""
    journal = journal_of(three, "a" * 64, "b" * 64, "c" * 64)
    asyncio.run(journal_of(three, "-", "b" * 64).sent(call("b" * 64), 1, Decimal("0.01")))
    asyncio.run(journal.sent(call("a" * 64), 1, Decimal("0.01")))

    async def tell() -> list[object]:
        told = (
            journal.replied(call("a" * 64), 1, reply(b"precious")),
            journal.sent(call("b" * 64), 1, Decimal("0.01")),
            journal.sent(call("c" * 64), 1, Decimal("0.01")),
        )
        return list(await asyncio.gather(*told, return_exceptions=True))

    assert [type(each) for each in asyncio.run(tell())] == [type(None), BadRequest, bool]
    assert keys_of(three)[-2:] == [("request_sent", "c"), ("reply_stored", "a")]
    assert (journal.cost, journal.unsettled) == (Decimal("0.001"), {"c" * 64})
    assert three.verify()["ok"]


def test_a_commit_that_fails_as_a_whole_reaches_everybody(three: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the start of the run could be stored nobody goes on, and nothing is."""
    journal = journal_of(three, "a" * 64, "b" * 64)
    before = three.status()

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    async def tell() -> list[object]:
        told = (journal.sent(call(key * 64), 1, Decimal("0.01")) for key in "ab")
        return list(await asyncio.gather(*told, return_exceptions=True))

    monkeypatch.setattr(Run, "append", full)
    assert [type(each) for each in asyncio.run(tell())] == [OSError, OSError]
    assert three.status() == before


def test_a_cost_that_nobody_knows_counts_as_what_was_set_aside(three: Ledger) -> None:
    """The reply is kept, and its event says that the cost is not known."""
    journal = journal_of(three, "a" * 64, gather=False)

    async def tell() -> None:
        await journal.sent(call("a" * 64), 1, Decimal("0.01"))
        await journal.replied(call("a" * 64), 1, reply(b"x", None)._replace(usage=None, stop=None))

    asyncio.run(tell())
    said = three.log(limit=1)[0]["says"]
    assert (said["cost"], said["usage"], said["stop"]) == (None, None, None)
    assert journal.cost == Decimal("0.01")


@pytest.mark.parametrize(
    ("dollars", "text"),
    [("0", "0"), ("0.0010", "0.001"), ("1E-7", "0.0000001"), ("5E+1", "50"), ("0.0000000000001", "0")],
)
def test_dollars_are_plain_text(dollars: str, text: str) -> None:
    """Without an exponent or empty decimals, to a picodollar."""
    assert money_text(Decimal(dollars)) == text


@pytest.mark.parametrize(
    ("name", "kept"), [("req_01-A.b:c", True), ("two words", False), ("x" * 101, False), ("", False)]
)
def test_only_names_of_a_provider_stand_in_events(name: str, kept: bool) -> None:  # noqa: FBT001 - a parameter
    """Its prose does not."""
    assert plain(name) == (name if kept else None)


def test_what_an_interrupt_kept_from_a_commit_is_stored_by_the_next_flush(
    three: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a commit: the reply that was paid for is still there to be stored."""
    journal = journal_of(three, "a" * 64, "b" * 64)
    writer = journal._writer  # noqa: SLF001 - what a job holds
    commit = writer._commit  # noqa: SLF001 - where the signal comes

    def interrupted(_waiting: object) -> list[object]:
        monkeypatch.setattr(writer, "_commit", commit)
        raise KeyboardInterrupt

    async def tell() -> None:
        await journal.sent(call("a" * 64), 1, Decimal("0.01"))
        monkeypatch.setattr(writer, "_commit", interrupted)
        try:
            await asyncio.gather(
                journal.replied(call("a" * 64), 1, reply(b"paid for")), journal.sent(call("b" * 64), 1, Decimal("0.01"))
            )
        finally:
            writer.flush()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(tell())
    assert keys_of(three) == [("request_sent", "a"), ("reply_stored", "a")]  # and nothing of what nobody sends
