"""Reading a log out in the order of an archive, and how a file says of itself that it is written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.archive import Blob, Event, Mark
from ledger.backup import Filling, format_of, journal_of, line_of, read_out
from ledger.digest import NotRestricted
from ledger.errors import CorruptLedger
from ledger.migrations import latest
from ledger.store import look, open_store
from tests.logs import fill, foreign, log_rows, store_of, tampering


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a filled ledger that nobody has open."""
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        fill(ledger, tmp_path)
    return tmp_path / "ledger.db"


def test_each_commit_brings_its_blobs_then_its_events_then_its_head(path: Path) -> None:
    """Everything of the log comes once, in its order, and no event before a blob that it names."""
    store = open_store(path)
    blobs, events = 0, 0
    for line in read_out(store):
        if isinstance(line, Blob):
            blobs += 1
        elif isinstance(line, Event):
            events += 1
            assert line.blob is None or line.blob <= blobs
        else:
            assert (line.size, line.blobs) == (events, blobs)
    store.close()
    rows = log_rows(path)
    assert (blobs, events) == (len(rows["blob"]), len(rows["event"]))


def test_the_line_of_an_event_is_where_it_stands(path: Path) -> None:
    """Counted from 1, the first line being the archive's own."""
    store = open_store(path)
    numbers = [number for number, line in enumerate(read_out(store), 2) if isinstance(line, Event)]

    assert [line_of(store, position) for position in range(len(numbers))] == numbers
    store.close()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE blob SET body = CAST('{}' AS BLOB) WHERE id = 7", "blob 7"),
        ("DELETE FROM blob WHERE id = 7", "missing"),
        ("UPDATE event SET leaf = replace(leaf, 'bad', 'odd') WHERE kind = 'rejected'", "is not that over its events"),
    ],
)
def test_what_contradicts_itself_is_not_read_out(path: Path, statement: str, says: str) -> None:
    """Each blob is compared with its address, each head with its events."""
    with tampering(path) as connection:
        connection.execute(statement)
    store = open_store(path)
    with pytest.raises(CorruptLedger, match=says):
        list(read_out(store))
    store.close()


@pytest.mark.parametrize("which", ["an event less", "a head twice"])
def test_lines_fill_a_ledger_only_in_their_order(path: Path, which: str) -> None:
    """A head that is not over what came before it is refused, and so is the same head once more."""
    with closing(open_store(path)) as source:
        lines = list(read_out(source))
    first = next(number for number, line in enumerate(lines) if isinstance(line, Mark))
    before = lines[: first - 1] if which == "an event less" else lines[: first + 1]
    with Ledger.init(path.with_name("new.db")) as empty:
        filling = Filling(store_of(empty), path.with_name("lines"))
        with store_of(empty).exclusive():
            for line in before:
                filling.take(line)
            with pytest.raises(NotRestricted, match="the head"):
                filling.take(lines[first])


def test_looking_changes_neither_journal_nor_format(path: Path) -> None:
    """What is opened to look at stays in the mode and the format that it has, and cannot be written."""
    with foreign(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA user_version = 1")
    store = look(path)
    assert (journal_of(store), format_of(store), store.writable) == ("wal", 1, False)
    store.close()
    with foreign(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert latest() > 1
