"""Exchanges for floors: the ratio stays wherever it can, nothing settled moves, what is refused cannot be met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import FloorNotMet
from ledger.verbs.floors import Tally, parse_floor
from ledger.verbs.quotas import OPEN, TEST, TRAIN, VAL, Families
from ledger.verbs.swaps import meet


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


class Case(NamedTuple):
    """Families by what counts of them, (samples, rows, samples that have it), and where they are settled and dealt."""

    families: list[tuple[int, int, int]]
    homes: list[int]
    dealt: list[int]

    def laid(self, text: str) -> tuple[Tally, Families, bytearray]:
        """Return it as `meet` takes it, for one floor."""
        table, tally = Families(), Tally.empty([parse_floor(text)])
        for number, ((samples, rows, having), home) in enumerate(zip(self.families, self.homes, strict=True)):
            table.add(number % 2, samples, home, blake3(b"%d" % number).digest())
            counted = having if tally.floors[0].share is None else having * rows // samples
            tally.rows.append(rows if home == OPEN else 0)
            if home != OPEN:
                tally.total[home] += rows
                tally.have[0][home] += counted
            elif counted:
                tally.having[0][number] = counted
        return tally, table, bytearray(self.dealt)

    def sizes(self, places: Sequence[int]) -> list[int]:
        """Return how many samples each split holds."""
        return [sum(one[0] for one, place in zip(self.families, places, strict=True) if place == k) for k in range(3)]

    def outcomes(self, text: str) -> Iterator[int]:
        """Yield how many samples more or fewer splits hold than dealt, of every way to meet the floor."""
        floor, before = parse_floor(text), self.sizes(self.dealt)
        for places in product(*((home,) if home != OPEN else range(3) for home in self.homes)):
            there = [one for one, place in zip(self.families, places, strict=True) if place == floor.split]
            counted = sum(having if floor.share is None else having * rows // size for size, rows, having in there)
            if floor.met(counted, sum(rows for _, rows, _ in there)):
                yield sum(abs(now - then) for now, then in zip(self.sizes(places), before, strict=True))


@st.composite
def cases(draw: st.DrawFn, largest: int = 1, *, weights: bool = True) -> Case:
    """Draw up to seven families, some of them settled."""
    families, homes, dealt = [], [], []
    for _ in range(draw(st.integers(1, 7))):
        size, times = draw(st.integers(1, largest)), draw(st.sampled_from([1, 1, 5] if weights else [1]))
        families.append((size, size * times, draw(st.integers(0, size))))
        homes.append(draw(st.sampled_from([OPEN, OPEN, OPEN, TRAIN, VAL, TEST])))
        dealt.append(draw(st.sampled_from([TRAIN, TRAIN, VAL, TEST])) if homes[-1] == OPEN else homes[-1])
    return Case(families, homes, dealt)


amounts = st.sampled_from(["1", "2", "3", "10%", "34%", "50%", "90%", "100%"])
one_floor = st.builds("{}:x={}".format, st.sampled_from(["train", "val", "test"]), amounts)


@given(cases(), one_floor)
def test_what_single_samples_can_meet_with_the_ratio_kept_is_met_so(case: Case, text: str) -> None:
    """Every way to deal is tried: if one meets the floor with each split as large as dealt, so does the exchange."""
    tally, table, places = case.laid(text)
    if 0 in case.outcomes(text):
        meet(tally, table, places)
        assert tally.met(0)
        assert case.sizes(places) == case.sizes(case.dealt)


@given(cases(weights=False), one_floor)
def test_where_sizes_must_shift_they_shift_least(case: Case, text: str) -> None:
    """Of single samples that count once; a refusal means that nothing meets it, or only a smaller train."""
    tally, table, places = case.laid(text)
    best = min(case.outcomes(text), default=None)
    try:
        meet(tally, table, places)
    except FloorNotMet:
        assert best is None or (text.startswith("train") and best > 0)
        return
    moved = sum(abs(now - then) for now, then in zip(case.sizes(places), case.sizes(case.dealt), strict=True))
    assert moved == best


@given(cases(largest=4), one_floor)
def test_with_families_the_ratio_is_kept_where_it_can_be_but_for_part_of_a_family(case: Case, text: str) -> None:
    """What can be met with the ratio kept is met, and no split is off by the largest family; the settled stays."""
    tally, table, places = case.laid(text)
    try:
        meet(tally, table, places)
    except FloorNotMet:
        assert 0 not in case.outcomes(text)
        return
    assert all(home in {OPEN, place} for home, place in zip(case.homes, places, strict=True))
    if 0 in case.outcomes(text):
        largest = max(size for size, _, _ in case.families)
        before = case.sizes(case.dealt)
        assert all(abs(now - then) < largest for now, then in zip(case.sizes(places), before, strict=True))


def test_partners_are_of_the_same_stratum_where_there_are_any() -> None:
    """Two strata of forty: each keeps its own number of samples in val."""
    tally, table = Tally.empty([parse_floor("val:x=8")]), Families()
    for number in range(80):
        table.add(number % 2, 1, OPEN, blake3(b"%d" % number).digest())
        tally.rows.append(1)
        if number % 8 < 2:
            tally.having[0][number] = 1
    places = bytearray(VAL if 30 <= number < 40 else TRAIN for number in range(80))
    meet(tally, table, places)
    assert [sum(places[number] == VAL for number in range(80) if number % 2 == k) for k in range(2)] == [5, 5]


def test_a_refusal_says_who_holds_the_rest_and_what_helps() -> None:
    """Settled ones stay, open ones may be needed for another floor, a weight is for shares only."""
    tally, table, places = tally_of(["train:x=3", "test:x=3"], [(1, 1)] * 5)
    with pytest.raises(FloorNotMet, match="3 in test cannot leave without breaking another floor") as found:
        meet(tally, table, places)
    assert "Lower this floor or the one that holds them" in found.value.next_step
    assert "A weight does not help" in found.value.next_step
    tally, table, places = tally_of(["train:x=60%"], [(1, 1), (9, 0)], [TRAIN, TRAIN])
    with pytest.raises(FloorNotMet, match="no other rows have it") as found:
        meet(tally, table, places)
    assert "ledger weight" in found.value.next_step
    tally, table, places = tally_of(["val:x=60%"], [(1, 1), (9, 0)], [TRAIN, VAL])
    with pytest.raises(FloorNotMet, match="1 in train stay there") as found:
        meet(tally, table, places)
    assert "A weight does not help" in found.value.next_step


def test_families_change_places_by_what_they_have_not_by_when_they_came() -> None:
    """The same families under other numbers: the same keys stand in the same splits."""
    count, stands = 60, []
    for numbers in (range(count), range(count - 1, -1, -1)):
        tally, table = Tally.empty([parse_floor("val:x=40%"), parse_floor("test:x=2")]), Families()
        places = bytearray()
        for at, number in enumerate(numbers):
            table.add(0, 1 + number % 3, OPEN, blake3(b"%d" % number).digest())
            tally.rows.append(1 + number % 3)
            if number % 7 == 0:
                tally.having[0][at] = tally.having[1][at] = 1
            places.append((TRAIN, TRAIN, TRAIN, VAL, TEST)[number % 5])
        meet(tally, table, places)
        stands.append({table.key(at): place for at, place in enumerate(places)})
    assert stands[0] == stands[1]
