"""`ledger ingest`."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run

LINE = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assistant", "content": "a"}], "label": true}\n'


def test_the_line_of_the_report_adds_up(ledger: Ledger, data: Path) -> None:
    """Lines are new, known or quarantined, and the report says how many of each."""
    answer = ok("--ledger", ledger.path, "ingest", data / "scored.jsonl", "--campaign", "c")

    assert "40 lines = 39 new + 0 known + 1 quarantined  ✓" in answer.out
    assert "invalid_json" in answer.out


def test_json_is_what_the_ledger_answers(ledger: Ledger, data: Path) -> None:
    """--json prints the dict of Ledger.ingest, and the same file again is known."""
    arguments = ("--ledger", ledger.path, "ingest", data / "poor.jsonl", "--campaign", "c", "--json")

    first, again = ok(*arguments).json, ok(*arguments).json

    assert (first["lines"], first["new"], first["known"], first["quarantined"]) == (60, 60, 0, 0)
    assert (again["lines"], again["new"], again["known"], again["quarantined"]) == (60, 0, 60, 0)
    assert set(first) == {
        "lines", "new", "known", "quarantined", "decisions", "decisions_known", "undecided", "twins_rejected",
        "reasons", "files", "seconds",
    }  # fmt: skip


def test_tags_source_format_and_map_reach_the_sample(ledger: Ledger, tmp_path: Path) -> None:
    """Every option is in the sample that it is about."""
    file = tmp_path / "in.jsonl"
    file.write_text('{"prompt": "p", "completion": "c", "meta": {"topic": "cats"}, "verdict": false}\n')

    ok(
        "--ledger", ledger.path, "ingest", file, "--campaign", "c", "--tag", "model=m=1", "--tag", "k=v",
        "--tag", "perfect", "--source", "elsewhere", "--format", "prompt_completion",
        "--map", "domain=meta.topic,label=verdict",
    )  # fmt: skip

    shown = ledger.show(ledger.log(limit=2)[0]["event"])
    assert shown["tags"] == {"k": "v", "model": "m=1", "perfect": "true"}
    assert (shown["domain"], shown["label"], shown["origin"]["source"]) == ("cats", False, "elsewhere")


def test_standard_input_directories_patterns_and_gzip(ledger: Ledger, tmp_path: Path) -> None:
    """`-` is standard input; a directory stands for its files, a pattern for its matches, .gz for what is in it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one.jsonl").write_text(LINE % 1)
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress((LINE % 2).encode()))

    from_files = ok("--ledger", ledger.path, "ingest", folder, tmp_path / "*.gz", "--campaign", "c", "--json").json
    from_stdin = ok("--ledger", ledger.path, "ingest", "-", "--campaign", "c", "--json", stdin=LINE % 3).json

    assert (from_files["files"], from_files["new"]) == (2, 2)
    assert from_stdin["new"] == 1


@pytest.mark.parametrize("tag", ["=x", " ", "", " = "])
def test_a_tag_needs_a_key(ledger: Ledger, data: Path, tag: str) -> None:
    """A tag without a name is a usage error, and nothing is read."""
    answer = run("--ledger", ledger.path, "ingest", data / "poor.jsonl", "--campaign", "c", "--tag", tag)

    assert answer.code == 2
    assert "KEY=VALUE" in answer.err
    assert ledger.status()["events"] == 0


def test_the_actor_stands_in_the_events(ledger: Ledger, tmp_path: Path) -> None:
    """--actor is who acts, else LEDGER_ACTOR; the command line is what it went through."""
    (tmp_path / "a.jsonl").write_text(LINE % 1)
    (tmp_path / "b.jsonl").write_text(LINE % 1)

    ok("--ledger", ledger.path, "ingest", tmp_path / "a.jsonl", "--campaign", "c", "--actor", "anna")
    ok("--ledger", ledger.path, "ingest", tmp_path / "b.jsonl", "--campaign", "c", env={"LEDGER_ACTOR": "bert"})

    assert [event["actor"] for event in ledger.log()] == ["anna"] * 3 + ["bert"] * 3
    assert {event["via"] for event in ledger.log()} == {"cli"}


REJECTED = """{"instruction": "one", "output": "a", "rejection_reason": "low_quality", "quality_score": 0.2}
{"instruction": "two", "output": "b", "rejection_reason": "duplicate", "rejection_details": {"similarity": 0.9}}
{"instruction": "three", "output": "c"}
"""


def test_decisions_of_a_pipeline_come_along(ledger: Ledger, tmp_path: Path) -> None:
    """--decisions records the reasons of a rejected.jsonl beside its samples, and says how many tell none."""
    (tmp_path / "rejected.jsonl").write_text(REJECTED)
    arguments = ("--ledger", ledger.path, "ingest", tmp_path / "rejected.jsonl", "--campaign", "old", "--decisions")

    out = ok(*arguments).out
    again = ok(*arguments, "--json").json

    assert "3 lines = 3 new + 0 known + 0 quarantined" in out
    assert "3 samples = 2 recorded + 0 known + 1 without a decision" in out
    assert (again["decisions"], again["decisions_known"], again["undecided"]) == (0, 2, 1)
    assert ledger.status()["by_status"]["rejected"] == 2


def test_decisions_stand_where_the_map_says(ledger: Ledger, tmp_path: Path) -> None:
    """--map takes the facts of decisions with --decisions, and refuses them with a word about it without."""
    (tmp_path / "a.jsonl").write_text('{"prompt": "p", "completion": "c", "why": "short", "q": 3}\n')
    arguments = ("--ledger", ledger.path, "ingest", tmp_path / "a.jsonl", "--campaign", "c")

    refused = run(*arguments, "--map", "reason=why")
    ok(*arguments, "--decisions", "--map", "reason=why,score=q")

    assert (refused.code, "--decisions" in refused.err) == (4, True)
    assert ledger.log(limit=2)[0]["says"]["rule"] == "short"
    assert ledger.log(limit=2)[0]["says"]["details"]["observed"] == "3"


def test_a_text_that_was_rejected_before_is_pointed_out(ledger: Ledger, tmp_path: Path) -> None:
    """New samples that teach what is rejected are counted, with the command that lists them."""
    (tmp_path / "a.jsonl").write_text(LINE % 1)
    (tmp_path / "b.jsonl").write_text(LINE % 1 + LINE % 2)
    ok("--ledger", ledger.path, "ingest", tmp_path / "a.jsonl", "--campaign", "c")
    ledger.reject([ledger.log(limit=2)[0]["event"]], reason="no")

    out = ok("--ledger", ledger.path, "ingest", tmp_path / "b.jsonl", "--campaign", "c").out

    assert "1 new sample with the text of a rejected one; see them: ledger conflicts" in out
