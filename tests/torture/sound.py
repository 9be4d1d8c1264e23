"""Whether a ledger is sound, cheaply enough to ask it thousands of times."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ledger import Ledger
from ledger.digest import blake3_bytes
from ledger.errors import LedgerError
from ledger.tree import leaf_hash, root_of
from tests.logs import store_of
from tests.torture.world import BATCH


class Facts(NamedTuple):
    """What a ledger holds, without how often its commands were taken up: head apart, two equal runs agree in all."""

    root: str
    runs: int
    rest: tuple[Any, ...]

    @property
    def samples(self) -> Any:  # noqa: ANN401 - plain values
        """Return what is told of the samples alone."""
        return self.rest[-1]

    def differs(self, calm: Facts) -> bool:
        """Say whether this is another end than that of an undisturbed run.

        A command that had committed something and is taken up begins a run of its own, so it has another root; without
        such a run the root too is the same.
        """
        return self.rest != calm.rest or (self.runs == calm.runs and self.root != calm.root)


def problems(path: Path, acknowledged: Iterable[tuple[int, str]] = (), *, quick: bool = False) -> list[str]:
    """Return what is wrong with a ledger, in sentences; opened as any command would, with its witness.

    `acknowledged` are heads that must be in it. With `quick` the tree is still computed from every leaf and each blob's
    address from its bytes, but views and columns are not derived again.
    """
    try:
        with Ledger.open(path, wait=5) as ledger:
            found = [f"{one['id']}: {one['message']}" for one in ledger.verify(quick=quick)["findings"]]
            found += _contents(ledger) if quick else []
            found += _batches(ledger)
            return found + _gone(ledger, acknowledged)
    except LedgerError as error:
        return [f"{type(error).__name__}: {error}"]


def _contents(ledger: Ledger) -> list[str]:
    store = store_of(ledger)
    leaves = [row[0].encode() for row in store.connection.execute("SELECT leaf FROM event ORDER BY position")]
    head = store.head()
    if len(leaves) != head.position + 1:
        return [f"{len(leaves)} events under a head at {head.position}"]
    found = [] if root_of([leaf_hash(leaf) for leaf in leaves]) == head.root else ["the root is not that of the leaves"]
    if ledger.status()["head"]["position"] != head.position or not ledger.status()["conserved"]:
        found.append("the views do not follow the log")
    return found + [f"blob {row} is damaged" for row in _damaged(ledger)]


def _damaged(ledger: Ledger) -> list[int]:
    store = store_of(ledger)
    rows = dict(store.connection.execute("SELECT id, hash FROM blob WHERE body IS NOT NULL"))
    bodies = store.bodies(list(rows))
    return [row for row, digest in rows.items() if blake3_bytes(bodies[row] or b"") != digest]


def _batches(ledger: Ledger) -> list[str]:
    """Find half a batch: what ingest committed comes in whole batches."""
    sql = "SELECT count(*) FROM event WHERE kind IN ('ingested', 'quarantined')"
    count = store_of(ledger).connection.execute(sql).fetchone()[0]
    return [f"half a batch: {count} lines"] if count % BATCH else []


def _gone(ledger: Ledger, acknowledged: Iterable[tuple[int, str]]) -> list[str]:
    store, found = store_of(ledger), []
    end = store.head().position
    for position, root in acknowledged:
        if position < 0:  # a command that was done; its commits stand before it
            continue
        if position > end or store.root_at(position).hex() != root:
            found.append(f"an acknowledged commit is gone: position {position}")
    return found


def facts(path: Path) -> Facts:
    """Return what a ledger holds."""
    with Ledger.open(path) as ledger:
        status = ledger.status()
        connection = store_of(ledger).connection
        rows = connection.execute(
            "SELECT kind, op FROM event WHERE kind NOT IN ('run_started', 'run_finished') ORDER BY kind, op"
        ).fetchall()
        blobs = connection.execute("SELECT hash, body IS NULL FROM blob ORDER BY hash").fetchall()
        runs = connection.execute("SELECT count(*) FROM event WHERE kind = 'run_started'").fetchone()[0]
    told = {key: value for key, value in status.items() if key not in {"events", "head", "ledger", "path"}}
    return Facts(str(status["head"]["root"]), int(runs), (rows, blobs, repr(told)))
