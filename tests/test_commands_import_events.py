"""`ledger import-events`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.small import names, samples


@pytest.fixture
def archive(toolset: Ledger, tmp_path: Path) -> Path:
    """Return an archive of a ledger with samples."""
    ok("--ledger", toolset.path, "export-events", tmp_path / "all.jsonl.gz")
    return tmp_path / "all.jsonl.gz"


def test_made_continued_and_nothing_to_add(toolset: Ledger, archive: Path, tmp_path: Path) -> None:
    """A new file is made, an older copy continued, and the same once more adds nothing."""
    place = ("--ledger", tmp_path / "new.db")

    made = ok(*place, "import-events", archive, "--json").json
    again = ok(*place, "import-events", archive)
    toolset.accept(samples(toolset)[:2])
    ok("--ledger", toolset.path, "export-events", tmp_path / "more.jsonl")
    continued = ok(*place, "import-events", tmp_path / "more.jsonl")

    assert set(made) == {
        "path", "ledger", "created", "head", "new", "forgotten", "events", "heads", "blobs", "erased",
    }  # fmt: skip
    assert (made["created"], made["new"]) == (True, made["events"])
    assert "nothing to add to" in again.out
    assert "continued" in continued.out
    assert ok(*place, "verify", "--json").json["head"] == toolset.status()["head"]


def test_without_a_place_it_is_made_here(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is ./ledger.db, also below another ledger."""
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    assert "made" in ok("import-events", archive).out
    assert (tmp_path / "below" / "ledger.db").is_file()


def test_damage_is_refused_with_its_line(archive: Path, tmp_path: Path) -> None:
    """Standard error names file, line and the next step; nothing is there."""
    archive.write_bytes(archive.read_bytes()[:-30])
    before = names(tmp_path)

    answer = run("--ledger", tmp_path / "new.db", "import-events", archive)

    assert answer.code == 62
    assert "line " in answer.err
    assert "Nothing was imported" in answer.err
    assert names(tmp_path) == before
