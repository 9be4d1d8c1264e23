"""Ingest against the floor: the same lines put into plain SQLite with the same settings."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import floor, work
from bench.measure import timed


@pytest.mark.benchmark(group="ingest")
def test_floor(benchmark: BenchmarkFixture, source: Path, tmp_path: Path, rows: int) -> None:
    """Ask how long plain SQLite takes to store the same lines once each, durably, under their hash."""
    number = count()
    lines, stored = timed(benchmark, floor.store_lines, lambda: (source, tmp_path / f"floor{next(number)}.db"))
    assert lines == rows > stored


@pytest.mark.benchmark(group="ingest")
def test_ingest(benchmark: BenchmarkFixture, source: Path, tmp_path: Path, rows: int) -> None:
    """Ask how long ingest takes, everything included: reading, identity, events, tree, views."""
    number = count()
    report = timed(benchmark, work.ingest, lambda: (source, tmp_path / f"ledger{next(number)}.db"))
    assert (report["lines"], report["new"], report["quarantined"]) == (rows, rows, 0)


@pytest.mark.benchmark(group="ingest")
def test_ingest_again(benchmark: BenchmarkFixture, source: Path, own: Path, rows: int) -> None:
    """Ask how long it takes to find that a file is known: an ingest that was interrupted begins like this."""
    report = timed(benchmark, work.ingest_again, lambda: (source, own))
    assert (report["lines"], report["new"], report["known"]) == (rows, 0, rows)
