"""Quarantine, runs, releases and counts: what was set aside, done, frozen, and how much of everything there is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.views import quarantine, releases, rollups, runs, samples, splits
from tests.logs import fill, folded, line, sample_ids, store_of, tables, write_lines


@pytest.fixture
def six(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with six samples, two of them of one content."""
    rows = [line("p", f"c{max(number, 1)}", label=bool(number % 2), domain=f"d{number % 2}") for number in range(6)]
    ledger.ingest([write_lines(tmp_path / "six.jsonl", rows)], campaign="c")
    return ledger


MESSAGES = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}'


def test_quarantine_says_where_and_why(ledger: Ledger, tmp_path: Path) -> None:
    """Line, byte offset, reason and bytes; by campaign, and no more than asked for."""
    rows = [line("p", "c"), b"{broken", line("p", "d"), b"[]"]
    source = write_lines(tmp_path / "in.jsonl", rows)
    ledger.ingest([source], campaign="one")
    ledger.ingest([source], campaign="two")
    connection = store_of(ledger).connection
    listed = quarantine.listed(connection, campaign="one")
    assert [(q.line, q.offset, q.reason, q.source, q.size) for q in listed] == [
        (2, len(rows[0]) + 1, "invalid_json", "in.jsonl", 7),
        (4, sum(map(len, rows[:3])) + 3, "not_an_object", "in.jsonl", 2),
    ]
    assert quarantine.count(connection) == 4
    assert len(quarantine.listed(connection, limit=3)) == 3
    assert ledger.quarantined_line(listed[0].id.hex())[1] == b"{broken"


def test_a_line_read_as_a_sample_later_leaves_quarantine(ledger: Ledger, tmp_path: Path) -> None:
    """Read again with another format, or by a retry, a line becomes a sample and is counted once."""
    source = write_lines(tmp_path / "in.jsonl", [MESSAGES, line("p", "c")])
    ledger.ingest([source], campaign="c", form="prompt_completion")
    connection = store_of(ledger).connection
    assert (ledger.status()["samples"], quarantine.count(connection)) == (1, 1)
    assert ledger.retry_quarantine(campaign="c")["new"] == 0  # by default it is read as it was asked for then
    assert ledger.retry_quarantine(campaign="c", form="messages")["new"] == 1
    assert (ledger.status()["samples"], quarantine.count(connection)) == (2, 0)
    assert ledger.retry_quarantine(campaign="c")["lines"] == 0
    assert ledger.ingest([source], campaign="c")["known"] == 2
    assert tables(connection) == folded(ledger.path, store_of(ledger).head().position)


def test_a_sample_read_with_the_wrong_format_stays_a_sample(ledger: Ledger, tmp_path: Path) -> None:
    """A line that is a sample already is known, whatever format is forced on it later, in any cut of the fold."""
    source = write_lines(tmp_path / "in.jsonl", [line("p", "c"), MESSAGES])
    ledger.ingest([source], campaign="c")
    answer = ledger.ingest([source], campaign="c", form="messages")
    assert (answer["known"], answer["new"], answer["quarantined"]) == (2, 0, 0)
    assert tables(store_of(ledger).connection) == folded(ledger.path, store_of(ledger).head().position)


def test_runs_began_and_ended(ledger: Ledger, tmp_path: Path) -> None:
    """Each command that changed something is a run with its counts; newest first."""
    fill(ledger, tmp_path)
    told = runs.listed(store_of(ledger).connection, 100)
    assert [row[0] for row in told] == sorted((row[0] for row in told), reverse=True)
    position, command, actor, via, began, ended, counts = told[-1]
    assert (position, command, actor, via) == (0, "ingest", "tester", "api")
    assert ended is not None
    assert began <= ended
    assert json.loads(counts or "")["lines"] == 22
    assert len(runs.listed(store_of(ledger).connection, 2)) == 2


def test_releases_know_every_considered_sample(ledger: Ledger, tmp_path: Path) -> None:
    """Where a sample stands in each file, or why it was left out; the last file under a name."""
    ids = fill(ledger, tmp_path)
    connection = store_of(ledger).connection
    count = len(ids)
    rows = connection.execute("SELECT place, omitted FROM release_samples").fetchall()
    assert len(rows) == count
    assert all((place is None) != (omitted is None) for place, omitted in rows)
    assert sorted(place for place, _ in rows if place is not None) == list(
        range(connection.execute("SELECT rows FROM releases").fetchone()[0])
    )
    found = releases.last(connection, "out.jsonl")
    assert found is not None
    assert releases.last(connection, "none.jsonl") is None
    left = releases.omissions(connection, "out.jsonl", None)
    assert Counter(reason for _, reason in left) == Counter(omitted for _, omitted in rows if omitted is not None)
    assert {why for _, why in releases.omissions(connection, "out.jsonl", "status")} <= {"status"}
    place = releases.of_sample(connection, ledger.why(ids[0])["origin"]["position"])[0]
    assert (place.name, place.view, place.position) == ("out.jsonl", "kto-interleaved", found.position)
    assert splits.any_assigned(connection)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["accept", "reject", "defer", "relabel", "edit", "withdraw"]), st.integers(0, 5)),
        max_size=8,
    )
)
def test_counts_are_those_of_the_rows(six: Ledger, steps: list[tuple[str, int]]) -> None:
    """However samples change, the kept counts equal a count of the rows, and no group is left at zero."""
    ledger = six  # one ledger for all examples: each goes on from where the last ended
    ids = sample_ids(ledger)
    for verb, number in steps:
        one = ids[number]
        if verb == "relabel":
            ledger.relabel([one], "false" if number % 2 else "none", reason=str(number))
        elif verb == "edit":
            ledger.edit(one, line("p", f"edit {number % 2}"))
        elif verb == "withdraw":
            events = [e for e in ledger.log(one) if e["kind"] in {"accepted", "rejected", "relabeled", "edited"}]
            ledger.withdraw([events[-1]["event"]]) if events else None
        else:
            getattr(ledger, verb)([one], reason=f"r{number}")
    connection = store_of(ledger).connection
    counted: Counter[tuple[str, ...]] = Counter()
    fingerprints = set()
    for row in samples.everything(connection):
        label = "none" if row.label is None else str(bool(row.label)).lower()
        decided = "" if row.decision is None else "person"
        counted[row.campaign, row.domain or "", row.status, decided, label, row.split or ""] += 1
        fingerprints.add(row.fingerprint)
    assert {tuple(group[:-1]): group.samples for group in rollups.groups(connection)} == counted
    assert rollups.fingerprints(connection) == len(fingerprints)
