"""Finding templates, and measuring how varied texts are."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.measure import timed
from ledger.similarity.diversity import diversity
from ledger.similarity.templates import TemplateRecipe, find_templates
from tests import weather


@pytest.fixture(scope="module")
def answers(rows: int) -> list[tuple[bytes, str]]:
    """Return so many answers about the weather, 59 in 100 of them made from four templates."""
    each = sum(weather.COUNTS.values()) + weather.PROSE + weather.HARD
    return weather.texts(-(-rows // each))[:rows]


@pytest.mark.benchmark(group="templates")
def test_find_templates(benchmark: BenchmarkFixture, answers: list[tuple[bytes, str]]) -> None:
    """Ask how long it takes to find the four templates: 5 seconds at most for 100,000 texts."""
    found = timed(benchmark, find_templates, lambda: (answers, TemplateRecipe()))
    assert len(found.families) == len(weather.COUNTS)


@pytest.mark.benchmark(group="templates")
def test_diversity(benchmark: BenchmarkFixture, answers: list[tuple[bytes, str]]) -> None:
    """Ask how long the four figures take."""
    assert timed(benchmark, lambda: diversity([text for _, text in answers]), tuple).texts == len(answers)
