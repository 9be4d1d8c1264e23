"""What a split is dealt by: places and facts of every sample, family by family."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from ledger.views import dealt
from ledger.views.dealt import Fact
from tests.logs import store_of
from tests.small import chat, samples, write

FACTS = (Fact("domain"), Fact("label"), Fact("campaign"), Fact("source"), Fact("tag", "t'ier"))


def test_facts_and_places(ledger: Ledger, tmp_path: Path) -> None:
    """Texts as they stand now, None where there is none; a tag that was removed is none; families are whole."""
    rows = [chat("q", "a", label=True, domain="asm", tags={"t'ier": "gold"}), chat("p", "b"), chat("q", "c")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ids = samples(ledger)
    ledger.tag(ids[1:2], "t'ier", "silver")
    ledger.tag(ids[2:], "t'ier", "lead")
    ledger.tag(ids[2:], "t'ier", None)
    ledger.split("0/0/100", pins=[f"{ids[1]}=val"])
    connection = store_of(ledger).connection
    found = list(dealt.samples(connection, FACTS))
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    by_sample = {row[1]: row for row in found}
    first, second, third = (by_sample[handle] for handle in sorted(by_sample))
    assert first[2:] == (2, 0, "asm", "true", "a", "a.jsonl", "gold")
    assert second[2:] == (1, 0, None, "none", "a", "a.jsonl", "silver")
    assert third[2:] == (2, 0, None, "none", "a", "a.jsonl", None)
    assert first[0] == third[0] != second[0]
    assert dealt.last(connection) == max(by_sample)


def test_the_assignment_that_stands(ledger: Ledger, tmp_path: Path) -> None:
    """The id of each sample and the op of its last assignment; nothing for a sample without one."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a"), chat("p", "b")), campaign="a")
    ids, connection = samples(ledger), store_of(ledger).connection
    assert dealt.last(connection) >= 1
    assert dealt.standing(connection, [0, 1, 2]) == {}
    ledger.split("100/0")
    assigned = [event["event"] for event in ledger.log(limit=99) if event["kind"] == "split_assigned"]
    handles = [row[1] for row in dealt.samples(connection, ())]
    found = dealt.standing(connection, handles)
    assert {identity.hex() for identity, _ in found.values()} == set(ids)
    assert {op.hex() for _, op in found.values()} == set(assigned)


def test_an_empty_ledger(ledger: Ledger) -> None:
    """There is no last sample."""
    assert dealt.last(store_of(ledger).connection) == -1
