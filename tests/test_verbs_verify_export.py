"""verify-export: what a KTO trainer silently relies on, checked on any file, ours or not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, InputNotFound, InputUnreadable
from tests.small import chat, pairs, read, write

KEYS = {"rows", "batch_size", "single_label_windows", "same_prompt_windows", "conflicts", "first_violation", "ok"}


def test_an_export_of_ours_is_clean(toolset: Ledger, tmp_path: Path) -> None:
    """Whatever batch size was asked for, the file keeps its promises, and the manifest beside it says the size."""
    for batch in (2, 4, 6):
        made = toolset.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=batch)
        found = Ledger.verify_export(tmp_path / "out.jsonl")
        assert found == {
            "rows": made["rows"],
            "batch_size": batch,
            "single_label_windows": 0,
            "same_prompt_windows": 0,
            "conflicts": 0,
            "first_violation": None,
            "ok": True,
        }


def test_a_shuffled_export_is_not(toolset: Ledger, tmp_path: Path) -> None:
    """Sorting a good file by label breaks it, and the first violation says where."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    rows = sorted(read(tmp_path / "out.jsonl"), key=lambda row: str(row["label"]))
    found = Ledger.verify_export(write(tmp_path / "sorted.jsonl", *rows))
    assert set(found) == KEYS
    assert not found["ok"]
    assert found["single_label_windows"] == len(rows) // 4
    assert found["first_violation"]["rule"] == "single_label"
    assert found["first_violation"]["rows"] == [0, 3]


def test_the_raw_slices_have_the_faults_that_they_are_known_for(data: Path, tmp_path: Path) -> None:
    """Poor and enhanced lines side by side, as people interleave them, share prompts in every window."""
    mixed = [
        line
        for both in zip(
            (data / "enhanced.jsonl").read_bytes().splitlines(),
            (data / "poor.jsonl").read_bytes().splitlines(),
            strict=True,
        )
        for line in both
    ]
    (tmp_path / "zip.jsonl").write_bytes(b"\n".join(mixed))
    found = Ledger.verify_export(tmp_path / "zip.jsonl")
    assert (found["rows"], found["single_label_windows"], found["same_prompt_windows"]) == (120, 0, 30)
    assert found["conflicts"] == 13
    assert found["first_violation"]["rule"] == "same_prompt"


def test_the_batch_size_is_asked_recorded_or_four(ledger: Ledger, tmp_path: Path) -> None:
    """A size that is asked for wins; else the manifest's, if there is one that can be read; else 4."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(8)), campaign="a")
    ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=8)
    manifest = tmp_path / "out.jsonl.manifest.json"
    body = manifest.read_bytes()
    assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 8
    assert Ledger.verify_export(tmp_path / "out.jsonl", 2)["batch_size"] == 2
    for broken in (
        b"",
        b"{}",
        body.replace(b'"batch_size": 8', b'"batch_size": "8"'),
        body.replace(b"batch_size", b"b"),
    ):
        manifest.write_bytes(broken)
        assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 4
    manifest.unlink()
    manifest.mkdir()
    assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 4


@pytest.mark.parametrize("batch", [0, -1, 10**30, True])
def test_a_batch_size_that_is_none(tmp_path: Path, batch: int) -> None:
    """A batch size means a number of rows."""
    with pytest.raises(BadRequest, match="The batch size"):
        Ledger.verify_export(write(tmp_path / "a.jsonl", *pairs(1)), batch)


def test_files_that_cannot_be_checked(tmp_path: Path) -> None:
    """Nothing there, a directory, a name too long, a row without a label, a line that is no row: each is named."""
    with pytest.raises(InputNotFound):
        Ledger.verify_export(tmp_path / "missing.jsonl")
    with pytest.raises(InputUnreadable, match="it is a directory"):
        Ledger.verify_export(tmp_path)
    with pytest.raises(InputUnreadable, match="too long"):
        Ledger.verify_export(tmp_path / ("n" * 300))
    with pytest.raises(InputUnreadable, match="line 2 has no label"):
        Ledger.verify_export(write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("q", "a")))
    (tmp_path / "b.jsonl").write_text(json.dumps(pairs(1)[0]) + "\n{\n", encoding="utf-8")
    with pytest.raises(InputUnreadable, match="line 2 is not a row"):
        Ledger.verify_export(tmp_path / "b.jsonl")


def test_other_people_s_files(tmp_path: Path) -> None:
    """Rows as text, in gzip or without a prompt are checked as well; an empty file breaks nothing."""
    rows = [{"prompt": f"p{n}", "completion": "c", "label": n % 2 == 0} for n in range(4)]
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert Ledger.verify_export(tmp_path / "a.jsonl.gz")["ok"]
    empty = [{"prompt": "", "completion": f"c{n}", "label": n % 2 == 0} for n in range(4)]
    assert Ledger.verify_export(write(tmp_path / "b.jsonl", *empty))["ok"]
    (tmp_path / "none.jsonl").touch()
    assert Ledger.verify_export(tmp_path / "none.jsonl")["rows"] == 0


def test_an_export_that_was_changed_is_found_by_its_manifest(toolset: Ledger, tmp_path: Path) -> None:
    """A file whose windows are sound but whose bytes are not those of its manifest is not ok, nor is an empty one."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out)
    rows = out.read_text("utf-8").splitlines(keepends=True)
    out.write_text("".join([rows[0].replace(", ", ",  ", 1), *rows[1:]]), "utf-8")
    changed = Ledger.verify_export(out)
    out.write_bytes(b"")
    empty = Ledger.verify_export(out)

    assert (changed["ok"], changed["first_violation"]["rule"]) == (False, "changed")
    assert (empty["ok"], empty["first_violation"]["rule"]) == (False, "empty")
