"""A copy of the file, made while others go on, and looked at before it gets its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ledger import sqlite
from ledger.audit import Audit, Progress
from ledger.backup import OnPages, copy_pages
from ledger.errors import CopyFailed, DestinationExists, DiskFull, NotWritable, StorageFailed
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR
from ledger.store import NO_ROOM, Store, aside, open_store
from ledger.verbs.words import plain_text

_NO_ROOM = NO_ROOM | {errno.EFBIG}


def backup(store: Store, out: Path, progress: Progress, *, quick: bool) -> dict[str, Any]:
    """Copy the ledger to `out`, verify the copy (with `quick` only what costs little), then give it its name.

    Raises DestinationExists, NotWritable, DiskFull, and CopyFailed where the copy is not sound or not this ledger.
    """
    out = out.absolute()
    plain_text("The copy's name", out.name)
    if not out.parent.is_dir():
        raise NotWritable(out, f"there is no directory {out.parent}")
    with aside(out, DestinationExists) as made:
        with _about(out, made, store), sqlite.plain_errors(out):
            copy_pages(store, made, _pages(progress))
        with closing(open_store(made)) as copy:
            answer = _checked(store, copy, out, progress, quick=quick)
    with closing(open_store(out)) as copy:
        copy.check_witness()
    return {"path": str(out), "bytes": out.stat().st_size, **answer}


def _checked(source: Store, copy: Store, out: Path, progress: Progress, *, quick: bool) -> dict[str, Any]:
    """Raise CopyFailed unless the copy is sound, and one state of this ledger."""
    audit = Audit(copy, progress)
    audit.run(quick=quick)
    fault = next((finding.message for finding in audit.findings if finding.severity == ERROR), None)
    if fault is not None:
        raise CopyFailed(out, fault)
    head = copy.head()
    with sqlite.plain_errors(source.path):
        if copy.ledger_id != source.ledger_id or source.root_at(head.position) != head.root:
            raise CopyFailed(out, f"its head at position {head.position} is none of the ledger")
        if copy.blob_count(head.position) != source.blob_count(head.position):
            raise CopyFailed(out, "it holds other blobs")
    return {"ledger": copy.ledger_id, "head": head_json(head.position, head.root), "checked": audit.checked}


@contextmanager
def _about(out: Path, made: Path, source: Store) -> Iterator[None]:
    """Name what the copy had no room for, and say of the copy, not of a commit, what is left of it: nothing."""
    try:
        yield
    except (DiskFull, StorageFailed) as error:
        left = "Nothing stands there, and the ledger is as it was"
        if isinstance(error, StorageFailed) and _has_room(made, source.path.stat().st_size):
            error.next_step = f"{left}: check both disks, then run the same command again."
            raise
        free = "free some space there (or raise the limit on the size of files)"
        raise DiskFull(f"the copy {out}", hint=f"{left}: {free}, or choose another place.") from error


def _has_room(made: Path, size: int) -> bool:
    """Say whether a file can become so large: SQLite calls a quota or a limit on sizes a disk that fails."""
    try:
        with made.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True


def _pages(progress: Progress) -> OnPages:
    return lambda done, total: progress("pages", done, total)
