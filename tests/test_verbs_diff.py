"""What differs between two moments, views or releases, and what names a side."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ForeignManifest, ManifestUnreadable, NoSuchPosition, PlanImpossible
from tests.logs import Ticks, fill, line, store_of, write_lines
from tests.small import chat, pairs, samples, write

NONE = {
    "samples": 0, "added": 0, "removed": 0, "changed": 0, "relabelled": 0, "moved": 0, "status": 0, "weighted": 0,
}  # fmt: skip


def counted(answer: dict[str, Any]) -> dict[str, int]:
    """Return the counts that are not 0."""
    return {name: count for name, count in answer["counts"].items() if count}


def ids_of(answer: dict[str, Any], way: str) -> list[str]:
    """Return the samples that differ in one way."""
    return [one["sample"] for one in answer["samples"] if way in one["ways"]]


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with twelve labelled samples in train, each accepted."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(6)), campaign="a")
    ledger.split("100/0/0")
    ledger.accept(samples(ledger))
    return ledger


def test_every_way_of_differing(few: Ledger, tmp_path: Path) -> None:
    """Each change shows under its own name, with what it was and what it became; the rest does not show."""
    before = few.status()["head"]["position"]
    ids = samples(few)
    few.reject([ids[0]], reason="no")
    few.relabel([ids[1]], "none")
    few.weight([ids[2]], 3)
    few.edit(ids[3], json.dumps(chat("question 1 False", "a better answer", label=False)).encode())
    few.ingest(write(tmp_path / "b.jsonl", chat("new", "newer")), campaign="b")

    answer = few.diff(before)

    assert answer["counts"] == NONE | {
        "samples": 5, "added": 1, "changed": 1, "relabelled": 1, "status": 2, "weighted": 1,
    }  # fmt: skip
    assert [one["sample"] for one in answer["samples"]] == [*ids[:4], samples(few)[-1]]
    assert [one["ways"] for one in answer["samples"]] == [
        ["status"], ["relabelled"], ["weighted"], ["changed", "status"], ["added"],
    ]  # fmt: skip
    assert answer["turns"] == {
        "label": [{"from": False, "to": None, "samples": 1}],
        "split": [],
        "status": [
            {"from": "accepted", "to": "pending", "samples": 1},
            {"from": "accepted", "to": "rejected", "samples": 1},
        ],
    }
    weighted = answer["samples"][2]
    assert (weighted["a"]["times"], weighted["b"]["times"]) == (1, 3)
    edited = answer["samples"][3]
    assert (edited["a"]["version"], edited["b"]["version"]) == (
        few.show(ids[3], before)["version"],
        few.show(ids[3])["version"],
    )
    added = answer["samples"][4]
    assert (added["a"], added["b"]["status"], added["campaign"], added["source"]) == (None, "pending", "b", "b.jsonl")
    assert (answer["a"]["samples"], answer["b"]["samples"]) == (12, 13)
    assert answer["a"]["root"] == few.status(before)["head"]["root"]


def test_what_was_taken_back_is_no_difference(few: Ledger) -> None:
    """A decision that was withdrawn between the two moments leaves nothing, and one before the first comes back."""
    ids = samples(few)
    before = few.status()["head"]["position"]
    (rejected,) = few.reject([ids[0]], reason="no")["events"]
    middle = few.status()["head"]["position"]
    few.withdraw([f"@{rejected}"])

    assert few.diff(before)["counts"] == NONE
    back = few.diff(middle)
    assert counted(back) == {"samples": 1, "status": 1}
    assert (back["samples"][0]["a"]["status"], back["samples"][0]["b"]["status"]) == ("rejected", "accepted")


def test_every_name_of_a_moment(tmp_path: Path) -> None:
    """A number, @ and a number, a time, now and nothing at all; the answer tells which position each was."""
    clock = Ticks(step=1_000_000)
    with Ledger.init(tmp_path / "ledger.db", clock=clock) as ledger:
        ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="a")
        before = ledger.status()["head"]["position"]
        time = ledger.log(limit=1)[0]["time"]
        clock.now += 10**9
        ledger.ingest(write(tmp_path / "b.jsonl", chat("q", "b")), campaign="a")
        later = (datetime.fromisoformat(time) + timedelta(minutes=5)).isoformat()

        for name in (before, str(before), f"@{before}", later):
            answer = ledger.diff(name)
            assert (answer["a"]["kind"], answer["a"]["position"], answer["a"]["time"]) == ("moment", before, time)
            assert counted(answer) == {"samples": 1, "added": 1}
        assert counted(ledger.diff("now", before)) == {"samples": 1, "removed": 1}
        assert ledger.diff("head")["counts"] == NONE


def test_two_views_and_a_view_at_two_moments(few: Ledger) -> None:
    """Samples of two views at one moment, or of one view at two; rows are counted beside samples."""
    before = few.status()["head"]["position"]
    ids = samples(few)
    few.reject([ids[0]], reason="no")
    few.weight([ids[2]], 3)

    one = few.diff("accepted", "rejected")
    assert counted(one) == {"samples": 12, "added": 1, "removed": 11}
    assert (one["a"]["kind"], one["a"]["view"], one["a"]["samples"], one["b"]["samples"]) == ("view", "accepted", 11, 1)

    through = few.diff(before, view="sft")
    beside = few.diff(f"@{before}", "sft")
    for answer in (through, beside):
        assert counted(answer) == {"samples": 2, "removed": 1, "weighted": 1}
        assert ids_of(answer, "removed") == [ids[0]]
        assert (answer["a"]["samples"], answer["a"]["rows"], answer["b"]["rows"]) == (6, 6, 7)
    assert few.diff("sft", "sft")["counts"] == NONE


def test_two_releases(few: Ledger, tmp_path: Path) -> None:
    """Two manifests are compared by what stands in their files, each with the labels and texts of its own moment."""
    few.project("sft", tmp_path / "one.jsonl")
    ids = samples(few)
    few.reject([ids[0]], reason="no")
    few.relabel([ids[1]], "true")
    few.edit(ids[2], json.dumps(chat("question 1 True", "a better answer", label=True)).encode())
    few.accept([ids[2]])
    few.project("sft", tmp_path / "two.jsonl")

    answer = few.diff(tmp_path / "one.jsonl.manifest.json", tmp_path / "two.jsonl")

    assert counted(answer) == {"samples": 3, "added": 1, "removed": 1, "changed": 1}
    assert (ids_of(answer, "removed"), ids_of(answer, "added")) == ([ids[0]], [ids[1]])
    assert answer["samples"][1]["b"]["label"] is True
    assert (answer["a"]["kind"], answer["a"]["view"], answer["a"]["rows"]) == ("manifest", "sft", 6)
    assert counted(few.diff(tmp_path / "two.jsonl", tmp_path / "one.jsonl")) == counted(answer)


@pytest.mark.parametrize("view", ["kto-interleaved", "sft", "accepted", "preference"])
def test_a_manifest_beside_a_moment_is_the_same_export_then(few: Ledger, view: str, tmp_path: Path) -> None:
    """Nothing differs at the moment that a release was made from; later, exactly what a new release would differ in."""
    write_lines(tmp_path / "c.jsonl", [line(f"p{n % 3}", f"c{n}", label=bool(n % 2)) for n in range(16)])
    few.ingest(tmp_path / "c.jsonl", campaign="c")
    few.split("100/0/0")
    few.accept(samples(few)[12:])
    few.project(view, tmp_path / "one.jsonl", seed="s", batch_size=2, form="standard")
    position = json.loads((tmp_path / "one.jsonl.manifest.json").read_text())["head"]["position"]
    assert few.diff(tmp_path / "one.jsonl", position)["counts"] == NONE
    assert few.diff(tmp_path / "one.jsonl")["counts"] == NONE

    few.reject(samples(few)[12:15], reason="no")
    few.weight(samples(few)[20:22], 2)
    told = few.diff(tmp_path / "one.jsonl", "now")
    few.project(view, tmp_path / "two.jsonl", seed="s", batch_size=2, form="standard")

    again = few.diff(tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert told["counts"] == again["counts"]
    assert told["samples"] == again["samples"]
    assert counted(told)["samples"] > 0


def test_a_manifest_beside_a_view_takes_its_settings(few: Ledger, tmp_path: Path) -> None:
    """The other view is planned with the manifest's seed, ratio and batch, so only the views' own rules differ."""
    few.project("kto-interleaved", tmp_path / "one.jsonl", batch_size=2, seed="s")
    few.relabel([samples(few)[1]], "none")

    assert few.diff(tmp_path / "one.jsonl", "kto-interleaved")["counts"] == few.diff(tmp_path / "one.jsonl")["counts"]
    sft = few.diff(tmp_path / "one.jsonl", "sft")
    assert (sft["b"]["kind"], sft["b"]["view"]) == ("view", "sft")
    assert ids_of(sft, "removed")


def test_what_an_estimate_found_too_long_is_found_again(few: Ledger, tmp_path: Path) -> None:
    """A release with --max-length and no tokenizer compares with today, the long prompts left out on both sides."""
    few.ingest(write(tmp_path / "l.jsonl", chat("long " * 400, "answer", label=True)), campaign="l")
    few.split("100/0/0")
    few.accept(samples(few)[-1:])
    made = few.project("sft", tmp_path / "one.jsonl", max_length=100)
    assert made["omitted"]["too_long"] == 1

    assert few.diff(tmp_path / "one.jsonl")["counts"] == NONE
    assert few.diff(tmp_path / "one.jsonl", "sft")["counts"] == NONE


def test_pages_and_one_way(toolset: Ledger) -> None:
    """Pages hold every sample once, in the order of birth; with `only` those that differ so, which `left` counts."""
    toolset.reject(samples(toolset)[3:9], reason="no")
    whole = toolset.diff(0, limit=1000)
    assert whole["left"] == 0
    pages = [toolset.diff(0, limit=50, offset=50 * n) for n in range(5)]
    assert [one for page in pages for one in page["samples"]] == whole["samples"]
    assert pages[0]["left"] == whole["counts"]["samples"] - 50
    assert all(page["counts"] == whole["counts"] for page in pages)

    before = toolset.status()["events"] - 8
    assert toolset.log(limit=1, as_of=before)[0]["kind"] != "rejected"
    only = toolset.diff(before, only="status", limit=4)
    assert (len(only["samples"]), only["left"], only["only"]) == (4, 2, "status")
    assert toolset.diff(before, only="added")["samples"] == []


def test_as_of_is_what_now_means(few: Ledger, tmp_path: Path) -> None:
    """Nothing later than `as_of` is known: not to `now`, to a view, to a position, nor to a release."""
    before = few.status()["head"]["position"]
    few.reject(samples(few)[:2], reason="no")
    few.project("sft", tmp_path / "one.jsonl")

    assert few.diff(0, as_of=before) == few.diff(0, before) | {"b": few.diff(0, "now", as_of=before)["b"]}
    assert few.diff("accepted", "sft", as_of=before)["a"]["samples"] == 12
    with pytest.raises(NoSuchPosition, match=f"ends at {before}"):
        few.diff(before + 1, as_of=before)
    with pytest.raises(ForeignManifest, match=f"up to position {before}"):
        few.diff(tmp_path / "one.jsonl", as_of=before)


def test_what_names_nothing_is_refused(few: Ledger, tmp_path: Path) -> None:
    """Each refusal says what was wrong with the name, and writes nothing."""
    few.project("sft", tmp_path / "one.jsonl")
    head = few.status()["head"]
    text = (tmp_path / "one.jsonl.manifest.json").read_text()
    (tmp_path / "other.manifest.json").write_text(text.replace(store_of(few).ledger_id, "0" * 32))
    (tmp_path / "edited.manifest.json").write_text(text.replace('"sft"', '"dpo"'))
    (tmp_path / "broken.manifest.json").write_text("{}")
    refused: list[tuple[type[Exception], str, tuple[object, ...], dict[str, Any]]] = [
        (BadRequest, "neither a position", ("yesterday",), {}),
        (BadRequest, "neither a position", ("",), {}),
        (BadRequest, "neither a position", ("\x1b[31m",), {}),
        (BadRequest, "two moments", ("sft", "now"), {"view": "sft"}),
        (BadRequest, "two moments", (0, str(tmp_path / "one.jsonl")), {"view": "sft"}),
        (BadRequest, "no view", (0,), {"view": "nothing"}),
        (BadRequest, "differs as", (0,), {"only": "colour"}),
        (BadRequest, "limit", (0,), {"limit": -1}),
        (NoSuchPosition, "ends at", ("@99999",), {}),
        (NoSuchPosition, "begins later", ("1999-01-01",), {}),
        (PlanImpossible, "No sample", ("sft", "val"), {}),
        (ManifestUnreadable, "is not a manifest", (tmp_path / "broken.manifest.json",), {}),
        (ManifestUnreadable, "is not a manifest", (tmp_path / "none.manifest.json",), {}),
        (ForeignManifest, "names the ledger", (tmp_path / "other.manifest.json",), {}),
        (ForeignManifest, "no release", (tmp_path / "edited.manifest.json",), {}),
    ]
    for error, match, sides, given in refused:
        with pytest.raises(error, match=match):
            few.diff(*sides, **given)  # type: ignore[arg-type]  # some are wrong on purpose
    assert few.status()["head"] == head


def test_a_view_in_a_file_and_a_defined_one(few: Ledger, tmp_path: Path) -> None:
    """A view is named by its file before it is defined, and by its name after; the two are the same samples."""
    (tmp_path / "mine.toml").write_text(few.view("sft")["toml"].replace('"sft"', '"mine"'))
    from_file = few.diff(tmp_path / "mine.toml", "sft")
    few.define_view(tmp_path / "mine.toml")
    assert from_file["counts"] == few.diff("mine", "sft")["counts"] == NONE


def test_nothing_is_left_in_the_connection_and_nothing_is_written(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger that nobody may write is compared as well; temporary tables go, also after a refusal."""
    fill(ledger, tmp_path)
    ledger.close()
    copy = tmp_path / "read" / "ledger.db"
    copy.parent.mkdir()
    shutil.copyfile(ledger.path, copy)
    before = copy.read_bytes()
    with Ledger.open(copy) as opened:
        opened.diff(3, "sft")
        with pytest.raises(PlanImpossible):
            opened.diff(0, "sft")
        temporary = store_of(opened).connection.execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'")
        assert {name for (name,) in temporary}.isdisjoint({"asked", "differing", "side_a", "chosen_b"})
    assert copy.read_bytes() == before
