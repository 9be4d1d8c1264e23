"""Exactness on real data: the counts of the shipped slices, and of the whole set where a folder of it is named.

LEDGER_REAL_DATA names a folder with `enhanced/` (batch_NNN.jsonl labelled false, enhanced_batch_NNN.jsonl labelled
true) and `scored/` of https://github.com/ProfSynapse/Toolset-Training. The slices are described in
data/toolset/README.md.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import GatesFailed
from tests.small import read

SLICES = (("poor.jsonl", False), ("enhanced.jsonl", True))


@pytest.fixture
def whole() -> Path:
    """Return the folder of the whole set, or skip."""
    named = os.environ.get("LEDGER_REAL_DATA")
    if not named:
        pytest.skip("set LEDGER_REAL_DATA to a folder with the whole Toolset-Training set (enhanced/, scored/)")
    return Path(named)


def conversations(files: Iterable[Path]) -> Iterator[str]:
    """Yield the text of each line's conversation as the standard library writes it: equal bytes, equal text."""
    for file in files:
        for line in file.read_bytes().splitlines():
            if line.strip():
                try:
                    yield json.dumps(json.loads(line)["conversations"])
                except json.JSONDecodeError:
                    continue


def ids(ledger: Ledger) -> set[str]:
    """Return the ids of all samples."""
    return {event["event"] for event in ledger.log(limit=10**6) if event["kind"] == "ingested"}


def conflicts(ledger: Ledger, name: str) -> list[str]:
    """Return the fingerprints of the rows that an export left out as conflicts."""
    return [ledger.show(each["sample"])["fingerprint"] for each in ledger.omissions(name, "conflict")]


def test_the_slices_conflict_where_they_are_known_to(toolset: Ledger, data: Path, tmp_path: Path) -> None:
    """13 contents carry both labels, 11 of them byte for byte: 17 poor and 15 enhanced lines, and none is exported."""
    poor, enhanced = (set(conversations([data / name])) for name, _ in SLICES)
    assert (len(poor), len(enhanced), len(poor & enhanced)) == (54, 58, 11)
    status = toolset.status()
    assert (status["samples"], status["blobs"], status["fingerprints"]) == (120, 118, 54 + 58 - 13)
    assert status["by_label"] == {"true": 60, "false": 60, "none": 0}
    made = toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    left_out = conflicts(toolset, "out.jsonl")
    assert (len(left_out), len(set(left_out))) == (17 + 15, 13)
    told = [toolset.show(each["sample"]) for each in toolset.omissions("out.jsonl", "conflict")]
    assert sum(each["label"] for each in told) == 15
    exported = {json.dumps([*row["prompt"], *row["completion"]]) for row in read(tmp_path / "out.jsonl")}
    assert not exported & poor & enhanced
    assert made["omitted"]["duplicate"] == 120 - 32 - (54 + 58 - 2 * 13)


def test_the_slices_add_up(toolset: Ledger, tmp_path: Path) -> None:
    """120 lines are considered; whole windows of what remains are used; the trainer's rules hold."""
    for batch, surplus in ((2, 4), (4, 0), (8, 0)):  # 45 true and 41 false remain: pairs take 41 of each
        made = toolset.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=batch)
        assert made["considered"] == 120 == made["used"] + sum(made["omitted"].values())
        left = {reason: count for reason, count in made["omitted"].items() if count}
        assert (left.pop("conflict"), left.pop("duplicate"), left.pop("surplus", 0)) == (32, 2, surplus)
        assert made["used"] == made["rows"] == (86 - surplus) // batch * batch
        assert sum(left.values()) == left.get("tail", 0) < batch
        assert made["labels"]["true"] + made["labels"]["false"] == made["rows"]
        assert Ledger.verify_export(tmp_path / "out.jsonl")["ok"]


def test_the_scored_slice(ledger: Ledger, data: Path) -> None:
    """39 lines are samples of 33 texts, line 25 is in quarantine; again appends nothing."""
    told = ledger.ingest(data / "scored.jsonl", campaign="scored")
    assert (told["lines"], told["new"], told["quarantined"]) == (40, 39, 1)
    assert [(line["line"], line["reason"]) for line in ledger.quarantine()] == [(25, "invalid_json")]
    assert len(set(conversations([data / "scored.jsonl"]))) == ledger.status()["fingerprints"] == 33
    before = ledger.status()
    again = ledger.ingest(data / "scored.jsonl", campaign="scored")
    assert (again["new"], again["known"], again["quarantined"]) == (0, 39, 1)
    assert ledger.status() == before


def test_the_order_of_ingest_does_not_show(toolset: Ledger, data: Path, tmp_path: Path) -> None:
    """Files in another order, and a file whose lines are turned around: the same samples, the same export bytes."""
    made = toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    (tmp_path / "poor.jsonl").write_bytes(b"\n".join(reversed((data / "poor.jsonl").read_bytes().splitlines())))
    with Ledger.init(tmp_path / "other.db") as other:
        other.ingest([data / "enhanced.jsonl"], campaign="toolset")
        other.ingest([tmp_path / "poor.jsonl"], campaign="toolset")
        assert ids(other) == ids(toolset)
        assert other.project("kto-interleaved", tmp_path / "other.jsonl")["omitted"] == made["omitted"]
    assert (tmp_path / "other.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_all_of_both_labels(ledger: Ledger, whole: Path, tmp_path: Path) -> None:
    """7,359 = 3,681 + 3,678; 36 contents with both labels, 30 of them byte for byte; 7,040 rows of what remains."""
    told = ledger.ingest(whole / "enhanced", campaign="toolset")
    assert (told["lines"], told["new"], told["quarantined"]) == (7_359, 7_359, 0)
    status = ledger.status()
    assert status["by_label"] == {"true": 3_678, "false": 3_681, "none": 0}
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    assert made["considered"] == 7_359 == made["used"] + sum(made["omitted"].values())
    assert (made["rows"], made["labels"]) == (7_040, {"true": 3_640, "false": 3_400, "none": 0})
    assert {reason: count for reason, count in made["omitted"].items() if count} == {
        "conflict": 85,
        "duplicate": 233,
        "tail": 1,
    }
    left_out = conflicts(ledger, "out.jsonl")
    assert (len(left_out), len(set(left_out))) == (85, 36)
    poor = set(conversations(sorted((whole / "enhanced").glob("batch_*.jsonl"))))
    enhanced = set(conversations(sorted((whole / "enhanced").glob("enhanced_*.jsonl"))))
    assert len(poor & enhanced) == 30
    exported = {json.dumps([*row["prompt"], *row["completion"]]) for row in read(tmp_path / "out.jsonl")}
    assert not exported & poor & enhanced
    wanted = {
        "rows": 7_040,
        "batch_size": 4,
        "single_label_windows": 0,
        "same_prompt_windows": 0,
        "same_prompt_kl_pairs": 0,
        "dropped_by_trainer": 0,
        "conflicts": 0,
        "first_violation": None,
        "ok": True,
    }
    assert wanted.items() <= Ledger.verify_export(tmp_path / "out.jsonl").items()
    assert ledger.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]
    assert ledger.verify()["ok"]


def test_all_in_another_order(ledger: Ledger, whole: Path, tmp_path: Path) -> None:
    """The 148 files one by one in a drawn order, lines turned around: the same ids and the same export bytes."""
    ledger.ingest(whole / "enhanced", campaign="toolset")
    before = ledger.status()
    again = ledger.ingest(whole / "enhanced", campaign="toolset")
    assert (again["new"], again["known"]) == (0, 7_359)
    assert ledger.status() == before
    ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    files = sorted((whole / "enhanced").glob("*.jsonl"))
    random.Random(7).shuffle(files)  # noqa: S311 - any order will do
    (tmp_path / "turned").mkdir()
    with Ledger.init(tmp_path / "other.db") as other:
        for file in files:
            lines = file.read_bytes().splitlines(keepends=True)
            lines[-1] = lines[-1].rstrip(b"\n") + b"\n"
            turned = tmp_path / "turned" / file.name
            turned.write_bytes(b"".join(reversed(lines)))
        for half in (files[:80], files[80:]):
            other.ingest([tmp_path / "turned" / file.name for file in half], campaign="toolset")
        assert ids(other) == ids(ledger)
        other.project("kto-interleaved", tmp_path / "other.jsonl")
    assert (tmp_path / "other.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_all_that_was_scored(ledger: Ledger, whole: Path) -> None:
    """5,518 samples and 2 lines in quarantine, both named; 5,076 distinct conversations; again appends nothing."""
    told = ledger.ingest(whole / "scored", campaign="scored")
    assert (told["lines"], told["new"], told["quarantined"]) == (5_520, 5_518, 2)
    found = {(line["source"], line["line"]) for line in ledger.quarantine()}
    assert found == {("scored_batch_21.jsonl", 13), ("scored_batch_64.jsonl", 20)}
    assert len(set(conversations(sorted((whole / "scored").glob("*.jsonl"))))) == 5_076
    status = ledger.status()
    assert (status["samples"], status["quarantined"]) == (5_518, 2)
    assert status["fingerprints"] <= 5_076
    again = ledger.ingest(whole / "scored", campaign="scored")
    assert (again["new"], again["known"], again["quarantined"]) == (0, 5_518, 2)
    assert ledger.status() == status
    assert ledger.verify()["ok"]


MEANS = {
    "overall_quality": 2.8325,
    "sessionMemory_quality": 2.5005,
    "toolContext_quality": 2.4846,
    "goal_coherence": 3.4551,
    "response_realism": 2.0487,
    "prompt_naturalness": 3.6736,
}
"""Of the 5,518 scored samples, rounded to four places."""


def test_the_scored_slice_is_labelled_as_its_scores_say(ledger: Ledger, data: Path) -> None:
    """Each label is what the rule says of the numbers in the line, and each text judged twice is a conflict."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    ledger.import_scores(field="quality_scores")
    done = ledger.decide("toolset-relabel")
    rows = []
    for line in (data / "scored.jsonl").read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line)["quality_scores"])
        except json.JSONDecodeError:
            continue
    low = [row["overall_quality"] < 3 for row in rows]
    empty = [row["sessionMemory_quality"] == 1 for row in rows]
    false = sum(one or other for one, other in zip(low, empty, strict=True))
    assert done["by_label"] == {"true": 39 - false, "false": false, "none": 0}
    assert done["by_rule"].get("low_quality+missing_sessionMemory", 0) == sum(map(all, zip(low, empty, strict=True)))
    assert ledger.conflicts()["fingerprints"] == ledger.agreement()["flips"] == 6


def test_all_that_was_scored_is_judged_exactly(ledger: Ledger, whole: Path) -> None:
    """Means, labels and reasons of 5,518 samples to the last digit; deciding again appends nothing."""
    ledger.ingest(whole / "scored", campaign="scored")
    told = ledger.import_scores(field="quality_scores")
    assert (told["samples"], told["scored"], told["unscored"]) == (5_518, 5_518, 0)
    assert {name: float(found["mean"]) for name, found in told["dimensions"].items()} == MEANS
    done = ledger.decide("toolset-relabel")
    assert (done["decided"], done["changed"]) == (5_518, 5_518)
    assert done["by_label"] == {"true": 1_837, "false": 3_681, "none": 0}
    assert done["by_rule"] == {
        "low_quality": 2_058,
        "low_quality+missing_sessionMemory": 1_357,
        "missing_sessionMemory": 266,
    }
    (campaign,) = ledger.compare()["campaigns"]
    assert {found["dimension"]: found["mean"] for found in campaign["means"]} == MEANS
    head = ledger.status()["head"]
    again = ledger.decide()
    assert (again["decided"], again["changed"], ledger.status()["head"]) == (5_518, 0, head)
    assert ledger.agreement()["fingerprints"] == 430
    assert ledger.conflicts()["by_kind"]["labels"] == {"fingerprints": 86, "samples": 182}
    assert ledger.verify()["ok"]


SEED_003 = """
name = "seed-003"
type = "language_modeling"
select = "label == true"
label = ["true"]
split = "any"
status = ["accepted", "pending"]
order = "ingested"
duplicates = "keep"
conflicts = "keep"
"""


def test_the_set_that_was_trained_on_and_what_was_wrong_with_it(ledger: Ledger, whole: Path, tmp_path: Path) -> None:
    """1,837 + 3,678 = 5,515 rows with duplicates and conflicts kept; the gates name these, and empty prompts.

    116 texts are taught although the same text is labelled false: 86 of those that were scored, 30 that came back
    unchanged.
    """
    ledger.ingest(whole / "scored", campaign="scored")
    ledger.ingest(whole / "enhanced", campaign="enhanced")
    ledger.import_scores(field="quality_scores", campaign="scored")
    ledger.decide(policy="toolset-relabel", campaign="scored")
    (tmp_path / "seed-003.toml").write_text(SEED_003, "utf-8")
    found = ledger.check(str(tmp_path / "seed-003.toml"))
    assert (found["rows"], found["passed"]) == (5_515, False)
    failed = {one["name"]: one["observed"] for one in found["gates"] if not one["passed"]}
    assert (failed["conflicts"], failed["duplicates"], failed["empty_prompt"]) == (116, 120, 21)
    with pytest.raises(GatesFailed):
        ledger.project(str(tmp_path / "seed-003.toml"), tmp_path / "out.jsonl")
    made = ledger.project(str(tmp_path / "seed-003.toml"), tmp_path / "out.jsonl", no_gates=True)
    assert (made["rows"], made["used"], made["labels"]["true"]) == (5_515, 5_515, 5_515)
    assert ledger.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]


def test_the_whole_path_to_a_release(ledger: Ledger, whole: Path, tmp_path: Path) -> None:
    """Relabel, split, check, three kinds of release, each rebuilt; nothing leaks, and quotas are met to the sample."""
    ledger.ingest(whole / "scored", campaign="scored")
    ledger.ingest(whole / "enhanced", campaign="enhanced")
    ledger.import_scores(field="quality_scores", campaign="scored")
    ledger.decide(policy="toolset-relabel")
    ledger.accept(where="status == 'pending'")
    done = ledger.split("90/5/5", stratify=["label"])
    assert done["by_split"] == {"train": 11_589, "val": 644, "test": 644}
    assert done["leaks"] == 0
    for view in ("kto-interleaved", "sft", "preference"):
        assert ledger.check(view)["passed"]
        made = ledger.project(view, tmp_path / f"{view}.jsonl")
        assert made["considered"] == 12_877 == made["used"] + sum(made["omitted"].values())
        assert ledger.rebuild(tmp_path / f"{view}.jsonl.manifest.json")["identical"]
    assert Ledger.verify_export(tmp_path / "kto-interleaved.jsonl")["ok"]
    assert ledger.verify()["ok"]
