"""What tests of the log share: small lines, ledgers with something of everything, and a foreign hand on the file."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import pytest

from ledger import Ledger, projection
from ledger.digest import blake3_bytes
from ledger.event import SELF, Draft, draft
from ledger.readers import FactMap, Unreadable, read_line
from ledger.store import Store, open_store
from ledger.verbs.run import Run, Who

_NOBODY = 65534

Tables: TypeAlias = dict[str, list[tuple[Any, ...]]]


class Ticks:
    """A clock that can be set; microseconds."""

    def __init__(self, now: int = 1_700_000_000_000_000, step: int = 1000) -> None:
        """Begin at `now` and go on by `step` at each look."""
        self.now = now
        self.step = step

    def __call__(self) -> int:
        """Return the time."""
        self.now += self.step
        return self.now


def store_of(ledger: Ledger) -> Store:
    """Return the log behind a ledger, for what has no verb."""
    return ledger._store  # noqa: SLF001 - the one place where tests look behind the door


def line(prompt: str, completion: str, **facts: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return one JSONL line without its end."""
    return json.dumps({"prompt": prompt, "completion": completion, **facts}).encode()


def write_lines(path: Path, lines: Sequence[bytes]) -> Path:
    """Write lines to a file and return its path."""
    path.write_bytes(b"".join(one + b"\n" for one in lines))
    return path


def improve(
    ledger: Ledger,
    parent: str,
    bodies: Sequence[bytes],
    *,
    label: bool | None = True,
    recipe: int = 0,
    kind: str = "improved",
) -> list[str]:
    """Append `improved` (or `regenerated`) children of a sample through the log itself; return their ids."""
    store = store_of(ledger)
    row = ledger.show(parent)
    run = Run(store.ledger_id, "improve", {"recipe": recipe}, Who("model"))
    ids: list[str] = []
    with store.transaction() as transaction:
        drafts = []
        for ordinal, body in enumerate(bodies):
            made = _child(row, body, ordinal, recipe, label=label, kind=kind)
            blob = transaction.add_blob(body)[1]
            if not transaction.known_ops([made.op]):
                drafts.append(made._replace(blob=blob))
            ids.append(made.op.hex())
        run.append(transaction, drafts)
        run.finish(transaction, {"children": len(drafts)})
    return ids


def _child(parent: dict[str, Any], body: bytes, ordinal: int, recipe: int, *, label: bool | None, kind: str) -> Draft:
    read = read_line(body, FactMap())
    if isinstance(read, Unreadable):
        raise TypeError(read.message)
    fields = {
        "blob": blake3_bytes(body).hex(),
        "campaign": parent["origin"]["campaign"],
        "cost": None,
        "domain": None,
        "fingerprint": read.fingerprint.hex(),
        "form": read.form,
        "label": label,
        "ordinal": ordinal,
        "parent": parent["sample"],
        "prompt": None if read.prompt is None else read.prompt.hex(),
        "reader": read.reader,
        "recipe": blake3_bytes(b"recipe %d" % recipe).hex(),
        "request": None,
        "tags": [],
        "type": read.type,
        "usage": None,
        "version": parent["version"].removeprefix("b3:"),
    }
    return draft(kind, SELF, None, fields)


def fill(ledger: Ledger, folder: Path) -> list[str]:
    """Put something of every kind into a ledger: two campaigns, quarantine, decisions, edits, a split, a release.

    Return the sample ids in the order of their birth.
    """
    first = [line(f"p{n % 7}", f"c{n % 9}", label=bool(n % 2), tags={"n": str(n % 3)}) for n in range(20)]
    write_lines(folder / "a.jsonl", [*first, b"{broken", first[0]])
    write_lines(folder / "b.jsonl", [line(f"q{n % 4}", f"d{n}", label=None, domain="shell") for n in range(8)])
    ledger.ingest([folder / "a.jsonl"], campaign="one", tags={"from": "a"})
    ledger.ingest([folder / "b.jsonl"], campaign="two")
    ids = sample_ids(ledger)
    ledger.accept(ids[:4], reason="good")
    ledger.reject(ids[4:6], reason="bad")
    ledger.reject(ids[:1], reason="on second thought")
    ledger.relabel(ids[20:24], "true", reason="seen")
    ledger.tag(ids[2:4], "colour", "blue")
    ledger.edit(ids[1], line("another prompt", "c1"), reason="typo")
    edited = ledger.edit(ids[3], line("p3", "better"))
    ledger.withdraw([f"@{edited['events'][0]}"], reason="no")
    ledger.split("50/25/25", seed="s")
    improve(ledger, ids[5], [line("p5", "an improvement"), line("p5b", "with another prompt")])
    ledger.project("kto-interleaved", folder / "out.jsonl", batch_size=2)
    ledger.defer(ids[5:6], reason="later")
    return sample_ids(ledger)


def sample_ids(ledger: Ledger) -> list[str]:
    """Return every sample's id in the order of birth."""
    rows = store_of(ledger).connection.execute("SELECT op FROM event WHERE sample = position ORDER BY position")
    return [row[0].hex() for row in rows]


def tables(connection: sqlite3.Connection, schema: str = "main") -> Tables:
    """Return every row of every view table, in the order of its key."""
    return {
        name: connection.execute(f"SELECT * FROM {schema}.{name} ORDER BY {key}").fetchall()  # noqa: S608 - fixed names
        for name, key in projection.tables()
    }


def folded(path: Path, position: int) -> Tables:
    """Return the views as of a position, folded from nothing beside the file."""
    store = open_store(path)
    try:
        projection.prepare(store.connection)
        projection.fold_aside(store.connection, position)
        return tables(store.connection, "temp")
    finally:
        store.close()


def log_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the log, as a stranger reads it."""
    with foreign(path) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608 - fixed names
            for name in ("meta", "blob", "event", "tile", "head")
        }


@contextmanager
def foreign(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as any other program would, with SQLite's defaults; committed at the end."""
    connection = sqlite3.connect(path)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def unguarded(connection: sqlite3.Connection) -> None:
    """Drop every trigger, as one who means harm would; `regarded` puts them back."""
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file without its guards, and put them back at the end so that the schema shows nothing."""
    with foreign(path) as connection:
        guards = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid").fetchall()
        unguarded(connection)
        yield connection
        for (statement,) in guards:
            connection.execute(statement)


def copy_of(path: Path, name: str = "copy.db") -> Path:
    """Return a copy of a ledger file that nobody has open, in its folder."""
    target = path.with_name(name)
    shutil.copyfile(path, target)
    return target


def findings(path: Path, *, quick: bool = False) -> set[str]:
    """Return the names of what `verify` finds."""
    with Ledger.open(path, trust=True) as ledger:
        return {finding["id"] for finding in ledger.verify(quick=quick)["findings"]}


def open_files(path: Path) -> int:
    """Return how often this process has a file open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += Path(os.readlink(link)) == path  # noqa: PTH115 - an error is expected for the listing itself
        except FileNotFoundError:
            continue
    return found


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights inside the block; the superuser, whom no permission stops, could not test them."""
    if os.geteuid() != 0:
        yield
        return
    real, effective, saved = os.getresuid()
    os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(real, effective, saved)


class OfSteps(Protocol):
    """A ledger to which drawn steps are done."""

    @property
    def ledger(self) -> Ledger:
        """Return it."""

    def do(self, step: Any) -> None:  # noqa: ANN401 - a step of its own kind
        """Do a step."""

    def close(self) -> None:
        """Close the ledger."""


_W = TypeVar("_W", bound=OfSteps)


@contextmanager
def lived(make: Callable[[Path], _W], drawn: Sequence[Any]) -> Iterator[_W]:
    """Yield a world of its own in which steps were done."""
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder))
        try:
            for step in drawn:
                made.do(step)
            yield made
        finally:
            made.close()


def fold_is_the_same(ledger: Ledger, batch: int) -> None:
    """Hold views that were followed against those made again, in batches of any size and as of some positions."""
    followed = tables(store_of(ledger).connection)
    assert ledger.verify()["findings"] == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "BATCH", batch)
        ledger.rebuild_views()
        assert tables(store_of(ledger).connection) == followed
    end = store_of(ledger).head().position
    for position in range(0, end + 1, 1 + end // 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(projection, "BATCH", batch)
            small = folded(ledger.path, position)
        assert small == folded(ledger.path, position)
    assert folded(ledger.path, end) == followed
