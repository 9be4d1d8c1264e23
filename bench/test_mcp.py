"""Questions over stdio, as a host asks them."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import mcp_stdio


@pytest.mark.benchmark(group="mcp")
def test_every_question_over_stdio(benchmark: BenchmarkFixture, rows: int, tmp_path: Path) -> None:
    """Ask how long every reading tool takes through stdio; the table of them is `python -m bench.mcp_stdio`."""
    path = mcp_stdio.make(tmp_path, rows)
    asked = 2 if benchmark.disabled else 50
    found = benchmark.pedantic(anyio.run, (mcp_stdio.measured, path, "auto", asked), rounds=1)  # type: ignore[no-untyped-call]  # pytest-benchmark's own
    assert {one.tool for one in found} >= {"ledger_why", "ledger_search", "ledger_whatif", "ledger_verify"}
    if benchmark.stats is not None:  # None where nothing is measured
        benchmark.extra_info |= {one.name: one.p95 for one in found}
