"""Fixtures and settings that every test shares."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ledger import Ledger

DATA = Path(__file__).parent / "data" / "toolset"

settings.register_profile(
    "disk",
    deadline=None,  # a disk that other programs use has no deadline
    max_examples=60,
    derandomize="LEDGER_DRAW_ANEW" not in os.environ,  # whether a change is sound is not left to chance
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("disk")


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's witness files, ledger and name."""
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(tmp_path_factory.mktemp("witness")))
    monkeypatch.delenv("LEDGER_PATH", raising=False)
    monkeypatch.setenv("LEDGER_ACTOR", "tester")


@pytest.fixture
def data() -> Path:
    """Return the folder of real slices: poor.jsonl, enhanced.jsonl, scored.jsonl."""
    return DATA


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Yield an empty ledger."""
    with Ledger.init(tmp_path / "ledger.db") as made:
        yield made


@pytest.fixture
def shared() -> Iterator[Path]:
    """Yield a folder that other users can read and only this one can write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def toolset(ledger: Ledger, data: Path) -> Ledger:
    """Return a ledger that holds the poor and the enhanced slice."""
    ledger.ingest([data / "poor.jsonl", data / "enhanced.jsonl"], campaign="toolset")
    return ledger
