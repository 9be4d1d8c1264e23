"""`ledger verify-proof`: what a proof shows, in words and as JSON, and the codes that it leaves with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.checkpoint import Checkpoint
from ledger.proof import Included, Inclusion
from ledger.tree import leaf_hash
from tests.cli import Answer, ok, run
from tests.small import samples


@pytest.fixture
def folder(toolset: Ledger, tmp_path: Path) -> Path:
    """Return a folder with proofs, a head and a key."""
    Ledger.make_keys(tmp_path / "k")
    toolset.prove(samples(toolset)[3], key=tmp_path / "k", out=tmp_path / "p")
    toolset.prove_consistency(5, out=tmp_path / "c")
    toolset.checkpoint(out=tmp_path / "h")
    return tmp_path


def test_what_is_shown_is_said(folder: Path) -> None:
    """The verdict, the head, whom it rests on, and the events as the log tells them."""
    said = ok("verify-proof", folder / "p", "--head", folder / "h", "--key", folder / "k.pub").out
    assert "these events are in the log  ✓" in said
    assert "trusted by: the head you gave and the key k" in said
    assert "came from poor.jsonl line 4" in said
    said = ok("verify-proof", folder / "c", "--head", folder / "h").out
    assert "the log up to @121 only goes on from @5  ✓" in said
    said = ok("verify-proof", folder / "h").out
    assert "this is a head" in said
    assert "trusted by: nothing outside it" in said
    assert "note: " in said


def test_json_is_the_dict_of_the_door(folder: Path) -> None:
    """With every key, whatever the file is."""
    for name in "pch":
        answer = ok("verify-proof", folder / name, "--json").json
        assert answer == Ledger.verify_proof(folder / name)
        assert set(answer) == {
            "ok", "proof", "ledger", "head", "first", "trusted", "signatures", "signed_by", "events", "notes",
        }  # fmt: skip


def test_each_refusal_has_its_code(folder: Path) -> None:
    """Not holding, not reading, no key and no file are told apart."""
    (folder / "bad").write_bytes((folder / "p").read_bytes().replace(b"event 4", b"event 5"))
    (folder / "worse").write_bytes(b"\x00" * 100)

    def refused(*arguments: object) -> Answer:
        answer = run("verify-proof", *arguments)
        assert answer.out == ""
        assert len(answer.err.splitlines()) == 2
        return answer

    assert refused(folder / "bad").code == 55
    assert "position 5" in refused(folder / "bad").err
    assert refused(folder / "p", "--head", "b3:" + "0" * 64).code == 55
    assert refused(folder / "worse").code == refused(folder).code == 56
    assert refused(folder / "p", "--head", folder / "worse").code == 56
    assert refused(folder / "p", "--key", folder / "worse").code == 57
    assert refused(folder / "none").code == 20


def test_nothing_in_a_proof_can_steer_the_terminal(tmp_path: Path) -> None:
    """A stranger chose its words; escapes and marks that turn the reading order are written out."""
    leaf = '{"actor":"\\u001b[2J\u202e","at":1,"kind":"\\u001b]0;x\\u0007","v":1}'.encode()
    head = Checkpoint("ab" * 16, 1, leaf_hash(leaf))
    (tmp_path / "p").write_text(Inclusion((Included(0, leaf, ()),), head).to_text(), "utf-8")
    answer = run("verify-proof", tmp_path / "p")
    assert answer.code in {0, 56}
    assert not set("\x1b\x07\u202e") & set(answer.out + answer.err)
