"""`ledger export-events`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from ledger import Ledger
from tests.cli import ok, run


def test_every_line_is_one_object(toolset: Ledger, tmp_path: Path) -> None:
    """Plain or compressed by the name, the same lines; people read counts and head."""
    people = ok("--ledger", toolset.path, "export-events", tmp_path / "a.jsonl")
    answer = ok("--ledger", toolset.path, "export-events", tmp_path / "a.jsonl.gz", "--quick", "--json").json

    text = (tmp_path / "a.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == text
    sorts = [json.loads(line)["line"] for line in text.splitlines()]
    assert (sorts[0], sorts[-1]) == ("archive", "end")
    assert (sorts.count("event"), sorts.count("blob")) == (answer["events"], answer["blobs"])
    assert set(answer) == {"path", "bytes", "blake3", "ledger", "head", "events", "heads", "blobs", "erased"}
    assert f"{answer['events']:,} events" in people.out


def test_nothing_is_overwritten(toolset: Ledger, tmp_path: Path) -> None:
    """A name that is taken is refused."""
    (tmp_path / "a.jsonl").write_text("mine")

    assert run("--ledger", toolset.path, "export-events", tmp_path / "a.jsonl").code == 60
    assert (tmp_path / "a.jsonl").read_text() == "mine"
