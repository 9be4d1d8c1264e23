"""Scores from a field of the lines: what is a number becomes a dimension, what is none is unscored and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import PREFIX, blake3_bytes
from ledger.errors import BadRequest, InputNotFound
from ledger.verbs.run import Who
from ledger.verbs.score_import import import_field, import_plan, members_at, number_of, value_at
from tests.logs import improve, line, store_of
from tests.small import chat, samples, write
from tests.strategies import json_values

WHO = Who("tester")


def bring(ledger: Ledger, field: str = "scores", **options: Any) -> dict[str, Any]:  # noqa: ANN401 - options
    """Import a field and return the report."""
    plan = import_plan(field, files=False, **options)
    return import_field(store_of(ledger), plan, WHO, lambda *_: None).as_json()


def events(ledger: Ledger, *kinds: str) -> list[dict[str, Any]]:
    """Return what the events of some kinds say, oldest first."""
    return [event["says"] for event in ledger.log(limit=10**6) if event["kind"] in kinds]


def fill(ledger: Ledger, tmp_path: Path, *envelopes: dict[str, Any], campaign: str = "c") -> list[str]:
    """Ingest a sample with each envelope and return the ids of all samples."""
    rows = [chat(f"question {n}", "answer", **envelope) for n, envelope in enumerate(envelopes)]
    ledger.ingest(write(tmp_path / f"{campaign}.jsonl", *rows), campaign=campaign)
    return samples(ledger)


def test_numbers_become_dimensions_and_the_line_is_the_evidence(ledger: Ledger, tmp_path: Path) -> None:
    """Notes stay in the line, which the event names; nothing of them stands in the event."""
    (sample,) = fill(ledger, tmp_path, {"scores": {"notes": "quite terse", "a": 2.6, "b": 1}})
    report = bring(ledger)

    version = ledger.show(sample)["version"].removeprefix(PREFIX)
    assert events(ledger, "scored") == [
        {
            "after": None,
            "dimensions": [["a", "2.6"], ["b", "1"]],
            "evidence": version,
            "notes": [],
            "replicate": 0,
            "rubric": None,
            "sample": sample,
            "scorer": "scores",
            "scorer_version": "unstated",
            "unscored": [],
            "version": version,
        }
    ]
    assert (report["scored"], report["ignored"]) == (1, {"notes": 1})
    assert report["dimensions"]["a"] == {"n": 1, "mean": "2.6000", "min": "2.6", "max": "2.6", "unscored": 0}


def test_who_scored_and_by_what(ledger: Ledger, tmp_path: Path) -> None:
    """Name, version and the digest of the rubric's file stand in the event; the same scores by another are others."""
    rubric = tmp_path / "RUBRIC.md"
    rubric.write_text("be kind", encoding="utf-8")
    fill(ledger, tmp_path, {"scores": {"a": 1}})
    first = bring(ledger, scorer="reviewers", version="2", rubric=rubric)
    again = bring(ledger, scorer="reviewers", version="2", rubric=str(rubric))
    other = bring(ledger, scorer="reviewers", version="3")

    assert (first["scored"], again["known"], other["scored"]) == (1, 1, 1)
    said = events(ledger, "scored")[0]
    assert (said["scorer"], said["scorer_version"], said["rubric"]) == (
        "reviewers",
        "2",
        blake3_bytes(b"be kind").hex(),
    )


def test_real_scores_have_the_means_of_their_file(ledger: Ledger, data: Path) -> None:
    """Every sample of the real slice is scored, and the means are those that the lines have."""
    ledger.ingest(data / "scored.jsonl", campaign="toolset")
    report = bring(ledger, "quality_scores")

    rows = []
    for text in (data / "scored.jsonl").read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(text)["quality_scores"])
        except ValueError:
            continue
    assert report["samples"] == report["scored"] == len(rows) == ledger.status()["samples"]
    assert report["ignored"] == {"notes": len(rows)}
    for name in set(rows[0]) - {"notes"}:
        mean = sum(row[name] for row in rows) / len(rows)
        assert float(report["dimensions"][name]["mean"]) == pytest.approx(mean, abs=0.00005)
    assert ledger.verify()["ok"]


def test_a_second_time_appends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Nor is a run recorded; the report covers what is known."""
    fill(ledger, tmp_path, {"scores": {"a": 1}}, {"scores": {"a": 2, "b": "high"}}, {"scores": {"b": 3}}, {})
    first, count = bring(ledger), ledger.status()["events"]
    again = bring(ledger)

    assert ledger.status()["events"] == count
    assert again == {**first, "scored": 0, "known": 3}
    assert first["missing"] == 1


@pytest.mark.parametrize("value", ["high", "3", True, None, [1], {"x": 1}, 10**7, -1e300])
def test_what_is_no_number_is_unscored_and_counted(ledger: Ledger, tmp_path: Path, value: object) -> None:
    """Where other lines have a number, this one's dimension is unscored; it is neither 0 nor left out."""
    fill(ledger, tmp_path, {"scores": {"a": 1, "b": value}}, {"scores": {"a": 2, "b": 3}})
    report = bring(ledger)

    assert events(ledger, "scored")[0]["unscored"] == [["b", "not_a_number"]]
    assert report["reasons"] == {"not_a_number": 1}
    assert report["dimensions"]["b"]["unscored"] == 1


def test_a_line_without_any_number_has_one_reason(ledger: Ledger, tmp_path: Path) -> None:
    """It is unscored as a whole."""
    fill(ledger, tmp_path, {"scores": {"a": "?", "b": "?"}}, {"scores": {"a": 2, "b": 3}})
    report = bring(ledger)

    assert [says["reason"] for says in events(ledger, "unscored")] == ["not_a_number"]
    assert (report["scored"], report["unscored"], report["dimensions"]["a"]["unscored"]) == (1, 1, 1)


def test_texts_bools_and_lists_that_are_never_numbers_are_ignored(ledger: Ledger, tmp_path: Path) -> None:
    """They are counted by name, as are numbers whose names cannot be dimensions."""
    told = {"a": 1, "relabeled": True, "relabel_reason": ["low"], "notes": "x", "two words": 2, "nested": {"a": 1}}
    fill(ledger, tmp_path, {"scores": told}, {"scores": {"a": 2, "notes": "y"}})
    report = bring(ledger)

    assert list(report["dimensions"]) == ["a"]
    assert report["ignored"] == {"nested": 1, "notes": 2, "relabel_reason": 1, "relabeled": 1, "two words": 1}
    assert events(ledger, "scored")[0]["unscored"] == []


def test_named_dimensions_are_taken_and_missed(ledger: Ledger, tmp_path: Path) -> None:
    """With --dimensions, other numbers are ignored, and one that is missing is unscored, for lines cannot change."""
    fill(ledger, tmp_path, {"scores": {"a": 1, "index": 7}}, {"scores": {"a": 2, "b": 3}}, {"scores": {"index": 8}})
    report = bring(ledger, dimensions=["b", "a"])

    assert [says["unscored"] for says in events(ledger, "scored")] == [[["b", "not_given"]], []]
    assert [says["reason"] for says in events(ledger, "unscored")] == ["not_given"]
    assert list(report["dimensions"]) == ["a", "b"]
    assert report["ignored"] == {"index": 2}


def test_a_plain_number_is_a_dimension_of_the_fields_name(ledger: Ledger, tmp_path: Path) -> None:
    """At a dotted place; null is no statement at all."""
    envelopes = [{"_metadata": {"quality_score": score}} for score in (0.45, None, "0.5", 0)]
    fill(ledger, tmp_path, *envelopes)
    report = bring(ledger, "_metadata.quality_score")

    assert [says["dimensions"] for says in events(ledger, "scored")] == [
        [["quality_score", "0.45"]],
        [["quality_score", "0"]],
    ]
    assert (report["scored"], report["unscored"], report["missing"]) == (2, 1, 1)
    assert events(ledger, "scored")[0]["scorer"] == "quality_score"


def test_samples_without_the_field_are_missing(ledger: Ledger, tmp_path: Path) -> None:
    """So are derived ones, which have no line, and lines that say nothing of any dimension."""
    ids = fill(ledger, tmp_path, {"scores": {"a": 1}}, {}, {"scores": {"notes": "x"}}, {"scores": {}}, {"scores": None})
    improve(ledger, ids[0], [line("question 0", "better")])
    report = bring(ledger)

    assert (report["samples"], report["scored"], report["missing"]) == (6, 1, 5)


def test_scores_are_about_the_line_not_about_an_edit(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit, the score names the version that was born, which is what was scored."""
    (sample,) = fill(ledger, tmp_path, {"scores": {"a": 1}})
    born = ledger.show(sample)["version"].removeprefix(PREFIX)
    ledger.edit(sample, line("question 0", "better"))
    report = bring(ledger)

    said = events(ledger, "scored")[0]
    assert report["scored"] == 1
    assert said["version"] == said["evidence"] == born != ledger.show(sample)["version"].removeprefix(PREFIX)
    assert ledger.verify()["ok"]


def test_only_a_campaign(ledger: Ledger, tmp_path: Path) -> None:
    """Samples of others are not considered."""
    fill(ledger, tmp_path, {"scores": {"a": 1}}, campaign="a")
    fill(ledger, tmp_path, {"scores": {"a": 5}}, campaign="b")

    assert bring(ledger, campaign="b")["dimensions"]["a"]["mean"] == "5.0000"
    with pytest.raises(BadRequest, match="there are a, b"):
        bring(ledger, campaign="c")


def test_erased_lines_are_counted(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line whose bytes are gone has no scores any more; it is not merely missing."""
    fill(ledger, tmp_path, {"scores": {"a": 1}}, {"scores": {"a": 2}})
    store = store_of(ledger)
    whole = store.bodies
    monkeypatch.setattr(store, "bodies", lambda blobs: {**whole(blobs), min(blobs): None})
    report = bring(ledger)

    assert (report["samples"], report["scored"], report["erased"], report["missing"]) == (2, 1, 1, 0)


def test_a_field_that_no_sample_has(ledger: Ledger, tmp_path: Path) -> None:
    """The error names the fields with numbers in them; nothing is recorded."""
    fill(ledger, tmp_path, {"quality_scores": {"a": 1}, "other": {"x": "y"}}, {"_index": 3})
    before = ledger.status()["events"]

    with pytest.raises(
        BadRequest, match=r"has the field 'scores'; fields with numbers in them: quality_scores, _index$"
    ):
        bring(ledger)
    assert ledger.status()["events"] == before


@pytest.mark.parametrize(
    ("scores", "options", "says"),
    [
        ({"notes": "x"}, {}, "holds no number anywhere"),
        ({"a": 1}, {"dimensions": ["b"]}, "holds no such dimension anywhere"),
        ({f"d{n}": n for n in range(65)}, {}, "over 64 different numbers"),
    ],
)
def test_a_field_without_fit_scores(
    ledger: Ledger, tmp_path: Path, scores: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    """A field that is not one of scores is refused as a whole."""
    fill(ledger, tmp_path, {"scores": scores})
    before = ledger.status()["events"]

    with pytest.raises(BadRequest, match=says):
        bring(ledger, **options)
    assert ledger.status()["events"] == before


@pytest.mark.parametrize(
    ("field", "options", "says"),
    [
        (None, {}, "Name the files, or with --field"),
        ("", {}, "field must not be empty"),
        ("a\nb", {}, "control character"),
        ("scores", {"scorer": " "}, "scorer's name must not be empty"),
        ("scores", {"version": ""}, "version must not be empty"),
        ("scores", {"dimensions": ["two words"]}, "cannot be a dimension"),
        ("scores", {"dimensions": [f"d{n}" for n in range(65)]}, "65 dimensions"),
        ("scores", {"campaign": ""}, "campaign's name must not be empty"),
    ],
)
def test_requests_that_cannot_be_met(field: str | None, options: dict[str, Any], says: str) -> None:
    """What is wrong with a request is told before anything is read."""
    with pytest.raises(BadRequest, match=says):
        import_plan(field, files=False, **options)


def test_a_rubric_that_is_not_there() -> None:
    """Its digest cannot be told."""
    with pytest.raises(InputNotFound):
        import_plan("scores", files=False, rubric="nowhere.md")


def test_names_in_two_spellings_are_one(ledger: Ledger, tmp_path: Path) -> None:
    """Names are in NFC, and any language may name a dimension."""
    fill(ledger, tmp_path, {"scores": {"qualite\u0301": 1}}, {"scores": {"qualit\u00e9": 3}})

    assert list(bring(ledger)["dimensions"]) == ["qualit\u00e9"]


@pytest.mark.parametrize(
    ("first", "second", "numbers", "unscored"),
    [
        (4, "high", ["4"], []),
        ("high", 4, ["4"], []),
        (4, 4.0, ["4"], []),
        (4, 5, [], ["not_a_number"]),
        ("high", None, [], ["not_a_number"]),
    ],
)
def test_one_name_in_two_spellings_of_one_line(
    ledger: Ledger, tmp_path: Path, first: object, second: object, numbers: list[str], unscored: list[str]
) -> None:
    """A number wins over what is none; two numbers that differ are none; never is a name scored and unscored."""
    both = {"qualite\u0301": first, "qualit\u00e9": second}
    fill(ledger, tmp_path, {"scores": {"a": 1, **both}}, {"scores": {"a": 2, "qualit\u00e9": 3}})
    report = bring(ledger)

    says = events(ledger, "scored")[0]
    assert [value for name, value in says["dimensions"] if name != "a"] == numbers
    assert [why for _, why in says["unscored"]] == unscored
    assert report["dimensions"]["qualit\u00e9"]["n"] == 1 + len(numbers)


def test_two_spellings_of_what_is_left_out_are_counted_once(ledger: Ledger, tmp_path: Path) -> None:
    """What is ignored is counted by the lines that have it."""
    fill(ledger, tmp_path, {"scores": {"a": 1, "e\u0301": "x", "\u00e9": "y"}})

    assert bring(ledger)["ignored"] == {"\u00e9": 1}


@given(st.lists(json_values(), min_size=1, max_size=5))
def test_any_field_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    """Whatever stands in the field, every sample is scored, unscored or missing, or the request is refused."""
    folder = tmp_path_factory.mktemp("any")
    with Ledger.init(folder / "l.db") as ledger:
        fill(ledger, folder, *({"scores": value} for value in values))
        before = ledger.status()
        try:
            report = bring(ledger)
        except BadRequest:
            assert ledger.status() == before
            return
        again = bring(ledger)

        assert report["samples"] == report["scored"] + report["unscored"] + report["missing"]
        assert again["known"] == report["scored"] + report["unscored"]
        assert ledger.verify()["ok"]


def test_numbers_and_places() -> None:
    """Booleans and texts are no numbers; a place may be nowhere."""
    assert [number_of(one) for one in (1, 2.5, True, "1", None, 10**30, 1e-9)] == [10**6, 2_500_000, *[None] * 4, 0]
    assert value_at({"a": {"b": 0}}, ("a", "b")) == 0
    assert value_at({"a": 1}, ("a", "b")) is value_at([], ("a",)) is None
    assert members_at({"a": 3}, ("a",)) == {"a": 3}
