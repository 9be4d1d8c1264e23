"""Groups of samples that teach the same or nearly the same, against a plain loop over what was ingested."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.views import alike
from ledger.views.alike import MEMBERS, Scope
from ledger.views.near import WHOLE
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.test_views_near import like


class Drawn(NamedTuple):
    """A sample as drawn: its campaign, what it is about, how it differs, and a note beside it."""

    campaign: str
    number: int
    changed: int
    note: int


DRAWN = st.lists(
    st.builds(Drawn, st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
    min_size=1,
    max_size=12,
    unique=True,
)
ALL = Scope(WHOLE, "", None)


def asked(ledger: Ledger, scope: Scope) -> tuple[alike.Counts, list[list[alike.Member]]]:
    """Return the counts and all groups with their members."""
    connection = store_of(ledger).connection
    with alike.found(connection, scope):
        groups = alike.groups(connection, 1000, 0)
        members = alike.members(connection, scope, [group.cluster for group in groups])
        counts = alike.counts(connection)
    assert [len(members[group.cluster]) for group in groups] == [group.samples for group in groups]
    return counts, [members[group.cluster] for group in groups]


@given(DRAWN, st.sampled_from([None, "a", "b"]), st.booleans())
@settings(max_examples=25)
def test_groups_are_those_of_a_plain_loop(drawn: list[Drawn], campaign: str | None, looked: bool) -> None:  # noqa: FBT001 - drawn
    """Texts about one thing are one group once somebody has looked; before, only those that are the same."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        of: dict[str, Drawn] = {}
        for place, one in enumerate(drawn):
            line = like(one.number, one.changed) | {"note": one.note}
            ledger.ingest(write(Path(name) / f"{place}.jsonl", line), campaign=one.campaign)
            of |= dict.fromkeys(set(samples(ledger)) - set(of), one)
        if looked:
            ledger.duplicates(0.6)
        expected: defaultdict[object, set[str]] = defaultdict(set)
        exact: defaultdict[object, int] = defaultdict(int)
        for sample, one in of.items():
            if campaign in {None, one.campaign}:
                expected[one.number if looked else (one.number, one.changed)].add(sample)
                exact[one.number, one.changed] += 1
        groups = [ids for ids in expected.values() if len(ids) > 1]
        near = [ids for ids in groups if len({of[sample].changed for sample in ids}) > 1]

        counts, found = asked(ledger, Scope(WHOLE, "", campaign))

        assert {frozenset(one.id.hex() for one in members) for members in found} == {frozenset(ids) for ids in groups}
        assert counts == (len(groups), sum(map(len, groups)), sum(map(len, near)))
        assert [len(members) for members in found] == sorted(map(len, groups), reverse=True)
        for members in found:
            assert members == sorted(members, key=lambda one: (one.hash, one.id))
        shared = alike.shared(store_of(ledger).connection, campaign, "fingerprint")
        assert shared == sum(count for count in exact.values() if count > 1)


def test_the_same_bytes_in_two_campaigns(ledger: Ledger, tmp_path: Path) -> None:
    """They share their version; a note beside makes other bytes that teach the same."""
    for campaign, note in (("a", 0), ("b", 0), ("b", 1)):
        ledger.ingest(write(tmp_path / f"{campaign}{note}.jsonl", chat("q", "a", note=note)), campaign=campaign)
    connection = store_of(ledger).connection
    assert [alike.shared(connection, None, by) for by in ("version", "fingerprint")] == [2, 3]
    assert [alike.shared(connection, "b", by) for by in ("version", "fingerprint")] == [0, 2]


def test_erased_samples_are_in_no_group(ledger: Ledger, tmp_path: Path) -> None:
    """Neither counted nor listed, and what is left alone is no group."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat("q", "a", note=n) for n in range(3))), campaign="a")
    connection = store_of(ledger).connection
    first, second, third = samples(ledger)
    for gone, left in ((first, {second, third}), (second, set())):
        connection.execute(
            "UPDATE samples SET status = 'erased' WHERE sample = (SELECT position FROM event WHERE op = unhex(?))",
            (gone,),
        )
        counts, found = asked(ledger, ALL)
        assert {one.id.hex() for members in found for one in members} == left
        assert counts.samples == alike.shared(connection, None, "fingerprint") == len(left)


def test_a_large_group_is_counted_and_listed_in_part(ledger: Ledger, tmp_path: Path) -> None:
    """As many members as an answer has, those of the smallest hashes; pages of groups go by size, then age."""
    rows = [chat("q", "a", note=n) for n in range(MEMBERS + 2)]
    pairs = [chat("p", str(n // 2), note=n) for n in range(6)]
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs, *rows), campaign="a")
    connection = store_of(ledger).connection
    with alike.found(connection, ALL):
        groups = alike.groups(connection, 10, 0)
        assert [group.samples for group in groups] == [MEMBERS + 2, 2, 2, 2]
        assert [*alike.groups(connection, 2, 0), *alike.groups(connection, 2, 2)] == groups
        members = alike.members(connection, ALL, [group.cluster for group in groups])
        assert alike.members(connection, ALL, []) == {}
    assert [len(members[group.cluster]) for group in groups] == [MEMBERS, 2, 2, 2]
    assert [min(one.line or 0 for one in members[group.cluster]) for group in groups[1:]] == [1, 3, 5]
    hashes = [row[0] for row in connection.execute("SELECT b.hash FROM samples s JOIN blob b ON b.id = s.version")]
    theirs = [one.hash for one in members[groups[0].cluster]]
    assert (
        theirs == sorted(set(hashes) - {one.hash for group in groups[1:] for one in members[group.cluster]})[:MEMBERS]
    )
    assert connection.execute("SELECT name FROM temp.sqlite_schema WHERE name = 'alike'").fetchall() == []


def test_the_scope_says_which_look_counts(ledger: Ledger, tmp_path: Path) -> None:
    """A look at one campaign makes no groups among all samples, nor at another field."""
    ledger.ingest(write(tmp_path / "a.jsonl", like(1), like(1, 2)), campaign="a")
    ledger.duplicates(0.6, campaign="a")
    assert asked(ledger, Scope(WHOLE, "a", "a"))[0] == (1, 2, 2)
    assert asked(ledger, Scope(WHOLE, "", "a"))[0] == asked(ledger, Scope("answer", "a", "a"))[0] == (0, 0, 0)
