"""The answer to `ledger duplicates`: every twin named, how alike it is to whom, and pages that add up."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, NoSuchPosition
from ledger.views.alike import MEMBERS
from tests.judged import row_of
from tests.logs import log_rows, store_of
from tests.small import chat, read, write
from tests.test_views_near import ingest, like

KEYS = {"exact", "near", "groups"}
MEMBER = {"sample", "similarity", "kind"}


def jaccard(one: str, other: str) -> int:
    """Return the share of the runs of three words that two texts have in common, in millionths, the slow way."""
    sets = [{tuple(told.split()[n : n + 3]) for n in range(len(told.split()) - 2)} for told in (one, other)]
    return len(sets[0] & sets[1]) * 1_000_000 // len(sets[0] | sets[1])


def places(group: dict[str, Any]) -> set[tuple[str, int]]:
    """Return where the members of a group came from."""
    return {(one["source"], one["line"]) for one in group["members"]}


def test_exact_twins_of_real_files(toolset: Ledger, data: Path) -> None:
    """Without a look: the thirteen contents that carry both labels, and the twins within each file, all named."""
    toolset.ingest(data / "scored.jsonl", campaign="toolset")
    found = toolset.duplicates()
    groups = [places(group) for group in found["groups"]]
    for name, pairs in {
        "poor": [(1, 51), (2, 52), (8, 53), (15, 56), (42, 59), (48, 60)],
        "enhanced": [(42, 59), (48, 60)],
        "scored": [(4, 16), (14, 17), (33, 34), (35, 36), (37, 38), (39, 40)],
    }.items():
        for pair in pairs:
            ours = {(f"{name}.jsonl", line) for line in pair}
            assert sum(ours <= group for group in groups) == 1
    both = [group for group in found["groups"] if {one["label"] for one in group["members"]} == {True, False}]
    written = {("poor.jsonl", 30), ("enhanced.jsonl", 30)}  # the same content, its arguments escaped otherwise
    assert sum(written <= places(group) for group in both) == 1
    assert (found["exact"], found["same_bytes"], found["near"]) == (70, 4, 0)
    assert found["exact"] == found["samples"] == sum(group["samples"] for group in found["groups"])
    assert {one["similarity"] for group in found["groups"] for one in group["members"]} == {1.0}
    assert (found["look"], found["threshold"]) == (None, None)


def test_near_twins_of_real_files(toolset: Ledger) -> None:
    """A poor line and its rewritten form are near twins; the exact ones stay what they are."""
    found = toolset.duplicates(0.6)
    assert (found["exact"], found["threshold"]) == (toolset.duplicates()["exact"], "0.6")
    groups = [places(group) for group in found["groups"] if group["texts"] > 1]
    rewritten = [
        line for line in range(1, 61) if any({("poor.jsonl", line), ("enhanced.jsonl", line)} <= g for g in groups)
    ]
    assert len(rewritten) > 20
    assert found["near"] == sum(group["samples"] for group in found["groups"] if group["texts"] > 1)
    for group in found["groups"]:
        assert group["members"][0]["twin"] is None
        assert group["representative"] == group["members"][0]["sample"]
        assert all(0.6 <= one["similarity"] <= 1 for one in group["members"])


def test_the_keys_that_are_promised(ledger: Ledger, tmp_path: Path) -> None:
    """At the top and in each member, with plain values."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    found = ledger.duplicates(0.6)
    assert set(found) >= KEYS
    (group,) = found["groups"]
    assert set(group) >= {"representative", "members"}
    for one in group["members"]:
        assert set(one) >= MEMBER
        assert isinstance(one["similarity"], float)
    assert json.loads(json.dumps(found)) == found


def test_each_kind_of_twin(ledger: Ledger, tmp_path: Path) -> None:
    """The same bytes, the same teaching, nearly the same: each by what it is to the representative."""
    rows = [like(1) | {"note": 0}, like(1) | {"note": 0}, like(1) | {"note": 1}, like(1, 2)]
    for place, row in enumerate(rows):
        ledger.ingest(write(tmp_path / f"{place}.jsonl", row), campaign=f"c{place}")
    found = ledger.duplicates(0.6)
    (group,) = found["groups"]
    first, *others = group["members"]
    assert (found["exact"], found["same_bytes"], found["near"], group["texts"]) == (3, 2, 4, 2)
    kinds = {one["source"]: one["kind"] for one in others}
    alike = {"0.jsonl": "content", "1.jsonl": "content", "2.jsonl": "fingerprint", "3.jsonl": "near"}
    if first["source"] in {"0.jsonl", "1.jsonl"}:
        assert kinds == {name: kind for name, kind in alike.items() if name != first["source"]}
    assert {one["twin"] for one in others} == {first["sample"]}
    assert [one["similarity"] == 1 for one in others] == [one["kind"] != "near" for one in others]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=8, unique=True))
@settings(max_examples=20)
def test_similarities_are_those_of_the_texts(drawn: list[tuple[int, int]]) -> None:
    """What is told of two samples is the share of their runs of three words, rounded down to a millionth."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        ids = ingest(ledger, Path(name), [like(*one) for one in drawn])
        told = {
            one: " ".join(each["content"] for each in like(*two)["messages"])
            for one, two in zip(ids, drawn, strict=True)
        }
        found = ledger.duplicates(0.6)
    for group in found["groups"]:
        assert len({told[one["sample"]].split()[1] for one in group["members"]}) == 1
        for one in group["members"][1:]:
            assert one["kind"] == "near"
            assert one["similarity"] == jaccard(told[one["sample"]], told[one["twin"]]) / 1_000_000


def test_a_chain_names_the_nearest(ledger: Ledger, tmp_path: Path) -> None:
    """Who is no pair with the representative is told with its nearest twin; what ties it may be gone, which is told."""
    words = [f"w{n}" for n in range(140)]
    ids = ingest(ledger, tmp_path, [chat("q", " ".join(words[16 * n : 16 * n + 100])) for n in range(3)])
    (group,) = ledger.duplicates(0.6, field="answer")["groups"]
    alike = {one["sample"]: (one["similarity"], one["twin"]) for one in group["members"]}
    similarity = alike[group["members"][1]["sample"]][0]
    assert 0.7 < similarity < 0.75
    ends = {ids[0], ids[2]}
    if group["representative"] in ends:
        (end,) = ends - {group["representative"]}
        assert alike[end] == (similarity, ids[1])
    ledger.edit(ids[1], json.dumps(chat("else", "altogether")).encode())
    (group,) = ledger.duplicates(field="answer")["groups"]
    first, last = group["members"]
    assert {first["sample"], last["sample"]} == ends
    assert (last["kind"], last["twin"], last["similarity"]) == ("near", None, similarity)
    assert ledger.duplicates(0.6, field="answer")["groups"] == []


def test_the_representative_is_the_one_that_an_export_keeps(ledger: Ledger, tmp_path: Path) -> None:
    """Of samples that teach the same the file holds the first member."""
    ids = ingest(ledger, tmp_path, [chat("q", "a", label=True, note=n) for n in range(5)])
    (group,) = ledger.duplicates()["groups"]
    ledger.accept(ids)
    ledger.project("sft", tmp_path / "out.jsonl")
    assert len(read(tmp_path / "out.jsonl")) == 1
    used = [one for one in ids if ledger.why(one)["releases"][0]["row"] is not None]
    assert used == [group["representative"]]


def test_pages_add_up(ledger: Ledger, tmp_path: Path) -> None:
    """Pages of any size hold each group once, the largest first; `left` says how many follow."""
    ingest(ledger, tmp_path, [chat(f"q{n}", "a", note=m) for n in range(5) for m in range(2 + n % 2)])
    whole = ledger.duplicates()
    assert (whole["counted"], whole["left"], whole["samples"]) == (5, 0, 12)
    sizes = [group["samples"] for group in whole["groups"]]
    assert all(one >= other for one, other in pairwise(sizes))
    for size in (1, 2, 5):
        pages = [ledger.duplicates(limit=size, offset=at) for at in range(0, 5, size)]
        assert [group for page in pages for group in page["groups"]] == whole["groups"]
        assert [page["left"] for page in pages] == [max(5 - at - size, 0) for at in range(0, 5, size)]
    assert (ledger.duplicates(limit=0)["left"], ledger.duplicates(offset=9)["left"]) == (5, 0)


def test_a_large_group_is_cut(ledger: Ledger, tmp_path: Path) -> None:
    """All members are counted, so many are listed."""
    ingest(ledger, tmp_path, [chat("q", "a", note=n) for n in range(MEMBERS + 4)])
    (group,) = ledger.duplicates()["groups"]
    assert (group["samples"], len(group["members"]), group["cut"]) == (MEMBERS + 4, MEMBERS, 4)


def test_campaigns(ledger: Ledger, tmp_path: Path) -> None:
    """A look at one counts there, else the look at all; a twin in another campaign is no twin within."""
    ingest(ledger, tmp_path, [like(1), like(5), like(5, 1)], "a")
    ingest(ledger, tmp_path, [like(1, 2), like(1)], "b")
    assert (ledger.duplicates(campaign="a")["exact"], ledger.duplicates()["exact"]) == (0, 2)
    everything = ledger.duplicates(0.6)
    assert (everything["near"], everything["campaign"]) == (5, None)
    within = ledger.duplicates(campaign="a")
    assert (within["near"], within["look"], within["campaign"]) == (2, everything["look"], "a")
    own = ledger.duplicates(1, campaign="a")
    assert (own["near"], own["look"] > everything["look"]) == (0, True)
    assert ledger.duplicates()["look"] == everything["look"]
    assert ledger.duplicates(campaign="b")["near"] == 2


def test_an_earlier_moment(ledger: Ledger, tmp_path: Path) -> None:
    """Looks, edits and arrivals since then are not in it; a look at the past is refused."""
    one, _ = ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = ledger.status()["head"]["position"]
    then = ledger.duplicates(0.6)
    after = ledger.status()["head"]["position"]
    ledger.edit(one, json.dumps(like(8)).encode())
    ingest(ledger, tmp_path, [like(1)])
    assert ledger.duplicates(as_of=before)["near"] == 0
    told = ledger.duplicates(as_of=after)
    assert told == {key: value for key, value in then.items() if key != "looked"}
    rows = log_rows(ledger.path)
    with pytest.raises(BadRequest, match="as_of"):
        ledger.duplicates(0.6, as_of=after)
    with pytest.raises(NoSuchPosition):
        ledger.duplicates(as_of=10**6)
    assert log_rows(ledger.path) == rows


def test_erased_samples_are_nobodys_twins(ledger: Ledger, tmp_path: Path) -> None:
    """Neither exact nor near."""
    _, two = ingest(ledger, tmp_path, [like(1), like(1, 2)])
    ledger.duplicates(0.6)
    sql = "UPDATE samples SET status = 'erased' WHERE sample = ?"
    store_of(ledger).connection.execute(sql, (row_of(ledger, two).sample,))
    found = ledger.duplicates()
    assert (found["near"], found["groups"]) == (0, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": 0.4},
        {"near": 1.1},
        {"near": "nan"},
        {"near": "much"},
        {"near": True},
        {"near": 0.8, "shingle": 0},
        {"near": 0.8, "field": ""},
        {"near": 0.8, "field": "a\x1bb"},
        {"near": 0.8, "field": "nothing.such"},
        {"near": 0.8, "campaign": "x"},
        {"near": 0.8, "limit": -1},
        {"near": 0.8, "limit": 10**9},
        {"near": 0.8, "offset": -1},
        {"campaign": "x"},
    ],
)
def test_what_is_refused_changes_nothing(ledger: Ledger, tmp_path: Path, wrong: dict[str, Any]) -> None:
    """In a sentence, before anything is written."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)
    with pytest.raises(BadRequest):
        ledger.duplicates(**wrong)
    assert log_rows(ledger.path) == before


def test_a_dry_run_shows_what_stands(ledger: Ledger, tmp_path: Path) -> None:
    """What it would find is counted beside it."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)
    found = ledger.duplicates(0.6, dry_run=True)
    assert (found["near"], found["look"], found["looked"]["twins"], found["looked"]["position"]) == (0, None, 1, None)
    assert log_rows(ledger.path) == before
