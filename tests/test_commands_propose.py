"""`ledger propose`: what is said to people and to programs, tried, made, made again and accepted at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.propose import VERDICTS
from ledger import Ledger
from ledger.policy import check
from tests.cli import ok, run
from tests.proposing import WHY, some, trust


@pytest.fixture
def ids(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return the samples of a ledger."""
    return some(ledger, tmp_path)


def test_the_verdicts_are_those_of_the_ledger() -> None:
    """The command takes just what can be proposed."""
    assert list(VERDICTS) == list(check.VERDICTS)


def test_it_is_tried_made_and_made_again(ledger: Ledger, ids: list[str]) -> None:
    """Each time it is said what that means for the samples."""
    asked = ("--ledger", ledger.path, "propose", "reject", *ids[:2], "--reason", WHY, "--evidence", 1, "--evidence", 3)
    tried = ok(*asked, "--dry-run").out
    assert tried.splitlines() == [
        f"would propose reject of 2 samples: {WHY}",
        "2 samples = 2 changed + 0 outranked + 0 unchanged + 0 changed since + 0 erased  ✓",
        "nothing was recorded (--dry-run)",
    ]
    made = ok(*asked).out
    (one,) = ledger.proposals()["proposals"]
    assert made.splitlines() == [
        f"{one['name']} is proposed: reject of 2 samples: {WHY}  @{one['position']}",
        f"nothing changes until it is accepted: ledger proposals accept {one['name']}",
    ]
    assert ok(*asked).out.startswith(f"{one['name']} was proposed before: ")
    assert ok(*asked, "--dry-run").out.startswith(f"{one['name']} was proposed before: ")
    answer = ok(*asked, "--json").json
    assert answer == ledger.propose(ids[:2], "reject", reason=WHY, evidence=[1, 3]) | {"via": "cli"}
    assert ledger.proposal(one["name"])["evidence"] == [1, 3]


def test_samples_come_in_each_way(ledger: Ledger, ids: list[str]) -> None:
    """By ids on standard input, by condition, by campaign; a key names the request."""
    begin = ("--ledger", ledger.path, "propose", "label-none")
    made = ok(*begin, "-", "--reason", WHY, "--json", stdin="\n".join(ids[:3])).json
    assert made["count"] == 3
    keyed = (*begin, "--where", "label == true", "--campaign", "one", "--reason", WHY, "--key", "k", "--json")
    assert (ok(*keyed).json["count"], ok(*keyed).json["repeated"]) == (4, True)
    refused = run(*begin, ids[0], "--reason", WHY, "--key", "k")
    assert refused.code == 4
    assert "error: The key 'k' stands for another proposal of yours, P" in refused.err


def test_a_policy_accepts_at_once(ledger: Ledger, ids: list[str], tmp_path: Path) -> None:
    """What it changed is printed with it, and how to take it back."""
    policy = trust(ledger, tmp_path)
    asked = ("--ledger", ledger.path, "propose", "reject", *ids, "--reason", WHY, "--actor", "robot")
    assert f"the policy {policy[:15]} would accept it at once" in ok(*asked, "--dry-run").out
    out = ok(*asked).out
    assert "accepted by robot (policy, cli) at" in out
    assert f" under the policy {policy[:15]}" in out
    assert "4 samples = 4 changed + 0 outranked + 0 unchanged + 0 changed since + 0 erased  ✓" in out
    assert "take it back: ledger withdraw @" in out


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (("reject",), 2, "--reason"),
        (("purge", "abcdef", "--reason", WHY), 2, "'purge' is not one of"),
        (("reject", "--reason", WHY), 4, "No ids were given"),
        (("reject", "abcdef", "--reason", "short"), 4, "8 to 500 characters"),
        (("reject", "abcdef", "--reason", WHY), 23, "abcdef"),
        (("reject", "abcdef", "--reason", WHY, "--evidence", "-1"), 2, "from 0 on"),
        (("reject", "abcdef", "--reason", WHY, "--expected-head", "0"), 23, "abcdef"),
    ],
)
def test_wrong_ways_to_ask(ledger: Ledger, ids: list[str], given: tuple[str, ...], code: int, says: str) -> None:
    """Each has its exit code and a sentence, and leaves nothing behind."""
    answer = run("--ledger", ledger.path, "propose", *given)
    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert ledger.proposals("all")["proposals"] == []
    assert ids
