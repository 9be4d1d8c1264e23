"""`ledger diff`."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.diff import _MEANS, _WAYS
from ledger import Ledger
from tests.cli import ok, run
from tests.small import chat, samples, write


def test_json_is_what_the_ledger_answers(toolset: Ledger) -> None:
    """--json prints the dict of Ledger.diff, with every key that the contract names; options are passed on."""
    toolset.reject(samples(toolset)[:3], reason="no")
    answer = ok("--ledger", toolset.path, "diff", "@50", "--json").json
    assert answer == toolset.diff("@50", limit=1000)
    assert set(answer) == {"a", "b", "counts", "turns", "samples", "only", "offset", "left"}
    assert set(answer["a"]) == {"kind", "name", "view", "position", "root", "time", "samples", "rows"}
    assert set(answer["samples"][0]) == {"sample", "ways", "campaign", "source", "domain", "a", "b"}
    given = ("@20", "@60", "--view", "pending", "--only", "added", "--limit", 2, "--offset", 1, "--as-of", 100)
    asked = toolset.diff("@20", "@60", view="pending", only="added", limit=2, offset=1, as_of=100)
    assert ok("--ledger", toolset.path, "diff", *given, "--json").json == asked


def test_the_ways_are_those_of_the_ledger() -> None:
    """What --only takes is what differs, and each way is told in words."""
    assert Ledger.ways_to_differ() == _WAYS == tuple(_MEANS)


def test_counts_then_samples(toolset: Ledger) -> None:
    """Both sides, how many differ in which way, from what to what, then a line for each sample."""
    before = toolset.status()["head"]["position"]
    ids = samples(toolset)
    toolset.reject(ids[:2], reason="no")
    toolset.relabel(ids[1:2], "none")

    out = ok("--ledger", toolset.path, "diff", f"@{before}").out

    assert [line.split()[:4] for line in out.splitlines()[1:3]] == [
        ["-", "all", "samples", f"@{before}"],
        ["+", "all", "samples", f"@{toolset.status()['head']['position']}"],
    ]
    assert "2 samples differ" in out
    assert "relabelled        1  another label" in out
    assert "statuses: pending -> rejected 2" in out
    short = toolset.short(ids[:2])
    listed = [line.split() for line in out.splitlines() if line.startswith("~")]
    assert [row[1] for row in listed] == [short[one] for one in ids[:2]]
    assert "relabelled," in listed[1]
    assert "pending -> rejected" in out


def test_added_and_removed_are_signed(toolset: Ledger, tmp_path: Path) -> None:
    """What only one side has is marked + or -, and without B the second side is now."""
    before = toolset.status()["head"]["position"]
    toolset.ingest(write(tmp_path / "n.jsonl", chat("n", "m")), campaign="n")
    added = ok("--ledger", toolset.path, "diff", before).out
    removed = ok("--ledger", toolset.path, "diff", "now", before).out
    assert [line[0] for line in added.splitlines() if "n.jsonl" in line] == ["+"]
    assert [line[0] for line in removed.splitlines() if "n.jsonl" in line] == ["-"]


def test_nothing_and_pages(toolset: Ledger) -> None:
    """A side and itself; the last line says how to go on."""
    assert "nothing differs" in ok("--ledger", toolset.path, "diff", "now").out
    out = ok("--ledger", toolset.path, "diff", "@0", "--limit", 5, "--offset", 5).out
    left = toolset.diff(0)["counts"]["samples"] - 10
    assert out.rstrip().endswith(f"{left} samples more: --offset 10")


def test_a_release_beside_today(toolset: Ledger, tmp_path: Path) -> None:
    """The export's file names its manifest; rows are counted, and the view of the other side is told."""
    toolset.project("sft", tmp_path / "train.jsonl")
    toolset.reject([toolset.log(limit=1000)[1]["event"]], reason="no")
    used = next(one for one in samples(toolset) if toolset.why(one)["releases"][0]["omitted"] is None)
    toolset.weight([used], 2)
    out = ok("--ledger", toolset.path, "diff", tmp_path / "train.jsonl").out
    assert "view sft" in out.splitlines()[2]
    assert str(tmp_path / "train.jsonl") in out.splitlines()[1]
    assert "another number of rows" in out


def test_hostile_names_are_written_out(ledger: Ledger, tmp_path: Path) -> None:
    """A source or a campaign cannot steer the terminal."""
    ledger.ingest(write(tmp_path / "a\x1b[31m.jsonl", chat("q", "a")), campaign="a")
    assert "\x1b" not in ok("--ledger", ledger.path, "diff", "@0").out


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("yesterday",), 4, "neither a position"),
        (("@0", "@99999"), 25, "ends at"),
        (("none.manifest.json",), 31, "is not a manifest"),
        (("@0", "--only", "colour"), 2, "colour"),
        (("\x1b[31m",), 4, "\\x1b[31m"),
        ((), 2, "A"),
    ],
)
def test_what_is_refused(toolset: Ledger, given: tuple[str, ...], code: int, said: str) -> None:
    """Each refusal has its exit code and says what to do; nothing of it steers the terminal."""
    answer = run("--ledger", toolset.path, "diff", *given)
    assert answer.code == code
    assert said in answer.err
    assert "\x1b" not in answer.err
