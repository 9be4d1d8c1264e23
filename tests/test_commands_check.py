"""`ledger check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.checking import assign, gate
from tests.cli import ok, run
from tests.small import samples

KEYS = ["view", "rows", "considered", "used", "omitted", "gates_digest", "passed", "gates", "composition", "change"]


def test_json_is_what_the_ledger_answers(toolset: Ledger, tmp_path: Path) -> None:
    """--json prints the dict of Ledger.check, with every key that the contract names; options are passed on."""
    answer = ok("--ledger", toolset.path, "check", "kto-interleaved", "--json").json
    assert answer == toolset.check("kto-interleaved")
    assert list(answer) == KEYS
    (tmp_path / "g.toml").write_text(gate("count", max=80))
    given = ("--gates", tmp_path / "g.toml", "--batch-size", 8, "--seed", "s", "--ratio", "1:1", "--as-of", 100)
    asked = toolset.check(
        "kto-interleaved", gates=tmp_path / "g.toml", batch_size=8, seed="s", ratio="1:1", as_of="100"
    )
    assert ok("--ledger", toolset.path, "check", "kto-interleaved", *given, "--json").json == asked


def test_real_rows_for_people(toolset: Ledger, tmp_path: Path) -> None:
    """The verdict, every gate with its limit, examples of what is not kept, what the rows are, what changed."""
    toolset.tag(samples(toolset)[:30], "kind", "seen")
    toolset.split("90/5/5")
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    out = ok("--ledger", toolset.path, "check", "kto-interleaved").out
    assert out.startswith("kto-interleaved: passed  ✓")
    lines = {line.split()[2]: line.split() for line in out.splitlines() if line[2:3] in {"✓", "✗", "-"}}
    assert lines["conflicts"][:7] == ["✓", "error", "conflicts", "0", "at", "most", "0"]
    assert lines["not_validated"][0] == "✗"
    assert lines["no_call"][:4] == ["-", "info", "no_call", "-"]
    assert "not judged: no sample here was validated; run `ledger validate`" in out
    for title in ("gates", "for example", "rows", "tags", "tags in the splits", "since the previous release"):
        assert f"\n{title}" in out
    assert "out.jsonl (" in out
    assert "0 added, 0 removed, 0 relabelled, 0 edited, 0 in another split" in out


def test_a_failed_error_is_exit_code_1(toolset: Ledger, tmp_path: Path) -> None:
    """So that a script stops; a failed warning is told and passes."""
    ids = samples(toolset)
    assign(toolset, {one: "train" if n % 2 else "val" for n, one in enumerate(ids)})
    (tmp_path / "g.toml").write_text(gate("share", of="label:true", max="1%"))
    answer = run("--ledger", toolset.path, "check", "train", "--gates", tmp_path / "g.toml")
    assert answer.code == 1
    assert answer.out.startswith("train: not passed  ✗")
    assert answer.err == ""
    (tmp_path / "g.toml").write_text(gate("share", of="label:true", max="1%", severity="warning"))
    assert ok("--ledger", toolset.path, "check", "train", "--gates", tmp_path / "g.toml").out.startswith(
        "train: passed  ✓"
    )


def test_the_shipped_gates_can_be_printed_and_used(toolset: Ledger, tmp_path: Path) -> None:
    """--show-gates needs no ledger; what it prints, saved to a file, is the same gates."""
    text = ok("--ledger", tmp_path / "none.db", "check", "--show-gates").out
    (tmp_path / "g.toml").write_text(text)
    assert text == toolset.shipped_gates()
    assert toolset.check("sft", gates=tmp_path / "g.toml") == toolset.check("sft")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[[gate]]\ncheck = 'conflict'\n", 49, "line 2: there is no check 'conflict'; did you mean conflicts?"),
        ("nonsense", 49, "line 1: not TOML"),
        (None, 6, "g.toml"),
    ],
)
def test_gates_that_cannot_be_used(toolset: Ledger, tmp_path: Path, text: str | None, code: int, words: str) -> None:
    """The file, the line and the remedy; nothing is checked."""
    if text is not None:
        (tmp_path / "g.toml").write_text(text)
    answer = run("--ledger", toolset.path, "check", "sft", "--gates", tmp_path / "g.toml", "--json")
    assert words in answer.err
    assert answer.json["error"]["exit_code"] == answer.code
    assert text is None or answer.code == code


def test_a_view_that_is_not_there(toolset: Ledger) -> None:
    """It is refused, and those that are there are named."""
    answer = run("--ledger", toolset.path, "check", "kto-interleave")
    assert answer.code != 0
    assert "kto-interleaved" in answer.err
