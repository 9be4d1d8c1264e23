"""statements: everything that was said of status and label, by whom, and which of it stands."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings

from ledger import Ledger
from ledger.reports.statements import policy_json, statements
from tests.drawn import word
from tests.judged import LOW, RELABEL, decide, ingested, row_of, score, store_of, taken
from tests.small import chat, write
from tests.worlds import Step, World, steps


@settings(max_examples=20)
@given(steps())
def test_what_stands_is_what_the_sample_has(drawn: list[Step]) -> None:
    """The statement in force says what the sample's status and label are; where none is, they are as at birth."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        world = World(ledger, Path(name))
        world.do(drawn)
        decide(ledger, LOW)
        for one in world.ones:
            told = ledger.why(one.id)
            standing = [said for said in told["decisions"] if said["in_force"]]
            labelled = [said for said in told["labels"] if said["in_force"]]
            assert [said["outcome"].replace("deferred", "pending") for said in standing] == [told["status"]]
            assert word(told["label"]) == (word(labelled[0]["label"]) if labelled else word(one.label))
            assert (told["label_from"] == "envelope") == (not labelled)
            said = {each["position"]: each["withdrawn"] for each in (*told["decisions"], *told["labels"])}
            drawn_ = {at for at, *_ in one.decisions} | {at for at, *_ in one.labels}
            assert drawn_ <= set(said)
            assert {at for at in drawn_ if said[at]} == drawn_ & world.withdrawn
            for told_of in (told["decisions"], told["labels"]):
                assert [each["position"] for each in told_of] == sorted({each["position"] for each in told_of})


def test_a_statement_tells_all_about_itself(ledger: Ledger, tmp_path: Path) -> None:
    """The event, who on whose authority through what, when, rule, reason, policy by digest and by name, version."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})], label=True)
    decide(ledger, LOW)
    ledger.accept([one], reason="fine")
    ledger.relabel([one], "none", reason="unclear")
    by_policy, by_person = ledger.why(one)["decisions"]
    assert {name: by_policy[name] for name in ("outcome", "authority", "rule", "policy_name", "in_force")} == {
        "outcome": "rejected",
        "authority": "policy",
        "rule": "low_quality",
        "policy_name": "low",
        "in_force": False,
    }
    assert by_policy["policy"] == ledger.policies()["adopted"][0]["policy"]
    assert by_policy["details"]["observed"] == "0.2"
    assert {name: by_person[name] for name in ("outcome", "actor", "via", "reason", "policy", "policy_name")} == {
        "outcome": "accepted",
        "actor": "tester",
        "via": "api",
        "reason": "fine",
        "policy": None,
        "policy_name": None,
    }
    assert by_person["event"] == ledger.log(one)[-2]["event"]
    assert by_person["version"] == ledger.show(one)["version"]
    (label,) = ledger.why(one)["labels"]
    assert (label["label"], label["reason"], label["in_force"], "outcome" in label) == (None, "unclear", True, False)


def test_a_policys_word_under_a_persons(ledger: Ledger, tmp_path: Path) -> None:
    """The last that a policy said of the version that stands, whoever stands over it; an edit leaves only the label."""
    one = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True)))[0]
    score(ledger, {one: {"quality": 0.2, "memory": 3}})
    decide(ledger, RELABEL)
    ledger.reject([one], reason="no")
    known = statements(store_of(ledger), row_of(ledger, one))
    status, label = known.by_policy()
    assert status is not None
    assert label is not None
    assert (status.value, label.value, label.leaf["rule"]) == ("accepted", False, "low_quality")
    assert [said and said.authority for said in known.in_force(row_of(ledger, one))] == ["person", "policy"]
    ledger.edit(one, b'{"prompt": "p", "completion": "c"}')
    after = statements(store_of(ledger), row_of(ledger, one))
    assert [said is not None for said in after.by_policy()] == [False, True]
    assert [said.current for said in (*after.status, *after.label)] == [False, False, False]
    ledger.withdraw([label.op.hex()])
    assert statements(store_of(ledger), row_of(ledger, one)).by_policy() == (None, None)


def test_policies_are_known_by_their_digest(ledger: Ledger, tmp_path: Path) -> None:
    """Of a policy that was adopted twice the later adoption is meant; what nobody adopted has none."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})])
    decide(ledger, LOW)
    decide(ledger, RELABEL)
    decide(ledger, LOW)
    known = statements(store_of(ledger), row_of(ledger, one))
    first, _, last = known.adoptions
    assert first.digest == last.digest
    assert known.adoption(first.digest.hex()) == last
    assert known.adoption("00" * 32) is known.adoption(None) is None
    assert policy_json(last) == {
        "policy": f"b3:{last.digest.hex()}",
        "policy_name": "low",
        "adopted": last.position,
        "campaign": None,
    }


def test_an_earlier_moment(ledger: Ledger, tmp_path: Path) -> None:
    """As of before, what was said later was not said, and what was withdrawn later stands."""
    (one,) = taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.2})])
    made = ledger.reject([one], reason="no")["events"][0]
    then = ledger.status()["head"]["position"]
    ledger.withdraw([f"@{made}"])
    decide(ledger, LOW)
    earlier, now = ledger.why(one, then), ledger.why(one)
    assert [(said["reason"], said["in_force"], said["withdrawn"]) for said in earlier["decisions"]] == [
        ("no", True, False)
    ]
    assert [(said["rule"], said["in_force"], said["withdrawn"]) for said in now["decisions"]] == [
        (None, False, True),
        ("low_quality", True, False),
    ]
    assert (earlier["today"], now["today"]["outcome"]) == (None, "rejected")
