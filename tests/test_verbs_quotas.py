"""Quotas and the deal: whole numbers beside exact shares, whole families, no split above its quota by a family."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.verbs.quotas import OPEN, SPLITS, TEST, TRAIN, VAL, Counts, Deal, Families, bounded, deal, quotas

USUAL = (90, 5, 5)
shares = st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)).filter(any)


class Drawn(NamedTuple):
    """One family: its stratum, its samples without a split, and where it is settled already."""

    stratum: int
    samples: int
    home: int = OPEN


families = st.lists(
    st.builds(Drawn, st.integers(0, 3), st.integers(1, 12), st.sampled_from([OPEN, OPEN, OPEN, TRAIN, VAL, TEST])),
    max_size=60,
)


def dealt(drawn: list[Drawn], ratio: Counts, before: list[list[int]] | None = None, seed: bytes = b"") -> Deal:
    """Deal families whose keys are those of their numbers; `before` is what is assigned in each stratum."""
    table, settled = Families(), [list(counts) for counts in before or [[0, 0, 0]] * 4]
    for number, one in enumerate(drawn):
        table.add(one.stratum, one.samples, one.home, blake3(b"%d" % number + seed).digest())
        if one.home != OPEN:
            settled[one.stratum][one.home] += one.samples
    return deal(table, range(len(settled)), settled, ratio)


def held(drawn: list[Drawn], done: Deal, stratum: int | None = None) -> list[int]:
    """Return how many of the samples each split got, of one stratum or of all."""
    found = [0, 0, 0]
    for one, place in zip(drawn, done.places, strict=True):
        if stratum in {None, one.stratum}:
            found[place] += one.samples
    return found


@given(st.lists(st.integers(0, 40), max_size=60), shares)
def test_quotas_add_up_and_stay_beside_the_exact_shares(totals: list[int], ratio: Counts) -> None:
    """Each stratum's quotas add up to it; their sums so far differ from the exact shares by less than two samples."""
    found = quotas(totals, ratio)
    assert [sum(quota) for quota in found] == totals
    assert all(part >= 0 for quota in found for part in quota)
    for k in range(3):
        sums = accumulate(quota[k] for quota in found)
        exact = (Fraction(ratio[k] * total, sum(ratio)) for total in accumulate(totals))
        assert all(abs(have - want) < 2 for have, want in zip(sums, exact, strict=True))
        assert ratio[k] or not any(quota[k] for quota in found)


def test_a_thousand_strata_of_one_sample_have_the_ratio() -> None:
    """Where each stratum by itself would round to train, together they have five in a hundred of each other split."""
    found = quotas([1] * 1000, USUAL)
    assert [sum(column) for column in zip(*found, strict=True)] == [900, 50, 50]


@given(families.filter(bool), shares)
def test_in_one_stratum_no_split_is_above_its_quota_by_a_family(drawn: list[Drawn], ratio: Counts) -> None:
    """With nothing settled: above by less than the largest family, below by less than two; no share, no sample."""
    drawn = [one._replace(stratum=0, home=OPEN) for one in drawn]
    done = dealt(drawn, ratio)
    got, largest = held(drawn, done), max(one.samples for one in drawn)
    assert sum(done.wanted[0]) == sum(got)
    for k in range(3):
        assert done.wanted[0][k] - 2 * largest < got[k] < done.wanted[0][k] + largest
        assert ratio[k] or not got[k]


@given(families, shares, st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=4, max_size=4))
def test_what_is_settled_stays_and_everything_gets_a_place(
    drawn: list[Drawn], ratio: Counts, before: list[list[int]]
) -> None:
    """Families with a home keep it; open ones go to a split with a share; wanted counts all samples of a stratum."""
    done = dealt(drawn, ratio, before)
    for one, place in zip(drawn, done.places, strict=True):
        assert place == one.home or (one.home == OPEN and ratio[place] > 0)
    for stratum, wanted in enumerate(done.wanted):
        assert sum(wanted) == sum(before[stratum]) + sum(held(drawn, done, stratum))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=80), shares)
def test_strata_that_are_one_family_each_have_the_ratio_together(sizes: list[int], ratio: Counts) -> None:
    """What whole families cost one stratum is made up for in the next, so the sums stay within some families."""
    drawn = [Drawn(number, size) for number, size in enumerate(sizes)]
    got = held(drawn, dealt(drawn, ratio, [[0, 0, 0]] * len(sizes)))
    for k in range(3):
        assert abs(got[k] - Fraction(sum(sizes) * ratio[k], sum(ratio))) < 2 * max(sizes) + 2


def test_pairs_in_strata_of_their_own() -> None:
    """A thousand pairs, each a stratum: held-out splits get their share although no quota has room for a pair."""
    drawn = [Drawn(number, 2) for number in range(1000)]
    assert held(drawn, dealt(drawn, USUAL, [[0, 0, 0]] * 1000)) == pytest.approx([1800, 100, 100], abs=4)


def test_one_family_larger_than_everything() -> None:
    """It goes to train, which lacks most; held-out splits are filled from the others."""
    drawn = [Drawn(0, 1000), *(Drawn(0, 1) for _ in range(200))]
    for seed in (b"a", b"b", b"c"):
        done = dealt(drawn, USUAL, seed=seed)
        assert done.places[0] == TRAIN
        assert held(drawn, done)[1:] == [60, 60]
    assert dealt([Drawn(0, 7)], USUAL).places[0] == TRAIN
    assert dealt([Drawn(0, 2)], (50, 50, 0)).places[0] == TRAIN


def test_a_huge_family_does_not_upset_the_strata_after_it() -> None:
    """Single samples of a later stratum are dealt by its own quotas, but for one sample of each split."""
    drawn = [Drawn(0, 10_000), *(Drawn(1, 1) for _ in range(1000))]
    assert held(drawn, dealt(drawn, USUAL), 1) == pytest.approx([900, 50, 50], abs=1)


def test_a_later_deal_makes_up_for_an_earlier_one() -> None:
    """After everything went to train, new samples fill val and test, evenly where there are too few."""
    many = [Drawn(0, 1) for _ in range(200)]
    assert held(many, dealt(many, USUAL, [[1000, 0, 0], *[[0, 0, 0]] * 3])) == [80, 60, 60]
    few = [Drawn(0, 1) for _ in range(40)]
    assert held(few, dealt(few, USUAL, [[1000, 0, 0], *[[0, 0, 0]] * 3])) == [0, 20, 20]


def test_what_pins_put_somewhere_in_one_stratum_is_balanced_across_the_others() -> None:
    """Ten of a small stratum are settled in val: the large one gets none there, before it in order or after it."""
    for small in (0, 1):
        drawn = [*(Drawn(small, 1, VAL) for _ in range(10)), *(Drawn(1 - small, 1) for _ in range(190))]
        assert held(drawn, dealt(drawn, USUAL)) == [180, 10, 10]


@given(families, shares)
def test_single_samples_have_the_ratio_whatever_is_settled_in_which_stratum(drawn: list[Drawn], ratio: Counts) -> None:
    """Strata together get what one stratum would get."""
    drawn = [one._replace(samples=1) for one in drawn]
    together = [one._replace(stratum=0) for one in drawn]
    apart, one = held(drawn, dealt(drawn, ratio)), held(together, dealt(together, ratio))
    assert all(abs(now - then) <= 1 for now, then in zip(apart, one, strict=True))


def test_size_says_nothing_about_the_place_where_quotas_are_large() -> None:
    """Among many families of two sizes, each size has about its share in test."""
    drawn = [Drawn(0, 1 + 3 * (number % 2)) for number in range(8000)]
    places = dealt(drawn, (80, 10, 10)).places
    for size in (1, 4):
        counts = Counter(place for one, place in zip(drawn, places, strict=True) if one.samples == size)
        assert counts[TEST] == pytest.approx(400, abs=70)
        assert counts[VAL] == pytest.approx(400, abs=70)


def test_each_family_has_the_same_chance() -> None:
    """Over many seeds, each of ten families is about as often in test as any other."""
    drawn = [Drawn(0, 1) for _ in range(10)]
    counts: Counter[int] = Counter()
    for seed in range(1000):
        places = dealt(drawn, (80, 10, 10), seed=b"-%d" % seed).places
        counts[places.index(TEST)] += 1
    assert all(60 < counts[number] < 140 for number in range(10))


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=2), st.integers(1, 20))
def test_what_is_made_up_for_at_once_is_bounded_and_even(owed: list[int], most: int) -> None:
    """No more than a family for any split, never past what is owed, and no samples from nowhere."""
    owed = [*owed, -sum(owed)]
    found = bounded(owed, most)
    assert sum(found) == 0
    assert all(abs(now) <= min(most, abs(part)) and now * part >= 0 for now, part in zip(found, owed, strict=True))


def test_the_splits_stand_in_the_order_of_their_distance_from_training() -> None:
    """Places are numbers: the larger, the farther from training."""
    assert (SPLITS[TRAIN], SPLITS[VAL], SPLITS[TEST]) == ("train", "val", "test")
