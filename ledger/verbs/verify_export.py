"""Verify an export: whether a file keeps, row by row, what a KTO trainer silently relies on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ledger.errors import InputNotFound, InputUnreadable
from ledger.exporters import manifest
from ledger.exporters.windows import check_windows
from ledger.readers import FactMap, Unreadable, read_line
from ledger.readers.lines import Input, read_lines
from ledger.verbs.project import manifest_path

DEFAULT_BATCH = 4


def verify_export(path: Path, batch_size: int | None) -> dict[str, Any]:
    """Return what is wrong with the windows of a file of rows; `ok` says whether nothing is.

    The batch size is the given one, else that of the manifest beside the file, else 4.
    """
    if not path.exists():
        raise InputNotFound(path)
    if path.is_dir():
        raise InputUnreadable(path, "it is a directory")
    report = check_windows(_rows(path), batch_size or _recorded_batch(path) or DEFAULT_BATCH)
    value = asdict(report)
    return {**value, "ok": report.first_violation is None}


def _rows(path: Path) -> Iterator[tuple[bool, bytes, bytes]]:
    places = FactMap()
    for line in read_lines(Input(path.name, path, None)):
        read = read_line(line.body, places)
        if isinstance(read, Unreadable):
            raise InputUnreadable(path, f"line {line.number} is not a row: {read.message}")
        if read.facts.label is None:
            raise InputUnreadable(path, f"line {line.number} has no label, so a KTO trainer does not take it")
        yield read.facts.label, read.prompt or b"", read.fingerprint


def _recorded_batch(path: Path) -> int | None:
    beside = manifest_path(path)
    if not beside.exists():
        return None
    try:
        recorded = manifest.read_manifest(beside.read_bytes()).value["params"].get("batch_size")
    except manifest.BadManifest:
        return None
    return recorded if isinstance(recorded, int) else None
