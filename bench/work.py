"""What is measured: one function per promise, through the public door, shared by the benchmarks and the table."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from ledger import Ledger

CAMPAIGN = "bench"
SOURCE = "samples.jsonl"
POLICY = Path(__file__).parent / "policy.toml"
THRESHOLD = "threshold.min_overall=2.4"
RULE = "rule.incoherent.when=goal_coherence < 3"
"""Settings to ask about: a threshold, and a rule, which is replayed in full."""
ASKED = 500
"""Questions about single samples, for the 95th percentile."""


def ingest(source: Path, target: Path) -> dict[str, Any]:
    """Make a new ledger at `target` and ingest a file into it."""
    with Ledger.init(target) as ledger:
        return ledger.ingest([source], campaign=CAMPAIGN)


def ingest_again(source: Path, path: Path) -> dict[str, Any]:
    """Ingest a file into the ledger that already holds it."""
    with Ledger.open(path) as ledger:
        return ledger.ingest([source], campaign=CAMPAIGN)


def rebuild_views(path: Path) -> int:
    """Drop every view, fold the whole log again and return the number of events."""
    with Ledger.open(path) as ledger:
        return int(ledger.rebuild_views()["events"])


def decide(path: Path, verb: str, ids: list[str]) -> int:
    """Accept, reject or relabel samples, or split all of them, in one command; return how many changed."""
    with Ledger.open(path) as ledger:
        if verb == "split":
            return int(ledger.split("90/5/5")["assigned"])
        if verb == "relabel":
            return int(ledger.relabel(ids, "none", reason="bench")["changed"])
        chosen = ledger.accept if verb == "accept" else ledger.reject
        return int(chosen(ids, reason="bench")["changed"])


def score(path: Path) -> int:
    """Import the scores that the lines came with and return how many samples have some."""
    with Ledger.open(path) as ledger:
        return int(ledger.import_scores(field="quality_scores")["scored"])


def judge(path: Path) -> int:
    """Decide about every sample by the policy of the benchmarks and return how many there are."""
    with Ledger.open(path) as ledger:
        return int(ledger.decide(POLICY)["decided"])


def project(path: Path, out: Path, workers: int = 1) -> dict[str, Any]:
    """Write kto-interleaved and return the manifest."""
    with Ledger.open(path) as ledger:
        return ledger.project("kto-interleaved", out, workers=workers, overwrite=True)


def check(path: Path) -> int:
    """Plan kto-interleaved, check its gates and return the rows."""
    with Ledger.open(path) as ledger:
        return int(ledger.check("kto-interleaved")["rows"])


def verify_export(out: Path) -> int:
    """Do with an export what a trainer will do and return the rows."""
    return int(Ledger.verify_export(out)["rows"])


def verify(path: Path) -> dict[str, Any]:
    """Check the whole file."""
    with Ledger.open(path) as ledger:
        return ledger.verify()


def show_help() -> str:
    """Start `ledger --help` as a new process and return what it prints."""
    program = "from commands.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def sample_ids(path: Path) -> list[str]:
    """Return every sample's id in the order of birth, read from the file as any SQLite tool can."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    rows = connection.execute("SELECT lower(hex(op)) FROM event WHERE kind = 'ingested' ORDER BY position")
    found = [row[0] for row in rows]
    connection.close()
    return found


def spread(ids: list[str], count: int) -> list[str]:
    """Return up to `count` ids from all over the ledger, in no order that the file has."""
    step = max(1, len(ids) // count)
    return sorted(ids[::step])[:count]


def copy(path: Path, target: Path) -> Path:
    """Copy a closed ledger, replacing what is there, and return the copy."""
    return Path(shutil.copyfile(path, target))
