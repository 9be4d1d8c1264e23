"""What this computer last saw of a ledger, kept outside the file: the only thing that can notice a clean truncation.

One small JSON file per user, ledger id and real path. A copy of a ledger elsewhere registers its own. The file is
advanced after each commit, so it is never ahead of an honest ledger (the scheme of Go's checksum-database client). A
process that dies between a commit and its note leaves the note behind; the next one that opens the ledger writes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import get_ident
from typing import NamedTuple

from ledger.digest import NotRestricted, decode, digest_of, encode

ENVIRONMENT = "LEDGER_WITNESS_DIR"
WAIT_SECONDS = 10.0
"""The lock is held for one small write; whoever holds it longer is stuck."""
MOST_FILES = 10_000
"""Witness files that are looked through for other ledgers of the same place."""
_STEP_SECONDS = 0.002
_LARGE = 64 << 10
"""Bytes that no witness file has."""


class Seen(NamedTuple):
    """A head as it was witnessed: `size` events under `root`."""

    size: int
    root: bytes


def directory() -> Path:
    """Return where witness files live: LEDGER_WITNESS_DIR, else the user's state directory."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - no home, no error
    return Path(state) / "sample-ledger" / "witness"


def path_for(ledger_id: str, ledger: Path) -> Path:
    """Return the witness file of the ledger with this id at this place."""
    key = digest_of({"ledger": ledger_id, "path": _plain(ledger)})
    return directory() / f"{key.hex()[:32]}.json"


def read(file: Path) -> Seen | None:
    """Return what `file` remembers, or None where there is none (or none that can be read)."""
    try:
        value = decode(file.read_bytes())
        if not isinstance(value, dict):
            return None
        seen = Seen(int(str(value["size"])), bytes.fromhex(str(value["root"])))
    except (OSError, NotRestricted, KeyError, ValueError):
        return None
    return seen if seen.size > 0 else None


def is_unreadable(file: Path) -> bool:
    """Say whether something stands there that says nothing: it is not as it was written, or may not be read."""
    return os.path.lexists(file) and read(file) is None


def others_at(ledger_id: str, ledger: Path) -> list[Path]:
    """Return the witness files of other ledgers that this computer has seen at this place; bounded, if there are many.

    A ledger has a witness file under its own id, so one that is put in the place of another contradicts none.
    """
    try:
        with os.scandir(directory()) as entries:
            files = sorted(Path(entry.path) for entry in islice(entries, MOST_FILES) if entry.name.endswith(".json"))
    except OSError:
        return []
    place = _plain(ledger)
    return [file for file in files if (of := _about(file)) is not None and of[0] != ledger_id and of[1] == place]


def _about(file: Path) -> tuple[object, object] | None:
    """Return the ledger id and the path that a witness file is about, or None where it does not say."""
    try:
        value = decode(file.read_bytes()) if file.stat().st_size < _LARGE else None
    except (OSError, NotRestricted):
        return None
    return (value.get("ledger"), value.get("path")) if isinstance(value, dict) else None


def write(file: Path, ledger_id: str, ledger: Path, seen: Seen) -> str | None:
    """Remember `seen` in `file`, durably; return why not, in words, where it could not be written.

    Looking and writing are one step under a lock, so of two processes that committed one after the other the later
    commit stays remembered, in whatever order they come here (where the file system has no locks: nearly always).
    """
    body = {"ledger": ledger_id, "path": _plain(ledger), "root": seen.root.hex(), "size": seen.size}
    draft = file.with_suffix(f".{os.getpid()}.{get_ident()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(file.parent):
            before = read(file)
            if before is not None and before.size >= seen.size:
                return None
            _put(draft, file, encode(body))
    except OSError as error:
        return f"the witness file {file} could not be written ({error.strerror}); a rollback would go unnoticed"
    return None


def renew(file: Path, ledger_id: str, ledger: Path, seen: Seen) -> list[str]:
    """Remember what is seen on opening; return a warning where `file` could not be read.

    Reading needs no witness, so a place that cannot be written is no news here. Of an empty ledger nothing is noted.
    """
    lost = is_unreadable(file)
    problem = write(file, ledger_id, ledger, seen) if seen.size else None
    if not lost:
        return []
    then = "it is made anew" if problem is None else f"nor can it be replaced: {problem}"
    return [f"the witness file {file} could not be read, so a rollback before now would have gone unnoticed; {then}"]


def _put(draft: Path, file: Path, body: bytes) -> None:
    """Write a file whole or not at all; the draft of one that could not be written is taken away."""
    try:
        with draft.open("wb") as stream:
            stream.write(body)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process, and one thread of it, write here at a time; the folder itself is the lock."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle)
        yield
    finally:
        with suppress(OSError):  # not left to the closing, which may fail: the next commit would wait for this one
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _lock(handle: int) -> None:
    """Wait for the lock, but not for ever: a process that was stopped while it held it must not stop all others.

    Raises TimeoutError. On a file system without locks nothing is waited for.
    """
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds its folder") from None
            time.sleep(_STEP_SECONDS)
        except OSError:
            return
        else:
            return


def _plain(ledger: Path) -> str:
    return os.fsencode(os.path.realpath(ledger)).decode("utf-8", "replace")
