"""What other answers say of proposals: those about a sample while they wait, how many wait, and the log's sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import CorruptLedger
from ledger.reports import proposals as report
from ledger.views import proposals
from tests.logs import foreign, store_of, unguarded
from tests.proposing import WHY, some
from tests.test_views_scores import views


def test_why_and_show_tell_what_waits(ledger: Ledger, tmp_path: Path) -> None:
    """Of the samples that it is about, and only while it is open."""
    one, other, _, third = some(ledger, tmp_path)
    made = ledger.propose([one, other], "reject", reason=WHY)
    (told,) = ledger.why(one)["proposals"]
    assert told == {name: made[name] for name in told}
    assert set(told) == {
        "proposal",
        "name",
        "position",
        "time",
        "proposer",
        "via",
        "verdict",
        "reason",
        "count",
    }
    assert ledger.show(other)["proposals"] == [told]
    assert ledger.why(third)["proposals"] == ledger.show(third)["proposals"] == []
    ledger.accept_proposal(made["name"])
    assert ledger.why(one)["proposals"] == ledger.show(one)["proposals"] == []


def test_of_many_some_are_told(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest; that there are more is said."""
    (one, *_) = some(ledger, tmp_path)
    names = [ledger.propose([one], "reject", reason=WHY, key=key)["name"] for key in "abc"]
    assert [each["name"] for each in ledger.why(one)["proposals"]] == names
    assert "proposals" not in ledger.why(one)["cut"]
    for module in ("why", "show", "proposals"):
        monkeypatch.setattr(f"ledger.reports.{module}.MOST_ABOUT", 2)
    why = ledger.why(one)
    assert [each["name"] for each in why["proposals"]] == names[:2]
    assert "proposals" in why["cut"]
    assert len(ledger.show(one)["proposals"]) == 2


def test_status_counts_them(ledger: Ledger, tmp_path: Path) -> None:
    """By state, from the first day on."""
    assert ledger.status()["proposals"] == {"open": 0, "accepted": 0, "declined": 0}
    made = ledger.propose(some(ledger, tmp_path), "reject", reason=WHY)
    assert ledger.status()["proposals"]["open"] == 1
    ledger.accept_proposal(made["name"])
    assert ledger.status()["proposals"] == {"open": 0, "accepted": 1, "declined": 0}


def test_the_log_tells_them_in_a_sentence(ledger: Ledger, tmp_path: Path) -> None:
    """What was proposed and why, and what was said to it."""
    ids = some(ledger, tmp_path)
    made = ledger.propose(ids, "reject", reason=WHY)
    other = ledger.propose(ids[:1], "label-true", reason=WHY)
    ledger.accept_proposal(made["name"], reason="seen")
    ledger.decline_proposal(other["name"], reason="no need")
    told = [event["sentence"] for event in ledger.log(limit=1000) if event["kind"].startswith("propos")]
    assert told == [
        f"proposed reject of 4 samples: {WHY}",
        f"proposed label-true of 1 sample: {WHY}",
        f"accepted the proposal {made['proposal'][:12]}: seen",
        f"declined the proposal {other['proposal'][:12]}: no need",
    ]


def test_an_event_that_is_gone_is_damage(ledger: Ledger, tmp_path: Path) -> None:
    """What settled a proposal, or began its run, is missing: that has a name."""
    made = ledger.propose(some(ledger, tmp_path), "reject", reason=WHY)
    done = ledger.accept_proposal(made["name"])
    ledger.close()
    with foreign(ledger.path) as connection:
        unguarded(connection)
        connection.execute("DELETE FROM event WHERE position = ?", (done["settled"]["position"],))
    with Ledger.open(ledger.path, trust=True) as damaged:
        proposal = proposals.get(views(damaged), made["position"])
        assert proposal is not None
        with pytest.raises(CorruptLedger, match="is missing"):
            report.told(store_of(damaged), proposal)
