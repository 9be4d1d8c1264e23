"""Work that was really done elsewhere: 74 batches and what came back for them, without a key.

LEDGER_REAL_DATA names the folder of the whole set (see test_real_data.py). Lines count from 1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.logs import store_of
from tests.revising import children

WRONG = {"043", "048", "052"}
MOVED = {"017": [(50, 43)], "055": [(50, 25)], "074": [(8, 9)]}
MISSING = {"043": [13], "048": [13, 14, 15, 16], "052": [21]}
RECIPE = "toolset enhancement 1.1"


@pytest.fixture
def enhanced() -> Path:
    """Return the folder of the batches, or skip."""
    named = os.environ.get("LEDGER_REAL_DATA")
    if not named:
        pytest.skip("set LEDGER_REAL_DATA to a folder with the whole Toolset-Training set (enhanced/, scored/)")
    return Path(named) / "enhanced"


def prompt(path: Path, line: int) -> str:
    """Return what the user says in a line."""
    said: str = json.loads(path.read_bytes().splitlines()[line - 1])["conversations"][0]["content"]
    return said


def lines(listed: list[dict[str, Any]]) -> list[int]:
    """Return the lines of rows or originals."""
    return [each["line"] for each in listed]


def test_all_74_batches(ledger: Ledger, enhanced: Path) -> None:
    """Every row is aligned or listed; the wrong batches, the moved rows, and what was lost and invented are named."""
    ledger.ingest(sorted(enhanced.glob("batch_*.jsonl")), campaign="toolset")
    back = sorted(enhanced.glob("enhanced_*.jsonl"))
    told = ledger.revise(back, recipe=RECIPE)
    counts = ("rows", "aligned", "unaligned", "originals", "missing", "extra", "ambiguous", "duplicated", "reordered")
    assert [told[name] for name in counts] == [3_678, 3_675, 3, 3_681, 6, 1, 2, 0, 3]
    assert [told[name] for name in ("unchanged", "recorded", "held", "refused", "known")] == [38, 3_493, 144, 0, 0]
    assert told["by"] == {"id": 0, "equal": 38, "evidence": 3_626, "order": 11}
    assert told["states"] == {"whole": 68, "reordered": 3, "wrong": 3}
    found = {name[6:9]: batch for name, batch in told["batches"].items()}
    assert all(batch["files"] == [f"enhanced_batch_{name}.jsonl"] for name, batch in found.items())
    assert {name for name, batch in found.items() if batch["state"] == "wrong"} == WRONG
    assert {name: lines(batch["missing"]) for name, batch in found.items() if batch["missing"]} == MISSING
    moved = {name: [(r["line"], r["from"]["line"]) for r in batch["reordered"]] for name, batch in found.items()}
    assert {name: rows for name, rows in moved.items() if rows} == MOVED
    assert lines(found["043"]["extra"]) == [50]
    assert prompt(enhanced / "enhanced_batch_043.jsonl", 50).startswith("Can you check the tool schemas")
    assert prompt(enhanced / "batch_043.jsonl", 13) == "Create a testing workspace for QA"
    assert lines(found["048"]["ambiguous"]) == [13, 14]
    assert [lines(each["perhaps"]) for each in found["048"]["missing"]] == [[13, 14], [], [], []]

    parents = {each["parent"]: each["version"] for each in children(ledger)}
    assert len(parents) == 3_493
    end = store_of(ledger).head()
    assert ledger.revise(back, recipe=RECIPE)["known"] == 3_493
    assert store_of(ledger).head() == end
    assert ledger.revise(back, recipe=RECIPE, partial=True)["recorded"] == 144
    assert ledger.verify()["findings"] == []


def test_order_is_not_what_aligns(ledger: Ledger, enhanced: Path, tmp_path: Path) -> None:
    """The same rows, each file turned around: all but the few for which order was needed find the same original."""
    ledger.ingest(sorted(enhanced.glob("batch_*.jsonl")), campaign="toolset")
    straight = ledger.revise(sorted(enhanced.glob("enhanced_*.jsonl")), dry_run=True)
    for path in enhanced.glob("enhanced_*.jsonl"):
        (tmp_path / path.name).write_bytes(b"\n".join(reversed(path.read_bytes().splitlines())) + b"\n")
    turned = ledger.revise(sorted(tmp_path.glob("enhanced_*.jsonl")), dry_run=True)
    assert turned["aligned"] >= straight["aligned"] - straight["by"]["order"]
    assert turned["by"]["evidence"] == straight["by"]["evidence"]
    assert turned["unchanged"] == straight["unchanged"]


def test_a_checkout_of_all_of_them(ledger: Ledger, enhanced: Path, tmp_path: Path) -> None:
    """74 files of 50 and one of 31, out and back: every row is its sample's, unchanged."""
    ledger.ingest(sorted(enhanced.glob("batch_*.jsonl")), campaign="toolset")
    made = ledger.checkout(tmp_path / "out", where="label == false", size=50)
    assert [each["samples"] for each in made["batches"]] == [*[50] * 73, 31]
    told = ledger.revise(sorted((tmp_path / "out").glob("batch_*.jsonl")), checkout=made["job"])
    assert (told["rows"], told["by"]["id"], told["unchanged"], told["doubted"]) == (3_681, 3_681, 3_681, 0)
    assert told["states"] == {"whole": 74, "reordered": 0, "wrong": 0}
