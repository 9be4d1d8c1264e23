"""`ledger decide`: the answer's keys, what people read, and policies that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.scoring import score, some
from tests.small import samples

GATE = """
name = "gate"

[threshold]
min_quality = 0.5

[[rule]]
name = "low"
reject = "quality < min_quality"

[[label]]
name = "poor"
false = "quality < 0.3"
"""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return the path of a policy."""
    path = tmp_path / "gate.toml"
    path.write_text(GATE, encoding="utf-8")
    return path


@pytest.fixture
def scored(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with four samples: 0.2, 0.4, 0.9, and one that nobody scored."""
    ids = some(ledger, tmp_path, 4, label=True)
    score(ledger, {one: {"quality": text} for one, text in zip(ids, ("0.2", "0.4", "0.9"), strict=False)})
    return ledger


def test_the_answer(scored: Ledger, gate: Path) -> None:
    """Every sample is counted once by outcome and by label; again, nothing is appended."""
    first = ok("--ledger", scored.path, "decide", "--policy", gate, "--json").json
    assert first == {
        "decided": 4,
        "changed": 4,
        "by_outcome": {"accepted": 1, "deferred": 1, "rejected": 2},
        "by_label": {"true": 3, "false": 1, "none": 0},
        "by_rule": {"low": 2, "poor": 1, "unknown": 1},
        "by_person": 0,
        "policies": [{"name": "gate", "policy": first["policies"][0]["policy"], "campaign": None}],
        "adopted": first["events"][0] - 1,
        "events": first["events"],
        "never_scored": [],
        "never_looked": [],
    }
    before = scored.path.read_bytes()
    again = ok("--ledger", scored.path, "decide", "--json").json
    assert again == first | {"changed": 0, "adopted": None, "events": []}
    assert scored.path.read_bytes() == before


def test_people_read_a_sum_the_rules_and_where_it_is_recorded(scored: Ledger, gate: Path) -> None:
    """Most first; what people decided is said; the second time nothing is recorded."""
    scored.accept(samples(scored)[:1], reason="seen")
    out = ok("--ledger", scored.path, "decide", "--policy", gate).out
    assert out.splitlines()[0].startswith("4 samples = 1 accepted + 1 deferred + 2 rejected")
    assert out.index("low") < out.index("poor")
    assert "1 of them a person decided; that stands" in out
    assert "4 changed" in out
    assert "recorded @" in out
    again = ok("--ledger", scored.path, "decide").out
    assert "0 changed" in again
    assert "recorded" not in again


def test_a_dry_run_records_nothing(scored: Ledger, gate: Path) -> None:
    """It says what would be."""
    before = scored.path.read_bytes()
    assert "4 would change" in ok("--ledger", scored.path, "decide", "--policy", gate, "--dry-run").out
    dry = ok("--ledger", scored.path, "decide", "--policy", gate, "--dry-run", "--json").json
    assert scored.path.read_bytes() == before
    wet = ok("--ledger", scored.path, "decide", "--policy", gate, "--json").json
    assert dry == wet | {"adopted": None, "events": []}


def test_one_campaign_and_why(scored: Ledger, tmp_path: Path, gate: Path) -> None:
    """The adoption is for it alone, and says why and by whom."""
    some(scored, tmp_path, 2, "other")
    arguments = ("--policy", gate, "--campaign", "other", "--reason", "trying", "--actor", "ann")
    answer = ok("--ledger", scored.path, "decide", *arguments, "--json").json
    (said,) = [event for event in scored.log(limit=1000) if event["kind"] == "policy_adopted"]
    assert (answer["decided"], answer["policies"][0]["campaign"]) == (2, "other")
    assert (said["actor"], said["says"]["reason"], said["says"]["campaign"]) == ("ann", "trying", "other")


def test_a_policy_of_the_program_by_its_name(scored: Ledger) -> None:
    """With or without .toml."""
    first = ok("--ledger", scored.path, "decide", "--policy", "toolset-relabel.toml", "--json").json
    assert first["policies"][0]["name"] == "toolset-relabel"
    second = ok("--ledger", scored.path, "decide", "--policy", "toolset-relabel", "--json").json
    assert (second["adopted"], second["changed"]) == (None, 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "line 1"),
        ('name = "x"\n[[rule]]\nname = "r"\nreject = "quality <"\n', "line 4"),
        ('name = "x"\n[[rule]]\nname = "r"\nreject = "quality < nan"\n', "line 4"),
        ('name = "x"\n[[rule]]\nname = "r"\nreject = "quality < min_quality"\n', "min_quality"),
        ('name = "x"\nnonsense = 1\n[[rule]]\nname = "r"\nreject = "quality < 1"\n', "line 2"),
        ('name = "x"\n[[rule]]\nname = "r"\nreject = "quality < 1 and quality > 2"\n', "line 4"),
        ('name = "x"\n[[rule]]\nname = "r"\nexplode = "quality < 1"\n', "line 4"),
        ('name = "x"\n[[rule]]\nname = "r"\nreject = "status == \'accepted\'"\n', "status"),
        ('name = "x"\n', "rule"),
        ('name = "x"\n[threshold]\nt = inf\n[[rule]]\nname = "r"\nreject = "q < t"\n', "line 3"),
    ],
)
def test_a_malformed_policy_changes_nothing(scored: Ledger, gate: Path, text: str, says: str) -> None:
    """Its file, the line and what was expected are named."""
    gate.write_text(text, encoding="utf-8")
    before = scored.path.read_bytes()
    for arguments in ((), ("--dry-run",)):
        answer = run("--ledger", scored.path, "decide", "--policy", gate, *arguments)
        assert (answer.code, answer.out) == (40, "")
        assert "gate.toml" in answer.err
        assert says in answer.err
    assert scored.path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 41, "No policy is in force"),
        (["--dry-run"], 41, "ledger policy list"),
        (["--policy", "nowhere.toml"], 20, "seed-000"),
        (["--policy", "seed-000", "--campaign", "nowhere"], 4, "there are c"),
        (["--policy", "seed-000", "--expected-head", "0"], 19, "0"),
        (["--policy", "seed-000", "--reason", "x" * 100_000], 4, "reason"),
        (["--policy", "."], 21, "."),
    ],
)
def test_requests_that_cannot_be_met(scored: Ledger, arguments: list[str], code: int, says: str) -> None:
    """A clear word, an exit code of its own, and nothing appended."""
    before = scored.path.read_bytes()
    answer = run("--ledger", scored.path, "decide", *arguments)
    assert (answer.code, answer.out, says in answer.err) == (code, "", True), answer.err
    assert scored.path.read_bytes() == before
