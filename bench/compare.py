"""The ledger beside other tools, on the same lines in one run: `python -m bench.compare [--rows N,N] [--runs N]`.

Every job runs in a process of its own, whole runs are repeated, and medians are shown. Seconds are those on the
clock; processor seconds count both kinds, of all processes of the job, and move less where others use the machine.
The ratio is to the first job of the same kind in the same run: plain SQLite for what stores and folds, the script
that people write for what exports. A tool that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from bench import floor, peers, samples, work
from bench.measure import peak_mb

ROOT = Path(__file__).resolve().parent.parent
LEDGER, FLOOR = "ledger.db", "floor.db"


class Job(NamedTuple):
    """One thing that one tool does; `leaves` is the file or folder whose size is told, `package` what it needs."""

    kind: str
    by: str
    run: Callable[[Path], int]
    leaves: str
    package: str | None = None


class Cost(NamedTuple):
    """What a job cost: seconds, processor seconds, items, the peak of memory, and the bytes that it left."""

    seconds: float
    processor: float
    items: int
    peak_mb: float
    size: int


def _floor(folder: Path) -> int:
    (folder / FLOOR).unlink(missing_ok=True)
    return floor.store_lines(folder / work.SOURCE, folder / FLOOR)[0]


def _ingest(folder: Path) -> int:
    (folder / LEDGER).unlink(missing_ok=True)
    return int(work.ingest(folder / work.SOURCE, folder / LEDGER)["new"])


def _project(folder: Path, workers: int) -> int:
    return int(work.project(folder / LEDGER, folder / "ledger.jsonl", workers=workers)["rows"])


STORE, FOLD, EXPORT = "store every line", "make the views again", "write the interleaved file"
JOBS: dict[str, Job] = {
    "floor": Job(STORE, "plain SQLite (the floor)", _floor, FLOOR),
    "ingest": Job(STORE, "ledger ingest", _ingest, LEDGER),
    "sqlite-utils": Job(STORE, "sqlite-utils insert", peers.sqlite_utils_insert, peers.SQLITE_UTILS),
    "eventsourcing": Job(STORE, "eventsourcing", peers.eventsourcing_save, peers.EVENTS, "eventsourcing"),
    "datasets": Job(STORE, "datasets, from_json", peers.datasets_read, peers.ARROW, "datasets"),
    "fold": Job(FOLD, "ledger rebuild-views", lambda folder: work.rebuild_views(folder / LEDGER), LEDGER),
    "eventsourcing fold": Job(
        FOLD, "eventsourcing, read and count", peers.eventsourcing_fold, peers.EVENTS, "eventsourcing"
    ),
    "script": Job(
        EXPORT,
        "the usual json script",
        lambda folder: floor.interleave(folder / work.SOURCE, folder / "plain.jsonl"),
        "plain.jsonl",
    ),
    "project": Job(EXPORT, "ledger project", partial(_project, workers=1), "ledger.jsonl"),
    "two workers": Job(EXPORT, "ledger project --workers 2", partial(_project, workers=2), "ledger.jsonl"),
    "datasets export": Job(
        EXPORT, "datasets, map to interleave", peers.datasets_interleave, "datasets.jsonl", "datasets"
    ),
}
"""In an order in which each finds what it needs; the first of a kind is what the others of it are compared with."""


def present(job: Job) -> bool:
    """Say whether what a job needs is installed."""
    return job.package is None or find_spec(job.package) is not None


def measure(rows: int, runs: int, folder: Path, names: list[str]) -> dict[str, list[Cost]]:
    """Make the lines, run every job `runs` times in turn and return what each cost, run by run."""
    samples.write(folder / work.SOURCE, rows)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for _ in range(runs):
        for name in names:
            costs[name].append(_apart(name, folder))
    return costs


def table(costs: dict[str, list[Cost]], rows: int) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {rows:,} samples | by | seconds | of a processor | µs for one | ratio | peak | left on disk |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    first: dict[str, str] = {}
    for name, found in costs.items():
        kind, by, *_ = JOBS[name]
        beside = first.setdefault(kind, name)
        pairs = zip(found, costs[beside], strict=True)
        cells = (
            kind if beside == name else "",
            by,
            f"{median(one.seconds for one in found):.2f}",
            f"{median(one.processor for one in found):.2f}",
            f"{median(one.seconds / one.items for one in found) * 1e6:.1f}",
            f"{median(one.seconds / other.seconds for one, other in pairs):.2f}",
            f"{median(one.peak_mb for one in found):.0f} MB",
            f"{found[-1].size / 1e6:.0f} MB",
        )
        yield f"| {' | '.join(cells)} |"


def run(name: str, folder: Path) -> Cost:
    """Do one job here and return what it cost."""
    job = JOBS[name]
    started, before = time.perf_counter(), sum(os.times()[:4])
    items = job.run(folder)
    seconds, processor = time.perf_counter() - started, sum(os.times()[:4]) - before
    return Cost(seconds, processor, items, peak_mb(), _size(folder / job.leaves))


def main(arguments: list[str] | None = None) -> None:
    """Measure and print a table for each number of rows; or, with `--job`, do one job and print its cost as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description="The ledger beside other tools.")
    parser.add_argument("--rows", default="10000,100000", help="samples, for each a table (10000,100000)")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--jobs", default=",".join(JOBS), help=f"of {','.join(JOBS)}; those on a ledger need ingest")
    parser.add_argument("--folder", type=Path, help="where to keep the files (a temporary folder that is removed)")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.job is not None:
        sys.stdout.write(json.dumps(run(chosen.job, chosen.folder)))
        return
    names = [name for name in JOBS if name in chosen.jobs.split(",") and present(JOBS[name])]
    for rows in map(int, chosen.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            costs = measure(rows, chosen.runs, Path(folder), names)
        sys.stdout.write("\n".join(table(costs, rows)) + "\n\n")
    missing = sorted({str(job.package) for job in JOBS.values() if not present(job)})
    sys.stdout.write(
        f"Medians of {chosen.runs} runs; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{os.cpu_count()} cores, {platform.machine()}. Not installed: {', '.join(missing) or 'nothing'}.\n"
    )


def _apart(name: str, folder: Path) -> Cost:
    settings = {**os.environ, "LEDGER_WITNESS_DIR": str(folder / "witness"), "LEDGER_ACTOR": "bench"}
    settings.pop("LEDGER_PATH", None)
    command = [sys.executable, "-m", "bench.compare", "--job", name, "--folder", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, check=True)
    return Cost(**dict(zip(Cost._fields, json.loads(done.stdout), strict=True)))


def _size(path: Path) -> int:
    """Return the bytes of a file with those beside it that carry its name and an end, or of all files in a folder."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*") if one.is_file())


if __name__ == "__main__":
    main()
