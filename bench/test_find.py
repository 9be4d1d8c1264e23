"""Listing: a page of samples from anywhere in the list, by each filter, and the ids of a selection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed
from ledger import Ledger

FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "campaign": {"campaign": work.CAMPAIGN},
    "status": {"status": "rejected"},
    "rule": {"rule": "low_quality"},
    "domain": {"domain": "cpp"},
    "source": {"source": work.SOURCE},
    "words": {"text": "memory"},
    "rare words": {"text": '"note 77"'},
}


@pytest.fixture(scope="module")
def judged(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Yield a ledger in which a policy decided and words were searched, open for reading only."""
    path = work.copy(ingested, tmp_path_factory.mktemp("listed") / "ledger.db")
    work.score(path)
    work.judge(path)
    with Ledger.open(path) as ledger:
        ledger.search("memory", limit=0)
    with Ledger.open(path, read_only=True) as ledger:
        yield ledger


@pytest.mark.benchmark(group="list")
@pytest.mark.parametrize("by", FILTERS)
def test_page(benchmark: BenchmarkFixture, judged: Ledger, by: str) -> None:
    """Ask how long a page of twenty takes, one behind the other."""
    asked = FILTERS[by]
    after: str | None = None

    def page() -> dict[str, Any]:
        nonlocal after
        with judged.limited(60):
            found = judged.find(after=after, **asked)
        after = found["next"]
        return found

    answer = timed(benchmark, page, tuple, work.ASKED)
    assert len(answer["samples"]) <= 20
    assert answer["total"]


@pytest.mark.benchmark(group="list")
def test_selection(benchmark: BenchmarkFixture, judged: Ledger) -> None:
    """Ask how long it takes to name every rejected sample."""
    answer = timed(benchmark, judged.find_ids, tuple)
    assert answer["count"] == len(answer["ids"])
