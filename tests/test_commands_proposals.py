"""`ledger proposals list`, `show`, `accept` and `decline`, and what `why`, `show` and `status` print of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands.proposals import STATES
from ledger import Ledger
from ledger.views import proposals
from tests.cli import ok, run
from tests.logs import line
from tests.proposing import WHY, as_actor, some
from tests.test_commands_completion import completed


@pytest.fixture
def ids(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return the samples of a ledger."""
    return some(ledger, tmp_path)


@pytest.fixture
def made(ledger: Ledger, ids: list[str]) -> dict[str, Any]:
    """Return a proposal to reject three of them."""
    return ledger.propose(ids[:3], "reject", reason=WHY, key="k", evidence=[2], client={"name": "host", "tool": "t"})


def test_the_list(ledger: Ledger, ids: list[str], made: dict[str, Any]) -> None:
    """People see a line for each and the counts; programs what the ledger answers."""
    asked = ("--ledger", ledger.path, "proposals", "list")
    other = ledger.propose(ids[3:], "accept", reason=WHY)
    rows = ok(*asked).out.splitlines()
    assert [row.split()[0] for row in rows[1:3]] == [made["name"], other["name"]]
    assert rows[1].split()[2:6] == ["tester", "reject", "3", "open"]
    assert rows[-1] == "2 open, 0 accepted, 0 declined"
    assert f"there are more: --after {made['name']}" in ok(*asked, "--limit", 1).out
    assert other["name"] in ok(*asked, "--after", made["name"]).out
    assert ok(*asked, "--json").json == ledger.proposals()
    assert ok(*asked, "--state", "accepted").out == "2 open, 0 accepted, 0 declined\n"
    assert list(STATES) == [*proposals.STATES, "all"]


def test_one_of_them(ledger: Ledger, ids: list[str], made: dict[str, Any]) -> None:
    """Who asks for what and why, what accepting would change, and its samples."""
    ledger.edit(ids[0], line("p", "another"))
    out = ok("--ledger", ledger.path, "proposals", "show", made["name"], "--limit", 2).out
    for words in (
        f"{made['name']} by tester (api) at ",
        f"  reject of 3 samples: {WHY}",
        "client says  name host, tool t",
        "evidence     @2",
        "key          k",
        "3 samples = 2 changed + 0 outranked + 0 unchanged + 1 changed since + 0 erased  ✓",
        "and 1 more",
    ):
        assert words in out
    whole = ok("--ledger", ledger.path, "proposals", "show", made["name"]).out
    assert whole.count("another version by now") == 1
    answer = ok("--ledger", ledger.path, "proposals", "show", made["proposal"], "--json").json
    assert answer == ledger.proposal(made["name"])
    ledger.accept_proposal(made["name"])
    settled = ok("--ledger", ledger.path, "proposals", "show", made["name"], "--limit", 0).out
    assert "accepted by tester (person, api) at " in settled
    assert "samples\n" not in settled


def test_accepting(ledger: Ledger, ids: list[str], made: dict[str, Any]) -> None:
    """The sum is printed, what a person's word outranks too, and how to take it back."""
    out = ok("--ledger", ledger.path, "proposals", "accept", made["name"], "--reason", "looked").out
    done = ledger.proposal(made["name"])["settled"]
    first, last = done["events"]
    assert out.splitlines() == [
        f"{made['name']} by tester: reject of 3 samples: {WHY}",
        f"accepted by tester (person, cli) at {done['time']}: looked",
        "3 samples = 3 changed + 0 outranked + 0 unchanged + 0 changed since + 0 erased  ✓",
        f"recorded @{first}-@{last}  take it back: ledger withdraw @{first}-@{last}",
    ]
    assert ledger.status()["by_status"]["rejected"] == 3
    again = run("--ledger", ledger.path, "proposals", "accept", made["name"])
    assert again.code == 67
    with as_actor(ledger.path, "robot") as robot:
        recorded = robot.record(ids[:1], "accept", reason=WHY, key="once")
    shown = ok("--ledger", ledger.path, "proposals", "show", recorded["name"]).out
    assert "1 sample = 0 changed + 1 outranked + 0 unchanged + 0 changed since + 0 erased  ✓" in shown
    assert "outranked: a person has decided about them, and that stands" in shown


def test_declining(ledger: Ledger, made: dict[str, Any]) -> None:
    """It takes a reason, and programs get what the ledger holds."""
    asked = ("--ledger", ledger.path, "proposals", "decline", made["name"])
    assert run(*asked).code == 2
    answer = ok(*asked, "--reason", "no need", "--json").json
    assert (answer["state"], answer["settled"]["reason"], answer["settled"]["via"]) == ("declined", "no need", "cli")
    assert "declined by tester (person, cli) at " in ok(*asked[:3], "show", made["name"]).out


def test_what_is_refused(ledger: Ledger, made: dict[str, Any]) -> None:
    """Each has its exit code and next step."""
    for verb in (["show", "P0"], ["accept", "P0"], ["decline", "P0", "--reason", "no"]):
        answer = run("--ledger", ledger.path, "proposals", *verb)
        assert answer.code == 66
        assert "ledger proposals list" in answer.err
    assert run("--ledger", ledger.path, "proposals", "show", "zz").code == 4
    assert run("--ledger", ledger.path, "proposals", "accept", made["name"], "--expected-head", 0).code != 0
    assert ledger.proposal(made["name"])["state"] == "open"


def test_other_verbs_tell_of_it(ledger: Ledger, ids: list[str], made: dict[str, Any]) -> None:
    """A sample's own pages name what waits, and the decision names the proposal; `status` says where to look."""
    said = f"  {made['name']} by tester at {made['time']}: reject of 3 samples: {WHY}"
    for verb in ("why", "show"):
        assert f"proposed\n{said}\n" in ok("--ledger", ledger.path, verb, ids[0]).out
        assert "proposed\n" not in ok("--ledger", ledger.path, verb, ids[3]).out
    assert "1 open proposal: ledger proposals list" in ok("--ledger", ledger.path, "status").out
    ledger.accept_proposal(made["name"])
    why = ok("--ledger", ledger.path, "why", ids[0]).out
    assert f", proposal {made['proposal'][:12]}" in why
    assert said not in why
    assert "open proposal" not in ok("--ledger", ledger.path, "status").out


def test_a_shell_completes_those_that_wait(ledger: Ledger, ids: list[str], made: dict[str, Any]) -> None:
    """By their short names, which can be accepted, declined and shown."""
    other = ledger.propose(ids[3:], "accept", reason=WHY)
    ledger.decline_proposal(other["name"], reason="no need")
    for verb in ("accept", "decline", "show"):
        assert completed("--ledger", ledger.path, "proposals", verb, "P") == [made["name"]]
    assert completed("--ledger", ledger.path, "proposals", "accept", "x") == []
