"""Verify an export: whether a file keeps, row by row, what a KTO trainer silently relies on."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ledger.errors import BadRequest, InputNotFound, InputUnreadable
from ledger.exporters import manifest
from ledger.exporters.windows import check_windows
from ledger.readers import FactMap, Unreadable, read_line
from ledger.readers.lines import Input, read_lines
from ledger.verbs.files import digest_of_file, manifest_path
from ledger.verbs.words import whole_number

DEFAULT_BATCH = 4


def verify_export(path: Path, batch_size: int | None) -> dict[str, Any]:
    """Return what is wrong with the windows of a file of rows; `ok` says whether nothing is.

    The batch size is the given one, else that of the manifest beside the file, else 4.
    """
    if batch_size is not None:
        whole_number("The batch size", batch_size, 1)
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise InputUnreadable(path, "it is a directory")
    except FileNotFoundError as error:
        raise InputNotFound(path) from error
    except OSError as error:
        raise InputUnreadable(path, error.strerror) from error
    report = check_windows(_rows(path), batch_size or _recorded_batch(path) or DEFAULT_BATCH)
    value = asdict(report)
    if report.first_violation is None:
        value["first_violation"] = _other_fault(path, report.rows)
    return {**value, "ok": value["first_violation"] is None}


def _other_fault(path: Path, rows: int) -> dict[str, Any] | None:
    """Return what is wrong with a file whose windows are sound: it has no rows, or its manifest names other bytes."""
    if rows == 0:
        return {"window": None, "rows": None, "rule": "empty", "message": "the file has no rows"}
    beside = _manifest_beside(path)
    if beside is None or digest_of_file(path) == beside.output:
        return None
    message = f"the bytes are not those that {manifest_path(path).name} names; it was changed since"
    return {"window": None, "rows": None, "rule": "changed", "message": message}


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
    """Return the batch size of the manifest beside the file; None without one, or if it cannot be read."""
    beside = _manifest_beside(path)
    try:
        return None if beside is None else whole_number("The batch size", beside.value["params"].get("batch_size"), 1)
    except BadRequest:
        return None


def _manifest_beside(path: Path) -> manifest.Manifest | None:
    """Return the manifest beside the file, or None where there is none that can be read."""
    try:
        return manifest.read_manifest(manifest_path(path).read_bytes())
    except (OSError, manifest.BadManifest):
        return None
