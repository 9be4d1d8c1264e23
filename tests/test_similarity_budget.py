"""A template budget: which members of a family stay."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.similarity.budget import Budgeted, Over, budget, spread

members = st.lists(st.binary(min_size=1, max_size=2), unique=True, max_size=12)
tags = st.dictionaries(st.binary(min_size=1, max_size=2), st.sampled_from(["twain", "franklin", ""]), max_size=40)


def test_values_take_turns() -> None:
    """One of each value in alphabetical order, smallest id first, those without a tag last; then the next of each."""
    tagged = {b"1": "twain", b"2": "twain", b"3": "twain", b"4": "franklin", b"5": "franklin"}

    assert budget([[b"6", b"5", b"4", b"3", b"2", b"1"]], tagged, 4) == [
        Budgeted((b"4", b"1", b"6", b"5"), (Over(b"2", 5), Over(b"3", 6)))
    ]


@given(members, tags, st.integers(0, 13))
def test_every_member_stays_or_is_over(family: list[bytes], tagged: dict[bytes, str], keep: int) -> None:
    """No more than the budget stay, nobody is lost, and ranks go on where the kept ones end."""
    (found,) = budget([family], tagged, keep)

    assert len(found.kept) == min(keep, len(family))
    assert sorted([*found.kept, *(over.id for over in found.over)]) == sorted(family)
    assert [over.rank for over in found.over] == list(range(keep + 1, len(family) + 1))


@given(members, tags, st.integers(0, 13))
def test_the_kept_are_spread_evenly(family: list[bytes], tagged: dict[bytes, str], keep: int) -> None:
    """No value has two more of the kept than one that still has members left."""
    (found,) = budget([family], tagged, keep)
    kept = Counter(tagged.get(member) for member in found.kept)

    for over in found.over:
        assert max(kept.values(), default=0) <= kept[tagged.get(over.id)] + 1


@given(members, tags, st.integers(0, 13), st.integers(0, 13), st.randoms(use_true_random=False))
def test_order_free_and_growing(
    family: list[bytes], tagged: dict[bytes, str], keep: int, more: int, shuffler: random.Random
) -> None:
    """In whatever order members come the same ones stay, and a larger budget keeps them all."""
    shuffled = [*family, *family[:2]]
    shuffler.shuffle(shuffled)
    (one,), (other,) = budget([family], tagged, keep), budget([shuffled], tagged, keep + more)

    assert other.kept[: len(one.kept)] == one.kept
    assert spread(shuffled, tagged) == spread(family, tagged)


def test_each_family_has_its_own_budget() -> None:
    """Families are cut one by one; none is an empty answer, and a negative budget is refused."""
    assert [one.kept for one in budget([[b"b", b"a"], [], [b"c"]], {}, 1)] == [(b"a",), (), (b"c",)]
    with pytest.raises(BadRequest):
        budget([], {}, -1)
