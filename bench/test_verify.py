"""Checking the whole file against itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed


@pytest.mark.benchmark(group="verify")
def test_verify(benchmark: BenchmarkFixture, own: Path, rows: int) -> None:
    """Ask how long a full `verify` takes: every blob, leaf, tile, head and view derived again."""
    report = timed(benchmark, work.verify, lambda: (own,))
    assert report["findings"] == []
    assert report["checked"]["events"] == rows + 2
