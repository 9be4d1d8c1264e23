"""Folding the whole log into the views."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed


@pytest.mark.benchmark(group="fold")
def test_rebuild_views(benchmark: BenchmarkFixture, own: Path, rows: int) -> None:
    """Ask how many events a second a rebuild of every view folds."""
    events = timed(benchmark, work.rebuild_views, lambda: (own,))
    assert events == rows + 2  # the run's start and end
