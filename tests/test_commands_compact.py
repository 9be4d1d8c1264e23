"""`ledger compact`."""

from __future__ import annotations

from ledger import Ledger
from tests.cli import ok, run


def test_packing_and_unpacking(toolset: Ledger) -> None:
    """People read both sizes and what was packed; the answer has these keys; the ledger is the same."""
    root = toolset.status()["head"]
    people = ok("--ledger", toolset.path, "compact", "--codec", "zstd").out
    assert "packed" in people
    assert f"head @{root['position']}, as before" in people
    answer = ok("--ledger", toolset.path, "compact", "--json").json
    assert set(answer) == {
        "blobs",
        "bytes_after",
        "bytes_before",
        "codec",
        "dictionary_bytes",
        "head",
        "packed",
        "plain_bytes",
        "seconds",
        "stored_bytes",
    }
    assert (answer["codec"], answer["head"]) == ("zstd", root)
    assert 0 < answer["packed"] <= answer["blobs"]
    assert answer["stored_bytes"] < answer["plain_bytes"]
    back = ok("--ledger", toolset.path, "compact", "--codec", "none", "--json").json
    assert (back["codec"], back["packed"], back["dictionary_bytes"]) == ("none", 0, None)
    assert back["stored_bytes"] == back["plain_bytes"] == answer["plain_bytes"]
    assert "packed" not in ok("--ledger", toolset.path, "compact").out
    assert toolset.verify()["ok"]


def test_an_empty_ledger(ledger: Ledger) -> None:
    """There is nothing to learn from and nothing to pack, and nothing fails."""
    for codec in ("zstd", "none"):
        answer = ok("--ledger", ledger.path, "compact", "--codec", codec, "--json").json
        assert (answer["codec"], answer["blobs"]) == (codec, 0)
    assert ledger.verify()["ok"]


def test_another_codec(ledger: Ledger) -> None:
    """It is refused in words."""
    answer = run("--ledger", ledger.path, "compact", "--codec", "gzip")
    assert answer.code
    assert "zstd, none" in answer.err
