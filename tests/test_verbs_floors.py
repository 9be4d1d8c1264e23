"""Floors: what they say, and how families move until all of them are met, or none of it happens."""

from __future__ import annotations

from array import array
from fractions import Fraction

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest, FloorNotMet
from ledger.verbs.floors import Floor, Tally, parse_floor
from ledger.verbs.quotas import OPEN, TEST, TRAIN, VAL, Families
from ledger.verbs.swaps import meet
from ledger.views.dealt import Fact


@pytest.mark.parametrize(
    ("text", "split", "fact", "value", "share", "least"),
    [
        ("train:perfect=5%", TRAIN, Fact("tag", "perfect"), None, 5_000_000, 0),
        ("val:tag:perfect=0.5%", VAL, Fact("tag", "perfect"), None, 500_000, 0),
        ("test:tag:tier:gold=b=40", TEST, Fact("tag", "tier"), "gold=b", None, 40),
        (" train : domain:asm = 100% ", TRAIN, Fact("domain"), "asm", 100_000_000, 0),
        ("test:label:true=1", TEST, Fact("label"), "true", None, 1),
        ("test:campaign:a b=1", TEST, Fact("campaign"), "a b", None, 1),
    ],
)
def test_what_a_floor_says(text: str, split: int, fact: Fact, value: str | None, share: int | None, least: int) -> None:
    """A tag by name or with a value, another fact with a value; a share in percent, or samples."""
    assert parse_floor(text) == Floor(text, split, fact, value, share, least)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "perfect=5%",
        "train:=5%",
        "train:perfect",
        "train:perfect=",
        "train:perfect=5.5",
        "train:perfect=-1",
        "train:perfect=101%",
        "train:perfect=\u0665%",
        "train:perfect=0.0000001%",
        "trian:perfect=5%",
        "train:label:yes=5%",
        "train:tag:=5%",
        "train:mood:good=5%",
        "train:domain=5%\n",
    ],
)
def test_what_is_no_floor(text: str) -> None:
    """Anything else is refused, with the text in the message."""
    with pytest.raises(BadRequest, match=r"[Ff]loor"):
        parse_floor(text)


def tally_of(
    floors: list[str], sizes: list[tuple[int, int]], homes: list[int] | None = None
) -> tuple[Tally, Families, bytearray]:
    """Return a tally of families of (rows, rows that have what the floors ask for); what is open was dealt to test."""
    table, tally = Families(), Tally.empty([parse_floor(text) for text in floors])
    for number, (rows, having) in enumerate(sizes):
        home = OPEN if homes is None else homes[number]
        table.add(0, rows, home, blake3(b"%d" % number).digest())
        tally.rows.append(rows if home == OPEN else 0)
        if home != OPEN:
            tally.total[home] += rows
        for here, had in zip(tally.have, tally.having, strict=True):
            if home != OPEN:
                here[home] += having
            elif having:
                had[number] = having
    return tally, table, bytearray(TEST if home == OPEN else home for home in table.homes)


def test_families_move_in_the_order_of_their_keys_until_it_is_met() -> None:
    """Three of five families of two are needed for five samples: those with the smallest keys."""
    tally, table, places = tally_of(["train:x=5"], [(2, 2)] * 5)
    moved = meet(tally, table, places)
    assert sorted(moved) == sorted(sorted(range(5), key=table.key)[:3])
    assert set(moved.values()) == {TRAIN}
    assert [places[number] for number in moved] == [TRAIN] * 3
    assert tally.observed(0) == 6


def test_a_floor_that_is_met_moves_nothing() -> None:
    """Also one that is met exactly, and one that asks for nothing."""
    tally, table, places = tally_of(["test:x=4", "test:x=100%", "train:x=0", "val:x=0%"], [(2, 2)] * 2)
    assert meet(tally, table, places) == {}


def test_a_family_that_would_lower_the_share_does_not_move() -> None:
    """Of a family of ten one has it: it cannot help to have a half."""
    tally, table, places = tally_of(["train:x=50%"], [(10, 1), (2, 1)])
    assert meet(tally, table, places) == {1: TRAIN}
    assert tally.observed(0) == Fraction(1, 2)


def test_what_is_settled_does_not_move() -> None:
    """Assigned and pinned families stay; the message says what is reached and where the rest is."""
    tally, table, places = tally_of(["train:x=50%"], [(3, 3), (1, 1), (10, 0)], [VAL, OPEN, TRAIN])
    with pytest.raises(FloorNotMet, match=r"train reaches 1 of 11 rows \(9\.09%\); .* 3 in val stay there"):
        meet(tally, table, places)


def test_nobody_has_it() -> None:
    """Where nothing has what a floor asks for, the message says so; an empty split does not meet a share."""
    tally, table, places = tally_of(["val:x=1"], [(3, 0)])
    with pytest.raises(FloorNotMet, match="val reaches 0 samples; no other samples have it"):
        meet(tally, table, places)
    tally, table, places = tally_of(["val:x=1%"], [(3, 0)])
    with pytest.raises(FloorNotMet, match="0 of 0 rows"):
        meet(tally, table, places)


def test_one_floor_does_not_take_what_another_needs() -> None:
    """Two splits can each have two of five, but not each three."""
    for order in (["train:x=2", "test:x=2"], ["test:x=2", "train:x=2"]):
        tally, table, places = tally_of(order, [(1, 1)] * 5)
        assert len(meet(tally, table, places)) == 2
    tally, table, places = tally_of(["train:x=3", "test:x=3"], [(1, 1)] * 5)
    with pytest.raises(FloorNotMet):
        meet(tally, table, places)


sizes = st.lists(st.integers(1, 6).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(0, rows))), max_size=20)
texts = st.lists(
    st.builds("{}:x={}".format, st.sampled_from(["train", "val", "test"]), st.sampled_from(["3", "10%", "50%", "9"])),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(texts, sizes, st.data())
def test_all_floors_are_met_in_the_end_or_none_is_recorded(
    floors: list[str], drawn: list[tuple[int, int]], data: st.DataObject
) -> None:
    """What the tally says is what the places say; settled families keep their places."""
    homes = data.draw(st.lists(st.sampled_from([OPEN, OPEN, VAL]), min_size=len(drawn), max_size=len(drawn)))
    tally, table, places = tally_of(floors, drawn, homes)
    try:
        moved = meet(tally, table, places)
    except FloorNotMet:
        return
    for number in range(len(floors)):
        assert tally.met(number)
        assert tally.have[number] == [
            sum(having for (_, having), place in zip(drawn, places, strict=True) if place == k) for k in range(3)
        ]
    assert tally.total == [sum(rows for (rows, _), p in zip(drawn, places, strict=True) if p == k) for k in range(3)]
    for number, place in enumerate(places):
        assert place == (moved.get(number, TEST) if homes[number] == OPEN else homes[number])


@given(sizes, st.integers(1, 20))
def test_a_single_floor_in_samples_fails_only_where_there_are_too_few(drawn: list[tuple[int, int]], least: int) -> None:
    """With one floor and nothing settled, what can be met is met."""
    tally, table, places = tally_of([f"val:x={least}"], drawn)
    enough = sum(having for _, having in drawn) >= least
    if enough:
        meet(tally, table, places)
        assert tally.observed(0) >= least
    else:
        with pytest.raises(FloorNotMet):
            meet(tally, table, places)


def test_an_empty_tally_counts_nothing() -> None:
    """Before the survey every split holds nothing."""
    tally = Tally.empty([parse_floor("train:x=5%")])
    assert (tally.total, tally.have, tally.rows) == ([0, 0, 0], [[0, 0, 0]], array("I"))
    assert tally.observed(0) == 0
