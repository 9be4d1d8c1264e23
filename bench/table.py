"""The promises on speed in one table: `python -m bench.table [--rows N] [--runs N] [--jobs a,b] [--folder F]`.

Every job runs in a process of its own; whole runs are repeated, so that what is compared was measured minutes apart
at most, and medians are shown. A promise stands as a ratio to the floor of the same run: the time that plain SQLite
takes for one sample (bench/floor.py). On the quiet core that the promises were written for that is 8 µs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from bench import samples, work
from bench.jobs import JOBS, LEDGER, Took

FLOOR_US = 8.0
ROOT = Path(__file__).resolve().parent.parent


class Runs(NamedTuple):
    """What every job took in every run, and the bytes of the file that went in and of the ledger it became."""

    took: dict[str, list[Took]]
    source: int
    ledger: int

    def seconds(self, job: str) -> float:
        """Return the median time of a job."""
        return median(one.seconds for one in self.took[job])

    def us(self, job: str) -> float:
        """Return the median time of a job for one of its items, in microseconds."""
        return median(one.seconds / one.items for one in self.took[job]) * 1e6

    def peak(self, job: str) -> float:
        """Return the median peak of memory, in MB."""
        return median(one.peak_mb for one in self.took[job])

    def to(self, job: str, other: str, *, each: bool = True) -> float:
        """Return the median over the runs of one job's time by another's, for one item or whole."""
        pairs = zip(self.took[job], self.took[other], strict=True)
        return median((a.seconds / (a.items if each else 1)) / (b.seconds / (b.items if each else 1)) for a, b in pairs)


class Promise(NamedTuple):
    """One row: what is promised, the jobs it takes, the target in words, what was measured, a ratio with its bound."""

    name: str
    jobs: tuple[str, ...]
    target: str
    measured: Callable[[Runs], str]
    ratio: Callable[[Runs], str]


def measure(rows: int, runs: int, jobs: list[str], folder: Path) -> Runs:
    """Make the file, run every job `runs` times in turn and return what they took."""
    source = samples.write(folder / work.SOURCE, rows)
    took: dict[str, list[Took]] = {job: [] for job in jobs}
    for _ in range(runs):
        for job in jobs:
            took[job].append(_apart(job, folder))
    return Runs(took, source, (folder / LEDGER).stat().st_size)


def table(found: Runs, rows: int) -> Iterator[str]:
    """Yield the lines of a Markdown table, and below it what the numbers were measured with."""
    yield "| promise | target | measured | ratio |"
    yield "|---|---|--:|--:|"
    for promise in _promises(rows):
        if all(job in found.took for job in promise.jobs):
            yield f"| {promise.name} | {promise.target} | {promise.measured(found)} | {promise.ratio(found)} |"
    yield ""
    runs = len(found.took["floor"])
    yield (
        f"{rows:,} samples of {found.source / rows:,.0f} bytes, medians of {runs} runs; Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, {platform.machine()}. "
        f"The floor took {found.us('floor'):.1f} µs a sample ({FLOOR_US:.0f} µs on a quiet core)."
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.table", description="The promises on speed in one table.")
    parser.add_argument("--rows", type=int, default=100_000, help="samples (100000)")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--jobs", default=",".join(JOBS), help=f"of {','.join(JOBS)}; floor and ingest are needed")
    parser.add_argument("--folder", type=Path, help="where to keep the files (a temporary folder that is removed)")
    chosen = parser.parse_args(arguments)
    jobs = [job for job in JOBS if job in {"floor", "ingest", *chosen.jobs.split(",")}]
    if chosen.folder is not None:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        found = measure(chosen.rows, chosen.runs, jobs, chosen.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(chosen.rows, chosen.runs, jobs, Path(folder))
    sys.stdout.write("\n".join(table(found, chosen.rows)) + "\n")


def _apart(job: str, folder: Path) -> Took:
    settings = {**os.environ, "LEDGER_WITNESS_DIR": str(folder / "witness"), "LEDGER_ACTOR": "bench"}
    settings.pop("LEDGER_PATH", None)
    command = [sys.executable, "-m", "bench.jobs", job, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, check=True)
    return Took(**json.loads(done.stdout))


def _promises(rows: int) -> list[Promise]:
    share = rows / 1_000_000
    return [
        Promise("ingest, everything included", ("ingest",), "≤ 3x the floor", _us("ingest"), _floors("ingest", 3)),
        Promise("ingest, peak memory", ("ingest",), "< 300 MB", _mb("ingest"), _none),
        Promise("ledger against its JSONL", ("ingest",), "≤ 1.7x", _size, lambda r: f"{r.ledger / r.source:.2f}"),
        Promise("the same file again", ("again",), "", _us("again"), _floors("again")),
        Promise(
            "accept by id, appended and folded", ("accept",), "≥ 40 k/s", _rate("accept"), _floors("accept", 25 / 8)
        ),
        Promise("relabel by id", ("relabel",), "≥ 40 k/s", _rate("relabel"), _floors("relabel", 25 / 8)),
        Promise("split", ("split",), f"≤ {10 * share:g} s", _rate("split"), _floors("split", 10 / 8)),
        Promise("`score import` from a field", ("score",), "", _rate("score"), _floors("score")),
        Promise("`decide` by a policy", ("judge",), f"≤ {40 * share:g} s", _s("judge"), _floors("judge", 40 / 8)),
        Promise("the same again", ("judge again",), "", _s("judge again"), _floors("judge again")),
        Promise("`whatif`, a threshold", ("whatif",), "≤ 1 s at 1 M", _s("whatif"), _none),
        Promise("`whatif`, another rule", ("replay",), "≤ 15 s at 1 M", _s("replay"), _none),
        Promise("`rejections`", ("rejections",), "≤ 1 s at 1 M", _s("rejections"), _none),
        Promise("`near-misses`", ("near-misses",), "≤ 1 s at 1 M", _s("near-misses"), _none),
        Promise("`compare`", ("compare",), "≤ 1 s at 1 M", _s("compare"), _none),
        Promise("`why`, 95th percentile", ("why",), "< 5 ms", _ms("why"), _none),
        Promise("`show`, 95th percentile", ("show",), "< 5 ms", _ms("show"), _none),
        Promise("`status`, 95th percentile", ("status",), "≤ 50 ms", _ms("status"), _none),
        Promise("rebuild of every view", ("fold",), "≥ 200 k events/s", _rate("fold"), _floors("fold", 5 / 8)),
        Promise(
            "`project kto-interleaved` against the usual script",
            ("project", "plain"),
            "faster",
            lambda r: f"{r.seconds('project'):.2f} s, script {r.seconds('plain'):.2f} s",
            lambda r: f"{r.to('project', 'plain', each=False):.2f} of the script's (< 1)",
        ),
        Promise(
            "the same, peak memory",
            ("project", "plain"),
            "< 500 MB at 1 M",
            lambda r: f"{r.peak('project'):.0f} MB, script {r.peak('plain'):.0f} MB",
            _none,
        ),
        Promise(
            "the same with `--workers 2`",
            ("two workers", "plain"),
            "",
            _s("two workers"),
            lambda r: f"{r.to('two workers', 'plain', each=False):.2f} of the script's",
        ),
        Promise("`check kto-interleaved`", ("check",), "", _s("check"), _floors("check")),
        Promise(
            "`verify-export` against parsing the lines",
            ("verify-export", "read"),
            "as fast",
            lambda r: f"{r.seconds('verify-export'):.2f} s, json.loads {r.seconds('read'):.2f} s",
            lambda r: f"{r.to('verify-export', 'read', each=False):.2f} of that (≤ 1)",
        ),
        Promise("full `verify`", ("verify",), f"≤ {20 * share:g} s", _s("verify"), _floors("verify", 20 / 8)),
        Promise("`ledger --help`", ("help",), "≤ 150 ms", lambda r: f"{r.seconds('help') * 1e3:.0f} ms", _none),
    ]


def _us(job: str) -> Callable[[Runs], str]:
    return lambda runs: f"{runs.us(job):.1f} µs a sample"


def _rate(job: str) -> Callable[[Runs], str]:
    return lambda runs: f"{1e3 / runs.us(job):,.0f} k/s"


def _s(job: str) -> Callable[[Runs], str]:
    return lambda runs: f"{runs.seconds(job):.2f} s"


def _ms(job: str) -> Callable[[Runs], str]:
    return lambda runs: f"{runs.seconds(job) * 1e3:.2f} ms"


def _mb(job: str) -> Callable[[Runs], str]:
    return lambda runs: f"{runs.peak(job):.0f} MB"


def _size(runs: Runs) -> str:
    return f"{runs.ledger / 1e6:.0f} MB for {runs.source / 1e6:.0f} MB"


def _floors(job: str, most: float | None = None) -> Callable[[Runs], str]:
    """Return what writes a job's time for one item as so many floors, with the target where it is one."""
    bound = "" if most is None else f" (≤ {most:.1f})"
    return lambda runs: f"{runs.to(job, 'floor'):.2f} floors{bound}"


def _none(_runs: Runs) -> str:
    return ""


if __name__ == "__main__":
    main()
