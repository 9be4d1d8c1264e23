"""A copy of the file, made while others go on, and looked at before it gets its name."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from ledger import sqlite
from ledger.audit import Audit, Progress
from ledger.backup import OnPages, copy_pages
from ledger.errors import CopyFailed, DestinationExists, NotWritable
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR
from ledger.store import Store, aside, open_store
from ledger.verbs.words import plain_text


def backup(store: Store, out: Path, progress: Progress, *, quick: bool) -> dict[str, Any]:
    """Copy the ledger to `out`, verify the copy (with `quick` only what costs little), then give it its name.

    Raises DestinationExists, NotWritable, DiskFull, and CopyFailed where the copy is not sound or not this ledger.
    """
    out = out.absolute()
    plain_text("The copy's name", out.name)
    if not out.parent.is_dir():
        raise NotWritable(out, f"there is no directory {out.parent}")
    with aside(out, DestinationExists) as made:
        with sqlite.plain_errors(out):
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


def _pages(progress: Progress) -> OnPages:
    return lambda done, total: progress("pages", done, total)
