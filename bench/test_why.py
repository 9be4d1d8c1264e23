"""Questions about one sample, and the standing of the whole ledger."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed
from ledger import Ledger


@pytest.fixture
def opened(ingested: Path) -> Iterator[Ledger]:
    """Yield the ingested ledger, open."""
    with Ledger.open(ingested) as ledger:
        yield ledger


@pytest.mark.benchmark(group="read")
@pytest.mark.parametrize("verb", ["why", "show"])
def test_one_sample(benchmark: BenchmarkFixture, opened: Ledger, ids: list[str], verb: str) -> None:
    """Ask how long `why` and `show` take for one sample, each time another, wherever it stands."""
    chosen = cycle(work.spread(ids, work.ASKED))
    answer = timed(benchmark, getattr(opened, verb), lambda: (next(chosen),), work.ASKED)
    assert answer["origin"]["source"] == work.SOURCE
    assert answer["status"] == "pending"


@pytest.mark.benchmark(group="read")
def test_status(benchmark: BenchmarkFixture, opened: Ledger, rows: int) -> None:
    """Ask how long `status` takes, which reads a few rows whatever the size."""
    answer = timed(benchmark, opened.status, tuple, work.ASKED)
    assert answer["samples"] == rows
    assert answer["conserved"]
