"""Splits: families stay together, what is assigned never moves, order and company do not matter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.verbs.split import SPLITS, bounds, parse_ratio, place
from tests.small import chat, samples, text_of, write


def splits(ledger: Ledger) -> dict[str, str]:
    """Return sample -> split."""
    return {one: ledger.show(one)["split"] for one in samples(ledger)}


def many(count: int, first: int = 0) -> list[dict[str, object]]:
    """Return `count` questions, each with two answers."""
    return [chat(f"question {n}", f"answer {part}") for n in range(first, first + count) for part in "ab"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "90/10",
        "90/5/5/0",
        "90/5/6",
        "80/10/5",
        "-5/100/5",
        "90.5/5/4.5",
        "a/b/c",
        "٩٠/5/5",
        "1000/0/0",
        "9" * 99,
    ],
)
def test_a_ratio_that_does_not_add_up(ledger: Ledger, text: str) -> None:
    """Three whole percentages that make 100, or a bad request and no event."""
    with pytest.raises(BadRequest, match="--ratio"):
        ledger.split(text)
    assert ledger.status()["events"] == 0


def test_ratios_that_are_fine() -> None:
    """Slashes, colons and spaces are all read."""
    for text in ("90/5/5", "90:5:5", " 90 / 5 / 5 "):
        assert parse_ratio(text) == (90, 5, 5)
    assert parse_ratio("100/0/0") == (100, 0, 0)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([(100, 0, 0), (0, 100, 0), (0, 0, 100)]))
def test_all_in_one_split_takes_every_family(family: bytes, ratio: tuple[int, int, int]) -> None:
    """With 100 percent for one split, every family goes there; with 0, none does."""
    assert place(family, "0", bounds(ratio)) == SPLITS[ratio.index(100)]


def test_shares_come_out_as_asked() -> None:
    """Over many families the shares are near the ratio, and another seed draws others."""
    families = [n.to_bytes(32, "big") for n in range(20_000)]
    counts = Counter(place(family, "0", bounds((90, 5, 5))) for family in families)
    assert abs(counts["train"] - 18_000) < 150
    assert abs(counts["val"] - 1_000) < 120
    assert abs(counts["test"] - 1_000) < 120
    assert any(
        place(family, "0", bounds((50, 25, 25))) != place(family, "1", bounds((50, 25, 25))) for family in families[:50]
    )


def test_families_stay_together(ledger: Ledger, tmp_path: Path) -> None:
    """Samples with one prompt are in one split; every sample has one; the report adds up."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(200)), campaign="a")
    report = ledger.split("60/20/20")
    found = list(splits(ledger).values())
    assert all(found[n] == found[n + 1] for n in range(0, 400, 2))
    assert report == {"assigned": 400, "by_split": dict(Counter(found)), "families": 200, "leaks": 0}
    assert min(report["by_split"].values()) > 40


def test_again_appends_nothing_and_moves_nothing(toolset: Ledger) -> None:
    """A second split, with any ratio and seed, finds nothing to do."""
    toolset.split("50/25/25")
    before, events = splits(toolset), toolset.status()["events"]
    report = toolset.split("0/0/100", seed="other")
    assert (report["assigned"], report["by_split"]["train"] > 0) == (0, True)
    assert (splits(toolset), toolset.status()["events"]) == (before, events)


def test_a_new_member_joins_its_family(ledger: Ledger, tmp_path: Path) -> None:
    """A sample that comes later goes where its family is, whatever ratio and seed are asked for then."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(40)), campaign="a")
    ledger.split("50/25/25")
    old = splits(ledger)
    ledger.ingest(write(tmp_path / "b.jsonl", *(chat(f"question {n}", "late") for n in range(40))), campaign="b")
    assert ledger.split("0/100/0", seed="other")["assigned"] == 40
    now = splits(ledger)
    assert {one: now[one] for one in old} == old
    assert list(now.values())[80:] == list(old.values())[::2]


def test_neither_order_nor_company_matters(ledger: Ledger, tmp_path: Path) -> None:
    """The same samples in another order, in two steps, or beside others, are assigned alike."""
    rows = many(60)
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ledger.split("50/25/25", seed="s")
    expected = splits(ledger)
    with Ledger.init(tmp_path / "other.db") as other:
        other.ingest(write(tmp_path / "others.jsonl", *many(50, first=60)), campaign="a")
        other.split("50/25/25", seed="s")
        other.ingest(write(tmp_path / "a.jsonl", *reversed(rows)), campaign="a")
        other.split("50/25/25", seed="s")
        found = splits(other)
    assert {one: found[one] for one in expected} == expected


def test_a_sample_without_a_prompt_is_a_family_of_its_own(ledger: Ledger, tmp_path: Path) -> None:
    """Samples that have nothing before the completion do not clump together."""
    rows = [{"messages": [{"role": "assistant", "content": f"monologue {n}"}]} for n in range(40)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    report = ledger.split("50/25/25")
    assert report["families"] == 40
    assert min(report["by_split"].values()) > 0


def test_families_that_merge_across_splits(ledger: Ledger, tmp_path: Path) -> None:
    """When an edit ties two assigned families, nobody moves; the report counts it, and train leaves its side out."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(40))), campaign="a")
    ledger.split("50/50/0")
    assigned = splits(ledger)
    train = next(one for one, name in assigned.items() if name == "train")
    val = next(one for one, name in assigned.items() if name == "val")
    question = ledger.show(val)["content"]["prompt"][0]["content"]
    ledger.edit(train, text_of([chat(question, "b")]).encode())
    assert splits(ledger) == assigned
    assert ledger.split()["leaks"] == 1
    made = ledger.project("train", tmp_path / "train.jsonl")
    assert made["omitted"]["family_crosses_splits"] == 1
    assert ledger.omissions("train.jsonl", "family_crosses_splits") == [
        {"sample": train, "reason": "family_crosses_splits"}
    ]
    assert ledger.project("val", tmp_path / "val.jsonl")["omitted"]["family_crosses_splits"] == 0
    ledger.ingest(write(tmp_path / "b.jsonl", chat(question, "late")), campaign="b")
    ledger.split("100/0/0")
    assert splits(ledger)[samples(ledger)[-1]] == "val"  # the member farthest from training decides
