"""verify-export: what a KTO trainer silently relies on, checked on any file, ours or not."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, InputNotFound, InputUnreadable, TokenizerUnreadable
from ledger.verbs.files import MOST_BYTES
from tests.small import chat, pairs, read, write
from tests.test_exporters_lengths import tokenizer

KEYS = {
    "rows",
    "batch_size",
    "single_label_windows",
    "same_prompt_windows",
    "conflicts",
    "first_violation",
    "ok",
    "world_size",
    "same_prompt_kl_pairs",
    "self_pairs",
    "dropped_by_trainer",
    "too_long",
    "tail",
    "labels",
    "batch_needed",
    "violations",
    "measured_by",
    "max_length",
    "layout",
    "notes",
}


def test_an_export_of_ours_is_clean(toolset: Ledger, tmp_path: Path) -> None:
    """Whatever batch size was asked for, the file keeps its promises, and the manifest beside it says the size."""
    for batch in (2, 4, 6):
        made = toolset.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=batch)
        found = Ledger.verify_export(tmp_path / "out.jsonl")
        assert found == {
            "rows": made["rows"],
            "batch_size": batch,
            "single_label_windows": 0,
            "same_prompt_windows": 0,
            "conflicts": 0,
            "first_violation": None,
            "ok": True,
            "world_size": 1,
            "same_prompt_kl_pairs": 0,
            "self_pairs": 0,
            "dropped_by_trainer": 0,
            "too_long": [],
            "tail": {"rows": 0, "repeated": 0},
            "labels": {name: made["labels"][name] for name in ("true", "false")},
            "batch_needed": -(-made["rows"] // min(made["labels"]["true"], made["labels"]["false"])),
            "violations": [],
            "measured_by": None,
            "max_length": None,
            "layout": "unpaired_preference",
            "notes": [],
        }


def test_a_shuffled_export_is_not(toolset: Ledger, tmp_path: Path) -> None:
    """Sorting a good file by label breaks it, and the first violation says where."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    rows = sorted(read(tmp_path / "out.jsonl"), key=lambda row: str(row["label"]))
    found = Ledger.verify_export(write(tmp_path / "sorted.jsonl", *rows))
    assert set(found) == KEYS
    assert not found["ok"]
    assert found["single_label_windows"] == len(rows) // 4
    assert found["first_violation"]["rule"] == "single_label"
    assert found["first_violation"]["rows"] == [0, 3]


def test_the_raw_slices_have_the_faults_that_they_are_known_for(data: Path, tmp_path: Path) -> None:
    """Poor and enhanced lines side by side, as people interleave them, share prompts in every window."""
    mixed = [
        line
        for both in zip(
            (data / "enhanced.jsonl").read_bytes().splitlines(),
            (data / "poor.jsonl").read_bytes().splitlines(),
            strict=True,
        )
        for line in both
    ]
    (tmp_path / "zip.jsonl").write_bytes(b"\n".join(mixed))
    found = Ledger.verify_export(tmp_path / "zip.jsonl")
    assert (found["rows"], found["single_label_windows"], found["same_prompt_windows"]) == (120, 0, 30)
    assert found["conflicts"] == 13
    assert found["first_violation"]["rule"] == "same_prompt"


def test_the_batch_size_is_asked_recorded_or_four(ledger: Ledger, tmp_path: Path) -> None:
    """A size that is asked for wins; else the manifest's, if there is one that can be read; else 4."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(8)), campaign="a")
    ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=8)
    manifest = tmp_path / "out.jsonl.manifest.json"
    body = manifest.read_bytes()
    assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 8
    assert Ledger.verify_export(tmp_path / "out.jsonl", 2)["batch_size"] == 2
    for broken in (
        b"",
        b"{}",
        body.replace(b'"batch_size": 8', b'"batch_size": "8"'),
        body.replace(b"batch_size", b"b"),
    ):
        manifest.write_bytes(broken)
        assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 4
    manifest.unlink()
    manifest.mkdir()
    assert Ledger.verify_export(tmp_path / "out.jsonl")["batch_size"] == 4


@pytest.mark.parametrize("batch", [0, -1, 10**30, True])
def test_a_batch_size_that_is_none(tmp_path: Path, batch: int) -> None:
    """A batch size means a number of rows."""
    with pytest.raises(BadRequest, match="The batch size"):
        Ledger.verify_export(write(tmp_path / "a.jsonl", *pairs(1)), batch)


def test_files_that_cannot_be_checked(tmp_path: Path) -> None:
    """Nothing there, a directory, a name too long, a row without a label, a line that is no row: each is named."""
    with pytest.raises(InputNotFound):
        Ledger.verify_export(tmp_path / "missing.jsonl")
    with pytest.raises(InputUnreadable, match="it is a directory"):
        Ledger.verify_export(tmp_path)
    with pytest.raises(InputUnreadable, match="too long"):
        Ledger.verify_export(tmp_path / ("n" * 300))
    with pytest.raises(InputUnreadable, match="line 2 has no label"):
        Ledger.verify_export(write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("q", "a")))
    (tmp_path / "b.jsonl").write_text(json.dumps(pairs(1)[0]) + "\n{\n", encoding="utf-8")
    with pytest.raises(InputUnreadable, match="line 2 is not a row"):
        Ledger.verify_export(tmp_path / "b.jsonl")


def test_other_people_s_files(tmp_path: Path) -> None:
    """Rows as text, in gzip or without a prompt are checked as well; an empty file breaks nothing."""
    rows = [{"prompt": f"p{n}", "completion": "c", "label": n % 2 == 0} for n in range(4)]
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert Ledger.verify_export(tmp_path / "a.jsonl.gz")["ok"]
    empty = [{"prompt": "", "completion": f"c{n}", "label": n % 2 == 0} for n in range(4)]
    assert Ledger.verify_export(write(tmp_path / "b.jsonl", *empty))["ok"]
    (tmp_path / "none.jsonl").touch()
    assert Ledger.verify_export(tmp_path / "none.jsonl")["rows"] == 0


def test_an_export_that_was_changed_is_found_by_its_manifest(toolset: Ledger, tmp_path: Path) -> None:
    """A file whose windows are sound but whose bytes are not those of its manifest is not ok, nor is an empty one."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out)
    rows = out.read_text("utf-8").splitlines(keepends=True)
    out.write_text("".join([rows[0].replace(", ", ",  ", 1), *rows[1:]]), "utf-8")
    changed = Ledger.verify_export(out)
    out.write_bytes(b"")
    empty = Ledger.verify_export(out)

    assert (changed["ok"], changed["first_violation"]["rule"]) == (False, "changed")
    assert (empty["ok"], empty["first_violation"]["rule"]) == (False, "empty")


def _rows(data: Path, label: bool, name: str) -> list[dict[str, Any]]:  # noqa: FBT001 - a label
    """Return the real lines of a slice as KTO rows."""
    said = [row["conversations"] for row in read(data / name)]
    return [{"prompt": one[:-1], "completion": one[-1:], "label": label} for one in said]


def _apart(good: int, poor: int) -> list[dict[str, Any]]:
    """Return rows, each with a prompt of its own."""
    return [
        {"prompt": f"p{label}{number}", "completion": f"c{label}{number}", "label": label}
        for label, count in ((True, good), (False, poor))
        for number in range(count)
    ]


def _brute(rows: list[dict[str, Any]], batch: int) -> dict[str, int]:
    """Return what TRL makes of rows of text, by its description: blocks, and completions moved by one in each."""
    found = dict.fromkeys(("single_label_windows", "same_prompt_windows", "same_prompt_kl_pairs", "self_pairs"), 0)
    for start in range(0, len(rows), batch):
        block = rows[start : start + batch]
        moved = [block[-1], *block[:-1]]
        found["single_label_windows"] += len({row["label"] for row in block}) == 1
        found["same_prompt_windows"] += len({json.dumps(row["prompt"]) for row in block}) < len(block)
        matched = sum(row["prompt"] == other["prompt"] for row, other in zip(block, moved, strict=True))
        found["self_pairs" if len(block) == 1 else "same_prompt_kl_pairs"] += matched
    return found


def _agrees(found: dict[str, Any], rows: list[dict[str, Any]], batch: int) -> None:
    brute = _brute(rows, batch)
    assert {name: found[name] for name in brute} == brute


@pytest.mark.parametrize(("batch", "matched"), [(2, 200), (4, 100), (8, 100)])
def test_the_zip_of_siblings_makes_matched_pairs(tmp_path: Path, batch: int, matched: int) -> None:
    """improved_i next to poor_i: in batches of two every KL pair is really a row, in larger ones each second."""
    good, poor = _apart(100, 0), [{**row, "completion": "x" + row["completion"]} for row in _apart(100, 0)]
    rows = [row for both in zip(good, [{**row, "label": False} for row in poor], strict=True) for row in both]
    found = Ledger.verify_export(write(tmp_path / "zip.jsonl", *rows), batch)
    _agrees(found, rows, batch)
    assert found["same_prompt_kl_pairs"] == matched
    assert (found["first_violation"]["rule"], found["violations"]) == ("same_prompt", ["same_prompt"])


@pytest.mark.parametrize("batch", [2, 4, 5])
def test_real_files_as_people_make_them(data: Path, tmp_path: Path, batch: int) -> None:
    """The zip of real siblings, the majority's tail and a shuffle are counted as the trainer's own steps say."""
    good, poor = _rows(data, True, "enhanced.jsonl"), _rows(data, False, "poor.jsonl")  # noqa: FBT003 - labels
    zipped = [row for both in zip(good, poor, strict=True) for row in both]
    tail = [*zipped[: len(zipped) // 2], *good[len(good) // 2 :]]
    shuffled = random.Random(3).sample(zipped, len(zipped))  # noqa: S311 - any order will do
    for name, rows in (("zip", zipped), ("tail", tail), ("shuffled", shuffled), ("good", good)):
        found = Ledger.verify_export(write(tmp_path / f"{name}.jsonl", *rows), batch)
        _agrees(found, rows, batch)
        assert not found["ok"]


def test_the_tail_of_the_majority_is_one_label(tmp_path: Path) -> None:
    """The larger class runs on after the smaller has ended: the last 303 rows are all true."""
    rows = _apart(700, 397)
    good, poor = rows[:700], rows[700:]
    zipped = [row for both in zip(good, poor, strict=False) for row in both]
    file = write(tmp_path / "merged.jsonl", *zipped, *good[397:])
    found = Ledger.verify_export(file)
    _agrees(found, [*zipped, *good[397:]], 4)
    assert found["single_label_windows"] == 76
    assert found["first_violation"]["window"] == 199  # lines 795 and 796 are the first of the tail
    assert (found["labels"], found["batch_needed"]) == ({"true": 700, "false": 397}, 3)


def test_one_false_too_many(tmp_path: Path) -> None:
    """3,680 true and 3,681 false, starting with true: the last batch of four is a single false row."""
    rows = _apart(3680, 3681)
    mixed = [row for both in zip(rows[:3680], rows[3680:], strict=False) for row in both]
    file = write(tmp_path / "one.jsonl", *mixed, rows[-1])
    found = Ledger.verify_export(file)
    assert (found["single_label_windows"], found["self_pairs"], found["violations"]) == (1, 1, ["tail"])
    assert found["first_violation"]["rule"] == "tail"
    assert found["first_violation"]["rows"] == [7360, 7360]
    assert found["tail"] == {"rows": 1, "repeated": 0}
    assert Ledger.verify_export(file, world_size=2)["tail"] == {"rows": 1, "repeated": 7}
    assert any("trained twice" in note for note in Ledger.verify_export(file, world_size=2)["notes"])


def test_dropped_rows_move_everything_behind(tmp_path: Path) -> None:
    """A long prompt is dropped before batches are cut; by a tokenizer that is a violation, by the estimate a guess."""
    rows = [row for both in zip(_apart(20, 0), _apart(0, 20), strict=True) for row in both]
    for place in (4, 6):
        rows[place] = {**rows[place], "prompt": "hello " * 400 + str(place)}
    file = write(tmp_path / "rows.jsonl", *rows)
    kept = [row for place, row in enumerate(rows) if place not in {4, 6}]
    guessed = Ledger.verify_export(file, 2, max_length=512)
    _agrees(guessed, kept, 2)
    assert (guessed["dropped_by_trainer"], guessed["too_long"], guessed["rows"]) == (2, [5, 7], 40)
    assert (guessed["measured_by"]["by"], guessed["violations"]) == ("estimate", ["single_label"])
    counted = Ledger.verify_export(file, 2, max_length=400, tokenizer=tokenizer(tmp_path / "t"))
    _agrees(counted, kept, 2)
    assert counted["first_violation"] == {
        "window": 2,
        "rows": [4, 4],
        "rule": "dropped",
        "message": "the prompt in line 5 is too long, so it is dropped and every row behind it moves",
    }
    assert counted["violations"] == ["dropped", "single_label"]
    assert Ledger.verify_export(file, 2)["ok"]
    assert Ledger.verify_export(file, 2, max_length=10**6)["ok"]
    usual = Ledger.verify_export(file, 2, tokenizer=tmp_path / "t")
    assert (usual["max_length"], usual["dropped_by_trainer"]) == (1024, 0)
    with pytest.raises(TokenizerUnreadable):
        Ledger.verify_export(file, tokenizer=tmp_path / "none")
    for wrong in ({"max_length": 0}, {"world_size": 0}, {"max_length": True}):
        with pytest.raises(BadRequest):
            Ledger.verify_export(file, **wrong)


def test_pairs_become_blocks(tmp_path: Path) -> None:
    """{prompt, chosen, rejected} is unpaired as TRL does it: a thousand true at a time, then their false siblings."""
    rows = [{"prompt": f"p{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(1003)]
    found = Ledger.verify_export(write(tmp_path / "pairs.jsonl", *rows), 4)
    assert (found["rows"], found["layout"]) == (2006, "paired")
    assert found["labels"] == {"true": 1003, "false": 1003}
    assert found["single_label_windows"] == 501  # 250 true, 250 false, TTTF is mixed, and FF at the end
    assert found["first_violation"]["rows"] == [0, 3]
    assert found["same_prompt_windows"] == 1  # TTTF FF: the last three pairs stand beside each other
    whole = [{"chosen": f"ask {n} good", "rejected": f"ask {n} bad"} for n in range(3)]
    assert Ledger.verify_export(write(tmp_path / "implicit.jsonl", *whole), 3)["same_prompt_windows"] == 0
    assert Ledger.verify_export(tmp_path / "implicit.jsonl", 6)["same_prompt_kl_pairs"] == 0
    assert Ledger.verify_export(tmp_path / "implicit.jsonl", 6)["same_prompt_windows"] == 1
    with pytest.raises(InputUnreadable, match="line 2 is not a row"):
        Ledger.verify_export(write(tmp_path / "mixed.jsonl", rows[0], *_apart(1, 0)))


def test_layouts_that_the_trainer_refuses_are_notes(tmp_path: Path) -> None:
    """Chats and labels in words can be checked; that TRL does not take them is said, and is no violation."""
    chats = [chat(f"q{n}", f"a{n}", label=n % 2 == 0) for n in range(4)]
    words = [{**row, "label": str(row["label"]).lower()} for row in _apart(1, 1)]
    alone = [{"prompt": [], "completion": [{"role": "assistant", "content": "a"}], "label": True}, *_apart(0, 1)]
    for name, rows, says in (
        ("chats", chats, "KeyError"),
        ("words", words, "TypeError"),
        ("alone", alone, "no message"),
    ):
        found = Ledger.verify_export(write(tmp_path / f"{name}.jsonl", *rows), 2)
        assert says in found["layout"]
        assert found["layout"] in found["notes"]
        assert found["ok"]


def test_a_manifest_that_cannot_be_used_is_a_note(toolset: Ledger, tmp_path: Path) -> None:
    """One of a newer version, or no manifest at all, is said; the file is checked all the same."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out)
    beside = tmp_path / "out.jsonl.manifest.json"
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "manifest": 99}))
    newer = Ledger.verify_export(out)
    assert newer["ok"]
    assert "its version is 99" in newer["notes"][0]
    beside.write_bytes(b"\xff")
    assert "not used" in Ledger.verify_export(out)["notes"][0]


def test_an_export_that_was_cut_off_is_changed(toolset: Ledger, tmp_path: Path) -> None:
    """Cut inside a line, it is a changed export and no unreadable file, since its manifest says so."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out, batch_size=2)
    body = out.read_bytes()
    out.write_bytes(body[: body.index(b"\n", 4000) + 50])
    cut = Ledger.verify_export(out)
    assert cut["violations"][-1] == "changed"
    (tmp_path / "out.jsonl.manifest.json").unlink()
    with pytest.raises(InputUnreadable, match="is not a row"):
        Ledger.verify_export(out)


def test_what_the_manifest_says_of_lengths_is_taken(toolset: Ledger, tmp_path: Path) -> None:
    """The length and the rule recorded beside the file hold, and a tokenizer that is not here is asked for."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out)
    beside = tmp_path / "out.jsonl.manifest.json"
    value = json.loads(beside.read_text())
    estimate = {"by": "estimate", "rule": "r"}
    value["params"] |= {"max_length": 80, "lengths": estimate, "world_size": 2}
    beside.write_text(json.dumps(value))
    guessed = Ledger.verify_export(out)
    assert (guessed["max_length"], guessed["measured_by"]["by"], guessed["world_size"]) == (80, "estimate", 2)
    assert guessed["dropped_by_trainer"] > 0
    value["params"] |= {"lengths": {"by": "tokenizer", "blake3": "b3:0", "template": None}}
    beside.write_text(json.dumps(value))
    asked = Ledger.verify_export(out)
    assert (asked["measured_by"], asked["dropped_by_trainer"]) == (None, 0)
    assert any("--tokenizer" in note for note in asked["notes"])
    other = Ledger.verify_export(out, tokenizer=tokenizer(tmp_path / "t"))
    assert any("another tokenizer" in note for note in other["notes"])


def test_a_manifest_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    """What is larger than any manifest is named as such, and the file is checked without it."""
    out = write(tmp_path / "out.jsonl", *pairs(4))
    with (tmp_path / "out.jsonl.manifest.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "has over" in Ledger.verify_export(out)["notes"][0]
