"""Long answers go through a pager, by git's rules: only on a terminal, and only where the user has one.

The answer is made whole first. What fits on the screen is printed as it is; the rest goes to the program that
LEDGER_PAGER names, else PAGER, else `less`. An empty name, `cat` and --no-pager turn it off. What the pager does is no
business of the verb: quit early or gone wrong, the exit code is that of the answer.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

VARIABLES = ("LEDGER_PAGER", "PAGER")
USUAL = ("less", "more")
LESS = "FRX"
"""What git gives `less` too: leave where all fits on the screen, pass colours on, leave the screen as it is."""
_NOT_RUN = (126, 127)
"""What a shell answers where it cannot run a program."""
_STYLE = re.compile("\x1b\\[[0-9;]*m")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@contextmanager
def paged() -> Iterator[None]:
    """Send what is printed inside through a pager, where the output is a terminal and there is one."""
    command = _command() if _is_terminal() else None
    if command is None:
        yield
        return
    screen = sys.stdout
    page = _Page(io.BytesIO(), encoding=screen.encoding, errors="backslashreplace", newline="", write_through=True)
    sys.stdout = page
    try:
        yield
    finally:
        sys.stdout = screen
    _show(page.text(), command)


class _Page(io.TextIOWrapper):
    """Holds an answer that is meant for a terminal."""

    def isatty(self) -> bool:
        """Return True: what is written here is shown on one, in its colours and its width."""
        return True

    def text(self) -> str:
        """Return what was written, as it may go to a terminal."""
        self.flush()
        whole = self.buffer.getvalue() if isinstance(self.buffer, io.BytesIO) else b""
        return sanitized(whole.decode(self.encoding, "backslashreplace"))


def sanitized(text: str) -> str:
    """Return a text without any control character but line ends, tabs, and those that begin a style.

    What verbs print is clean already (`_render`); this is a second wall, whoever comes to print here.
    """
    pieces, end = [], 0
    for style in _STYLE.finditer(text):
        pieces += [_CONTROL.sub("", text[end : style.start()]), style[0]]
        end = style.end()
    return "".join([*pieces, _CONTROL.sub("", text[end:])])


def _command() -> str | None:
    """Return the shell command of the user's pager, None where there is none or none is wanted."""
    named = next((os.environ[name] for name in VARIABLES if name in os.environ), None)
    if named is not None:
        return None if named.strip() in {"", "cat"} else named
    if os.environ.get("TERM", "dumb") == "dumb":
        return None
    return next((name for name in USUAL if shutil.which(name)), None)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _show(text: str, command: str) -> None:
    """Print what fits on the screen, and page what does not."""
    if fits(text, *shutil.get_terminal_size()) or not _page(text, command):
        sys.stdout.write(text)
        sys.stdout.flush()


def fits(text: str, columns: int, lines: int) -> bool:
    """Say whether a text and the prompt after it fit on a screen."""
    from rich.cells import cell_len

    if text.count("\n") >= lines or len(text) > 20 * columns * lines:  # most of a text can be styles, but not all
        return False
    plain = _STYLE.sub("", text).removesuffix("\n").split("\n")
    return sum(max(1, -(-cell_len(row.expandtabs()) // columns)) for row in plain) < lines


def _page(text: str, command: str) -> bool:
    """Let the pager show a text until it ends, and say whether it could be run."""
    more = {"LESS": LESS, "LV": "-c"}
    environment = {**more, **os.environ}
    data = text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
    try:
        pager = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, env=environment)  # noqa: S603 - the user's own PAGER, as POSIX has it; no text of a sample is in it
    except OSError:
        return False
    with _deaf():
        try:
            pager.communicate(data)  # a pager that was quit early no longer reads, which is no error
        except BaseException:
            pager.terminate()
            pager.wait()
            raise
    return pager.returncode not in _NOT_RUN


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave Ctrl-C to the pager, which shares the terminal with us."""
    before = None
    with suppress(ValueError):  # raised in a thread that hears no signals
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
