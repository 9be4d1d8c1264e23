"""`ledger conflicts`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.judged import ingested, score
from tests.logs import improve, line
from tests.small import chat, write


def test_json_is_what_the_ledger_answers(toolset: Ledger) -> None:
    """--json prints the dict of Ledger.conflicts, with every key that the contract names; options are passed on."""
    answer = ok("--ledger", toolset.path, "conflicts", "--json").json
    assert answer == toolset.conflicts()
    assert {"fingerprints", "samples", "groups"} <= set(answer)
    assert (answer["fingerprints"], answer["samples"], len(answer["groups"])) == (13, 32, 13)
    given = ("--campaign", "toolset", "--kind", "labels", "--limit", 2, "--offset", 3)
    asked = toolset.conflicts("toolset", kind="labels", limit=2, offset=3)
    assert ok("--ledger", toolset.path, "conflicts", *given, "--json").json == asked


def test_thirteen_real_texts(toolset: Ledger) -> None:
    """How many of which kind, what an export leaves out, and each text with its twins: where from, which label."""
    out = ok("--ledger", toolset.path, "conflicts").out
    assert out.startswith("13 texts with a conflict, in 32 samples")
    assert "13 texts would be left out of exports for training: relabel or reject one side" in out
    assert out.count("both labels, ") == 13
    for place in ("poor.jsonl line 8, toolset", "enhanced.jsonl line 8, toolset", "poor.jsonl line 60, toolset"):
        assert place in out
    ids = toolset.short([twin["sample"] for group in toolset.conflicts()["groups"] for twin in group["twins"]])
    assert all(text in out for text in ids.values())


def test_pages(toolset: Ledger) -> None:
    """--limit and --offset show a part, and the last line says how to go on until there is nothing more."""
    first = ok("--ledger", toolset.path, "conflicts", "--limit", 5).out
    assert first.rstrip().endswith("8 conflicts more: --offset 5")
    last = ok("--ledger", toolset.path, "conflicts", "--limit", 5, "--offset", 10).out
    assert "more: --offset" not in last
    none = ok("--ledger", toolset.path, "conflicts", "--limit", 0).out
    assert "13 conflicts more: --offset 0" in none


def test_who_said_so(ledger: Ledger, tmp_path: Path) -> None:
    """People by name, the envelope as such, a derived text as derived; scores where there are."""
    (tmp_path / "a.jsonl").write_bytes(line("p", "good", label=True) + b"\n" + line("p", "bad", label=False) + b"\n")
    good, bad = ingested(ledger, tmp_path / "a.jsonl")
    (child,) = improve(ledger, good, [line("p", "bad")], label=True)
    ledger.reject([bad], reason="no")
    ledger.relabel([bad], "none", reason="unclear")
    score(ledger, {bad: {"overall": 1.5}})
    out = ok("--ledger", ledger.path, "conflicts").out
    assert "a derived text that was rejected elsewhere" in out
    rows = {text.split()[0]: text for text in out.splitlines() if text.strip()}
    ids = ledger.short([bad, child])
    assert "rejected  by tester" in rows[ids[bad]]
    assert "none   by tester" in rows[ids[bad]]
    assert "1.5" in rows[ids[bad]]
    assert "envelope" in rows[ids[child]]
    assert "derived, c" in rows[ids[child]]
    assert ok("--ledger", ledger.path, "conflicts", "--kind", "labels").out == "no conflicts: no text is contradicted\n"


def test_an_earlier_moment(ledger: Ledger, tmp_path: Path) -> None:
    """--as-of looks back to before the contradiction."""
    _, two = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("q", "a")))
    before = ledger.status()["head"]["position"]
    ledger.relabel([two], "false")
    assert "1 text with a conflict" in ok("--ledger", ledger.path, "conflicts").out
    assert "no conflicts" in ok("--ledger", ledger.path, "conflicts", "--as-of", before).out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--campaign", "other"), "There is no campaign 'other'; there are toolset"),
        (("--kind", "both"), "'labels', 'decisions', 'derived'"),
        (("--limit", "-1"), "a whole number from 0 on"),
        (("--offset", "x"), "'x' is not a whole number"),
    ],
)
def test_what_cannot_be_asked(toolset: Ledger, given: tuple[str, str], told: str) -> None:
    """Refused in a sentence that says what there is; nothing on stdout."""
    answer = run("--ledger", toolset.path, "conflicts", *given)
    assert (answer.code != 0, answer.out) == (True, "")
    assert told in answer.err


def test_names_cannot_steer_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """The name of a file is data: what could move the cursor or turn the reading order is written out."""
    place = tmp_path / "a\x1b[31m\u202e.jsonl"
    ingested(ledger, write(place, chat("q", "a", label=True), chat("q", "a", label=False)))
    out = ok("--ledger", ledger.path, "conflicts").out
    assert not {"\x1b", "\u202e"} & set(out)
    assert "a\\x1b[31m\\u202e.jsonl line 1" in out
