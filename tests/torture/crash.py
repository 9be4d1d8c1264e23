"""What a disk may hold after a power failure: files and names, each with what is durable and what is only promised.

A model of inodes. What was synced stays. Of writes and truncations since, each is kept, dropped, or (a write) torn: any
set of its 512-byte sectors. Names are entries of folders, durable once the folder was synced; of the changes since,
either the first so many are kept, as a journalling file system does, or any set of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.torture.tracing import Call

SECTOR = 512


class Write(NamedTuple):
    """Bytes at an offset; no bytes: the file gets that size."""

    at: int
    data: bytes | None


class Entry(NamedTuple):
    """A change of names, done as a whole: a name given to a file, and one that is taken away."""

    given: str | None
    inode: int
    taken: str | None


class Inode:
    """A file: its durable bytes, and what was done to it since."""

    def __init__(self) -> None:
        """Begin empty."""
        self.durable = b""
        self.pending: list[Write] = []

    def sync(self) -> None:
        """Make everything durable."""
        self.durable = applied(self.durable, self.pending)
        self.pending = []


class Disk:
    """A folder on a disk, replayed call by call from a trace."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty folder."""
        self.folder = str(folder)
        self.inodes: list[Inode] = []
        self.durable: dict[str, int] = {}
        self.pending: list[Entry] = []
        self.now: dict[str, int] = {}
        self._open: dict[int, tuple[int, int]] = {}  # descriptor -> inode, offset

    def replay(self, call: Call) -> bool:
        """Take one call over; say whether it changed anything, or what is durable."""
        if call.result is None or call.result < 0:
            return False
        method = getattr(self, f"_{call.name}", None)
        return bool(method is not None and method(call))

    def state(self, chance: random.Random) -> dict[str, bytes]:
        """Return one folder that a power failure now may leave: path -> bytes."""
        names = dict(self.durable)
        for entry in _survivors(self.pending, chance):
            _rename(names, entry)
        contents: dict[int, bytes] = {}
        for number in sorted(set(names.values())):
            inode = self.inodes[number]
            contents[number] = applied(inode.durable, _torn(inode.pending, chance))
        return {name: contents[number] for name, number in names.items()}

    def everything(self) -> dict[str, bytes]:
        """Return the folder as the programs see it: all that was promised."""
        return {name: applied(self.inodes[one].durable, self.inodes[one].pending) for name, one in self.now.items()}

    # --- calls

    def _openat(self, call: Call) -> bool:
        path = os.fsdecode(call.texts[0])
        made = path not in self.now
        if not path.startswith(self.folder) or (made and "O_CREAT" not in call.arguments):  # elsewhere, or a folder
            return False
        if made:
            self._give(path, self._new())
        inode = self.inodes[self.now[path]]
        if "O_TRUNC" in call.arguments and not made:
            inode.pending.append(Write(0, None))
        self._open[call.result or 0] = (self.now[path], 0)
        return made or "O_TRUNC" in call.arguments

    def _close(self, call: Call) -> bool:
        found = call.handle
        if found is not None:
            self._open.pop(found[0], None)
        return False

    def _lseek(self, call: Call) -> bool:
        found = call.handle
        if found is not None and found[0] in self._open:
            self._open[found[0]] = (self._open[found[0]][0], call.result or 0)
        return False

    def _write(self, call: Call) -> bool:
        return self._put(call, None)

    def _pwrite64(self, call: Call) -> bool:
        return self._put(call, call.last)

    def _put(self, call: Call, at: int | None) -> bool:
        found = call.handle
        if found is None or found[0] not in self._open:
            return False
        number, offset = self._open[found[0]]
        data = call.texts[0][: call.result]
        if len(data) != call.result:
            raise AssertionError(f"the trace holds {len(data)} of {call.result} bytes")
        if at is None:
            self._open[found[0]] = (number, offset + len(data))
        self.inodes[number].pending.append(Write(offset if at is None else at, data))
        return True

    def _ftruncate(self, call: Call) -> bool:
        found = call.handle
        if found is None or found[0] not in self._open:
            return False
        size = call.last
        self.inodes[self._open[found[0]][0]].pending.append(Write(size, None))
        return True

    def _fsync(self, call: Call) -> bool:
        found = call.handle
        if found is None:
            return False
        if found[0] in self._open:
            self.inodes[self._open[found[0]][0]].sync()
        else:
            self._settle_folder(found[1])
        return True

    _fdatasync = _fsync

    def _rename(self, call: Call) -> bool:
        old, new = (os.fsdecode(text) for text in call.texts[:2])
        if old not in self.now:
            return False
        self._give(new, self.now[old], old)
        return True

    _renameat = _renameat2 = _rename

    def _link(self, call: Call) -> bool:
        old, new = (os.fsdecode(text) for text in call.texts[:2])
        if old not in self.now:
            return False
        self._give(new, self.now[old])
        return True

    _linkat = _link

    def _unlink(self, call: Call) -> bool:
        path = self._path(call)
        if path not in self.now:
            return False
        entry = Entry(None, self.now[path], path)
        self.pending.append(entry)
        _rename(self.now, entry)
        return True

    _unlinkat = _unlink

    # --- names

    def _path(self, call: Call) -> str:
        path = os.fsdecode(call.texts[0])
        found = call.handle
        return path if found is None else os.path.join(found[1], path)  # noqa: PTH118 - text

    def _new(self) -> int:
        self.inodes.append(Inode())
        return len(self.inodes) - 1

    def _give(self, name: str, inode: int, taken: str | None = None) -> None:
        entry = Entry(name, inode, taken)
        self.pending.append(entry)
        _rename(self.now, entry)

    def _settle_folder(self, folder: str) -> None:
        later: list[Entry] = []
        for entry in self.pending:
            if any(name is not None and os.path.dirname(name) == folder for name in (entry.given, entry.taken)):  # noqa: PTH120 - text
                _rename(self.durable, entry)
            else:
                later.append(entry)
        self.pending = later


def applied(content: bytes, writes: Iterable[Write]) -> bytes:
    """Return a file's bytes after writes."""
    data = bytearray(content)
    for at, written in writes:
        if written is None:
            del data[at:]
            data.extend(bytes(at - len(data)))
        else:
            data.extend(bytes(max(0, at - len(data))))
            data[at : at + len(written)] = written
    return bytes(data)


def put(state: Mapping[str, bytes], folder: Path) -> None:
    """Make a folder hold just these files."""
    for path in folder.rglob("*"):
        if path.is_file() and str(path) not in state:
            path.unlink()
    for name, data in state.items():
        place = Path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _rename(names: dict[str, int], entry: Entry) -> None:
    if entry.taken is not None and names.get(entry.taken) == entry.inode:
        del names[entry.taken]
    if entry.given is not None:
        names[entry.given] = entry.inode


def _survivors(pending: list[Entry], chance: random.Random) -> list[Entry]:
    """Return the changes of names that a failure leaves."""
    way = chance.random()
    if way < 0.25:
        return list(pending)
    if way < 0.4:
        return []
    if way < 0.7:
        return pending[: chance.randint(0, len(pending))]
    return [entry for entry in pending if chance.random() < 0.5]


def _torn(pending: list[Write], chance: random.Random) -> Iterator[Write]:
    """Yield what is left of writes that were not synced."""
    way = chance.random()
    if way < 0.15 or not pending:
        return
    if way < 0.3:
        yield from pending
        return
    keep = chance.choice((0.1, 0.5, 0.9))
    last = chance.randint(0, len(pending)) if way < 0.5 else len(pending)
    for write in pending[:last]:
        if write.data is None or chance.random() > 0.3:
            if chance.random() < keep:
                yield write
        else:
            yield from _sectors(write.at, write.data, chance)


def _sectors(at: int, data: bytes, chance: random.Random) -> Iterator[Write]:
    """Yield some sectors of a write; they begin where the disk's sectors do."""
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (at + start) % SECTOR)
        if chance.random() < 0.5:
            yield Write(at + start, data[start:end])
        start = end
