"""R7: eight writers, two readers and a writer that is killed again and again, all on one ledger.

Nothing is lost, doubled or skipped, no reader sees half a batch, nobody is told of a lock within the time to wait, and
whatever any of them acknowledged is there in the end.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ledger import Ledger, sqlite
from tests.logs import line, store_of, write_lines
from tests.torture import sound
from tests.torture.table import Row, Scale, row
from tests.torture.world import ACKNOWLEDGE, BATCH, TRUNCATE, WAL, Child, Ended, Mode, World, init, worlds

WRITERS, READERS = 8, 2
COMMITS = {"short": 5, "full": 100}
"""Commits of each writer."""

KILLS = {"short": 3, "full": 40}
"""How often the ninth writer is killed before it may finish."""


class Found(NamedTuple):
    """What one mode showed: commits, seconds of them all and of each, what readers saw, and what was wrong."""

    commits: int
    seconds: float
    waits: list[float]
    looks: int
    problems: list[str]


def run(scale: Scale) -> Row:
    """Return the row of R7."""
    modes = [TRUNCATE, *([WAL] if sqlite.wal_is_safe() else [])]
    found = [tried(mode, COMMITS[scale], KILLS[scale]) for mode in modes]
    notes = [_note(mode, one) for mode, one in zip(modes, found, strict=True)]
    if WAL not in modes:
        notes.append(f"WAL not tried: SQLite {sqlite.sqlite_version()} can corrupt it")
    method = (
        f"{WRITERS} writers, {READERS} readers, one more writer killed {KILLS[scale]} times; batches of {BATCH} lines"
    )
    problems = [said for one in found for said in one.problems]
    return row("R7", "many at once", method, sum(one.commits for one in found), problems, "; ".join(notes))


def _note(mode: Mode, found: Found) -> str:
    pace = found.commits / found.seconds
    p50, p99 = (found.waits[min(len(found.waits) - 1, math.ceil(len(found.waits) * share))] for share in (0.5, 0.99))
    told = f"{pace:.0f} commits/s, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {found.looks:,} looks"
    return f"{mode.name} {told}"


def tried(mode: Mode, commits: int, kills: int) -> Found:
    """Let them all work on one ledger in one mode, and look at it."""
    with worlds(mode) as world:
        if (made := world.run(init(world))).code != 0:
            raise AssertionError(made)
        for writer in range(WRITERS + 1):
            for commit in range(commits):
                rows = [line(f"w{writer}", f"{commit} {number}") for number in range(BATCH)]
                write_lines(_source(world, writer, commit), rows)
        started = time.monotonic()
        ended, looked = _all_at_once(world, commits, kills)
        seconds = time.monotonic() - started
        problems = [f"{mode.name}: {said}" for said in _wrong(world, commits, ended, looked)]
        waits = sorted(float(text) for one in ended for position, text in one.acknowledged if position == _TOOK)
        looks = sum(1 for one in looked for _ in one.acknowledged)
        return Found((WRITERS + 1) * commits, seconds, waits, looks, problems)


_TOOK = -2
"""Before how long a commit took, among what is acknowledged."""


def _source(world: World, writer: int, commit: int) -> Path:
    return world.inputs / f"{writer}-{commit}.jsonl"


def _all_at_once(world: World, commits: int, kills: int) -> tuple[list[Ended], list[Ended]]:
    """Run everybody; return how the writers and the readers ended."""
    with ExitStack() as stack:
        children = []
        work = [_writer(world, writer, commits) for writer in range(WRITERS)]
        for number, one in enumerate([*work, *[_reader(world, commits)] * READERS]):
            child = Child(one, world.folder / f"said-{number}")
            stack.callback(child.end)
            children.append(child)
        for child in children:
            child.go()
        ended = _killed_and_taken_up(world, commits, kills, children)
        writers = [child.wait() for child in children[:WRITERS]]
        return [*writers, *ended], [child.wait() for child in children[WRITERS:]]


def _killed_and_taken_up(world: World, commits: int, kills: int, others: list[Child]) -> list[Ended]:
    """Kill the ninth writer at random moments of its work, then let it finish."""
    chance, ended = random.Random(7), list[Ended]()  # noqa: S311 - moments, no secrets
    for number in range(kills + 1):
        child = Child(_writer(world, WRITERS, commits), world.folder / "said-killed")
        try:
            child.go()
            if number < kills and child.listen(chance.random() * 0.4):
                child.kill()
            ended.append(child.wait())
        finally:
            child.end()
        for other in others:
            other.listen(0.001)  # a full pipe would stop them
    return ended


def _writer(world: World, writer: int, commits: int) -> Callable[[], int]:
    def work() -> int:
        with Ledger.open(world.ledger) as ledger:
            for commit in range(commits):
                started = time.monotonic()
                ledger.ingest([_source(world, writer, commit)], campaign=f"w{writer}")
                os.write(ACKNOWLEDGE, b"%d %.6f\n" % (_TOOK, time.monotonic() - started))
        return 0

    return work


def _reader(world: World, commits: int) -> Callable[[], int]:
    """Return what looks until everything is there; it fails where it sees half a batch."""

    def work() -> int:
        until = time.monotonic() + 300
        with Ledger.open(world.ledger) as ledger:
            while time.monotonic() < until:
                status = ledger.status()
                counts = [one["samples"] for one in status["campaigns"]]
                if not status["conserved"] or any(count % BATCH for count in counts):
                    print(f"half a batch: {counts}")  # noqa: T201 - heard by who started this process
                    return 1
                os.write(ACKNOWLEDGE, b"%d %d\n" % (_TOOK, sum(counts)))
                if sum(counts) == (WRITERS + 1) * commits * BATCH:
                    return 0
                time.sleep(0.005)
        return 2

    return work


def _wrong(world: World, commits: int, ended: list[Ended], looked: list[Ended]) -> list[str]:
    """Return what is wrong with how they ended and with the ledger that they leave."""
    found = [f"a writer ended with {one.code}: {one.said[-300:]}" for one in ended if one.code not in {0, -9}]
    found += [f"a reader ended with {one.code}: {one.said[-300:]}" for one in looked if one.code != 0]
    found += sound.problems(world.ledger, [head for one in ended for head in one.acknowledged])
    with Ledger.open(world.ledger) as ledger:
        counts = {one["name"]: one["samples"] for one in ledger.status()["campaigns"]}
        sql = "SELECT count(*), count(DISTINCT op), max(position) + 1 FROM event"
        events, ops, size = store_of(ledger).connection.execute(sql).fetchone()
    if counts != {f"w{writer}": commits * BATCH for writer in range(WRITERS + 1)}:
        found.append(f"samples are lost or doubled: {counts}")
    return found + ([] if events == ops == size else [f"{events} events, {ops} ops, {size} positions"])
