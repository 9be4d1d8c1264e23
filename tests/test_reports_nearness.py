"""How many samples are near, and how near: the count and the histogram are those of the list."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.reports import nearness
from ledger.reports.nearness import BINS, upper_edges
from tests.judged import LOW, decide, taken


@given(st.integers(0, 10**13))
def test_edges_reach_the_largest(largest: int) -> None:
    """There are at most BINS bins of one round width, the last reaches the largest margin, and none is beyond it."""
    edges = upper_edges(largest)

    assert len(edges) <= BINS
    assert edges[-1] >= largest
    if largest:
        width = edges[0]
        assert edges == [width * (n + 1) for n in range(len(edges))]
        assert edges[-1] - width < largest
        assert str(width).rstrip("0") in {"1", "2", "5"}


@pytest.fixture
def near(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger whose samples miss 0.5 by 0.01, 0.02 … 0.3."""
    taken(ledger, tmp_path / "near.jsonl", [("asm", {"quality": f"0.{50 - n}"}) for n in range(1, 31)])
    decide(ledger, LOW)
    return ledger


def test_it_counts_what_near_misses_lists(near: Ledger) -> None:
    """Total and histogram are those of the whole list, also within a margin."""
    margins = [abs(Decimal(one["margin"])) for one in near.near_misses(limit=100)["near_misses"]]

    told = near.nearness("c")
    assert told["total"] == len(margins) == 30
    assert told["exact"] is True
    assert sum(one["samples"] for one in told["histogram"]) == 30
    low = Decimal(0)
    for one in told["histogram"]:
        assert one["samples"] == sum(low < margin <= Decimal(one["upto"]) for margin in margins)
        low = Decimal(one["upto"])
    assert near.nearness(within="0.1")["total"] == 10
    assert near.nearness(rule="low_quality", domain="asm")["total"] == 30
    assert near.nearness(rule="another")["total"] == 0


def test_of_many_the_nearest_are_counted(near: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many it says at least, and the histogram is that of the nearest."""
    monkeypatch.setattr(nearness, "UPTO", 5)

    told = near.nearness()
    assert (told["total"], told["exact"]) == (5, False)
    assert sum(one["samples"] for one in told["histogram"]) == 5


def test_what_is_no_margin_is_refused(near: Ledger) -> None:
    """A word is no margin, and there is no campaign but those that there are."""
    with pytest.raises(BadRequest):
        near.nearness(within="far")
    with pytest.raises(BadRequest):
        near.nearness("nowhere")
