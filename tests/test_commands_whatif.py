"""`ledger whatif`: the answer's keys, what people read, making it the policy, and settings that there are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.scoring import some
from tests.test_commands_decide import GATE, gate, scored

__all__ = ["gate", "scored"]  # fixtures


@pytest.fixture
def decided(scored: Ledger, gate: Path) -> Ledger:
    """Return the ledger with the policy adopted."""
    scored.decide(gate)
    return scored


def test_the_answer(decided: Ledger) -> None:
    """Before, after, flips by way, reason and domain, examples; nothing is written."""
    before = decided.path.read_bytes()
    answer = ok("--ledger", decided.path, "whatif", "--set", "threshold.min_quality=0.3", "--json").json
    assert decided.path.read_bytes() == before
    assert list(answer) == ["before", "after", "flips", "examples", "never_scored", "never_looked"]
    assert answer["before"] == {
        "samples": 4,
        "accepted": 1,
        "rejected": 2,
        "pending": 1,
        "superseded": 0,
        "true": 3,
        "false": 1,
        "none": 0,
        "acceptance_rate": 0.25,
    }
    assert answer["after"] == answer["before"] | {"accepted": 2, "rejected": 1, "acceptance_rate": 0.5}
    assert answer["flips"] == {
        "to_accepted": 1,
        "to_rejected": 0,
        "to_pending": 0,
        "to_true": 0,
        "to_false": 0,
        "to_none": 0,
        "by_reason": {"to_accepted": {"low": 1}},
        "by_domain": {"to_accepted": {"": 1}},
    }
    assert [example["before"]["rule"] for example in answer["examples"]] == ["low"]


def test_several_settings_are_changed_in_order(decided: Ledger) -> None:
    """Thresholds, rules and labels; the last of two for one setting counts."""
    changes = ("--set", "threshold.min_quality=9", "--set", "threshold.min_quality=0", "--set", "label.poor.off=true")
    flips = ok("--ledger", decided.path, "whatif", *changes, "--json").json["flips"]
    assert (flips["to_accepted"], flips["to_rejected"], flips["to_true"]) == (2, 0, 1)


def test_people_read_a_table_and_how_to_make_it_the_policy(decided: Ledger) -> None:
    """What changes, why, and the samples; where nothing would change, that."""
    out = ok("--ledger", decided.path, "whatif", "--set", "threshold.min_quality=0.3").out
    assert "acceptance" in out
    assert "25.0%" in out
    assert "1 to accepted: low 1" in out
    assert "the same command with --adopt" in out
    assert "nothing would change" in ok("--ledger", decided.path, "whatif").out


def test_adopting_makes_it_the_policy(decided: Ledger) -> None:
    """What was told comes to pass; the event names the settings; again, nothing is appended."""
    arguments = ("whatif", "--set", "threshold.min_quality=0.3", "--adopt", "--reason", "fewer", "--json")
    answer = ok("--ledger", decided.path, *arguments).json
    assert answer["decided"]["changed"] == answer["flips"]["to_accepted"] == 1
    said = [event for event in decided.log(limit=1000) if event["kind"] == "policy_adopted"][-1]
    assert (said["position"], said["says"]["reason"]) == (answer["adopted"], "fewer")
    assert said["says"]["changes"] == [["threshold.min_quality", "0.3"]]
    assert decided.status()["by_status"]["accepted"] == answer["after"]["accepted"]
    before = decided.path.read_bytes()
    again = ok("--ledger", decided.path, *arguments).json
    assert (again["adopted"], again["before"], decided.path.read_bytes()) == (None, answer["after"], before)


def test_people_read_that_it_is_adopted(decided: Ledger) -> None:
    """Where, and how many samples changed."""
    arguments = ("--ledger", decided.path, "whatif", "--set", "threshold.min_quality=0.3", "--adopt")
    assert "adopted @" in ok(*arguments).out
    assert "in force already; 0 samples changed" in ok(*arguments).out


def test_another_policy_with_changes_on_top(decided: Ledger, gate: Path) -> None:
    """A file, or one that comes with the program."""
    gate.write_text(GATE.replace("0.5", "0.1"), encoding="utf-8")
    alone = ok("--ledger", decided.path, "whatif", "--policy", gate, "--json").json
    assert alone["flips"]["to_accepted"] == 2
    changed = ("--policy", gate, "--set", "threshold.min_quality=0.5")
    assert ok("--ledger", decided.path, "whatif", *changed, "--json").json["examples"] == []
    shipped = ok("--ledger", decided.path, "whatif", "--policy", "toolset-relabel", "--json").json
    assert shipped["after"]["accepted"] == 4


def test_one_campaign_and_a_limit(decided: Ledger, tmp_path: Path) -> None:
    """Only its samples are counted; all flips are counted, some are listed."""
    some(decided, tmp_path, 3, "other")
    arguments = ("whatif", "--set", "unknown=reject", "--campaign", "other", "--limit", "2", "--json")
    answer = ok("--ledger", decided.path, *arguments).json
    assert (answer["before"]["samples"], answer["flips"]["to_rejected"], len(answer["examples"])) == (3, 3, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--set", "threshold.min_qualty=0.3"], 4, "threshold.min_quality"),
        (["--set", "threshold.min_quality=high"], 4, "min_quality"),
        (["--set", "threshold.min_quality=nan"], 4, "min_quality"),
        (["--set", "rule.low.off=true", "--set", "label.poor.off=true"], 4, "rule"),
        (["--set", "no equals sign"], 4, "="),
        (["--campaign", "nowhere"], 4, "there are c"),
        (["--policy", "nowhere.toml"], 20, "nowhere.toml"),
        (["--limit", "-1"], 2, "0"),
        (["--adopt", "--set", "threshold.min_quality=0.3", "--expected-head", "0"], 19, "0"),
        (["--adopt", "--set", "threshold.min_quality=0.3", "--reason", "x" * 100_000], 4, "reason"),
    ],
)
def test_requests_that_cannot_be_met(decided: Ledger, arguments: list[str], code: int, says: str) -> None:
    """A clear word, an exit code of its own, and nothing appended."""
    before = decided.path.read_bytes()
    answer = run("--ledger", decided.path, "whatif", *arguments)
    assert (answer.code, answer.out, says in answer.err) == (code, "", True), answer.err
    assert decided.path.read_bytes() == before


def test_without_a_policy_there_is_nothing_to_change(scored: Ledger) -> None:
    """The way to one is told."""
    answer = run("--ledger", scored.path, "whatif", "--set", "threshold.min_quality=0.3")
    assert (answer.code, "ledger decide --policy" in answer.err) == (41, True)
