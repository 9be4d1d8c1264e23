"""One process at a time: a lock on a file or a folder, which the system drops with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ledger.errors import BadRequest


def locked(place: Path, said: str, hint: str, *, folder: bool = False) -> int | None:
    """Return the handle of a locked file, made where there is none, or of a folder; None where there are no locks.

    Whoever closes the handle gives the lock back. Raises BadRequest with `said` where another holds it, and
    FileNotFoundError for a folder that is not there, or not any more.
    """
    kind = os.O_DIRECTORY if folder else os.O_CREAT | os.O_NOFOLLOW
    while True:
        try:
            handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC | kind, 0o666)
        except OSError as error:
            if folder and isinstance(error, FileNotFoundError):
                raise
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), place.stat()):
                    return handle
        except BlockingIOError:
            os.close(handle)
            raise BadRequest(said, hint=hint) from None
        except OSError:
            os.close(handle)
            return None
        os.close(handle)
