"""`ledger log`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ledger import Ledger
from tests.cli import PROGRAM, environment, ok, run


def test_the_last_events_stand_oldest_first(toolset: Ledger) -> None:
    """--limit takes the last events, and the JSON is the list of Ledger.log."""
    out = ok("--ledger", toolset.path, "log", "--limit", "2").out
    answer = ok("--ledger", toolset.path, "log", "--limit", "2", "--json").json

    assert [line.split()[0] for line in out.splitlines()] == ["at", "@120", "@121"]
    assert answer == {"events": toolset.log(limit=2)}


def test_the_log_of_one_sample(toolset: Ledger) -> None:
    """With an id, only that sample's events."""
    sample = toolset.log(limit=1000)[2]["event"]
    ok("--ledger", toolset.path, "tag", sample, "--set", "k=v")

    events = ok("--ledger", toolset.path, "log", sample[:8], "--json").json["events"]

    assert [event["kind"] for event in events] == ["ingested", "tagged"]


def test_as_of_ends_the_log_earlier(toolset: Ledger) -> None:
    """Nothing after the moment is shown."""
    events = ok("--ledger", toolset.path, "log", "--as-of", "5", "--json").json["events"]

    assert [event["position"] for event in events] == [0, 1, 2, 3, 4, 5]


def test_a_reader_that_goes_away_is_no_error(toolset: Ledger, tmp_path: Path) -> None:
    """As in `ledger log | head`: nothing on stderr, and the exit code that shells know for a closed pipe."""
    for arguments in (["log", "--limit", "1000", "--json"], ["status"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)

        done = subprocess.run(
            [*PROGRAM, "--ledger", str(toolset.path), *arguments],
            cwd=tmp_path,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writer)

        assert (done.stderr, done.returncode) == (b"", 141)


def test_a_limit_is_a_number_above_zero(toolset: Ledger) -> None:
    """Zero, words and numbers that no file can hold are usage errors."""
    for limit in ("0", "-1", "many", "9" * 30):
        assert run("--ledger", toolset.path, "log", "--limit", limit).code == 2
