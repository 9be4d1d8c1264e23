"""Progress: bars where somebody watches stderr, silence elsewhere; stdout stays the answer."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import PROGRAM, environment, ok


def _watched(*arguments: object) -> tuple[str, str]:
    """Return stdout, from a pipe, and stderr, from a terminal."""
    leader, follower = pty.openpty()
    command = [*PROGRAM, *map(str, arguments)]
    env = environment(TERM="xterm", COLUMNS="120")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=follower) as child:
        os.close(follower)
        out = child.stdout.read().decode() if child.stdout else ""
        assert child.wait() == 0
    seen = b""
    try:
        while block := os.read(leader, 65536):
            seen += block
    except OSError:  # the terminal is closed when nobody holds its other end
        pass
    os.close(leader)
    return out, seen.decode()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "DATA/poor.jsonl", "DATA/enhanced.jsonl", "--campaign", "again"], "reading"),
        (["project", "kto-interleaved", "-o", "TMP/out.jsonl"], "rows"),
        (["verify"], "events"),
        (["rebuild-views"], "events"),
    ],
)
def test_a_bar_is_drawn_where_somebody_watches(
    toolset: Ledger, tmp_path: Path, data: Path, arguments: list[str], says: str
) -> None:
    """What is being done stands on stderr, and stdout is one JSON document all the same."""
    named = [argument.replace("DATA", str(data)).replace("TMP", str(tmp_path)) for argument in arguments]

    out, seen = _watched("--ledger", toolset.path, *named, "--json")

    assert json.loads(out)
    assert says in seen


def test_nobody_watching_means_silence(toolset: Ledger, data: Path) -> None:
    """Into a pipe stderr stays empty."""
    assert ok("--ledger", toolset.path, "verify").err == ""
    assert ok("--ledger", toolset.path, "ingest", data / "scored.jsonl", "--campaign", "c").err == ""
