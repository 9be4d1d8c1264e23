"""`ledger verify-export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run

KEYS = {"rows", "batch_size", "single_label_windows", "same_prompt_windows", "conflicts", "first_violation", "ok"}


def _row(number: int, *, label: bool) -> str:
    return json.dumps({"prompt": f"p{number}", "completion": f"c{number}", "label": label}) + "\n"


def test_an_export_passes(toolset: Ledger, tmp_path: Path) -> None:
    """What project wrote has no fault, at the batch size that its manifest names."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=2)

    answer = ok("verify-export", tmp_path / "out.jsonl", "--json").json

    assert set(answer) >= KEYS
    assert (answer["ok"], answer["batch_size"], answer["first_violation"]) == (True, 2, None)


def test_a_file_of_somebody_else_is_judged_without_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one label are found, the first of them is named, and the exit code is 1."""
    monkeypatch.chdir(tmp_path)
    rows = [_row(number, label=number < 4) for number in range(8)]
    (tmp_path / "naive.jsonl").write_text("".join(rows))

    answer = run("verify-export", "naive.jsonl", "--batch-size", "4")

    assert answer.code == 1
    assert answer.err == ""
    assert "8 rows in batches of 4" in answer.out
    assert "window 0 (lines 1 to 4) holds only the label true" in answer.out
    assert run("verify-export", "naive.jsonl", "--json").json["single_label_windows"] == 2


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, 20, "No input"),
        ("{not json}\n", 21, "line 1 is not a row"),
        ('{"prompt": "p", "completion": "c"}\n', 21, "has no label"),
    ],
)
def test_what_is_no_file_of_rows_is_refused(tmp_path: Path, content: str | None, code: int, says: str) -> None:
    """A missing file, a broken line and a row without label each have their message."""
    file = tmp_path / "rows.jsonl"
    if content is not None:
        file.write_text(content)

    answer = run("verify-export", file)

    assert answer.code == code
    assert says in answer.err


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory is not a file of rows."""
    assert run("verify-export", tmp_path).code == 21


def test_lengths_and_processes_are_options(tmp_path: Path) -> None:
    """What is dropped, and how the last batches are filled, is told; a tokenizer that is none has its own code."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(_row(number, label=number % 2 == 0) for number in range(6)))

    told = run("verify-export", file, "--world-size", "2", "--max-length", "8000")

    assert told.code == 0
    assert "6 rows in batches of 4 on 2 processes" in told.out
    assert "dropped by trainer" in told.out
    assert "note: The last batches are filled with the first 2 rows" in told.out
    assert run("verify-export", file, "--tokenizer", tmp_path / "none").code == 52
    assert run("verify-export", file, "--max-length", "0").code == 2
