"""Progress: bars where somebody watches stderr, silence elsewhere; stdout stays the answer."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from commands._progress import waiting
from ledger import Ledger
from tests.cli import PROGRAM, environment, ok, run
from tests.logs import foreign
from tests.small import samples


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


def test_who_is_waited_for_is_said(toolset: Ledger) -> None:
    """Another process holds the lock: stderr names it, and so does the error after the time that was allowed."""
    sample = samples(toolset)[0]
    with foreign(toolset.path) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = run("--ledger", toolset.path, "accept", sample, "--wait", "0.6")

    first, _, step = answer.err.splitlines()
    assert first.startswith("waiting: ")
    assert first.endswith("is writing the ledger …")
    assert "--wait SECONDS" in step
    if Path("/proc/locks").exists():
        assert f"process {os.getpid()} (" in first
        assert f"process {os.getpid()} (" in step


def test_waiting_is_said_ever_more_rarely(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At once, after five seconds, then each time that twice as long has passed."""
    hear = waiting(tmp_path / "none.db")
    for quarter in range(200):
        hear(quarter / 4)

    lines = capsys.readouterr().err.splitlines()

    assert [line.split(":")[0] for line in lines] == [
        "waiting",
        *(f"waiting, for {seconds} s so far" for seconds in (5, 10, 20, 40)),
    ]
    assert all("another process is writing" in line for line in lines)
