"""Ingest: every line is new, known or in quarantine, whatever is read, however often and in whatever pieces."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, BrokenLaw, InputUnreadable, SourceClash
from ledger.readers import LARGEST_LINE
from ledger.verbs import ingest
from ledger.verbs.take import Taking
from tests.small import chat, pairs, read, samples, text_of, write

BAD = {
    b"\xff\xfe{}x": "invalid_utf8",
    b"{}": "unknown_shape",
    b"[]": "not_an_object",
    b'{"messages": []}': "no_messages",
    b'{"messages": [{"role": "king", "content": "x"}]}': "bad_role",
    b'{"messages": [{"role": "user", "content": 1}]}': "bad_message",
    b'{"prompt": "x", "completion": []}': "bad_sides",
    b'{"prompt": "x", "completion": "y", "label": 7}': "bad_label",
    b'{"prompt": "x", "completion": "y", "n": NaN}': "not_a_number",
    b'{"prompt": "x", "prompt": "y", "completion": "z"}': "duplicate_key",
    b'{"prompt": "\\ud800", "completion": "y"}': "lone_surrogate",
    b'{"prompt": "x", "completion": "y", "deep": ' + b"[" * 200 + b"]" * 200 + b"}": "too_deep",
    b'{"prompt": "x\x00y", "completion": "y"}': "invalid_json",
    b'{"prompt": "x", "completion": "y", "n": 1e400}': "not_a_number",
}


def test_every_line_has_one_fate(ledger: Ledger, tmp_path: Path) -> None:
    """Lines that are no samples are counted by reason, blank lines are no lines, and the sum is right."""
    good = text_of(pairs(3)).encode()
    (tmp_path / "a.jsonl").write_bytes(good + b"\n  \n" + b"\n".join(BAD))
    report = ledger.ingest([tmp_path / "a.jsonl"], campaign="a")
    assert report["lines"] == report["new"] + report["known"] + report["quarantined"] == 6 + len(BAD)
    assert report["reasons"] == dict(sorted(Counter(BAD.values()).items()))
    assert {"lines", "new", "known", "quarantined", "reasons", "files", "seconds"} <= set(report)
    assert ledger.verify()["ok"]


def test_a_line_that_is_too_long_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    """A line beyond the limit goes to quarantine whole; the lines around it become samples."""
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(text_of([chat("q", "a")]).encode())
        file.write(b'{"prompt": "x", "completion": "' + b"y" * LARGEST_LINE + b'"}\n')
        file.write(text_of([chat("q2", "a")]).encode())
    report = ledger.ingest([tmp_path / "a.jsonl"], campaign="a")
    assert (report["new"], report["reasons"]) == (2, {"too_long": 1})
    assert ledger.quarantine()[0]["bytes"] > LARGEST_LINE


def test_again_appends_nothing(toolset: Ledger, data: Path) -> None:
    """The same files, under any progress and in any order of arguments, add nothing: not even a run."""
    before = toolset.status()
    report = toolset.ingest([data / "enhanced.jsonl", data / "poor.jsonl"], campaign="toolset")
    assert (report["lines"], report["new"], report["known"]) == (120, 0, 120)
    assert toolset.status() == before


def test_an_amended_file_adds_its_new_lines(ledger: Ledger, tmp_path: Path) -> None:
    """Lines put in front or behind do not make old lines new; a line repeated once more is one sample more."""
    one, two, three = (chat(f"q{n}", "a") for n in range(3))
    ledger.ingest(write(tmp_path / "a.jsonl", one, two), campaign="a")
    first = samples(ledger)
    report = ledger.ingest(write(tmp_path / "a.jsonl", three, two, one, one), campaign="a")
    assert (report["known"], report["new"]) == (2, 2)
    assert samples(ledger)[:2] == first


def test_identity_is_campaign_source_bytes_and_count(ledger: Ledger, tmp_path: Path) -> None:
    """The same line under another campaign or source is another sample with the same fingerprint."""
    file = write(tmp_path / "a.jsonl", chat("q", "a"))
    for campaign, source in (("a", None), ("b", None), ("a", "other.jsonl")):
        assert ledger.ingest(file, campaign=campaign, source=source)["new"] == 1
    assert len(set(samples(ledger))) == 3
    status = ledger.status()
    assert (status["samples"], status["blobs"], status["fingerprints"]) == (3, 1, 1)


@pytest.mark.parametrize("lines", [1, 3, 100])
def test_each_occurrence_of_a_line_is_a_sample(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """A line that stands three times is three samples of one blob, in one batch or in several, and read again none."""
    monkeypatch.setattr(ingest, "BATCH_LINES", lines)
    one, other = chat("q", "a"), chat("q", "b")
    file = write(tmp_path / "a.jsonl", one, one, other, one)
    assert ledger.ingest(file, campaign="c")["new"] == 4
    assert sorted(event["says"]["nth"] for event in ledger.log() if event["kind"] == "ingested") == [0, 0, 1, 2]
    assert (ledger.status()["samples"], ledger.status()["blobs"]) == (4, 2)
    assert ledger.ingest(file, campaign="c")["known"] == 4


@pytest.mark.parametrize("lines", [1, 2, 7])
def test_the_cut_into_batches_does_not_show(
    ledger: Ledger, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """One line a transaction or all in one: the same samples, counts and views; line ends and gzip neither."""
    monkeypatch.setattr(ingest, "BATCH_LINES", lines)
    body = b"".join((data / name).read_bytes() for name in ("poor.jsonl", "scored.jsonl"))
    with gzip.open(tmp_path / "a.jsonl", "wb") as file:
        file.write(b"\xef\xbb\xbf" + body.replace(b"\n", b"\r\n"))
    report = ledger.ingest(tmp_path / "a.jsonl", campaign="a")
    monkeypatch.undo()
    with Ledger.init(tmp_path / "whole.db") as whole:
        (tmp_path / "a.jsonl").write_bytes(body)
        told = whole.ingest(tmp_path / "a.jsonl", campaign="a")
        assert {**told, "seconds": 0} == {**report, "seconds": 0}
        assert samples(whole) == samples(ledger)
        for key in ("by_status", "by_label", "fingerprints", "quarantined", "blobs", "events"):
            assert whole.status()[key] == ledger.status()[key]
    assert ledger.verify()["ok"]


def test_a_batch_ends_at_its_bytes_too(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few long lines fill a batch as many short ones do."""
    monkeypatch.setattr(ingest, "BATCH_BYTES", 1_000)
    heard: list[tuple[str, int]] = []
    file = write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a" * 600) for n in range(6)))
    ledger.ingest(file, campaign="a", progress=lambda name, offset, _report: heard.append((name, offset)))
    assert len(heard) == 3
    assert heard[-1] == ("a.jsonl", file.stat().st_size - 1)


def test_stopped_in_the_middle_and_run_again(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed before an interruption is kept; the same command takes the rest, nothing twice."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 2)
    file = write(tmp_path / "a.jsonl", *pairs(5))

    def stop(_name: str, _offset: int, report: ingest.IngestReport) -> None:
        if report.lines == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.ingest(file, campaign="a", progress=stop)
    assert ledger.status()["samples"] == 4
    report = ledger.ingest(file, campaign="a")
    assert (report["known"], report["new"]) == (4, 6)
    assert len(set(samples(ledger))) == 10
    assert ledger.verify()["ok"]


def test_an_input_that_fails_half_way_keeps_what_came_before(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated gzip file is named; whole batches before the fault are kept and known the next time."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 100)
    whole = gzip.compress(text_of([chat(f"{n} {n * 7919 % 1009}", "a") for n in range(3000)]).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputUnreadable, match=r"a\.jsonl\.gz"):
        ledger.ingest(tmp_path / "a.jsonl.gz", campaign="a")
    kept = ledger.status()["samples"]
    assert 0 < kept < 3000
    (tmp_path / "a.jsonl.gz").write_bytes(whole)
    report = ledger.ingest(tmp_path / "a.jsonl.gz", campaign="a")
    assert (report["known"], report["new"]) == (kept, 3000 - kept)


def test_a_line_that_is_a_sample_already_is_known_even_if_misread(ledger: Ledger, tmp_path: Path) -> None:
    """A line ingested before is not put into quarantine by a later command that forces the wrong format."""
    file = write(tmp_path / "a.jsonl", *pairs(2))
    ledger.ingest(file, campaign="a")
    before = ledger.status()
    report = ledger.ingest(file, campaign="a", form="instruction")
    assert (report["known"], report["quarantined"]) == (4, 0)
    assert ledger.status() == before


def test_a_line_without_a_fate_stops_the_command(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is counted and neither new, nor known, nor in quarantine breaks a law: nothing is appended."""

    class Forgetful(Taking):
        def take(self, transaction: Any, batch: Any) -> None:  # noqa: ANN401 - passed on
            super().take(transaction, batch)
            self.report.new -= 1

    monkeypatch.setattr(ingest, "Taking", Forgetful)
    before = ledger.status()
    with pytest.raises(BrokenLaw):
        ledger.ingest(write(tmp_path / "in.jsonl", *pairs(2)), campaign="c")
    assert ledger.status() == before


def test_a_format_can_be_forced(ledger: Ledger, tmp_path: Path) -> None:
    """A line that fits two shapes is read by the forced one."""
    row = {**chat("q", "a"), "prompt": "p", "completion": "c"}
    ledger.ingest(write(tmp_path / "a.jsonl", row), campaign="a", form="prompt_completion")
    assert ledger.show(samples(ledger)[0])["content"] == {"prompt": "p", "completion": "c"}


def test_tags_and_places(ledger: Ledger, tmp_path: Path) -> None:
    """Tags of the command win over those of the line; facts are found where the map says."""
    row = chat("q", "a", tags={"lang": "en", "kind": "x"}, meta={"topic": "asm", "ok": "desirable"})
    file = write(tmp_path / "a.jsonl", row)
    places = "domain=meta.topic,label=meta.ok,tag.topic=meta.topic"
    ledger.ingest(file, campaign="a", tags={"lang": "de"}, places=places)
    shown = ledger.show(samples(ledger)[0])
    assert shown["tags"] == {"kind": "x", "lang": "de", "topic": "asm"}
    assert (shown["domain"], shown["label"]) == ("asm", True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"campaign": " "}, "campaign"),
        ({"campaign": "a\nb"}, "campaign"),
        ({"campaign": "\ud800"}, "campaign"),
        ({"source": "\ud800"}, "source"),
        ({"source": ""}, "source"),
        ({"tags": {"": "x"}}, "tag"),
        ({"tags": {"k\x00": "x"}}, "tag"),
        ({"tags": {"k": "\ud800"}}, "tag 'k'"),
        ({"tags": {"k": None}}, "tag 'k'"),
        ({"places": "\ud800=x"}, "--map"),
        ({"places": "label"}, "FACT=PATH"),
        ({"places": "colour=x"}, "is not a fact"),
        ({"form": "xml"}, "no format 'xml'"),
    ],
)
def test_what_cannot_be_said_is_refused_first(
    ledger: Ledger, tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    """A name, tag, map or format that means nothing is a bad request; no line is read and nothing appended."""
    file = write(tmp_path / "a.jsonl", *pairs(1))
    with pytest.raises(BadRequest, match=says):
        ledger.ingest(file, **{"campaign": "a", **options})
    assert ledger.status()["events"] == 0


def test_a_default_fact_that_does_not_fit_costs_no_line(ledger: Ledger, tmp_path: Path) -> None:
    """A newline in a tag that nobody asked for leaves the tag out; asked for, the line goes to quarantine."""
    file = write(tmp_path / "a.jsonl", chat("q", "a", tags={"note": "two\nlines", "lang": "en"}, domain={"x": 1}))
    assert ledger.ingest(file, campaign="a")["new"] == 1
    shown = ledger.show(samples(ledger)[0])
    assert (shown["tags"], shown["domain"]) == ({"lang": "en"}, None)
    assert ledger.ingest(file, campaign="b", places="tag.note=tags.note")["reasons"] == {"bad_fact": 1}


def test_a_file_that_was_compressed_is_known(ledger: Ledger, tmp_path: Path) -> None:
    """The lines of a file compressed since, and of a campaign spelled in NFD, are those of before."""
    file = write(tmp_path / "a.jsonl", *pairs(2))
    assert ledger.ingest(file, campaign="caf\u00e9")["new"] == 4
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    report = ledger.ingest(tmp_path, campaign="cafe\u0301")
    assert (report["new"], report["known"]) == (0, 4)
    assert [each["name"] for each in ledger.status()["campaigns"]] == ["caf\u00e9"]


def test_two_sources_of_one_name(ledger: Ledger, tmp_path: Path) -> None:
    """Two files with one base name would mix their identities; they are refused together."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.jsonl", *pairs(1))
    with pytest.raises(SourceClash):
        ledger.ingest([tmp_path / "a" / "x.jsonl", tmp_path / "b" / "x.jsonl"], campaign="a")


def test_reading_is_the_same_in_the_export(ledger: Ledger, tmp_path: Path) -> None:
    """Numbers, key order, escapes and Unicode of what is trained on leave as they came."""
    odd = '{"a": 1.50, "A": 1e2, "\\u00e9": "\\ud83d\\ude00", "z": 12345678901234567890, "b": -0.0}'
    call = f'{{"function": {{"name": "f", "arguments": {odd}}}}}'
    answer = f'{{"role": "assistant", "content": null, "tool_calls": [{call}]}}'
    row = f'{{"messages": [{{"role": "user", "content": "é"}}, {answer}]}}\n'
    (tmp_path / "a.jsonl").write_text(row, encoding="utf-8")
    ledger.ingest(tmp_path / "a.jsonl", campaign="a")
    ledger.project("sft", tmp_path / "out.jsonl")
    assert f'"arguments": {odd}' in (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert read(tmp_path / "out.jsonl")[0]["prompt"] == [{"role": "user", "content": "é"}]


@given(st.lists(st.sampled_from(["good", "twice", "broken", "blank"]), max_size=12), st.integers(1, 5))
def test_lines_are_conserved(tmp_path_factory: pytest.TempPathFactory, kinds: list[str], batch: int) -> None:
    """Lines = new + known + quarantined, for any mixture in any cut, the first time and the second."""
    texts = {"twice": json.dumps(chat("same", "a")), "broken": "{", "blank": ""}
    body = "\n".join(
        texts.get(kind) or json.dumps(chat(str(n), "a")) for n, kind in enumerate(kinds) if kind != "blank"
    )
    folder = tmp_path_factory.mktemp("lines")
    (folder / "a.jsonl").write_text(body, encoding="utf-8")
    before, ingest.BATCH_LINES = ingest.BATCH_LINES, batch
    try:
        with Ledger.init(folder / "a.db") as ledger:
            first = ledger.ingest(folder / "a.jsonl", campaign="a")
            again = ledger.ingest(folder / "a.jsonl", campaign="a")
    finally:
        ingest.BATCH_LINES = before
    broken = kinds.count("broken")
    assert first["lines"] == again["lines"] == len(kinds) - kinds.count("blank")
    assert (first["new"], first["known"], first["quarantined"]) == (first["lines"] - broken, 0, broken)
    assert (again["new"], again["known"], again["quarantined"]) == (0, first["new"], broken)
