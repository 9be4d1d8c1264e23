"""Decisions that came with the lines: recorded once for each sample, beside it, on the authority of their file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.readers.lines import find_inputs
from ledger.verbs import ingest
from ledger.verbs.run import Who
from tests.logs import store_of
from tests.small import by_policy, chat, samples, write


def quiet(_name: str, _bytes: int, _report: ingest.IngestReport) -> None:
    """Hear of progress and say nothing."""


def take(
    ledger: Ledger,
    path: Path,
    *,
    decisions: bool = True,
    places: str | None = None,
    progress: ingest.Progress = quiet,
) -> ingest.IngestReport:
    """Ingest a file into the campaign `old`, with the decisions that it tells."""
    plan = ingest.ingest_plan("old", {}, places, None, decisions=decisions)
    return ingest.ingest(store_of(ledger), find_inputs([str(path)]), plan, Who("tester"), progress)


def told(report: ingest.IngestReport) -> tuple[int, int, int, int]:
    """Return samples and what became of their decisions."""
    assert report.new + report.known == report.decisions + report.decisions_known + report.undecided
    return report.new, report.decisions, report.decisions_known, report.undecided


def row(number: int, reason: str | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return one line of a pipeline's rejected.jsonl."""
    return {
        "instruction": f"write routine {number}",
        "input": "",
        "output": f"LDA #{number}",
        "domain": "asm",
        "source": "vanilla",
        "rejection_reason": reason,
        **more,
    }


ROWS = [
    row(1, "low_diversity", quality_score=0.31, rejection_details={"threshold": 0.4, "components": {"diversity": 0.1}}),
    row(2, "duplicate", quality_score=0.8, rejection_details={"similarity": 0.93, "matched_id": "x"}),
    row(3, "validation_failed", quality_score=None, rejection_details={"valid": False, "errors": ["brackets"]}),
    row(4, "The answer says: " + "LDA #4 " * 30, quality_score=0.2),
    row(5, None, quality_score=0.9),
]


@pytest.fixture
def rejected(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger that took rejected.jsonl with its decisions."""
    take(ledger, write(tmp_path / "rejected.jsonl", *ROWS))
    return ledger


def test_a_rejected_file_becomes_rejected_samples(ledger: Ledger, tmp_path: Path) -> None:
    """Every line is a sample; each reason is the rule of a rejection; a line without one is pending, and counted."""
    report = take(ledger, write(tmp_path / "rejected.jsonl", *ROWS))
    assert told(report) == (5, 4, 0, 1)
    status = ledger.status()
    assert status["by_status"]["rejected"] == 4
    assert status["by_status"]["pending"] == 1
    assert [ledger.why(one)["reason"] for one in samples(ledger)] == [
        "low_diversity", "duplicate", "validation_failed", "other", None,
    ]  # fmt: skip
    assert ledger.verify()["ok"]


def test_a_recorded_decision_says_whence_and_how_much(rejected: Ledger) -> None:
    """It is about the bytes of the line, on the authority `import`, under no policy, with the file's numbers."""
    one = samples(rejected)[0]
    decision = rejected.why(one)["decisions"][0]
    assert (decision["outcome"], decision["authority"], decision["policy"]) == ("rejected", "import", None)
    assert (decision["reason"], decision["actor"]) == ("", "tester")
    assert decision["details"] == {
        "compared": [], "components": [["diversity", "0.1"]], "failed": [], "margin": "-0.09", "observed": "0.31",
        "rank": None, "threshold": "0.4", "twin": None, "unknown": [],
    }  # fmt: skip
    assert rejected.show(one)["origin"]["source"] == "rejected.jsonl"
    params = rejected.log(limit=100)[0]["says"]["params"]
    assert params["sources"] == ["rejected.jsonl"]
    assert params["map"]["decisions"]["reason"] == ["rejection_reason"]


def test_no_text_of_a_sample_is_in_an_event(rejected: Ledger) -> None:
    """A reason that quotes the sample is recorded as `other`; the bytes of the line keep what it said."""
    assert "LDA" not in json.dumps([event["says"] for event in rejected.log(limit=100)])
    assert "The answer says" in rejected.show(samples(rejected)[3])["raw"]


def test_again_appends_nothing(rejected: Ledger, tmp_path: Path) -> None:
    """The same file, with decisions or without, adds no event, whatever was decided or withdrawn since."""
    one, two, *_ = samples(rejected)
    rejected.accept([one])
    rejected.withdraw([rejected.log(two)[-1]["event"]])
    events = rejected.status()["events"]
    assert told(take(rejected, tmp_path / "rejected.jsonl")) == (0, 0, 4, 1)
    take(rejected, tmp_path / "rejected.jsonl", decisions=False)
    assert rejected.status()["events"] == events
    assert (rejected.show(one)["status"], rejected.show(two)["status"]) == ("accepted", "pending")


def test_decisions_of_samples_that_are_known(ledger: Ledger, tmp_path: Path) -> None:
    """A file ingested without its decisions gives them the second time, to the samples that are there."""
    file = write(tmp_path / "rejected.jsonl", *ROWS)
    plain = take(ledger, file, decisions=False)
    assert (plain.new, plain.decisions, plain.undecided) == (5, 0, 0)
    assert ledger.status()["by_status"]["rejected"] == 0
    assert told(take(ledger, file)) == (0, 4, 0, 1)
    assert ledger.status()["by_status"]["rejected"] == 4
    assert told(take(ledger, file)) == (0, 0, 4, 1)
    assert ledger.verify()["ok"]


def test_people_and_policies_outrank_a_file(ledger: Ledger, tmp_path: Path) -> None:
    """What a person or a policy decided before stays in force; withdrawn, the file's decision applies."""
    file = write(tmp_path / "rejected.jsonl", *ROWS[:2])
    take(ledger, file, decisions=False)
    one, two = samples(ledger)
    made = ledger.accept([one])["events"]
    by_policy(ledger, two, "accepted", rule="default")
    assert take(ledger, file).decisions == 2
    assert [ledger.show(each)["status"] for each in (one, two)] == ["accepted", "accepted"]
    ledger.withdraw([f"@{made[0]}"])
    assert ledger.why(one)["reason"] == "low_diversity"


def test_a_decision_is_about_the_line_not_about_an_edit(ledger: Ledger, tmp_path: Path) -> None:
    """Where the sample was edited before, what the file says of its line changes nothing."""
    file = write(tmp_path / "rejected.jsonl", ROWS[0])
    take(ledger, file, decisions=False)
    ledger.edit(samples(ledger)[0], b'{"prompt": "better", "completion": "text"}')
    assert take(ledger, file).decisions == 1
    assert ledger.show(samples(ledger)[0])["status"] == "pending"
    ledger.withdraw([ledger.log(samples(ledger)[0])[1]["event"]])
    assert ledger.show(samples(ledger)[0])["status"] == "rejected"


def test_stopped_in_the_middle_and_run_again(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample and its decision are one commit, so a killed run leaves no sample that the next takes for undecided."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 2)
    file = write(tmp_path / "rejected.jsonl", *ROWS)

    def stop(_name: str, _bytes: int, report: ingest.IngestReport) -> None:
        if report.lines == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(ledger, file, progress=stop)
    assert ledger.status()["by_status"]["rejected"] == 4
    assert told(take(ledger, file)) == (1, 0, 4, 1)
    assert (ledger.status()["samples"], ledger.status()["by_status"]["rejected"]) == (5, 4)
    assert ledger.verify()["ok"]


def test_accepted_and_rejected_in_one_file(ledger: Ledger, tmp_path: Path) -> None:
    """A column `decision` and a map give both outcomes."""
    lines = [chat("q1", "a", verdict="accepted", q=0.9), chat("q2", "a", verdict="rejected", q=0.1), chat("q3", "a")]
    report = take(ledger, write(tmp_path / "all.jsonl", *lines), places="decision=verdict,score=q")
    assert told(report) == (3, 2, 0, 1)
    status = ledger.status()["by_status"]
    assert (status["accepted"], status["rejected"], status["pending"]) == (1, 1, 1)


def test_one_line_twice_in_a_file_is_two_decisions(ledger: Ledger, tmp_path: Path) -> None:
    """Each occurrence is a sample with a decision of its own."""
    assert told(take(ledger, write(tmp_path / "rejected.jsonl", ROWS[0], ROWS[0]))) == (2, 2, 0, 0)


def test_a_line_from_quarantine_brings_its_decision(ledger: Ledger, tmp_path: Path) -> None:
    """A line that could not be read when it came is rejected like the others once it can be."""
    line = {**chat("q", "a", rejection_reason="low_quality"), "label": "maybe"}
    file = write(tmp_path / "rejected.jsonl", line)
    assert take(ledger, file).quarantined == 1
    assert ledger.retry_quarantine(campaign="old", places="label=-")["new"] == 1
    assert ledger.why(samples(ledger)[0])["reason"] == "low_quality"
    assert told(take(ledger, file)) == (0, 0, 0, 1)  # read as before it is no sample, so it tells nothing
    assert told(take(ledger, file, places="label=-")) == (0, 0, 1, 0)


def test_twins_of_what_was_rejected_are_counted(rejected: Ledger, tmp_path: Path) -> None:
    """A new sample that teaches what was rejected under another source is counted, unless its own line rejects it."""
    again = [row(1, None, quality_score=0.5), row(1, None), row(5, None), row(9, None)]
    assert take(rejected, write(tmp_path / "again.jsonl", *again), decisions=False).twins_rejected == 2
    assert take(rejected, tmp_path / "again.jsonl", decisions=False).twins_rejected == 0
    assert take(rejected, write(tmp_path / "third.jsonl", *ROWS)).twins_rejected == 0


@pytest.mark.parametrize("lines", [1, 3, 100])
def test_twins_do_not_depend_on_the_cut_into_batches(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """Only what was rejected when the command began counts, wherever its batches end."""
    monkeypatch.setattr(ingest, "BATCH_LINES", lines)
    body = [ROWS[0], row(1, None), row(1, None, quality_score=1), *ROWS]
    report = take(ledger, write(tmp_path / "mixed.jsonl", *body))
    assert (report.twins_rejected, report.decisions, report.undecided) == (0, 5, 3)


@given(
    reasons=st.lists(st.sampled_from([None, "low_quality", "a\nb", "twice"]), max_size=10),
    batch=st.integers(1, 4),
    first_without=st.booleans(),
)
def test_samples_are_conserved(
    tmp_path_factory: pytest.TempPathFactory, reasons: list[str | None], batch: int, *, first_without: bool
) -> None:
    """Samples = decisions + known ones + undecided, for any mixture in any cut, however often and in which order."""
    folder = tmp_path_factory.mktemp("lines")
    file = write(folder / "a.jsonl", *(row(0 if r == "twice" else n + 1, r) for n, r in enumerate(reasons)))
    before, ingest.BATCH_LINES = ingest.BATCH_LINES, batch
    try:
        with Ledger.init(folder / "a.db") as ledger:
            if first_without:
                take(ledger, file, decisions=False)
            first, again = told(take(ledger, file)), told(take(ledger, file))
            rejections = ledger.status()["by_status"]["rejected"]
    finally:
        ingest.BATCH_LINES = before
    known = 0 if first_without else len(reasons)
    decided = len(reasons) - reasons.count(None)
    assert first == (known, decided, 0, reasons.count(None))
    assert again == (0, 0, decided, reasons.count(None))
    assert rejections == decided


def test_decisions_of_erased_lines_are_not_taken(ledger: Ledger, tmp_path: Path) -> None:
    """What a line tells may quote its text, so of one that was erased nothing enters the log."""
    word = "sk-OF-THE-TEXT-1"
    path = write(tmp_path / "rejected.jsonl", row(1, f"leaks_{word}", quality_score=0.3), row(2, "low_diversity"))
    take(ledger, path, decisions=False)
    ledger.erase([samples(ledger)[0]], reason="asked for", authority="ticket 1", yes=True)
    assert told(take(ledger, path)) == (0, 1, 0, 1)
    assert told(take(ledger, path)) == (0, 0, 1, 1)
    assert word.encode() not in ledger.path.read_bytes()
    assert ledger.verify()["ok"]
