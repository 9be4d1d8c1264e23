"""What is flushed to the disk before it gets its name: else a power failure could leave a name without its bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger import Ledger, witness
from ledger.store import create
from tests.small import pairs, write


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of what this process flushes from here on, and of the names that it gives, in order."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def told_fsync(handle: int) -> None:
        fsync(handle)
        done.append(f"flushed {Path(f'/proc/self/fd/{handle}').resolve()}")

    def told_replace(self: Path, target: Path) -> Path:
        done.append(f"named {target.resolve()}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(Path, "replace", told_replace)
    return done


def test_a_new_ledger_is_durable_once_it_is_there(tmp_path: Path, flushed: list[str]) -> None:
    """The folder is flushed after the file got its name, so that a power failure cannot take the name back."""
    create(tmp_path / "ledger.db").close()
    assert flushed[-1] == f"flushed {tmp_path.resolve()}"


def test_a_witness_is_durable_before_it_is_there(tmp_path: Path, flushed: list[str]) -> None:
    """Its bytes are flushed before they take the place of the older witness."""
    file = tmp_path / "w.json"
    witness.write(file, "id", tmp_path / "ledger.db", witness.Seen(5, bytes(32)))
    first, second, *_ = flushed
    assert first.startswith(f"flushed {tmp_path.resolve()}/w.")
    assert second == f"named {file.resolve()}"


def test_an_export_is_durable_before_its_manifest(ledger: Ledger, tmp_path: Path, flushed: list[str]) -> None:
    """Rows and manifest are flushed before either gets its name, and the folder after it."""
    ledger.ingest(write(tmp_path / "in.jsonl", *pairs(4)), campaign="c")
    flushed.clear()
    out = tmp_path / "out.jsonl"
    ledger.project("kto-interleaved", out, no_gates=True)
    names = [at for at, told in enumerate(flushed) if told.startswith(f"named {tmp_path.resolve()}/out.jsonl")]
    before = [told for told in flushed[: names[0]] if told.startswith(f"flushed {tmp_path.resolve()}/.")]
    assert len(names) == 2
    assert len(before) >= 2
    assert f"flushed {tmp_path.resolve()}" in flushed[names[-1] :]
