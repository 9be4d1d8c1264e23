"""Who holds the write lock of a ledger: asked of the system, never of the file.

To open the file for asking would do harm: closing it again drops the locks that this process holds on it.
"""

from __future__ import annotations

from pathlib import Path
from traceback import clear_frames

from ledger.errors import LedgerBusy

_RESERVED_BYTE, _WAL_WRITE_BYTE = 0x40000001, 120
"""Where SQLite's write lock stands in the file, and with a write-ahead log in `-shm` (sqlite.org/fileformat2.html)."""
_SHOWN = 200


def writer(path: Path) -> tuple[int, str] | None:
    """Return the process that holds the write lock of a file, and its command; None where the system does not tell.

    Only looked up in /proc: to open the file for asking would drop the locks of this process.
    """
    try:
        places = {path.stat().st_ino: _RESERVED_BYTE}
        if (shared := path.with_name(path.name + "-shm")).exists():
            places[shared.stat().st_ino] = _WAL_WRITE_BYTE
        locks = Path("/proc/locks").read_text("ascii").replace("EOF", "0").splitlines()
        process = next((int(row[4]) for row in map(str.split, locks) if _holds(row, places)), 0)
        if process <= 0:  # nobody, or one of another container
            return None
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (OSError, ValueError, IndexError):
        return None
    return process, " ".join(words).strip()


def _holds(row: list[str], places: dict[int, int]) -> bool:
    """Say whether a line of /proc/locks is about a write lock on one of those bytes; the system joins neighbours."""
    at = places.get(int(row[5].split(":")[2]), -1) if row[3:4] == ["WRITE"] else -1
    return at >= 0 and int(row[6]) <= at <= int(row[7])


def busy(path: Path, waited: float) -> LedgerBusy:
    """Return the error of having waited in vain, which names who holds the file where that can be told."""
    holder = writer(path)
    who = "the other command" if holder is None else f"process {holder[0]} ({holder[1][:_SHOWN]})"
    return LedgerBusy(path, round(waited), hint=f"Wait until {who} has finished, or allow more time: --wait SECONDS.")


def let_go(error: BaseException | None) -> None:
    """Clear the frames that an error came through.

    A query that one of them did not read to its end keeps the file locked for writers as long as the error is kept.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
