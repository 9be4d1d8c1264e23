"""A real browser without a window, and the program that serves the page to it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli import PROGRAM, environment

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WHERE = "LEDGER_CHROMIUM"
"""Names a Chromium that stands elsewhere."""
MISSING = "no Chromium was found: apt-get install chromium-headless-shell, or name one in LEDGER_CHROMIUM"


def chromium() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    named = os.environ.get(WHERE)
    return named or next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


@contextmanager
def served(path: Path) -> Iterator[str]:
    """Yield the address of `ledger serve` over a ledger; it is stopped as a terminal would."""
    command = [*PROGRAM, "--ledger", str(path), "serve", "--port", "0", "--actor", "anna"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://\S+", line)
            assert found is not None, line + process.stderr.read()
            yield found[0].rstrip("/")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
