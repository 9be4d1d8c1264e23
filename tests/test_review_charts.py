"""Charts: every sample is in one bar, bars are of equal width, and a threshold stands where its value is."""

from __future__ import annotations

import operator
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import micro, text_of
from review_page.charts import HIGH, MOST, WIDE, bars, histogram, trend

STEPS = st.dictionaries(st.integers(-(10**12), 10**12), st.integers(1, 10**6), min_size=1, max_size=30)
NARROW = st.dictionaries(st.integers(0, 500), st.integers(1, 50), min_size=1, max_size=60)


@given(st.one_of(STEPS, NARROW), st.lists(st.integers(-200, 700), max_size=3))
def test_every_sample_is_in_one_bar(steps: dict[int, int], lines: list[int]) -> None:
    """The counts add up; each bar begins where the one before ends; there are few enough to see."""
    thresholds = [{"op": "<", "value": f"{line / 100:.2f}"} for line in lines]
    made = bars(list(steps.items()), thresholds)
    assert sum(bar["samples"] for bar in made) == sum(steps.values())
    assert len(made) <= MOST
    assert len({bar["width"] for bar in made}) == 1
    for step, samples in steps.items():
        (holding,) = [bar for bar in made if Decimal(bar["least"]) <= Decimal(step) / 100 <= Decimal(bar["most"])]
        assert holding["samples"] >= samples
    drawn = histogram(made, thresholds)
    assert drawn is not None
    assert sum(bar.samples for bar in drawn.bars) == sum(steps.values())
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDE + 1 and 0 <= bar.height <= HIGH for bar in drawn.bars)


def test_bars_that_a_threshold_catches_are_marked() -> None:
    """Those below it where less is caught, those above where more is."""
    steps = [[10, 1], [30, 1], [50, 1]]
    for op, caught in (("<", [True, False, False]), (">", [False, False, True])):
        thresholds = [{"op": op, "value": "0.3"}]
        drawn = histogram(bars(steps, thresholds), thresholds)
        assert drawn is not None
        assert [bar.caught for bar in drawn.bars if bar.samples] == caught
        (line,) = drawn.lines
        (there,) = (bar for bar in drawn.bars if bar.least == "0.30")
        assert there.x - 2 <= line.x <= there.x


@given(
    st.dictionaries(st.integers(-300, 300), st.integers(1, 9), min_size=1, max_size=40),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.one_of(st.integers(-300, 300).map(lambda n: n * 10_000), st.integers(-3_000_000, 3_000_000)),
)
def test_a_bar_is_marked_where_the_comparison_holds_for_all_of_it(steps: dict[int, int], op: str, level: int) -> None:
    """For its least and its most, to the millionth, whichever decimal the threshold is."""
    thresholds = [{"op": op, "value": text_of(level)}]
    drawn = histogram(bars(list(steps.items()), thresholds), thresholds)
    assert drawn is not None
    holds = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[op]
    for bar in drawn.bars:
        assert bar.caught == (holds(micro(bar.least), level) and holds(micro(bar.most), level)), bar


def test_of_nothing_there_is_no_chart() -> None:
    """Neither of no step nor of empty ones."""
    assert bars([]) == bars([[1, 0]]) == []
    assert histogram([], []) is None


def test_a_trend_says_what_is_not_known() -> None:
    """A campaign of which nothing was decided has no point."""
    row = {"campaign": "c", "acceptance": {"rate": None, "low": None, "high": None}}
    known = {"campaign": "d", "acceptance": {"rate": 0.5, "low": 0.25, "high": 0.75}}
    first, second = trend([row, known])
    assert not first.known
    assert (second.y, second.low, second.high) == (HIGH / 2, HIGH * 0.75, HIGH / 4)
    assert len(trend([known] * 100)) == 30
