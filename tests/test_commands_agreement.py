"""`ledger agreement`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.judged import ingested, score
from tests.small import chat, write


@pytest.fixture
def scored(ledger: Ledger, data: Path) -> Ledger:
    """Return the slice of scored lines, its scores and the policy for them."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    ledger.import_scores(field="quality_scores")
    ledger.decide("toolset-relabel")
    return ledger


def test_json_is_what_the_ledger_answers(scored: Ledger) -> None:
    """--json prints the dict of Ledger.agreement, with every key that the contract names; options are passed on."""
    answer = ok("--ledger", scored.path, "agreement", "--json").json
    assert answer == scored.agreement()
    assert {"pairs", "label_agreement", "kappa", "flips", "dimensions"} <= set(answer)
    assert all({"exact", "mean_abs_diff"} <= set(each) for each in answer["dimensions"].values())
    given = ("--campaign", "scored", "--by", "batch", "--threshold", "overall_quality=2.5", "--limit", 1)
    asked = scored.agreement("scored", by="batch", thresholds=["overall_quality=2.5"], limit=1)
    assert ok("--ledger", scored.path, "agreement", *given, "--json").json == asked


def test_six_texts_that_were_judged_both_ways(scored: Ledger) -> None:
    """Pairs, agreement of labels with kappa, each dimension, and the flips with the scores that differ."""
    out = ok("--ledger", scored.path, "agreement").out
    assert out.startswith("6 pairs among 12 scores of 6 texts: 6 between samples, 0 within one")
    assert "labels agree in 0.0%, kappa -1.000, 6 flips (6 pairs)" in out
    assert "labels that differ" in out
    assert "false / given" in out
    assert "overall_quality 2.8/3" in out
    quality = next(line.split() for line in out.splitlines() if line.strip().startswith("overall_quality"))
    told = scored.agreement()["dimensions"]["overall_quality"]
    assert quality[1:] == ["6", f"{told['exact']:.1%}", f"{told['mean_abs_diff']:.3f}"]
    short = ok("--ledger", scored.path, "agreement", "--limit", 2).out
    assert "2 of 6; --limit shows more" in short


def test_without_a_policy(ledger: Ledger, tmp_path: Path) -> None:
    """No labels follow, and the answer says what would give them."""
    one, other = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a"), chat("q", "a")))
    score(ledger, {one: {"quality": 0.2}, other: {"quality": 0.9}})
    out = ok("--ledger", ledger.path, "agreement").out
    assert "no labels follow: no policy is in force; --threshold DIM=NUMBER gives one" in out
    assert "kappa" not in out
    asked = ok("--ledger", ledger.path, "agreement", "--threshold", "quality=0.5").out
    assert "labels agree in 0.0%, kappa -1.000, 1 flip (1 pair)" in asked


def test_scorers_and_batches_that_drift(ledger: Ledger, tmp_path: Path) -> None:
    """Two scorers and two files: the farthest first, with the mean and how far it is from that of all."""
    ids = [
        *ingested(ledger, write(tmp_path / "a.jsonl", chat("q1", "a"))),
        *ingested(ledger, write(tmp_path / "b.jsonl", chat("q2", "a"))),
    ]
    score(ledger, {one: {"quality": n} for n, one in enumerate(ids)}, scorer="ada")
    score(ledger, {ids[0]: {"quality": 2}}, scorer="bob")
    out = ok("--ledger", ledger.path, "agreement").out
    scorers = out[out.index("scorers that drift most") : out.index("batches that drift most")].splitlines()
    assert [line.split() for line in scorers[2:4]] == [
        ["bob@1", "1", "quality", "2.000", "+1.000", "+1.23"],
        ["ada@1", "2", "quality", "0.500", "-0.500", "-0.61"],
    ]
    only = ok("--ledger", ledger.path, "agreement", "--by", "batch").out
    assert "scorers that drift" not in only
    assert "batches that drift" in only


def test_nothing_was_scored(ledger: Ledger) -> None:
    """No pairs is an answer."""
    assert ok("--ledger", ledger.path, "agreement").out.startswith("0 pairs among 0 scores of 0 texts")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--threshold", "overall_quality"), "is not DIMENSION=NUMBER"),
        (("--threshold", "overall_quality=nan"), "'nan' is not a number"),
        (("--threshold", "overall=3"), "there are goal_coherence, overall_quality"),
        (("--campaign", "other"), "There is no campaign 'other'; there are scored"),
        (("--by", "campaign"), "'scorer', 'batch'"),
        (("--limit", "-1"), "a whole number from 0 on"),
        (("--as-of", "tomorrow"), "tomorrow"),
    ],
)
def test_what_cannot_be_asked(scored: Ledger, given: tuple[str, str], told: str) -> None:
    """Refused in a sentence that says what there is; nothing on stdout, nothing in the log."""
    before = scored.status()["head"]
    answer = run("--ledger", scored.path, "agreement", *given)
    assert (answer.code != 0, answer.out) == (True, "")
    assert told in answer.err
    assert scored.status()["head"] == before


def test_names_cannot_steer_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Names of files, scorers and dimensions are data, and are written out where they could move the cursor."""
    place = tmp_path / "a\x1b[2J\u202e.jsonl"
    one, other = ingested(ledger, write(place, chat("q", "a"), chat("q", "a")))
    score(ledger, {one: {"qual\u2066ity": 1}, other: {"qual\u2066ity": 2}}, scorer="ev\x07il")
    score(ledger, {one: {"qual\u2066ity": 3}}, scorer="good\u200e")
    out = ok("--ledger", ledger.path, "agreement", "--threshold", "qual\u2066ity=1.5").out
    assert not {"\x1b", "\u202e", "\u2066", "\u200e", "\x07"} & set(out)
    assert "ev\\x07il@1" in out
    assert "qual\\u2066ity" in out
