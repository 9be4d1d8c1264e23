"""Validate: what is recorded, when again and when not, and that a run which is killed goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, InputNotFound, SchemaUnreadable
from ledger.verbs import validate as verb
from ledger.verbs.run import Who
from ledger.verbs.validate import MOST_LISTED, validate, validate_plan
from ledger.views import findings
from tests.logs import store_of
from tests.small import chat, samples, text_of, write
from tests.talks import SCHEMA_FILE

WHO = Who("tester")


def look(ledger: Ledger, schemas: Path | None = None, *, plain: bool = False, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as the verb has them
    """Validate and return the answer; without findings told unless `plain` is asked for."""
    how = {name: options.pop(name) for name in ("dry_run", "listing") if name in options}
    plan = validate_plan(schemas, **options)
    answer = validate(store_of(ledger), plan, WHO, progress=lambda _what, _done, _all: None, **how).as_json()
    return answer if plain else {key: answer[key] for key in answer if key != "findings"}


def events(ledger: Ledger) -> int:
    """Return how many events there are."""
    count: int = ledger.status()["events"]
    return count


def leaves(ledger: Ledger, kind: str = "found") -> list[dict[str, Any]]:
    """Return what all events of a kind say, and their ops, oldest first."""
    sql = "SELECT leaf, op FROM event WHERE kind = ? ORDER BY position"
    rows = store_of(ledger).connection.execute(sql, (kind,))
    return [{**json.loads(leaf), "op": op.hex()} for leaf, op in rows]


def latest(ledger: Ledger, sample: str) -> dict[str, Any]:
    """Return what the last look at a sample said."""
    position = ledger.show(sample)["origin"]["position"]
    standing = findings.latest(store_of(ledger).connection, [position])[position]
    leaf: dict[str, Any] = json.loads(standing.leaf)
    return leaf


def test_the_real_slices(toolset: Ledger) -> None:
    """Of 120 samples 39 break rules of the schemas; every call is of a tool that they have."""
    answer = look(toolset, SCHEMA_FILE)
    coverage = answer.pop("coverage")

    assert answer == {
        "samples": 120,
        "changed": 120,
        "unchanged": 0,
        "with_errors": 39,
        "with_warnings": 0,
        "clean": 81,
        "by_rule": {
            "calls/duplicate_key": {"severity": "error", "samples": 1, "findings": 1},
            "tools/context_field_empty": {"severity": "error", "samples": 39, "findings": 39},
            "tools/context_field_type": {"severity": "error", "samples": 3, "findings": 6},
        },
    }
    assert (coverage["schema_tools"], coverage["unknown"]) == (28, {})
    assert sum(coverage["used"].values()) == 120
    assert "commandManager_listCommands" in coverage["unused"]


def test_again_appends_nothing(toolset: Ledger) -> None:
    """The same look at the same versions is recorded once, and so is the run."""
    first = look(toolset, SCHEMA_FILE)
    before = events(toolset)
    again = look(toolset, SCHEMA_FILE)

    assert events(toolset) == before
    assert again == {**first, "changed": 0, "unchanged": 120}
    assert toolset.verify()["ok"]


def test_another_result_is_another_event(toolset: Ledger) -> None:
    """With other schemas or limits what changed is recorded after what was in force, and coming back is news too."""
    look(toolset, SCHEMA_FILE)
    without = look(toolset)
    short = look(toolset, max_chars=10)
    back = look(toolset, SCHEMA_FILE)

    assert (without["changed"], short["changed"], back["changed"]) == (120, 120, 120)
    assert without["coverage"] is None
    chain = leaves(toolset)[::120]
    assert [event["after"] for event in chain] == [None, *(event["op"] for event in chain[:-1])]
    assert len(leaves(toolset)) == 480


def test_the_events_hold_no_sentence_and_no_text_of_a_sample(toolset: Ledger) -> None:
    """A found event says rule, severity and place, by which validators and under which schema file."""
    look(toolset, SCHEMA_FILE)
    leaf = latest(toolset, samples(toolset)[0])

    assert leaf["findings"] == [
        ["tools/context_field_empty", "error", "messages[1].tool_calls[0].arguments.context.sessionMemory"],
        ["tools/context_field_type", "error", "messages[1].tool_calls[0].arguments.context.sessionMemory"],
        ["tools/context_field_type", "error", "messages[1].tool_calls[0].arguments.context.toolContext"],
    ]
    assert leaf["validators"] == [["calls", "1"], ["structure", "1"], ["text", "1"], ["tools", "1"]]
    assert leaf["schema"] == blake3_bytes(SCHEMA_FILE.read_bytes()).hex()


def test_the_schema_file_is_kept(toolset: Ledger) -> None:
    """Its bytes are stored under the address that the events name, so the look can be made again."""
    look(toolset, SCHEMA_FILE)
    rows = store_of(toolset).find_blobs(*[blake3_bytes(SCHEMA_FILE.read_bytes())] * 2)

    assert store_of(toolset).body(rows[0][1]) == SCHEMA_FILE.read_bytes()
    assert toolset.verify()["ok"]


def test_a_dry_run_records_nothing(toolset: Ledger) -> None:
    """It counts the same, and leaves the log and the blobs as they were."""
    before = toolset.status()
    dry = look(toolset, SCHEMA_FILE, dry_run=True)

    assert toolset.status() == before
    assert dry == look(toolset, SCHEMA_FILE)


def test_one_campaign(toolset: Ledger, tmp_path: Path) -> None:
    """Only the samples of a campaign are looked at; a campaign that is not there is refused."""
    toolset.ingest(write(tmp_path / "other.jsonl", chat("q", "")), campaign="other")

    assert look(toolset, campaign="other")["by_rule"] == {
        "structure/empty_completion": {"severity": "error", "samples": 1, "findings": 1}
    }
    assert look(toolset)["unchanged"] == 1
    with pytest.raises(BadRequest, match="no campaign 'third'"):
        look(toolset, campaign="third")


def test_a_new_version_is_looked_at_anew(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit the new version is validated, and taking the edit back is validated again."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "")), campaign="a")
    (sample,) = samples(ledger)
    assert look(ledger)["with_errors"] == 1
    edit = ledger.edit(sample, text_of([chat("q", "an answer")]).encode())["events"][0]

    assert look(ledger) | {"by_rule": {}} == look(ledger) | {"changed": 1, "unchanged": 0}
    assert latest(ledger, sample)["findings"] == []
    ledger.withdraw([f"@{edit}"])
    assert look(ledger)["changed"] == 1
    assert latest(ledger, sample)["findings"] == [["structure/empty_completion", "error", "messages[1].content"]]
    assert look(ledger)["changed"] == 0


def test_labels_do_not_matter(ledger: Ledger, tmp_path: Path) -> None:
    """Samples labelled false are validated like any other, and a new label is no reason to look again."""
    rows = [chat(f"q{n}", "", label=label) for n, label in enumerate((True, False, None))]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")

    assert look(ledger)["with_errors"] == 3
    ledger.relabel(samples(ledger), "false")
    assert look(ledger)["changed"] == 0


def test_warnings_and_limits(ledger: Ledger, tmp_path: Path) -> None:
    """Samples count once: by their errors, else by their warnings."""
    long = "This is an answer of some length, and it goes on for a while,"
    ledger.ingest(write(tmp_path / "a.jsonl", chat("a", long), chat("b", "good."), chat("", long)), campaign="a")
    answer = look(ledger)

    assert (answer["with_errors"], answer["with_warnings"], answer["clean"]) == (1, 1, 1)
    assert answer["by_rule"]["text/truncated_sentence"] == {"severity": "warning", "samples": 2, "findings": 2}
    assert look(ledger, min_chars=6, dry_run=True)["by_rule"]["text/too_short"]["samples"] == 1
    assert look(ledger, require_call=True, dry_run=True)["by_rule"]["calls/no_call"]["samples"] == 3


def test_findings_are_told_with_sentences(toolset: Ledger) -> None:
    """A list has sentences made from the text; there is a most of it, and it is asked for."""
    answer = look(toolset, SCHEMA_FILE, listing=True, plain=True, dry_run=True)

    assert len(answer["findings"]) == 46
    assert answer["findings"][0] == {
        "sample": samples(toolset)[0],
        "rule": "tools/context_field_empty",
        "severity": "error",
        "path": "messages[1].tool_calls[0].arguments.context.sessionMemory",
        "message": "sessionMemory is empty",
    }
    assert "findings" not in look(toolset, plain=True, dry_run=True)


def test_the_list_is_bounded(ledger: Ledger, tmp_path: Path) -> None:
    """Beyond a number of findings they are only counted."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat(f"q{n}", "") for n in range(MOST_LISTED + 5))), campaign="a")
    answer = look(ledger, listing=True, plain=True, dry_run=True)

    assert len(answer["findings"]) == MOST_LISTED
    assert answer["by_rule"]["structure/empty_completion"]["findings"] == MOST_LISTED + 5


class Killed(BaseException):
    """The process is stopped."""


def test_a_run_that_was_killed_goes_on(toolset: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed stays, the next run records the rest, and nothing stands twice."""
    monkeypatch.setattr(verb, "BATCH", 50)
    monkeypatch.setattr(verb, "CHUNK", 10)

    def stop(_what: str, done: int, _all: int) -> None:
        if done == 80:
            raise Killed

    with pytest.raises(Killed):
        validate(store_of(toolset), validate_plan(SCHEMA_FILE), WHO, progress=stop)
    assert len(leaves(toolset)) == 50
    answer = look(toolset, SCHEMA_FILE)

    assert (answer["changed"], answer["unchanged"]) == (70, 50)
    assert len(leaves(toolset)) == 120
    assert len({event["sample"] for event in leaves(toolset)}) == 120
    assert look(toolset, SCHEMA_FILE)["changed"] == 0
    assert toolset.verify()["ok"]


def test_batches_do_not_matter(toolset: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into any batches, the samples, the counts and the run are the same."""
    whole = look(toolset, SCHEMA_FILE, dry_run=True)
    monkeypatch.setattr(verb, "BATCH", 7)
    monkeypatch.setattr(verb, "CHUNK", 3)

    assert look(toolset, SCHEMA_FILE) == whole
    assert [event["command"] for event in leaves(toolset, "run_started")] == ["ingest", "validate"]
    assert leaves(toolset, "run_finished")[-1]["counts"] == {
        key: whole[key] for key in ("samples", "changed", "unchanged", "with_errors", "with_warnings", "clean")
    }


def test_the_run_says_by_what_was_looked(toolset: Ledger) -> None:
    """Its parameters name the validators, the limits and the schema file."""
    look(toolset, SCHEMA_FILE, min_chars=3, require_call=True)
    started = leaves(toolset, "run_started")[-1]

    assert started["params"] == {
        "campaign": None,
        "max_chars": None,
        "min_chars": 3,
        "require_call": True,
        "schema": blake3_bytes(SCHEMA_FILE.read_bytes()).hex(),
        "validators": [["calls", "1"], ["structure", "1"], ["text", "1"], ["tools", "1"]],
    }
    assert validate_plan(SCHEMA_FILE).address == show(blake3_bytes(SCHEMA_FILE.read_bytes()))


def test_an_empty_ledger(ledger: Ledger) -> None:
    """There is nothing to look at, and nothing to say."""
    assert look(ledger) == {
        "samples": 0,
        "changed": 0,
        "unchanged": 0,
        "with_errors": 0,
        "with_warnings": 0,
        "clean": 0,
        "by_rule": {},
        "coverage": None,
    }
    assert events(ledger) == 0


def test_requests_that_are_refused(toolset: Ledger, tmp_path: Path) -> None:
    """A file that is none, limits that contradict each other: a named error, and nothing is recorded."""
    (tmp_path / "bad.json").write_text('{"a": {"type": "strin"}}')
    before = events(toolset)

    with pytest.raises(SchemaUnreadable, match=r"bad\.json is not a schema"):
        look(toolset, tmp_path / "bad.json")
    with pytest.raises(SchemaUnreadable, match="cannot be read"):
        look(toolset, tmp_path)
    with pytest.raises(SchemaUnreadable, match="cannot be read: it has over 67,108,864 bytes"):
        look(toolset, Path("/dev/zero"))
    with pytest.raises(InputNotFound):
        look(toolset, tmp_path / "none.json")
    for limits in ({"min_chars": -1}, {"max_chars": -1}, {"min_chars": 5, "max_chars": 4}, {"min_chars": True}):
        with pytest.raises(BadRequest):
            look(toolset, **limits)
    assert events(toolset) == before
