"""Families: who belongs together, whatever the order in which it became known."""

from __future__ import annotations

import json
import tempfile
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.digest import blake3_bytes, digest_of
from ledger.sqlite import in_memory
from ledger.views import families, lineage, samples
from tests.logs import folded, improve, line, sample_ids, store_of, tables, write_lines
from tests.small import chat, write
from tests.test_views_near import like


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
    assert list(samples.unassigned(connection)) == []
    standing = list(samples.splits_of_families(connection))
    assert (len(standing), len({family for family, _ in standing})) == (30, 29)


# --- groups


def test_one_value_of_the_tag_group_is_one_family(ledger: Ledger, five: list[str], tmp_path: Path) -> None:
    """In all campaigns, at birth or later; another value is another group, and an empty one is none."""
    ledger.tag([five[0], five[2]], "group", "g")
    assert groups(ledger) == [{0, 1, 2}, {3}, {4}]
    later = [line("d", "6", tags={"group": "g"}), line("e", "7", tags={"group": "h"}), line("f", "8")]
    ledger.ingest([write_lines(tmp_path / "later.jsonl", later)], campaign="another")
    assert groups(ledger) == [{0, 1, 2, 5}, {3}, {4}, {6}, {7}]
    ledger.tag([five[3], five[4]], "group", "")
    ledger.tag([five[3], five[4]], "other", "g")
    assert groups(ledger) == [{0, 1, 2, 5}, {3}, {4}, {6}, {7}]
    ledger.tag([five[4]], "group", "h")
    assert groups(ledger) == [{0, 1, 2, 5}, {3}, {4, 6}, {7}]


def test_the_tie_stands_while_the_tag_stands(ledger: Ledger, five: list[str]) -> None:
    """Removed, changed and withdrawn take it back; what is withdrawn of these brings it again."""
    tied, apart = [{0, 1, 2, 3}, {4}], [{0, 1}, {2}, {3}, {4}]
    ledger.tag([five[0], five[2], five[3]], "group", "g")
    assert groups(ledger) == tied
    removed = ledger.tag([five[0]], "group", None)["events"]
    assert groups(ledger) == [{0, 1}, {2, 3}, {4}]
    ledger.withdraw([f"@{removed[0]}"])
    assert groups(ledger) == tied
    changed = ledger.tag(five[2:4], "group", "h")["events"]
    assert groups(ledger) == [{0, 1}, {2, 3}, {4}]
    ledger.withdraw([f"@{changed[0]}"])
    assert groups(ledger) == [{0, 1, 2}, {3}, {4}]
    ledger.withdraw([event["event"] for event in ledger.log(limit=99) if event["kind"] == "tagged"])
    assert groups(ledger) == apart
    ledger.split("50/25/25")
    ledger.tag(five, "group", "g")
    assert groups(ledger) == [{0, 1, 2, 3, 4}]


def test_other_ties_outlive_a_group(ledger: Ledger, tmp_path: Path) -> None:
    """Making families anew keeps what edits, derivations and near texts tie, and the other groups."""
    rows = [like(1), like(1, 2), *(chat(f"q{n}", f"other {n}") for n in range(5))]
    ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="c")
    ids = sample_ids(ledger)
    ledger.duplicates(0.6)
    ledger.edit(ids[2], json.dumps(chat("q1", "edited")).encode())
    improve(ledger, ids[4], [line("p", "better")])
    ledger.tag(ids[1:3], "group", "g")
    ledger.tag(ids[5:7], "group", "h")
    assert groups(ledger) == [{0, 1, 2, 3}, {4, 7}, {5, 6}]
    ledger.tag(ids[1:2], "group", None)
    assert groups(ledger) == [{0, 1}, {2, 3}, {4, 7}, {5, 6}]
    ledger.duplicates(1)
    assert groups(ledger) == [{0}, {1}, {2, 3}, {4, 7}, {5, 6}]
    assert tables(store_of(ledger).connection) == folded(ledger.path, store_of(ledger).head().position)


def test_a_member_of_a_group_joins_its_split(ledger: Ledger, tmp_path: Path) -> None:
    """A group never stands in two splits, whatever the prompts."""
    rows = [line(f"p{n}", "c", tags={"group": f"g{n % 6}"}) for n in range(30)]
    ledger.ingest([write_lines(tmp_path / "in.jsonl", rows)], campaign="c")
    assert (ledger.split("40/30/30")["families"], ledger.split("40/30/30")["leaks"]) == (6, 0)
    ids = sample_ids(ledger)
    stands = [{ledger.show(one)["split"] for one in ids[n::6]} for n in range(6)]
    assert [len(found) for found in stands] == [1] * 6
    ledger.ingest([write_lines(tmp_path / "new.jsonl", [line("new", "c", tags={"group": "g3"})])], campaign="d")
    ledger.split("40/30/30")
    assert {ledger.show(sample_ids(ledger)[-1])["split"]} == stands[3]


def test_the_token_of_a_group_is_that_of_no_text() -> None:
    """It is the digest of its own kind of text, one for each value, and it is frozen."""
    assert families.group_token("g") == digest_of(["group", 1, "g"]) == blake3_bytes(b'["group",1,"g"]')
    assert families.group_token("g") != families.group_token("h")
    assert families.group_token("g").hex().startswith("7e284a8b6c1e")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["birth", "tag", "tag", "tag", "edit", "improve", "withdraw"]),
        st.integers(0, 5),
        st.sampled_from([None, "g", "h", ""]),
    ),
    max_size=9,
)


@given(steps=STEPS, batch=st.integers(1, 5))
@settings(max_examples=40)
def test_groups_followed_made_again_and_made_aside_are_the_same(
    steps: list[tuple[str, int, str | None]], batch: int
) -> None:
    """Incremental == from nothing == as of each moment, whatever the cut; and the families are those of the model."""
    kept = projection.BATCH
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        folder = Path(name)
        edges: list[tuple[str, str]] = []
        now: dict[int, str] = {}  # place -> prompt
        said: dict[int, tuple[int, str | None]] = {}  # position of a tag -> place of its sample, value
        born: dict[int, str | None] = {}
        stood = []
        for number, (what, drawn, value) in enumerate([("birth", 0, None), ("birth", 1, "g"), *steps]):
            ids = sample_ids(ledger)
            place = drawn % max(len(ids), 1)
            if what == "birth":
                file = write_lines(folder / f"{number}.jsonl", [line(f"p{drawn}", str(number), tags=tags_of(value))])
                ledger.ingest([file], campaign=f"c{number % 2}")
                now[len(ids)], born[len(ids)] = f"p{drawn}", value
            elif what == "improve":
                improve(ledger, ids[place], [line(f"p{number % 6}", f"better {number}")], recipe=number)
                edges.append((now[place], f"p{number % 6}"))
                now[len(ids)], born[len(ids)] = f"p{number % 6}", None
            elif what == "edit":
                ledger.edit(ids[place], line(f"p{number % 6}", f"edited {number}"))
                edges.append((now[place], f"p{number % 6}"))
                now[place] = f"p{number % 6}"
            elif what == "tag":
                for position in ledger.tag([ids[place]], "group", value)["events"]:
                    said[position] = (place, value)
            elif said:
                position = sorted(said)[place % len(said)]
                ledger.withdraw([f"@{position}"])
                del said[position]
            stood.append((store_of(ledger).head().position, tables(store_of(ledger).connection)["families"]))
        tagged = {**born, **{place: value for _, (place, value) in sorted(said.items())}}
        assert groups(ledger) == components(now, tagged, edges)
        grown = tables(store_of(ledger).connection)
        try:
            projection.BATCH = batch
            assert folded(ledger.path, store_of(ledger).head().position) == grown
            for position, then in stood[::3]:
                assert folded(ledger.path, position)["families"] == then
        finally:
            projection.BATCH = kept
        ledger.rebuild_views()
        assert tables(store_of(ledger).connection) == grown


def tags_of(group: str | None) -> dict[str, str]:
    """Return the tags of a line in a group, or in none."""
    return {} if group is None else {"group": group}


def components(now: dict[int, str], tagged: dict[int, str | None], edges: list[tuple[str, str]]) -> list[set[int]]:
    """Return the families as sets of places: prompts, edges between them, and values of the tag."""
    ties: list[set[str]] = [set(edge) for edge in edges]
    ties += [{now[place] for place in now if tagged[place] == value} for value in ("g", "h")]
    whole = [{prompt} for prompt in now.values()]
    for tie in ties:
        joined = set.union(tie, *(one for one in whole if one & tie))
        whole = [*(one for one in whole if not one & tie), joined]
    found = [{place for place, prompt in now.items() if prompt in one} for one in whole]
    return sorted(map(set, {frozenset(one) for one in found if one}), key=min)


@given(order=st.permutations(range(6)), cut=st.integers(1, 6))
@settings(max_examples=15)
def test_the_families_of_groups_do_not_depend_on_the_order(order: list[int], cut: int) -> None:
    """The same samples ingested in any order, in one file or two, have the same families with the same roots."""
    rows = [line(f"p{n}", str(n), tags=tags_of("gh"[n % 2] if n < 5 else None)) for n in range(6)]
    found = []
    for sequence in (list(range(6)), order):
        with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
            for number, part in enumerate((sequence[:cut], sequence[cut:])):
                if part:
                    file = write_lines(Path(name) / f"{number}.jsonl", [rows[n] for n in part])
                    ledger.ingest([file], campaign="c", source="s")
            found.append(tables(store_of(ledger).connection)["families"])
    assert found[0] == found[1]
    assert len(found[0]) == 5 + 2
