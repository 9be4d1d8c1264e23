"""R12: ledgers of earlier releases, and one of today, say and make today what they said and made then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.event import KINDS
from tests.torture import golden

FOLDERS = [golden.FIRST, *sorted(folder for folder in golden.RELEASES.glob("*") if folder.is_dir())]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_earlier_release(tmp_path: Path, folder: Path) -> None:
    """It opens and has no findings; root, counts and folds are as they were; its exports come out byte for byte."""
    found = list(golden.problems(folder, tmp_path))
    assert [problem for problem in found if problem] == []
    assert len(found) >= 6


def test_what_is_written_today(tmp_path: Path) -> None:
    """A ledger with an event of every kind, made now, passes as those that were kept do."""
    golden.make(tmp_path / "now", "now")
    (tmp_path / "scratch").mkdir()
    assert [problem for problem in golden.problems(tmp_path / "now", tmp_path / "scratch") if problem] == []
    facts = json.loads((tmp_path / "now" / golden.FACTS).read_text("utf-8"))
    assert facts["kinds"] == sorted(KINDS)


def test_a_changed_golden_ledger_is_noticed(tmp_path: Path) -> None:
    """The check can fail: another row, another root and another count are each told."""
    golden.make(tmp_path / "now", "now")
    (tmp_path / "scratch").mkdir()
    rows = tmp_path / "now" / "sft.jsonl"
    rows.write_bytes(rows.read_bytes()[:-2] + b" \n")
    facts = tmp_path / "now" / golden.FACTS
    value = json.loads(facts.read_text("utf-8"))
    value["root"] = "b3:" + "00" * 32
    value["counts"]["samples"] += 1
    facts.write_text(json.dumps(value), "utf-8")
    found = [problem for problem in golden.problems(tmp_path / "now", tmp_path / "scratch") if problem]
    assert [any(word in problem for problem in found) for word in ("sft.jsonl", "root", "counts")] == [True] * 3
