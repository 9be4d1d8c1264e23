"""Checks: each gate counts what it says, names samples that show it, and says where it cannot tell."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, GatesFailed, GatesInvalid, InputNotFound, InputUnreadable
from ledger.exporters.gate_kinds import KINDS
from ledger.exporters.gates import failed as failures
from ledger.exporters.view_spec import BUILT_IN
from ledger.verbs.check import find_gates
from ledger.verbs.gate_checks import numbered
from tests.checking import EVERYTHING, assign, check_rows, gate, handles, result
from tests.logs import improve, line
from tests.scoring import find, score
from tests.small import chat, pairs, samples, write

MAKE = Path(__file__).parent / "data" / "perfect" / "make.py"
KTO = BUILT_IN["kto-interleaved"]


def taken(ledger: Ledger, folder: Path, *rows: dict[str, Any], name: str = "in.jsonl") -> list[str]:
    """Ingest rows and return the ids of the samples that are new."""
    before = set(samples(ledger))
    ledger.ingest(write(folder / name, *rows), campaign="c")
    return [one for one in samples(ledger) if one not in before]


def observed(ledger: Ledger, text: str, ids: list[str], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as check_rows has them
    """Return the result of the one gate in a text, for a plan of these samples."""
    (only,) = check_rows(ledger, handles(ledger, ids), text, **more).gates
    return only


def test_real_rows_pass_the_shipped_gates(toolset: Ledger) -> None:
    """A plan of ours keeps every gate that would stop it; what nobody has looked at is told, not judged."""
    found = toolset.check("kto-interleaved")
    keys = {"view", "passed", "gates", "composition", "change", "rows", "considered", "used", "omitted", "gates_digest"}
    assert set(found) == keys
    assert found["considered"] == found["used"] + sum(found["omitted"].values()) == toolset.status()["samples"]
    assert (found["view"], found["passed"], found["rows"], found["change"]) == ("kto-interleaved", True, 84, None)
    assert all(
        set(one) == {"name", "severity", "passed", "observed", "limit", "examples", "about"} for one in found["gates"]
    )
    assert {one["name"] for one in found["gates"] if not one["passed"]} == {"not_validated", "pending"}
    unknown = {one["name"] for one in found["gates"] if one["observed"] is None}
    assert unknown == {
        "unknown_tool", "no_call", "failed_validation", "unscored", "template_share", "too_long", "change",
    }  # fmt: skip
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("view", ["sft", "train", "rejected"])
def test_every_view_can_be_checked(toolset: Ledger, view: str) -> None:
    """Gates about what a view has not (windows, two labels) are not judged there."""
    toolset.split("90/5/5")
    toolset.reject(samples(toolset)[:3], reason="no")
    found = {one["name"]: one for one in toolset.check(view)["gates"]}
    assert found["windows"]["observed"] is None
    assert (found["label_balance"]["observed"] is None) == (view != "train")


def test_a_set_that_keeps_duplicates_and_conflicts_is_named_for_what_it_is(toolset: Ledger) -> None:
    """The kind of set that was trained on: all rows of both files, split by their place. Three gates fail, with ids."""
    ids = samples(toolset)
    assign(toolset, {one: "train" if n < len(ids) * 9 // 10 else "val" for n, one in enumerate(ids)})
    checked = check_rows(toolset, handles(toolset, ids))
    assert not checked.passed
    failed = {one["name"]: one for one in checked.gates if not one["passed"]}
    assert [one["name"] for one in failures(checked.gates)] == [
        "family_leakage",
        "conflicts",
        "duplicates_across_splits",
    ]
    assert {"conflicts", "duplicates", "family_leakage", "duplicates_across_splits"} <= set(failed)
    conflicts = toolset.conflicts(kind="labels")
    assert failed["conflicts"]["observed"] == conflicts["fingerprints"] == 13
    named = {twin["sample"] for group in conflicts["groups"] for twin in group["twins"]}
    assert len(failed["conflicts"]["examples"]) == 5
    assert set(failed["conflicts"]["examples"]) <= named
    fingerprints = Counter(toolset.show(one)["fingerprint"] for one in ids)
    assert failed["duplicates"]["observed"] == sum(count - 1 for count in fingerprints.values()) == 21
    example = toolset.show(failed["family_leakage"]["examples"][0])
    assert example["split"] in {"train", "val"}
    assert checked.composition["by_split"]["train"]["rows"] == 108


def test_a_view_that_keeps_them_is_refused_by_its_gates(toolset: Ledger, tmp_path: Path) -> None:
    """A view of one's own with duplicates and conflicts kept: every row is there, and no release is made of it."""
    text = 'name = "kept"\ntype = "unpaired_preference"\norder = "ingested"\nduplicates = "keep"\nconflicts = "keep"\n'
    (tmp_path / "kept.toml").write_text(text)
    found = toolset.check(str(tmp_path / "kept.toml"))
    assert (found["view"], found["rows"], found["passed"]) == ("kept", 120, False)
    counts = {one["name"]: one["observed"] for one in found["gates"] if not one["passed"]}
    assert (counts["conflicts"], counts["duplicates"]) == (13, 21)
    with pytest.raises(GatesFailed, match="conflicts"):
        toolset.project(str(tmp_path / "kept.toml"), tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_lengths_that_the_plan_measured(toolset: Ledger, tmp_path: Path) -> None:
    """With a length the plan leaves out what is too long, and the gate counts just these."""
    made = toolset.project("sft", tmp_path / "out.jsonl", max_length=80, no_gates=True)
    found = {one["name"]: one for one in toolset.check("sft", max_length=80)["gates"]}
    assert found["too_long"]["observed"] == made["omitted"]["too_long"] > 0
    assert (found["too_long"]["severity"], found["too_long"]["passed"]) == ("warning", False)
    none = {one["name"]: one for one in toolset.check("sft", max_length=100_000)["gates"]}
    assert (none["too_long"]["observed"], none["too_long"]["passed"]) == (0, True)


def test_a_rule_that_splits_by_family_leaks_nothing(toolset: Ledger) -> None:
    """The same rows, split by family, stand apart; conflicts and duplicates stay what they are."""
    toolset.split("80/10/10")
    checked = check_rows(toolset, handles(toolset, samples(toolset)))
    failed = {one["name"] for one in checked.gates if not one["passed"] and one["severity"] == "error"}
    assert failed == {"conflicts"}


def test_training_rows_must_not_have_relatives_elsewhere(ledger: Ledger, tmp_path: Path) -> None:
    """A family in train and val leaks where its row of train is in the plan, not where only that of val is."""
    one, other, alone = taken(
        ledger, tmp_path, chat("q", "a", label=True), chat("q", "b", label=False), chat("r", "c", label=True)
    )
    assign(ledger, {one: "train", other: "val", alone: "train"})
    text = gate("family_leakage", max=0)
    leak = observed(ledger, text, [one, alone])
    assert (leak["passed"], leak["observed"], leak["examples"]) == (False, 1, [one])
    assert observed(ledger, text, [other, alone])["observed"] == 0
    assert observed(ledger, text, [other, one])["observed"] == 1
    assert observed(ledger, gate("duplicates_across_splits", max=0), [one, other])["observed"] == 0
    same = taken(ledger, tmp_path, chat("q", "a", label=True, n=2), name="more.jsonl")
    assign(ledger, {same[0]: "test"})
    assert observed(ledger, gate("duplicates_across_splits", max=0), [one])["observed"] == 1


def test_near_twins_are_looked_up_not_looked_for(toolset: Ledger) -> None:
    """Where nobody looked, that is told; after a look by a field, pairs in two splits are counted."""
    text = gate("duplicates_across_splits", of="near.prompt", max=0)
    ids = samples(toolset)
    assign(toolset, {one: "train" if n % 2 else "val" for n, one in enumerate(ids)})
    before = observed(toolset, text, ids)
    assert (before["passed"], before["observed"]) == (True, None)
    assert "ledger duplicates" in before["about"]
    pytest.importorskip("numpy")
    toolset.duplicates(near=0.8, field="prompt")
    after = observed(toolset, text, ids)
    assert after["observed"] > 0
    assert not after["passed"]


def test_findings_are_those_of_the_latest_look(ledger: Ledger, tmp_path: Path) -> None:
    """Only the current version's latest validation counts; who was never looked at is counted apart."""
    ids = taken(ledger, tmp_path, *(chat(f"q{n}", "a", label=True) for n in range(6)))
    checks = ("no_call", "unknown_tool", "failed_validation", "not_validated", "empty_prompt")
    text = "".join(gate(check, max=0) for check in checks)

    def counts() -> dict[str, Any]:
        checked = check_rows(ledger, handles(ledger, ids), text)
        return {one["name"]: one["observed"] for one in checked.gates}

    assert counts() == {
        "no_call": None, "unknown_tool": None, "failed_validation": None, "not_validated": 6, "empty_prompt": 0,
    }  # fmt: skip
    find(
        ledger,
        {
            ids[0]: [("calls/no_call", "error", "completion")],
            ids[1]: [("calls/prose_only", "warning", "completion")],
            ids[2]: [("tools/unknown_tool", "error", "a"), ("tools/unknown_tool", "error", "b")],
            ids[3]: [("structure/empty_prompt", "error", "messages[0]")],
        },
    )
    assert counts() == {
        "no_call": 2, "unknown_tool": 1, "failed_validation": 3, "not_validated": 2, "empty_prompt": 1,
    }  # fmt: skip
    find(ledger, {ids[0]: []})
    assert counts()["no_call"] == 1
    ledger.edit(ids[2], json.dumps(chat("q2", "better", label=True)).encode(), reason="a better answer")
    assert (counts()["unknown_tool"], counts()["not_validated"]) == (0, 3)


def test_an_empty_question_is_seen_without_a_validator(ledger: Ledger, tmp_path: Path) -> None:
    """A prompt that is one message without words is known by its fingerprint."""
    ids = taken(ledger, tmp_path, chat("", "a", label=True), chat(" ", "b", label=True), chat("q", "c", label=True))
    found = observed(ledger, gate("empty_prompt", max=0), ids)
    assert (found["observed"], found["examples"]) == (2, ids[:2])
    assert "3 never validated" in found["about"]


def test_scores_and_decisions(ledger: Ledger, tmp_path: Path) -> None:
    """Unscored counts only once something was scored; pending is the status."""
    ids = taken(ledger, tmp_path, *(chat(f"q{n}", "a", label=True) for n in range(4)))
    text = gate("unscored", max=0) + gate("pending", max="50%")
    assert [one["observed"] for one in check_rows(ledger, handles(ledger, ids), text).gates] == [None, "100%"]
    score(ledger, {ids[0]: {"overall": "4"}})
    ledger.accept(ids[:2], reason="good")
    unscored, pending = check_rows(ledger, handles(ledger, ids), text).gates
    assert (unscored["observed"], unscored["examples"], unscored["passed"]) == (3, ids[1:], False)
    assert (pending["observed"], pending["passed"]) == ("50%", True)


def test_templates_as_they_were_found(toolset: Ledger) -> None:
    """The share is that of the rows here, weights counted; no look is no answer."""
    ids = samples(toolset)
    text = gate("template_share", max="20%")
    assert observed(toolset, text, ids)["observed"] is None
    pytest.importorskip("numpy")
    looked = toolset.templates("sessionMemory", min_rows=3)
    largest = looked["families"][0]["rows"]
    found = observed(toolset, text, ids)
    exact = -(-largest * 10**6 // len(ids))
    assert found["observed"] == f"{exact // 10**4}.{exact % 10**4:04}".rstrip("0").rstrip(".") + "%"
    assert "sessionMemory" in found["about"]
    assert observed(toolset, gate("template_share", of="toolContext", max="20%"), ids)["observed"] is None


def test_a_missing_batch_is_named(ledger: Ledger, tmp_path: Path) -> None:
    """Of numbered sources, and of values of a tag, the numbers between the first and the last must all be there."""
    for number in (1, 2, 5):
        rows = [chat(f"q{number}", "a", label=True, tags={"batch": f"b{number:03}", "colour": "red"})]
        taken(ledger, tmp_path, *rows, name=f"batch_{number:03}.jsonl")
    ids = samples(ledger)
    by_source = observed(ledger, gate("batch_set", of="source", max=0), ids)
    assert (by_source["observed"], by_source["passed"]) == (2, False)
    assert by_source["about"].endswith("batch_3.jsonl, batch_4.jsonl")
    assert observed(ledger, gate("batch_set", of="tag:batch", max=2), ids)["passed"]
    assert observed(ledger, gate("batch_set", of="tag:batch", max=0), ids[:2])["observed"] == 0
    assert "no value of the tag colour" in observed(ledger, gate("batch_set", of="tag:colour", max=0), ids)["about"]


def test_numbers_in_names() -> None:
    """The last number of a name counts; what surrounds it makes the set, and hostile names cost nothing."""
    assert numbered(["v2_part_01.jsonl", "v2_part_3.jsonl", "other", "x9"]) == {"v2_part_….jsonl": {1, 3}, "x…": {9}}
    assert numbered(["9" * 4_000])
    assert sum(map(len, numbered([f"a{n}b" for n in range(5)]).values())) == 5


def test_labels_and_lengths(ledger: Ledger, tmp_path: Path) -> None:
    """Balance is the rarer label's share; lengths are what the plan measured, else an estimate that says so."""
    ids = taken(ledger, tmp_path, *(chat(f"q{n}", "a" * 100 * n, label=n > 0) for n in range(4)))
    assert observed(ledger, gate("label_balance", min="25%"), ids)["observed"] == "25%"
    assert not observed(ledger, gate("label_balance", min="26%"), ids)["passed"]
    assert observed(ledger, gate("label_balance", min="1%"), ids, spec=BUILT_IN["sft"])["observed"] is None
    assert observed(ledger, gate("too_long", max=0), ids)["observed"] is None
    estimate = observed(ledger, gate("too_long", max=0, max_length=60), ids)
    assert (estimate["observed"], estimate["examples"]) == (2, ids[2:])
    measured = observed(ledger, gate("too_long", max=0, max_length=60), ids, omitted={"too_long": 3}, measured=True)
    assert (measured["observed"], measured["passed"]) == (3, False)


def test_windows_of_the_planned_order(ledger: Ledger, tmp_path: Path) -> None:
    """Batches of one label and batches with a prompt twice are counted in the order of the rows."""
    rows = [chat(f"q{n // 2}", f"a{n}", label=n % 2 == 0) for n in range(8)]
    ids = taken(ledger, tmp_path, *rows)
    text = gate("windows", max=0)
    assert observed(ledger, text, ids, spec=EVERYTHING)["observed"] is None
    assert observed(ledger, text, ids, spec=KTO, batch_size=2)["observed"] == 4
    apart = [ids[n] for n in (0, 3, 2, 5, 4, 7, 6, 1)]
    assert observed(ledger, text, apart, spec=KTO, batch_size=2)["passed"]
    halves = [ids[n] for n in (0, 2, 4, 6, 1, 3, 5, 7)]
    assert observed(ledger, text, halves, spec=KTO)["about"].endswith("with one label only: 2; with a prompt twice: 0")


def test_shares_and_counts_of_what_samples_have(ledger: Ledger, tmp_path: Path) -> None:
    """Tags (as they stand now), domains, campaigns and labels; of the rows here or of a split of the whole ledger."""
    rows = [chat(f"q{n}", "a", label=n % 2 == 0, domain=f"d{n % 3}", tags={"kind": f"k{n % 2}"}) for n in range(10)]
    ids = taken(ledger, tmp_path, *rows)
    ledger.tag(ids[:2], "perfect", "yes")
    ledger.tag(ids[2:3], "kind", None)
    assign(ledger, {one: "train" if n < 8 else "val" for n, one in enumerate(ids)})
    few = ids[1:5]

    def told(**keys: int | str) -> list[Any]:
        return [observed(ledger, gate(check, **keys, **limit), few)["observed"] for check, limit in asked]

    asked: list[tuple[str, dict[str, Any]]] = [("share", {"min": "0%"}), ("count", {"min": 0})]
    assert told(of="perfect") == ["25%", 1]
    assert told(of="tag:kind") == ["75%", 3]
    assert told(of="tag:kind:k1") == ["50%", 2]
    assert told(of="domain:d1") == ["50%", 2]
    assert told(of="label:true") == ["50%", 2]
    assert told(of="campaign:c") == ["100%", 4]
    assert told(of="campaign:d") == ["0%", 0]
    assert told(of="tag:perfect", split="train") == ["25%", 2]
    assert told(of="label:false", split="val") == ["50%", 1]
    ledger.weight(ids[:1], 9)
    assert told(of="tag:perfect", split="train") == ["62.5%", 2]
    fail = observed(ledger, gate("share", of="perfect", split="val", min="1%"), few)
    assert (fail["observed"], fail["examples"]) == ("0%", ids[:2])
    too_many = observed(ledger, gate("count", of="label:true", max=1), few)
    assert (too_many["passed"], too_many["examples"]) == (False, [ids[2], ids[4]])
    assert observed(ledger, gate("count", max=3), few)["observed"] == 4


def test_what_changed_since_the_previous_release(ledger: Ledger, tmp_path: Path) -> None:
    """Added, removed, relabelled and moved samples of the last release of that view; a limit is on what is gone."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(8)), campaign="c")
    assert ledger.check("kto-interleaved")["change"] is None
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    same = ledger.check("kto-interleaved")["change"]
    assert (same["previous"]["name"], same["previous"]["samples"]) == ("out.jsonl", 16)
    assert same["previous"]["output"] == made["output"]["blake3"]
    assert (same["added"], same["removed"], same["relabelled"], same["moved_split"]) == (0, 0, 0, 0)
    ids = samples(ledger)
    ledger.reject(ids[:2], reason="no")
    ledger.relabel(ids[2:4], "none", reason="unclear")
    ledger.relabel(ids[4:5], "false", reason="wrong")
    ledger.relabel(ids[5:6], "true", reason="right")
    ledger.ingest(write(tmp_path / "b.jsonl", chat("n1", "x", label=True), chat("n2", "y", label=False)), campaign="c")
    text = gate("change", max="25%") + gate("change", name="none", max=0)
    (tmp_path / "gates.toml").write_text(text)
    found = ledger.check("kto-interleaved", gates=tmp_path / "gates.toml", batch_size=2)
    change = found["change"]
    assert (change["added"], change["removed"], change["relabelled"]) == (2, 4, 2)
    assert [(one["observed"], one["passed"]) for one in found["gates"]] == [("25%", True), (4, False)]
    assert set(found["gates"][1]["examples"]) == set(ids[:4])


def test_a_moved_sample_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """A sample whose split was resolved after the release stands in another one now; a first assignment is no move."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(4)), campaign="c")
    ids = samples(ledger)
    assign(ledger, dict.fromkeys(ids[:6], "train"))
    spec = replace(EVERYTHING, name="train")
    ledger.project("train", tmp_path / "out.jsonl")
    assign(ledger, {ids[0]: "test", ids[7]: "val"})
    checked = check_rows(ledger, handles(ledger, ids), spec=spec)
    assert checked.change is not None
    assert (checked.change["moved_split"], checked.change["added"]) == (1, 2)


def test_an_earlier_moment_is_checked_as_it_was(toolset: Ledger) -> None:
    """As of a position nothing that came later counts: no split, no tag, no label."""
    head = toolset.status()["head"]["position"]
    then = toolset.check("kto-interleaved")
    ids = samples(toolset)
    toolset.split("90/5/5")
    toolset.tag(ids[:9], "perfect", "yes")
    toolset.weight(ids[:9], 3)
    assert toolset.check("kto-interleaved") != then
    assert toolset.check("kto-interleaved", as_of=head) == then


def test_checking_writes_nothing(toolset: Ledger) -> None:
    """The file is the same, byte for byte, and no temporary table is left behind."""
    before = toolset.path.read_bytes()
    toolset.check("kto-interleaved")
    assert toolset.path.read_bytes() == before
    with pytest.raises(BadRequest):
        toolset.check("no-such-view")
    left = toolset._store.connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'")  # noqa: SLF001 - looks
    assert not {name for (name,) in left} & {"planned", "taken", "weighted", "crossing", "shared", "looked", "tagged"}


def test_pairs_are_rows_of_both_samples(ledger: Ledger, tmp_path: Path) -> None:
    """A plan of (chosen, rejected) counts both sides; a sample in two pairs has two rows."""
    (good,) = taken(ledger, tmp_path, chat("q", "good", label=True))
    children = improve(ledger, good, [line("q", f"worse {n}") for n in range(2)], label=False)
    first, *rest = handles(ledger, [good, *children])
    made = check_rows(ledger, [(first, each) for each in rest], spec=BUILT_IN["dpo"]).composition
    assert (made["samples"], made["rows"]) == (3, 4)
    assert made["by_label"]["true"] == {"samples": 1, "rows": 2, "share": 0.5}


def test_gates_that_cannot_be_read(tmp_path: Path) -> None:
    """Whatever stands at the path, or cannot, is named with a next step; a device without an end is not read to it."""
    with pytest.raises(InputNotFound):
        find_gates(tmp_path / "none.toml")
    with pytest.raises(InputUnreadable):
        find_gates(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name in (tmp_path / "bytes.toml", "a\0b", "x" * 5_000):
        with pytest.raises(InputUnreadable) as unreadable:
            find_gates(name)
        assert "--show-gates" in unreadable.value.next_step
    with pytest.raises(GatesInvalid, match=r"^/dev/zero, line 1: a file of gates has at most 20,000 characters"):
        find_gates("/dev/zero")
    assert {one.check for one in find_gates(None).gates} < set(KINDS)


Row = tuple[int, int, bool | None, str | None, int]
"""Question, answer, label, split, rows of one sample."""
_ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from([True, False, None]),
        st.sampled_from(["train", "val", "test", None]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
)


@given(rows=_ROWS, batch=st.integers(1, 5), data=st.data())
@settings(max_examples=25)
def test_the_counts_are_those_of_a_plain_loop(rows: list[Row], batch: int, data: st.DataObject) -> None:
    """For any samples, splits and order: what SQL counts is what counting one by one gives."""
    order = data.draw(st.permutations([n for n, row in enumerate(rows) for _ in range(row[4])]))
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "l.db") as ledger:
        written = [chat(f"q{q}", f"a{a}", label, n=n) for n, (q, a, label, _, _) in enumerate(rows)]
        ledger.ingest(write(Path(name) / "in.jsonl", *written), campaign="c")
        ids = samples(ledger)
        where = handles(ledger, ids)
        assign(ledger, {one: row[3] for one, row in zip(ids, rows, strict=True) if row[3] is not None})
        checks = ("family_leakage", "duplicates_across_splits", "conflicts", "duplicates", "windows")
        text = "".join(gate(check, max=0) for check in checks)
        checked = check_rows(ledger, [where[n] for n in order], text, spec=KTO, batch_size=batch)

    used = sorted(set(order))
    counted = {check: result(checked, check)["observed"] for check in checks}
    by_family, by_text = (
        sum(_leaks(rows, used, key) for key in {tuple(row[:size]) for row in rows}) for size in (1, 2)
    )
    texts: dict[tuple[int, int], list[bool | None]] = defaultdict(list)
    beside = [n for n in range(len(rows)) if n not in used]  # not here, but in the ledger, and nobody rejected it
    for n in used:
        texts[rows[n][:2]].append(rows[n][2])
    windows = [order[start : start + batch] for start in range(0, len(order), batch)]
    assert counted == {
        "family_leakage": by_family,
        "duplicates_across_splits": by_text,
        "conflicts": len({rows[n][:2] for n in used if _contradicted(rows, n, used, beside)}),
        "duplicates": sum(len(labels) - 1 for labels in texts.values()),
        "windows": sum(_one_label(rows, window) for window in windows)
        + sum(len({rows[n][0] for n in window}) < len(window) for window in windows),
    }
    made = checked.composition
    assert (made["samples"], made["rows"]) == (len(used), len(order))
    for fact, column in (("by_label", 2), ("by_split", 3)):
        wanted = Counter(str(rows[n][column]).lower() for n in order)
        assert {key: part["rows"] for key, part in made[fact].items()} == wanted
    assert {split: part["samples"] for split, part in made["splits"].items()} == {
        split: sum(str(row[3]).lower() == split for row in rows) for split in ("train", "val", "test", "none")
    }


def _contradicted(rows: list[Row], n: int, used: list[int], beside: list[int]) -> bool:
    """Return whether a row has the other label in another row here, or in a sample of its split that is not here."""
    labels = {rows[m][2] for m in used if rows[m][:2] == rows[n][:2]}
    labels |= {rows[m][2] for m in beside if (*rows[m][:2], rows[m][3]) == (*rows[n][:2], rows[n][3])}
    return rows[n][2] is not None and (not rows[n][2]) in labels


def _leaks(rows: list[Row], used: list[int], key: tuple[Any, ...]) -> bool:
    """Say whether a family (question) or text (question and answer) stands in two splits, in a way that matters."""
    mine = [n for n, row in enumerate(rows) if row[: len(key)] == key and row[3] is not None]
    here = {rows[n][3] for n in mine if n in used}
    return len({rows[n][3] for n in mine}) > 1 and ("train" in here or len(here) > 1)


def _one_label(rows: list[Row], window: list[int]) -> bool:
    labels = {rows[n][2] for n in window}
    return len(labels - {None}) < 2


def perfect_rows() -> str:
    """Return what the generator of the made-up rows prints: 2,000 plain ones and 20 perfect ones at the end."""
    return subprocess.run([sys.executable, str(MAKE)], capture_output=True, text=True, check=True).stdout


FLOOR = gate("share", split="train", of="tag:perfect", min="5%")


def test_twenty_perfect_rows_at_the_end_are_found_missing(ledger: Ledger, tmp_path: Path) -> None:
    """Split by place, as it was done: the last 2 % are val, so all 20 are there and training sees none of them."""
    (tmp_path / "rows.jsonl").write_text(perfect_rows())
    (tmp_path / "gates.toml").write_text(FLOOR)
    ledger.ingest(tmp_path / "rows.jsonl", campaign="c")
    ids = samples(ledger)
    cut = len(ids) * 98 // 100
    assign(ledger, {one: "train" if n < cut else "val" for n, one in enumerate(ids)})
    found = ledger.check("sft", gates=tmp_path / "gates.toml")
    (floor,) = found["gates"]
    assert (found["passed"], floor["passed"], floor["observed"]) == (False, False, "0%")
    assert floor["examples"] == ids[-20:-15]
    splits = found["composition"]["splits"]
    assert [splits[name]["tags"]["perfect"]["samples"] for name in ("train", "val")] == [0, 20]


def test_a_weight_and_a_floor_mend_it(ledger: Ledger, tmp_path: Path) -> None:
    """Weighted and split with a floor, the same rows pass, and the report shows the effective share."""
    (tmp_path / "rows.jsonl").write_text(perfect_rows())
    (tmp_path / "gates.toml").write_text(FLOOR)
    ledger.ingest(tmp_path / "rows.jsonl", campaign="c")
    ledger.weight([], 5, where="tag = perfect")
    ledger.split("90/5/5", floors=["train:perfect=5%"])
    found = ledger.check("sft", gates=tmp_path / "gates.toml")
    assert found["passed"]
    train = found["composition"]["splits"]["train"]["tags"]["perfect"]
    here = found["composition"]["by_tag"]["perfect"]
    assert train["rows"] == 5 * train["samples"]
    assert train["share"] >= 0.05
    assert here == {**train, "values": {"full": train}, "more_values": 0}
    assert found["rows"] == found["composition"]["samples"] + 4 * train["samples"]
    made = ledger.project("sft", tmp_path / "sft.jsonl", gates=tmp_path / "gates.toml")
    assert made["gates"] == found["gates"]
    assert made["composition"]["by_tag"]["perfect"]["rows"] == train["rows"]
