"""Where each sample stands: decisions, labels, versions, tags, splits and their withdrawal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes
from ledger.event import Draft, draft
from ledger.verbs.run import Run, Who
from ledger.views import decisions, labels, samples, tags, versions, withdrawals
from tests.logs import line, sample_ids, store_of, write_lines


@pytest.fixture
def one(ledger: Ledger, tmp_path: Path) -> str:
    """Return the id of the one sample of the ledger: prompt p, completion c, label true, tag n=1."""
    source = write_lines(tmp_path / "in.jsonl", [line("p", "c", label=True, tags={"n": "1"}, domain="d")])
    ledger.ingest([source], campaign="c")
    return sample_ids(ledger)[0]


def by_policy(ledger: Ledger, *made: Draft) -> None:
    """Append decisions as a policy makes them."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        Run(store.ledger_id, "decide", {}, Who("engine", authority="policy")).append(transaction, made)


def decision(ledger: Ledger, sample: str, outcome: str, number: int = 0) -> Draft:
    """Return a decision of a policy about a sample's current version."""
    row = samples.get(store_of(ledger).connection, ledger.why(sample)["origin"]["position"])
    assert row is not None
    fields: dict[str, Any] = {
        "after": str(number),
        "authority": "policy",
        "details": {"value": "0.31"},
        "policy": "00" * 32,
        "reason": "too low",
        "rule": "min_quality",
        "sample": sample,
        "version": row.hash.hex(),
    }
    return draft(outcome, row.sample, row.version, fields)


def relabeling(ledger: Ledger, sample: str, label: bool | None) -> Draft:  # noqa: FBT001 - a label
    """Return a label that a policy gives to a sample."""
    made = decision(ledger, sample, "accepted")
    fields = {**made.fields, "label": label}
    return draft("relabeled", made.sample, made.blob, fields)


def test_people_outrank_policy_until_withdrawn(ledger: Ledger, one: str) -> None:
    """A person's decision stands before and after a policy's; withdrawn, the policy's applies again."""
    by_policy(ledger, decision(ledger, one, "rejected"))
    assert (ledger.why(one)["status"], ledger.why(one)["reason"]) == ("rejected", "min_quality")
    position = ledger.accept([one], reason="it is fine")["events"][0]
    by_policy(ledger, decision(ledger, one, "rejected", 1))
    assert (ledger.why(one)["status"], ledger.why(one)["reason"]) == ("accepted", "it is fine")
    ledger.withdraw([f"@{position}"])
    assert ledger.why(one)["status"] == "rejected"
    told = decisions.of_sample(store_of(ledger).connection, ledger.why(one)["origin"]["position"])
    assert [(d.outcome, d.authority, d.withdrawn is None) for d in told] == [
        ("rejected", "policy", True),
        ("accepted", "person", False),
        ("rejected", "policy", True),
    ]
    handle = ledger.why(one)["origin"]["position"]
    said = decisions.history(store_of(ledger).connection, [handle, 999])[handle]
    assert [d.position for d in said] == [d.position for d in told]
    assert decisions.leaves(store_of(ledger).connection, [told[0].position]) == {told[0].position: told[0].leaf}


@pytest.mark.parametrize(("outcome", "status"), [("deferred", "pending"), ("superseded", "superseded")])
def test_outcomes_and_statuses(ledger: Ledger, one: str, outcome: str, status: str) -> None:
    """Deferred is pending; every other outcome is its own status, counted as such."""
    by_policy(ledger, decision(ledger, one, outcome))
    assert ledger.why(one)["status"] == status
    assert ledger.status()["by_status"][status] == 1
    assert ledger.status()["conserved"]


def test_people_outrank_policy_in_labels_too(ledger: Ledger, one: str) -> None:
    """A label that a person gave stands whatever a policy says later, until it is withdrawn."""
    assert (ledger.show(one)["label"], ledger.why(one)["label_from"]) == (True, "envelope")
    position = ledger.relabel([one], "none", reason="unsure")["events"][0]
    by_policy(ledger, relabeling(ledger, one, label=False))
    assert ledger.show(one)["label"] is None
    assert ledger.status()["by_label"] == {"true": 0, "false": 0, "none": 1}
    ledger.withdraw([f"@{position}"])
    assert ledger.show(one)["label"] is False
    handle = ledger.why(one)["origin"]["position"]
    told = labels.history(store_of(ledger).connection, [handle, 999])[handle]
    assert [(given.label, given.authority, given.withdrawn is None) for given in told] == [
        (None, "person", False),
        (0, "policy", True),
    ]


def test_a_rejection_is_not_a_false_label(ledger: Ledger, one: str) -> None:
    """Status and label are independent."""
    ledger.reject([one], reason="bad")
    assert (ledger.show(one)["status"], ledger.show(one)["label"]) == ("rejected", True)


def test_edits_and_their_withdrawal_in_any_order(ledger: Ledger, one: str) -> None:
    """The last edit that stands is the version; with none left it is the first bytes again."""
    first = ledger.show(one)
    edits = [ledger.edit(one, line("p", f"edit {number}"))["events"][0] for number in range(3)]
    assert ledger.show(one)["content"]["completion"] == "edit 2"
    ledger.withdraw([f"@{edits[1]}"])
    assert ledger.show(one)["content"]["completion"] == "edit 2"
    ledger.withdraw([f"@{edits[2]}"])
    assert ledger.show(one)["content"]["completion"] == "edit 0"
    ledger.withdraw([f"@{edits[0]}"])
    assert ledger.show(one)["content"] == first["content"]
    assert ledger.show(one)["fingerprint"] == first["fingerprint"]
    told = versions.of_sample(store_of(ledger).connection, ledger.why(one)["origin"]["position"])
    assert [position for position, _, withdrawn in told if withdrawn is not None] == edits
    assert withdrawals.by(store_of(ledger).connection, edits[0]) is not None
    assert withdrawals.by(store_of(ledger).connection, edits[0] + 100) is None


def test_a_decision_is_about_a_version(ledger: Ledger, one: str) -> None:
    """After an edit nobody has decided about the new version; when the edit is withdrawn the old decision stands."""
    ledger.accept([one], reason="good")
    edited = ledger.edit(one, line("p", "another"))["events"][0]
    assert (ledger.why(one)["status"], ledger.why(one)["reason"]) == ("pending", None)
    ledger.reject([one], reason="worse")
    assert ledger.why(one)["status"] == "rejected"
    ledger.withdraw([f"@{edited}"])
    assert (ledger.why(one)["status"], ledger.why(one)["reason"]) == ("accepted", "good")
    assert ledger.verify()["ok"]


def test_label_tags_and_domain_stay_through_an_edit(ledger: Ledger, one: str) -> None:
    """An edit changes the training fields only."""
    ledger.edit(one, line("p", "another", label=False, tags={"n": "2"}, domain="e"))
    shown = ledger.show(one)
    assert (shown["label"], shown["tags"], shown["domain"]) == (True, {"n": "1"}, "d")


def test_tags_set_removed_and_withdrawn(ledger: Ledger, one: str) -> None:
    """The last that stands counts; a removal can be withdrawn like any other."""
    ledger.tag([one], "n", "2")
    removed = ledger.tag([one], "n", None)["events"][0]
    ledger.tag([one], "colour", "blau")
    assert ledger.show(one)["tags"] == {"colour": "blau"}
    ledger.withdraw([f"@{removed}"])
    handle = ledger.why(one)["origin"]["position"]
    connection = store_of(ledger).connection
    assert tags.of_sample(connection, handle) == {"colour": "blau", "n": "2"}
    assert tags.of_samples(connection, [handle, 999]) == {handle: {"colour": "blau", "n": "2"}}


def test_samples_are_found_in_several_ways(ledger: Ledger, one: str) -> None:
    """By handle, fingerprint and version; what is not there is none."""
    connection = store_of(ledger).connection
    row = samples.get(connection, ledger.why(one)["origin"]["position"])
    assert row is not None
    assert samples.by_fingerprint(connection, row.fingerprint, 5) == [row]
    assert samples.of_version(connection, row.version, 5) == [row.sample]
    assert samples.rows_of(connection, [row.sample, 999]) == {row.sample: row}
    version = samples.versions_of(connection, [row.sample])[row.sample]
    assert (version.hash, version.reader, version.label) == (row.hash, row.reader, 1)
    assert blake3_bytes(version.body or b"") == row.hash
    assert samples.forms(connection) == {"standard": 1}
    assert samples.get(connection, 999) is None
