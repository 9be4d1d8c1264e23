"""The same input gives the same ids, root and bytes: in any process, locale, time zone, folder, batch or order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

SCRIPT = """
import hashlib, json, secrets, sys
from pathlib import Path
from ledger import Ledger, projection
from ledger.verbs import ingest

folder, data, out, batch = (Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
files = sys.argv[5:]
real, first = secrets.token_hex, iter(["5" * 32])  # the first is the ledger's id
secrets.token_hex = lambda size=None: next(first, None) or real(size)
if batch:
    ingest.BATCH_LINES = projection.BATCH = batch
with Ledger.init(folder / "ledger.db", actor="tester", clock=lambda: 1_700_000_000_000_000) as ledger:
    for name in files:
        ledger.ingest([data / name], campaign="toolset", tags={"n\\u00e4me": "w\\u00e9rt"})
    ids = sorted(event["event"] for event in ledger.log(limit=10**6) if event["kind"] == "ingested")
    ledger.reject(ids[:7], reason="n\\u00f6")
    ledger.relabel(ids[7:9], "false")
    ledger.split("80/10/10", seed="s")
    for view in ("kto-interleaved", "sft", "rejected", "train"):
        ledger.project(view, out / f"{view}.jsonl", batch_size=2)
    answer = {"ids": ids, "status": ledger.status(), "root": ledger.status()["head"]["root"]}
    answer["splits"] = {one: ledger.show(one)["split"] for one in ids}
    assert ledger.verify()["ok"]
answer["files"] = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.iterdir())}
print(json.dumps(answer))
"""

FILES = ("poor.jsonl", "enhanced.jsonl", "scored.jsonl")


def outcome(
    folder: Path,
    data: Path,
    *,
    files: tuple[str, ...] = FILES,
    batch: int = 0,
    environment: dict[str, str] | None = None,
    cwd: Path | None = None,
    python: str | Path = sys.executable,
) -> dict[str, Any]:
    """Run the script in a process of its own, under any Python that has what the ledger needs; return what it says."""
    out = folder / "out"
    out.mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    names = {**os.environ, "PYTHONPATH": str(ROOT), "LEDGER_WITNESS_DIR": str(folder / "w"), **(environment or {})}
    command = [str(python), str(script), str(folder), str(data), str(out), str(batch), *files]
    done = subprocess.run(command, check=False, capture_output=True, env=names, cwd=cwd)
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    answer["status"].pop("path")
    return answer


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what comes out in the plainest circumstances."""
    return outcome(tmp_path_factory.mktemp("reference"), ROOT / "tests" / "data" / "toolset")


CIRCUMSTANCES: list[dict[str, Any]] = [
    {"environment": {"PYTHONHASHSEED": "1"}},
    {"environment": {"PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONUTF8": "0"}},
    {"environment": {"TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8"}},
    {"environment": {"PYTHONOPTIMIZE": "0", "USER": "other", "HOME": "/nonexistent", "COLUMNS": "20"}},
    {"batch": 3},
    {"batch": 50},
    {"cwd": Path("/")},
]


@pytest.mark.parametrize("circumstances", CIRCUMSTANCES, ids=str)
def test_the_same_everywhere(
    tmp_path: Path, data: Path, reference: dict[str, Any], circumstances: dict[str, Any]
) -> None:
    """With clock and ledger id pinned, ids, splits, counts, root, exports and manifests are the same bytes."""
    assert outcome(tmp_path / "here", data, **circumstances) == reference


def test_a_copy_of_the_data_elsewhere(tmp_path: Path, data: Path, reference: dict[str, Any]) -> None:
    """Identity is the name and the bytes, not the folder."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(data, elsewhere)
    assert outcome(tmp_path / "here", elsewhere) == reference


def test_files_in_another_order(tmp_path: Path, data: Path, reference: dict[str, Any]) -> None:
    """In another order the log is another, but ids, splits, counts and exported rows are the same."""
    other = outcome(tmp_path / "here", data, files=FILES[::-1])
    assert other["root"] != reference["root"]
    for name in ("ids", "splits"):
        assert other[name] == reference[name]
    rows = {name for name in reference["files"] if not name.endswith(".manifest.json")}
    assert len(rows) == 4

    for name in rows:
        assert other["files"][name] == reference["files"][name]
    counts = ("samples", "blobs", "fingerprints", "by_status", "by_label", "by_split", "quarantined", "events")
    assert {name: other["status"][name] for name in counts} == {name: reference["status"][name] for name in counts}
