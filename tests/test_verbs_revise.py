"""Work done elsewhere comes back: by id or by content, as a set, into children; what cannot be told is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, InputNotFound, SourceClash
from ledger.verbs import originals, returned, revise
from tests.logs import sample_ids, store_of
from tests.revising import RECIPE, SLICES, answered, better, children, given, lines, poor
from tests.small import read, write


def end(ledger: Ledger) -> int:
    """Return the position at which the log ends."""
    return store_of(ledger).head().position


def rows_of(listed: list[dict[str, Any]]) -> list[int]:
    """Return the lines of rows that are listed."""
    return [each["line"] for each in listed]


def only(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of the only batch."""
    (batch,) = told["batches"].values()
    assert isinstance(batch, dict)
    return batch


def checked_out(ledger: Ledger, folder: Path, count: int = 6) -> list[dict[str, Any]]:
    """Return the rows of a checkout of one batch."""
    given(ledger, folder, count)
    ledger.checkout(folder / "out", campaign="one")
    return lines(folder / "out" / "batch_001.jsonl")


def test_what_comes_back_by_id_becomes_children(ledger: Ledger, tmp_path: Path) -> None:
    """In any order; a child has its parent's version, campaign, domain and tags, the label and the recipe, no cost."""
    ledger.ingest(write(tmp_path / "poor.jsonl", poor(0, domain="d", tags={"a": "b"}), poor(1)), campaign="one")
    ids = sample_ids(ledger)
    ledger.checkout(tmp_path / "out", campaign="one")
    rows = answered(lines(tmp_path / "out" / "batch_001.jsonl"), [0, 1])
    told = ledger.revise(write(tmp_path / "back.jsonl", *reversed(rows)), recipe=RECIPE)
    assert (told["recorded"], told["by"]["id"], told["reordered"], only(told)["state"]) == (2, 2, 1, "reordered")
    says = {each["parent"]: each for each in children(ledger)}
    assert list(says) == ids[::-1]
    first = says[ids[0]]
    assert {key: first[key] for key in ("campaign", "domain", "label", "tags", "ordinal")} == {
        "campaign": "one",
        "domain": "d",
        "label": True,
        "tags": [["a", "b"]],
        "ordinal": 0,
    }
    assert (first["request"], first["usage"], first["cost"]) == (None, None, None)
    assert (first["version"], f"b3:{first['recipe']}") == (rows[0]["version"][3:], told["recipe"])
    child = ledger.why(ids[0])["lineage"]["children"][0]["sample"]
    assert ledger.show(child)["content"]["completion"][0]["content"] == better(0)["messages"][1]["content"]
    assert ledger.show(ids[0])["label"] is False
    assert ledger.verify()["findings"] == []


def test_only_the_content_of_a_row_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    """Its training fields, each exactly as it stands; nothing of what else the line says."""
    (row,) = checked_out(ledger, tmp_path, 1)
    head = json.dumps({key: row[key] for key in ("sample", "version", "batch")})[:-1]
    said = '"messages": [{"role":"user", "content":"caf\\u00e9 session0"},{"content":"1.50","role":"assistant"}]'
    (tmp_path / "back.jsonl").write_text(f'{head}, "note": "mine", {said}}}\n')
    assert ledger.revise(tmp_path / "back.jsonl")["recorded"] == 1
    (says,) = children(ledger)
    blob = bytes.fromhex(says["blob"])
    assert store_of(ledger).body(store_of(ledger).find_blobs(blob, blob)[0][1]) == b"{" + said.encode() + b"}"


def test_without_ids_content_tells(ledger: Ledger, tmp_path: Path) -> None:
    """Rows that name nothing find their originals in any order; unchanged ones make no child."""
    ids = given(ledger, tmp_path)
    back = [better(3), better(0), poor(2), better(5), better(1), better(4)]
    told = ledger.revise(write(tmp_path / "back.jsonl", *back), recipe=RECIPE)
    assert {name: count for name, count in told["by"].items() if count} == {"equal": 1, "evidence": 5}
    assert [each["parent"] for each in children(ledger)] == [ids[n] for n in (3, 0, 5, 1, 4)]
    assert rows_of(only(told)["unchanged"]) == [3]
    assert (told["rows"], told["aligned"], told["unchanged"], told["recorded"]) == (6, 6, 1, 5)
    assert told["signals"]["identifiers"] == 6


def test_a_batch_is_a_set(ledger: Ledger, tmp_path: Path) -> None:
    """Missing, invented, doubled and moved rows are named, and nothing of the batch is recorded unless asked for."""
    rows = answered(checked_out(ledger, tmp_path), range(6))
    invented = {**better(40), "sample": "0" * 64}
    back = write(tmp_path / "back.jsonl", rows[0], rows[2], rows[1], invented, rows[3], rows[3])
    before = end(ledger)
    told = ledger.revise(back, recipe=RECIPE)
    assert end(ledger) == before
    assert {
        name: told[name] for name in ("rows", "aligned", "unaligned", "missing", "extra", "duplicated", "held")
    } == {
        "rows": 6,
        "aligned": 4,
        "unaligned": 2,
        "missing": 2,
        "extra": 1,
        "duplicated": 1,
        "held": 4,
    }
    batch = only(told)
    assert batch["state"] == "wrong"
    assert [(each["source"], each["line"]) for each in batch["missing"]] == [("poor.jsonl", 5), ("poor.jsonl", 6)]
    assert (rows_of(batch["extra"]), batch["extra"][0]["names"]) == ([4], "0" * 64)
    assert rows_of(batch["duplicated"]) == [6]
    assert rows_of(batch["reordered"]) == [2]
    assert ledger.revise(back, recipe=RECIPE, partial=True)["recorded"] == 4
    assert ledger.revise(back, recipe=RECIPE, partial=True)["known"] == 4


def test_two_answers_to_one_sample_are_not_chosen_between(ledger: Ledger, tmp_path: Path) -> None:
    """Two rows that give one id and say different things are both open, and name the sample."""
    rows = answered(checked_out(ledger, tmp_path, 2), range(2))
    other = answered(rows[:1], [0], "differently")
    told = ledger.revise(write(tmp_path / "back.jsonl", *rows, *other), partial=True)
    batch = only(told)
    assert (told["recorded"], told["ambiguous"], told["duplicated"], told["missing"]) == (1, 2, 0, 1)
    assert [each["candidates"][0]["sample"] for each in batch["ambiguous"]] == [rows[0]["sample"]] * 2
    assert rows_of(batch["missing"][0]["perhaps"]) == [1, 3]


def test_an_id_that_says_otherwise_than_the_text_is_doubted(ledger: Ledger, tmp_path: Path) -> None:
    """Texts that were swapped under their ids are not taken for revisions of the wrong samples."""
    rows = checked_out(ledger, tmp_path, 4)
    told = ledger.revise(write(tmp_path / "back.jsonl", *answered(rows, [1, 0, 2, 3])), partial=True)
    assert (told["doubted"], told["recorded"], told["missing"]) == (2, 2, 2)
    named = [{one["sample"] for one in each["candidates"]} for each in only(told)["doubted"]]
    assert named == [{row["sample"] for row in rows[:2]}] * 2


def test_another_version_is_doubted(ledger: Ledger, tmp_path: Path) -> None:
    """A row is about the version that it names; the one that was given out is taken, also when it was edited since."""
    rows = answered(checked_out(ledger, tmp_path, 2), range(2))
    ledger.edit(rows[0]["sample"], json.dumps(poor(0) | {"n": 1}).encode())
    ledger.edit(rows[0]["sample"], json.dumps(poor(9)).encode())
    told = ledger.revise(write(tmp_path / "back.jsonl", *rows))
    assert told["recorded"] == 2
    assert [each["version"] for each in children(ledger)] == [row["version"][3:] for row in rows]
    late = [{**rows[0], "version": rows[1]["version"]}, rows[1]]
    assert ledger.revise(write(tmp_path / "late.jsonl", *late))["doubted"] == 1


@pytest.mark.parametrize("verdict", ["false", "rejected", "erased"])
def test_a_text_that_nobody_may_have_is_refused(ledger: Ledger, tmp_path: Path, verdict: str) -> None:
    """A revision that says what a sample labelled false, rejected or erased says makes no child, and is listed."""
    (given_out,) = checked_out(ledger, tmp_path, 1)
    ledger.ingest(write(tmp_path / "other.jsonl", better(0) | {"label": verdict != "false"}), campaign="two")
    other = sample_ids(ledger)[1]
    if verdict == "rejected":
        ledger.reject([other], reason="no")
    if verdict == "erased":
        ledger.erase([other], reason="asked for", authority="ann", yes=True)
    before = end(ledger)
    told = ledger.revise(write(tmp_path / "back.jsonl", *answered([given_out], [0])))
    assert (told["aligned"], told["refused"], told["recorded"]) == (1, 1, 0)
    reason = "erased" if verdict == "erased" else "contradiction"
    assert [(each["line"], each["reason"]) for each in only(told)["refused"]] == [(1, reason)]
    assert end(ledger) == before


def test_an_erased_original_is_not_missing(ledger: Ledger, tmp_path: Path) -> None:
    """Its bytes are gone, so what comes back for it is not taken, and its batch can still be whole without it."""
    rows = answered(checked_out(ledger, tmp_path, 3), range(3))
    ledger.erase([rows[0]["sample"]], reason="asked for", authority="ann", yes=True)
    told = ledger.revise(write(tmp_path / "back.jsonl", *rows), partial=True)
    assert (told["erased"], told["recorded"], told["missing"], told["gone"]) == (1, 2, 0, 1)
    whole = ledger.revise(write(tmp_path / "less.jsonl", *rows[1:]))
    assert (only(whole)["state"], whole["known"]) == ("whole", 2)


def test_batches_are_found_by_what_their_rows_say(ledger: Ledger, tmp_path: Path) -> None:
    """Each file goes with the source that most of its rows are from; one that is nobody's is said to be unplaced."""
    for source in range(3):
        rows = map(poor, range(10 * source, 10 * source + 5))
        ledger.ingest(write(tmp_path / f"s{source}.jsonl", *rows), campaign="one")
    files = [
        write(tmp_path / "x.jsonl", *map(better, range(20, 25))),
        write(tmp_path / "y.jsonl", *map(better, (0, 1, 2, 13, 3))),
        write(tmp_path / "z.jsonl", {"prompt": "quite", "completion": "another"}),
    ]
    told = ledger.revise(files, recipe=RECIPE)
    assert {name: batch["files"] for name, batch in told["batches"].items()} == {
        "s0.jsonl": ["y.jsonl"],
        "s2.jsonl": ["x.jsonl"],
    }
    assert told["unplaced"] == [{"file": "z.jsonl", "rows": 1}]
    assert (told["recorded"], told["extra"], told["missing"]) == (5, 2, 1)
    assert rows_of(told["batches"]["s0.jsonl"]["extra"]) == [4]


def test_two_files_of_one_batch_are_one_return(ledger: Ledger, tmp_path: Path) -> None:
    """A batch that comes back in two parts is whole; a job says which of its batches did not come back."""
    given(ledger, tmp_path)
    job = ledger.checkout(tmp_path / "out", campaign="one", size=4)["job"]
    rows = answered(lines(tmp_path / "out" / "batch_001.jsonl"), range(4))
    parts = [write(tmp_path / "a.jsonl", *rows[:2]), write(tmp_path / "b.jsonl", *rows[2:])]
    told = ledger.revise(parts, checkout=job)
    assert only(told)["files"] == ["a.jsonl", "b.jsonl"]
    assert (only(told)["state"], told["outstanding"]) == ("whole", ["batch_002.jsonl"])


def test_rows_of_a_checkout_are_known_without_their_ids(ledger: Ledger, tmp_path: Path) -> None:
    """What was given out is known by the job, so rows that lost their names are compared with its batches alone."""
    given(ledger, tmp_path)
    job = ledger.checkout(tmp_path / "out", campaign="one", size=3)["job"]
    told = ledger.revise(write(tmp_path / "back.jsonl", *map(better, (5, 4, 3))), checkout=job)
    assert (told["recorded"], told["by"]["evidence"], told["outstanding"]) == (3, 3, ["batch_001.jsonl"])


def test_other_places_and_facts(ledger: Ledger, tmp_path: Path) -> None:
    """--map says where names and facts stand; a fact of a row stands above that of its parent and of --label."""
    (row,) = checked_out(ledger, tmp_path, 1)
    back = {"meta": {"id": row["sample"], "ok": False, "who": "ann"}, "messages": better(0)["messages"]}
    path = write(tmp_path / "back.jsonl", back)
    told = ledger.revise(path, places="sample=meta.id,label=meta.ok,tag.by=meta.who", campaign="one")
    assert told["by"]["id"] == told["recorded"] == 1
    (says,) = children(ledger)
    assert (says["label"], says["tags"]) == (False, [["by", "ann"]])
    bad = write(tmp_path / "bad.jsonl", {**back, "meta": {"id": "it"}}, {"prompt": 1})
    told = ledger.revise(bad, places="sample=meta.id", campaign="one")
    assert [each["reason"] for each in only(told)["unreadable"]] == ["bad_sample", "unknown_shape"]


def test_a_word_of_another_use_is_not_an_id(ledger: Ledger, tmp_path: Path) -> None:
    """Where nobody asked for ids, a field of that name that holds none is only a field."""
    given(ledger, tmp_path, 2)
    back = write(tmp_path / "back.jsonl", better(0, sample=7, batch="b"), better(1, sample="one"))
    assert ledger.revise(back)["by"]["evidence"] == 2


@pytest.mark.parametrize("label", [("true", True), ("false", False), ("none", None)])
def test_the_label_of_what_comes_back(ledger: Ledger, tmp_path: Path, label: tuple[str, bool | None]) -> None:
    """It is what was asked for."""
    given(ledger, tmp_path, 1)
    ledger.revise(write(tmp_path / "back.jsonl", better(0)), label=label[0])
    assert [each["label"] for each in children(ledger)] == [label[1]]


def test_another_text_under_the_same_recipe_is_another_child(ledger: Ledger, tmp_path: Path) -> None:
    """It has the next ordinal; the same text under another recipe is a child of its own."""
    given(ledger, tmp_path, 1)
    one, two = write(tmp_path / "1.jsonl", better(0)), write(tmp_path / "2.jsonl", better(0, "anew"))
    for path, recipe in ((one, "a"), (two, "a"), (one, "a"), (two, "a"), (one, "b")):
        ledger.revise(path, recipe=recipe)
    assert [each["ordinal"] for each in children(ledger)] == [0, 1, 0]
    assert len({each["recipe"] for each in children(ledger)}) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"checkout": "abcdef", "campaign": "one"}, "--checkout says"),
        ({"campaign": "nowhere"}, "no campaign"),
        ({"where": "label == true"}, "No sample that came from a file"),
        ({"against": "else.jsonl"}, "No sample came from"),
        ({"against": ""}, "must not be empty"),
        ({"label": "good"}, "not a label"),
        ({"form": "xml"}, "no format"),
        ({"places": "quality=x"}, "--map"),
        ({"recipe": "a\0"}, "control character"),
    ],
)
def test_what_cannot_be_asked(ledger: Ledger, tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    """A broken request says what is wrong with it, and changes nothing."""
    given(ledger, tmp_path, 1)
    back, before = write(tmp_path / "back.jsonl", better(0)), end(ledger)
    with pytest.raises(BadRequest, match=said):
        ledger.revise(back, **asked)
    assert end(ledger) == before


def test_files_that_are_not_there_or_too_much(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do files: none, two of one name, or more rows than are compared at once."""
    given(ledger, tmp_path, 1)
    back = write(tmp_path / "back.jsonl", better(0), better(1))
    (tmp_path / "d").mkdir()
    with pytest.raises(InputNotFound):
        ledger.revise(tmp_path / "none.jsonl")
    with pytest.raises(SourceClash):
        ledger.revise([back, write(tmp_path / "d" / "back.jsonl", better(0))])
    monkeypatch.setattr(returned, "MOST", 1)
    with pytest.raises(BadRequest, match="at most 1 rows"):
        ledger.revise(back)
    monkeypatch.undo()
    monkeypatch.setattr(originals, "MOST", 1)
    with pytest.raises(BadRequest, match="1 samples, and 2 rows came back"):
        ledger.revise(back)


def test_an_empty_file_leaves_all_missing(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing came back of the only batch there is; of several, nobody knows of which."""
    given(ledger, tmp_path, 2)
    told = ledger.revise(write(tmp_path / "back.jsonl"))
    assert (told["rows"], told["missing"], only(told)["state"]) == (0, 2, "wrong")
    given(ledger, tmp_path, 3, "more.jsonl")
    assert ledger.revise(tmp_path / "back.jsonl")["unplaced"] == [{"file": "back.jsonl", "rows": 0}]


def test_hostile_rows_are_data(ledger: Ledger, tmp_path: Path) -> None:
    """Long runs, deep nesting, broken lines and half characters have a state each, in time that grows with size."""
    given(ledger, tmp_path, 3)
    deep = '{"messages": ' + "[" * 5000 + "]" * 5000 + "}"
    huge = json.dumps(better(0, "a " * 300_000 + "tool_call: x\narguments: {" * 20_000))
    half = '{"prompt": "\\ud800", "completion": ""}'
    (tmp_path / "back.jsonl").write_text(f"{deep}\n{{\n{half}\n{huge}\n")
    told = ledger.revise(tmp_path / "back.jsonl")
    assert [each["reason"] for each in only(told)["unreadable"]] == ["too_deep", "invalid_json", "lone_surrogate"]
    assert told["rows"] == 4 == told["unreadable"] + told["aligned"] + told["extra"] + told["ambiguous"]


def test_the_real_batches_that_came_back_wrong(ledger: Ledger, tmp_path: Path) -> None:
    """Dropped originals and the invented row are named; appended and swapped rows are found; the rest is recorded."""
    del tmp_path
    ledger.ingest(sorted(SLICES.glob("batch_*.jsonl")), campaign="toolset")
    told = ledger.revise(sorted(SLICES.glob("enhanced_*.jsonl")), recipe="toolset enhancement 1.1")
    found = {name[6:9]: batch for name, batch in told["batches"].items()}
    assert {name: batch["state"] for name, batch in found.items()} == {
        "017": "reordered",
        "043": "wrong",
        "048": "wrong",
        "052": "wrong",
        "055": "reordered",
        "074": "reordered",
    }
    assert {name: rows_of(batch["missing"]) for name, batch in found.items() if batch["missing"]} == {
        "043": [5],  # line 13 of the whole batch, and so on (data/toolset/enhanced/README.md)
        "048": [11, 12, 13, 14],
        "052": [5],
    }
    assert rows_of(found["043"]["extra"]) == [10]
    assert rows_of(found["048"]["ambiguous"]) == [11, 12]
    assert [rows_of(each["perhaps"]) for each in found["048"]["missing"]] == [[11, 12], [], [], []]
    moved = {name: [(r["line"], r["from"]["line"]) for r in batch["reordered"]] for name, batch in found.items()}
    assert {name: rows for name, rows in moved.items() if rows} == {"017": [(12, 5)], "055": [(10, 5)], "074": [(5, 6)]}
    counts = ("rows", "aligned", "unaligned", "missing", "extra", "ambiguous", "reordered", "recorded", "held")
    assert [told[name] for name in counts] == [67, 64, 3, 6, 1, 2, 3, 32, 32]
    assert ledger.verify()["findings"] == []


def test_what_was_recorded_pairs_with_its_original(ledger: Ledger, tmp_path: Path) -> None:
    """The child is true to its parent's false: a preference export chooses it over the other."""
    rows = [poor(n) | {"messages": [poor(n)["messages"][0], better(n)["messages"][1]], "label": None} for n in range(4)]
    given(ledger, tmp_path, 4)
    assert ledger.revise(write(tmp_path / "back.jsonl", *rows))["recorded"] == 4
    made = ledger.project("dpo", tmp_path / "dpo.jsonl")
    assert made["rows"] == 4
    chosen = {row["chosen"][0]["content"] for row in read(tmp_path / "dpo.jsonl")}
    assert chosen == {better(n)["messages"][1]["content"] for n in range(4)}


def test_a_sample_of_two_batches_comes_back_twice(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text in one import is one child, and known the second time; another text has the next ordinal."""
    monkeypatch.setattr(revise, "_CHUNK", 2)
    given(ledger, tmp_path, 4)
    files = []
    for name, more in (("a", ""), ("b", ""), ("c", "anew")):
        ledger.checkout(tmp_path / name, campaign="one", size=3 if name == "a" else 4)
        for path in sorted((tmp_path / name).glob("batch_*.jsonl")):
            if name != "a" or path.name == "batch_001.jsonl":
                rows = lines(path)
                files.append(write(tmp_path / f"{name}_{path.name}", *answered(rows, range(len(rows)), more)))
    dry = ledger.revise(files[:2], dry_run=True)
    told = ledger.revise(files[:2])
    assert [(one["recorded"], one["known"]) for one in (dry, told)] == [(4, 3)] * 2
    assert [each["ordinal"] for each in children(ledger)] == [0] * 4
    assert ledger.revise([files[0], files[2]])["recorded"] == 4
    assert [each["ordinal"] for each in children(ledger)] == [0] * 4 + [1] * 4
    assert ledger.verify()["findings"] == []


def test_each_row_is_looked_up_once_however_many_batches_there_are(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work grows with rows and with batches, not with both multiplied."""
    given(ledger, tmp_path)
    ledger.checkout(tmp_path / "out", campaign="one", size=1)
    files = [
        write(tmp_path / f"back{number}.jsonl", *answered(lines(path), [number]))
        for number, path in enumerate(sorted((tmp_path / "out").glob("batch_*.jsonl")))
    ]
    asked: list[int] = []

    class Counted(dict[int, int | None]):
        def __getitem__(self, file: int) -> int | None:
            asked.append(file)
            return super().__getitem__(file)

    placed = originals.placed
    monkeypatch.setattr(revise, "placed", lambda *given: Counted(placed(*given)))
    assert ledger.revise(files)["recorded"] == 6
    assert sorted(asked) == list(range(6))
