"""`ledger compare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.rule import Levels
from tests.cli import ok, run
from tests.judged import LOW, RELABEL, Scores, decide, taken


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return three campaigns of ten samples, of which 1, 5 and 9 have a quality that is enough."""
    for name, good in (("spring", 1), ("summer", 5), ("autumn", 9)):
        rows = [("asm" if n % 2 else None, {"quality": 0.75 if n < good else 0.25, "memory": 3}) for n in range(10)]
        taken(ledger, tmp_path / f"{name}.jsonl", rows, name, label=True)
    decide(ledger, replace(LOW, labels=RELABEL.labels))
    return ledger


def test_json_is_what_the_ledger_answers(three: Ledger) -> None:
    """--json prints the dict of Ledger.compare, of all campaigns or of those named."""
    assert ok("--ledger", three.path, "compare", "--json").json == three.compare()
    named = ok("--ledger", three.path, "compare", "summer", "spring", "--json", "--no-scores").json
    assert named == three.compare(["summer", "spring"], scores=False)


def test_campaigns_differences_and_the_trend(three: Ledger) -> None:
    """Counts that add up, shares with intervals, reasons, label rules, means, the change in words, and a trend."""
    out = ok("--ledger", three.path, "compare").out
    assert "10 samples = 1 accepted + 9 rejected + 0 pending + 0 errored + 0 superseded + 0 erased" in out
    assert "accepted 10.0% of 10 decided  (95 %: 1.8% to 40.4%)" in out
    assert "why not: low_quality (rejected) 9 (100.0%)" in out
    assert "label rules: low_quality 9 (90.0%)" in out
    assert "policy low, adopted" in out
    assert "spring -> autumn" in out
    assert "acceptance higher: +80.0 points" in out
    assert "acceptance not distinguishable: +40.0 points" in out
    assert "the same policy" in out
    means = next(line for line in out.splitlines() if line.strip().startswith("quality"))
    assert means.split() == ["quality", "10", "0.3000", "0.7500", "0.2500", "-"]
    trend = out[out.index("\ntrend") :]
    assert [line.split()[0] for line in trend.splitlines()[3:]] == ["spring", "summer", "autumn"]


def test_two_campaigns_are_shown_part_by_part(three: Ledger) -> None:
    """--by adds a table of both: how many samples, which share of them, and the difference in points."""
    out = ok("--ledger", three.path, "compare", "spring", "summer", "--by", "domain").out
    rows = [line.split() for line in out[out.index("by domain") :].splitlines()]
    assert ["(none)", "5", "5", "20.0%", "60.0%", "+40.00"] in rows
    assert ["asm", "5", "5", "0.0%", "40.0%", "+40.00"] in rows
    assert "0 texts of both judged otherwise" in out
    named = ok("--ledger", three.path, "compare", "spring", "summer", "--by", "rule", "--json").json
    assert named == three.compare(["spring", "summer"], by="rule")
    assert run("--ledger", three.path, "compare", "--by", "rule").code == 4


def test_a_policy_that_differs_is_told_apart(three: Ledger) -> None:
    """Where the gates differ the answer says so before anybody compares rates, with the settings side by side."""
    decide(three, replace(LOW, name="lower", thresholds=(Levels("min_quality", 200_000),)), "autumn")
    out = ok("--ledger", three.path, "compare", "spring", "autumn").out
    assert "under different policies, so the gate differs as well as the data" in out
    assert "for this campaign" in out
    assert ["threshold.min_quality", "0.5", "0.2"] in [line.split() for line in out.splitlines()]


def test_scores_are_left_out_on_demand(three: Ledger) -> None:
    """--no-scores says what is missing and how to get it."""
    out = ok("--ledger", three.path, "compare", "--no-scores").out
    assert "mean scores and label rules are left out" in out
    assert "--scores" in out
    assert "0.3000" not in out


def test_nothing_to_compare(ledger: Ledger) -> None:
    """An empty ledger has no campaigns, and that is no error."""
    assert ok("--ledger", ledger.path, "compare").out == "no campaigns yet\n"


def test_a_campaign_that_is_not_there(three: Ledger) -> None:
    """Refused, naming those that are; nothing on stdout."""
    answer = run("--ledger", three.path, "compare", "winter")
    assert (answer.code != 0, answer.out) == (True, "")
    assert "There is no campaign 'winter'; there are autumn, spring, summer" in answer.err


def test_an_earlier_moment(three: Ledger) -> None:
    """--as-of looks back: before the policy nothing was decided; a moment that never was is refused."""
    before = three.policies()["adopted"][0]["position"] - 1
    out = ok("--ledger", three.path, "compare", "spring", "--as-of", before).out
    assert "no policy is in force" in out
    assert "accepted - of 0 decided" in out
    answer = run("--ledger", three.path, "compare", "--as-of", 10**9)
    assert (answer.code != 0, answer.out) == (True, "")


def test_names_cannot_steer_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Names are data: what turns the reading order round or cannot be seen is written out."""
    rows: list[tuple[str | None, Scores]] = [("asm\u202e", {"qual\u2066": 0.1}), ("b\u200bc", {"qual\u2066": 0.9})]
    taken(ledger, tmp_path / "a.jsonl", rows, "spring\u200e")
    decide(ledger, LOW)
    out = ok("--ledger", ledger.path, "compare").out
    assert not {"\u202e", "\u200b", "\u200e", "\u2066"} & set(out)
    for name in ("asm\\u202e", "b\\u200bc", "spring\\u200e", "qual\\u2066"):
        assert name in out
    answer = ok("--ledger", ledger.path, "compare", "--json")
    assert "\u202e" not in answer.out
    assert set(answer.json["campaigns"][0]["by_domain"]) == {"asm\u202e", "b\u200bc"}
