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


@pytest.mark.benchmark(group="verify-export")
@pytest.mark.parametrize("how", ["read", "verify_export"])
def test_verify_export(benchmark: BenchmarkFixture, own: Path, tmp_path: Path, how: str) -> None:
    """Ask how long `verify-export` takes, and bare parsing of the same lines."""
    rows = work.project(own, tmp_path / "out.jsonl")["rows"]
    asked = floor.read if how == "read" else work.verify_export
    assert timed(benchmark, asked, lambda: (tmp_path / "out.jsonl",)) == rows


@pytest.mark.benchmark(group="check")
def test_check(benchmark: BenchmarkFixture, own: Path, rows: int) -> None:
    """Ask how long it takes to plan kto-interleaved and to check its gates."""
    assert 0 < timed(benchmark, work.check, lambda: (own,)) <= rows
