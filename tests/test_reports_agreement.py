"""agreement: pairs of scorings of one content, compared as a plain loop over the same numbers compares them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.fixed import ONE
from ledger.reports.agreement import MOST_THRESHOLDS, agreement
from ledger.rule import Compare, Field, Findings, LabelRule, Number, Policy, Rule, Text
from ledger.verbs.moment import reading
from ledger.views.agreement import MOST
from tests.judged import LOW, RELABEL, decide, ingested, score, store_of
from tests.scoring import score as attempt
from tests.small import chat, write

RUBRICS = ("aa" * 32, "bb" * 32)

QUALITY = Policy("quality", labels=RELABEL.labels[:1], thresholds=RELABEL.thresholds)
THREE = Policy(
    "three",
    labels=(RELABEL.labels[0], LabelRule("memory", label=True, when=RELABEL.labels[1].when)),
    thresholds=RELABEL.thresholds,
)
"""Labels false what has a quality below 0.5, else true what has a memory of exactly 1."""


def told(ledger: Ledger, as_of: str | None = None, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments
    """Return the report."""
    with reading(store_of(ledger), as_of) as (there, _):
        return agreement(there, **asked)


def copies(
    ledger: Ledger, folder: Path, texts: Sequence[int], campaign: str = "c", name: str = "in.jsonl"
) -> list[str]:
    """Ingest one sample for each number: equal numbers teach the same. Return the ids."""
    return ingested(ledger, write(folder / name, *(chat(f"question {text}", "an answer") for text in texts)), campaign)


def test_two_samples_that_teach_the_same(ledger: Ledger, tmp_path: Path) -> None:
    """Three copies are three pairs, a text of its own is none; every number can be counted by hand."""
    ids = copies(ledger, tmp_path, [1, 1, 1, 2])
    numbers = ["0.2", "0.4", "0.9", "0.1"]
    score(ledger, {one: {"quality": number} for one, number in zip(ids, numbers, strict=True)})
    decide(ledger, QUALITY)
    found = told(ledger)
    assert (found["pairs"], found["labelled"], found["flips"]) == (3, 3, 2)
    assert found["kappa"] == round((1 / 3 - (4 / 6) ** 2 - (2 / 6) ** 2) / (1 - (4 / 6) ** 2 - (2 / 6) ** 2), 6)
    assert found["label_agreement"] == round(1 / 3, 6)
    assert found["dimensions"] == {
        "quality": {"pairs": 3, "equal": 0, "exact": 0.0, "mean_abs_diff": round((0.2 + 0.7 + 0.5) / 3, 6)}
    }
    assert (found["between_samples"], found["within_sample"]) == (3, 0)
    assert (found["fingerprints"], found["scorings"], found["beyond"]) == (1, 3, 0)
    assert {tuple(each["labels"]) for each in found["examples"]} == {("false", "given")}
    assert [each["name"] for each in found["labels_by"]] == ["quality"]


def test_a_label_that_cannot_be_told_is_none(ledger: Ledger, tmp_path: Path) -> None:
    """Where a rule does not hold and another has no number to compare, nobody knows what would follow."""
    ids = copies(ledger, tmp_path, [1, 1, 1])
    given_ = ({"quality": 0.2}, {"quality": 0.9}, {"quality": 0.9, "memory": 3})
    score(ledger, dict(zip(ids, given_, strict=True)))
    decide(ledger, RELABEL)
    found = told(ledger)
    assert (found["pairs"], found["labelled"], found["flips"]) == (3, 1, 1)
    assert found["examples"][0]["samples"] == [ids[0], ids[2]]
    assert found["examples"][0]["values"] == {"quality": ["0.2", "0.9"]}


def test_several_scorers_on_one_version(ledger: Ledger, tmp_path: Path) -> None:
    """Two scorers of one sample are a pair, dimensions that only one of them has are not compared."""
    one = copies(ledger, tmp_path, [1])[0]
    score(ledger, {one: {"quality": 0.5, "length": 3}}, scorer="a")
    score(ledger, {one: {"quality": 0.75}}, scorer="b", version="2")
    found = told(ledger)
    assert (found["pairs"], found["within_sample"]) == (1, 1)
    assert found["dimensions"] == {"quality": {"pairs": 1, "equal": 0, "exact": 0.0, "mean_abs_diff": 0.25}}
    assert [each["scorers"] for each in found["scorers"]] == [["a@1", "b@2"]]


def test_attempts_are_pairs_and_corrections_are_not(ledger: Ledger, tmp_path: Path) -> None:
    """A scorer's second attempt is compared with its first; the same attempt told again replaces what it said."""
    one = copies(ledger, tmp_path, [1])[0]
    attempt(ledger, {one: {"quality": "0.5"}})
    attempt(ledger, {one: {"quality": "0.6"}})
    assert told(ledger)["pairs"] == 0
    attempt(ledger, {one: {"quality": "0.9"}}, replicate=1)
    found = told(ledger)
    assert (found["pairs"], found["within_sample"]) == (1, 1)
    assert found["dimensions"]["quality"]["mean_abs_diff"] == 0.3


def test_rubrics_are_not_mixed(ledger: Ledger, tmp_path: Path) -> None:
    """Scores under two rubrics are no pair, and the answer says how many were not compared."""
    one, other = copies(ledger, tmp_path, [1, 1])
    score(ledger, {one: {"quality": 1}}, rubric=RUBRICS[0])
    score(ledger, {other: {"quality": 2}}, rubric=RUBRICS[1])
    assert (told(ledger)["pairs"], told(ledger)["other_rubric"]) == (0, 1)
    score(ledger, {one: {"quality": 3}}, scorer="unsaid")
    found = told(ledger)
    assert (found["pairs"], found["other_rubric"]) == (2, 1)
    assert [each["rubric"] for each in found["overall"]] == [None, *(f"b3:{rubric}" for rubric in RUBRICS)]


def test_without_a_policy_no_labels_follow(ledger: Ledger, tmp_path: Path) -> None:
    """Unknown is null, not zero; a threshold gives labels in the policy's place."""
    ids = copies(ledger, tmp_path, [1, 1, 2, 2])
    score(ledger, {one: {"quality": number} for one, number in zip(ids, (0.4, 0.6, 0.7, 0.8), strict=True)})
    found = told(ledger)
    assert found["pairs"] == 2
    assert found["label_agreement"] is found["kappa"] is found["flips"] is None
    assert found["labels_by"] == []
    asked = told(ledger, thresholds=["quality=0.5"])
    assert (asked["labelled"], asked["flips"], asked["label_agreement"]) == (2, 1, 0.5)
    assert asked["labels_by"] == [{"thresholds": {"quality": "0.5"}}]


def test_a_policy_without_label_rules_is_asked_for_its_outcome(ledger: Ledger, tmp_path: Path) -> None:
    """Accepted or not; a score from which its rules cannot be told has no label."""
    ids = copies(ledger, tmp_path, [1, 1, 2, 2])
    score(
        ledger,
        {
            ids[0]: {"quality": 0.4},
            ids[1]: {"quality": 0.6},
            ids[2]: {"quality": 0.7, "other": 1},
            ids[3]: {"other": 1},
        },
    )
    decide(ledger, LOW)
    found = told(ledger)
    assert (found["pairs"], found["labelled"], found["flips"]) == (2, 1, 1)
    assert found["examples"][0]["labels"] == ["not accepted", "accepted"]


def test_what_else_a_policy_looks_at_is_the_samples(ledger: Ledger, tmp_path: Path) -> None:
    """Texts that a rule compares are those of each sample; numbers are those of the scoring alone."""
    rows = [chat("q", "a", domain=domain) for domain in ("asm", "text")]
    ids = ingested(ledger, write(tmp_path / "d.jsonl", *rows))
    score(ledger, {one: {"quality": 0.1} for one in ids})
    when = Compare(Field("domain"), "==", Text("asm"))
    decide(ledger, Policy("asm", labels=(LabelRule("in_asm", label=False, when=when),)))
    assert told(ledger)["examples"][0]["labels"] == ["false", "given"]
    unseen = Compare(Findings("*", "error"), ">", Number(0))
    decide(ledger, Policy("errors", rules=(Rule("errors", "rejected", unseen),)))
    assert (told(ledger)["pairs"], told(ledger)["labelled"]) == (1, 0)


def test_two_policies_are_not_compared(ledger: Ledger, tmp_path: Path) -> None:
    """Copies in two campaigns with policies of their own have no common label."""
    ids = [*copies(ledger, tmp_path, [1, 2, 2]), *copies(ledger, tmp_path, [1], campaign="other", name="o.jsonl")]
    score(ledger, {one: {"quality": 0.1, "memory": 3} for one in ids})
    decide(ledger, RELABEL, "c")
    decide(ledger, LOW, "other")
    found = told(ledger)
    assert (found["pairs"], found["labelled"]) == (2, 1)
    assert [each["name"] for each in found["labels_by"]] == ["relabel", "low"]
    within = told(ledger, campaign="other")
    assert (within["pairs"], [each["name"] for each in within["labels_by"]]) == (0, ["low"])


def test_a_crowd_is_cut(ledger: Ledger, tmp_path: Path) -> None:
    """Of very many copies the oldest scorings are paired, and the answer says how many are not."""
    ids = copies(ledger, tmp_path, [1] * (MOST + 3))
    score(ledger, {one: {"quality": n} for n, one in enumerate(ids)})
    found = told(ledger)
    assert (found["pairs"], found["scorings"], found["beyond"]) == (MOST * (MOST - 1) // 2, MOST + 3, 3)


def test_only_the_version_that_stands_counts(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit the old scores are of another text; as of before, they count."""
    one, other = copies(ledger, tmp_path, [1, 1])
    score(ledger, {one: {"quality": 1}, other: {"quality": 2}})
    before = str(store_of(ledger).head().position)
    ledger.edit(one, json.dumps(chat("question 1", "another answer")).encode())
    assert told(ledger)["pairs"] == 0
    assert told(ledger, as_of=before)["pairs"] == 1
    score(ledger, {one: {"quality": 1}}, scorer="b")
    assert (told(ledger)["pairs"], told(ledger)["overall"][0]["scores"]) == (0, 2)


def test_drift_is_the_mean_against_the_mean(ledger: Ledger, tmp_path: Path) -> None:
    """By batch and by scorer, the farthest first, with counts; --by chooses one of the two."""
    for texts, name, numbers in (
        ((1, 2), "a.jsonl", (1, 2)),
        ((3, 4), "b.jsonl", (3, 3)),
        ((5, 6), "c.jsonl", (5, 10)),
    ):
        ids = copies(ledger, tmp_path, texts, name=name)
        score(ledger, {one: {"quality": number} for one, number in zip(ids, numbers, strict=True)})
    score(ledger, {ids[0]: {"quality": 5}}, scorer="other")
    found = told(ledger)
    assert found["overall"] == [{"dimension": "quality", "rubric": None, "scores": 7, "mean": round(29 / 7, 6)}]
    assert [(each["source"], each["dimensions"][0]["drift"]) for each in found["by_batch"]] == [
        ("a.jsonl", round(1.5 - 29 / 7, 6)),
        ("c.jsonl", round(20 / 3 - 29 / 7, 6)),
        ("b.jsonl", round(3 - 29 / 7, 6)),
    ]
    assert [(each["scorer"], each["scores"]) for each in found["by_scorer"]] == [("other", 1), ("judge", 6)]
    only = told(ledger, by="batch", limit=1)
    assert (len(only["by_batch"]), only["batches_counted"], "by_scorer" in only) == (1, 3, False)


@pytest.mark.parametrize("asked", [{"by": "campaign"}, {"thresholds": ["quality"]}, {"thresholds": ["quality=high"]}])
def test_what_cannot_be_asked(ledger: Ledger, tmp_path: Path, asked: dict[str, Any]) -> None:
    """A sentence that names what there is."""
    score(ledger, {copies(ledger, tmp_path, [1])[0]: {"quality": 1}})
    with pytest.raises(BadRequest):
        told(ledger, **asked)
    with pytest.raises(BadRequest, match="there are quality"):
        told(ledger, thresholds=["qualty=3"])


def test_as_many_thresholds_as_can_be_told_apart(ledger: Ledger, tmp_path: Path) -> None:
    """The last of sixty counts like the first; one more is refused, as its answer would be wrong."""
    one, other = copies(ledger, tmp_path, [1, 1])
    names = [f"d{n:02}" for n in range(MOST_THRESHOLDS + 1)]
    good = dict.fromkeys(names, 2)
    score(ledger, {one: good, other: {**good, names[-2]: 0}})
    found = told(ledger, thresholds=[f"{name}=1" for name in names[:-1]])
    assert (found["labelled"], found["flips"], found["examples"][0]["labels"]) == (1, 1, ["given", "false"])
    with pytest.raises(BadRequest, match="61 thresholds are too many; the most are 60"):
        told(ledger, thresholds=[f"{name}=1" for name in names])


def test_real_scores_of_the_same_text_disagree(ledger: Ledger, data: Path) -> None:
    """On the slice of scored lines the answer is what a loop over the file says."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    texts: dict[str, list[dict[str, float]]] = defaultdict(list)
    given: dict[str, dict[str, float]] = {}
    connection = store_of(ledger).connection
    for (one,) in connection.execute("SELECT e.op FROM samples s JOIN event e ON e.position = s.sample").fetchall():
        row = json.loads(ledger.show(one.hex())["raw"])
        dimensions = {name: value for name, value in row["quality_scores"].items() if isinstance(value, (int, float))}
        texts[json.dumps(row["conversations"])].append(dimensions)
        given[one.hex()] = dimensions
    score(ledger, given)
    pairs = [pair for rows in texts.values() for pair in combinations(rows, 2)]
    found = told(ledger, thresholds=["overall_quality=3.0", "sessionMemory_quality=1.1"])
    assert found["pairs"] == len(pairs) > 0
    assert found["flips"] == sum(_good(one) != _good(other) for one, other in pairs)
    for name, told_of in found["dimensions"].items():
        apart = [abs(round(one[name] * ONE) - round(other[name] * ONE)) for one, other in pairs]
        assert told_of["mean_abs_diff"] == round(sum(apart) / len(apart) / ONE, 6)
        assert told_of["equal"] == apart.count(0)


def test_six_real_texts_were_judged_both_ways(ledger: Ledger, data: Path) -> None:
    """The six texts that stand twice in the slice of scored lines got a label each way: agreement worse than chance."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    ledger.import_scores(field="quality_scores")
    ledger.decide("toolset-relabel")
    found = ledger.agreement()
    assert (found["fingerprints"], found["scorings"], found["pairs"], found["flips"]) == (6, 12, 6, 6)
    assert (found["label_agreement"], found["kappa"]) == (0.0, -1.0)
    assert {name for each in found["examples"] for name in each["labels"]} == {"false", "given"}
    assert found["by_batch"][0]["source"] == "scored.jsonl"
    assert {each["drift"] for each in found["by_batch"][0]["dimensions"]} == {0.0}  # of one batch alone


def test_a_moment_before_knows_no_scores(ledger: Ledger, tmp_path: Path) -> None:
    """As of an earlier position: its scores, and the policy that was in force then."""
    ids = copies(ledger, tmp_path, [1, 1])
    score(ledger, {ids[0]: {"quality": 0.2}})
    early = ledger.status()["head"]["position"]
    score(ledger, {ids[1]: {"quality": 0.9}})
    decide(ledger, QUALITY)
    decided = ledger.agreement()
    late = ledger.status()["head"]["position"]
    decide(ledger, LOW)
    assert (ledger.agreement(as_of=early)["pairs"], ledger.agreement(as_of=early)["labels_by"]) == (0, [])
    assert ledger.agreement(as_of=late) == decided
    assert ledger.agreement()["examples"][0]["labels"] == ["not accepted", "accepted"]


def _good(row: dict[str, float]) -> bool:
    return row["overall_quality"] >= 3 and row["sessionMemory_quality"] > 1


class Given(NamedTuple):
    """One scoring as drawn: of which of the samples, by whom, under which rubric, which attempt, what numbers."""

    sample: int
    scorer: str
    rubric: str | None
    attempt: int
    said: dict[str, float]


def drawn() -> SearchStrategy[Given]:
    """Return scorings of a few samples by a few scorers."""
    numbers = st.sampled_from([0.0, 0.25, 0.4, 0.5, 0.75, 1.0])
    said = st.dictionaries(st.sampled_from(["quality", "memory", "other"]), numbers, min_size=1)
    scorers, rubrics = st.sampled_from(["a", "b"]), st.sampled_from([None, *RUBRICS])
    return st.builds(Given, st.integers(0, 5), scorers, rubrics, st.integers(0, 1), said)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.lists(drawn(), max_size=12), st.booleans())
def test_it_is_a_loop_over_all_pairs(texts: list[int], scorings: list[Given], within: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is scored by whom: every number is that of a loop over every two scorings of one text."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        cut = len(texts) // 2 + 1
        ids = copies(ledger, Path(name), texts[:cut])
        ids += copies(ledger, Path(name), texts[cut:], "other", "o.jsonl") if texts[cut:] else []
        standing: dict[tuple[object, ...], Given] = {}
        for one in scorings:
            place = one.sample % len(ids)
            numbers = {dimension: f"{value:g}" for dimension, value in one.said.items()}
            if attempt(ledger, {ids[place]: numbers}, scorer=one.scorer, rubric=one.rubric, replicate=one.attempt):
                key = (place, one.scorer, one.rubric, one.attempt)
                standing.pop(key, None)  # a correction stands where it was made, not where the first word was
                standing[key] = one._replace(sample=place)
        decide(ledger, THREE)
        found = told(ledger, campaign="c" if within else None, limit=1000)
    kept = [one for one in standing.values() if not within or one.sample < cut]
    two = [(a, b) for a, b in combinations(kept, 2) if texts[a.sample] == texts[b.sample]]
    alike = [(a, b) for a, b in two if None in (a.rubric, b.rubric) or a.rubric == b.rubric]
    pairs = [(a, b) for a, b in alike if a.said.keys() & b.said.keys()]
    assert (found["pairs"], found["other_rubric"]) == (len(pairs), len(two) - len(alike))
    assert found["nothing_shared"] == len(alike) - len(pairs)
    assert found["within_sample"] == sum(a.sample == b.sample for a, b in pairs)
    assert plain(found) == in_a_loop(pairs)
    by: dict[tuple[str, str], list[tuple[Given, Given]]] = defaultdict(list)
    for a, b in pairs:
        by[min(a.scorer, b.scorer), max(a.scorer, b.scorer)].append((a, b))
    assert {tuple(each["scorers"]): plain(each) for each in found["scorers"]} == {
        (f"{one}@1", f"{other}@1"): in_a_loop(mine) for (one, other), mine in by.items()
    }
    assert len(found["examples"]) == (found["flips"] or 0)


def plain(tally: dict[str, Any]) -> dict[str, Any]:
    """Return what a tally says of labels and dimensions."""
    return {name: tally[name] for name in ("labelled", "label_agreement", "kappa", "flips", "dimensions")}


def in_a_loop(pairs: list[tuple[Given, Given]]) -> dict[str, Any]:
    """Return the same, from the pairs one by one."""
    labels = [(label(a), label(b)) for a, b in pairs if label(a) and label(b)]
    equal = sum(a == b for a, b in labels)
    made: dict[str, Any] = {}
    for name in sorted({name for pair in pairs for one in pair for name in one.said}):
        both = [(a.said[name], b.said[name]) for a, b in pairs if name in a.said and name in b.said]
        if both:
            made[name] = {
                "pairs": len(both),
                "equal": sum(a == b for a, b in both),
                "exact": round(sum(a == b for a, b in both) / len(both), 6),
                "mean_abs_diff": round(
                    float(sum(abs(Fraction(str(a)) - Fraction(str(b))) for a, b in both) / len(both)), 6
                ),
            }
    return {
        "labelled": len(labels),
        "label_agreement": round(equal / len(labels), 6) if labels else None,
        "kappa": kappa_by_the_book(labels),
        "flips": len(labels) - equal if labels else None,
        "dimensions": made,
    }


def kappa_by_the_book(labels: list[tuple[str | None, str | None]]) -> float | None:
    """Return Cohen's kappa of two raters, each pair counted in both orders as neither of a pair comes first."""
    table = [*labels, *((b, a) for a, b in labels)]
    if not table:
        return None
    first, second = Counter(a for a, _ in table), Counter(b for _, b in table)
    observed = Fraction(sum(a == b for a, b in table), len(table))
    expected = sum(Fraction(first[name], len(table)) * Fraction(second[name], len(table)) for name in first)
    return None if expected == 1 else round(float((observed - expected) / (1 - expected)), 6)


def label(one: Given) -> str | None:
    """Return what THREE says of a scoring alone."""
    low, memory = one.said.get("quality"), one.said.get("memory")
    if low is not None and low < 0.5:
        return "false"
    if memory == 1:
        return "true"
    return None if low is None or memory is None else "given"
