"""`ledger rebuild`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run


@pytest.fixture
def out(toolset: Ledger, tmp_path: Path) -> Path:
    """Return the path of an export."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    return tmp_path / "out.jsonl"


def test_a_lost_file_comes_back_byte_for_byte(toolset: Ledger, out: Path) -> None:
    """The file is what it was, also after the ledger has grown, and the answer says so."""
    bytes_then = out.read_bytes()
    out.unlink()
    toolset.reject([toolset.log(limit=1000)[2]["event"]], reason="later")

    answer = ok("--ledger", toolset.path, "rebuild", f"{out}.manifest.json")

    assert "identical to the manifest, byte for byte  ✓" in answer.out
    assert out.read_bytes() == bytes_then


def test_it_can_be_written_elsewhere(toolset: Ledger, out: Path, tmp_path: Path) -> None:
    """-o names another file; JSON says that it is identical and where it is."""
    answer = ok("--ledger", toolset.path, "rebuild", f"{out}.manifest.json", "-o", tmp_path / "again", "--json").json

    assert answer["identical"] is True
    assert Path(answer["path"]) == tmp_path / "again"
    assert (tmp_path / "again").read_bytes() == out.read_bytes()


def test_a_changed_file_is_not_overwritten(toolset: Ledger, out: Path) -> None:
    """What stands there and differs is left as it is."""
    out.write_bytes(b"my notes")

    answer = run("--ledger", toolset.path, "rebuild", f"{out}.manifest.json")

    assert answer.code == 34
    assert out.read_bytes() == b"my notes"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"name": "out.jsonl"', b'"name": "../escaped.jsonl"'),
        (b'"name": "out.jsonl"', b'"name": "a\\u0000b"'),
        (b'"name": "out.jsonl"', b'"name": ".."'),
        (b'"name": "out.jsonl"', b'"name": ""'),
        (b'"batch_size": 4', b'"batch_size": "four"'),
        (b'"batch_size": 4', b'"batch_size": -4'),
        (b'"seed": "0"', b'"seed": 0'),
        (b'"ratio": "keep"', b'"ratio": null'),
        (b'"view": "kto-interleaved"', b'"view": 7'),
        (b'"view": "kto-interleaved"', b'"view": "nonsense"'),
        (b'"position": 121', b'"position": -5'),
        (b'"position": 121', b'"position": 99999999999999999999'),
        (b'"position": 121', b'"position": true'),
        (b'"params": {', b'"params": [], "x": {'),
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused(
    toolset: Ledger, out: Path, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """Whatever stands in it, there is a message and no traceback, and no file is written anywhere."""
    manifest = out.with_name("out.jsonl.manifest.json")
    text = manifest.read_bytes()
    assert old in text
    manifest.write_bytes(text.replace(old, new))
    before, files = toolset.status()["head"], sorted(tmp_path.parent.rglob("*"))

    answer = run("--ledger", toolset.path, "rebuild", manifest)

    assert answer.code in {4, 17, 30, 31, 32, 33}, answer
    assert "next: " in answer.err
    assert toolset.status()["head"] == before
    assert sorted(tmp_path.parent.rglob("*")) == files
