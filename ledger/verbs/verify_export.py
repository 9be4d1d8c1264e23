"""Verify an export: whether a file keeps, row by row, what a KTO trainer silently relies on."""

from __future__ import annotations

import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from ledger.errors import BadRequest, InputNotFound, InputUnreadable
from ledger.exporters import manifest
from ledger.exporters.lengths import ESTIMATE, Ruler, load_tokenizer
from ledger.exporters.windows import WindowReport, check_file
from ledger.verbs.files import digest_of_file, manifest_path, read_whole
from ledger.verbs.kto_rows import PAIRED, UNPAIRED, KtoFile
from ledger.verbs.words import whole_number

DEFAULT_BATCH = 4
DEFAULT_LENGTH = 1024
"""The `max_length` of TRL's KTOConfig."""
_LONGEST = 2**31 - 1


class _Beside(NamedTuple):
    """The manifest beside a file; None where there is none that can be used, with the reason, if there is one."""

    manifest: manifest.Manifest | None
    why: str | None = None

    def number(self, name: str, most: int = 10**6) -> int | None:
        """Return a recorded parameter; None where it is not there or means nothing."""
        try:
            return whole_number(name, self._params.get(name), 1, most)
        except BadRequest:
            return None

    @property
    def lengths(self) -> dict[str, Any]:
        """Return what measured the prompts of the export."""
        found = self._params.get("lengths")
        return found if isinstance(found, dict) else {}

    @property
    def _params(self) -> dict[str, Any]:
        return {} if self.manifest is None else self.manifest.value["params"]


class _Measure(NamedTuple):
    """What measures prompts against which length, whether that is the trainer's own count, and what to say of it."""

    ruler: Ruler | None = None
    max_length: int | None = None
    exact: bool = False
    notes: tuple[str, ...] = ()


def verify_export(
    path: Path,
    batch_size: int | None = None,
    world_size: int | None = None,
    max_length: int | None = None,
    tokenizer: Path | None = None,
) -> dict[str, Any]:
    """Return what a KTO trainer makes of a file of rows and what is wrong with that; `ok` says whether nothing is.

    What is not given stands in the manifest beside the file, else the batch has 4 rows, there is one process, and
    lengths are not measured (by a tokenizer: against 1024 tokens). Raises InputNotFound, InputUnreadable, BadRequest,
    TokenizerUnreadable.
    """
    for name, given, most in (
        ("The batch size", batch_size, 10**6),
        ("The world size", world_size, 10**6),
        ("The maximal length", max_length, _LONGEST),
    ):
        if given is not None:
            whole_number(name, given, 1, most)
    _check_readable(path)
    beside = _manifest_beside(path)
    measure = _measure(beside, max_length, tokenizer)
    file = KtoFile(path, measure.ruler, measure.max_length)
    report = check_file(
        file.rows(),
        batch_size or beside.number("batch_size") or DEFAULT_BATCH,
        world_size or beside.number("world_size") or 1,
        drops_count=measure.exact,
    )
    changed = beside.manifest is not None and digest_of_file(path) != beside.manifest.output
    if file.broken is not None and not changed:
        raise file.broken
    value = asdict(report)
    if others := _other_faults(path, report.rows, file.broken, changed=changed):
        value["violations"] += [fault["rule"] for fault in others]
        value["first_violation"] = report.first_violation or others[0]
    return {
        **value,
        "ok": value["first_violation"] is None,
        "measured_by": None if measure.ruler is None else measure.ruler.identity,
        "max_length": measure.max_length,
        "layout": file.layout,
        "notes": [*_notes(file, report, beside), *_length_notes(measure, report)],
    }


def _check_readable(path: Path) -> None:
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise InputUnreadable(path, "it is a directory")
    except FileNotFoundError as error:
        raise InputNotFound(path) from error
    except OSError as error:
        raise InputUnreadable(path, error.strerror) from error


def _other_faults(path: Path, rows: int, broken: InputUnreadable | None, *, changed: bool) -> list[dict[str, Any]]:
    """Return what is wrong with a file beside its windows: it has no rows, or its manifest names other bytes."""
    found = []
    if rows == 0 and broken is None:
        found.append(("empty", "the file has no rows"))
    if changed:
        message = f"the bytes are not those that {manifest_path(path).name} names; it was changed since"
        end = "" if broken is None else f" ({broken.args[1]}; nothing behind it was read)"
        found.append(("changed", message + end))
    return [{"window": None, "rows": None, "rule": rule, "message": message} for rule, message in found]


def _measure(beside: _Beside, max_length: int | None, tokenizer: Path | None) -> _Measure:
    """Return what to measure with: the given tokenizer, else the estimate where a length is given or recorded."""
    limit = max_length or beside.number("max_length", _LONGEST)
    recorded = beside.lengths
    if tokenizer is not None:
        ruler, notes = load_tokenizer(tokenizer), []
        if limit is None:
            notes.append(f"No maximal length is given or recorded: {DEFAULT_LENGTH} is taken, the default of TRL.")
        if recorded.get("by") == "tokenizer" and any(recorded.get(key) != ruler.identity.get(key) for key in _SAME):
            notes.append("The file was planned with another tokenizer or chat template, as its manifest says.")
        return _Measure(ruler, limit or DEFAULT_LENGTH, exact=True, notes=tuple(notes))
    if limit is None:
        return _Measure()
    if max_length is None and recorded.get("by") == "tokenizer":
        note = f"Lengths are not checked: its manifest counts up to {limit} tokens by a tokenizer. Give --tokenizer."
        return _Measure(notes=(note,))
    note = "Lengths are estimated, so which rows a trainer drops is a guess. Give --tokenizer for its own count."
    return _Measure(ESTIMATE, limit, exact=False, notes=(note,))


_SAME = ("blake3", "template")


def _notes(file: KtoFile, report: WindowReport, beside: _Beside) -> list[str]:
    """Return what the reader of the answer should know though it breaks no rule."""
    notes = [] if beside.why is None else [f"The manifest beside it is not used: {beside.why}."]
    named = None if beside.manifest is None else beside.manifest.value["output"]["name"]
    if named not in {None, file.path.name}:
        notes.append("The manifest beside it was written for a file of another name.")
    if file.layout == PAIRED:
        notes.append("A KTO trainer unpairs {chosen, rejected}: blocks of up to 1000 true, then as many false.")
    elif file.layout != UNPAIRED:
        notes.append(file.layout)
    if report.batch_size == 1:
        notes.append("TRL's KTO trainer refuses a batch size of 1: each row would pair with itself.")
    if report.batch_needed is not None and report.batch_needed > report.batch_size:
        notes.append(f"No order mixes every batch of these labels with fewer than {report.batch_needed} rows a batch.")
    if report.tail["repeated"]:
        notes.append(f"The last batches are filled with the first {report.tail['repeated']} rows, trained twice.")
    elif report.tail["rows"]:
        notes.append(f"The last batch is short: {report.tail['rows']} of {report.batch_size} rows.")
    return notes


def _length_notes(measure: _Measure, report: WindowReport) -> list[str]:
    notes = list(measure.notes)
    if report.dropped_by_trainer and not measure.exact:
        notes.append(f"About {report.dropped_by_trainer} rows may be dropped; the windows are those without them.")
    if measure.ruler is not None and measure.ruler.unrendered:
        count = measure.ruler.unrendered
        notes.append(f"The chat template refuses {count} prompts, at which a trainer stops; their text was counted.")
    return notes


def _manifest_beside(path: Path) -> _Beside:
    """Return the manifest beside the file, if there is one, and why it is not used, if it is not."""
    try:
        return _Beside(manifest.read_manifest(read_whole(manifest_path(path))))
    except FileNotFoundError:
        return _Beside(None)
    except OSError as error:
        return _Beside(None, error.strerror)
    except manifest.BadManifest as error:
        return _Beside(None, str(error))
