"""Families: who belongs together, whatever the order in which it became known."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.sqlite import in_memory
from ledger.views import families, lineage, samples
from tests.logs import improve, line, sample_ids, store_of, write_lines


def family_of(ledger: Ledger) -> dict[str, bytes]:
    """Return sample id -> family."""
    return {row[1].hex(): row[4] for row in samples.for_plan(store_of(ledger).connection)}


def groups(ledger: Ledger) -> list[set[int]]:
    """Return the families as sets of places in the order of birth."""
    found: dict[bytes, set[int]] = {}
    of = family_of(ledger)
    for number, one in enumerate(sample_ids(ledger)):
        found.setdefault(of[one], set()).add(number)
    return sorted(found.values(), key=min)


@pytest.fixture
def five(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return the ids of five samples with the prompts a, a, b, c and none."""
    rows = [line("a", "1"), line("a", "2"), line("b", "3"), line("c", "4"), line("", "5")]
    ledger.ingest([write_lines(tmp_path / "in.jsonl", rows)], campaign="c")
    return sample_ids(ledger)


def test_a_prompt_is_a_family_and_none_is_alone(ledger: Ledger, five: list[str]) -> None:
    """Samples of one prompt are one family; one without a prompt belongs to those that teach the same."""
    assert groups(ledger) == [{0, 1}, {2}, {3}, {4}]
    assert family_of(ledger)[five[4]].hex() == ledger.show(five[4])["fingerprint"].removeprefix("b3:")


def test_one_text_without_a_prompt_never_stands_in_two_splits(ledger: Ledger, tmp_path: Path) -> None:
    """Twins that have no prompt are one family, whichever files they came from."""
    lines = [json.dumps({"messages": [{"role": "assistant", "content": str(n)}]}) for n in range(60)]
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    ledger.ingest([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], campaign="twins")
    ledger.split("34/33/33")
    stands: dict[bytes, set[str | None]] = {}
    for row in samples.everything(store_of(ledger).connection):
        if row.campaign == "twins":
            stands.setdefault(row.fingerprint, set()).add(row.split)

    assert len(stands) == 60
    assert all(len(found) == 1 for found in stands.values())
    assert len(set.union(*stands.values())) == 3


def test_a_child_with_another_prompt_joins_two(ledger: Ledger, five: list[str]) -> None:
    """A derived sample ties its own prompt to its parent's; lineage tells from both sides."""
    (child,) = improve(ledger, five[0], [line("b", "better")])
    assert groups(ledger) == [{0, 1, 2, 5}, {3}, {4}]
    connection = store_of(ledger).connection
    handles = {one: ledger.why(one)["origin"]["position"] for one in (five[0], child)}
    assert lineage.parents(connection, handles[child]) == [(bytes.fromhex(five[0]), "improved")]
    assert lineage.children(connection, handles[five[0]]) == [(bytes.fromhex(child), "improved")]
    assert lineage.parents(connection, handles[five[0]]) == []


def test_an_edit_of_the_prompt_joins_and_its_withdrawal_does_not_part(ledger: Ledger, five: list[str]) -> None:
    """Who has seen both prompts stays between them: a split must not leak through a withdrawn edit."""
    edited = ledger.edit(five[3], line("a", "4"))["events"][0]
    assert groups(ledger) == [{0, 1, 3}, {2}, {4}]
    ledger.withdraw([f"@{edited}"])
    assert groups(ledger) == [{0, 1, 3}, {2}, {4}]


def test_a_prompt_taken_away_and_given(ledger: Ledger, five: list[str]) -> None:
    """A sample edited to have no prompt, or to get one, stays tied to what it was."""
    ledger.edit(five[2], line("", "3"))
    ledger.edit(five[4], line("c", "5"))
    assert groups(ledger) == [{0, 1}, {2}, {3, 4}]


@given(
    edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda e: e[0] != e[1]), max_size=14),
    cuts=st.sets(st.integers(0, 14)),
)
def test_joining_does_not_depend_on_order_or_cuts(edges: list[tuple[int, int]], cuts: set[int]) -> None:
    """The table holds each joined token with the smallest token of its component, however the edges came."""
    tables = []
    for order in (edges, edges[::-1]):
        connection = in_memory()
        for statement in families.DDL:
            connection.execute(statement.format(schema="main"))
        bounds = sorted({0, len(order), *(cut for cut in cuts if cut < len(order))})
        for start, end in pairwise(bounds):
            families._join(connection, [(bytes([a]), bytes([b])) for a, b in order[start:end]])  # noqa: SLF001
        tables.append(connection.execute("SELECT token, root FROM families ORDER BY token").fetchall())
        assert families.root(connection, b"\xff") == b"\xff"
        connection.close()
    component = {token: {token} for token in range(10)}
    for a, b in edges:
        whole = component[a] | component[b]
        component.update(dict.fromkeys(whole, whole))
    joined = sorted(token for edge in edges for token in edge)
    assert tables[0] == tables[1]
    assert tables[0] == [(bytes([token]), bytes([min(component[token])])) for token in sorted(set(joined))]


def test_split_keeps_families_whole_and_never_moves(ledger: Ledger, tmp_path: Path) -> None:
    """Assigned by family; a new member joins; families that merge across splits are counted, nothing moves."""
    rows = [line(f"p{number % 30}", str(number)) for number in range(90)]
    ledger.ingest([write_lines(tmp_path / "in.jsonl", rows)], campaign="c")
    answer = ledger.split("40/30/30")
    assert (answer["assigned"], answer["families"], answer["leaks"]) == (90, 30, 0)
    ids = sample_ids(ledger)
    before = {one: ledger.show(one)["split"] for one in ids}
    assert all(before[ids[n]] == before[ids[n + 30]] == before[ids[n + 60]] for n in range(30))
    ledger.ingest([write_lines(tmp_path / "new.jsonl", [line("p0", "new")])], campaign="c")
    ledger.split("40/30/30", seed="another")
    assert ledger.show(sample_ids(ledger)[-1])["split"] == before[ids[0]]
    apart = next((a, b) for a, b in combinations(ids[:30], 2) if before[a] != before[b])
    ledger.edit(apart[0], line(f"p{ids.index(apart[1])}", "moved"))
    assert ledger.split("40/30/30")["leaks"] == 1
    assert {one: ledger.show(one)["split"] for one in ids} == before
    connection = store_of(ledger).connection
    assert samples.assigned_families(connection) == (29, 1)
    assert list(samples.unassigned(connection)) == []
    assert len(list(samples.splits_of_families(connection))) == 30
