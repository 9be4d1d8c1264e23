"""`ledger revise import`: the sums, what is named for each batch, and exit codes that a script can rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.revising import SLICES, better, given, poor
from tests.small import write


@pytest.fixture
def real(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand beside a ledger of the real batches, cut down, and return the files that came back."""
    ledger.ingest(sorted(SLICES.glob("batch_*.jsonl")), campaign="toolset")
    monkeypatch.chdir(tmp_path)
    return sorted(SLICES.glob("enhanced_*.jsonl"))


def test_real_batches(real: list[Path]) -> None:
    """Sums that add up; each wrong batch with what is missing and what is too much; 1 until --partial is given."""
    first = run("revise", "import", *real, "--recipe", "enhance 1.1")
    assert first.code == 1
    said = " ".join(first.out.split())
    for words in (
        "67 rows = 64 aligned + 1 extra + 2 ambiguous",
        "64 aligned rows = 32 recorded + 32 held",
        "70 originals = 64 aligned + 6 missing",
        "batches: 3 reordered, 3 wrong",
        "batch_017.jsonl reordered row 12 from line 5",
        "batch_043.jsonl missing line 5 (",
        "extra row 10",
        "ambiguous row 11, perhaps from line 11 (",
        "recorded with --partial",
    ):
        assert words in said
    second = ok("revise", "import", *real, "--recipe", "enhance 1.1", "--partial")
    assert "64 aligned rows = 32 recorded + 32 known" in " ".join(second.out.split())


def test_keys(real: list[Path]) -> None:
    """The keys that programs rely on, in all and for each batch."""
    told = run("revise", "import", *real, "--dry-run", "--json")
    assert told.code == 1
    wanted = {"rows", "aligned", "unaligned", "missing", "extra", "duplicated", "reordered", "unchanged", "batches"}
    assert wanted <= set(told.json)
    for batch in told.json["batches"].values():
        assert {"state", "originals", "rows", "aligned", "missing", "extra", "duplicated", "reordered"} <= set(batch)


def test_what_is_not_a_batch_of_the_ledger(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of no batch, batches that did not come back, and rows that are none are said, with a code."""
    given(ledger, tmp_path, 4)
    monkeypatch.chdir(tmp_path)
    ok("checkout", "--campaign", "one", "--size", 2, "-o", "out")
    job = ok("checkout", "--list", "--json").json["jobs"][0]["job"]
    back = write(tmp_path / "back.jsonl", better(1), better(0))
    strange = write(tmp_path / "strange.jsonl", {"prompt": "quite", "completion": "another"})
    (tmp_path / "broken.jsonl").write_text("{\n")
    answer = run("revise", "import", back, strange, "broken.jsonl", "--checkout", job)
    assert answer.code == 1
    said = " ".join(answer.out.split())
    for words in (
        "strange.jsonl: 1 row of no batch, or of several",
        "broken.jsonl: 1 row of no batch",
        "batch_002.jsonl: not returned",
        "4 rows = 2 aligned + 1 extra + 1 unreadable",
    ):
        assert words in said
    assert ok("revise", "import", back, "--checkout", job).code == 0


def test_long_lists_are_cut(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rows of one kind the first five are named, and the others counted; nothing steers the terminal."""
    given(ledger, tmp_path, 9)
    monkeypatch.chdir(tmp_path)
    answer = run("revise", "import", write(tmp_path / "back\x1b[2J.jsonl", better(0), poor(20)))
    assert "; and 3 more" in " ".join(answer.out.split())
    assert "\x1b[2J" not in answer.out
