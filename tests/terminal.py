"""A real terminal for tests: the program runs with one as its standard streams, and keys are typed into it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.cli import PROGRAM, environment

_PATIENCE = 60.0
_OWN = frozenset({"COLUMNS", "LEDGER_PAGER", "LESS", "LINES", "PAGER"})
"""Variables that say what a terminal is like: here it is the one that the test made."""


class Shown(NamedTuple):
    """What a run on a terminal left behind: its exit code and everything that was written to the screen."""

    code: int
    screen: str


def on_terminal(
    *arguments: object,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    keys: tuple[tuple[str, str], ...] = (),
    size: tuple[int, int] = (24, 80),
    bash: str | None = None,
) -> Shown:
    """Run the program on a terminal of so many lines and columns; `keys` are (what must be shown first, what is typed).

    Where nothing has to be shown, a key is typed whenever the screen is at rest, until the program ends. `bash` is a
    line of it that starts "$0" "$@". Of what chooses a pager or a size only `env` counts.
    """
    command = [*PROGRAM, *map(str, arguments)]
    plain = {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
    given = {key: value for key, value in environment().items() if key not in _OWN}
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        run = subprocess.Popen(
            command if bash is None else ["bash", "-c", bash, *command],
            cwd=cwd,
            env={**given, **plain, **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - tests start no threads
        )
        os.close(theirs)
        screen = _watch(ours, run, list(keys))
        return Shown(run.wait(_PATIENCE), screen)
    finally:
        os.close(ours)


def _take_terminal() -> None:
    """Make standard input the terminal of the new session, so that /dev/tty is it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _watch(terminal: int, run: subprocess.Popen[bytes], keys: list[tuple[str, str]]) -> str:
    """Read what is shown until nobody holds the terminal any more, and type keys when their time has come."""
    shown, seen, ends = b"", 0, time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        if keys and keys[0][0] and keys[0][0].encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, keys.pop(0)[1].encode())
        if not select.select([terminal], [], [], 0.3)[0]:
            if keys and not keys[0][0]:
                os.write(terminal, keys[0][1].encode())
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side was closed
            piece = b""
        if not piece:
            return shown.decode("utf-8", "backslashreplace")
        shown += piece
    run.kill()
    raise AssertionError(f"the terminal is still in use; it shows {shown[-500:]!r}")
