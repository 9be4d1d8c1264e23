"""Looking after the file: checking it, copying it, taking it out as text and back in."""

from __future__ import annotations

from pathlib import Path

from ledger import locks, sqlite
from ledger.audit import Audit
from ledger.door.opened import FILE_NAME, Answer, Opened, Progress, find_ledger, of, silent
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR
from ledger.verbs import archive, backup, doctor


class Care(Opened):
    """Looking after the file."""

    def verify(self, *, quick: bool = False, progress: Progress | None = None) -> Answer:
        """Derive everything stored again and compare: ok, findings, head, checked."""
        audit = Audit(self._store, progress or silent)
        audit.run(quick=quick)
        return {
            "ok": not any(finding.severity == ERROR for finding in audit.findings),
            "findings": [finding._asdict() for finding in audit.findings],
            "head": head_json(audit.head.position, audit.head.root),
            "checked": audit.checked,
        }

    def backup(self, out: str | Path, *, quick: bool = False, progress: Progress | None = None) -> Answer:
        """Copy the ledger to the new file `out` while others go on, and verify the copy before it has that name.

        `quick` verifies only what costs little. Raises DestinationExists, NotWritable, DiskFull, CopyFailed; then
        nothing stands there.
        """
        return backup.backup(self._store, Path(out), progress or silent, quick=quick)

    def export_events(self, out: str | Path, *, quick: bool = False, progress: Progress | None = None) -> Answer:
        """Write every event and blob to the new file `out` as lines of text, compressed where its name ends in .gz.

        The log is verified first, with `quick` only what costs little. Raises DestinationExists, NotWritable,
        DiskFull, CorruptLedger; then nothing stands there.
        """
        return archive.export_events(self._store, Path(out), progress or silent, quick=quick)

    @staticmethod
    def import_events(
        file: str | Path,
        path: str | Path = FILE_NAME,
        *,
        wait: float = sqlite.WAIT_SECONDS,
        on_wait: sqlite.OnWait | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Make the ledger of an archive at `path`, with the same id and root, or continue its older copy there.

        Raises ArchiveInvalid, Forked, InputNotFound, InputUnreadable, RolledBack, UnknownEvent, LedgerBusy,
        NotWritable, DiskFull; then nothing is changed.
        """
        asked = archive.Asked(Path(path).absolute(), wait, on_wait)
        return archive.import_events(Path(file), asked, of("bytes", progress))

    @staticmethod
    def doctor(path: str | Path | None = None, *, progress: Progress | None = None) -> Answer:
        """Say what could harm the ledger at `path` (default: `find_ledger()`), and what to do; nothing is changed.

        Looks at the SQLite library, the file and its place, the witness, the clock, what stands beside the file, and
        what a quick `verify` finds. Raises LedgerNotFound.
        """
        place = find_ledger() if path is None else Path(path)
        return doctor.examine(place.absolute(), progress or silent)

    @staticmethod
    def writer(path: str | Path) -> Answer | None:
        """Return the process and the command that holds the write lock of a ledger, where the system tells."""
        found = locks.writer(Path(path).absolute())
        return None if found is None else {"process": found[0], "command": found[1]}
