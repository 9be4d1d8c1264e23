"""Sizes and ready-made ledgers for the benchmarks.

BENCH_ROWS sets the number of samples: 100,000 unless told, 2,000 where nothing is measured (--benchmark-disable).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import samples, work

MEASURED_ROWS = 100_000
UNMEASURED_ROWS = 2_000


@pytest.fixture(autouse=True, scope="session")
def _own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the benchmarks away from the user's witness files, ledger and name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(tmp_path_factory.mktemp("witness")))
        patch.delenv("LEDGER_PATH", raising=False)
        patch.setenv("LEDGER_ACTOR", "bench")
        yield


@pytest.fixture(scope="session")
def rows(pytestconfig: pytest.Config) -> int:
    """Return how many samples to measure with."""
    usual = UNMEASURED_ROWS if pytestconfig.getoption("benchmark_disable") else MEASURED_ROWS
    return int(os.environ.get("BENCH_ROWS", usual))


@pytest.fixture(scope="session")
def source(rows: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of that many lines."""
    path = tmp_path_factory.mktemp("source") / work.SOURCE
    samples.write(path, rows)
    return path


@pytest.fixture(scope="session")
def ingested(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger that holds the file; nobody may write to it."""
    path = tmp_path_factory.mktemp("ingested") / "ledger.db"
    work.ingest(source, path)
    return path


@pytest.fixture(scope="session")
def ids(ingested: Path) -> list[str]:
    """Return the ids of all its samples."""
    return work.sample_ids(ingested)


@pytest.fixture
def own(ingested: Path, tmp_path: Path) -> Path:
    """Return a copy of that ledger to write to."""
    return work.copy(ingested, tmp_path / "ledger.db")
