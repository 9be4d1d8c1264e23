"""`ledger quarantine list|show|retry`."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, program, run

BAD = b'{"conversations": [}\x1b[31m'
ODD = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "label": "maybe"}'


@pytest.fixture
def mixed(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with two quarantined lines, one of which a map can mend."""
    (tmp_path / "mixed.jsonl").write_bytes(BAD + b"\n" + ODD + b"\n")
    ledger.ingest([tmp_path / "mixed.jsonl"], campaign="c")
    return ledger


def test_list_says_where_and_why(mixed: Ledger) -> None:
    """Each line stands there with source, line, byte offset and reason; nothing else does."""
    answer = ok("--ledger", mixed.path, "quarantine", "list")

    rows = [row.split() for row in answer.out.splitlines()[1:]]
    assert [(row[2], row[3], row[4], row[7]) for row in rows] == [
        ("mixed.jsonl", "1", "0", "invalid_json"),
        ("mixed.jsonl", "2", str(len(BAD) + 1), "bad_label"),
    ]
    assert ok("--ledger", mixed.path, "quarantine", "list", "--json").json == {"lines": mixed.quarantine()}
    assert "no line" in ok("--ledger", mixed.path, "quarantine", "list", "--campaign", "other").out


def test_show_prints_the_line_but_no_escape_sequence(mixed: Ledger) -> None:
    """People see the line with control characters written out; JSON holds the exact bytes."""
    event = mixed.quarantine()[0]["event"]

    shown = ok("--ledger", mixed.path, "quarantine", "show", event)
    value = ok("--ledger", mixed.path, "quarantine", "show", event[:8], "--json").json

    assert "\x1b" not in shown.out
    assert "\\x1b[31m" in shown.out
    assert base64.b64decode(value["base64"]) == BAD
    assert value["reason"] == "invalid_json"


def test_raw_gives_the_exact_bytes(mixed: Ledger, tmp_path: Path) -> None:
    """Into a pipe, --raw writes the bytes of the line and nothing else."""
    event = mixed.quarantine()[0]["event"]

    answer = program("--ledger", mixed.path, "quarantine", "show", event, "--raw", cwd=tmp_path)

    assert answer.out.encode() == BAD


def test_retry_makes_samples_of_what_can_be_read_now(mixed: Ledger) -> None:
    """With another map a line becomes a sample; the rest stays, and the report adds up."""
    answer = ok("--ledger", mixed.path, "quarantine", "retry", "--campaign", "c", "--map", "label=-")

    assert "2 lines = 1 new + 1 quarantined  ✓" in answer.out
    assert (mixed.status()["samples"], mixed.status()["quarantined"]) == (1, 1)
    assert mixed.verify()["ok"]


def test_an_id_that_is_no_quarantined_line_is_refused(mixed: Ledger) -> None:
    """Showing something else is an error with a next step."""
    answer = run("--ledger", mixed.path, "quarantine", "show", mixed.log()[0]["event"])

    assert answer.code == 23
    assert "next: " in answer.err
