"""From what a person types to what it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import AmbiguousId, BadRequest, NoSuchId, NoSuchPosition
from tests.small import chat, pairs, samples, write


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of eight samples."""
    ledger.ingest(write(tmp_path / "few.jsonl", *pairs(4)), campaign="few")
    return ledger


def test_an_id_by_any_unique_prefix(few: Ledger) -> None:
    """Six characters or more of a sample's id name it, in any case and with spaces around."""
    for whole in samples(few):
        for text in (whole, whole[:8], whole.upper(), f"  {whole[:10]} "):
            assert few.show(text)["sample"] == whole


def test_a_sample_by_the_address_of_its_version(few: Ledger) -> None:
    """A blob's address names the sample whose version it is, with `b3:` and, where no id begins so, without."""
    shown = few.show(samples(few)[2])
    for text in (shown["version"], shown["version"][:12], shown["version"][3:]):
        assert few.show(text)["sample"] == shown["sample"]


def test_with_b3_only_blobs_are_meant(few: Ledger) -> None:
    """`b3:` before a sample's id names nothing: a sample's id is not the address of any bytes."""
    with pytest.raises(NoSuchId):
        few.show("b3:" + samples(few)[0])


def test_one_version_of_two_samples_is_ambiguous(ledger: Ledger, tmp_path: Path) -> None:
    """The same line twice is two samples; their common version names neither."""
    ledger.ingest(write(tmp_path / "twice.jsonl", chat("q", "a"), chat("q", "a")), campaign="few")
    one, other = samples(ledger)
    with pytest.raises(AmbiguousId) as raised:
        ledger.show(ledger.show(one)["version"])
    assert one[:12] in str(raised.value)
    assert other[:12] in str(raised.value)


@pytest.mark.parametrize("text", ["", "abc", "xyz", "b3:abc", "f" * 65, "@1", "\ud800" * 8, "abcdef\n0"])
def test_what_cannot_be_an_id(few: Ledger, text: str) -> None:
    """What is not 6 to 64 hexadecimal characters is a bad request, said without printing it raw."""
    with pytest.raises(BadRequest, match="is not an id") as raised:
        few.show(text)
    assert str(raised.value).isprintable()


def test_an_id_that_nothing_has(few: Ledger) -> None:
    """An unknown id is named in the answer; so is one that belongs to an event that is no sample."""
    with pytest.raises(NoSuchId, match="0123456789"):
        few.show("0123456789")
    run = next(event["event"] for event in few.log() if event["kind"] == "run_started")
    with pytest.raises(NoSuchId):
        few.why(run)


def test_many_ids_are_found_as_one_is(few: Ledger) -> None:
    """A list may mix whole ids, prefixes and versions, and name a sample twice; each counts once."""
    one, two, three, *_ = samples(few)
    version = few.show(three)["version"]
    report = few.accept([one, one[:9], two.upper(), version, three])
    assert (report["samples"], report["changed"]) == (3, 3)


def test_one_unknown_id_stops_all(few: Ledger) -> None:
    """A list with one id that is not there changes nothing."""
    before = few.status()["head"]
    with pytest.raises(NoSuchId):
        few.accept([*samples(few), "f" * 64])
    assert few.status()["head"] == before


@pytest.mark.parametrize("text", ["@", "@x", "@-1", "@1.5", "@\u0663", "@" + "9" * 31])
def test_what_is_no_position(few: Ledger, text: str) -> None:
    """After @ stand decimal digits; other digits and endless numbers are refused."""
    with pytest.raises(BadRequest, match="is not @ and a position"):
        few.withdraw([text])


@pytest.mark.parametrize("text", ["@10000", "@9223372036854775808", "@" + "9" * 30])
def test_a_position_beyond_the_log(few: Ledger, text: str) -> None:
    """A position that the log has not reached names nothing, however large."""
    with pytest.raises(NoSuchId, match="@"):
        few.withdraw([text])


def test_as_of_a_position_or_a_time(tmp_path: Path) -> None:
    """A time means the last head that is not later; without a zone it is UTC; a position may lie inside a commit."""
    hours = [0]
    with Ledger.init(tmp_path / "clock.db", clock=lambda: hours[-1] * 3_600_000_000) as ledger:
        hours.append(1)
        ledger.ingest(write(tmp_path / "one.jsonl", *pairs(2)), campaign="one")
        hours.append(2)
        ledger.ingest(write(tmp_path / "two.jsonl", *pairs(3)), campaign="two")
        for moment, count in (
            ("1970-01-01T01:00", 4),
            ("1970-01-01T01:59:59.999999", 4),
            ("1970-01-01T02:00:00Z", 10),
            ("1970-01-01T02:30+01:00", 4),
            ("9999-12-31T23:59:59-23:59", 10),
            ("2", 2),
            ("0", 0),
            ("13", 10),
        ):
            assert ledger.status(moment)["samples"] == count, moment


def test_as_of_depends_on_no_time_zone(few: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of the machine does not enter: what a time names is the same everywhere."""
    head = few.status()["head"]
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        monkeypatch.setenv("TZ", zone)
        assert few.status("9999-01-01T00:00")["head"] == head


def test_as_of_a_moment_that_is_none(few: Ledger, tmp_path: Path) -> None:
    """A time before the first event, a position after the last, and what is neither, each have their own words."""
    for moment, says in (("1969-12-31", "begins later"), ("10000", "ends at"), ("9" * 30, "ends at")):
        with pytest.raises(NoSuchPosition, match=says):
            few.status(moment)
    for moment in ("yesterday", "-1", "", "\u0663", "0001-01-01T00:00+25:00", "9" * 31):
        with pytest.raises(BadRequest, match="as-of"):
            few.status(moment)
    with Ledger.init(tmp_path / "empty.db") as empty, pytest.raises(NoSuchPosition, match="is empty"):
        empty.status("0")


def test_a_sample_is_not_there_before_its_birth(few: Ledger, tmp_path: Path) -> None:
    """As of an earlier position an id that came later names nothing."""
    before = str(few.status()["head"]["position"])
    few.ingest(write(tmp_path / "later.jsonl", chat("later", "a")), campaign="few")
    last = samples(few)[-1]
    assert few.show(last)["sample"] == last
    with pytest.raises(NoSuchId):
        few.show(last, before)


def test_short_ids_are_unique_and_find_their_sample(toolset: Ledger) -> None:
    """Every short id has at least eight characters and names just the one that it was made from."""
    whole = samples(toolset)
    short = toolset.short(whole)
    assert list(short) == whole
    assert len(set(short.values())) == len(whole)
    for one in whole[:20]:
        assert len(short[one]) >= 8
        assert toolset.show(short[one])["sample"] == one


def test_short_of_what_is_no_id(few: Ledger) -> None:
    """Only whole ids can be shortened; anything else is a bad request."""
    for text in ("abcdef01", "no id at all"):
        with pytest.raises(BadRequest):
            few.short([text])
