"""Scores from files: matched by id or by content; a line that is not right is named, and nothing is recorded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import PREFIX, blake3_bytes
from ledger.errors import ScoresUnreadable
from ledger.readers.lines import find_inputs
from ledger.verbs.run import Who
from ledger.verbs.score_files import import_files
from ledger.verbs.score_import import import_plan
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.strategies import json_values

WHO = Who("tester")


def bring(ledger: Ledger, path: Path, field: str | None = None, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - options
    """Import a file and return the report."""
    plan = import_plan(field, files=True, **{"scorer": "judge", **options})
    return import_files(store_of(ledger), find_inputs([str(path)]), plan, WHO, lambda *_: None).as_json()


def events(ledger: Ledger, *kinds: str) -> list[dict[str, Any]]:
    """Return what the events of some kinds say, oldest first."""
    return [event["says"] for event in ledger.log(limit=10**6) if event["kind"] in kinds]


@pytest.fixture
def filled(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with four samples, the last two of which teach the same, in two campaigns."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q0", "a0"), chat("q1", "a1"), chat("q2", "a2")), campaign="a")
    ledger.ingest(write(tmp_path / "b.jsonl", chat("q2", "a2", label=True)), campaign="b")
    return ledger


def test_by_id_with_everything(filled: Ledger, tmp_path: Path) -> None:
    """The line says who scored; its bytes are stored, and the event names them."""
    sample = samples(filled)[0]
    said = {"sample": sample[:10], "scores": {"a": 4.5, "b": None}, "scorer": "gpt", "version": "5", "notes": "terse"}
    rubric = {"rubric": "be kind", "replicate": 2}
    file = write(tmp_path / "scores.jsonl", {**said, **rubric})
    report = bring(filled, file)

    evidence = blake3_bytes(file.read_bytes().rstrip()).hex()
    assert events(filled, "scored") == [
        {
            "after": None,
            "dimensions": [["a", "4.5"]],
            "evidence": evidence,
            "notes": [],
            "replicate": 2,
            "rubric": blake3_bytes(b"be kind").hex(),
            "sample": sample,
            "scorer": "gpt",
            "scorer_version": "5",
            "unscored": [["b", "not_given"]],
            "version": filled.show(sample)["version"].removeprefix(PREFIX),
        }
    ]
    ((found, blob),) = store_of(filled).find_blobs(bytes.fromhex(evidence), bytes.fromhex(evidence))
    assert found.hex() == evidence
    assert store_of(filled).body(blob) == file.read_bytes().rstrip()
    assert (report["lines"], report["samples"], report["scored"], report["reasons"]) == (1, 1, 1, {"not_given": 1})
    assert filled.verify()["ok"]


@pytest.mark.parametrize("ident", ["whole", "upper", "prefix", "blob"])
def test_every_way_to_name_a_sample(filled: Ledger, tmp_path: Path, ident: str) -> None:
    """An id in full, in capitals, a unique prefix, or the address of the current version."""
    sample = samples(filled)[1]
    named = {"whole": sample, "upper": sample.upper(), "prefix": sample[:8], "blob": filled.show(sample)["version"]}
    bring(filled, write(tmp_path / "s.jsonl", {"sample": named[ident], "scores": {"a": 1}}))

    assert [says["sample"] for says in events(filled, "scored")] == [sample]


def test_by_content_it_is_about_all_that_teach_it(filled: Ledger, tmp_path: Path) -> None:
    """White space, another label or another envelope make no difference; a campaign narrows it down."""
    rows = {**chat("q2", "a2", label=False, other=1), "scores": {"a": 3}}
    file = write(tmp_path / "s.jsonl", rows)
    report = bring(filled, file, campaign="b")
    both = bring(filled, file)

    assert (report["lines"], report["samples"], report["scored"]) == (1, 1, 1)
    assert (both["samples"], both["scored"], both["known"]) == (2, 1, 1)
    assert both["dimensions"]["a"]["n"] == 2
    assert {says["sample"] for says in events(filled, "scored")} == set(samples(filled)[2:])


def test_a_scored_copy_of_the_lines_can_be_read_back(ledger: Ledger, data: Path, tmp_path: Path) -> None:
    """Lines that hold content and scores are matched by content; twins scored differently cannot be told apart so."""
    ledger.ingest(data / "poor.jsonl", campaign="poor")
    rows = [json.loads(one) for one in (data / "poor.jsonl").read_text("utf-8").splitlines()]
    names = [name for name in rows[0]["quality_scores"] if "_" in name and not name.startswith("relabel")]
    report = bring(ledger, write(tmp_path / "some.jsonl", *rows[:50]), "quality_scores", dimensions=names)

    assert (report["lines"], len(names)) == (50, 6)
    assert report["samples"] == report["scored"] >= 50
    assert report["dimensions"]["overall_quality"]["n"] == report["samples"]
    with pytest.raises(ScoresUnreadable, match="'relabeled' is 'True', which is no number; --dimensions"):
        bring(ledger, data / "poor.jsonl", "quality_scores")
    with pytest.raises(ScoresUnreadable, match="line 51: an earlier line says otherwise"):
        bring(ledger, data / "poor.jsonl", "quality_scores", dimensions=names)


def test_a_second_time_appends_nothing(filled: Ledger, tmp_path: Path) -> None:
    """The same statements, even in another file with other notes, are known."""
    sample = samples(filled)[0]
    bring(filled, write(tmp_path / "s.jsonl", {"sample": sample, "scores": {"a": 1}}))
    count = filled.status()["events"], filled.status()["blobs"]
    report = bring(filled, write(tmp_path / "t.jsonl.gz", {"sample": sample, "scores": {"a": 1.0}, "notes": "again"}))

    assert (report["known"], report["scored"]) == (1, 0)
    assert (filled.status()["events"], filled.status()["blobs"]) == count


def test_the_same_line_twice_is_one_statement(filled: Ledger, tmp_path: Path) -> None:
    """Repeating oneself is no contradiction."""
    said = {"sample": samples(filled)[0], "scores": {"a": 1}}
    report = bring(filled, write(tmp_path / "s.jsonl", said, said))

    assert (report["samples"], report["scored"], report["known"]) == (2, 1, 1)
    assert filled.verify()["ok"]


def test_replicates_and_scorers_are_told_apart(filled: Ledger, tmp_path: Path) -> None:
    """Several scores of one version are kept side by side."""
    sample = samples(filled)[0]
    lines = [{"sample": sample, "scores": {"a": n}, "replicate": n} for n in range(3)]
    lines.append({"sample": sample, "scores": {"a": 5}, "scorer": "other"})
    report = bring(filled, write(tmp_path / "s.jsonl", *lines))

    assert report["scored"] == 4
    assert report["dimensions"]["a"]["mean"] == "2.0000"


def test_a_judge_that_failed_says_so(filled: Ledger, tmp_path: Path) -> None:
    """A word for everything, or a word for a dimension; never a number."""
    one, two, *_ = samples(filled)
    lines: list[dict[str, Any]] = [
        {"sample": one, "unscored": "timeout"},
        {"sample": two, "scores": {"a": 1}, "unscored": {"b": "refused"}},
    ]
    report = bring(filled, write(tmp_path / "s.jsonl", *lines), dimensions=["a", "b"])

    assert [says["reason"] for says in events(filled, "unscored")] == ["timeout"]
    assert events(filled, "scored")[0]["unscored"] == [["b", "refused"]]
    assert report["dimensions"]["b"] == {"n": 0, "mean": None, "min": None, "max": None, "unscored": 2}
    assert filled.verify()["ok"]


def test_dimensions_narrow_a_line_down(filled: Ledger, tmp_path: Path) -> None:
    """With --dimensions, the other members of the scores may be anything."""
    said = {"sample": samples(filled)[0], "scores": {"a": 1, "model": "x", "index": 3}, "unscored": {"c": "late"}}
    report = bring(filled, write(tmp_path / "s.jsonl", said), dimensions=["a"])

    assert events(filled, "scored")[0]["dimensions"] == [["a", "1"]]
    assert list(report["dimensions"]) == ["a"]


def lines_of(filled: Ledger) -> dict[str, Any]:
    """Return lines that cannot be imported, by what is said of them."""
    sample = samples(filled)[0]
    good: dict[str, Any] = {"sample": sample, "scores": {"a": 1}}

    def raw(rest: str) -> str:
        return f'{{"sample": "{sample}", "scores": {{"a": {rest}}}'

    return {
        "Expecting value": "nonsense",
        "NaN is not JSON": raw("NaN}"),
        "1e999 is out of range": raw("1e999}"),
        "stands twice": raw('1, "a": 2}'),
        "'\u00e9' stands there twice": {**good, "scores": {"e\u0301": 1, "\u00e9": 1}},
        "'\u00e8' stands there twice": {**good, "scores": {"e\u0300": 1, "\u00e8": None}},
        "'\u00ea' stands there twice": {**good, "unscored": {"e\u0302": "late", "\u00ea": "late"}},
        "'\u00eb' has a score and is unscored": {
            "sample": sample,
            "scores": {"\u00eb": 1},
            "unscored": {"e\u0308": "late"},
        },
        "not a JSON object": "[1]",
        "byte 1 is not UTF-8": b'"\xff"',
        "'a' is 'high', which is no number; --dim": {**good, "scores": {"a": "high"}},
        "'a' is '3', which is no number; --dim": {**good, "scores": {"a": "3"}},
        "'a' is 'True'": {**good, "scores": {"a": True}},
        "'a' is '10000000'": {**good, "scores": {"a": 10**7}},
        "'two words' cannot be a dimension": {**good, "scores": {"two words": 1}},
        'it has no "scores"': {"sample": sample},
        '"scores" holds no number': {**good, "scores": {"notes": "x"}},
        "over 64 dimensions": {**good, "scores": {f"d{n}": n for n in range(65)}},
        "has a score and is unscored": {**good, "unscored": {"a": "late"}},
        '"unscored" for all of them': {**good, "unscored": "late"},
        "neither a word nor an object": {**good, "unscored": 3},
        "the reason of 'b' is not a word": {**good, "unscored": {"b": "too late"}},
        "the reason of 'unscored' is not": {"sample": sample, "unscored": "Too late"},
        "is not a whole number from 0": {**good, "replicate": -1},
        '"replicate" is not': {**good, "replicate": True},
        '"scorer" must be text': {**good, "scorer": 3},
        '"version" must not be empty': {**good, "version": ""},
        '"rubric" must be text': {**good, "rubric": {}},
        '"sample" must be text': {**good, "sample": 7},
        "Nothing in the ledger has the id 0000000000": {**good, "sample": "0000000000"},
        "is not an id": {**good, "sample": "xyz"},
        "no reader knows a line": {"scores": {"a": 1}},
        "its content is that of no sample": {**chat("q0", "something else"), "scores": {"a": 1}},
        "content cannot be read": {"messages": "x", "scores": {"a": 1}},
        "an earlier line says otherwise": {**chat("q1", "a1"), "scores": {"a": 2}},
    }


@pytest.mark.parametrize("number", range(35))
def test_a_line_that_is_not_right(filled: Ledger, tmp_path: Path, number: int) -> None:
    """The error names the file, the line and what is wrong; the good lines before it are not recorded either."""
    says, line = list(lines_of(filled).items())[number]
    text = line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
    good = json.dumps({"sample": samples(filled)[1], "scores": {"a": 1}}).encode()
    file = tmp_path / "scores.jsonl"
    file.write_bytes(good + b"\n\n" + text + b"\n")
    before = filled.status()

    with pytest.raises(ScoresUnreadable) as caught:
        bring(filled, file)

    assert str(caught.value).startswith("scores.jsonl, line 3: ")
    assert says in str(caught.value)
    assert not str(caught.value).endswith("..")
    assert filled.status() == before


def test_every_bad_line_is_tried(filled: Ledger) -> None:
    """None of the lines above is left out."""
    assert len(lines_of(filled)) == 35


def test_a_missing_dimension(filled: Ledger, tmp_path: Path) -> None:
    """In a file, unlike in an ingested line, it can be corrected, so it is an error."""
    file = write(tmp_path / "s.jsonl", {"sample": samples(filled)[0], "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match="line 1: it says nothing of b, c"):
        bring(filled, file, dimensions=["a", "b", "c"])


def test_asked_for_by_any_spelling(filled: Ledger, tmp_path: Path) -> None:
    """A dimension is the one that was named, however the line spells it; what was not named may stand there twice."""
    scores = {"qualite\u0301": 4, "e\u0301": 1, "\u00e9": 2}
    file = write(tmp_path / "s.jsonl", {"sample": samples(filled)[0], "scores": scores})

    assert bring(filled, file, dimensions=["qualit\u00e9"])["dimensions"]["qualit\u00e9"]["mean"] == "4.0000"


@pytest.mark.parametrize("turn", [1, -1])
def test_a_line_without_scores_counts_in_every_dimension(filled: Ledger, tmp_path: Path, turn: int) -> None:
    """Whether it comes before the first number or after the last."""
    one, two, *_ = samples(filled)
    lines: list[dict[str, Any]] = [{"sample": one, "unscored": "late"}, {"sample": two, "scores": {"a": 1, "b": 2}}]
    report = bring(filled, write(tmp_path / "s.jsonl", *lines[::turn]))

    assert {name: each["unscored"] for name, each in report["dimensions"].items()} == {"a": 1, "b": 1}
    assert report["reasons"] == {"late": 1}


def test_nobody_scored(filled: Ledger, tmp_path: Path) -> None:
    """A score is somebody's."""
    file = write(tmp_path / "s.jsonl", {"sample": samples(filled)[0], "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match='names no "scorer", and no --scorer'):
        bring(filled, file, scorer=None)


def test_a_sample_of_another_campaign(filled: Ledger, tmp_path: Path) -> None:
    """With a campaign, samples of others are not there."""
    file = write(tmp_path / "s.jsonl", {"sample": samples(filled)[0], "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match="is no sample of the campaign 'b'"):
        bring(filled, file, campaign="b")


def test_an_ambiguous_id(ledger: Ledger, tmp_path: Path) -> None:
    """Two samples with the same bytes: the address of the bytes does not tell which."""
    for source in ("a", "b"):
        ledger.ingest(write(tmp_path / f"{source}.jsonl", chat("q", "a")), campaign="c")
    version = ledger.show(samples(ledger)[0])["version"]
    file = write(tmp_path / "s.jsonl", {"sample": version, "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match="fits 2 things"):
        bring(ledger, file)


def test_a_content_of_too_many_samples(filled: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a content is that of very many samples, one has to be named."""
    monkeypatch.setattr("ledger.verbs.score_files.MOST_TWINS", 1)
    file = write(tmp_path / "s.jsonl", {**chat("q2", "a2"), "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match="over 1 samples teach this content"):
        bring(filled, file)


def test_a_line_that_is_too_long(filled: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not parsed."""
    monkeypatch.setattr("ledger.verbs.score_files.LARGEST_LINE", 10)
    file = write(tmp_path / "s.jsonl", {"sample": samples(filled)[0], "scores": {"a": 1}})

    with pytest.raises(ScoresUnreadable, match="the longest line is 10"):
        bring(filled, file)


def test_an_edited_sample_is_scored_as_it_stands(filled: Ledger, tmp_path: Path) -> None:
    """By id or by content, the current version is meant; the old content is no sample's any more."""
    sample = samples(filled)[0]
    filled.edit(sample, json.dumps(chat("q0", "better")).encode())
    bring(filled, write(tmp_path / "s.jsonl", {**chat("q0", "better"), "scores": {"a": 1}}))

    assert events(filled, "scored")[0]["version"] == filled.show(sample)["version"].removeprefix(PREFIX)
    with pytest.raises(ScoresUnreadable, match="no sample"):
        bring(filled, write(tmp_path / "s.jsonl", {**chat("q0", "a0"), "scores": {"a": 1}}))


def test_compressed_and_several_files(filled: Ledger, tmp_path: Path) -> None:
    """What ingest reads, this reads; the run names its sources."""
    one, two, *_ = samples(filled)
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps({"sample": one, "scores": {"a": 1}}).encode()))
    write(folder / "b.jsonl", {"sample": two, "scores": {"a": 2}})
    report = bring(filled, folder)

    assert (report["lines"], report["scored"]) == (2, 2)
    started = events(filled, "run_started")[-1]
    assert started["params"]["sources"] == ["a.jsonl", "b.jsonl"]


def test_batches_make_no_difference(filled: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits end by count or by the bytes of evidence; the events are the same."""
    monkeypatch.setattr("ledger.verbs.scoring.BATCH_BYTES", 1)
    lines = [{"sample": one, "scores": {"a": n}} for n, one in enumerate(samples(filled))]
    report = bring(filled, write(tmp_path / "s.jsonl", *lines))

    assert report["scored"] == 4
    assert len(events(filled, "run_finished")) == 3  # two ingests and this
    assert filled.verify()["ok"]


def test_an_empty_file_says_nothing(filled: Ledger, tmp_path: Path) -> None:
    """No lines, no events, no error."""
    count = filled.status()["events"]
    (tmp_path / "s.jsonl").write_bytes(b"\n")

    assert bring(filled, tmp_path / "s.jsonl")["samples"] == 0
    assert filled.status()["events"] == count


@given(st.lists(json_values() | st.dictionaries(st.sampled_from("ab"), st.floats(0, 5)), min_size=1, max_size=4))
def test_any_line_is_taken_or_refused_whole(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    """A file is recorded as a whole or not at all, whatever its lines say."""
    folder = tmp_path_factory.mktemp("any")
    with Ledger.init(folder / "l.db") as ledger:
        ledger.ingest(write(folder / "a.jsonl", chat("q", "a")), campaign="c")
        (sample,) = samples(ledger)
        before = ledger.status()
        lines = [{"sample": sample, "scores": value, "replicate": n} for n, value in enumerate(values)]
        try:
            report = bring(ledger, write(folder / "s.jsonl", *lines))
        except ScoresUnreadable:
            assert ledger.status() == before
            return

        assert report["samples"] == len(values) == report["scored"] + report["unscored"]
        assert ledger.verify()["ok"]
