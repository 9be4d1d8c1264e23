"""`ledger gains`, as people type it."""

from __future__ import annotations

from pathlib import Path

from tests.cli import ok, run
from tests.provider.handle import Provider
from tests.provider.jobs import MODEL, job

pytest_plugins = ("tests.provider.fixture",)


def test_gains_are_told(provider: Provider, tmp_path: Path) -> None:
    """What was made and what it cost, the scores before and after; and where nothing was made, that."""
    made = job(tmp_path, 6)
    where = ("--ledger", made.ledger)
    assert ok(*where, "gains").out == "No sample was derived from another so far.\n"
    provider.config(faults=[{"kind": "refused", "match": "number 3"}])
    ok(*made.arguments(provider))
    ok(*where, "score", "length")
    answer = ok(*where, "gains")
    assert answer.out.startswith(f"improve memories {MODEL}  b3:")
    assert "5 results (5 pending), 1 failed; unchanged 0.0 %, templated 0.0 %" in answer.out
    assert "requests; $" in answer.out
    row = next(line for line in answer.out.splitlines() if "completion_chars" in line)
    assert row.split()[1:4] == ["length", "all", "5"]
    assert row.rstrip().endswith(("higher", "not distinguishable"))
    assert "refused" in answer.out
    digest = ok(*where, "gains", "--json").json["recipes"][0]["recipe"]
    assert ok(*where, "gains", "--recipe", digest[:12]).out == answer.out
    assert run(*where, "gains", "--recipe", "b3:123456").code != 0
