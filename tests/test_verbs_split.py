"""Splits: families stay together, what is assigned never moves, quotas and floors are met, order does not matter."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, FloorNotMet, HeadMoved
from ledger.event import op_of, read_leaf
from ledger.verbs.quotas import SPLITS
from tests.logs import store_of
from tests.small import chat, samples, text_of, write

Line = dict[str, Any]


def splits(ledger: Ledger) -> dict[str, str]:
    """Return sample -> split."""
    return {one: ledger.show(one)["split"] for one in samples(ledger)}


def assignments(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what every event that assigned a sample says, and its id, oldest first."""
    return told(ledger, "split_assigned")


def told(ledger: Ledger, kind: str) -> list[dict[str, Any]]:
    """Return what the events of a kind say."""
    found = [one for one in ledger.log(limit=10**6) if one["kind"] == kind]
    leaves = [store_of(ledger).event(one["position"]) for one in found]
    return [{**read_leaf(leaf[1]), "event": leaf[0].hex()} for leaf in leaves if leaf is not None]


def many(count: int, first: int = 0) -> list[Line]:
    """Return `count` questions, each with two answers."""
    return [chat(f"question {n}", f"answer {part}") for n in range(first, first + count) for part in "ab"]


def tagged(count: int, **tags: str) -> list[Line]:
    """Return `count` questions of their own with tags."""
    mark = "-".join(f"{key}.{value}" for key, value in tags.items())
    return [chat(f"{mark} {n}", "answer", tags=tags) for n in range(count)]


def merge(ledger: Ledger, one: str, other: str) -> None:
    """Tie the families of two samples by an edit."""
    question = ledger.show(other)["content"]["prompt"][0]["content"]
    ledger.edit(one, text_of([chat(question, f"edited {one}")]).encode())


def of(ledger: Ledger, name: str) -> str:
    """Return a sample that stands in a split."""
    return next(one for one, split in splits(ledger).items() if split == name)


@pytest.mark.parametrize("text", ["", "90", "90/5/6", "90/5", "99.5/0.4/0", "a/b/c"])
def test_a_ratio_that_does_not_add_up(ledger: Ledger, text: str) -> None:
    """Percentages that make 100, or a bad request and no event."""
    with pytest.raises(BadRequest, match="--ratio"):
        ledger.split(text)
    assert ledger.status()["events"] == 0


def test_families_stay_together_and_quotas_are_met(ledger: Ledger, tmp_path: Path) -> None:
    """Samples with one prompt are in one split; every sample has one; the shares are exactly as asked."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(200)), campaign="a")
    report = ledger.split("60/20/20")
    found = list(splits(ledger).values())
    assert all(found[n] == found[n + 1] for n in range(0, 400, 2))
    counts = {"train": 240, "val": 80, "test": 80}
    assert Counter(found) == counts
    assert report == {
        "assigned": 400,
        "by_split": counts,
        "families": 200,
        "leaks": 0,
        "quotas": {name: {"wanted": count, "got": count} for name, count in counts.items()},
        "stratify": [],
        "strata": [],
        "strata_cut": 0,
        "floors": [],
        "moved_for_floors": 0,
        "resolved": 0,
        "previous_ratio": None,
        "events": 400,
    }


def test_two_parts_and_decimals(ledger: Ledger, tmp_path: Path) -> None:
    """99.5/0.5 holds five of a thousand out, and has no test; the event says the ratio."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(1000))), campaign="a")
    assert ledger.split("99.50/0.5")["by_split"] == {"train": 995, "val": 5, "test": 0}
    assert {event["ratio"] for event in assignments(ledger)} == {"99.5/0.5"}


def test_another_seed_deals_otherwise(ledger: Ledger, tmp_path: Path) -> None:
    """The seed decides who is held out, not how many."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(40)), campaign="a")
    with Ledger.init(tmp_path / "other.db") as other:
        other.ingest(tmp_path / "a.jsonl", campaign="a")
        assert other.split("50/25/25", seed="b")["by_split"] == ledger.split("50/25/25", seed="a")["by_split"]
        assert splits(other) != splits(ledger)


def test_again_appends_nothing_and_moves_nothing(toolset: Ledger) -> None:
    """A second split, with any ratio and seed, finds nothing to do."""
    asked: dict[str, Any] = {"stratify": ["label"], "floors": ["val:label:true=20"]}
    first = toolset.split("50/25/25", **asked)
    before, events = splits(toolset), toolset.status()["events"]
    again = toolset.split("50/25/25", **asked)
    report = toolset.split("0/0/100", seed="other")
    assert (report["assigned"], report["by_split"], report["events"]) == (0, first["by_split"], 0)
    assert again == {**first, "assigned": 0, "events": 0, "moved_for_floors": 0}
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


def test_a_later_split_makes_up_for_an_earlier_one(ledger: Ledger, tmp_path: Path) -> None:
    """The ratio is of all samples: after everything went to train, new families are held out."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(40)), campaign="a")
    ledger.split("100/0")
    ledger.ingest(write(tmp_path / "b.jsonl", *many(10, first=40)), campaign="a")
    report = ledger.split("80/10/10")
    assert report["by_split"] == {"train": 80, "val": 10, "test": 10}


def test_without_anything_to_split(ledger: Ledger) -> None:
    """An empty ledger has no families, and no event."""
    report = ledger.split(stratify=["domain"])
    assert (report["assigned"], report["families"], report["strata"]) == (0, 0, [])
    assert report["quotas"]["train"] == {"wanted": 0, "got": 0}
    assert ledger.status()["events"] == 0


LINES = st.lists(
    st.builds(
        lambda prompt, answer, domain, tag: chat(
            f"q{prompt}", f"a{answer}", domain=domain, tags={"perfect": "yes"} if tag else {}
        ),
        st.integers(0, 8),
        st.integers(0, 3),
        st.sampled_from(["asm", "cpp", "text"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
    unique_by=str,
)
ASKED: dict[str, Any] = {"stratify": ["domain", "tag:perfect", "campaign"], "seed": "s"}


def dealt(folder: Path, name: str, campaigns: Sequence[tuple[str, list[Line]]], **asked: Any) -> dict[str, str]:  # noqa: ANN401 - as Ledger.split has them
    """Return where samples stand after campaigns were ingested, one after the other, and split."""
    with Ledger.init(folder / f"{name}.db") as ledger:
        for campaign, lines in campaigns:
            ledger.ingest(write(folder / "in.jsonl", *lines), campaign=campaign)
        ledger.split("50/25/25", **asked)
        return splits(ledger)


@settings(max_examples=15)
@given(LINES, LINES, st.randoms(use_true_random=False))
def test_the_order_of_ingest_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, one: list[Line], two: list[Line], shuffle: random.Random
) -> None:
    """Lines and campaigns in any order are dealt alike."""
    folder = tmp_path_factory.mktemp("order")
    expected = dealt(folder, "first", [("a", one), ("b", two)], **ASKED)
    shuffled = [("b", shuffle.sample(two, len(two))), ("a", shuffle.sample(one, len(one)))]
    assert dealt(folder, "second", shuffled, **ASKED) == expected


@settings(max_examples=15)
@given(LINES, LINES, st.sampled_from(["80/10/10", "0/50/50", "100/0"]))
def test_families_together_and_sticky_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, one: list[Line], two: list[Line], later: str
) -> None:
    """Nothing moves when more comes; families stay whole; every sample has a split; quotas within two families."""
    folder = tmp_path_factory.mktemp("sticky")
    with Ledger.init(folder / "ledger.db") as ledger:
        ledger.ingest(write(folder / "one.jsonl", *one), campaign="a")
        report = ledger.split("50/25/25", stratify=["domain"])
        sizes = Counter(line["messages"][0]["content"] for line in one)
        for quota in report["quotas"].values():
            assert abs(quota["got"] - quota["wanted"]) <= 2 * max(sizes.values())
        before = splits(ledger)
        ledger.ingest(write(folder / "two.jsonl", *two), campaign="b")
        ledger.split(later, seed="other")
        after = splits(ledger)
        assert {name: after[name] for name in before} == before
        assert set(after.values()) <= set(SPLITS)
        families = defaultdict(set)
        for name, split in after.items():
            families[ledger.show(name)["content"]["prompt"][0]["content"]].add(split)
        assert all(len(found) == 1 for found in families.values())


def test_strata(ledger: Ledger, tmp_path: Path) -> None:
    """Each value of a fact is split in the ratio; families go by what most have, samples count as their own."""
    rows = [*(chat(f"asm {n}", "a", domain="asm") for n in range(40)), *(chat(f"none {n}", "a") for n in range(20))]
    mixed = [chat("mixed", "1", domain="cpp"), chat("mixed", "2", domain="asm"), chat("mixed", "3", domain="cpp")]
    tie = [chat("tie", "1", domain="zig"), chat("tie", "2", domain="cpp")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows, *mixed, *tie), campaign="a")
    report = ledger.split("50/25/25", stratify=["domain", "label"])
    strata = {tuple(one["stratum"]): one for one in report["strata"]}
    assert list(strata) == [("", "none"), ("asm", "none"), ("cpp", "none"), ("zig", "none")]
    assert strata["asm", "none"]["by_split"] in [
        {"train": 20, "val": 10, "test": 10} | {name: count}
        for name, count in (("train", 21), ("val", 11), ("test", 11))
    ]
    assert strata["", "none"]["by_split"] == {"train": 10, "val": 5, "test": 5}
    assert sum(strata["cpp", "none"]["by_split"].values()) == 3
    assert sum(strata["zig", "none"]["by_split"].values()) == 1
    assert [sum(one["wanted"].values()) for one in report["strata"]] == [20, 41, 3, 1]
    assert report["stratify"] == ["domain", "label"]


def test_more_strata_than_an_answer_lists(ledger: Ledger, tmp_path: Path) -> None:
    """Two hundred are listed and the rest counted; together they have the ratio."""
    ledger.ingest(
        write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a", domain=f"d{n:03}") for n in range(250))), campaign="a"
    )
    report = ledger.split("80/10/10", stratify=["domain"])
    assert (len(report["strata"]), report["strata_cut"]) == (200, 50)
    assert report["by_split"] == {"train": 200, "val": 25, "test": 25}


def test_perfect_rows_at_the_end_are_trained_on(ledger: Ledger, tmp_path: Path) -> None:
    """Two thousand rows and twenty perfect ones behind them: stratified, eighteen are in train."""
    rows = [chat(f"question {n}", "poor") for n in range(2000)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows, *tagged(20, perfect="yes")), campaign="a")
    report = ledger.split("90/5/5", stratify=["tag:perfect"], floors=["train:perfect=0.9%"])
    perfect = next(one for one in report["strata"] if one["stratum"] == ["yes"])
    assert perfect["by_split"] == {"train": 18, "val": 1, "test": 1}
    assert report["by_split"] == {"train": 1818, "val": 101, "test": 101}
    assert report["floors"] == [{"floor": "train:perfect=0.9%", "observed": 0.009901, "met": True}]
    assert report["moved_for_floors"] == 0


def test_a_floor_brings_perfect_rows_into_train(ledger: Ledger, tmp_path: Path) -> None:
    """One in a hundred rows of train needs nineteen of the twenty: one changes places, and both are counted."""
    rows = [chat(f"question {n}", "poor") for n in range(2000)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows, *tagged(20, perfect="yes")), campaign="a")
    report = ledger.split("90/5/5", stratify=["tag:perfect"], floors=["train:perfect=1%"])
    stand = Counter(list(splits(ledger).values())[2000:])
    assert stand["train"] == 19
    assert report["moved_for_floors"] == 2
    assert report["by_split"] == {"train": 1818, "val": 101, "test": 101}
    assert report["floors"][0]["met"]
    with pytest.raises(FloorNotMet, match=r"train:perfect=2% cannot be met: train reaches 19 of 1,818 rows \(1\.04%\)"):
        ledger.split("90/5/5", floors=["train:perfect=2%"])


def test_a_weight_counts_towards_a_share(ledger: Ledger, tmp_path: Path) -> None:
    """Twenty rows that count five times are five in a hundred of train; as samples they are still twenty."""
    rows = [chat(f"question {n}", "poor") for n in range(2000)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows, *tagged(20, perfect="yes")), campaign="a")
    with pytest.raises(FloorNotMet):
        ledger.split("100/0", floors=["train:perfect=4%"], dry_run=True)
    ledger.weight(samples(ledger)[2000:], 5)
    report = ledger.split("100/0", floors=["train:perfect=4%", "train:perfect=20"])
    assert [one["observed"] for one in report["floors"]] == [round(100 / 2100, 6), 20]


FLOORS: list[tuple[list[str], list[float]]] = [
    (["val:label:false=100%"], [1.0]),
    (["train:label:true=55%"], [0.55]),
    (["val:perfect=40%", "test:perfect=40%"], [0.4, 0.4]),
    (["val:label:false=90%"], [0.9]),
    (["test:perfect=5"], [5]),
]


@pytest.mark.parametrize(("floors", "observed"), FLOORS)
def test_what_comes_in_for_a_floor_goes_out_for_another(
    ledger: Ledger, tmp_path: Path, floors: list[str], observed: list[float]
) -> None:
    """A hundred true, a hundred false, ten of them perfect: floors that can be met cost the ratio nothing."""
    tags: list[dict[str, str]] = [{"perfect": "yes"} if n % 20 == 0 else {} for n in range(200)]
    rows = [chat(f"q{n}", "a", label=n % 2 == 0, tags=tags[n]) for n in range(200)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    report = ledger.split(floors=floors)
    assert report["by_split"] == {"train": 180, "val": 10, "test": 10}
    assert [one["observed"] for one in report["floors"]] == observed


def test_another_ratio_than_the_last_is_said(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing before the first split; the recorded ratio after that, unless it is the same in other words."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(50)), campaign="a")
    assert ledger.split("98/2")["previous_ratio"] is None
    assert ledger.split("98/2/0", dry_run=True)["previous_ratio"] is None
    assert ledger.split(dry_run=True)["previous_ratio"] == "98/2"


def test_a_floor_that_cannot_be_met_records_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """What was assigned before does not move for it; the ledger stays as it was."""
    ledger.ingest(write(tmp_path / "a.jsonl", *tagged(4, perfect="yes")), campaign="a")
    ledger.split("0/100/0")
    ledger.ingest(write(tmp_path / "b.jsonl", *many(10)), campaign="a")
    before = ledger.status()
    with pytest.raises(FloorNotMet, match="train reaches 0 samples; of the samples that have it, 4 in val stay there"):
        ledger.split("50/50", floors=["train:perfect=1"])
    assert ledger.status() == before


def test_pins(ledger: Ledger, tmp_path: Path) -> None:
    """The whole family of a pinned sample goes there, before the deal; the run records whole ids."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(20)), campaign="a")
    ids = samples(ledger)
    pins = [f"{ids[0][:12]}=test", f"{ids[1]}=test", f"{ids[2]}=val"]
    report = ledger.split("100/0", pins=pins)
    assert report["by_split"] == {"train": 36, "val": 2, "test": 2}
    assert list(splits(ledger).values())[:4] == ["test", "test", "val", "val"]
    started = next(event for event in told(ledger, "run_started") if event["command"] == "split")
    assert started["params"]["pins"] == sorted([[ids[0], "test"], [ids[1], "test"], [ids[2], "val"]])
    assert ledger.split("100/0", pins=pins)["events"] == 0


def test_pins_that_cannot_be(ledger: Ledger, tmp_path: Path) -> None:
    """One family in two places, or one that was assigned elsewhere: the samples are named, nothing is recorded."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(2)), campaign="a")
    ids = samples(ledger)
    with pytest.raises(BadRequest, match=f"{ids[0]} to test and {ids[1]} to val"):
        ledger.split(pins=[f"{ids[0]}=test", f"{ids[1]}=val"])
    ledger.split("100/0")
    ledger.ingest(write(tmp_path / "b.jsonl", chat("question 0", "late")), campaign="a")
    late, events = samples(ledger)[-1], ledger.status()["events"]
    with pytest.raises(
        BadRequest, match=f"{late} cannot be pinned to test: its family holds {ids[0]}, assigned to train"
    ):
        ledger.split(pins=[f"{late}=test"])
    assert ledger.status()["events"] == events
    assert ledger.split(pins=[f"{late}=train"])["assigned"] == 1


def test_families_that_merge_across_splits(ledger: Ledger, tmp_path: Path) -> None:
    """When an edit ties two assigned families, nobody moves; the report counts it, and train leaves its side out."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(40))), campaign="a")
    ledger.split("50/50/0")
    assigned, train, val = splits(ledger), of(ledger, "train"), of(ledger, "val")
    merge(ledger, train, val)
    assert splits(ledger) == assigned
    assert ledger.split()["leaks"] == 1
    made = ledger.project("train", tmp_path / "train.jsonl")
    assert made["omitted"]["family_crosses_splits"] == 1
    assert ledger.omissions("train.jsonl", "family_crosses_splits") == [
        {"sample": train, "reason": "family_crosses_splits"}
    ]
    question = ledger.show(val)["content"]["prompt"][0]["content"]
    ledger.ingest(write(tmp_path / "b.jsonl", chat(question, "late")), campaign="b")
    ledger.split("100/0/0")
    assert splits(ledger)[samples(ledger)[-1]] == "val"  # the member farthest from training decides


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("held-out", "test"), ("train", "train"), ("val", "val"), ("test", "test"), ("largest", "train")],
)
def test_merged_families_are_put_into_one_split_where_it_is_asked_for(
    ledger: Ledger, tmp_path: Path, rule: str, expected: str
) -> None:
    """Only samples that change get an event, which names the assignment it replaces; done again, it does nothing."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(20)), campaign="a")
    ledger.split("50/25/25")
    train, test = of(ledger, "train"), of(ledger, "test")
    before, first = splits(ledger), {event["sample"]: event["event"] for event in assignments(ledger)}
    merge(ledger, test, train)  # the edited sample's twin stays in its family: two of each
    other = next(one for one in before if before[one] == "train" and one not in _kin(ledger, train))
    merge(ledger, other, train)  # now four in train, two in test
    ledger.ingest(
        write(tmp_path / "b.jsonl", chat(ledger.show(train)["content"]["prompt"][0]["content"], "late")), campaign="a"
    )
    report = ledger.split("50/25/25", resolve=rule)
    now, late = splits(ledger), samples(ledger)[-1]
    kin = _kin(ledger, train)
    changed = {one for one in before if now[one] != before[one]}
    assert {now[one] for one in kin} == {expected}
    assert changed == {one for one in kin if one != late and before[one] != expected}
    assert (report["resolved"], report["leaks"], report["assigned"]) == (len(changed), 0, 1)
    again = {event["sample"]: event for event in assignments(ledger)[40:]}
    assert again[late]["after"] is None
    assert {one: again[one]["after"] for one in changed} == {one: first[one] for one in changed}
    assert report["events"] == len(again)
    assert report["by_split"] == {name: list(now.values()).count(name) for name in SPLITS}
    assert ledger.split("50/25/25", resolve=rule)["events"] == 0
    assert ledger.verify()["ok"]


def _kin(ledger: Ledger, sample: str) -> set[str]:
    return {one["sample"] for one in ledger.families(sample)["members"]}


def test_a_dry_run_says_what_a_split_then_does(toolset: Ledger) -> None:
    """The same answer but for the events, of which a dry run records none; an unexpected head is refused by both."""
    asked: dict[str, Any] = {"stratify": ["label"], "floors": ["train:label:true=10%"], "pins": []}
    before = toolset.status()
    dry = toolset.split("80/10/10", **asked, dry_run=True)
    assert toolset.status() == before
    with pytest.raises(HeadMoved):
        toolset.split(dry_run=True, expected_head=0)
    done = toolset.split("80/10/10", **asked)
    assert (dry["events"], done["events"]) == (0, 120)
    assert {**dry, "events": 120} == done


def test_a_sample_without_a_prompt_is_a_family_of_its_own(ledger: Ledger, tmp_path: Path) -> None:
    """Samples that have nothing before the completion do not clump together."""
    rows = [{"messages": [{"role": "assistant", "content": f"monologue {n}"}]} for n in range(40)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    report = ledger.split("50/25/25")
    assert report["families"] == 40
    assert report["by_split"] == {"train": 20, "val": 10, "test": 10}


def test_an_op_is_what_the_event_says(ledger: Ledger, tmp_path: Path) -> None:
    """Ops are written without the general encoder; they are those that it would give."""
    ledger.ingest(write(tmp_path / "a.jsonl", *many(6)), campaign="a")
    ledger.split("34/33/33", seed='"\u00e9')
    events = assignments(ledger)
    assert len({event["split"] for event in events}) == 3
    for event in events:
        assert op_of("split_assigned", event).hex() == event["event"]
