"""`ledger checkout`: files, the job, the list, and refusals with words and codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.revising import RECIPE, answered, given, lines
from tests.small import names, write


@pytest.fixture
def at(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a ledger of four samples, and stand in it."""
    given(ledger, tmp_path, 4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_and_their_job(at: Path) -> None:
    """The answer names the job and the files; a second time it says that nothing is new."""
    told = ok("checkout", "--where", "label == false", "--size", 3, "-o", "out", "--json").json
    assert [(each["file"], each["samples"]) for each in told["batches"]] == [
        ("batch_001.jsonl", 3),
        ("batch_002.jsonl", 1),
    ]
    assert set(told) == {"job", "samples", "recorded", "folder", "batches"}
    assert names(at / "out") == ["batch_001.jsonl", "batch_002.jsonl", "checkout.json"]
    again = ok("checkout", "--campaign", "one", "--size", 3, "-o", "out").out
    assert f"job {told['job'][:15]}: 4 samples in 2 files in out" in again
    assert "2 checked out so before" in again


def test_the_list(at: Path) -> None:
    """Nothing yet; then each job with how much of it came back improved."""
    assert "nothing was checked out yet" in ok("checkout", "--list").out
    ok("checkout", "--campaign", "one", "-o", "out")
    ok("revise", "import", write(at / "back.jsonl", *answered(lines(at / "out/batch_001.jsonl"), range(4))))
    (job,) = ok("checkout", "--list", "--json").json["jobs"]
    assert (job["samples"], job["returned"]) == (4, 4)
    assert job["job"][:15] in ok("checkout", "--list").out


def test_refusals(at: Path) -> None:
    """Without a folder, without a selection, and over somebody's work."""
    missing = run("checkout", "--campaign", "one")
    assert (missing.code, "'-o'" in missing.err) == (2, True)
    nothing = run("checkout", "-o", "out")
    assert (nothing.code, "--where" in nothing.err) == (4, True)
    ok("checkout", "--campaign", "one", "-o", "out")
    (at / "out" / "batch_001.jsonl").write_text("worked on\n")
    over = run("checkout", "--campaign", "one", "-o", "out")
    assert (over.code, "says something else" in over.err) == (17, True)
    unknown = run("revise", "import", "out/batch_001.jsonl", "--checkout", "abcdef", "--recipe", RECIPE)
    assert (unknown.code, "Nothing was checked out as abcdef" in unknown.err) == (77, True)
