"""compare: counts that add up, shares with intervals, means that a plain sum gives, and how the policies differ."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.reports import compare
from ledger.reports.intervals import newcombe, wilson
from ledger.reports.show import label_of
from ledger.reports.status import LABELS, STATUSES
from ledger.rule import Levels
from ledger.views import samples
from tests.drawn import word
from tests.judged import LOW, RELABEL, decide, ingested, score, store_of, taken
from tests.policy_model import rounded
from tests.small import chat, write
from tests.worlds import Step, World, steps


def interval(part: int, whole: int) -> dict[str, Any]:
    """Return a share as the answer has it."""
    found = wilson(part, whole)
    return dict(zip(("rate", "low", "high"), found or (None, None, None), strict=True))


def standing(rows: Sequence[samples.Row]) -> dict[str, Any]:
    """Return what is told of some samples, counted one by one."""
    status, label = Counter(row.status for row in rows), Counter(word(label_of(row)) for row in rows)
    decided = sum(row.decision is not None for row in rows)
    labelled = label["true"] + label["false"]
    return {
        "samples": len(rows),
        "by_status": {name: status[name] for name in STATUSES},
        "by_label": {name: label[name] for name in LABELS},
        "acceptance": {
            "accepted": status["accepted"],
            "decided": decided,
            **interval(status["accepted"], decided),
        },
        "label_rate": {"true": label["true"], "labelled": labelled, **interval(label["true"], labelled)},
    }


def means(world: World, campaign: str, rows: dict[str, samples.Row]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (dimension, scorer) -> the means of the scores that count, summed up one by one."""
    values: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for one in world.ones:
        if one.campaign == campaign:
            now = world.version(one)[1]
            last = {(name, scorer): value for version, scorer, name, value in one.scores if version == now}
            for key, value in last.items():
                values[key].append((word(label_of(rows[one.id])), value))
    return {
        key: {
            "samples": len(given),
            "mean": plain_mean([value for _, value in given]),
            "by_label": {
                label: {"samples": len(part), "mean": plain_mean(part)}
                for label in LABELS
                if (part := [value for said, value in given if said == label])
            },
        }
        for key, given in values.items()
    }


def plain_mean(values: list[int]) -> float:
    """Return the mean of millionths with four decimals, halves away from zero."""
    return rounded(Fraction(sum(values), len(values) * 100)) / 10_000


@settings(max_examples=20)
@given(steps(16), st.booleans())
def test_everything_is_what_a_loop_over_the_samples_counts(drawn: list[Step], labels: bool) -> None:  # noqa: FBT001 - drawn
    """Counts by status, label and domain, shares with their intervals, reasons, label rules and means of scores."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        world = World(ledger, Path(name))
        world.do(drawn)
        decide(ledger, replace(RELABEL if labels else LOW, thresholds=(Levels("min_quality", 0),)))
        world.do([("decide", 0, "reject", "so")])
        rows = {row.id.hex(): row for row in samples.everything(store_of(ledger).connection)}
        told = ledger.compare()
        assert [one["name"] for one in told["campaigns"]] == list(dict.fromkeys(one.campaign for one in world.ones))
        for one in told["campaigns"]:
            mine = [row for row in rows.values() if row.campaign == one["name"]]
            assert one["conserved"]
            assert {key: one[key] for key in standing(mine)} == standing(mine)
            by_domain = {domain: [row for row in mine if (row.domain or "") == domain] for domain in one["by_domain"]}
            assert one["by_domain"] == {domain: standing(part) for domain, part in by_domain.items()}
            assert sum(map(len, by_domain.values())) == len(mine)
            whys = {row: ledger.why(row.id.hex()) for row in mine}
            reasons = Counter(
                (row.status, said["rule"] or said["authority"])
                for row, why in whys.items()
                for said in why["decisions"]
                if said["in_force"] and row.status != "accepted"
            )
            assert {(each["status"], each["rule"]): each["samples"] for each in one["reasons"]} == reasons
            by_status = Counter(row.status for row in mine)
            for each in one["reasons"]:
                assert each["share"] == round(each["samples"] / by_status[each["status"]], 6)
            found = {(each["dimension"], each["scorer"]): each for each in one["means"]}
            expected = means(world, one["name"], rows)
            assert {key: {name: each[name] for name in expected[key]} for key, each in found.items()} == expected
            held = Counter(
                said["rule"]
                for why in whys.values()
                for said in why["labels"]
                if said["in_force"] and said["authority"] == "policy" and said["rule"]
            )
            assert {each["rule"]: each["samples"] for each in one["label_rules"]} == held


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return three campaigns of ten samples, of which 2, 5 and 9 have a quality that is enough."""
    for name, good in (("spring", 2), ("summer", 5), ("autumn", 9)):
        rows = [(None, {"quality": 0.75 if n < good else 0.25}) for n in range(10)]
        taken(ledger, tmp_path / f"{name}.jsonl", rows, name)
    decide(ledger, LOW)
    return ledger


def test_neighbours_are_compared_and_the_ends(three: Ledger) -> None:
    """Each campaign with the next, and the first with the last; the interval is Newcombe's, the word what it says."""
    told = three.compare()
    assert [one["name"] for one in told["campaigns"]] == ["spring", "summer", "autumn"]  # as they began
    pairs = [(each["from"], each["to"]) for each in told["differences"]]
    assert pairs == [("spring", "summer"), ("summer", "autumn"), ("spring", "autumn")]
    accepted = {"spring": 2, "summer": 5, "autumn": 9}
    for each in told["differences"]:
        expected = newcombe((accepted[each["from"]], 10), (accepted[each["to"]], 10))
        assert expected is not None
        change = each["acceptance"]
        assert (change["rate"], change["low"], change["high"]) == tuple(expected)
        assert change["word"] == ("higher" if expected.low > 0 else "not distinguishable")
        assert (each["same_policy"], each["policy_changes"]) == (True, [])
        assert each["label_rate"] == {"rate": None, "low": None, "high": None, "word": "unknown"}
    assert told["differences"][2]["acceptance"]["word"] == "higher"
    assert [point["acceptance"]["rate"] for point in told["trend"]] == [0.2, 0.5, 0.9]
    assert len({point["policy"] for point in told["trend"]}) == 1
    began = [point["began"]["position"] for point in told["trend"]]
    assert began == sorted(began)


def test_named_campaigns_in_the_order_asked_for(three: Ledger) -> None:
    """Named twice counts once; one alone is summed up without a difference; none that does not exist."""
    told = three.compare(["autumn", "spring", "autumn"])
    assert [one["name"] for one in told["campaigns"]] == ["autumn", "spring"]
    assert [(each["from"], each["to"], each["acceptance"]["word"]) for each in told["differences"]] == [
        ("autumn", "spring", "lower")
    ]
    assert three.compare(["summer"])["differences"] == []
    with pytest.raises(BadRequest, match="There is no campaign 'winter'; there are autumn, spring, summer"):
        three.compare(["spring", "winter"])
    with pytest.raises(BadRequest):
        three.compare([""])


def test_policies_that_differ_are_told_setting_by_setting(three: Ledger) -> None:
    """A campaign with a policy of its own: what is set otherwise there, before and after, and since when."""
    own = replace(LOW, name="lower", thresholds=(Levels("min_quality", 200_000, (("asm", 300_000),)),))
    decide(three, own, "autumn")
    told = three.compare(["spring", "autumn"])
    (each,) = told["differences"]
    assert each["same_policy"] is False
    assert each["policy_changes"] == [
        ["name", "low", "lower"],
        ["threshold.min_quality", "0.5", "0.2"],
        ["domain.asm.min_quality", None, "0.3"],
    ]
    first, second = (one["policy"] for one in told["campaigns"])
    assert (first["name"], first["campaign"], second["name"], second["campaign"]) == ("low", None, "lower", "autumn")
    assert first["position"] < second["position"]
    assert first["time"].endswith("Z")


def test_without_a_policy_and_without_decisions(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing is decided: no acceptance, not one of zero; of no campaign at all nothing is said."""
    assert ledger.compare()["campaigns"] == []
    ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("r", "a")), "c")
    (one,) = ledger.compare()["campaigns"]
    assert one["acceptance"] == {"accepted": 0, "decided": 0, "rate": None, "low": None, "high": None}
    assert one["label_rate"]["rate"] == 1.0
    assert (one["policy"], one["reasons"], one["means"], one["label_rules"]) == (None, [], [], [])


def test_deferring_is_deciding(ledger: Ledger, tmp_path: Path) -> None:
    """What was put off was looked at, so it counts in the whole that acceptance is a share of."""
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(4))), "c")
    ledger.accept(ids[:1])
    ledger.defer(ids[1:2], reason="ask")
    (one,) = ledger.compare()["campaigns"]
    assert (one["acceptance"]["accepted"], one["acceptance"]["decided"], one["acceptance"]["rate"]) == (1, 2, 0.5)
    assert one["reasons"] == [{"status": "pending", "rule": "person", "samples": 1, "share": round(1 / 3, 6)}]


def test_rubrics_and_versions_are_not_mixed(ledger: Ledger, tmp_path: Path) -> None:
    """One name under two rubrics, or by two versions, are two means; only scores of the text that stands count."""
    one, other = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("r", "a")), "c")
    score(ledger, {one: {"quality": 1}}, rubric="aa" * 32)
    score(ledger, {one: {"quality": 2}, other: {"quality": 4}}, rubric="bb" * 32)
    score(ledger, {one: {"quality": 5}}, version="2")
    told = ledger.compare()["campaigns"][0]["means"]
    assert [(each["rubric"], each["scorer_version"], each["samples"], each["mean"]) for each in told] == [
        ("b3:" + "aa" * 32, "1", 1, 1.0),
        ("b3:" + "bb" * 32, "1", 2, 3.0),
        (None, "2", 1, 5.0),
    ]
    ledger.edit(other, b'{"prompt": "p", "completion": "c"}')
    told = ledger.compare()["campaigns"][0]["means"]
    assert [each["mean"] for each in told if each["rubric"] == "b3:" + "bb" * 32] == [2.0]


def test_scores_are_left_out_where_reading_them_takes_long(three: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a number of samples they are read only when asked for, and the answer says so: null, not zero."""
    monkeypatch.setattr(compare, "SCORES_UPTO", 29)
    told = three.compare()
    assert told["scores_read"] is False
    assert {(one["means"], one["label_rules"]) for one in told["campaigns"]} == {(None, None)}
    assert three.compare(["spring"])["scores_read"] is True
    assert three.compare(scores=True)["campaigns"][0]["means"][0]["mean"] == 0.35
    assert three.compare(["spring"], scores=False)["scores_read"] is False


def test_an_earlier_moment(three: Ledger, tmp_path: Path) -> None:
    """As of before the fourth campaign and the second policy there are three campaigns and the first one."""
    then, at = three.compare(), three.status()["head"]["position"]
    taken(three, tmp_path / "winter.jsonl", [(None, {"quality": 0.9})], "winter")
    decide(three, replace(LOW, thresholds=(Levels("min_quality", 0),)))
    assert three.compare(as_of=at) == then
    assert len(three.compare()["campaigns"]) == 4
    assert three.compare()["campaigns"][0]["acceptance"]["rate"] == 1.0


def test_real_scores(ledger: Ledger, data: Path) -> None:
    """Of the 39 scored lines that are samples, 24 are labelled false; the means are those of the lines themselves."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    ledger.import_scores(field="quality_scores")
    ledger.decide("toolset-relabel")
    (one,) = ledger.compare()["campaigns"]
    assert (one["samples"], one["by_label"]) == (39, {"true": 15, "false": 24, "none": 0})
    assert sum(each["samples"] for each in one["label_rules"]) == 24
    rows = [ledger.show(row.id.hex()) for row in samples.everything(store_of(ledger).connection)]
    for each in one["means"]:
        values = [score_of(row, each["dimension"]) for row in rows]
        assert each["mean"] == pytest.approx(sum(values) / 39, abs=0.00005)
        poor = [score_of(row, each["dimension"]) for row in rows if row["label"] is False]
        assert each["by_label"]["false"] == {"samples": 24, "mean": pytest.approx(sum(poor) / 24, abs=0.00005)}


def score_of(row: dict[str, Any], dimension: str) -> float:
    """Return what stands in the line of a sample."""
    return float(json.loads(row["raw"])["quality_scores"][dimension])
