"""Proposing, and recording what somebody confirmed: one commit each, once for each request, trusted only by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ErasedBytes, HeadMoved, NoSuchProposal, ProposalSettled
from tests.logs import line, sample_ids, store_of, write_lines
from tests.proposing import COUNTS, TRUST, VERDICTS, WHY, as_actor, head, others, some, trust

KEYS = {
    "proposal",
    "name",
    "position",
    "time",
    "proposer",
    "via",
    "verdict",
    "reason",
    "count",
    "key",
    "state",
    "settled",
    "repeated",
}
SETTLED = {
    "position",
    "event",
    "time",
    "actor",
    "via",
    "authority",
    "confirmed",
    "policy",
    "reason",
    *COUNTS,
    "events",
}


def kinds(ledger: Ledger, after: int) -> list[str]:
    """Return the kinds of the events after a position."""
    return [event["kind"] for event in ledger.log(limit=10_000) if event["position"] > after]


def counts(settled: dict[str, Any]) -> list[int]:
    """Return changed, outranked, unchanged, changed since, erased."""
    return [settled[name] for name in COUNTS]


def test_a_proposal_is_one_event(ledger: Ledger, tmp_path: Path) -> None:
    """It changes no view but its own, and the answer has always the same keys."""
    ids = some(ledger, tmp_path)
    before, began = others(ledger), head(ledger)
    tried = ledger.propose(ids[:2], "reject", reason=WHY, dry_run=True)
    assert head(ledger) == began
    made = ledger.propose(ids[:2], "reject", reason=WHY)
    assert kinds(ledger, began) == ["run_started", "proposed", "run_finished"]
    assert others(ledger) == before
    assert set(made) == set(tried) == KEYS | {"would", "would_accept"}
    assert (made["proposal"], made["key"], made["count"]) == (tried["proposal"], tried["key"], tried["count"])
    assert tried["would"] == {**dict.fromkeys(COUNTS, 0), "changed": 2}
    assert (made["name"], made["state"], made["settled"]) == (f"P{made['position']}", "open", None)
    assert (made["proposer"], made["via"], made["repeated"]) == ("tester", "api", False)
    again = ledger.propose(ids[:2], "reject", reason=WHY, dry_run=True)
    assert (again["position"], again["repeated"], again["would"]) == (made["position"], True, None)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_what_each_verdict_decides(ledger: Ledger, tmp_path: Path, verdict: str) -> None:
    """Accepted, rejected, pending, or labelled: what people's own verbs do, with the proposal named."""
    (one, *_) = some(ledger, tmp_path)
    made = ledger.propose([one], verdict, reason=WHY)
    done = ledger.accept_proposal(made["name"])
    why = ledger.why(one)
    if verdict.startswith("label-"):
        assert why["label"] is {"true": True, "false": False, "none": None}[verdict[6:]]
        (said,) = why["labels"]
    else:
        assert why["status"] == {"accept": "accepted", "reject": "rejected", "defer": "pending"}[verdict]
        (said,) = why["decisions"]
    assert said["details"] == {"proposal": made["proposal"]}
    assert (said["authority"], said["reason"], said["actor"]) == ("person", WHY, "tester")
    assert done["settled"]["events"] == [said["position"]] * 2
    assert why["overrides"] == []


class TestKeys:
    """A key names one request of one proposer."""

    def test_another_request_under_a_key_is_refused(self, ledger: Ledger, tmp_path: Path) -> None:
        """Other samples, another verdict, another reason, other evidence; nothing is recorded."""
        ids = some(ledger, tmp_path)
        made = ledger.propose(ids[:2], "reject", reason=WHY, key="k", evidence=[1])
        before = head(ledger)
        same: dict[str, Any] = {"reason": WHY, "key": "k", "evidence": [1]}
        for chosen, verdict, change in (
            (ids[:3], "reject", {}),
            (ids[1:3], "reject", {}),
            (ids[:2], "accept", {}),
            (ids[:2], "reject", {"reason": f"{WHY}!"}),
            (ids[:2], "reject", {"evidence": []}),
        ):
            for act in (ledger.propose, ledger.record):
                with pytest.raises(BadRequest, match=f"stands for another proposal of yours, {made['name']}"):
                    act(chosen, verdict, **{**same, **change})
        assert ledger.propose(ids[1::-1], "reject", **same, client={"request": "2"})["repeated"]
        assert head(ledger) == before

    def test_a_key_is_its_proposer_s_own(self, ledger: Ledger, tmp_path: Path) -> None:
        """Two actors may use the same key for different requests."""
        ids = some(ledger, tmp_path)
        first = ledger.propose(ids, "reject", reason=WHY, key="k")
        with as_actor(ledger.path, "another") as other:
            second = other.propose(ids[:1], "accept", reason=WHY, key="k")
        assert not second["repeated"]
        assert first["proposal"] != second["proposal"]

    def test_versions_that_came_since_do_not_make_it_another(self, ledger: Ledger, tmp_path: Path) -> None:
        """A request with a key is the same after an edit and after an erasure; without one the versions are meant."""
        ids = some(ledger, tmp_path)
        keyed = ledger.propose(ids[:2], "reject", reason=WHY, key="k")
        plain = ledger.propose(ids[:1], "reject", reason=WHY)
        ledger.edit(ids[0], line("p", "edited"))
        assert ledger.propose(ids[:2], "reject", reason=WHY, key="k")["proposal"] == keyed["proposal"]
        assert ledger.propose(ids[:1], "reject", reason=WHY)["proposal"] != plain["proposal"]
        ledger.erase(ids[1:2], reason="asked for", authority="ticket 7", yes=True)
        assert ledger.propose(ids[:2], "reject", reason=WHY, key="k")["repeated"]
        with pytest.raises(ErasedBytes):
            ledger.propose(ids[:2], "reject", reason=WHY, key="another")

    def test_what_a_condition_chose_is_not_chosen_again(self, ledger: Ledger, tmp_path: Path) -> None:
        """The samples for which it held are other ones by now, because of the proposal itself."""
        some(ledger, tmp_path)
        where: dict[str, Any] = {"reason": WHY, "where": 'status != "rejected"', "key": "k"}
        made = ledger.propose([], "reject", **where)
        ledger.accept_proposal(made["name"])
        again = ledger.propose([], "reject", **where, expected_head=0)
        assert (again["repeated"], again["state"], again["count"]) == (True, "accepted", 4)
        with pytest.raises(BadRequest, match="another proposal"):
            ledger.propose([], "accept", **where)
        with pytest.raises(BadRequest, match="nothing to propose"):
            ledger.propose([], "reject", **{**where, "key": "another"})
        assert ledger.propose([], "reject", **{**where, "where": 'status == "rejected"'})["repeated"]  # the same ones

    def test_a_declined_proposal_stays_so(self, ledger: Ledger, tmp_path: Path) -> None:
        """The same asked again is answered with who declined it; it takes another key to ask anew."""
        ids = some(ledger, tmp_path)
        made = ledger.propose(ids, "reject", reason=WHY)
        ledger.decline_proposal(made["name"], reason="no need")
        again = ledger.propose(ids, "reject", reason=WHY)
        assert (again["state"], again["settled"]["reason"], again["repeated"]) == ("declined", "no need", True)
        with pytest.raises(ProposalSettled, match=r"was declined already, at position \d+"):
            ledger.record(ids, "reject", reason=WHY, key=made["key"])
        assert ledger.propose(ids, "reject", reason=WHY, key="again")["state"] == "open"


def test_whoever_wrote_meanwhile_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    """An expected head that the log has left refuses what is new, and repeats what was done."""
    ids = some(ledger, tmp_path)
    before = head(ledger)
    made = ledger.propose(ids, "reject", reason=WHY, expected_head=before)
    assert ledger.propose(ids, "reject", reason=WHY, expected_head=before)["repeated"]
    for dry_run in (False, True):
        with pytest.raises(HeadMoved):
            ledger.propose(ids, "accept", reason=WHY, expected_head=before, dry_run=dry_run)
    with pytest.raises(HeadMoved):
        ledger.record(ids, "accept", reason=WHY, key="once", expected_head=before)
    with pytest.raises(HeadMoved):
        ledger.record_proposal(made["name"], expected_head=before)
    done = ledger.record_proposal(made["name"], expected_head=head(ledger))
    assert done["state"] == "accepted"


class TestRecord:
    """Proposing and accepting in one commit, as an agent whom somebody confirmed."""

    def test_one_commit_and_one_answer(self, ledger: Ledger, tmp_path: Path) -> None:
        """The decisions are an agent's; made again it appends nothing and says the same."""
        ids = some(ledger, tmp_path)
        began = head(ledger)
        done = ledger.record(ids[:2], "reject", reason=WHY, key="k", client={"name": "host"})
        assert kinds(ledger, began) == [
            "run_started",
            "proposed",
            "proposal_accepted",
            "rejected",
            "rejected",
            "run_finished",
        ]
        assert set(done) == KEYS
        assert set(done["settled"]) == SETTLED
        settled = done["settled"]
        assert (settled["authority"], settled["confirmed"], settled["actor"]) == ("agent", "elicitation", "tester")
        assert counts(settled) == [2, 0, 0, 0, 0]
        assert ledger.why(ids[0])["decided"]["status"]["authority"] == "agent"
        end = head(ledger)
        ledger.reject(ids[:1], reason="seen by a person")
        again = ledger.record(ids[:2], "reject", reason=WHY, key="k", expected_head=end)
        assert again == {**done, "repeated": True}
        finished = next(event for event in ledger.log(limit=1000) if event["position"] == end)
        assert finished["sentence"].startswith("finished: 2 changed, 0 changed_since, 0 erased, 0 outranked")

    def test_what_waits_is_accepted(self, ledger: Ledger, tmp_path: Path) -> None:
        """By its id, or by the request that made it."""
        ids = some(ledger, tmp_path)
        first = ledger.propose(ids[:1], "reject", reason=WHY)
        second = ledger.propose(ids[1:2], "reject", reason=WHY)
        done = ledger.record_proposal(first["proposal"][:10], reason="yes", key="k", client={"request": "1"})
        assert (done["state"], done["settled"]["reason"], done["repeated"]) == ("accepted", "yes", False)
        again = ledger.record_proposal(first["name"], reason="yes", key="k", client={"request": "2"})
        assert again == {**done, "repeated": True}
        changes: list[dict[str, Any]] = [{"reason": "no"}, {"key": "l"}, {"confirmed": "none"}]
        for other in changes:
            with pytest.raises(ProposalSettled):
                ledger.record_proposal(first["name"], **{"reason": "yes", "key": "k", **other})
        with as_actor(ledger.path, "another") as another, pytest.raises(ProposalSettled):
            another.record_proposal(first["name"], reason="yes", key="k")
        recorded = ledger.record(ids[1:2], "reject", reason=WHY, key=second["key"])
        assert (recorded["proposal"], recorded["repeated"]) == (second["proposal"], False)

    def test_what_a_person_accepted_is_no_repetition_by_id(self, ledger: Ledger, tmp_path: Path) -> None:
        """Whoever asks for it by its request hears that it is done."""
        ids = some(ledger, tmp_path)
        made = ledger.propose(ids, "reject", reason=WHY)
        ledger.accept_proposal(made["name"])
        with pytest.raises(ProposalSettled):
            ledger.record_proposal(made["name"])
        again = ledger.record(ids, "reject", reason=WHY, key=made["key"])
        assert (again["repeated"], again["settled"]["authority"]) == (True, "person")

    def test_back_and_forth_is_recorded_each_time(self, ledger: Ledger, tmp_path: Path) -> None:
        """Accept, reject, accept for one reason are three decisions, and the last one stands."""
        ids = some(ledger, tmp_path)[:1]
        for number, verdict in enumerate(("accept", "reject", "accept")):
            assert not ledger.record(ids, verdict, reason=WHY, key=str(number))["repeated"]
        assert ledger.show(ids[0])["status"] == "accepted"

    def test_what_was_confirmed_is_what_is_recorded(self, ledger: Ledger, tmp_path: Path) -> None:
        """A version that came after the question is refused, and so is one erased; what is the same is recorded."""
        ids = some(ledger, tmp_path)
        ask: dict[str, Any] = {"reason": WHY, "key": "k"}
        seen = ledger.check_record(ids[:2], "reject", **ask)
        assert (seen["count"], seen["repeated"], seen["state"]) == (2, False, None)
        ledger.tag(ids[:1], "looked at", "yes")
        assert ledger.check_record(ids[1::-1], "reject", **ask)["list"] == seen["list"]
        edited = ledger.edit(ids[0], line("p", "another text"))
        before = head(ledger)
        assert ledger.check_record(ids[:2], "reject", **ask)["list"] != seen["list"]
        for members in (seen["list"], "b3:", "nothing"):
            with pytest.raises(BadRequest, match="changed after somebody was asked"):
                ledger.record(ids[:2], "reject", **ask, members=members)
        with pytest.raises(BadRequest, match="changed after somebody was asked"):
            ledger.record(ids[:3], "reject", **ask, members=seen["list"])
        assert head(ledger) == before
        ledger.withdraw([f"@{edited['events'][0]}"])
        done = ledger.record(ids[:2], "reject", **ask, members=seen["list"])
        assert counts(done["settled"]) == [2, 0, 0, 0, 0]
        assert ledger.proposal(done["name"])["list"] == seen["list"]
        again = ledger.record(ids[:2], "reject", **ask, members="b3:")
        assert again == {**done, "repeated": True}

    def test_looking_first_says_what_recording_would(self, ledger: Ledger, tmp_path: Path) -> None:
        """It writes nothing, refuses what recording refuses, and knows what was recorded by whom."""
        ids = some(ledger, tmp_path)
        before = head(ledger)
        ask: dict[str, Any] = {"reason": WHY, "key": "k"}
        with pytest.raises(HeadMoved):
            ledger.check_record(ids, "reject", **ask, expected_head=before - 1)
        assert head(ledger) == before
        done = ledger.record(ids, "reject", **ask)
        seen = ledger.check_record(ids, "reject", **ask, expected_head=0)
        assert seen == {**done, "repeated": True, "list": seen["list"], "ledger": ledger.status()["ledger"]}
        assert not ledger.check_record(ids, "reject", **ask, actor="another")["repeated"]
        with pytest.raises(BadRequest, match="another proposal of yours"):
            ledger.check_record(ids, "accept", **ask)

        waits = ledger.propose(ids, "accept", reason=WHY, key="w", client={"name": "host"})
        ledger.edit(ids[0], line("p", "another text"))
        seen = ledger.check_record_proposal(waits["name"], key="r")
        listed = ledger.proposal(waits["name"])["list"]
        assert (seen["list"], seen["repeated"]) == (listed, False)
        assert ledger.check_record(ids, "accept", reason=WHY, key="w")["list"] == listed
        with pytest.raises(HeadMoved):
            ledger.check_record_proposal(waits["name"], key="r", expected_head=before)
        done = ledger.record_proposal(waits["name"], key="r")
        assert counts(done["settled"]) == [3, 0, 0, 1, 0]
        again = {**done, "repeated": True, "list": listed, "ledger": seen["ledger"]}
        assert ledger.check_record_proposal(waits["proposal"], key="r") == again
        with pytest.raises(ProposalSettled):
            ledger.check_record_proposal(waits["name"], key="other")

    def test_a_proposal_that_was_confirmed_is_the_one_that_is_recorded(self, ledger: Ledger, tmp_path: Path) -> None:
        """An answer about another proposal, list or ledger than the one that stands there is refused."""
        ids = some(ledger, tmp_path)
        made = ledger.propose(ids, "reject", reason=WHY, key="p")
        seen = ledger.check_record_proposal(made["name"], key="r")
        before = head(ledger)
        for name, other in (
            ("ledger", "0" * 32),
            ("list", "b3:"),
            ("position", 1),
            ("verdict", "accept"),
            ("count", 9),
        ):
            with pytest.raises(BadRequest, match="not the proposal that somebody was asked about"):
                ledger.record_proposal(made["name"], key="r", about={**seen, name: other})
        assert head(ledger) == before
        done = ledger.record_proposal(made["name"], key="r", about=seen)
        assert counts(done["settled"]) == [4, 0, 0, 0, 0]

    def test_what_a_person_overruled_is_outranked_the_second_time_too(self, ledger: Ledger, tmp_path: Path) -> None:
        """Nothing is appended of it again; every sample is counted once, and the range is of what was appended."""
        ids = some(ledger, tmp_path)
        with as_actor(ledger.path, "robot") as robot:
            robot.record(ids[:3], "reject", reason=WHY, key="1")
            ledger.accept(ids[:2], reason="good")
            again = robot.record(ids, "reject", reason=WHY, key="2")["settled"]
            labels = robot.record(ids[:1], "label-true", reason=WHY, key="3")["settled"]
        assert counts(again) == [1, 2, 1, 0, 0]
        assert again["events"] == [again["position"] + 1] * 2
        assert labels["events"] == [labels["position"] + 1] * 2

    def test_a_wrong_way_to_confirm(self, ledger: Ledger, tmp_path: Path) -> None:
        """It is one of a few words, and the ledger stays as it was."""
        ids = some(ledger, tmp_path)
        before = head(ledger)
        with pytest.raises(BadRequest, match="elicitation"):
            ledger.record(ids, "reject", reason=WHY, key="once", confirmed="surely")
        with pytest.raises(BadRequest, match="control character"):
            ledger.record_proposal("P3", reason="a\nb")
        with pytest.raises(NoSuchProposal):
            ledger.record_proposal("P3")
        assert head(ledger) == before

    def test_a_policy_s_later_word_is_answered(self, ledger: Ledger, tmp_path: Path) -> None:
        """An agent ranks with policies: what it said before a policy decided is said again, and then stands."""
        ids = some(ledger, tmp_path)
        ledger.record(ids[:1], "reject", reason=WHY, key="1")
        trust(ledger, tmp_path)
        assert ledger.why(ids[0])["status"] == "accepted"
        done = ledger.record(ids[:1], "reject", reason=WHY, key="2")
        assert counts(done["settled"]) == [1, 0, 0, 0, 0]
        assert ledger.why(ids[0])["status"] == "rejected"
        assert counts(ledger.record(ids[:1], "reject", reason=WHY, key="3")["settled"]) == [0, 0, 1, 0, 0]


class TestPolicies:
    """A policy accepts at once what it names, and nothing else."""

    def test_what_is_tried_names_the_policy(self, ledger: Ledger, tmp_path: Path) -> None:
        """Of a trusted actor; others hear that it would wait."""
        ids = some(ledger, tmp_path)
        policy = trust(ledger, tmp_path)
        with as_actor(ledger.path, "robot") as robot:
            tried = robot.propose(ids, "reject", reason=WHY, dry_run=True)
            assert tried["would_accept"] == policy
            made = robot.propose(ids, "reject", reason=WHY)
            assert made["settled"]["policy"] == policy
            assert counts(made["settled"]) == [tried["would"][name] for name in COUNTS]
            said = ledger.why(ids[0])["decided"]["status"]
            assert (said["authority"], said["actor"], said["policy"]) == ("agent", "robot", None)
            assert robot.propose(ids, "reject", reason=WHY) == {**made, "repeated": True}
            assert robot.propose(ids, "accept", reason=WHY, dry_run=True)["would_accept"] is None
        for name in ("tester", "rob", "robots", "Robot"):
            with as_actor(ledger.path, name) as other:
                assert other.propose(ids, "reject", reason=WHY, dry_run=True)["would_accept"] is None

    def test_one_policy_for_all_campaigns(self, ledger: Ledger, tmp_path: Path) -> None:
        """Where campaigns have different policies, a proposal about both waits, though each trusts its proposer."""
        both = some(ledger, tmp_path, 1, "one") + some(ledger, tmp_path, 1, "two")
        trust(ledger, tmp_path)
        trust(ledger, tmp_path, TRUST.replace('"short"', '"brief"'), "two")
        with as_actor(ledger.path, "robot") as robot:
            assert robot.propose(both, "reject", reason=WHY)["state"] == "open"
            assert robot.propose(both[:1], "reject", reason=WHY)["state"] == "accepted"
            assert robot.propose(both[1:], "reject", reason=WHY)["state"] == "accepted"
        trust(ledger, tmp_path, campaign="two")
        with as_actor(ledger.path, "robot") as robot:
            assert robot.propose(both, "label-true", reason=WHY)["state"] == "accepted"

    def test_a_policy_that_is_no_longer_in_force_trusts_nobody(self, ledger: Ledger, tmp_path: Path) -> None:
        """The one in force when somebody proposes counts; no policy at all trusts nobody either."""
        ids = some(ledger, tmp_path)
        with as_actor(ledger.path, "robot") as robot:
            assert robot.propose(ids, "reject", reason=WHY, key="1")["state"] == "open"
            trust(ledger, tmp_path)
            assert robot.propose(ids, "reject", reason=WHY, key="1")["state"] == "open"
            trust(ledger, tmp_path, TRUST.split("[[proposals]]")[0])
            assert robot.propose(ids, "reject", reason=WHY, key="2")["state"] == "open"


def test_killed_before_the_commit_nothing_is_there(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proposal, acceptance and decisions are one commit: what breaks off in it leaves none of them."""
    ids = some(ledger, tmp_path)
    before, began = others(ledger), head(ledger)

    def stop(*_: object) -> None:
        raise BadRequest("stopped")

    monkeypatch.setattr(store_of(ledger), "seal", stop)
    for act in (ledger.propose, ledger.record):
        with pytest.raises(BadRequest, match="stopped"):
            act(ids, "reject", reason=WHY, key="k")
    assert (head(ledger), others(ledger)) == (began, before)


def test_decisions_of_a_proposal_can_be_withdrawn(ledger: Ledger, tmp_path: Path) -> None:
    """Each is a decision like any other; the proposal stays accepted."""
    ids = some(ledger, tmp_path)
    done = ledger.record(ids, "reject", reason=WHY, key="once")
    first, last = done["settled"]["events"]
    ledger.withdraw([f"@{first}-@{last}"], reason="too fast")
    assert ledger.status()["by_status"]["pending"] == 4
    assert ledger.proposal(done["name"])["state"] == "accepted"
    assert ledger.verify()["findings"] == []


def test_a_packed_ledger_and_an_archive_hold_them_all(ledger: Ledger, tmp_path: Path) -> None:
    """Packing leaves the lists as folds read them, and an archive of the log makes the same proposals."""
    ids = some(ledger, tmp_path)
    ledger.record(ids[:2], "reject", reason=WHY, key="once")
    ledger.propose(ids, "accept", reason=WHY)
    told = ledger.proposals("all")
    ledger.compact(codec="zstd")
    sql = "SELECT codec FROM main.blob WHERE id IN (SELECT members FROM proposals)"
    assert store_of(ledger).connection.execute(sql).fetchall() == [(0,)] * 2
    ledger.rebuild_views()
    assert ledger.proposals("all") == told
    ledger.export_events(tmp_path / "archive.jsonl.gz")
    ledger.close()
    Ledger.import_events(tmp_path / "archive.jsonl.gz", tmp_path / "again.db")
    with Ledger.open(tmp_path / "again.db") as again:
        assert again.proposals("all") == told
        assert again.verify()["findings"] == []
        assert sample_ids(again) == ids


def test_a_file_of_the_same_name_brings_no_sample_into_a_proposal(ledger: Ledger, tmp_path: Path) -> None:
    """What is ingested after a proposal by a condition is not part of it."""
    some(ledger, tmp_path)
    made = ledger.propose([], "reject", reason=WHY, campaign="one")
    ledger.ingest([write_lines(tmp_path / "more.jsonl", [line("p", "more")])], campaign="one")
    done = ledger.accept_proposal(made["name"])
    assert done["count"] == 4
    assert ledger.status()["by_status"]["rejected"] == 4
