"""Candidates and clusters: who gets compared, and who hangs together, in any order and at bounded cost."""

from __future__ import annotations

import time
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.similarity import candidates as module
from ledger.similarity.candidates import BUCKET, WINDOW, candidates
from ledger.similarity.clusters import components

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

Pairs = set[tuple[int, int]]
KEYS = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), max_size=24)


def found(keys: list[list[int]] | NDArray[Any]) -> Pairs:
    """Return the candidates, having checked that each stands once, smaller row first, in order."""
    pairs = candidates(np.array(keys, dtype=np.uint32).reshape(len(keys), len(keys[0]) if len(keys) else 1)).tolist()
    told = [(first, second) for first, second in pairs]
    assert told == sorted({pair for pair in told if pair[0] < pair[1]})
    return set(told)


def by_the_book(keys: list[list[int]]) -> Pairs:
    """Return the pairs that share a key in some band."""
    return {
        (first, second)
        for first, second in combinations(range(len(keys)), 2)
        if any(one == other for one, other in zip(keys[first], keys[second], strict=True))
    }


@given(KEYS)
def test_small_buckets_give_all_their_pairs(keys: list[list[int]]) -> None:
    """Up to BUCKET rows of a key, the candidates are exactly the pairs that share one."""
    assert found(keys) == by_the_book(keys)


@given(KEYS, st.data())
@settings(max_examples=60)
def test_large_buckets_are_bounded_and_leaving_out_adds_at_most(keys: list[list[int]], data: st.DataObject) -> None:
    """Beyond BUCKET rows: only pairs that share a key, few of them; who stays was compared when there were fewer."""
    with_small(2, lambda: _large(keys, data))


def with_small(bucket: int, check: Any) -> None:  # noqa: ANN401 - a function without arguments
    """Run a check with small buckets and windows."""
    kept = module.BUCKET, module.WINDOW
    module.BUCKET, module.WINDOW = bucket, 1
    try:
        check()
    finally:
        module.BUCKET, module.WINDOW = kept


def _large(keys: list[list[int]], data: st.DataObject) -> None:
    whole = found(keys)
    assert whole <= by_the_book(keys)
    assert len(whole) <= 2 * 3 * len(keys)
    stay = [row for row in range(len(keys)) if data.draw(st.booleans())]
    fewer = {(stay[one], stay[other]) for one, other in found([keys[row] for row in stay])}
    assert {pair for pair in whole if set(pair) <= set(stay)} <= fewer


def test_a_large_bucket_hangs_together() -> None:
    """All rows of one key are in one component of candidates, at (WINDOW + 1) pairs for each row at most."""
    rows = 10 * BUCKET
    keys = np.stack([np.zeros(rows), np.arange(rows)], axis=1)
    pairs = found(keys)
    assert len(pairs) <= (WINDOW + 1) * rows
    assert set(components(rows, np.array(sorted(pairs))).tolist()) == {0}


def test_neighbours_in_a_large_bucket_share_further_keys() -> None:
    """Rows that also share the key of another of the first bands stand beside each other, so those are compared."""
    rows = 10 * BUCKET
    keys = np.stack([np.zeros(rows), np.arange(rows) % (rows // 4)], axis=1)
    assert {(row, row + rows // 4) for row in range(rows // 4)} <= found(keys)


def test_rows_that_are_all_alike_cost_little() -> None:
    """One key for all, in all bands: pairs grow with the rows, not with their square."""
    begun = time.process_time()
    pairs = candidates(np.zeros((20_000, 20), dtype=np.uint32))
    assert len(pairs) <= (WINDOW + 1) * 20_000
    assert time.process_time() - begun < 30


def test_no_rows() -> None:
    """Nothing is near to nothing."""
    assert candidates(np.zeros((0, 20), dtype=np.uint32)).shape == (0, 2)
    assert candidates(np.zeros((1, 20), dtype=np.uint32)).shape == (0, 2)
    assert components(0, np.zeros((0, 2), dtype=np.int64)).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_components(pairs: list[tuple[int, int]]) -> None:
    """A component is named by its smallest row, as a walk along the pairs finds it."""
    expected = list(range(20))
    for _ in expected:
        for one, other in pairs:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert components(20, np.array(pairs, dtype=np.int64).reshape(-1, 2)).tolist() == expected


def test_a_long_chain_is_one_component() -> None:
    """A long chain of rows, linked in a bad order, is followed to its end quickly."""
    rows = 20_000
    order = np.random.default_rng(1).permutation(rows)
    begun = time.process_time()
    assert not components(rows, np.stack([order[:-1], order[1:]], axis=1)).any()
    assert time.process_time() - begun < 20


def test_windows_are_patched_where_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds are read when candidates are made, so that the laws above hold for small ones as for large ones."""
    monkeypatch.setattr(module, "BUCKET", 2)
    monkeypatch.setattr(module, "WINDOW", 1)
    assert len(found([[0]] * 9)) == 15
