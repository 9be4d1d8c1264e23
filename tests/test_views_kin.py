"""What ties a family: its members, and each kind of tie between different prompts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.views import families, kin
from ledger.views.kin import MEMBERS
from tests.judged import row_of
from tests.logs import improve, line, store_of
from tests.scoring import take_in
from tests.small import chat, samples, write
from tests.test_views_near import like


class Kin(NamedTuple):
    """The family of a sample."""

    samples: int
    members: set[str]
    ties: list[kin.Tie]


def of(ledger: Ledger, sample: str) -> Kin:
    """Return the family of a sample."""
    connection = store_of(ledger).connection
    row = row_of(ledger, sample)
    root = families.root(connection, row.prompt or row.fingerprint)
    members = kin.members(connection, root)
    assert [one.sample for one in members] == sorted(one.sample for one in members)
    return Kin(kin.count(connection, root), {one.id.hex() for one in members}, kin.ties(connection, root))


def test_one_prompt_needs_no_tie(ledger: Ledger, tmp_path: Path) -> None:
    """Samples with the same prompt are one family by that alone; others are not in it."""
    ids = take_in(ledger, tmp_path, [line("p", "a"), line("p", "b"), line("q", "a")])
    assert of(ledger, ids[0]) == (2, set(ids[:2]), [])
    assert of(ledger, ids[2]) == (1, {ids[2]}, [])


def test_each_kind_of_tie(ledger: Ledger, tmp_path: Path) -> None:
    """An edit and a child with another prompt name their events; a child with the same prompt is no tie."""
    one, two = take_in(ledger, tmp_path, [line("p", "a"), line("x", "b")])
    edit = ledger.edit(one, line("q", "a"))["events"][0]
    same, other = improve(ledger, one, [line("p", "better"), line("r", "best")])
    found = of(ledger, one)
    assert (found.samples, found.members) == (3, {one, same, other})
    assert [(tie.how, tie.similarity) for tie in found.ties] == [("edited", None), ("improved", None)]
    events = {event["event"]: event["position"] for event in ledger.log(limit=100)}
    assert [tie.position for tie in found.ties] == [edit, events[other]]
    assert of(ledger, two).ties == []


def test_texts_that_are_near_tie_their_prompts(ledger: Ledger, tmp_path: Path) -> None:
    """The most alike pair of two prompts counts, in millionths; a look that takes it back takes the tie away."""
    ledger.ingest(write(tmp_path / "a.jsonl", like(1), like(1, 2), chat("question 1 0", "else")), campaign="a")
    first, second, third = samples(ledger)
    assert of(ledger, second).members == {second}
    ledger.duplicates(0.6)
    found = of(ledger, second)
    assert (found.samples, found.members) == (3, {first, second, third})
    (tie,) = found.ties
    assert tie.how == "near"
    assert tie.similarity is not None
    assert 600_000 <= tie.similarity < 1_000_000
    ledger.duplicates(1)
    assert of(ledger, second) == (1, {second}, [])


def test_a_look_at_a_part_of_the_text_ties_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Answers that are alike are no family."""
    ledger.ingest(
        write(tmp_path / "a.jsonl", chat("p", "the same words here"), chat("q", "the same words here")), campaign="a"
    )
    assert ledger.duplicates(0.6, field="answer")["near"] == 2
    assert of(ledger, samples(ledger)[0]).samples == 1


def test_a_withdrawn_edit_still_ties(ledger: Ledger, tmp_path: Path) -> None:
    """The sample was there, so families stay joined, and the tie says why."""
    one, two = take_in(ledger, tmp_path, [line("p", "a"), line("q", "b")])
    edit = ledger.edit(one, line("q", "a"))["events"][0]
    ledger.withdraw([f"@{edit}"])
    assert [tie.position for tie in of(ledger, two).ties] == [edit]
    assert of(ledger, two).members == {one, two}


def test_the_tag_group_ties_to_the_smallest(ledger: Ledger, tmp_path: Path) -> None:
    """Each prompt of a group is tied to the smallest of them by the event that set the tag; a tag removed ties nothing.

    The tag is looked up where it stands, and a sample that was edited has it under its new prompt.
    """
    ids = take_in(ledger, tmp_path, [line(f"p{n}", "c") for n in range(4)])
    events = ledger.tag(ids[:3], "group", "g")["events"]
    tokens = [row_of(ledger, one).prompt or b"" for one in ids]
    first = min(range(3), key=lambda place: tokens[place])
    others = sorted({0, 1, 2} - {first}, key=lambda place: tokens[place])
    expected = [(tokens[first], tokens[place], "group", events[place], None) for place in others]
    assert sorted(map(tuple, of(ledger, ids[0]).ties)) == expected
    assert of(ledger, ids[0]).members == set(ids[:3])
    ledger.tag(ids[1:2], "group", None)
    assert of(ledger, ids[1]) == (1, {ids[1]}, [])
    assert [tie.how for tie in of(ledger, ids[0]).ties] == ["group"]
    edit = ledger.edit(ids[0], line("another", "c"))["events"][0]
    assert sorted((tie.how, tie.position == edit) for tie in of(ledger, ids[2]).ties) == [
        ("edited", True),
        ("group", False),
    ]


def test_a_large_family_is_counted_and_listed_in_part(ledger: Ledger, tmp_path: Path) -> None:
    """The oldest members are listed."""
    ids = take_in(ledger, tmp_path, [line("p", str(n)) for n in range(MEMBERS + 3)])
    found = of(ledger, ids[0])
    assert (found.samples, found.members) == (MEMBERS + 3, set(ids[:MEMBERS]))


@given(
    edits=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=8),
    tags=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, "g", "h"])), max_size=4),
)
@settings(max_examples=25)
def test_ties_connect_exactly_the_members(
    edits: list[tuple[int, int]], tags: list[tuple[int, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Walking over ties and equal prompts from one sample reaches its whole family, and nobody else."""
    folder = tmp_path_factory.mktemp("kin")
    with Ledger.init(folder / "ledger.db") as ledger:
        ids = take_in(ledger, folder, [line(f"p{n % 4}", f"c{n}") for n in range(6)])
        for place, prompt in edits:
            ledger.edit(ids[place], line(f"p{prompt}", f"c{place}"))
        for place, value in tags:
            ledger.tag([ids[place]], "group", value)
        rows = {one: row_of(ledger, one) for one in ids}
        for one in ids:
            found = of(ledger, one)
            seen = {rows[one].prompt}
            while more := {end for tie in found.ties for end in tie[:2] if {*tie[:2]} & seen} - seen:
                seen |= more
            assert found.members == {other for other in ids if rows[other].prompt in seen}
            assert found.samples == len(found.members)
