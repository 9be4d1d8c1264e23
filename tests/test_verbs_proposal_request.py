"""What can be proposed: the words of a request, each way to get one wrong, and what a client says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, ConditionInvalid, LedgerError, NoSuchId
from ledger.verbs import proposal_request
from ledger.verbs.proposal_request import CLIENT, checked_circumstances
from tests.logs import line, sample_ids, write_lines
from tests.proposing import WHY, head, some

NOTHING = dict.fromkeys(CLIENT)

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"verdict": "acept"}, "did you mean 'accept'"),
    ({"verdict": "relabel"}, "label-none"),
    ({"verdict": None}, "must be text"),
    ({"reason": "short"}, "8 to 500 characters, not 5"),
    ({"reason": " " * 20}, "8 to 500"),
    ({"reason": "x" * 501}, "not 501"),
    ({"reason": "with\x1b[31m colour"}, "control character"),
    ({"reason": 12345678}, "must be text"),
    ({"key": ""}, "must not be empty"),
    ({"key": "x" * 201}, "201 characters"),
    ({"key": "a\nb"}, "control character"),
    ({"key": 7}, "must be text"),
    ({"evidence": [10**6]}, "no event @1000000"),
    ({"evidence": [-1]}, "from 0"),
    ({"evidence": [True]}, "whole number"),
    ({"evidence": "12"}, "list of positions"),
    ({"evidence": list(range(101))}, "too many"),
    ({"client": {"user": "ann"}}, "does not say 'user'"),
    ({"client": {"name": ["ann"]}}, "is text"),
    ({"client": {"name": True}}, "is text"),
    ({"client": {"request": 10**5000}}, "is text"),
    ({"ids": []}, "No ids were given"),
    ({"where": "label == true"}, "give one of the two"),
    ({"ids": [], "where": "label == false"}, "nothing to propose"),
    ({"ids": [], "campaign": "nowhere"}, "no campaign"),
]


@pytest.mark.parametrize(("changes", "says"), WRONG)
def test_a_wrong_request_is_refused(ledger: Ledger, tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    """With one sentence that says what is wrong; the ledger stays as it was, tried or meant."""
    given = {"ids": some(ledger, tmp_path), "verdict": "accept", "reason": WHY, **changes}
    ids, verdict = given.pop("ids"), given.pop("verdict")
    before = head(ledger)
    for dry_run in (False, True):
        with pytest.raises(BadRequest, match=says):
            ledger.propose(ids, verdict, dry_run=dry_run, **given)
    assert head(ledger) == before


@pytest.mark.parametrize(
    ("ids", "error"), [(["ab" * 32], NoSuchId), (["xyz"], BadRequest), ([""], BadRequest), (["ab" * 40], BadRequest)]
)
def test_samples_that_are_not_there(ledger: Ledger, tmp_path: Path, ids: list[str], error: type[LedgerError]) -> None:
    """An id that names nothing stops all of it."""
    good = some(ledger, tmp_path)
    with pytest.raises(error):
        ledger.propose([*good, *ids], "accept", reason=WHY)
    with pytest.raises(ConditionInvalid):
        ledger.propose([], "accept", reason=WHY, where="label ==")
    assert ledger.proposals("all")["proposals"] == []


def test_there_is_a_most(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal about more samples than one can be about is refused."""
    monkeypatch.setattr(proposal_request, "MOST", 3)
    ids = some(ledger, tmp_path)
    assert ledger.propose(ids[:3] * 2, "accept", reason=WHY)["count"] == 3
    for chosen in ({"ids": ids}, {"ids": [], "campaign": "one"}):
        with pytest.raises(BadRequest, match="at most 3 samples"):
            ledger.propose(verdict="accept", reason=WHY, **chosen)


def test_samples_are_named_or_chosen(ledger: Ledger, tmp_path: Path) -> None:
    """By prefix, by condition or by campaign, as for the other verbs; evidence is kept in order, once each."""
    ids = some(ledger, tmp_path)
    some(ledger, tmp_path, 2, "two")
    assert ledger.propose([ids[0][:12]], "accept", reason=WHY)["count"] == 1
    assert ledger.propose([], "accept", reason=WHY, campaign="two")["count"] == 2
    chosen = ledger.propose([], "accept", reason=WHY, where='campaign == "one"', evidence=[3, 1, 3])
    assert chosen["count"] == 4
    assert ledger.proposal(chosen["name"])["evidence"] == [1, 3]


@given(st.dictionaries(st.sampled_from(CLIENT), st.none() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1)))
def test_what_a_client_says_is_kept_plain(said: dict[str, str | int | None]) -> None:
    """Whatever it is: every field is there, a text without control characters of 200 at most, or null."""
    found = checked_circumstances(None, said)["client"]
    assert list(found) == list(CLIENT)
    for name, word in found.items():
        assert (word is None) == (said.get(name) is None)
        assert word is None or (len(word) <= 200 and not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in word))
        if isinstance(plain := said.get(name), str) and plain.isprintable() and len(plain) <= 200:
            assert word == plain


def test_half_a_character_of_a_client_is_left_out(ledger: Ledger, tmp_path: Path) -> None:
    """What cannot stand in an event does not get there, and does not stop the request."""
    ids = some(ledger, tmp_path)
    made = ledger.propose(ids, "accept", reason=WHY, client={"name": "a\ud800b\x00c", "request": 7})
    assert ledger.proposal(made["name"])["client"] == {**NOTHING, "name": "abc", "request": "7"}
    assert ledger.proposal(ledger.propose(ids, "reject", reason=WHY)["name"])["client"] == NOTHING


def test_an_erased_list_is_not_taken_for_one(ledger: Ledger, tmp_path: Path) -> None:
    """The bytes of a list that were erased as a broken line before do not come in again as a list."""
    (one, *_) = some(ledger, tmp_path)
    listed = f'[["{one}","{ledger.show(one)["version"][3:]}"]]'
    (tmp_path / "broken.jsonl").write_text(listed + "\n", encoding="utf-8")
    ledger.ingest(tmp_path / "broken.jsonl", campaign="one")
    (broken,) = ledger.quarantine()
    ledger.erase([broken["event"]], reason="asked for", authority="ticket 7", yes=True)
    with pytest.raises(BadRequest, match="was erased as something else"):
        ledger.propose([one], "accept", reason=WHY)
    assert ledger.verify()["findings"] == []


def test_a_list_that_a_proposal_stands_on_is_never_erased(ledger: Ledger, tmp_path: Path) -> None:
    """Also where a broken line has the same bytes, and also when it is settled."""
    (one, *_) = some(ledger, tmp_path)
    made = ledger.propose([one], "accept", reason=WHY)
    listed = ledger.proposal(made["name"])["list"]
    version = ledger.show(one)["version"][3:]
    (tmp_path / "broken.jsonl").write_text(f'[["{one}","{version}"]]\n', encoding="utf-8")
    ledger.ingest(tmp_path / "broken.jsonl", campaign="one")
    (broken,) = ledger.quarantine()
    assert broken["blob"] == listed
    ledger.accept_proposal(made["name"])
    with pytest.raises(BadRequest, match="it is never erased"):
        ledger.erase([broken["event"]], reason="asked for", authority="ticket 7", yes=True)


def test_an_erasure_tells_of_the_proposals_that_quote_the_text(ledger: Ledger, tmp_path: Path) -> None:
    """Events stay, so whoever erases hears which reasons, and which runs, hold a piece of what is erased."""
    private_text = "born in Marylebone in 1971"
    rows = [line("who?", private_text), line("what?", "nothing of it")]
    ledger.ingest([write_lines(tmp_path / "in.jsonl", rows)], campaign="one")
    private, other = sample_ids(ledger)
    quotes = ledger.propose([other], "reject", reason=f"as the one {private_text}")
    ledger.propose([private], "accept", reason=WHY)
    ledger.decline_proposal(quotes["name"], reason=f"not {private_text}")
    done = ledger.erase([private], reason="asked for", authority="ticket 7", yes=True)
    kinds = ["run_started", "proposed", "run_started", "proposal_declined"]
    assert [one["kind"] for one in done["quoting"]] == kinds
    assert {name for one in done["quoting"] for name in one["fields"]} == {"params", "reason"}
