"""Signatures: Ed25519 over notes as Go writes them, and keys that nothing else passes for."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import BadText, Checkpoint, Signature, read_checkpoint
from ledger.signing import PrivateKey, PublicKey, make_key, read_private, read_public

# The example in the documentation of Go's package golang.org/x/mod/sumdb/note, and the key of its checksum database.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
GO_SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

HEAD = Checkpoint("ab" * 16, 7, bytes(32))


def opened(note: str, vkey: str) -> str:
    """Return the text of a signed note, checked by what the format says and with nothing of the ledger."""
    name, key_id, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    assert hashlib.sha256(f"{name}\n".encode() + raw).hexdigest()[:8] == key_id
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        _, signer, made = line.split(" ")
        value = base64.b64decode(made)
        if (signer, value[:4].hex()) == (name, key_id):
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(value[4:], f"{text}\n".encode())
            return f"{text}\n"
    raise AssertionError("not signed by the key")


def test_the_published_example_of_go_is_made_again() -> None:
    """The same key signs the same text with the same line, and reads and writes as Go's keys do."""
    private, public = read_private(GO_PRIVATE), read_public(GO_PUBLIC)
    assert private.public == public
    assert (private.to_text(), public.to_text()) == (GO_PRIVATE, GO_PUBLIC)
    assert private.signature_of(GO_TEXT).to_text() == GO_LINE
    assert public.made(private.signature_of(GO_TEXT), GO_TEXT)
    assert not public.made(private.signature_of(GO_TEXT), GO_TEXT + "\n")


def test_base64_with_plus_signs_reads() -> None:
    """The base64 of a key may hold the sign that stands between its parts."""
    key = read_public(GO_SUMDB)
    assert (key.name, key.key_id.hex(), key.to_text()) == ("sum.golang.org", "033de0ae", GO_SUMDB)


def test_another_reader_of_notes_agrees() -> None:
    """A reader written from the format alone accepts what is signed here, and refuses it once it is changed."""
    key = make_key("example.com/team")
    note = key.sign(HEAD).to_text()
    assert opened(note, key.public.to_text()) == HEAD.to_text()
    with pytest.raises(InvalidSignature):
        opened(note.replace("\n7\n", "\n8\n"), key.public.to_text())


def test_who_has_signed() -> None:
    """A key tells its own signature from none, from another's, and from a wrong one under its name and id."""
    mine, other = make_key("mine"), make_key("mine")
    signed = other.sign(mine.sign(HEAD))
    assert read_checkpoint(signed.to_text()) == signed
    assert mine.public.has_signed(signed) is other.public.has_signed(signed) is True
    assert mine.public.has_signed(HEAD) is None
    assert mine.public.has_signed(other.sign(HEAD)) is None
    assert mine.public.has_signed(signed._replace(size=8)) is False
    forged = Signature("mine", mine.public.key_id, other.signature_of(HEAD.said).value)
    assert mine.public.has_signed(signed._replace(signatures=(*signed.signatures, forged))) is False
    assert mine.public.has_signed(HEAD._replace(signatures=(forged._replace(value=b"short"),))) is False


def test_each_key_is_new_and_its_seed_is_not_shown() -> None:
    """Two keys of one name differ, and what is printed of a private key is its name."""
    one, two = make_key("k"), make_key("k")
    assert one != two
    assert repr(one) == "PrivateKey(name='k')"
    assert read_private(one.to_text()) == one
    assert read_public(one.public.to_text()) == one.public


def test_a_public_key_that_is_no_point_signs_nothing() -> None:
    """Thirty-two bytes that Ed25519 does not know as a key refuse every signature."""
    nothing = PublicKey("k", b"\xff" * 32)
    assert not nothing.made(make_key("k").signature_of("text\n"), "text\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a private key"),
        (GO_PUBLIC, "not a private key"),
        (GO_PRIVATE.replace("c74f20a3", "c74f20a4"), "its id"),
        (GO_PRIVATE.replace("PeterN", "PaterN"), "its id"),
        (GO_PRIVATE[:-4], "form"),
        (GO_PRIVATE[:-1], "not base64"),
        (GO_PRIVATE.replace("+AYEK", "+AIEK"), "another kind"),
        (GO_PRIVATE.replace("PeterN", "Peter N"), "form"),
        ("PRIVATE+KEY+" + "A" * 1000, "not a key"),
    ],
)
def test_what_is_no_private_key_is_refused(text: str, says: str) -> None:
    """The reason is said, and nothing of the key."""
    with pytest.raises(BadText, match=says) as raised:
        read_private(text)
    assert "AYEKFALV" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_private_key_does_not_pass_for_a_public_one() -> None:
    """Somebody who mixes the two up is told so."""
    with pytest.raises(BadText, match="private"):
        read_public(GO_PRIVATE)


@given(st.text(max_size=100) | st.text("+ab0=\n", max_size=60).map(lambda rest: GO_PUBLIC[:20] + rest))
def test_any_text_is_a_key_in_its_one_spelling_or_none(text: str) -> None:
    """What reads as a public key is written again as the same text."""
    try:
        key = read_public(text)
    except BadText:
        return
    assert key.to_text() == text


@pytest.mark.parametrize("name", ["", "a b", "a+b"])
def test_a_name_that_no_key_can_have(name: str) -> None:
    """It is refused before a key is made."""
    with pytest.raises(BadText, match="cannot be the name"):
        make_key(name)
    assert isinstance(make_key("a"), PrivateKey)
