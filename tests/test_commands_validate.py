"""`ledger validate`."""

from __future__ import annotations

import json
from pathlib import Path

from ledger import Ledger
from tests.cli import ok, run
from tests.small import chat, samples, write
from tests.talks import SCHEMA_FILE


def test_the_answer_adds_up(toolset: Ledger) -> None:
    """As JSON it has documented keys; the second time nothing changes."""
    first = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE, "--json").json
    again = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE, "--json").json

    assert set(first) == {
        "schema",
        "samples",
        "changed",
        "unchanged",
        "with_errors",
        "with_warnings",
        "clean",
        "by_rule",
        "coverage",
    }
    assert first["samples"] == first["with_errors"] + first["with_warnings"] + first["clean"] == 120
    assert first["schema"].startswith("b3:")
    assert again == {**first, "changed": 0, "unchanged": 120}


def test_people_see_a_sum_and_the_rules(toolset: Ledger) -> None:
    """The first line adds up; each rule stands with what breaks it, errors first."""
    out = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE).out

    assert out.startswith("120 samples = 39 with errors + 0 with warnings only + 81 clean")
    assert "120 recorded, 0 as they were" in out
    assert out.index("tools/context_field_empty") < out.index("tools/context_field_type") < out.index("calls/dupl")
    assert "a field of the context is empty" in out


def test_a_dry_run_says_so(toolset: Ledger) -> None:
    """Nothing is recorded."""
    before = toolset.status()["events"]
    out = ok("--ledger", toolset.path, "validate", "--dry-run").out

    assert "nothing was recorded (--dry-run)" in out
    assert "120 samples = " in out
    assert toolset.status()["events"] == before


def test_findings_are_listed(toolset: Ledger) -> None:
    """With --list each finding has its sample, place and sentence, on the terminal and as JSON."""
    out = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE, "--list").out
    answer = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE, "--list", "--json").json

    assert "messages[1].tool_calls[0].arguments.context.sessionMemory" in out
    assert "sessionMemory is empty" in out
    assert "and 6 more; --json lists up to 1,000" in out
    assert len(answer["findings"]) == 46
    assert answer["findings"][0]["sample"] == samples(toolset)[0]


def test_coverage_is_shown(toolset: Ledger, tmp_path: Path) -> None:
    """Tools that are called, never called and unknown; without a schema file there is nothing to compare with."""
    answer = "tool_call: flyAway\narguments: {}"
    toolset.ingest(write(tmp_path / "odd.jsonl", chat("q", answer)), campaign="odd")
    out = ok("--ledger", toolset.path, "validate", "--schemas", SCHEMA_FILE, "--coverage").out
    refused = run("--ledger", toolset.path, "validate", "--coverage")

    assert "28 tools = 22 called + 6 never called" in out
    assert "never called: commandManager_listCommands, " in out
    assert "flyAway" in out
    assert refused.code == 2
    assert "--schemas FILE" in refused.err


def test_text_of_samples_cannot_steer_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Names that a sample makes up are shown with their control characters written out."""
    name = "evil\x1b[31m\u202ename"
    schemas = tmp_path / "tools.json"
    schemas.write_text(json.dumps([{"name": "good", "parameters": {"type": "object"}}]))
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]}
    ledger.ingest(write(tmp_path / "a.jsonl", row), campaign="a")
    for more in ((), ("--json",)):
        out = ok("--ledger", ledger.path, "validate", "--schemas", schemas, "--list", "--coverage", *more).out

        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "evil" in out


def test_what_is_refused(toolset: Ledger, tmp_path: Path) -> None:
    """Each request that is none has its exit code, and nothing is recorded."""
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    before = toolset.status()["events"]
    cases = [
        (("--schemas", tmp_path / "none.json"), 20),
        (("--schemas", bad), 42),
        (("--campaign", "none"), 4),
        (("--min-chars", "9", "--max-chars", "3"), 4),
        (("--min-chars", "-1"), 2),
        (("--max-chars", "many"), 2),
    ]
    for arguments, code in cases:
        answer = run("--ledger", toolset.path, "validate", *arguments)

        assert answer.code == code, arguments
        assert answer.err
    assert toolset.status()["events"] == before
