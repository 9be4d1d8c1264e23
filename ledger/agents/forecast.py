"""What a job will cost and how long it will take, before it is begun: low, likely and high, for each way of asking.

Pure arithmetic over means. What it takes for granted stands in ASSUMED, and in every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import NamedTuple

from ledger.agents.contract import BATCH, LIVE, Usage
from ledger.agents.counting import Range
from ledger.agents.prefixes import LONG
from ledger.agents.prices import Prices

CACHED, WARM = "cached", "batch_warm"
WAYS = (LIVE, CACHED, BATCH, WARM)
"""Each call in full; each finding the front of its prompt kept; in batches; in batches that find it kept."""
BOUNDS = ("low", "likely", "high")

ASSUMED: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "questions_a_sample": (1.0, 1.05, 1.5),
        "misses": (0.0, 0.02, 0.2),
        "answer": (0.05, 0.4, 1.0),
        "seconds_a_reply": (1.5, 3.0, 8.0),
        "seconds_a_batch": (60.0, 3600.0, 86400.0),
    }
)
"""Low, likely and high: questions for each sample where replies have to be asked for again; the part of calls that do
not find their front kept; the part of the stated length that answers have, where none was seen; seconds for a reply;
seconds for a batch, most of which end within an hour and all within a day."""
LIMITS: Mapping[str, int] = MappingProxyType({"requests": 1_000, "prompt": 2_000_000, "output": 400_000})
"""Limits for a minute where nothing else is known: those of the lowest tier (Anthropic's list of 2026-08-22)."""

SURELY_KEPT = 4_096
"""Tokens from which every model keeps a front. Shorter ones may be left out without a word, so the high bound counts
on nothing."""
_MICRO = Decimal("0.000001")
_ROUNDINGS = (ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_CEILING)


class Job(NamedTuple):
    """What is known of a job: samples, and for a call in the mean the tokens of its prompt and of its answer.

    `kept` are the tokens of the front that calls share, in the mean (0: none is kept), `keep` how long it is kept, and
    `fronts` how many different ones there are. `asks` are questions for each sample, `rounds` how many batches there
    are one after another, since what is asked depends on what was accepted before.
    """

    samples: int
    prompt: Range
    output: Range
    kept: float
    keep: str
    fronts: int
    asks: Range
    rounds: int = 1


class Cost(NamedTuple):
    """Dollars, low to high, to a millionth; the outer two are rounded away from the middle."""

    low: Decimal
    likely: Decimal
    high: Decimal


def cost(job: Job, prices: Prices, way: str) -> Cost:
    """Return what a job costs when it is asked in one of WAYS."""
    found = [_cost(job, prices, way, bound) for bound in range(3)]
    return Cost(*(one.quantize(_MICRO, rounding) for one, rounding in zip(found, _ROUNDINGS, strict=True)))


def seconds(job: Job, way: str, concurrency: int | None) -> Range:
    """Return how long a job takes when it is asked in one of WAYS: as long as the tightest limit makes it."""
    if not job.samples:
        return Range(0.0, 0.0, 0.0)
    if way in {BATCH, WARM}:
        return Range(*ASSUMED["seconds_a_batch"]).times(job.rounds + (1 if way == WARM and job.kept else 0))
    times = []
    for bound in range(3):
        calls, prompt, output = _amounts(job, bound)
        fresh = prompt - (_hits(job, bound) * job.kept if way == CACHED else 0.0)
        needs = zip((calls, calls * fresh, calls * output), LIMITS.values(), strict=True)
        one = ASSUMED["seconds_a_reply"][bound]
        times.append(max(*(60 * need / limit for need, limit in needs), calls * one / (concurrency or calls)) + one)
    return Range(*times)


def _cost(job: Job, prices: Prices, way: str, bound: int) -> Decimal:
    if not job.samples:
        return Decimal(0)
    calls, prompt, output = _amounts(job, bound)
    mode = BATCH if way in {BATCH, WARM} else LIVE
    sure = bound < len(BOUNDS) - 1 or job.kept >= SURELY_KEPT
    kept = min(job.kept, prompt) if way in {CACHED, WARM} and sure else 0.0
    writers = min(job.fronts + ASSUMED["misses"][bound] * calls, calls) if kept else 0.0
    sums = [(calls - writers, _usage(prompt, output, read=kept)), (writers, _usage(prompt, output, job.keep, kept))]
    whole = sum((Decimal(many) * prices.cost(usage, mode) for many, usage in sums), Decimal(0))
    if mode == BATCH and calls > 1:  # one call goes first on its own, at the price of live calls
        alone = _usage(prompt, output, job.keep, kept)
        whole += prices.cost(alone, LIVE) - prices.cost(alone, BATCH)
    return whole


def _amounts(job: Job, bound: int) -> tuple[float, float, float]:
    """Return calls, and the tokens of a prompt and of an answer."""
    return max(job.samples * job.asks[bound], 1.0), job.prompt[bound], job.output[bound]


def _hits(job: Job, bound: int) -> float:
    """Return the part of calls that find their front kept."""
    calls = _amounts(job, bound)[0]
    return max(0.0, 1 - ASSUMED["misses"][bound] - job.fronts / calls)


def _usage(prompt: float, output: float, keep: str = "", kept: float = 0.0, *, read: float = 0.0) -> Usage:
    whole = round(prompt)
    written, had = min(round(kept), whole), min(round(read), whole)
    if keep == LONG:
        return Usage(whole, round(output), had, 0, written)
    return Usage(whole, round(output), had, written, 0)
