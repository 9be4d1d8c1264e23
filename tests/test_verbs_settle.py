"""Accepting and declining: found by any of its names, settled once, and what the samples are by then is counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import (
    AmbiguousId,
    BadRequest,
    BrokenLaw,
    HeadMoved,
    Interrupted,
    LedgerError,
    NoSuchProposal,
    ProposalSettled,
)
from ledger.verbs import settle
from tests.logs import line, store_of
from tests.proposing import COUNTS, WHY, as_actor, head, others, some


def counts(done: dict[str, Any]) -> dict[str, int]:
    """Return what became of the samples of a proposal."""
    return {name: done["settled"][name] for name in COUNTS}


def test_the_names_of_a_proposal(ledger: Ledger, tmp_path: Path) -> None:
    """Its place with P or @, its number, and its id or 6 characters of it, in either case."""
    made = ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    position, op = made["position"], made["proposal"]
    for name in (f"P{position}", f"p{position}", f"@{position}", position, op, op[:6], op.upper(), f" {op[:9]} "):
        assert ledger.proposal(name)["proposal"] == op


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("P0", NoSuchProposal),
        ("@99999", NoSuchProposal),
        ("P" + "9" * 15, NoSuchProposal),
        ("ab" * 32, NoSuchProposal),
        ("P" + "9" * 16, BadRequest),
        ("P", BadRequest),
        ("P-1", BadRequest),
        (-1, BadRequest),
        (True, BadRequest),
        (None, BadRequest),
        ("", BadRequest),
        ("abc", BadRequest),
        ("12", BadRequest),
        ("ab" * 33, BadRequest),
        ("' OR 1=1 --", BadRequest),
        ("P3\x00", BadRequest),
    ],
)
def test_what_names_none(ledger: Ledger, tmp_path: Path, name: Any, error: type[LedgerError]) -> None:  # noqa: ANN401 - anything
    """Each way in refuses it, and changes nothing."""
    ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    before = head(ledger)
    acts: list[Callable[..., object]] = [
        ledger.proposal,
        ledger.accept_proposal,
        partial(ledger.decline_proposal, reason="no"),
        ledger.record_proposal,
    ]
    for act in acts:
        with pytest.raises(error):
            act(name)
    assert head(ledger) == before


def test_a_name_of_two(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beginning that two proposals share names both of them."""
    ids = some(ledger, tmp_path)
    names = [ledger.propose([one], "accept", reason=WHY)["name"] for one in ids]
    monkeypatch.setattr(settle, "_PREFIX", re.compile("[0-9a-f]{0,64}"))
    with pytest.raises(AmbiguousId) as refused:
        ledger.proposal("")
    assert all(name in str(refused.value) for name in names)


def test_what_is_no_proposal_is_not_taken_for_one(ledger: Ledger, tmp_path: Path) -> None:
    """A sample's id, or another event's, names no proposal."""
    (one, *_) = some(ledger, tmp_path)
    ledger.propose([one], "accept", reason=WHY)
    with pytest.raises(NoSuchProposal):
        ledger.accept_proposal(one)


def test_what_changed_since_is_left_as_it_is(ledger: Ledger, tmp_path: Path) -> None:
    """Edited, erased, decided just so already: each sample is counted once, and shown."""
    ids = some(ledger, tmp_path, 5)
    made = ledger.propose(ids, "reject", reason=WHY)
    ledger.edit(ids[0], line("p", "another text"))
    ledger.erase([ids[1]], reason="asked for", authority="ticket 7", yes=True)
    ledger.reject([ids[2]], reason=WHY)
    ledger.accept([ids[3]], reason="seen")
    shown = ledger.proposal(made["name"])
    wanted = {"changed": 2, "unchanged": 1, "changed_since": 1, "erased": 1, "outranked": 0}
    assert shown["would"] == wanted
    now = {each["sample"]: each["now"] for each in shown["members"]}
    assert [now[one] for one in ids] == ["changed_since", "erased", "same", "same", "same"]
    done = ledger.accept_proposal(made["name"])
    assert counts(done) == wanted
    assert [ledger.why(one)["status"] for one in ids] == ["pending", "erased", "rejected", "rejected", "rejected"]
    assert ledger.proposal(made["name"])["would"] is None


def test_an_edit_that_was_withdrawn_is_the_version_that_was_meant(ledger: Ledger, tmp_path: Path) -> None:
    """What counts is the version that stands when the proposal is accepted."""
    (one, *_) = some(ledger, tmp_path)
    made = ledger.propose([one], "reject", reason=WHY)
    edited = ledger.edit(one, line("p", "another text"))
    ledger.withdraw([f"@{edited['events'][0]}"])
    assert counts(ledger.accept_proposal(made["name"]))["changed"] == 1


@pytest.mark.parametrize("verdict", ["accept", "label-false"])
def test_people_outrank_agents(ledger: Ledger, tmp_path: Path, verdict: str) -> None:
    """An agent's decision is recorded below a person's, counted as outranked, and stands when that is withdrawn."""
    ids = some(ledger, tmp_path, 2)
    person = ledger.relabel([ids[0]], "none") if verdict == "label-false" else ledger.reject([ids[0]], reason="bad")
    before = ledger.why(ids[0])
    with as_actor(ledger.path, "robot") as robot:
        done = robot.record(ids, verdict, reason=WHY, key="once")
    assert counts(done) == {"changed": 1, "outranked": 1, "unchanged": 0, "changed_since": 0, "erased": 0}
    first, last = done["settled"]["events"]
    assert last - first == 1
    assert done["settled"] == ledger.proposal(done["name"])["settled"]
    now = ledger.why(ids[0])
    assert (now["status"], now["label"]) == (before["status"], before["label"])
    ledger.withdraw([f"@{person['events'][0]}"])
    now, other = ledger.why(ids[0]), ledger.why(ids[1])
    assert (now["status"], now["label"]) == (other["status"], other["label"])


def test_settled_is_settled(ledger: Ledger, tmp_path: Path) -> None:
    """Neither is it accepted twice, nor declined once it is accepted, nor the other way round."""
    ids = some(ledger, tmp_path)
    accepted = ledger.propose(ids[:1], "accept", reason=WHY)
    declined = ledger.propose(ids[1:2], "accept", reason=WHY)
    at = {"accepted": ledger.accept_proposal(accepted["name"]), "declined": None}
    at["declined"] = ledger.decline_proposal(declined["name"], reason="no need")
    before = head(ledger)
    for state, made in (("accepted", accepted), ("declined", declined)):
        done = at[state]
        assert done is not None
        says = f"{made['name']} was {state} already, at position {done['settled']['position']}"
        acts: list[Callable[..., object]] = [
            ledger.accept_proposal,
            partial(ledger.decline_proposal, reason="no"),
            ledger.record_proposal,
        ]
        for act in acts:
            with pytest.raises(ProposalSettled, match=says):
                act(made["name"])
    assert head(ledger) == before


def test_declining_says_why_and_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """It takes a reason; only the proposal itself is another afterwards."""
    made = ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    before = others(ledger)
    for reason in ("", "  ", "a\tb"):
        with pytest.raises(BadRequest):
            ledger.decline_proposal(made["name"], reason=reason)
    done = ledger.decline_proposal(made["name"], reason="no need")
    assert others(ledger) == before
    assert (done["state"], done["settled"]["reason"], done["settled"]["events"]) == ("declined", "no need", [])
    assert (done["settled"]["authority"], done["settled"]["confirmed"]) == ("person", None)


def test_an_expected_head(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever looked at another state is refused."""
    made = ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    with pytest.raises(HeadMoved):
        ledger.accept_proposal(made["name"], expected_head=3)
    with pytest.raises(HeadMoved):
        ledger.decline_proposal(made["name"], reason="no", expected_head=3)
    assert ledger.accept_proposal(made["name"], expected_head=head(ledger))["state"] == "accepted"


@pytest.mark.parametrize("confirmed", ["none", "command", "elicitation"])
def test_how_it_was_confirmed_is_kept(ledger: Ledger, tmp_path: Path, confirmed: str) -> None:
    """One of three words; others are refused."""
    made = ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    with pytest.raises(BadRequest, match="Nobody confirms by"):
        ledger.accept_proposal(made["name"], confirmed="maybe")
    assert ledger.accept_proposal(made["name"], confirmed=confirmed)["settled"]["confirmed"] == confirmed


def test_two_who_accept_at_once(ledger: Ledger, tmp_path: Path) -> None:
    """One of them does; the other hears that it is done, and every sample is decided once."""
    ids = some(ledger, tmp_path, 20)
    made = ledger.propose(ids, "reject", reason=WHY)
    ledger.close()
    came: list[str] = []

    def accept(actor: str) -> None:
        with as_actor(ledger.path, actor) as mine:
            try:
                came.append(mine.accept_proposal(made["name"])["state"])
            except ProposalSettled:
                came.append("settled")

    threads = [threading.Thread(target=accept, args=(actor,)) for actor in ("ann", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == ["accepted", "settled", "settled"]
    with Ledger.open(ledger.path) as again:
        assert sum(event["kind"] == "rejected" for event in again.log(limit=1000)) == 20
        assert again.verify()["findings"] == []


def test_a_count_that_does_not_add_up_stops_it(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The law is held before the commit: nothing of it is recorded."""
    made = ledger.propose(some(ledger, tmp_path), "accept", reason=WHY)
    before = head(ledger)
    monkeypatch.setattr(settle, "COUNTS", ("changed_since", "erased"))
    with pytest.raises(BrokenLaw):
        ledger.accept_proposal(made["name"])
    assert head(ledger) == before
    assert not store_of(ledger).connection.in_transaction


def test_a_deadline_stops_all_of_it(ledger: Ledger, tmp_path: Path) -> None:
    """What takes longer than it may is interrupted, and nothing of it is recorded."""
    ids = some(ledger, tmp_path)
    made = ledger.propose(ids, "accept", reason=WHY)
    before = head(ledger)
    acts: list[Callable[[], object]] = [
        lambda: ledger.propose(ids, "reject", reason=WHY),
        lambda: ledger.accept_proposal(made["name"]),
        lambda: ledger.proposal(made["name"]),
    ]
    for act in acts:
        with pytest.raises(Interrupted), ledger.limited(1e-6):
            act()
    assert head(ledger) == before
    assert ledger.accept_proposal(made["name"])["state"] == "accepted"
