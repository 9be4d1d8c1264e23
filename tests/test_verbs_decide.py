"""Decisions: what is equal appends nothing, what differs names what it follows, what is withdrawn never was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ContentRefused, HeadMoved, NoSuchId, NotWithdrawable
from tests.small import by_policy, chat, pairs, samples, text_of, write


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of eight samples, four true and four false."""
    ledger.ingest(write(tmp_path / "few.jsonl", *pairs(4)), campaign="few")
    return ledger


def kinds(ledger: Ledger, sample: str) -> list[str]:
    """Return the kinds of a sample's events after its birth."""
    return [event["kind"] for event in ledger.log(sample)][1:]


def events(ledger: Ledger) -> int:
    """Return how many events there are."""
    return int(ledger.status()["events"])


def test_a_decision_equal_to_the_one_in_force_appends_nothing(few: Ledger) -> None:
    """The second time nothing is appended, not even a run; another reason is another decision."""
    one = samples(few)[0]
    assert few.reject([one], reason="too short") == {"samples": 1, "changed": 1, "unchanged": 0, "events": [11]}
    before = events(few)
    assert few.reject([one], reason="too short") == {"samples": 1, "changed": 0, "unchanged": 1, "events": []}
    assert events(few) == before
    assert few.reject([one], reason="too long")["changed"] == 1
    assert few.show(one)["status"] == "rejected"
    assert few.why(one)["reason"] == "too long"


def test_accept_reject_accept_is_three_events(few: Ledger) -> None:
    """Coming back to an earlier decision is a new event with an op of its own."""
    one = samples(few)[0]
    few.accept([one])
    few.reject([one], reason="no")
    few.accept([one])
    assert kinds(few, one) == ["accepted", "rejected", "accepted"]
    assert len({event["event"] for event in few.log(one)}) == 4
    assert few.show(one)["status"] == "accepted"


def test_each_outcome_has_its_status(few: Ledger) -> None:
    """Accepted, rejected and deferred (which is pending again, with a reason) show in show, why and status."""
    one, two, three, *_ = samples(few)
    few.accept([one])
    few.reject([two], reason="no")
    few.accept([three])
    few.defer([three], reason="ask Ada")
    assert [few.show(each)["status"] for each in (one, two, three)] == ["accepted", "rejected", "pending"]
    assert few.why(three)["reason"] == "ask Ada"
    status = few.status()["by_status"]
    assert (status["accepted"], status["rejected"], status["pending"]) == (1, 1, 6)


def test_rejected_never_becomes_false(few: Ledger) -> None:
    """Status and label are independent: deciding changes no label."""
    before = few.status()["by_label"]
    few.reject(samples(few), reason="all of them")
    assert few.status()["by_label"] == before


def test_a_rejection_says_why(few: Ledger) -> None:
    """A rejection without a reason is refused; other decisions may go without."""
    for reason in ("", "  "):
        with pytest.raises(BadRequest, match="The reason must not be empty"):
            few.reject(samples(few), reason=reason)


def test_a_person_outranks_a_policy(few: Ledger) -> None:
    """What a policy says before or after a person does not count until the person's decision is withdrawn."""
    one = samples(few)[0]
    by_policy(few, one, "rejected", rule="length", reason="3 < 10")
    assert few.show(one)["status"] == "rejected"
    assert few.why(one)["reason"] == "length"
    made = few.accept([one])["events"][0]
    assert few.show(one)["status"] == "accepted"
    by_policy(few, one, "rejected", rule="length", reason="2 < 10")
    assert few.show(one)["status"] == "accepted"
    told = few.why(one)["decisions"]
    assert [(d["authority"], d["in_force"]) for d in told] == [("policy", False), ("person", True), ("policy", False)]
    few.withdraw([f"@{made}"])
    assert few.show(one)["status"] == "rejected"
    assert [d["in_force"] for d in few.why(one)["decisions"]] == [False, False, True]
    assert few.verify()["ok"]


def test_a_person_may_say_what_a_policy_said(few: Ledger) -> None:
    """A person's decision equal to a policy's is recorded: it outranks the next policy."""
    one = samples(few)[0]
    by_policy(few, one, "accepted")
    assert few.accept([one])["changed"] == 1
    by_policy(few, one, "relabeled", label=True)
    assert few.relabel([one], "true")["changed"] == 1
    by_policy(few, one, "relabeled", label=False)
    assert few.show(one)["label"] is True


def test_withdraw_lets_what_stood_before_apply(few: Ledger) -> None:
    """Withdrawing step by step goes back step by step, and can be followed by the same decision again."""
    one = samples(few)[0]
    first = few.accept([one])["events"][0]
    second = few.reject([one], reason="no")["events"][0]
    few.withdraw([f"@{second}"], reason="my mistake")
    assert few.show(one)["status"] == "accepted"
    few.withdraw([f"@{first}"])
    assert few.show(one)["status"] == "pending"
    assert few.why(one)["reason"] is None
    assert few.accept([one])["changed"] == 1
    assert kinds(few, one) == ["accepted", "rejected", "withdrawn", "withdrawn", "accepted"]
    assert few.verify()["ok"]


def test_withdrawing_out_of_order(few: Ledger) -> None:
    """Withdrawing what is not in force changes nothing that is."""
    one = samples(few)[0]
    first = few.accept([one])["events"][0]
    few.reject([one], reason="no")
    few.withdraw([f"@{first}"])
    assert few.show(one)["status"] == "rejected"


def test_withdraw_twice_appends_nothing(few: Ledger) -> None:
    """An event is withdrawn once, by position or by id; named twice in one command it counts once."""
    one = samples(few)[0]
    few.accept([one])
    event = few.log(one)[-1]
    report = few.withdraw([event["event"], f"@{event['position']}"])
    assert (report["samples"], report["changed"]) == (1, 1)
    before = events(few)
    assert few.withdraw([event["event"][:12]], reason="again")["unchanged"] == 1
    assert events(few) == before


def test_what_cannot_be_withdrawn(few: Ledger) -> None:
    """A withdrawal, a birth, a run and a split assignment stay; the whole command then changes nothing."""
    one, two, *_ = samples(few)
    made = few.accept([one, two])["events"]
    few.withdraw([f"@{made[0]}"])
    few.split()
    told = {event["kind"]: event for event in few.log(limit=1000)}
    before = events(few)
    for kind in ("withdrawn", "ingested", "run_started", "run_finished", "split_assigned"):
        with pytest.raises(NotWithdrawable, match=f"of the kind {kind}"):
            few.withdraw([f"@{made[1]}", told[kind]["event"]])
    assert events(few) == before


def test_labels_are_given_and_taken_back(few: Ledger) -> None:
    """A relabeling stands over the envelope's label; withdrawn, the envelope's stands again."""
    one = samples(few)[0]
    assert few.why(one)["label_from"] == "envelope"
    made = few.relabel([one], "false", reason="wrong tool")["events"][0]
    assert few.relabel([one], "false", reason="wrong tool")["unchanged"] == 1
    assert (few.show(one)["label"], few.why(one)["label_from"]) == (False, f"event @{made}")
    few.relabel([one], "none")
    assert few.show(one)["label"] is None
    assert few.status()["by_label"] == {"true": 3, "false": 4, "none": 1}
    few.withdraw([event["event"] for event in few.log(one) if event["kind"] == "relabeled"])
    assert few.show(one)["label"] is True
    with pytest.raises(BadRequest, match="true, false, none"):
        few.relabel([one], "maybe")


def test_relabel_there_and_back(few: Ledger) -> None:
    """False, true, false are three events, each naming the one before."""
    one = samples(few)[0]
    for label in ("false", "true", "false"):
        assert few.relabel([one], label)["changed"] == 1
    told = few.log(one)[1:]
    assert [event["says"]["after"] for event in told] == [None, told[0]["event"], told[1]["event"]]


def test_a_label_said_again_of_a_new_version(few: Ledger) -> None:
    """A label names the version that it is about, so after an edit the same label is news; so is a decision."""
    one = samples(few)[0]
    few.relabel([one], "true")
    few.accept([one])
    few.edit(one, text_of([chat("question", "a better answer")]).encode())
    assert few.relabel([one], "true")["changed"] == 1
    assert few.accept([one])["changed"] == 1
    assert few.relabel([one], "true")["changed"] == 0


def test_tags_are_set_replaced_and_removed(few: Ledger) -> None:
    """A tag that stands as asked is left alone; removing one that is not there is no event."""
    one = samples(few)[0]
    assert few.tag([one], "lang", None)["changed"] == 0
    assert few.tag([one], "lang", "de")["changed"] == 1
    assert few.tag([one], "lang", "de")["changed"] == 0
    second = few.tag([one], "lang", "en")["events"][0]
    few.tag([one], "größe", "3 m")
    assert few.show(one)["tags"] == {"größe": "3 m", "lang": "en"}
    few.withdraw([f"@{second}"])
    assert few.show(one)["tags"]["lang"] == "de"
    few.tag([one], "lang", None)
    assert few.show(one)["tags"] == {"größe": "3 m"}
    assert few.tag([one], "lang", "de")["changed"] == 1
    assert few.verify()["ok"]


def test_a_tag_that_the_line_brought(ledger: Ledger, tmp_path: Path) -> None:
    """A tag of the envelope can be replaced, removed, and comes back when that is withdrawn."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", tags={"lang": "de"})), campaign="a")
    one = samples(ledger)[0]
    assert ledger.tag([one], "lang", "de")["changed"] == 0
    made = ledger.tag([one], "lang", None)["events"][0]
    assert ledger.show(one)["tags"] == {}
    ledger.withdraw([f"@{made}"])
    assert ledger.show(one)["tags"] == {"lang": "de"}


def test_an_edit_adds_a_version(few: Ledger) -> None:
    """The new bytes are the training fields only; label, tags and campaign stay; the first version is kept."""
    one = samples(few)[0]
    line = text_of([chat("question", "a better answer", label=False, domain="x")]).encode()
    assert few.edit(one, line)["changed"] == 1
    shown = few.show(one)
    assert shown["content"]["completion"] == [{"role": "assistant", "content": "a better answer"}]
    assert (shown["label"], shown["domain"], len(shown["versions"])) == (True, None, 2)
    assert "label" not in shown["raw"]
    assert few.edit(one, line)["unchanged"] == 1
    few.withdraw([few.log(one)[-1]["event"]])
    assert few.show(one)["content"]["completion"] == [{"role": "assistant", "content": "answer 0 True"}]
    assert few.edit(one, line)["changed"] == 1
    assert few.verify()["ok"]


def test_an_edit_written_over_several_lines_is_one_row(few: Ledger, tmp_path: Path) -> None:
    """JSON that was laid out for people to read still becomes one line of an export."""
    asked, answered = b'{"role": "user",\r\n "content": "q"}', b'{"role": "assistant", "content": "a\\nb"}'
    few.edit(samples(few)[0], b'{\n "messages": [\n  ' + asked + b",\n  " + answered + b"]\n}")
    few.project("sft", tmp_path / "out.jsonl")
    assert len((tmp_path / "out.jsonl").read_bytes().split(b"\n")) == few.status()["by_label"]["true"] + 1
    assert b"\r" not in (tmp_path / "out.jsonl").read_bytes()


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"x": 1}', b"\xff", b'{"messages": []}'])
def test_an_edit_that_is_no_sample(few: Ledger, line: bytes) -> None:
    """Content that no reader takes is refused with the reason; nothing is appended."""
    before = events(few)
    with pytest.raises(ContentRefused):
        few.edit(samples(few)[0], line)
    with pytest.raises(BadRequest, match="no format"):
        few.edit(samples(few)[0], line, form="xml")
    assert events(few) == before


def test_an_edit_by_a_forced_format(few: Ledger) -> None:
    """The format of an edit can be forced as that of an input can."""
    few.edit(samples(few)[0], b'{"prompt": "p", "completion": "c", "messages": 1}', form="prompt_completion")
    assert few.show(samples(few)[0])["content"] == {"prompt": "p", "completion": "c"}


BAD = "\ud800 or \x1b"
SAY: list[Any] = [
    lambda ledger, ids: ledger.accept(ids, reason=BAD),
    lambda ledger, ids: ledger.reject(ids, reason=BAD),
    lambda ledger, ids: ledger.defer(ids, reason=BAD),
    lambda ledger, ids: ledger.relabel(ids, "true", reason=BAD),
    lambda ledger, ids: ledger.tag(ids, "k", "v", reason=BAD),
    lambda ledger, ids: ledger.tag(ids, BAD, "v"),
    lambda ledger, ids: ledger.tag(ids, " ", "v"),
    lambda ledger, ids: ledger.tag(ids, "k", BAD),
    lambda ledger, ids: ledger.edit(ids[0], text_of(pairs(1)[:1]).encode(), reason=BAD),
    lambda ledger, _ids: ledger.withdraw(["@1"], reason=BAD),
    lambda ledger, _ids: ledger.split(seed=BAD),
    lambda ledger, _ids: ledger.accept([]),
    lambda ledger, _ids: ledger.withdraw([]),
]


@pytest.mark.parametrize("say", SAY, ids=range(len(SAY)))
def test_what_cannot_be_said(few: Ledger, say: Any) -> None:  # noqa: ANN401 - a verb
    """Half characters, control characters and empty lists are bad requests, never errors of the encoding."""
    before = events(few)
    with pytest.raises(BadRequest):
        say(few, samples(few))
    assert events(few) == before


def test_the_expected_head(few: Ledger) -> None:
    """With `expected_head` a verb writes only where the log ends there; otherwise it appends nothing."""
    ids = samples(few)
    head = events(few) - 1
    verbs: list[Any] = [
        lambda head: few.accept(ids, expected_head=head),
        lambda head: few.relabel(ids, "none", expected_head=head),
        lambda head: few.tag(ids, "k", "v", expected_head=head),
        lambda head: few.edit(ids[0], b'{"prompt": "p", "completion": "c"}', expected_head=head),
        lambda head: few.withdraw([few.log()[-2]["event"]], expected_head=head),
        lambda head: few.split(expected_head=head),
    ]
    for verb in verbs:
        with pytest.raises(HeadMoved):
            verb(head + 1)
        with pytest.raises(HeadMoved):
            verb(-1)
        assert events(few) == head + 1
        verb(head)
        head = events(few) - 1


def test_thousands_of_ids_at_once(ledger: Ledger, tmp_path: Path) -> None:
    """More ids than one statement takes are judged in one command, each once."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(1_000)), campaign="a")
    ids = samples(ledger)
    assert ledger.reject(ids + ids, reason="all")["changed"] == 2_000
    assert ledger.accept(ids[:1_500])["changed"] == 1_500
    report = ledger.accept(ids)
    assert (report["changed"], report["unchanged"]) == (500, 1_500)


def test_an_unknown_event(few: Ledger) -> None:
    """Withdrawing what is not there says so."""
    with pytest.raises(NoSuchId):
        few.withdraw(["f" * 64])
