"""What could harm a ledger where it stands, and what to do about it: the library, the file, its place, its neighbours.

Nothing is changed, not even a journal mode. Each finding has a name that does not change; what `verify` finds comes
under the names of ledger/faults.py.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ledger import sqlite, witness
from ledger.audit import Audit, Progress
from ledger.backup import format_of, is_packed, journal_of
from ledger.compaction import is_tainted
from ledger.errors import LedgerError, LedgerNotFound, NotWritable
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR, WARNING
from ledger.migrations import latest
from ledger.store import Store, look
from ledger.transaction import Head, system_clock
from ledger.version import VERSION

INFO = "info"
_ORDER = (ERROR, WARNING, INFO)
_VERIFY = "Run `ledger verify`, and restore a good copy where it finds damage."
_WAL_FIX = "Leave write-ahead logging out, or use a Python linked with SQLite 3.51.3 or newer."

ADVICE: dict[str, tuple[str, str]] = {
    "cannot_open": (ERROR, "Do what the message of the error says."),
    "wal_unsafe": (ERROR, f"Close every program that has the ledger open, then run `ledger status`. {_WAL_FIX}"),
    "wal_unavailable": (INFO, f"Nothing is wrong. {_WAL_FIX}"),
    "wal_over_network": (ERROR, "Move the ledger to a local disk: write-ahead logging needs memory that is shared."),
    "network_file_system": (WARNING, "Move the ledger to a local disk, or let one computer alone write it."),
    "two_drivers": (WARNING, "Open the ledger through one SQLite library only in each process."),
    "hard_links": (ERROR, "Keep one name: SQLite finds the journal by the name, and the other names do not have it."),
    "not_writable": (WARNING, "Change the permissions of the file and its directory, if it is to be written here."),
    "writable_by_others": (WARNING, "Run `chmod o-w` on the file and its directory."),
    "disk_nearly_full": (ERROR, "Free some space: a commit that finds no room is refused."),
    "disk_low": (WARNING, "Free some space: a backup, a compaction and an upgrade need as much as the ledger again."),
    "journal_left": (WARNING, "Run `ledger status` once: it takes back what was begun. Then look again."),
    "journal_present": (INFO, "Nothing is wrong: a command is writing, or was ended before it changed the file."),
    "stray_wal": (ERROR, "Move the -wal and -shm files away: they are not of this file."),
    "older_format": (INFO, "Nothing is wrong: the next command brings it up to date."),
    "leftover": (WARNING, "Delete it, if no command is running: one that was killed left it."),
    "clock_behind": (WARNING, "Set the clock: until it has passed the last head, all events get that head's time."),
    "witness_missing": (WARNING, "Open the ledger once (`ledger status`); from then on a rollback is noticed."),
    "witness_unreadable": (
        WARNING,
        "Compare the head with one that you trust (a manifest, a backup). `ledger status` makes the witness file anew.",
    ),
    "other_ledger_seen": (
        WARNING,
        "If it was not replaced on purpose, restore the other one; if it was, delete the witness file of that one.",
    ),
    "witness_behind": (INFO, "Nothing is wrong: others appended, and the next command takes note."),
    "witness_unwritable": (WARNING, f"Make the directory writable, or name another in {witness.ENVIRONMENT}."),
    "codec_missing": (ERROR, 'Run `pip install "sample-ledger[zstd]"`.'),
    "erased_bytes_quoted": (WARNING, "Run `ledger compact --codec zstd`: it makes another dictionary."),
    "extra_missing": (INFO, 'Install what you need: pip install "sample-ledger[NAME]".'),
}
"""Findings of the doctor's own: severity and what to do."""

_REMEDIES = {
    "views_stale": "Run `ledger rebuild-views`; any command that writes does so, too.",
    "view_drift": "Run `ledger rebuild-views`.",
    "event_unknown": "Upgrade with `pip install --upgrade sample-ledger`.",
    "rolled_back": "Do that, or import an archive that reaches so far (`ledger import-events FILE`).",
    "rewritten": "Do that; only `verify` and `doctor` open it until then.",
}
_EXTRAS = {
    "hub": "huggingface_hub",
    "parquet": "pyarrow",
    "scale": "rensa",
    "sign": "cryptography",
    "tokenizer": "tokenizers",
    "train": "trl",
    "zstd": "zstandard",
}
_FAR = (
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
)
_FEW = 10
_FEW_BYTES = 64 << 20
_SECOND = 1_000_000
_MODES, _WAL_MODES = slice(18, 20), b"\x02\x02"
"""Where the file says how it is written (sqlite.org/fileformat2.html, 1.3)."""
_OLD_SECONDS = 600
"""What was touched since then may belong to a command that is running."""


class Advice(NamedTuple):
    """One finding: its name, how bad it is, a sentence, and what to do."""

    id: str
    severity: str
    message: str
    advice: str


def examine(path: Path, progress: Progress) -> dict[str, Any]:
    """Return ok, findings and facts about the ledger at `path`; raise LedgerNotFound."""
    if not path.exists():
        raise LedgerNotFound(path)
    facts = _facts(path)
    findings = [*of_the_library(facts), *_place(path, facts)]
    if path.is_file():
        findings += _beside(path)
    if not any(finding.id == "stray_wal" for finding in findings):  # else opening the file would read it, too
        findings += _opened(path, facts, progress)
    findings.sort(key=lambda finding: _ORDER.index(finding.severity))
    ok = not any(finding.severity == ERROR for finding in findings)
    return {"ok": ok, "findings": [finding._asdict() for finding in findings], "facts": facts}


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return the type of the file system that a path is on, or None where the system does not tell."""
    try:
        rows = [line.split(" ") for line in mounts.read_text("utf-8", "replace").splitlines()]
        points = [(_unescaped(row[4]), row[row.index("-") + 1]) for row in rows]
    except (OSError, ValueError, IndexError):
        return None
    place = path.resolve()
    return max(
        ((len(point), kind) for point, kind in points if place.is_relative_to(point)),
        default=(0, None),
        key=lambda p: p[0],
    )[1]


def _find(name: str, message: str) -> Advice:
    severity, advice = ADVICE[name]
    return Advice(name, severity, message, advice)


def _facts(path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "free_bytes": shutil.disk_usage(path.parent).free,
        "file_system": file_system(path),
        "journal": None,
        "format": None,
        "ledger": None,
        "head": None,
        "witness": None,
        "version": VERSION,
        "python": platform.python_version(),
        "sqlite": sqlite.sqlite_version(),
        "driver": sqlite.Connection.__module__.partition(".")[0],
        "wal_safe": sqlite.wal_is_safe(),
        "extras": {name: find_spec(module) is not None for name, module in _EXTRAS.items()},
    }


def of_the_library(facts: Mapping[str, Any]) -> Iterator[Advice]:
    """Yield what is to be said of SQLite and of what else is installed."""
    if not facts["wal_safe"]:
        yield _find("wal_unavailable", f"SQLite {facts['sqlite']} can damage a file in write-ahead logging")
    if facts["driver"] != "sqlite3" and "_sqlite3" in sys.modules:
        yield _find("two_drivers", f"this process has loaded {facts['driver']} and Python's own sqlite3")
    missing = [name for name, there in facts["extras"].items() if not there]
    if missing:
        yield _find("extra_missing", f"these extras are not installed: {', '.join(missing)}")


def _place(path: Path, facts: dict[str, Any]) -> Iterator[Advice]:
    names = path.stat().st_nlink if path.is_file() else 1
    if facts["file_system"] in _FAR:
        yield _find("network_file_system", f"it is on {facts['file_system']}, where locks of other computers can fail")
    if names > 1:
        yield _find("hard_links", f"the file has {names} names")
    if not sqlite.is_writable(path):
        yield _find("not_writable", "this user cannot write the file or its directory, so it can only be read")
    for place in (path, path.parent):
        mode = place.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield _find("writable_by_others", f"every user of this computer can write {place}")
    if facts["free_bytes"] < _FEW_BYTES:
        yield _find("disk_nearly_full", f"{facts['free_bytes']:,} bytes are free")
    elif facts["free_bytes"] < facts["bytes"]:
        yield _find("disk_low", f"{facts['free_bytes']:,} bytes are free, and the ledger has {facts['bytes']:,}")


def _beside(path: Path) -> Iterator[Advice]:
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and log.stat().st_size and _first_bytes(path)[_MODES] != _WAL_MODES:
        yield _find("stray_wal", f"{log.name} stands beside it, but it has a rollback journal")
    for pattern in (".ledger-*.tmp", f".{escape(path.name)}.*"):
        for left in sorted(path.parent.glob(pattern)):
            if time.time() - left.stat().st_mtime > _OLD_SECONDS:
                yield _find("leftover", f"{left} was left behind")


def _opened(path: Path, facts: dict[str, Any], progress: Progress) -> list[Advice]:
    """Look inside, which a journal with half of a commit stops: who may only look cannot take that commit back."""
    journal = path.with_name(f"{path.name}-journal")
    size = journal.stat().st_size if journal.is_file() else 0
    there = [_find("journal_present", f"{journal.name} holds {size:,} bytes")] if size else []
    try:
        with closing(look(path)) as store, sqlite.plain_errors(path):
            return [*there, *_inside(store, facts, progress)]
    except LedgerError as error:
        if size and isinstance(error, NotWritable):
            return [_find("journal_left", f"a command was interrupted: {journal.name} holds {size:,} bytes")]
        return [*there, Advice("cannot_open", ERROR, str(error), error.next_step)]


def _inside(store: Store, facts: dict[str, Any], progress: Progress) -> Iterator[Advice]:
    head, number = store.head(), format_of(store)
    facts |= {"journal": journal_of(store), "format": number, "ledger": store.ledger_id}
    facts |= {"head": head_json(head.position, head.root), "witness": str(store.witness_file)}
    if facts["journal"] == "wal" and not facts["wal_safe"]:
        yield _find("wal_unsafe", f"it is in write-ahead logging, and SQLite {facts['sqlite']} can damage it so")
    if facts["journal"] == "wal" and facts["file_system"] in _FAR:
        yield _find("wal_over_network", f"it is in write-ahead logging on {facts['file_system']}")
    yield from _seen(store, head)
    late = (head.at - system_clock()) // _SECOND
    if late > 0:
        yield _find("clock_behind", f"the clock is {late:,} s behind the last head")
    if number < latest():
        yield _find("older_format", f"it has format {number}; this program writes {latest()}")
        return
    if is_packed(store) and not facts["extras"]["zstd"]:
        yield _find("codec_missing", "it holds packed bytes, and zstandard, which reads them, is not installed")
    if is_tainted(store):
        yield _find("erased_bytes_quoted", "a dictionary was made from bytes that were erased since")
    audit = Audit(store, progress)
    audit.run(quick=True)
    for finding in audit.findings:
        yield Advice(finding.id, finding.severity, finding.message, _REMEDIES.get(finding.id, _VERIFY))


def _seen(store: Store, head: Head) -> Iterator[Advice]:
    """Look at the witness; that it is ahead of the file, or otherwise, is what `verify` finds."""
    seen, size = witness.read(store.witness_file), head.position + 1
    if witness.is_unreadable(store.witness_file):
        yield _find("witness_unreadable", f"{store.witness_file} cannot be read: what it held of the ledger is lost")
    elif seen is None and size:
        yield _find("witness_missing", "this computer has not noted how far the ledger is")
    elif seen is not None and seen.size < size:
        yield _find("witness_behind", f"this computer has noted {seen.size:,} of {size:,} events")
    for other in witness.others_at(store.ledger_id, store.path)[:_FEW]:
        yield _find("other_ledger_seen", f"this computer has seen another ledger here, as {other} says")
    folder = next(each for each in store.witness_file.parents if each.exists())
    if not os.access(folder, os.W_OK):
        yield _find("witness_unwritable", f"{folder} cannot be written, so a rollback would go unnoticed")


def _first_bytes(path: Path) -> bytes:
    """Return the header of the file; read by another process, as closing it here would drop the locks of this one."""
    code = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(100))"
    argv = [sys.executable, "-I", "-S", "-c", code, str(path)]
    return subprocess.run(argv, capture_output=True, check=False).stdout  # noqa: S603 - fixed, and a path


def _unescaped(text: str) -> str:
    """Return a path of /proc/self/mountinfo as it is; four characters are written in octal there."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
