"""Guards at rest: during one large commit, for its own connection, and never instead of an answer."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BrokenLaw, CorruptLedger
from ledger.event import Draft, Stamp, draft
from ledger.migrations import INSERT_GUARDS
from ledger.transaction import Transaction, Written
from tests.logs import findings, foreign, store_of
from tests.small import chat, write

STAMP = Stamp("a", "api", 1, 0)
MANY = 600


def guards(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the guards of inserts that a connection sees."""
    found = dict(connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'"))
    return {name: text for name, text in found.items() if name in INSERT_GUARDS}


def lines(folder: Path, count: int = MANY) -> Path:
    """Return a file of many lines."""
    return write(folder / f"{count}.jsonl", *(chat(f"q{n}", "a") for n in range(count)))


def test_they_rest_for_one_commit_and_one_connection(ledger: Ledger, tmp_path: Path) -> None:
    """Inside a large commit they are gone for its connection, present for every other; after it present for all."""
    seen: list[dict[str, str]] = []
    store = store_of(ledger)
    seal = store.seal

    with foreign(ledger.path) as other:
        assert guards(store.connection) == guards(other) == INSERT_GUARDS
        with store.transaction() as commit:
            commit.expect_many(MANY)
            seen += [guards(commit.connection), guards(other)]
        assert seen == [{}, INSERT_GUARDS]
        ledger.ingest(lines(tmp_path), campaign="c")
        assert guards(store.connection) == guards(other) == INSERT_GUARDS
    assert store.seal == seal
    assert ledger.verify()["ok"]


def test_few_events_leave_them(ledger: Ledger) -> None:
    """A small commit changes nothing about the schema."""
    with store_of(ledger).transaction() as commit:
        commit.expect_many(3)
        assert guards(commit.connection) == INSERT_GUARDS


def test_what_is_rolled_back_has_them(ledger: Ledger) -> None:
    """An error in the middle of a large commit leaves the file as it was, guards and all."""
    store = store_of(ledger)
    head = store.head()

    def fail() -> None:
        with store.transaction() as commit:
            commit.expect_many(MANY)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert guards(store.connection) == INSERT_GUARDS
    assert store.head() == head


def test_positions_are_held_without_them(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event at a place that is not the next one stops the whole commit."""
    usual = Transaction._row  # noqa: SLF001 - the mistake that the guard was made for

    def late(self: Transaction, position: int, event: Written | Draft, stamp: Stamp) -> tuple[object, ...]:
        _, *rest = usual(self, position, event, stamp)
        return position + 1, *rest

    fields = {"counts": {}, "started": "ab" * 32}
    drafts = [draft("run_finished", None, None, {**fields, "started": f"{n:064x}"}) for n in range(MANY)]
    monkeypatch.setattr(Transaction, "_row", late)
    with pytest.raises(BrokenLaw, match="events were written"), store_of(ledger).transaction() as commit:
        commit.append(drafts, STAMP)
    assert ledger.status()["events"] == 0


@pytest.mark.parametrize("name", sorted(INSERT_GUARDS))
@pytest.mark.parametrize("how", ["missing", "changed"])
def test_guards_that_somebody_changed_stay_a_finding(ledger: Ledger, tmp_path: Path, name: str, how: str) -> None:
    """A large commit does not put right what `verify` would have named; it is refused as damage."""
    with foreign(ledger.path) as other:
        other.execute(f"DROP TRIGGER {name}")
        if how == "changed":
            text = INSERT_GUARDS[name]
            other.execute(f"{text[: text.index('WHEN')]} WHEN 0 BEGIN SELECT 1; END")
    assert "schema_changed" in findings(ledger.path)
    with Ledger.open(ledger.path) as again, pytest.raises(CorruptLedger, match=name):
        again.ingest(lines(tmp_path), campaign="c")
    assert "schema_changed" in findings(ledger.path)
