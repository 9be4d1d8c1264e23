"""What a proof shows, and to whom: against trusted heads and keys, without a ledger, whatever is in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.checkpoint import Checkpoint
from ledger.digest import encode, show
from ledger.errors import InputNotFound, KeyUnreadable, LedgerError, ProofInvalid, ProofUnreadable
from ledger.proof import Included, Inclusion
from ledger.tree import leaf_hash
from tests.cli import ROOT, program
from tests.logs import fill, line, store_of, write_lines

REFUSED = (ProofInvalid, ProofUnreadable)


class World:
    """A ledger with a sample, its proof, its head, and a key that has signed them; all in one folder."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self.folder = folder
        self.public = Ledger.make_keys(folder / "k")["public"]
        with Ledger.init(folder / "ledger.db") as ledger:
            ledger.ingest([write_lines(folder / "a.jsonl", [line(f"p{n}", "c") for n in range(9)])], campaign="a")
            self.sample = ledger.log(limit=5)[2]["event"]
            self.proof = ledger.prove(self.sample, out=folder / "proof")
            self.grown = ledger.prove_consistency(4, out=folder / "grown")
            self.head = ledger.checkpoint(out=folder / "head")
            ledger.prove(self.sample, key=folder / "k", out=folder / "signed")
            ledger.checkpoint(key=folder / "k", out=folder / "signed head")
            self.witness = store_of(ledger).witness_file

    def verify(self, name: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - head and key
        """Verify one of the files."""
        return Ledger.verify_proof(self.folder / name, **given)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a folder with proofs in it."""
    return World(tmp_path)


def changed(data: bytes) -> Iterator[bytes]:
    """Yield every file that differs in one byte: three ways to change it, without it, and one more before it."""
    for place in range(len(data)):
        before, after = data[:place], data[place + 1 :]
        yield before + after
        yield before + b"A" + data[place:]
        for bit in (1, 2, 128):
            yield before + bytes([data[place] ^ bit]) + after


def refused(world: World, files: Iterator[bytes], **given: Any) -> int:  # noqa: ANN401 - head and key
    """Return how many files were refused; one that is not fails the test, and so does any other error."""
    count, place = 0, world.folder / "changed"
    for count, data in enumerate(files, 1):  # noqa: B007 - it is returned
        place.write_bytes(data)
        with pytest.raises(REFUSED):
            Ledger.verify_proof(place, **given)
    return count


@pytest.mark.parametrize("name", ["proof", "grown", "head"])
def test_no_byte_of_a_file_can_change_before_a_trusted_head(world: World, name: str) -> None:
    """Each of some thousand files with one byte changed, added or left out is refused with an error of its own."""
    whole = (world.folder / name).read_bytes()
    assert world.verify(name, head=world.folder / "head")["trusted"] == ["head"]
    assert refused(world, changed(whole), head=world.folder / "head") == 5 * len(whole)


@pytest.mark.parametrize("name", ["signed", "signed head"])
def test_no_byte_of_a_signed_file_can_change(world: World, name: str) -> None:
    """Where the key of the signer is trusted, no head has to be known; its line is as safe as the rest."""
    whole = (world.folder / name).read_bytes()
    assert world.verify(name, key=world.public)["trusted"] == ["key"]
    assert refused(world, changed(whole), key=world.public) == 5 * len(whole)


def test_no_byte_of_a_trusted_head_or_key_can_change(world: World) -> None:
    """A head or a key that is nearly right is not that head or key."""
    for data in changed((world.folder / "head").read_bytes()):
        (world.folder / "near").write_bytes(data)
        with pytest.raises(REFUSED):
            world.verify("proof", head=world.folder / "near")
    key = Path(world.public).read_bytes()
    for data in changed(key.rstrip(b"\n")):
        (world.folder / "near").write_bytes(data)
        with pytest.raises((KeyUnreadable, ProofInvalid)):
            world.verify("signed", key=world.folder / "near")


def test_heads_are_taken_from_where_they_are_kept(world: World) -> None:
    """A checkpoint, a witness file, a manifest, a position with its root; a root alone says less."""
    head = world.head["head"]
    manifest = world.folder / "x.manifest.json"
    manifest.write_text(json.dumps({"manifest": 2, "ledger": world.head["ledger"], "head": head}))
    whole = [world.folder / "head", str(world.folder / "head"), world.folder / "signed head", world.witness, manifest]
    for trusted in [*whole, f"{head['position']}:{head['root']}", f"@{head['position']}:{head['root'][3:]}"]:
        for name in ("proof", "grown", "head"):
            found = world.verify(name, head=trusted)
            assert (found["trusted"], found["notes"]) == (["head"], [])
    for trusted in (head["root"], head["root"][3:], world.grown["first"]["root"]):
        (note,) = world.verify("grown", head=trusted)["notes"]
        assert "does not say how many" in note


def test_the_manifest_of_a_release_is_a_head(ledger: Ledger, tmp_path: Path) -> None:
    """What an export was made from can be proved to whoever holds its manifest."""
    fill(ledger, tmp_path)
    manifest = next(tmp_path.glob("*.manifest.json"))
    head = json.loads(manifest.read_text("utf-8"))["head"]
    ledger.prove("@2", as_of=head["position"], out=tmp_path / "p")
    assert Ledger.verify_proof(tmp_path / "p", head=manifest)["head"] == head


def test_without_a_trusted_head_it_says_so(world: World) -> None:
    """A file that fits itself is fine and shows nothing to a stranger; signatures that nobody checked are named."""
    found = world.verify("proof")
    assert (found["ok"], found["trusted"], found["signatures"]) == (True, [], [])
    assert "only the head inside it" in found["notes"][0]
    signed = world.verify("signed")
    assert (signed["trusted"], signed["signatures"], signed["signed_by"]) == ([], ["k"], None)
    assert "not looked at" in signed["notes"][1]
    assert "only a head" in world.verify("head")["notes"][0]


def test_another_head_is_refused_with_the_difference(world: World) -> None:
    """Ledger, position and root are told apart."""
    head = world.head["head"]
    other = Checkpoint("cd" * 16, head["position"] + 1, bytes.fromhex(head["root"][3:]))
    (world.folder / "other").write_text(other.to_text())
    cases = {
        str(world.folder / "other"): "of the ledger",
        f"3:{head['root']}": "at position",
        f"{head['position']}:{'0' * 64}": "the root of its head",
        "b3:" + "0" * 64: "the root of its head",
    }
    for trusted, says in cases.items():
        for name in ("proof", "grown", "head"):
            with pytest.raises(ProofInvalid, match=says):
                world.verify(name, head=trusted)


def test_a_fork_is_refused_by_whoever_holds_the_other_head(world: World) -> None:
    """Two ledgers of one beginning: neither shows anything of its own end against the head of the other."""
    copy = world.folder / "copy.db"
    copy.write_bytes((world.folder / "ledger.db").read_bytes())
    for path, name in ((copy, "one"), (world.folder / "ledger.db", "two")):
        with Ledger.open(path) as ledger:
            ledger.ingest([write_lines(world.folder / f"{name}.jsonl", [line("q", name)])], campaign=name)
            last = ledger.checkpoint(out=world.folder / f"{name}.head")["head"]["position"]
            ledger.prove(f"@{last}", out=world.folder / f"{name}.proof")
            ledger.prove_consistency(world.head["head"]["position"], out=world.folder / f"{name}.grown")
    for mine, theirs in (("one", "two"), ("two", "one")):
        assert world.verify(f"{mine}.grown", head=world.folder / "head")["ok"], "each goes on from what was before"
        for kind in ("proof", "grown"):
            assert world.verify(f"{mine}.{kind}", head=world.folder / f"{mine}.head")["ok"]
        with pytest.raises(ProofInvalid):
            world.verify(f"{mine}.proof", head=world.folder / f"{theirs}.head")


def test_only_the_signer_is_believed(world: World) -> None:
    """Another key of the same name has not signed it, whatever the file claims; a private key is no public one."""
    other = Ledger.make_keys(world.folder / "other", "k")["key"]
    with pytest.raises(ProofInvalid, match="k has not signed"):
        world.verify("signed", key=other)
    with pytest.raises(ProofInvalid, match="has not signed"):
        world.verify("proof", key=world.public)
    with pytest.raises(KeyUnreadable, match="private"):
        world.verify("signed", key=world.folder / "k")
    text = Path(world.public).read_text().strip()
    assert world.verify("signed", key=text)["signed_by"] == "k"
    assert world.verify("signed", key=text, head=world.folder / "head")["trusted"] == ["head", "key"]
    assert world.verify("proof", key=text, head=world.folder / "signed head")["trusted"] == ["head", "key"]


def test_events_are_told_as_the_log_tells_them(world: World) -> None:
    """Position, id, kind, time, actor, sentence and what was said."""
    (told,) = world.verify("proof")["events"]
    with Ledger.open(world.folder / "ledger.db") as ledger:
        (logged,) = ledger.log(world.sample)
    assert told == {key: logged[key] for key in told}
    assert told["event"] == world.sample


LEAVES: list[Any] = [
    None,
    [],
    {},
    {"kind": "ingested", "v": 1},
    {"kind": "ingested", "v": 1, "at": "now", "actor": "a"},
    {"kind": "ingested", "v": 1, "at": True, "actor": "a"},
    {"kind": "ingested", "v": 1, "at": 5, "actor": []},
    {"kind": 5, "v": 1, "at": 5, "actor": "a"},
]
ODD: list[Any] = [
    {"kind": "ingested", "v": 1, "at": 2**53 - 1, "actor": "a"},
    {"kind": "ingested", "v": 1, "at": 1 - 2**53, "actor": "a"},
    {"kind": "ingested", "v": 1, "at": 5, "actor": "a"},
    {"kind": "ingested", "v": 1, "at": 5, "actor": "a", "blob": 7, "campaign": [], "nth": {}, "source": None},
    {"kind": "ingested", "v": 99, "at": 5, "actor": "a", "blob": "zz", "campaign": "", "nth": 0, "source": ""},
    {"kind": "accepted", "v": 1, "at": 5, "actor": "a", "reason": 5, "rule": {}},
    {"kind": "scored", "v": 1, "at": 5, "actor": "a", "dimensions": 7, "unscored": None},
    {"kind": "\u001b[2J", "v": 1, "at": 5, "actor": "\u202e"},
]


def _alone(folder: Path, leaf: bytes) -> Path:
    """Write the proof of a log that somebody made up, of one event."""
    head = Checkpoint("ab" * 16, 1, leaf_hash(leaf))
    place = folder / "made up"
    place.write_bytes(Inclusion((Included(0, leaf, ()),), head).to_text().encode())
    return place


@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_a_leaf_that_is_no_event_is_refused(tmp_path: Path, leaf: object) -> None:
    """A tree can be built over anything; what is told of it has to be an event."""
    with pytest.raises(ProofUnreadable, match="no event"):
        Ledger.verify_proof(_alone(tmp_path, encode(leaf)))


@pytest.mark.parametrize("leaf", ODD, ids=str)
def test_an_event_that_this_program_would_not_write_is_told_in_short(tmp_path: Path, leaf: dict[str, Any]) -> None:
    """Of a newer version, or of a stranger's tree: the kind stands for the sentence, and nothing breaks."""
    (told,) = Ledger.verify_proof(_alone(tmp_path, encode(leaf)))["events"]
    assert told["kind"] == leaf["kind"]
    assert isinstance(told["sentence"], str)


@given(
    st.recursive(
        st.none() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["kind", "at", "actor", "v", "blob", "reason"]), inner, max_size=6)
        ),
    )
)
def test_no_leaf_leads_to_another_error(tmp_path: Path, leaf: object) -> None:
    """Whatever somebody put into his tree."""
    with suppress(ProofUnreadable):
        assert Ledger.verify_proof(_alone(tmp_path, encode(leaf)))["ok"]


def test_a_deep_leaf_is_refused(tmp_path: Path) -> None:
    """A million brackets are no event, and end nothing but the file."""
    for leaf in (b"[" * 10**6, b"[" * 10**6 + b"]" * 10**6, b'{"a":' * 900 + b"1" + b"}" * 900):
        with pytest.raises(ProofUnreadable, match="no event"):
            Ledger.verify_proof(_alone(tmp_path, leaf))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"head": 5}',
        b'{"head": [], "ledger": "x"}',
        b'{"head": {"position": "3", "root": "b3:00"}, "ledger": "x"}',
        b'{"head": {"position": 1e400, "root": ""}}',
        b'{"size": 1.5, "root": "' + b"0" * 64 + b'", "ledger": "x"}',
        b'{"size": -1, "root": "' + b"0" * 64 + b'", "ledger": "x"}',
        b'{"size": 1, "root": "' + b"0" * 64 + b'", "ledger": 5}',
        b"{" + b"\x00" * 1000,
    ],
)
def test_a_head_that_cannot_be_read_is_refused(world: World, content: bytes) -> None:
    """Nothing is taken for a trusted head that is not one."""
    (world.folder / "no head").write_bytes(content)
    with pytest.raises(ProofUnreadable):
        world.verify("proof", head=world.folder / "no head")


@pytest.mark.parametrize("given", ["head", "key", "file"])
def test_places_that_hold_nothing(world: World, given: str) -> None:
    """What is not there, a folder, a device without end, a name that no file has."""
    for place in ("none", ".", "/dev/zero", "a\x00b", "x" * 5000):
        options = {given: str(world.folder / place)} if given != "file" else {}
        with pytest.raises((InputNotFound, ProofUnreadable, KeyUnreadable)) as raised:
            world.verify(place if given == "file" else "proof", **options)
        assert isinstance(raised.value, LedgerError)


def test_verifying_needs_no_ledger_and_no_extra(world: World, tmp_path: Path) -> None:
    """In an empty folder, without the package for signatures: only what takes a key says what to install."""
    blocked = tmp_path / "blocked" / "cryptography"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not installed')\n")
    (tmp_path / "empty").mkdir()
    env = {"PYTHONPATH": f"{blocked.parent}:{ROOT}", "LEDGER_PATH": ""}

    def asked(*arguments: object) -> tuple[int, str]:
        answer = program(*arguments, cwd=tmp_path / "empty", env=env)
        return answer.code, answer.out + answer.err

    code, said = asked("verify-proof", world.folder / "signed", "--head", world.folder / "head")
    assert code == 0, said
    assert "the head you gave" in said
    for arguments in (["verify-proof", world.folder / "signed", "--key", world.public], ["keygen", "new.key"]):
        code, said = asked(*arguments)
        assert code == 4
        assert 'pip install "sample-ledger[sign]"' in said
    assert list((tmp_path / "empty").iterdir()) == []


def test_roots_are_shown_whole(world: World) -> None:
    """A difference that is cut off could not be seen."""
    with pytest.raises(ProofInvalid) as raised:
        world.verify("proof", head="b3:" + "0" * 64)
    assert show(bytes(32)) in str(raised.value)
    assert world.head["head"]["root"] in str(raised.value)
