"""Scoring, deciding by a policy, and the questions that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import work
from bench.measure import timed
from ledger import Ledger

QUESTIONS: dict[str, Callable[[Ledger], dict[str, Any]]] = {
    "whatif a threshold": lambda ledger: ledger.whatif([work.THRESHOLD]),
    "whatif a rule": lambda ledger: ledger.whatif([work.RULE]),
    "rejections": lambda ledger: ledger.rejections(),
    "near-misses": lambda ledger: ledger.near_misses(),
    "compare": lambda ledger: ledger.compare(),
}


@pytest.fixture(scope="module")
def scored(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger whose scores are imported; nobody may write to it."""
    path = work.copy(ingested, tmp_path_factory.mktemp("scored") / "ledger.db")
    work.score(path)
    return path


@pytest.fixture(scope="module")
def judged(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Yield that ledger once the policy has decided, open."""
    path = work.copy(scored, tmp_path_factory.mktemp("judged") / "ledger.db")
    work.judge(path)
    with Ledger.open(path) as ledger:
        yield ledger


@pytest.mark.benchmark(group="judging")
def test_import_scores(benchmark: BenchmarkFixture, ingested: Path, rows: int, tmp_path: Path) -> None:
    """Ask how long it takes to record the scores that the lines came with."""
    number = count()
    some = timed(benchmark, work.score, lambda: (work.copy(ingested, tmp_path / f"l{next(number)}.db"),))
    assert rows / 2 < some < rows


@pytest.mark.benchmark(group="judging")
def test_judge(benchmark: BenchmarkFixture, scored: Path, rows: int, tmp_path: Path) -> None:
    """Ask how long it takes to adopt a policy and record what it decides about every sample."""
    number = count()
    assert timed(benchmark, work.judge, lambda: (work.copy(scored, tmp_path / f"l{next(number)}.db"),)) == rows


@pytest.mark.benchmark(group="judging")
@pytest.mark.parametrize("question", QUESTIONS)
def test_question(benchmark: BenchmarkFixture, judged: Ledger, question: str) -> None:
    """Ask how long a question about all samples takes."""
    assert timed(benchmark, QUESTIONS[question], lambda: (judged,), 5)
