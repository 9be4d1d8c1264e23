"""What may make room: of the size that is needed, from the same stratum first, each family once."""

from __future__ import annotations

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.verbs.floors import Tally, parse_floor
from ledger.verbs.quotas import OPEN, TRAIN, VAL, Families
from ledger.verbs.swap_pool import EXACT, NEAR, WITHIN, Laid, Pool


def laid(sizes: list[int], having: dict[int, int] | None = None) -> tuple[Laid, Pool]:
    """Return families of two strata in turn, the first of them in train and all others in val, and the pool of val."""
    tally, families = Tally.empty([parse_floor("val:x=9")]), Families()
    for number, size in enumerate(sizes):
        families.add(number % 2, size, OPEN, blake3(b"%d" % number).digest())
        tally.rows.append(size)
    tally.having[0].update(having or {0: sizes[0]})
    table = Laid(tally, families, bytearray([TRAIN, *[VAL] * (len(sizes) - 1)]))
    gains = [kind.having[0] for kind in table.kinds]
    return table, Pool(table, VAL, gains)


def proposals(pool: Pool, need: int, reach: int) -> list[list[int]]:
    """Return all that is proposed for the first family, each refused."""
    found = []
    for gone in pool.rooms(need, 0, reach):
        found.append(gone)
        pool.give_back(gone)
    return found


def test_one_of_the_same_size_and_stratum_comes_first() -> None:
    """Numbers 2 and 4 share the stratum of number 0; what is given back is proposed again."""
    table, pool = laid([2, 2, 2, 2, 2])
    first = min((2, 4), key=table.families.key)
    assert proposals(pool, 2, EXACT)[0] == [first]
    assert proposals(pool, 2, WITHIN)[0] == [first]


def test_within_a_stratum_nobody_else_is_proposed() -> None:
    """Where the stratum has none of the size, there is no proposal; elsewhere there is one."""
    _, pool = laid([2, 2, 1, 2])
    assert proposals(pool, 2, WITHIN) == []
    assert proposals(pool, 2, EXACT)[0] in ([1], [3])


def test_several_make_room_for_one() -> None:
    """Three and one for four; where nothing fits, nearly as many, more, or nobody."""
    _, pool = laid([4, 3, 1, 3])
    assert {sum((4, 3, 1, 3)[one] for one in gone) for gone in proposals(pool, 4, EXACT)} == {4}
    _, pool = laid([4, 3, 9])
    assert proposals(pool, 4, EXACT) == []
    assert proposals(pool, 4, NEAR) == [[1], [2], []]


def test_who_has_as_much_of_it_is_no_partner() -> None:
    """One that the floor needs as much makes no room by itself."""
    _, pool = laid([2, 2], {0: 1, 1: 1})
    assert proposals(pool, 2, EXACT) == []
    assert pool.poorest() == 1 / 2


@given(st.lists(st.integers(1, 5), min_size=2, max_size=12), st.integers(1, 12))
def test_a_proposal_is_of_the_pool_and_has_nobody_twice(sizes: list[int], need: int) -> None:
    """Exact proposals have exactly the room that is needed; all are families of the pool's split."""
    table, pool = laid(sizes)
    for gone in proposals(pool, need, EXACT):
        assert len(set(gone)) == len(gone)
        assert all(table.places[one] == VAL for one in gone)
        assert sum(sizes[one] for one in gone) == need
