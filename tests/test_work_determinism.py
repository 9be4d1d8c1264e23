"""The same seed, clock and replies give the same ledger: one request at a time, or in batches."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger import Ledger
from ledger.agents import wire
from tests.logs import Ticks
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, Job, job

pytest_plugins = ("tests.provider.fixture",)

ROWS = 30
MIXED = [
    {"kind": "refused", "share": 0.1},
    {"kind": "not_json", "share": 0.2},
    {"kind": "too_short", "share": 0.1},
    {"kind": "cut", "share": 0.05},
    {"kind": "overloaded", "share": 0.03},
]
"""Replies that are asked for again, and some after which there is nothing to ask."""


@pytest.fixture
def _no_stopwatch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every request the same time by the one clock that is no setting: the stopwatch beside the client."""
    monkeypatch.setattr(wire, "time", SimpleNamespace(monotonic=lambda: 0.0))


def improved(
    base: Job,
    folder: Path,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    **options: Any,  # noqa: ANN401 - options of improve
) -> tuple[str, dict[str, Any]]:
    """Improve a copy of a ledger under a clock of its own; return the root and the report."""
    folder.mkdir()
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
    place = folder / "ledger.db"
    shutil.copyfile(base.ledger, place)
    with Ledger.open(place, actor="tester", clock=Ticks(now=1_900_000_000_000_000, step=1_000)) as ledger:
        said = ledger.improve(base.spec, campaign=CAMPAIGN, model=MODEL, base_url=provider.url, **options)
        assert ledger.verify()["ok"]
        root: str = ledger.status()["head"]["root"]
    return root, {name: value for name, value in said.items() if name != "seconds"}


@pytest.mark.usefixtures("_no_stopwatch")
@pytest.mark.parametrize("options", [{"concurrency": 1}, {"mode": "batch"}], ids=["one at a time", "batches"])
def test_the_same_root(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """Two runs over equal ledgers end in the same root, with failures and re-asks; another seed ends in another."""
    base = job(tmp_path, ROWS)
    ends = []
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        provider.reset(seed=seed, faults=MIXED)
        ends.append(improved(base, tmp_path / name, provider, monkeypatch, **options))
    assert ends[0] == ends[1]
    assert ends[0][0] != ends[2][0]
    report = ends[0][1]
    assert report["accepted"] > 0 < report["failed"]
    assert report["requests"] > ROWS


def test_many_at_a_time_make_the_same_samples(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are under way, the children are the same, byte for byte; only the order in the log is another."""
    base = job(tmp_path, ROWS)
    made = []
    for name, many in (("one", 1), ("many", 12)):
        provider.reset(faults=MIXED[:4])
        improved(base, tmp_path / name, provider, monkeypatch, concurrency=many)
        with Ledger.open(tmp_path / name / "ledger.db") as ledger:
            events = [one for one in ledger.log(limit=10**6) if one["kind"] == "improved"]
        made.append({(one["event"], one["says"]["blob"]) for one in events})
    assert made[0] == made[1]
