"""ledger.agents.forecast: what a job will cost, against sums that are done by hand, and laws of the bounds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.contract import BATCH, LIVE
from ledger.agents.counting import Range
from ledger.agents.forecast import CACHED, SURELY_KEPT, WARM, WAYS, Job, cost, seconds
from ledger.agents.prices import find

PRICES = find("anthropic", "a-model", "2/10")
ONCE = Range(1, 1, 1)


def exactly(samples: int, prompt: int, output: int, kept: int = 0) -> Job:
    """Return a job of which everything is known."""
    return Job(samples, Range(*[prompt] * 3), Range(*[output] * 3), kept, "1h", 1 if kept else 0, ONCE)


def test_live_is_tokens_times_prices() -> None:
    """1,000 calls of 3,000 tokens and 500 back at $2 and $10: $11, whichever bound."""
    assert cost(exactly(1_000, 3_000, 500), PRICES, LIVE) == (Decimal(11), Decimal(11), Decimal(11))


def test_a_batch_is_half_but_for_the_call_that_goes_first() -> None:
    """999 calls at half of $0.011, and one in full."""
    assert cost(exactly(1_000, 3_000, 500), PRICES, BATCH).likely == Decimal("5.5055")


def test_what_is_kept_is_written_once_and_read_for_a_part() -> None:
    """A price that is given has no cheaper reads; writes for an hour cost twice: one call writes 5,000 tokens."""
    found = cost(exactly(1_000, 6_000, 500, 5_000), PRICES, CACHED)
    assert found.low == Decimal("17.01")
    assert found.high > found.likely > found.low


def test_the_table_of_prices_makes_kept_prompts_cheap() -> None:
    """A model that reads for a twentieth saves most of the input, and a batch saves half of the rest."""
    prices = find("anthropic", "claude-sonnet-5-5")
    job = exactly(1_000, 6_000, 100, 5_000)
    live, cached, batch, warm = (cost(job, prices, way).likely for way in WAYS)
    assert warm < cached < batch < live
    assert abs(warm * 2 - cached) < Decimal("0.05")


def test_a_front_that_may_not_be_kept_promises_nothing() -> None:
    """Below what every model keeps, the high bound is that without a cache."""
    short = exactly(100, 3_000, 100, SURELY_KEPT - 1)
    assert cost(short, PRICES, CACHED).high == cost(short, PRICES, LIVE).high


def test_nothing_costs_nothing() -> None:
    """A job without samples costs nothing and takes no time."""
    assert {cost(exactly(0, 100, 100), PRICES, way) for way in WAYS} == {(Decimal(0),) * 3}
    assert seconds(exactly(0, 100, 100), LIVE, None) == (0, 0, 0)


def test_the_tightest_limit_tells_the_time() -> None:
    """8,402 short calls are bound by the calls of a minute; with few at a time, by how long each takes."""
    job = exactly(8_402, 500, 100)
    assert 60 * 8.4 <= seconds(job, LIVE, None).likely <= 60 * 8.4 + 5
    assert seconds(job, LIVE, 1).likely >= 8_402 * 3
    assert seconds(exactly(1_000, 500, 4_000), LIVE, None).likely >= 600


NUMBERS = st.floats(0, 1e5)


@st.composite
def ranges(draw: st.DrawFn, least: float = 0.0) -> Range:
    """Draw a range."""
    return Range(*sorted(draw(st.floats(least, 1e5)) for _ in range(3)))


@given(st.integers(0, 10_000), ranges(), ranges(), NUMBERS, st.integers(0, 20), st.sampled_from(["5m", "1h"]))
def test_the_bounds_are_in_order(
    samples: int, prompt: Range, output: Range, kept: float, fronts: int, keep: str
) -> None:
    """Low is at most likely, likely at most high, in every way, in dollars and in seconds."""
    job = Job(samples, prompt, output, min(kept, prompt.low), keep, fronts, Range(1, 1.05, 1.5))
    for way in WAYS:
        dollars, time = cost(job, PRICES, way), seconds(job, way, None)
        assert Decimal(0) <= dollars.low <= dollars.likely <= dollars.high
        assert 0 <= time.low <= time.likely <= time.high


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(0, 5_000))
def test_batches_cost_no_more(samples: int, prompt: int, output: int) -> None:
    """In batches it is at most what it is live, kept or not."""
    job = exactly(samples, prompt, output, prompt // 2)
    assert cost(job, PRICES, BATCH).high <= cost(job, PRICES, LIVE).high
    assert cost(job, PRICES, WARM).high <= cost(job, PRICES, CACHED).high
