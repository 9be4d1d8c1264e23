"""Looking at one thing: an event, a page of events, releases, and one state for several questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from ledger import Ledger
from ledger.errors import AmbiguousId, BadRequest, NoSuchId, NoSuchPosition
from ledger.event import KINDS
from tests.small import pairs, samples, write


@pytest.fixture
def busy(toolset: Ledger) -> Ledger:
    """Return a ledger in which one sample was rejected and accepted five times."""
    one = samples(toolset)[0]
    for number in range(5):
        toolset.reject([one], reason=f"no {number}")
        toolset.accept([one], reason=f"yes {number}")
    return toolset


def test_pages_of_history_are_the_log(busy: Ledger) -> None:
    """The pages of a sample's events, the newest first, are its log turned round."""
    one = samples(busy)[0]
    found, before = [], None
    while True:
        page = busy.history(one[:8], before=before, limit=3)
        found += page["events"]
        before = page["next"]
        if before is None:
            break

    assert found == busy.log(one)[::-1]
    assert page["sample"] == one
    with pytest.raises(BadRequest):
        busy.history(one, limit=0)
    with pytest.raises(NoSuchId):
        busy.history("f" * 64)


def test_an_event_by_position_and_by_id(busy: Ledger) -> None:
    """One event is what the log lists, whichever way it is named, with the sample that it is about."""
    one = samples(busy)[0]
    event = busy.log(one)[-1]

    found = busy.event(f"@{event['position']}")
    assert found == {**event, "sample": one}
    assert busy.event(event["event"][:12]) == found
    with pytest.raises(NoSuchId):
        busy.event("@999999")
    with pytest.raises((NoSuchId, AmbiguousId, BadRequest)):
        busy.event("x")


def test_positions_of_moments(busy: Ledger) -> None:
    """A moment is a position, a time, or now."""
    head = busy.status()["head"]["position"]

    assert busy.position("now") == busy.position("2999-01-01") == head
    assert busy.position("@3") == busy.position(3) == 3
    with pytest.raises(NoSuchPosition):
        busy.position(str(head + 1))
    with pytest.raises(BadRequest):
        busy.position("tomorrow")


def test_questions_inside_see_one_state(busy: Ledger) -> None:
    """What somebody else writes meanwhile is seen only afterwards."""
    one = samples(busy)[0]
    with Ledger.open(busy.path, read_only=True) as reader:
        with reader.standing_still() as head:
            assert reader.status()["head"] == head
        assert reader.why(one)["status"] == "accepted"
        busy.reject([one], reason="once more")
        with reader.standing_still() as later:
            assert later["position"] > head["position"]
            assert reader.why(one)["status"] == "rejected"


def test_words_are_looked_for_where_everything_stands_still(busy: Ledger) -> None:
    """Then the index is read as it is, also in a file that can be written: it says how far it is, and nothing else."""
    whole = busy.find(text="question")
    busy.ingest(write(busy.path.parent / "late.jsonl", *pairs(2)), campaign="late")

    with busy.standing_still() as head:
        inside = busy.find(text="question")
        assert inside["index"]["behind"] > 0
        assert busy.status()["head"] == head

    assert inside["total"] == whole["total"]
    assert busy.find(text="question")["index"]["behind"] == 0


def test_releases(busy: Ledger, tmp_path: Path) -> None:
    """Releases are listed newest first, a page at a time; each is current until something changes its rows."""
    for number in range(3):
        busy.project("sft", tmp_path / f"sft{number}.jsonl", no_gates=True)
    made = busy.project("kto", tmp_path / "kto.jsonl", no_gates=True)

    found = busy.releases()
    assert [one["name"] for one in found["releases"]] == ["kto.jsonl", "sft2.jsonl", "sft1.jsonl", "sft0.jsonl"]
    assert [one["stale"] for one in found["releases"]] == [False] * 4
    page = busy.releases("sft", limit=2)
    rest = busy.releases("sft", limit=2, before=page["next"])
    assert [one["name"] for one in (*page["releases"], *rest["releases"])] == ["sft2.jsonl", "sft1.jsonl", "sft0.jsonl"]
    assert rest["next"] is None

    one = busy.release(found["releases"][0]["position"])
    assert one["contents"] == made
    assert one["considered"] == one["used"] + sum(one["omitted"].values())
    busy.reject([samples(busy)[1]], reason="bad")
    assert [one["stale"] for one in busy.releases()["releases"]] == [True] * 4
    with pytest.raises(NoSuchId):
        busy.release(0)


def test_an_earlier_moment_knows_the_releases_of_then(busy: Ledger, tmp_path: Path) -> None:
    """As of a position before a release it is not there; as of its own it is, and not stale."""
    busy.project("sft", tmp_path / "sft.jsonl", no_gates=True)
    position = busy.releases()["releases"][0]["position"]
    busy.reject([samples(busy)[1]], reason="bad")

    assert busy.releases(as_of=position - 1)["releases"] == []
    assert [one["stale"] for one in busy.releases(as_of=position)["releases"]] == [False]
    assert busy.release(position, as_of=position)["stale"] is False


def test_kinds_of_events() -> None:
    """Every kind has its purpose, in words."""
    assert Ledger.kinds() == {name: kind.purpose for name, kind in KINDS.items()}


def test_the_chain_is_what_a_quick_check_finds(busy: Ledger) -> None:
    """Of a sound ledger it says what `verify` says; a guard that is gone is found as well."""
    told = busy.verify_chain()

    assert told == busy.verify(quick=True)
    assert told["ok"] is True
    path = busy.path
    busy.close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER event_no_delete")
    connection.close()
    with Ledger.open(path) as ledger:
        found = ledger.verify_chain()
    assert (found["ok"], [one["id"] for one in found["findings"]]) == (False, ["schema_changed"])
