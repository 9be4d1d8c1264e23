"""One measured job in a process of its own: `python -m bench.jobs NAME FOLDER` prints what it took as JSON.

A process of its own has its own heap and its own peak of memory. FOLDER holds samples.jsonl, ledger.db once the
job `ingest` has run, and likewise scored.db (`score`) and judged.db (`judge`); other jobs that write take a copy.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench import floor, work
from bench.measure import peak_mb, percentile
from ledger import Ledger

LEDGER = "ledger.db"
SCORED = "scored.db"
JUDGED = "judged.db"
"""The ledger once its scores are imported, and once a policy has decided."""


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


def _own(folder: Path, name: str = LEDGER) -> Path:
    return work.copy(folder / name, _own_path(folder))


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


def _score(folder: Path) -> Took:
    path = _own(folder)
    took = _clocked(lambda: work.score(path))
    path.replace(folder / SCORED)
    return took


def _judge(folder: Path) -> Took:
    path = _own(folder, SCORED)
    took = _clocked(lambda: work.judge(path))
    path.replace(folder / JUDGED)
    return took


def _judge_again(folder: Path) -> Took:
    path = _own(folder, JUDGED)
    return _clocked(lambda: work.judge(path))


def _answer(question: Callable[[Ledger], Mapping[str, Any]], folder: Path) -> Took:
    with Ledger.open(folder / JUDGED) as ledger:
        return _clocked(lambda: bool(question(ledger)))


def _ask(verb: str, name: str, folder: Path) -> Took:
    ids = work.spread(work.sample_ids(folder / name), work.ASKED)
    times = []
    with Ledger.open(folder / name) as ledger:
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


def _shared(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: int(work.project(path, folder / "shared.jsonl", workers=2)["used"]))


def _check(folder: Path) -> Took:
    path = _own(folder)
    return _clocked(lambda: work.check(path))


def _read(folder: Path) -> Took:
    return _clocked(lambda: floor.read(folder / "out.jsonl"))


def _verify_export(folder: Path) -> Took:
    return _clocked(lambda: work.verify_export(folder / "out.jsonl"))


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
    "score": _score,
    "judge": _judge,
    "judge again": _judge_again,
    "whatif": partial(_answer, lambda ledger: ledger.whatif([work.THRESHOLD])),
    "replay": partial(_answer, lambda ledger: ledger.whatif([work.RULE])),
    "rejections": partial(_answer, lambda ledger: ledger.rejections()),
    "near-misses": partial(_answer, lambda ledger: ledger.near_misses()),
    "compare": partial(_answer, lambda ledger: ledger.compare()),
    "why": partial(_ask, "why", JUDGED),
    "show": partial(_ask, "show", LEDGER),
    "status": partial(_ask, "status", LEDGER),
    "plain": _plain,
    "project": _project,
    "two workers": _shared,
    "check": _check,
    "read": _read,
    "verify-export": _verify_export,
    "verify": _verify,
    "help": _help,
}
"""In an order in which each finds what it needs."""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], Path(sys.argv[2]))._asdict()))
