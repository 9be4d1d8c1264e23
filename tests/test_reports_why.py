"""why: where a sample came from, who decided what, its twins, its releases, at the same cost in any ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.reports import why
from tests.judged import LOW, RELABEL, decide, taken
from tests.logs import improve, line
from tests.scoring import find, score
from tests.small import chat, pairs, samples, text_of, write

KEYS = {
    *("sample", "status", "label", "deciding", "failed_rules", "would_flip_if", "scores", "findings", "lineage"),
    *("releases", "events", "origin", "decisions", "labels", "duplicates", "decided", "overrides", "today", "cut"),
}


def test_a_sample_that_nothing_happened_to(ledger: Ledger, tmp_path: Path) -> None:
    """The answer is whole from the first moment: an origin, and empty lists."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", label=True)), campaign="c")
    told = ledger.why(samples(ledger)[0])
    assert set(told) >= KEYS
    assert (told["status"], told["label"], told["label_from"], told["reason"]) == ("pending", True, "envelope", None)
    assert told["origin"]["source"] == "a.jsonl"
    assert told["decisions"] == told["duplicates"] == told["releases"] == told["cut"] == []
    assert told["lineage"] == {"parents": [], "children": []}
    assert told["deciding"] is told["would_flip_if"] is told["validated"] is told["today"] is None
    assert told["failed_rules"] == told["scores"] == told["findings"] == told["overrides"] == []
    assert [event["kind"] for event in told["events"]] == ["ingested"]


def test_a_sample_of_which_everything_was_said(ledger: Ledger, tmp_path: Path) -> None:
    """The whole chain in one answer: where from, scores by whom, what decided, what would flip it, who overrode it."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", label=True, domain="asm")), campaign="c")
    one = samples(ledger)[0]
    score(ledger, {one: {"quality": "0.2", "memory": "1"}})
    find(ledger, {one: [["text/too_short", "error", "completion"]]})
    decide(ledger, replace(LOW, labels=RELABEL.labels))
    told = ledger.why(one)
    assert (told["status"], told["label"], told["domain"], told["reason"]) == ("rejected", False, "asm", "low_quality")
    assert {"rule", "observed", "threshold", "margin", "policy"} <= set(told["deciding"])
    assert told["label_from"] == f"event @{told['labels'][0]['position']}"
    assert [each["rule"] for each in told["failed_rules"]] == ["no_memory"]
    assert {each["of"] for each in told["would_flip_if"]} == {"status", "label"}
    assert [each["dimensions"] for each in told["scores"]] == [{"quality": "0.2", "memory": "1"}]
    assert [each["rule"] for each in told["findings"]] == ["text/too_short"]
    assert [event["kind"] for event in told["events"]] == ["ingested", "scored", "found", "rejected", "relabeled"]
    assert json.loads(json.dumps(told)) == told
    ledger.accept([one], reason="fine")
    told = ledger.why(one)
    assert (told["status"], told["reason"], told["overrides"][0]["differs"]) == ("accepted", "fine", True)


def test_relatives_are_named_in_both_directions(ledger: Ledger, tmp_path: Path) -> None:
    """A child names its parent and how it was made of it, a parent its children in the order of their birth."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="c")
    one = samples(ledger)[0]
    children = improve(ledger, one, [line("q", "better"), line("q", "best")])
    assert ledger.why(one)["lineage"] == {
        "parents": [],
        "children": [{"sample": child, "how": "improved"} for child in children],
    }
    told = ledger.why(children[1])
    assert told["lineage"] == {"parents": [{"sample": one, "how": "improved"}], "children": []}
    assert (told["origin"]["event"], told["origin"]["line"], told["origin"]["source"]) == ("improved", None, None)


def test_decisions_say_everything_about_themselves(ledger: Ledger, tmp_path: Path) -> None:
    """Who, when, through what, about which version, whether it is in force or was withdrawn."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="c")
    one = samples(ledger)[0]
    ledger.accept([one], reason="fine")
    made = ledger.reject([one], reason="not so fine")["events"][0]
    ledger.withdraw([f"@{made}"])
    first, second = ledger.why(one)["decisions"]
    assert {
        key: first[key] for key in ("outcome", "authority", "actor", "via", "reason", "rule", "policy", "details")
    } == {
        "outcome": "accepted",
        "authority": "person",
        "actor": "tester",
        "via": "api",
        "reason": "fine",
        "rule": None,
        "policy": None,
        "details": {},
    }
    assert first["version"] == ledger.show(one)["version"]
    assert first["time"].endswith("Z")
    assert (first["in_force"], first["withdrawn"]) == (True, False)
    assert (second["in_force"], second["withdrawn"], second["position"]) == (False, True, made)


def test_duplicates_and_conflicts(ledger: Ledger, tmp_path: Path) -> None:
    """Samples that teach the same are listed, with whether their bytes are the same and their labels contradict."""
    rows = [
        chat("q", "a", label=True),
        chat("q", "a", label=False),
        chat("q", "a", label=True),
        chat("q", "a"),
        chat("q", "b"),
    ]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c")
    ids = samples(ledger)
    told = ledger.why(ids[0])["duplicates"]
    assert [(each["sample"], each["same_bytes"], each["conflict"]) for each in told] == [
        (ids[1], False, True),
        (ids[2], True, False),
        (ids[3], False, False),
    ]


def test_a_crowd_of_duplicates_is_cut(ledger: Ledger, tmp_path: Path) -> None:
    """So many are listed and no more, also for the last of them; the answer says that there are more."""
    exactly = [chat("q", "a")] * (why.TWINS + 1)
    ledger.ingest(write(tmp_path / "a.jsonl", *exactly), campaign="c")
    told = ledger.why(samples(ledger)[0])
    assert (len(told["duplicates"]), told["cut"]) == (why.TWINS, [])
    ledger.ingest(write(tmp_path / "b.jsonl", chat("q", "a")), campaign="c")
    for one in (samples(ledger)[0], samples(ledger)[-1]):
        told = ledger.why(one)
        assert (len(told["duplicates"]), told["cut"]) == (why.TWINS, ["duplicates"])
        assert one not in {each["sample"] for each in told["duplicates"]}


def test_a_long_history_is_cut_to_its_end(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many events the last are listed; the answer says that there are more."""
    monkeypatch.setattr(why, "EVENTS", 4)
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="c")
    one = samples(ledger)[0]
    for number in range(3):
        ledger.tag([one], "n", str(number))
    assert (len(ledger.why(one)["events"]), ledger.why(one)["cut"]) == (4, [])
    ledger.tag([one], "n", "last")
    told = ledger.why(one)
    assert (len(told["events"]), told["cut"]) == (4, ["events"])
    assert told["events"][-1]["says"]["value"] == "last"
    assert told["events"][0]["kind"] == "tagged"


def test_releases_say_where_the_sample_stands(toolset: Ledger, tmp_path: Path) -> None:
    """Each release that considered the sample is listed, with its row or the reason why it has none."""
    toolset.project("kto-interleaved", tmp_path / "a.jsonl")
    toolset.project("sft", tmp_path / "b.jsonl")
    one = toolset.omissions("a.jsonl", "conflict")[0]["sample"]
    first, second = toolset.why(one)["releases"]
    assert (first["view"], first["name"], first["row"], first["omitted"]) == (
        "kto-interleaved",
        "a.jsonl",
        None,
        "conflict",
    )
    assert second["view"] == "sft"
    assert first["output"] == show(blake3_bytes((tmp_path / "a.jsonl").read_bytes()))
    assert first["manifest"] == show(blake3_bytes((tmp_path / "a.jsonl.manifest.json").read_bytes()))
    before = str(first["position"] - 1)
    assert toolset.why(one, before)["releases"] == []


def test_as_of_knows_nothing_of_what_came_later(ledger: Ledger, tmp_path: Path) -> None:
    """Decisions, labels, edits and events after the moment do not show, and withdrawals not yet made do not count."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", label=True)), campaign="c")
    one = samples(ledger)[0]
    made = ledger.reject([one], reason="no")["events"][0]
    then = ledger.why(one)
    head = ledger.status()["head"]["position"]
    ledger.withdraw([f"@{made}"])
    ledger.relabel([one], "false")
    ledger.edit(one, text_of([chat("q", "b")]).encode())
    assert ledger.why(one, str(head)) == then


def test_why_costs_the_same_in_a_larger_ledger(ledger: Ledger, tmp_path: Path) -> None:
    """The steps that SQLite takes for `why` do not grow with the number of samples around it."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(50)), campaign="a")
    one = samples(ledger)[7]
    steps = [_steps(ledger, one)]
    ledger.ingest(write(tmp_path / "b.jsonl", *pairs(4_000)), campaign="b")
    other = samples(ledger)[5_000]
    steps += [_steps(ledger, one), _steps(ledger, other)]
    assert max(steps) <= min(steps) * 1.5


def test_it_costs_the_same_with_scores_and_a_policy(ledger: Ledger, tmp_path: Path) -> None:
    """Nor with the number of samples that were scored, validated and decided about."""
    steps = []
    for campaign, count in (("a", 10), ("b", 400)):
        taken(ledger, tmp_path / f"{campaign}.jsonl", [("asm", {"quality": 0.2})] * count, campaign)
        decide(ledger, LOW)
        steps.append(_steps(ledger, samples(ledger)[3]))
    assert max(steps) <= min(steps) * 1.5


def _steps(ledger: Ledger, sample: str) -> int:
    """Return how many tens of SQLite's instructions one `why` takes."""
    counted: list[int] = []
    connection = ledger._store.connection  # noqa: SLF001 - there is no other way to watch it work
    connection.set_progress_handler(lambda: counted.append(1), 10)
    ledger.why(sample)
    connection.set_progress_handler(None, 0)
    return len(counted)
