"""Bad input through the command line: lines that are no samples, files that are odd, processes that die."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import PROGRAM, environment, ok

GOOD = b'{"prompt": "p", "completion": "c", "label": true}'


def _deep(levels: int) -> bytes:
    return b'{"prompt": "p", "completion": "c", "x": ' + b"[" * levels + b"]" * levels + b"}"


LINES: dict[str, tuple[bytes, str]] = {
    "invalid-utf-8": (b'{"prompt": "\xff", "completion": "c"}', "invalid_utf8"),
    "overlong-utf-8": (b'{"prompt": "\xc0\xaf", "completion": "c"}', "invalid_utf8"),
    "raw-nul": (b'{"prompt": "a\x00b", "completion": "c"}', "invalid_json"),
    "not-json": (b"hello", "invalid_json"),
    "cut-short": (GOOD[:20], "invalid_json"),
    "two-values": (GOOD + GOOD, "invalid_json"),
    "deep-nesting": (_deep(101), "too_deep"),
    "deeper-than-the-stack": (_deep(200_000), "too_deep"),
    "duplicate-keys": (b'{"prompt": "p", "prompt": "q", "completion": "c"}', "duplicate_key"),
    "nan": (b'{"prompt": "p", "completion": "c", "score": NaN}', "not_a_number"),
    "infinity": (b'{"prompt": "p", "completion": "c", "score": -Infinity}', "not_a_number"),
    "lone-surrogate": (b'{"prompt": "\\ud800", "completion": "c"}', "lone_surrogate"),
    "array": (b"[1, 2]", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "nothing-known": (b'{"text": "x"}', "unknown_shape"),
    "no-messages": (b'{"messages": []}', "no_messages"),
    "no-role": (b'{"messages": [{"content": "x"}]}', "bad_role"),
    "odd-label": (b'{"prompt": "p", "completion": "c", "label": "perhaps"}', "bad_label"),
    "out-of-range": (b'{"prompt": "p", "completion": "c", "score": 1e999}', "not_a_number"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_bad_line_is_kept_with_its_reason(ledger: Ledger, tmp_path: Path, name: str) -> None:
    """The line is in quarantine with offset, reason and exact bytes; its neighbours are samples; all adds up."""
    body, reason = LINES[name]
    (tmp_path / "in.jsonl").write_bytes(GOOD + b"\n" + body + b"\n" + GOOD + b"\n")

    report = ok("--ledger", ledger.path, "ingest", tmp_path / "in.jsonl", "--campaign", "c", "--json").json

    assert (report["lines"], report["new"], report["known"], report["quarantined"]) == (3, 2, 0, 1)
    (line,) = ok("--ledger", ledger.path, "quarantine", "list", "--json").json["lines"]
    assert (line["reason"], line["line"], line["offset"], line["bytes"]) == (reason, 2, len(GOOD) + 1, len(body))
    assert ledger.quarantined_line(line["event"])[1] == body
    assert "\x1b" not in ok("--ledger", ledger.path, "quarantine", "list").out
    assert ok("--ledger", ledger.path, "verify").code == 0


@pytest.mark.parametrize(
    ("content", "samples"),
    [
        (b"", 0),
        (b"\n\r\n  \n", 0),
        (b"\xef\xbb\xbf" + GOOD + b"\r\n" + GOOD + b"\r\n", 2),
        (GOOD, 1),
        (b'{"prompt": "\\u0000\\u001b", "completion": "c", "id": 18446744073709551616, "x": 1e308}\n', 1),
        (_deep(98) + b"\n", 1),
        ('{"prompt": "p", "completion": "\\ud83d\\ude00 \u202e"}\n'.encode(), 1),
    ],
    ids=[
        "empty",
        "blank-lines",
        "bom-and-crlf",
        "no-last-line-end",
        "nul-escape-and-2^64",
        "just-deep-enough",
        "emoji",
    ],
)
def test_odd_but_valid_files_are_read(ledger: Ledger, tmp_path: Path, content: bytes, samples: int) -> None:
    """What is odd and yet well-formed is a sample like any other, exported as it came."""
    (tmp_path / "in.jsonl").write_bytes(content)

    report = ok("--ledger", ledger.path, "ingest", tmp_path / "in.jsonl", "--campaign", "c", "--json").json

    assert (report["new"], report["quarantined"]) == (samples, 0)
    assert ok("--ledger", ledger.path, "verify").code == 0
    for event in ledger.log():
        if event["kind"] == "ingested":
            assert ok("--ledger", ledger.path, "show", event["event"]).code == 0


@pytest.mark.parametrize(("size", "reason"), [(64 * 10**6, None), (64 * 2**20 + 1, "too_long")])
def test_a_line_of_64_megabytes(ledger: Ledger, tmp_path: Path, size: int, reason: str | None) -> None:
    """A line of 64 MB is a sample; one of more than 64 MiB is kept without being parsed."""
    frame = b'{"prompt": "p", "completion": ""}'
    body = frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]
    (tmp_path / "in.jsonl").write_bytes(body + b"\n" + GOOD + b"\n")

    report = ok("--ledger", ledger.path, "ingest", tmp_path / "in.jsonl", "--campaign", "c", "--json").json

    assert report["reasons"] == ({} if reason is None else {reason: 1})
    assert report["new"] == 2 - report["quarantined"]
    assert ok("--ledger", ledger.path, "verify").code == 0


def _start(path: Path, source: Path) -> subprocess.Popen[bytes]:
    """Start an ingest and return while it is at work: after its first commit."""
    command = [*PROGRAM, "--ledger", str(path), "ingest", str(source), "--campaign", "c"]
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Ledger.open(path) as watching:
        while child.poll() is None and watching.status()["samples"] == 0:
            time.sleep(0.01)
    return child


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a file that takes several commits, with lines that stand twice and some that are no samples."""
    lines = (
        json.dumps({"prompt": f"p{number // 2}", "completion": f"c{number % 20_000}", "label": number % 3 == 0})
        if number % 5000
        else "broken"
        for number in range(40_000)
    )
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(lines))
    return file


def test_a_killed_ingest_is_taken_up_again(tmp_path: Path, source: Path) -> None:
    """Killed in mid-ingest and run again: the same samples as without, and the same export bytes."""
    clean, killed = tmp_path / "clean.db", tmp_path / "killed.db"
    for path in (clean, killed):
        ok("--ledger", path, "init")
    whole = ok("--ledger", clean, "ingest", source, "--campaign", "c", "--json").json

    child = _start(killed, source)
    child.kill()
    out, err = child.communicate(timeout=60)

    assert (child.returncode, out, err) == (-signal.SIGKILL, b"", b"")
    halfway = ok("--ledger", killed, "status", "--json").json
    assert 0 < halfway["samples"] < whole["new"]
    rest = ok("--ledger", killed, "ingest", source, "--campaign", "c", "--json").json
    assert rest["new"] + halfway["samples"] == whole["new"]
    assert ok("--ledger", killed, "verify").code == 0
    answers = [ok("--ledger", path, "status", "--json").json for path in (clean, killed)]
    for key in ("samples", "blobs", "fingerprints", "quarantined", "by_label"):
        assert answers[0][key] == answers[1][key], key
    for path in (clean, killed):
        ok("--ledger", path, "project", "kto-interleaved", "-o", f"{path}.jsonl")
    assert Path(f"{clean}.jsonl").read_bytes() == Path(f"{killed}.jsonl").read_bytes()


def hear_interrupts() -> None:
    """Undo what a shell does to the jobs that it starts in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_is_said_in_one_line(tmp_path: Path, source: Path) -> None:
    """Ctrl-C says that what was committed is kept, and so it is; the exit code is that of an interrupt."""
    path = tmp_path / "ledger.db"
    ok("--ledger", path, "init")

    command = [*PROGRAM, "--ledger", str(path), "ingest", "-", "--source", source.name, "--campaign", "c"]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(
            command,
            env=environment(),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - no threads here
        ) as child,
        Ledger.open(path) as watching,
    ):
        assert child.stdin is not None
        child.stdin.write(source.read_bytes())  # and no end of it, so that the ingest cannot be over
        child.stdin.flush()
        while child.poll() is None and watching.status()["samples"] == 0:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)

    assert (child.returncode, out) == (130, b"")
    assert err.decode().strip() == "error: interrupted; what was committed is kept"
    assert ok("--ledger", path, "status", "--json").json["samples"] > 0
    assert ok("--ledger", path, "verify").code == 0
