"""Weighting: an event for what changes, none for what is so already, and refusals that leave everything as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ConditionInvalid, HeadMoved, NoSuchId
from ledger.verbs import decide
from ledger.verbs.decide import HEAVIEST
from ledger.verbs.run import Who
from tests.logs import store_of
from tests.small import pairs, samples, write


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of eight samples, four true and four false."""
    ledger.ingest(write(tmp_path / "few.jsonl", *pairs(4)), campaign="few")
    return ledger


def kinds(ledger: Ledger, sample: str) -> list[str]:
    """Return the kinds of a sample's events after its birth."""
    return [event["kind"] for event in ledger.log(sample)][1:]


def test_a_weight_equal_to_the_one_in_force_appends_nothing(few: Ledger) -> None:
    """Also 1 where nobody said anything, and with another reason; another number is another event."""
    one = samples(few)[0]
    before = few.status()["events"]
    assert few.weight([one], 1) == {"samples": 1, "changed": 0, "unchanged": 1, "events": []}
    assert few.status()["events"] == before
    assert few.weight([one], 5)["changed"] == 1
    assert few.weight([one], 5, reason="again")["changed"] == 0
    assert [few.weight([one], times)["changed"] for times in (3, 5, 1, 1)] == [1, 1, 1, 0]
    assert kinds(few, one) == ["weighted"] * 4


def test_what_was_withdrawn_can_be_said_again(few: Ledger) -> None:
    """The new event comes after the withdrawal, so it is another than the first; withdrawn twice is once."""
    one = samples(few)[0]
    first = few.weight([one], 5)["events"]
    assert few.withdraw([f"@{first[0]}"])["changed"] == 1
    assert few.withdraw([f"@{first[0]}"])["changed"] == 0
    assert few.show(one)["times"] == 1
    assert few.weight([one], 5)["changed"] == 1
    assert (few.show(one)["times"], kinds(few, one)) == (5, ["weighted", "withdrawn", "weighted"])


def test_the_event_says_all_of_it(few: Ledger) -> None:
    """Sample, times, reason and authority; the next one names the one that it comes after."""
    one = samples(few)[0]
    for times, reason in ((5, "rare"), (2, "")):
        few.weight([one], times, reason=reason)
    first, second = few.log(one)[1:]
    said = {"after": None, "authority": "person", "policy": None, "reason": "rare", "sample": one, "times": 5}
    assert {name: first["says"][name] for name in said} == said
    assert second["says"]["after"] == first["event"]


def test_authorities_stand_beside_one_another(few: Ledger) -> None:
    """What another authority says of a sample that a person weighted is recorded once, and waits."""
    one, two = samples(few)[:2]
    agent = Who("model", "mcp", "agent")

    def say(sample: str, times: int) -> int:
        return decide.weight(store_of(few), [sample], times, "", agent, None).changed

    few.weight([one], 3)
    assert [say(one, 7), say(one, 7), say(one, 3), say(two, 1)] == [1, 0, 1, 0]
    assert few.show(one)["times"] == 3
    assert say(two, 4) == 1
    assert few.weight([two], 4)["changed"] == 1  # a person's word stays where the agent's is changed later
    assert [say(two, 2), few.show(two)["times"]] == [1, 4]


def test_chosen_by_a_condition_in_one_commit(few: Ledger) -> None:
    """`tag = perfect` chooses what has the tag; a trial counts and records nothing."""
    ids = samples(few)
    few.tag(ids[:3], "perfect", "true")
    head = few.status()["head"]
    tried = few.weight([], 5, where="tag = perfect", dry_run=True)
    assert (tried, few.status()["head"]) == ({"samples": 3, "changed": 3, "unchanged": 0, "events": []}, head)
    done = few.weight([], 5, where="tag = perfect", campaign="few", expected_head=head["position"])
    assert (done["changed"], len(done["events"])) == (3, 3)
    assert [few.show(one)["times"] for one in ids] == [5] * 3 + [1] * 5


@pytest.mark.parametrize("times", [0, -1, HEAVIEST + 1, True, 2.0, "5", None])
def test_what_is_no_weight(few: Ledger, times: int) -> None:
    """A whole number from 1 to 1000, nothing else."""
    before = few.status()
    with pytest.raises(BadRequest, match="whole number from 1 to 1,000"):
        few.weight(samples(few)[:1], times)
    assert few.status() == before
    assert few.weight(samples(few)[:1], HEAVIEST)["changed"] == 1


def test_refusals_leave_the_ledger_as_it_was(few: Ledger) -> None:
    """An id that is not there, no selection or two, what does not read, and a head that moved."""
    before, one = few.status(), samples(few)[0]
    for error, ids, more in (
        (NoSuchId, [one, "f" * 64], {}),
        (BadRequest, [], {}),
        (BadRequest, [one], {"where": "label == true"}),
        (ConditionInvalid, [], {"where": "tag = "}),
        (HeadMoved, [one], {"expected_head": 1}),
        (BadRequest, [one], {"reason": "\x00"}),
    ):
        with pytest.raises(error):
            few.weight(ids, 2, **more)
    assert few.status() == before


def test_why_says_who_and_why(few: Ledger) -> None:
    """The weight in force with its event, null where it is 1; as of an earlier moment, that of then."""
    one = samples(few)[0]
    assert few.why(one)["weight"] is None
    at = few.weight([one], 5, reason="rare")["events"][0]
    event = next(each["event"] for each in few.log(one) if each["position"] == at)
    assert few.why(one)["weight"] == {"times": 5, "by": "tester", "reason": "rare", "event": event}
    few.weight([one], 1)
    assert few.why(one)["weight"] is None
    assert (few.why(one, as_of=at)["weight"]["times"], few.show(one, as_of=at)["times"]) == (5, 5)
