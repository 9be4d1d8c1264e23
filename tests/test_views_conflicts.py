"""conflicts: what SQL finds under one fingerprint; that it costs little and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.views import conflicts
from ledger.views.conflicts import Counts, Side
from tests.judged import ingested, store_of
from tests.small import chat, write

USABLE = frozenset({"accepted", "pending"})


@pytest.fixture
def some(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return samples: two of a text with both labels, two of one that is accepted and rejected, two that agree."""
    rows = [chat("q1", "a", label=True), chat("q1", "a", label=False), *[chat("q2", "a")] * 2, *[chat("q3", "a")] * 2]
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    ledger.accept(ids[2:3])
    ledger.reject(ids[3:4], reason="no")
    return ids


def groups(
    ledger: Ledger,
    kind: str | None = None,
    usable: Collection[str] = USABLE,
    campaign: str | None = None,
) -> list[conflicts.Group]:
    """Return every group."""
    connection = store_of(ledger).connection
    with conflicts.found(connection, campaign, usable):
        return conflicts.groups(connection, kind, 100, 0)


def test_groups_by_kind_oldest_first(ledger: Ledger, some: list[str]) -> None:
    """Each contradiction with its kinds; what agrees is none."""
    assert [group.kinds for group in groups(ledger)] == [("labels",), ("decisions",)]
    assert [group.kinds for group in groups(ledger, "decisions")] == [("decisions",)]
    assert groups(ledger, "derived") == []
    ledger.relabel(some[2:3], "true")
    ledger.relabel(some[3:4], "false")
    assert [group.kinds for group in groups(ledger)] == [("labels",), ("labels", "decisions")]


def test_what_stops_an_export_depends_on_what_is_usable(ledger: Ledger, some: list[str]) -> None:
    """Both labels among samples of a usable status; with none usable, nothing is stopped."""
    assert [group.stops for group in groups(ledger)] == [True, False]
    assert not any(group.stops for group in groups(ledger, usable={"accepted"}))
    assert not any(group.stops for group in groups(ledger, usable=()))
    connection = store_of(ledger).connection
    with conflicts.found(connection, None, USABLE):
        assert conflicts.stopping(connection) == 1
        assert conflicts.counts(connection) == Counts(2, 4)
        assert conflicts.counts(connection, "labels") == Counts(1, 2)
    ledger.reject(some[:1], reason="no")
    assert [group.stops for group in groups(ledger)] == [False, False]


def test_a_campaign_chooses_groups_not_samples(ledger: Ledger, some: list[str], tmp_path: Path) -> None:
    """A group with one sample of the campaign is told whole; other groups are not told."""
    (third,) = ingested(ledger, write(tmp_path / "b.jsonl", chat("q1", "a", label=True)), "other")
    (group,) = groups(ledger, campaign="other")
    assert group.samples == 3
    twins = conflicts.twins(store_of(ledger).connection, [group.fingerprint])[group.fingerprint]
    assert [twin.id.hex() for twin in twins] == [*some[:2], third]
    assert [twin.campaign for twin in twins] == ["c", "c", "other"]
    assert len(groups(ledger, campaign="c")) == 2


def test_sides_and_twins(ledger: Ledger, some: list[str]) -> None:
    """By label and status, true before false before none; each twin with who decided."""
    prints = [group.fingerprint for group in groups(ledger)]
    connection = store_of(ledger).connection
    sides = conflicts.sides(connection, prints)
    assert sides[prints[0]] == [Side(1, "pending", 1), Side(0, "pending", 1)]
    assert sides[prints[1]] == [Side(None, "accepted", 1), Side(None, "rejected", 1)]
    first, second = conflicts.twins(connection, prints)[prints[1]]
    assert (first.id.hex(), first.line) == (some[2], 3)
    assert (first.decided_by, first.labelled_by) == (("person", None, "tester"), None)
    assert (second.status, second.derived, second.releases) == ("rejected", False, 0)
    assert (conflicts.sides(connection, []), conflicts.twins(connection, [])) == ({}, {})


def test_pages(ledger: Ledger, some: list[str]) -> None:
    """A limit and an offset, in the order of birth of the oldest sample of each group."""
    connection = store_of(ledger).connection
    with conflicts.found(connection, None, USABLE):
        whole = conflicts.groups(connection, None, 100, 0)
        assert [conflicts.groups(connection, None, 1, offset) for offset in range(3)] == [whole[:1], whole[1:], []]
    first = conflicts.twins(connection, [whole[0].fingerprint])[whole[0].fingerprint][0]
    assert first.id.hex() == some[0]


@pytest.mark.usefixtures("some")
def test_nothing_is_left_behind(ledger: Ledger) -> None:
    """The temporary table is there inside only, also where something goes wrong there."""
    connection = store_of(ledger).connection
    named = "SELECT count(*) FROM temp.sqlite_schema WHERE name = 'contradictions'"
    with conflicts.found(connection, None, USABLE):
        assert connection.execute(named).fetchone() == (1,)
    assert connection.execute(named).fetchone() == (0,)
    with pytest.raises(ZeroDivisionError), conflicts.found(connection, None, USABLE):
        raise ZeroDivisionError
    assert connection.execute(named).fetchone() == (0,)
