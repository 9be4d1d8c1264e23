"""Which proposals there are: in pages, by state, now and as of then, and one of them in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, NoSuchProposal
from tests.logs import line
from tests.proposing import WHY, head, some


def test_pages(ledger: Ledger, tmp_path: Path) -> None:
    """Oldest first; `next` goes on where a page ended, until there is none."""
    ids = some(ledger, tmp_path, 5)
    names = [ledger.propose([one], "accept", reason=WHY)["name"] for one in ids]
    found: list[str] = []
    after: int | None = None
    while True:
        page = ledger.proposals(limit=2, after=after)
        found += [one["name"] for one in page["proposals"]]
        after = page["next"]
        if after is None:
            break
    assert found == names
    assert ledger.proposals(limit=5)["next"] is None
    assert [one["name"] for one in ledger.proposals(after=names[3])["proposals"]] == names[4:]


def test_states(ledger: Ledger, tmp_path: Path) -> None:
    """Open ones unless others are asked for; the counts are those of all."""
    ids = some(ledger, tmp_path)
    made = [ledger.propose([one], "accept", reason=WHY) for one in ids[:3]]
    ledger.accept_proposal(made[0]["name"])
    ledger.decline_proposal(made[1]["name"], reason="no")
    for state, wanted in (("open", made[2:]), ("accepted", made[:1]), ("declined", made[1:2]), ("all", made)):
        answer = ledger.proposals(state)
        assert [one["proposal"] for one in answer["proposals"]] == [one["proposal"] for one in wanted]
        assert answer["by_state"] == {"open": 1, "accepted": 1, "declined": 1}
        assert answer["head"]["position"] == head(ledger)
    with pytest.raises(BadRequest, match="did you mean 'open'"):
        ledger.proposals("opn")
    for limit in (0, 1001, "5", True):
        with pytest.raises(BadRequest):
            ledger.proposals(limit=limit)  # type: ignore[arg-type]
    with pytest.raises(NoSuchProposal):
        ledger.proposals(after="P1")


def test_as_of_then(ledger: Ledger, tmp_path: Path) -> None:
    """A proposal waits until the moment that settled it, and is not there before its own."""
    ids = some(ledger, tmp_path)
    began = head(ledger)
    made = ledger.propose(ids, "reject", reason=WHY)
    then = ledger.proposal(made["name"])
    waiting = head(ledger)
    ledger.edit(ids[0], line("p", "another text"))
    done = ledger.accept_proposal(made["name"])
    past = ledger.proposal(made["name"], as_of=waiting)
    assert past == then
    assert (past["state"], past["would"]["changed"]) == ("open", 4)
    assert [one["now"] for one in past["members"]] == ["same"] * 4
    assert ledger.proposals(as_of=waiting)["by_state"] == {"open": 1, "accepted": 0, "declined": 0}
    assert ledger.proposal(made["name"])["settled"] == done["settled"]
    assert ledger.proposals("all", as_of=began)["proposals"] == []
    with pytest.raises(NoSuchProposal):
        ledger.proposal(made["name"], as_of=began)


def test_one_in_full(ledger: Ledger, tmp_path: Path) -> None:
    """What the list says of it, and more; as many of its samples as are asked for."""
    ids = some(ledger, tmp_path)
    client = {"name": "host", "version": "1", "session": "s", "tool": "propose", "request": "7"}
    made = ledger.propose(ids, "label-none", reason=WHY, key="k", evidence=[2], client=client)
    found = ledger.proposal(made["proposal"], limit=3)
    (listed,) = ledger.proposals()["proposals"]
    assert {name: found[name] for name in listed} == listed
    assert set(found) - set(listed) == {"evidence", "client", "list", "members", "would", "head"}
    assert (found["client"], found["evidence"], found["key"]) == (client, [2], "k")
    assert [one["sample"] for one in found["members"]] == sorted(ids)[:3]
    assert ledger.proposal(made["name"], limit=0)["members"] == []
    with pytest.raises(BadRequest):
        ledger.proposal(made["name"], limit=1001)
