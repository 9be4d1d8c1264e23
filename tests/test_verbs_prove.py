"""Proofs of a real ledger: each event of it, each beginning of it, and nothing that is not so."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.checkpoint import Checkpoint, read_checkpoint
from ledger.digest import parse
from ledger.errors import (
    BadRequest,
    CorruptLedger,
    DestinationExists,
    KeyUnreadable,
    LedgerError,
    NoSuchId,
    NoSuchPosition,
    NotWritable,
)
from ledger.proof import Consistency, Inclusion, read_proof
from ledger.signing import read_private, read_public
from tests.logs import fill, line, store_of, tampering, write_lines


@pytest.fixture
def filled(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with something of every kind in it."""
    fill(ledger, tmp_path)
    return ledger


def inclusion(text: str) -> Inclusion:
    """Return a proof of events."""
    found = read_proof(text.encode())
    assert isinstance(found, Inclusion)
    return found


def test_every_event_of_a_ledger_can_be_proved(filled: Ledger, tmp_path: Path) -> None:
    """Alone and all together, against the head of now and against every earlier one."""
    last = filled.status()["head"]["position"]
    whole = inclusion(filled.prove(f"@0-@{last}")["text"])
    leaves = [one.leaf for one in whole.events]
    assert [one.position for one in whole.events] == list(range(last + 1))
    assert whole.fault() is None
    kept = tmp_path / "one.proof"
    for position in range(last + 1):
        made = filled.prove(f"@{position}", as_of=position, out=kept)
        assert made["head"] == {"position": position, "root": f"b3:{store_of(filled).root_at(position).hex()}"}
        shown = Ledger.verify_proof(kept, head=f"{position}:{made['head']['root']}")
        assert [one["position"] for one in shown["events"]] == [position]
        assert shown["events"][0]["event"] == (store_of(filled).event(position) or (b"", ""))[0].hex()
        assert inclusion(made["text"]).events[0].leaf == leaves[position]


def test_a_sample_is_proved_by_every_event_about_it(filled: Ledger) -> None:
    """Birth, decisions and edits, as `log` lists them; ids may be short, and the bytes are those of the log."""
    for sample in {event["event"] for event in filled.log(limit=1000) if event["kind"] == "ingested"}:
        events = filled.log(sample)
        made = filled.prove(filled.short([sample])[sample])
        assert made["events"] == [event["position"] for event in events]
        assert [json.loads(one.leaf)["kind"] for one in inclusion(made["text"]).events] == [e["kind"] for e in events]


def test_ids_of_other_events_and_several_at_once(filled: Ledger) -> None:
    """What is no sample is an event; each is in the file once, in the order of positions."""
    decided = next(event for event in filled.log(limit=1000) if event["kind"] == "accepted")
    made = filled.prove([decided["event"][:16], "@0", "@1-@2", "@2"])
    assert made["events"] == [0, 1, 2, decided["position"]]


def test_the_log_only_grew(filled: Ledger, tmp_path: Path) -> None:
    """From each position to each later one that a commit ended at, and to now; a time is as good as a position."""
    last = filled.status()["head"]["position"]
    kept = tmp_path / "grown.proof"
    for first in range(last + 1):
        made = filled.prove_consistency(first, out=kept)
        proof = read_proof(made["text"].encode())
        assert isinstance(proof, Consistency)
        assert made["first"]["root"] == f"b3:{store_of(filled).root_at(first).hex()}"
        for head in (f"{first}:{made['first']['root']}", f"{last}:{made['head']['root']}"):
            assert Ledger.verify_proof(kept, head=head)["trusted"] == ["head"]
    assert filled.prove_consistency("2999-01-01")["first"]["position"] == last
    assert filled.prove_consistency(3, 5)["head"]["position"] == 5


def test_a_checkpoint_is_the_head(ledger: Ledger, tmp_path: Path) -> None:
    """Also of an empty ledger, of an earlier position, and in a file."""
    empty = read_checkpoint(ledger.checkpoint()["text"])
    assert (empty.ledger, empty.size) == (store_of(ledger).ledger_id, 0)
    fill(ledger, tmp_path)
    made = ledger.checkpoint(out=tmp_path / "head")
    head = ledger.status()["head"]
    assert (tmp_path / "head").read_text("utf-8") == made["text"]
    assert read_checkpoint(made["text"]) == Checkpoint(empty.ledger, head["position"] + 1, parse(head["root"]))
    assert made["head"] == head
    assert read_checkpoint(ledger.checkpoint(as_of=3)["text"]).root == store_of(ledger).root_at(3)
    assert (made["proof"], made["events"], made["first"], made["signed_by"]) == ("checkpoint", [], None, None)


def test_proofs_of_many_commits_stay_good(ledger: Ledger, tmp_path: Path) -> None:
    """A proof made early is as good later, and two tiles' worth of events are proved from their tiles."""
    rows = [line(f"p{n}", f"c{n}") for n in range(600)]
    ledger.ingest([write_lines(tmp_path / "a.jsonl", rows)], campaign="a")
    early = ledger.prove("@300", out=tmp_path / "early")
    ledger.ingest([write_lines(tmp_path / "b.jsonl", [line("x", "y")])], campaign="b")
    ledger.prove_consistency(early["head"]["position"], out=tmp_path / "grown")
    head = ledger.checkpoint(out=tmp_path / "head")["head"]
    grown = Ledger.verify_proof(tmp_path / "grown", head=tmp_path / "head")
    assert (grown["first"], grown["head"]) == (early["head"], head)
    assert Ledger.verify_proof(tmp_path / "early", head=f"@{early['head']['position']}:{early['head']['root']}")["ok"]
    for position in range(0, head["position"], 37):
        assert inclusion(ledger.prove(f"@{position}")["text"]).fault() is None


def test_nothing_is_written_into_the_ledger(filled: Ledger) -> None:
    """Proving is reading."""
    before = filled.path.read_bytes()
    filled.prove("@0")
    filled.prove_consistency(0)
    filled.checkpoint()
    assert filled.path.read_bytes() == before


@pytest.mark.parametrize(
    ("texts", "as_of", "error"),
    [
        ([], None, BadRequest),
        (["@5"], 3, BadRequest),
        (["@4-@2"], None, BadRequest),
        (["xyz"], None, BadRequest),
        (["@99999"], None, NoSuchId),
        (["00000000"], None, NoSuchId),
        (["@0"], 99999, NoSuchPosition),
        (["@0"], "1999-01-01", NoSuchPosition),
    ],
)
def test_what_cannot_be_proved(
    filled: Ledger, texts: list[str], as_of: int | str | None, error: type[LedgerError]
) -> None:
    """What is not there, not yet there or not named is refused."""
    with pytest.raises(error):
        filled.prove(texts, as_of=as_of)


def test_a_sample_has_no_proof_before_its_birth(filled: Ledger) -> None:
    """Nor does a head that ended before it show anything of it."""
    sample = next(event for event in filled.log(limit=1000)[::-1] if event["kind"] == "ingested")
    with pytest.raises(BadRequest, match="stands up to position"):
        filled.prove(sample["event"], as_of=sample["position"] - 1)


def test_growth_goes_forward_only(filled: Ledger, tmp_path: Path) -> None:
    """From a later position to an earlier one nothing grew, and an empty log shows nothing."""
    with pytest.raises(BadRequest, match="go on from 5"):
        filled.prove_consistency(5, 3)
    with Ledger.init(tmp_path / "empty.db") as empty, pytest.raises(LedgerError):
        empty.prove_consistency(0)


def test_too_many_events_are_refused(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a proof may hold are proved; one more, whether by position or about one sample, is refused."""
    monkeypatch.setattr("ledger.verbs.prove.MOST_EVENTS", 20)
    assert len(filled.prove("@1-@20")["events"]) == 20
    with pytest.raises(BadRequest, match="20 events at most"):
        filled.prove("@0-@20")
    with pytest.raises(BadRequest, match="20 events at most"):
        filled.prove(["@0-@10", "@11-@20"])


def test_a_damaged_event_is_not_proved(filled: Ledger) -> None:
    """A proof is checked before it is given out: one of a leaf that was changed in the file would not hold."""
    path = filled.path
    filled.close()
    with tampering(path) as connection:
        connection.execute("UPDATE event SET leaf = replace(leaf, 'tester', 'another') WHERE position = 3")
    with Ledger.open(path, trust=True) as opened:
        with pytest.raises(CorruptLedger, match="position 3"):
            opened.prove("@3")
        with pytest.raises(CorruptLedger):
            opened.prove("@2")
        assert opened.checkpoint()["proof"] == "checkpoint"


def test_an_id_that_is_none_is_damage(filled: Ledger) -> None:
    """A file whose ledger id was changed gives out nothing under it."""
    path = filled.path
    filled.close()
    with tampering(path) as connection:
        connection.execute("UPDATE meta SET value = 'x y' WHERE key = 'ledger'")
    with Ledger.open(path, trust=True) as opened, pytest.raises(CorruptLedger):
        opened.checkpoint()


def test_only_proofs_are_replaced(filled: Ledger, tmp_path: Path) -> None:
    """A proof, a checkpoint and an empty file may be; nothing else, least of all the ledger."""
    place = tmp_path / "p"
    for _ in range(2):
        filled.prove("@0", out=place)
    filled.checkpoint(out=place)
    place.write_bytes(b"")
    filled.prove("@0", out=place)
    place.write_bytes(b"my notes")
    with pytest.raises(DestinationExists):
        filled.prove("@0", out=place)
    assert place.read_bytes() == b"my notes"
    with pytest.raises(NotWritable):
        filled.checkpoint(out=filled.path)


def test_keys_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    """Two files that read as a pair; the private one only by the user; neither is ever overwritten."""
    made = Ledger.make_keys(tmp_path / "team.key", "example.com/team")
    private, public = tmp_path / "team.key", tmp_path / "team.key.pub"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert read_private(private.read_text().rstrip("\n")).public == read_public(public.read_text().rstrip("\n"))
    assert (made["name"], made["key"], made["private"]) == (
        "example.com/team",
        public.read_text().strip(),
        str(private),
    )
    assert private.read_text().strip() not in json.dumps(made)
    for lost in (public, private):
        kept = lost.read_bytes()
        for _ in range(2):
            with pytest.raises(DestinationExists):
                Ledger.make_keys(private)
            lost.unlink(missing_ok=True)
        lost.write_bytes(kept)
    assert Ledger.make_keys(tmp_path / "plain.key")["name"] == "plain"
    with pytest.raises(BadRequest, match="cannot be the name"):
        Ledger.make_keys(tmp_path / "my key")
    with pytest.raises(NotWritable):
        Ledger.make_keys(tmp_path / "no" / "k")


def test_a_key_signs_every_head(filled: Ledger, tmp_path: Path) -> None:
    """That of an inclusion, of a consistency and the bare one."""
    public = Ledger.make_keys(tmp_path / "k")["public"]
    made = [
        filled.prove("@3", key=tmp_path / "k", out=tmp_path / "a"),
        filled.prove_consistency(3, key=tmp_path / "k", out=tmp_path / "b"),
        filled.checkpoint(key=tmp_path / "k", out=tmp_path / "c"),
    ]
    assert [one["signed_by"] for one in made] == ["k"] * 3
    for name in "abc":
        assert Ledger.verify_proof(tmp_path / name, key=public)["trusted"] == ["key"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"PRIVATE+KEY+k+00000000+AAAA\n", b"x" * 5000])
def test_a_key_that_cannot_be_used(filled: Ledger, tmp_path: Path, content: bytes) -> None:
    """Any other file, a folder and nothing at all are refused before anything is proved."""
    (tmp_path / "k").write_bytes(content)
    for key in (tmp_path / "k", tmp_path, tmp_path / "none"):
        with pytest.raises(KeyUnreadable):
            filled.checkpoint(key=key)
