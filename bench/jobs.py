"""One measured job in a process of its own: `python -m bench.jobs NAME FOLDER` prints what it took as JSON.

A process of its own has its own heap and its own peak of memory. FOLDER holds samples.jsonl, and ledger.db once the
job `ingest` has run; jobs that write take a copy of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import floor, work
from bench.measure import peak_mb, percentile
from ledger import Ledger

LEDGER = "ledger.db"


class Took(NamedTuple):
    """What a job took: seconds of it (for questions the 95th percentile of one), and for how many items."""

    seconds: float
    items: int
    peak_mb: float


def run(name: str, folder: Path) -> Took:
    """Do one job, remove the copy that it worked on, and return what it took."""
    try:
        return JOBS[name](folder)
    finally:
        for left in folder.glob(f"{_own_path(folder).name}*"):  # its empty journal too
            left.unlink()


def _clocked(work_of: Callable[[], int]) -> Took:
    started = time.perf_counter()
    items = work_of()
    return Took(time.perf_counter() - started, items, peak_mb())


def _fresh(folder: Path, name: str) -> Path:
    path = folder / name
    path.unlink(missing_ok=True)
    return path


def _own_path(folder: Path) -> Path:
    # Each process another name: of a name that it knows, the witness expects the ledger that it saw there last.
    return folder / f"own{os.getpid()}.db"


def _own(folder: Path) -> Path:
    return work.copy(folder / LEDGER, _own_path(folder))


def _floor(folder: Path) -> Took:
    target = _fresh(folder, "floor.db")
    return _clocked(lambda: floor.store_lines(folder / work.SOURCE, target)[0])


def _ingest(folder: Path) -> Took:
    target = _fresh(folder, LEDGER)
    return _clocked(lambda: int(work.ingest(folder / work.SOURCE, target)["new"]))


def _again(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: int(work.ingest_again(folder / work.SOURCE, path)["known"]))


def _fold(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: work.rebuild_views(path))


def _decide(verb: str, folder: Path) -> Took:
    ids = work.sample_ids(folder / LEDGER)
    path = _own(folder)
    return _clocked(lambda: work.decide(path, verb, ids))


def _ask(verb: str, folder: Path) -> Took:
    ids = work.spread(work.sample_ids(folder / LEDGER), work.ASKED)
    times = []
    with Ledger.open(folder / LEDGER) as ledger:
        for one in ids:
            started = time.perf_counter()
            if verb == "status":
                ledger.status()
            else:
                (ledger.why if verb == "why" else ledger.show)(one)
            times.append(time.perf_counter() - started)
    return Took(percentile(times, 95), 1, peak_mb())


def _plain(folder: Path) -> Took:
    return _clocked(lambda: floor.interleave(folder / work.SOURCE, folder / "plain.jsonl"))


def _project(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: int(work.project(path, folder / "out.jsonl")["used"]))


def _verify(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: int(work.verify(path)["checked"]["events"]))


def _help(_folder: Path) -> Took:
    return _clocked(lambda: len(work.show_help().splitlines()))


JOBS: dict[str, Callable[[Path], Took]] = {
    "floor": _floor,
    "ingest": _ingest,
    "again": _again,
    "fold": _fold,
    "accept": partial(_decide, "accept"),
    "relabel": partial(_decide, "relabel"),
    "split": partial(_decide, "split"),
    "why": partial(_ask, "why"),
    "show": partial(_ask, "show"),
    "status": partial(_ask, "status"),
    "plain": _plain,
    "project": _project,
    "verify": _verify,
    "help": _help,
}
"""In an order in which each finds what it needs."""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], Path(sys.argv[2]))._asdict()))
