"""What tests of archives share: their lines as values, and archives that a careful hand forged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ledger.archive import End, Event, Line, Mark, Tally, read, written
from ledger.tree import Frontier, leaf_hash

Change = Callable[[list[Line]], Iterable[Line]]


def lines_of(path: Path) -> list[Line]:
    """Return every line of an archive but the last."""
    return [line for data in path.read_bytes().splitlines(keepends=True) if not isinstance(line := read(data), End)]


def forged(path: Path, change: Change, name: str = "forged.jsonl") -> Path:
    """Write the archive whose lines were changed, with heads over its events and a last line that sums it up."""
    frontier, tally, out = Frontier(), Tally(), b""
    for line in change(lines_of(path)):
        made = line
        if isinstance(line, Event):
            frontier = frontier.extend([leaf_hash(line.leaf)])
        elif isinstance(line, Mark):
            made = line._replace(size=frontier.size, root=frontier.root())
        tally.pass_by(written(made), made)
        out += written(made)
    target = path.with_name(name)
    target.write_bytes(out + written(tally.end()))
    return target


def changing(at: int, change: Callable[[Event], Event]) -> Change:
    """Return what changes the event at a position."""

    def run(lines: list[Line]) -> Iterable[Line]:
        position = -1
        for line in lines:
            position += isinstance(line, Event)
            yield change(line) if isinstance(line, Event) and position == at else line

    return run
