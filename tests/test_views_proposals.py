"""The fold of proposals: what waits, what became of the others, and what a foreign hand cannot make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger, projection
from ledger.digest import decode
from ledger.event import KINDS, Stamp, draft, leaf_bytes
from ledger.views import proposals
from tests.logs import findings, folded, store_of, tables, tampering
from tests.proposing import WHY, head, some
from tests.scoring import append
from tests.test_views_scores import handle, views


def settling(kind: str, proposal: str, reason: str = "") -> object:
    """Return the event that accepts or declines a proposal, as a foreign program could append it."""
    fields = {"authority": "person", "proposal": proposal, "reason": reason}
    more = {"confirmed": "none", "policy": None} if kind == "proposal_accepted" else {}
    return draft(kind, None, None, {**fields, **more})


def test_nothing_waits_in_the_beginning(ledger: Ledger, tmp_path: Path) -> None:
    """Then a proposal is found by its sample, its place and its id, until it is settled."""
    assert proposals.by_state(views(ledger)) == {"open": 0, "accepted": 0, "declined": 0}
    one, other, _, _ = some(ledger, tmp_path)
    first = ledger.propose([one, other], "accept", reason=WHY)
    second = ledger.propose([one], "reject", reason=WHY)
    found = proposals.about(views(ledger), handle(ledger, one), 5)
    assert [each.position for each in found] == [first["position"], second["position"]]
    assert proposals.about(views(ledger), handle(ledger, one), 1) == found[:1]
    assert proposals.get(views(ledger), first["position"]) == found[0]
    assert proposals.get(views(ledger), first["position"] + 1) is None
    op = bytes.fromhex(second["proposal"])
    assert proposals.between(views(ledger), op, op, 9) == found[1:]
    ledger.accept_proposal("P" + str(first["position"]))
    assert [each.op for each in proposals.about(views(ledger), handle(ledger, one), 5)] == [op]
    assert proposals.about(views(ledger), handle(ledger, other), 5) == []
    ledger.decline_proposal(second["proposal"], reason="no")
    assert proposals.by_state(views(ledger)) == {"open": 0, "accepted": 1, "declined": 1}
    assert tables(views(ledger))["proposed_samples"] == []


def test_a_page_of_them(ledger: Ledger, tmp_path: Path) -> None:
    """Oldest first, after a position, in the states that are asked for."""
    ids = some(ledger, tmp_path)
    places = [ledger.propose([one], "accept", reason=WHY)["position"] for one in ids]
    ledger.accept_proposal(places[1])
    every = proposals.listed(views(ledger), proposals.STATES, -1, 9)
    assert [each.position for each in every] == places
    assert [each.position for each in proposals.listed(views(ledger), ("open",), places[0], 1)] == [places[2]]


@pytest.mark.parametrize("batch", [1, 3, 100_000])
def test_the_first_event_that_settles_counts(ledger: Ledger, tmp_path: Path, batch: int) -> None:
    """A log that another program wrote may settle twice, or settle what is no proposal: every cut folds it alike."""
    (one, *_) = some(ledger, tmp_path)
    made = ledger.propose([one], "accept", reason=WHY)
    declined = settling("proposal_declined", made["proposal"])
    accepted = settling("proposal_accepted", made["proposal"])
    append(ledger, "settle", [declined, accepted, settling("proposal_accepted", one)])  # type: ignore[list-item]
    (found,) = proposals.listed(views(ledger), proposals.STATES, -1, 9)
    assert (found.state, found.settled) == ("declined", made["position"] + 3)
    assert ledger.status()["by_status"]["pending"] == 4
    followed = tables(views(ledger))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection, "BATCH", batch)
        assert folded(ledger.path, head(ledger)) == followed
    assert ledger.verify()["findings"] == []


def test_a_proposal_of_what_is_not_there_yet(ledger: Ledger, tmp_path: Path) -> None:
    """A forged list that names a sample of later, the same one twice or none at all: the same views however folded."""
    one, _, _, _ = some(ledger, tmp_path)
    with Ledger.init(tmp_path / "other.db") as other:
        (later,) = some(other, tmp_path, 1, "two")
    store = store_of(ledger)
    with store.transaction() as transaction:
        pairs = ",".join(f'["{each}","{"00" * 32}"]' for each in (one, one, later, "ab" * 32))
        digest, blob = transaction.add_blob(f"[{pairs}]".encode())
    said = {"client": {}, "count": 4, "evidence": [], "key": "k", "members": digest.hex()}
    append(ledger, "x", [draft("proposed", None, blob, {**said, "proposer": "x", "reason": WHY, "verdict": "accept"})])
    assert some(ledger, tmp_path, 1, "two") == [later]
    followed = tables(views(ledger))
    assert [row[1] for row in followed["proposed_samples"]] == [handle(ledger, one)]
    assert folded(ledger.path, head(ledger)) == followed


def test_a_forged_settlement_is_found(ledger: Ledger, tmp_path: Path) -> None:
    """An acceptance of what was never proposed, and a view that says something else than the log, have findings."""
    (one, *_) = some(ledger, tmp_path)
    made = ledger.propose([one], "accept", reason=WHY)
    ledger.accept_proposal(made["name"])
    ledger.close()
    assert findings(ledger.path) == set()
    with tampering(ledger.path) as connection:
        connection.execute("UPDATE proposals SET state = 'open', settled = NULL")
    assert findings(ledger.path) == {"view_drift"}
    with tampering(ledger.path) as connection:
        connection.execute("UPDATE proposals SET state = 'accepted', settled = ?", (made["position"] + 3,))
        sql = "SELECT position, leaf FROM event WHERE kind = 'proposal_accepted'"
        position, text = connection.execute(sql).fetchone()
        leaf = decode(text)
        fields = {key: leaf[key] for key in KINDS["proposal_accepted"].fields} | {"proposal": "ab" * 32}
        stamp = Stamp(leaf["actor"], leaf["via"], leaf["at"], leaf["run"])
        forged = (draft("proposal_accepted", None, None, fields).op, leaf_bytes("proposal_accepted", fields, stamp))
        told = (forged[0], forged[1].decode(), position)
        connection.execute("UPDATE event SET op = ?, leaf = ? WHERE position = ?", told)
    assert {"reference_missing", "head_mismatch"} <= findings(ledger.path)


def test_another_list_is_found(ledger: Ledger, tmp_path: Path) -> None:
    """The list of its samples is what a proposal's event names: another in its place, or none, is a finding."""
    (one, *_) = some(ledger, tmp_path)
    ledger.propose([one], "accept", reason=WHY)
    ledger.close()
    with tampering(ledger.path) as connection:
        connection.execute("UPDATE event SET blob = 1 WHERE kind = 'proposed'")
    assert "column_mismatch" in findings(ledger.path)
