"""The main export against the script that people write."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import floor, work
from bench.measure import timed
from ledger import Ledger


@pytest.mark.benchmark(group="export")
def test_plain_script(benchmark: BenchmarkFixture, source: Path, tmp_path: Path, rows: int) -> None:
    """Ask how long the usual script takes: load, part by label, shuffle, zip, dump."""
    written = timed(benchmark, floor.interleave, lambda: (source, tmp_path / "plain.jsonl"))
    assert rows // 2 < written <= rows


@pytest.mark.benchmark(group="export")
def test_project(benchmark: BenchmarkFixture, own: Path, tmp_path: Path, rows: int) -> None:
    """Ask how long `project kto-interleaved` takes on the same rows, with its checks, manifest and release."""
    number = count()  # each round another name: the same release a second time appends nothing
    manifest = timed(benchmark, work.project, lambda: (own, tmp_path / f"out{next(number)}.jsonl"))
    assert manifest["considered"] == rows == manifest["used"] + sum(manifest["omitted"].values())
    assert manifest["omitted"]["conflict"] > 0
    assert manifest["omitted"]["duplicate"] > 0
    assert Ledger.verify_export(tmp_path / manifest["output"]["name"])["ok"]
