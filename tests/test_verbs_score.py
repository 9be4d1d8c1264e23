"""Scoring: every sample has a score or a reason, nothing is said twice, a failing scorer leaves no trace."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import PREFIX, blake3_bytes, digest_of
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    CorruptLedger,
    DiskFull,
    GraphUnreadable,
    InputNotFound,
    InputUnreadable,
    NoSuchScorer,
    ScorerFailed,
)
from ledger.event import KINDS
from ledger.scorers import File, Item, Options, Score, Scorer, Unscored, measured
from ledger.verbs import score as verb
from ledger.verbs.run import Who
from ledger.verbs.score import ScorePlan, score_plan, scorers
from ledger.verbs.scoring import Range, ScoreReport, Spool
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.strategies import samples as any_samples

WHO = Who("tester")


class Marks(Scorer):
    """How many exclamation marks; an answer in capitals makes it stumble."""

    name = "marks"
    version = "1"
    dimensions = ("marks", "other")

    def __init__(self, options: Options) -> None:
        """Remember how often it was asked."""
        self.options_given = options
        self.prepared: list[bytes] = []
        self.asked = 0

    def prepare(self, items: Iterable[Item]) -> None:
        """Look at all items."""
        self.prepared = [item.id for item in items]

    def score(self, item: Item) -> Score | Unscored:
        """Count, or stumble."""
        self.asked += 1
        text = item.content.completion[-1]["content"]  # type: ignore[index]  # the tests' samples are chats
        if text.isupper():
            raise RuntimeError(text)
        if not text:
            return Unscored("empty")
        return measured({"marks": text.count("!")}, {"other": "not_asked"}, {"marks": "counted"})


def plan(scorer: Scorer | None = None, campaign: str | None = None, most: int = 100_000) -> ScorePlan:
    """Return a plan for a scorer that is no plug-in."""
    return ScorePlan(scorer or Marks({}), digest_of([]), campaign, most)


def score(
    ledger: Ledger, wanted: ScorePlan | None = None, progress: Callable[..., None] | None = None
) -> dict[str, Any]:
    """Score and return the report."""
    return verb.score(store_of(ledger), wanted or plan(), WHO, progress or (lambda *_: None)).as_json()


def events(ledger: Ledger, *kinds: str) -> list[dict[str, Any]]:
    """Return what the events of some kinds say, oldest first."""
    return [event["says"] for event in ledger.log(limit=10**6) if event["kind"] in kinds]


def fill(ledger: Ledger, tmp_path: Path, *answers: str, campaign: str = "c", **facts: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Ingest an answer each and return the ids of all samples."""
    rows = [chat(f"question {n}", answer, **facts) for n, answer in enumerate(answers)]
    ledger.ingest(write(tmp_path / f"{campaign}.jsonl", *rows), campaign=campaign)
    return samples(ledger)


def test_each_sample_gets_an_event(ledger: Ledger, tmp_path: Path) -> None:
    """The event names the version, the scorer and its rubric; numbers, reasons and notes stand in it."""
    ids = fill(ledger, tmp_path, "hi!", "")
    report = score(ledger)

    assert report == {
        "samples": 2,
        "scored": 1,
        "unscored": 1,
        "known": 0,
        "missing": 0,
        "erased": 0,
        "reasons": {"empty": 1, "not_asked": 1},
        "dimensions": {
            "marks": {"n": 1, "mean": "1.0000", "min": "1", "max": "1", "unscored": 1},
            "other": {"n": 0, "mean": None, "min": None, "max": None, "unscored": 2},
        },
    }
    common = {"after": None, "replicate": 0, "rubric": None, "scorer": "marks", "scorer_version": "1"}
    version = [ledger.show(one)["version"].removeprefix(PREFIX) for one in ids]
    assert events(ledger, "scored", "unscored") == [
        {
            **common,
            "dimensions": [["marks", "1"]],
            "evidence": None,
            "notes": [["marks", "counted"]],
            "sample": ids[0],
            "unscored": [["other", "not_asked"]],
            "version": version[0],
        },
        {**common, "reason": "empty", "sample": ids[1], "version": version[1]},
    ]


def test_the_run_says_what_was_done(ledger: Ledger, tmp_path: Path) -> None:
    """Scorer, version, rubric, campaign and the digest of the options stand in the run; its counts add up."""
    fill(ledger, tmp_path, "hi!")
    score(ledger, plan(campaign="c"))
    (started,) = [says for says in events(ledger, "run_started") if says["command"] == "score"]
    finished = events(ledger, "run_finished")[-1]

    assert started["params"] == {
        "campaign": "c",
        "options": PREFIX + digest_of([]).hex(),
        "rubric": None,
        "scorer": "marks",
        "version": "1",
    }
    assert finished["counts"] == {"samples": 1, "scored": 1, "unscored": 0, "known": 0, "missing": 0, "erased": 0}


def test_a_second_time_appends_nothing_and_tells_the_same(ledger: Ledger, tmp_path: Path) -> None:
    """Not even a run is recorded; the numbers cover what was known."""
    fill(ledger, tmp_path, "hi!", "", "ho", "HA")
    first, count = score(ledger, plan(most=10**6)), ledger.status()["events"]
    again = score(ledger, plan(most=10**6))

    assert ledger.status()["events"] == count
    assert again == {**first, "scored": 0, "unscored": 0, "known": 4}


def test_only_new_samples_are_new(ledger: Ledger, tmp_path: Path) -> None:
    """After more was ingested, what was scored is known and the rest is added."""
    fill(ledger, tmp_path, "hi!")
    score(ledger)
    fill(ledger, tmp_path, "ho!!", campaign="d")
    report = score(ledger)

    assert (report["known"], report["scored"]) == (1, 1)
    assert report["dimensions"]["marks"]["mean"] == "1.5000"


def test_a_campaign_is_compared_with_itself(ledger: Ledger, tmp_path: Path) -> None:
    """With a campaign, the scorer sees its samples and no others, once each."""
    fill(ledger, tmp_path, "hi!", campaign="a")
    ids = fill(ledger, tmp_path, "ho!", "he!", campaign="b")
    scorer = Marks({})
    report = score(ledger, plan(scorer, "b"))

    assert [one.hex() for one in scorer.prepared] == ids[1:]
    assert (report["samples"], scorer.asked) == (2, 2)


def test_an_edited_sample_is_scored_as_it_stands(ledger: Ledger, tmp_path: Path) -> None:
    """The current version is scored; the score of the old one stays, about the old one."""
    (sample,) = fill(ledger, tmp_path, "hi!")
    score(ledger)
    ledger.edit(sample, b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "!!!"}]}')
    report = score(ledger)

    said = events(ledger, "scored")
    assert [one["dimensions"] for one in said] == [[["marks", "1"]], [["marks", "3"]]]
    assert said[1]["version"] == ledger.show(sample)["version"].removeprefix(PREFIX) != said[0]["version"]
    assert report["scored"] == 1


class Nosy(Marks):
    """What it sees beside the content."""

    name = "nosy"

    def score(self, item: Item) -> Score | Unscored:
        """Keep the facts."""
        self.seen = (item.domain, dict(item.tags), item.fingerprint.hex())
        return Unscored("seen")


def test_a_scorer_sees_domain_tags_and_fingerprint(ledger: Ledger, tmp_path: Path) -> None:
    """As they stand now: a tag that a person set is among them."""
    (sample,) = fill(ledger, tmp_path, "hi!", domain="asm", tags={"a": "1"})
    ledger.tag([sample], "b", "2")
    scorer = Nosy({})
    score(ledger, plan(scorer))

    assert scorer.seen == ("asm", {"a": "1", "b": "2"}, ledger.show(sample)["fingerprint"].removeprefix(PREFIX))


def test_one_failure_is_that_samples(ledger: Ledger, tmp_path: Path) -> None:
    """A scorer that raises on one sample goes on with the next, even where one is a large share."""
    fill(ledger, tmp_path, "hi!", "HA", "ho!")
    report = score(ledger)

    assert (report["scored"], report["unscored"], report["reasons"]["error"]) == (2, 1, 1)
    assert [says["reason"] for says in events(ledger, "unscored")] == ["error"]
    assert "HA" not in str(events(ledger, "unscored"))


@pytest.mark.parametrize(
    ("answers", "most", "says"),
    [
        (
            ["HA", "HO", *["hi"] * 8],
            100_000,
            r"failed on 2 of 10 samples, which is more than 0.1: RuntimeError in test_verbs_score.py, line \d+\.$",
        ),
        (["HA", *["hi"] * 99], 0, "failed on 1 of 100 samples, which is more than 0"),
        (["HA", "HO"], 999_999, "failed on 2 of 2"),
    ],
)
def test_too_many_failures_record_nothing(
    ledger: Ledger, tmp_path: Path, answers: list[str], most: int, says: str
) -> None:
    """Over the share it stops, and the ledger is as it was."""
    fill(ledger, tmp_path, *answers)
    before = ledger.status()

    with pytest.raises(ScorerFailed, match=says) as caught:
        score(ledger, plan(most=most))

    assert ledger.status() == before
    assert "nothing was recorded" in caught.value.next_step


@pytest.mark.parametrize(("answers", "most"), [(["HA", *["hi"] * 9], 100_000), (["HA", "HO"], 10**6)])
def test_failures_within_the_share_are_recorded(ledger: Ledger, tmp_path: Path, answers: list[str], most: int) -> None:
    """Exactly the share is not over it."""
    fill(ledger, tmp_path, *answers)

    assert score(ledger, plan(most=most))["reasons"]["error"] >= 1


def test_it_stops_early(ledger: Ledger, tmp_path: Path) -> None:
    """Of many samples, a scorer that always fails is not asked about all."""
    fill(ledger, tmp_path, *["HA"] * 1_200)
    scorer = Marks({})

    with pytest.raises(ScorerFailed):
        score(ledger, plan(scorer))

    assert scorer.asked == 500


class Unready(Marks):
    """It fails before it begins."""

    def prepare(self, items: Iterable[Item]) -> None:
        """Fail after the first item."""
        next(iter(items))
        raise KeyError("nothing")


class Sloppy(Marks):
    """Its answers are not what an answer is."""

    def score(self, item: Item) -> Score | Unscored:
        """Return a sentence as a reason."""
        return Unscored(f"the sample says {item.content.completion}")


class NoDigest(Marks):
    """Its rubric is a text."""

    rubric = "be nice"  # type: ignore[assignment]  # what a careless scorer has


def test_a_scorer_that_fails_in_prepare(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing can be said of any sample."""
    fill(ledger, tmp_path, "hi", "ho")

    with pytest.raises(ScorerFailed, match=r"failed on 2 of 2 samples, .*: in prepare: KeyError"):
        score(ledger, plan(Unready({})))


class Quoting(Marks):
    """It fails by looking up what the sample says, with a word of the sample in the error."""

    def prepare(self, items: Iterable[Item]) -> None:
        """Look up the first."""
        json.loads(str(next(iter(items)).content.completion))


class Naming(Marks):
    """It says what it may not, with a word of the sample in it."""

    def score(self, item: Item) -> Score | Unscored:
        """Name a dimension after the sample."""
        return measured({str(item.content.completion): 1})


def test_no_fault_quotes_a_sample(ledger: Ledger, tmp_path: Path) -> None:
    """It names the kind of error and the line of the plug-in, also where a library raised it."""
    fill(ledger, tmp_path, "secret", "secret too")
    place = inspect.getsourcelines(Quoting.prepare)[1] + 2

    with pytest.raises(ScorerFailed, match=rf"in prepare: JSONDecodeError in test_verbs_score.py, line {place}\.$"):
        score(ledger, plan(Quoting({})))
    with pytest.raises(ScorerFailed, match="something that is not among its dimensions") as caught:
        score(ledger, plan(Naming({})))
    assert "secret" not in str(caught.value)


class Leaving(Marks):
    """It leaves the program."""

    def score(self, item: Item) -> Score | Unscored:  # noqa: ARG002 - the interface
        """Leave."""
        raise SystemExit("good bye")


def test_a_scorer_that_leaves_the_program_has_failed(ledger: Ledger, tmp_path: Path) -> None:
    """The command ends with an error of its own."""
    fill(ledger, tmp_path, "hi", "ho")

    with pytest.raises(ScorerFailed, match=r"SystemExit in test_verbs_score.py, line \d+\.$"):
        score(ledger, plan(Leaving({})))


class Chatty(Marks):
    """It prints what it does."""

    def prepare(self, items: Iterable[Item]) -> None:
        """Say so."""
        print("preparing", len(list(items)))  # noqa: T201 - what is tested

    def score(self, item: Item) -> Score | Unscored:
        """Say so."""
        print("scoring")  # noqa: T201 - what is tested
        return super().score(item)


def test_what_a_scorer_prints_is_no_part_of_the_answer(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes where messages go."""
    fill(ledger, tmp_path, "hi", "ho")
    score(ledger, plan(Chatty({})))

    assert capsys.readouterr() == ("", "preparing 2\nscoring\nscoring\n")


def test_an_answer_that_is_none_is_a_failure(ledger: Ledger, tmp_path: Path) -> None:
    """A sentence as a reason, which could hold the sample's text, never reaches an event."""
    fill(ledger, tmp_path, "secret")
    report = score(ledger, plan(Sloppy({})))

    assert report["reasons"] == {"error": 1}
    assert "secret" not in str(events(ledger, "unscored"))


def test_a_rubric_that_is_no_digest(ledger: Ledger, tmp_path: Path) -> None:
    """Events name a rubric by its digest."""
    fill(ledger, tmp_path, "hi")

    with pytest.raises(BadRequest, match="neither None nor 32 bytes"):
        score(ledger, plan(NoDigest({})))


def test_an_empty_ledger_has_nothing_to_score(ledger: Ledger) -> None:
    """No samples, no events, no error."""
    assert score(ledger)["samples"] == ledger.status()["events"] == 0


def test_progress_is_told_in_three_steps(ledger: Ledger, tmp_path: Path) -> None:
    """Preparing, scoring and recording each end at their whole."""
    fill(ledger, tmp_path, *(f"answer {n}" for n in range(600)))
    told: list[tuple[str, int, int]] = []
    score(ledger, progress=lambda *step: told.append(step))

    assert told == [
        ("preparing", 500, 600),
        ("preparing", 600, 600),
        ("scoring", 500, 600),
        ("scoring", 600, 600),
        ("recording", 600, 600),
    ]


def test_batches_make_no_difference(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded in many commits or in one, the events are the same."""
    monkeypatch.setattr("ledger.verbs.scoring.BATCH", 3)
    ids = fill(ledger, tmp_path, *(f"answer {'!' * n}" for n in range(8)))
    report = score(ledger)

    assert report["scored"] == 8
    assert [says["sample"] for says in events(ledger, "scored")] == ids
    assert len(events(ledger, "run_finished")) == 2  # of the ingest, and of all three commits together
    assert ledger.verify()["ok"]


def test_erased_bytes_are_left_out_and_counted(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read any more is neither scored nor compared with."""
    ids = fill(ledger, tmp_path, "hi!", "ho!")
    store = store_of(ledger)
    whole = store.bodies
    monkeypatch.setattr(store, "bodies", lambda blobs: {**whole(blobs), min(blobs): None})
    scorer = Marks({})
    report = score(ledger, plan(scorer))

    assert (report["samples"], report["scored"], report["erased"]) == (2, 1, 1)
    assert [one.hex() for one in scorer.prepared] == ids[1:]


def test_damaged_bytes_are_damage_not_a_failure(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are not those of their address stop the command, in either pass."""
    fill(ledger, tmp_path, "hi!")
    store = store_of(ledger)
    whole = store.bodies
    monkeypatch.setattr(store, "bodies", lambda blobs: dict.fromkeys(whole(blobs), b"{}"))

    with pytest.raises(CorruptLedger, match="not those of"):
        score(ledger)


def test_a_report_that_does_not_add_up_records_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The law of conservation is looked at before the last commit."""
    fill(ledger, tmp_path, "hi!")
    monkeypatch.setattr(ScoreReport, "parts", lambda _self: {"scored": 2})
    before = ledger.status()["events"]

    with pytest.raises(BrokenLaw):
        score(ledger)
    assert ledger.status()["events"] == before


@pytest.mark.parametrize("name", ["length", "pipeline", "rubric"])
def test_shipped_scorers_on_real_lines(toolset: Ledger, name: str) -> None:
    """Every sample of the real slices is scored, twice with one result, and the file verifies."""
    first = score(toolset, score_plan(name, {}, None))
    count = toolset.status()["events"]
    again = score(toolset, score_plan(name, {}, None))

    assert first["samples"] == first["scored"] + first["unscored"] == 120
    assert "error" not in first["reasons"]
    assert (again["known"], toolset.status()["events"]) == (120, count)
    assert again["dimensions"] == first["dimensions"]
    assert toolset.verify()["ok"]


@given(st.lists(any_samples(), min_size=1, max_size=4))
def test_any_sample_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    """Whatever can be ingested can be scored by what is shipped, and every part adds up."""
    folder = tmp_path_factory.mktemp("any")
    with Ledger.init(folder / "l.db") as ledger:
        ledger.ingest(write(folder / "a.jsonl", *rows), campaign="c")
        for name in ("length", "pipeline", "rubric"):
            report = score(ledger, score_plan(name, {}, None))
            parts = ("scored", "unscored", "known", "missing", "erased")

            assert report["samples"] == sum(report[part] for part in parts)
            assert "error" not in report["reasons"]


def test_plans_read_the_files_that_options_name(tmp_path: Path) -> None:
    """The path stands nowhere; the digest of the options is that of the file's bytes."""
    file = tmp_path / "kg.json"
    file.write_text('{"nodes": ["A"]}', encoding="utf-8")
    by_path = score_plan("pipeline", {"graph": str(file)}, None)
    by_bytes = score_plan("pipeline", {"graph": File("other", file.read_bytes())}, None)

    assert by_path.options == by_bytes.options == digest_of([["graph", PREFIX + blake3_bytes(file.read_bytes()).hex()]])
    assert by_path.options != score_plan("pipeline", {}, None).options


@pytest.mark.parametrize(
    ("name", "options", "campaign", "share", "error", "says"),
    [
        ("nonesuch", {}, None, "0.1", NoSuchScorer, "no scorer 'nonesuch'"),
        ("", {}, None, "0.1", BadRequest, "must not be empty"),
        ("length", {"x": "1"}, None, "0.1", BadRequest, "takes no option 'x'"),
        ("pipeline", {"graph": "nowhere.json"}, None, "0.1", InputNotFound, "nowhere.json"),
        ("pipeline", {"graph": "."}, None, "0.1", InputUnreadable, "directory"),
        ("pipeline", {"graph": "/dev/zero"}, None, "0.1", InputUnreadable, "it has over 67,108,864 bytes"),
        ("pipeline", {"graph": File("kg", b"x")}, None, "0.1", GraphUnreadable, "kg is not"),
        ("length", {}, None, "many", BadRequest, "share of failures"),
        ("length", {}, None, "1.5", BadRequest, "from 0 to 1, not 1.5"),
        ("length", {}, None, "-0.1", BadRequest, "from 0 to 1"),
        ("length", {}, None, "nan", BadRequest, "not a number"),
        ("length", {}, "", "0.1", BadRequest, "campaign"),
    ],
)
def test_requests_that_cannot_be_met(
    name: str, options: dict[str, Any], campaign: str | None, share: str, error: type[Exception], says: str
) -> None:
    """A request that is broken is told so before anything is read."""
    with pytest.raises(error, match=says):
        score_plan(name, options, campaign, share)


def test_a_campaign_that_is_not_there(ledger: Ledger, tmp_path: Path) -> None:
    """The error names those that are."""
    fill(ledger, tmp_path, "hi")

    with pytest.raises(BadRequest, match="there are c"):
        score(ledger, plan(campaign="d"))


def test_the_list_of_scorers_is_plain_values() -> None:
    """Everything that a face shows of a scorer."""
    listed = {one["name"]: one for one in scorers()}

    assert list(listed["pipeline"]) == [
        "name",
        "version",
        "purpose",
        "dimensions",
        "options",
        "files",
        "origin",
        "fault",
    ]
    assert listed["pipeline"]["files"] == ["graph"]


def test_ranges_are_exact() -> None:
    """The mean is taken of whole millionths and rounded once, half to even."""
    made = Range()
    for value in (1_000_000, 1_000_100, -2_000_000):
        made.add(value)

    assert made.as_json() == {"n": 3, "mean": "0.0000", "min": "-2", "max": "1.0001", "unscored": 0}
    assert Range(2, 2_000_100).as_json()["mean"] == "1.0000"
    assert Range(2, 2_000_300).as_json()["mean"] == "1.0002"


def test_a_spool_keeps_order_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what fits into memory it is a file that has no name."""
    monkeypatch.setattr("ledger.verbs.scoring._IN_MEMORY", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    values = [[n, "x" * n, {"ä": None}] for n in range(50)]
    with Spool() as spool:
        for value in values:
            spool.put(value)

        assert list(spool) == list(spool) == values
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_spool_without_room_says_so() -> None:
    """What the system says about a full disk is told in plain words."""
    with Path("/dev/full").open("wb+", buffering=0) as full:
        spool = Spool()
        spool._file.close()  # noqa: SLF001 - the file is exchanged for one that is always full
        spool._file = full  # type: ignore[assignment]  # noqa: SLF001 - likewise

        with pytest.raises(DiskFull, match="No space left"):
            spool.put(1)


def test_what_is_scored_is_an_event_of_the_documented_kind(ledger: Ledger, tmp_path: Path) -> None:
    """Notes and evidence are no part of what makes the event; numbers and reasons are."""
    fill(ledger, tmp_path, "hi!")
    score(ledger)

    said = events(ledger, "scored")[0]
    assert set(said) == set(KINDS["scored"].fields)
    assert {"notes", "evidence"}.isdisjoint(KINDS["scored"].identity)


@pytest.fixture
def crowded(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with samples in two campaigns."""
    fill(ledger, tmp_path, "a!", "b!!", campaign="a")
    fill(ledger, tmp_path, "c!!!", campaign="b")
    return ledger


def test_interrupted_and_run_again(crowded: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between two commits, the same command adds what is missing and doubles nothing."""
    monkeypatch.setattr("ledger.verbs.scoring.BATCH", 1)

    def stop(what: str, done: int, _total: int) -> None:
        if (what, done) == ("recording", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(crowded, progress=stop)
    assert len(events(crowded, "scored")) == 2
    report = score(crowded)

    assert (report["known"], report["scored"]) == (2, 1)
    assert report["dimensions"]["marks"]["mean"] == "2.0000"
    assert crowded.verify()["ok"]
