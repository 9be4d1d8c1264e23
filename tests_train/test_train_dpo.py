"""Preference training on a release of pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import ReleaseUnfit
from tests_train.training import attempts, released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")


def test_pairs_are_trained_on(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """The trainer takes the pairs as they are, and tells the margin between the two sides."""
    manifest = released(ledger, tmp_path, "dpo")
    done = ledger.train("dpo", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path, max_steps=2))
    assert (done["state"], done["steps"], done["method"]) == ("finished", 2, "dpo")
    assert "rewards/margins" in done["metrics"]
    (said,) = attempts(ledger)
    assert said["rows"] == len((tmp_path / "dpo.jsonl").read_bytes().splitlines())


def test_rows_without_pairs_are_refused(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Single rows are not for DPO; nothing is recorded."""
    with pytest.raises(ReleaseUnfit, match="dpo takes preference"):
        ledger.train("dpo", released(ledger, tmp_path, "sft"), model=model, out=tmp_path / "run")
    assert attempts(ledger) == []
