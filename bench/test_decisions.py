"""Decisions about every sample, appended and folded in one command."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed


@pytest.mark.benchmark(group="decisions")
@pytest.mark.parametrize("verb", ["accept", "reject", "relabel", "split"])
def test_decide(benchmark: BenchmarkFixture, ingested: Path, ids: list[str], tmp_path: Path, verb: str) -> None:
    """Ask how long it takes to decide about every sample at once, by id, in one command."""
    number = count()  # each round another name: the witness remembers what stood under the last one
    changed = timed(
        benchmark, work.decide, lambda: (work.copy(ingested, tmp_path / f"ledger{next(number)}.db"), verb, ids)
    )
    assert changed == len(ids)
