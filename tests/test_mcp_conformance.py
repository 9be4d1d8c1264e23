"""The gate of the conformance tool can fail, and names the scenarios that need no fixture server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import conformance_gate as gate

REVISION = "2026-07-28"


def _found(folder: Path, **other: list[dict[str, Any]]) -> Path:
    """Write what the tool leaves: every scenario of the gate passed, but for `other` (with _ for -)."""
    for scenario in gate.GATE[REVISION]:
        place = folder / f"server-{scenario}-2026-11-22T00-00-00-000Z"
        place.mkdir(parents=True)
        checks = other.get(scenario.replace("-", "_"), [{"id": "a", "status": "SUCCESS"}])
        (place / "checks.json").write_text(json.dumps(checks), encoding="utf-8")
    return folder


def test_what_passed_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where every scenario passed, none is counted as failed, and each is named."""
    failed = gate.main(REVISION, str(_found(tmp_path)))

    assert failed == 0
    assert capsys.readouterr().out.count("passed  ") == len(gate.GATE[REVISION])


@pytest.mark.parametrize(
    ("checks", "failed"),
    [
        ([{"id": "a", "status": "SUCCESS"}, {"id": "b", "status": "FAILURE", "errorMessage": "no"}], 1),
        ([], 1),
        ([{"id": min(gate.FIXTURES), "status": "FAILURE"}], 0),
        ([{"id": "a", "status": "SOMETHING NEW"}], 1),
    ],
)
def test_what_failed_fails(tmp_path: Path, checks: list[dict[str, Any]], failed: int) -> None:
    """One failed check, an empty scenario or an unknown outcome fails the gate; calls of the fixture's tools do not."""
    assert gate.main(REVISION, str(_found(tmp_path, server_stateless=checks))) == failed


def test_what_did_not_run_fails(tmp_path: Path) -> None:
    """A scenario without results is not taken for one that passed."""
    assert gate.main(REVISION, str(tmp_path)) == len(gate.GATE[REVISION])
