"""Batches as files: what stands in them, that no work is written over, and that the same again is nothing new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, encode, show
from ledger.errors import AmbiguousId, BadRequest, NoSuchCheckout, NotWritable
from ledger.readers import content_bytes
from tests.logs import store_of
from tests.revising import RECIPE, answered, given, lines
from tests.small import names, write


def kinds(ledger: Ledger) -> list[str]:
    """Return the kinds of all events."""
    return [event["kind"] for event in ledger.log(limit=10_000)]


def test_each_line_names_its_sample_version_and_batch(ledger: Ledger, data: Path, tmp_path: Path) -> None:
    """Beside them stand the training fields, byte for byte as they came, and nothing else of the line."""
    ledger.ingest(data / "poor.jsonl", campaign="toolset")
    told = ledger.checkout(tmp_path / "out", campaign="toolset", size=25)
    assert names(tmp_path / "out") == ["batch_001.jsonl", "batch_002.jsonl", "batch_003.jsonl", "checkout.json"]
    assert [batch["samples"] for batch in told["batches"]] == [25, 25, 10]
    came = (data / "poor.jsonl").read_bytes().splitlines()
    raw = [line for batch in told["batches"] for line in (tmp_path / "out" / batch["file"]).read_bytes().splitlines()]
    for line, before in zip(raw, came, strict=True):
        row = json.loads(line)
        shown = ledger.show(row["sample"])
        assert list(row) == ["sample", "version", "batch", "conversations"]
        assert shown["version"] == row["version"] == show(blake3_bytes(before))
        assert line.endswith(content_bytes(before, "messages@1")[1:])


def test_a_batch_is_the_digest_of_a_set(ledger: Ledger, tmp_path: Path) -> None:
    """Its list is stored: samples and versions in the order of their ids; the event names it, and no text."""
    ids = given(ledger, tmp_path, 3)
    told = ledger.checkout(tmp_path / "out", campaign="one")
    wanted = encode(sorted([one, ledger.show(one)["version"][3:]] for one in ids))
    (batch,) = told["batches"]
    assert batch["batch"] == show(blake3_bytes(wanted))
    (event,) = (event for event in ledger.log(limit=100) if event["kind"] == "checked_out")
    assert event["says"]["blob"] == batch["batch"][3:]
    assert {key: event["says"][key] for key in ("count", "file", "size")} == {
        "count": 3,
        "file": "batch_001.jsonl",
        "size": (tmp_path / "out" / "batch_001.jsonl").stat().st_size,
    }
    assert json.loads((tmp_path / "out" / "checkout.json").read_text("utf-8"))["job"] == told["job"]


def test_the_same_again_is_the_same_job(ledger: Ledger, tmp_path: Path) -> None:
    """Into the same folder or another one: no event, and files of the same bytes."""
    given(ledger, tmp_path, 3)
    first = ledger.checkout(tmp_path / "out", campaign="one", size=2)
    end = store_of(ledger).head()
    for folder in ("out", "other"):
        again = ledger.checkout(tmp_path / folder, where="label == false", size=2)
        assert {**again, "folder": first["folder"], "recorded": 2} == first
        assert again["recorded"] == 0
    assert store_of(ledger).head() == end
    assert (tmp_path / "out" / "batch_002.jsonl").read_bytes() == (tmp_path / "other" / "batch_002.jsonl").read_bytes()


def test_work_is_never_written_over(ledger: Ledger, tmp_path: Path) -> None:
    """A file that somebody worked on stays as it is, and nothing is recorded; so with another job's folder."""
    given(ledger, tmp_path, 3)
    ledger.checkout(tmp_path / "out", campaign="one")
    (tmp_path / "out" / "batch_001.jsonl").write_text("my work\n")
    before = kinds(ledger)
    with pytest.raises(NotWritable, match="says something else"):
        ledger.checkout(tmp_path / "out", campaign="one")
    assert (tmp_path / "out" / "batch_001.jsonl").read_text() == "my work\n"
    (tmp_path / "out" / "batch_001.jsonl").unlink()
    with pytest.raises(NotWritable, match="another checkout"):
        ledger.checkout(tmp_path / "out", campaign="one", size=1)
    assert names(tmp_path / "out") == ["checkout.json"]
    (tmp_path / "out" / "checkout.json").write_text("[]")
    with pytest.raises(NotWritable, match="another checkout"):
        ledger.checkout(tmp_path / "out", campaign="one")
    assert kinds(ledger) == before
    with pytest.raises(NotWritable):
        ledger.checkout(tmp_path / "no" / "such", campaign="one")


def test_erased_samples_are_not_given_out(ledger: Ledger, tmp_path: Path) -> None:
    """Their bytes are gone; where nothing else is chosen, there is nothing to give."""
    ids = given(ledger, tmp_path, 3)
    ledger.erase(ids[:1], reason="asked for", authority="ann", yes=True)
    told = ledger.checkout(tmp_path / "out", campaign="one")
    assert (told["samples"], len(lines(tmp_path / "out" / "batch_001.jsonl"))) == (2, 2)
    ledger.erase(ids[1:], reason="asked for", authority="ann", yes=True)
    with pytest.raises(BadRequest, match="nothing to check out"):
        ledger.checkout(tmp_path / "other", campaign="one")


def test_a_version_is_given_out(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit the batch is another one: what is given out are versions."""
    ids = given(ledger, tmp_path, 2)
    first = ledger.checkout(tmp_path / "a", campaign="one")
    ledger.edit(ids[0], json.dumps({"prompt": "p", "completion": "c"}).encode())
    second = ledger.checkout(tmp_path / "b", campaign="one")
    assert first["job"] != second["job"]
    assert lines(tmp_path / "b" / "batch_001.jsonl")[0]["prompt"] == "p"


def test_the_list_says_what_came_back(ledger: Ledger, tmp_path: Path) -> None:
    """Jobs, their batches, and of how many samples there is a child since; as of an earlier moment, too."""
    given(ledger, tmp_path, 4)
    assert ledger.checkouts()["jobs"] == []
    told = ledger.checkout(tmp_path / "out", campaign="one", size=2)
    at = ledger.status()["head"]["position"]
    back = write(tmp_path / "back.jsonl", *answered(lines(tmp_path / "out" / "batch_001.jsonl"), [0, 1]))
    ledger.revise(back, recipe=RECIPE)
    (job,) = ledger.checkouts()["jobs"]
    assert (job["job"], job["samples"], job["returned"]) == (told["job"], 4, 2)
    assert [(batch["file"], batch["samples"], batch["returned"]) for batch in job["batches"]] == [
        ("batch_001.jsonl", 2, 2),
        ("batch_002.jsonl", 2, 0),
    ]
    assert [job["returned"] for job in ledger.checkouts(as_of=at)["jobs"]] == [0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Nothing says which"),
        ({"where": "label == 'x'", "campaign": "\0"}, "campaign"),
        ({"campaign": "nowhere"}, "no campaign"),
        ({"campaign": "one", "size": 0}, "size of a batch"),
        ({"campaign": "one", "where": "label == true"}, "nothing to check out"),
    ],
)
def test_what_cannot_be_asked(ledger: Ledger, tmp_path: Path, asked: dict[str, object], said: str) -> None:
    """A request that chooses nothing, or in no way that is understood, changes nothing."""
    given(ledger, tmp_path, 2)
    before = kinds(ledger)
    with pytest.raises(BadRequest, match=said):
        ledger.checkout(tmp_path / "out", **asked)  # type: ignore[arg-type]  # drawn from a table
    assert kinds(ledger) == before


def test_a_job_is_named_by_the_beginning_of_its_digest(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six characters will do; what names none, or several, is refused."""
    given(ledger, tmp_path, 2)
    job = ledger.checkout(tmp_path / "out", campaign="one")["job"]
    for name in (job, job[3:], job[3:9], f" {job[:9].upper().replace('B3', 'b3')} "):
        assert ledger.revise(tmp_path / "out" / "batch_001.jsonl", checkout=name, dry_run=True)["unchanged"] == 2
    for name in (job[3:8], "000000", "not one", ""):
        with pytest.raises(NoSuchCheckout):
            ledger.revise(tmp_path / "out" / "batch_001.jsonl", checkout=name)
    monkeypatch.setattr("ledger.views.checkouts.jobs_between", lambda *_: [b"a" * 32, b"b" * 32])
    with pytest.raises(AmbiguousId):
        ledger.revise(tmp_path / "out" / "batch_001.jsonl", checkout=job)
