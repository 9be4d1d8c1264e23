"""Checkpoints: the text of C2SP for a head, in exactly one spelling."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import (
    MOST_BYTES,
    MOST_SIGNATURES,
    BadText,
    Checkpoint,
    Signature,
    is_key_name,
    read_checkpoint,
)

ID = "0123456789abcdef" * 2
ROOT = bytes(range(32))
PLAIN = Checkpoint(ID, 42, ROOT)
SIGNED = PLAIN._replace(signatures=(Signature("example.com/team", b"\x01\x02\x03\x04", bytes(64)),))

names = st.text(min_size=1, max_size=20).filter(is_key_name)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
checkpoints = st.builds(
    Checkpoint,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(0, 2**53 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(signatures, max_size=3).map(tuple),
)


def test_a_checkpoint_is_the_four_lines_of_the_format() -> None:
    """Origin, size, root in base64 and the hash of the tree, each ended by a line feed."""
    root = base64.b64encode(ROOT).decode()
    assert PLAIN.to_text() == f"sample-ledger/{ID}\n42\n{root}\ntree-hash blake3\n"
    assert PLAIN.position == 41


def test_a_signature_is_a_line_after_an_empty_one() -> None:
    """A dash, the name of the key, and base64 of the id and what it made; the four lines are what is signed."""
    made = base64.b64encode(b"\x01\x02\x03\x04" + bytes(64)).decode()
    assert SIGNED.to_text() == f"{PLAIN.to_text()}\n\u2014 example.com/team {made}\n"
    assert SIGNED.said == PLAIN.to_text()


@given(checkpoints)
def test_what_is_written_reads_back(checkpoint: Checkpoint) -> None:
    """Whatever its numbers and signatures."""
    assert read_checkpoint(checkpoint.to_text()) == checkpoint


@given(st.text(max_size=200) | checkpoints.map(lambda one: one.to_text()[:-1]))
def test_any_text_is_a_checkpoint_in_its_one_spelling_or_none(text: str) -> None:
    """What reads is written again as the same text; nothing else happens than that it is refused."""
    try:
        found = read_checkpoint(text)
    except BadText:
        return
    assert found.to_text() == text


@pytest.mark.parametrize("whole", [PLAIN.to_text(), SIGNED.to_text()])
def test_no_byte_can_be_added_or_left_out(whole: str) -> None:
    """An inserted character makes another checkpoint or none, and so does a missing one."""
    for place in range(len(whole) + 1):
        for other in (
            whole[:place] + whole[place + 1 :],
            *(whole[:place] + extra + whole[place:] for extra in "0 \n=A"),
        ):
            try:
                found = read_checkpoint(other)
            except BadText:
                continue
            assert other == whole or found != read_checkpoint(whole)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (f"sample-ledger/{ID}", f"example.com/{ID}", "begins with"),
        (ID, ID.upper(), "begins with"),
        (ID, ID + "0", "begins with"),
        ("\n42\n", "\n042\n", "not a number"),
        ("\n42\n", "\n-1\n", "not a number"),
        ("\n42\n", "\n4_2\n", "not a number"),
        ("\n42\n", "\n\u0664\u0662\n", "not a number"),
        ("\n42\n", f"\n{2**53}\n", "not a number"),
        ("\n42\n", f"\n{'9' * 10000}\n", "not a number"),
        ("8=\n", "8\n", "not base64"),
        ("8=\n", "9=\n", "one spelling"),
        ("Hh8=\n", "\n", "not a hash"),
        ("tree-hash blake3", "tree-hash sha256", "no other tree"),
        ("tree-hash blake3\n", "", "4 lines"),
        ("tree-hash blake3\n", "tree-hash blake3\nmore\n", "4 lines"),
        ("blake3\n", "blake3", "spelled"),
        ("blake3\n", "blake3\n\n", "spelled"),
        ("blake3\n", "blake3\n\n- k AAAA\n", "a dash"),
        ("blake3\n", "blake3\n\n\u2014 k\n", "too short"),
        ("blake3\n", "blake3\n\n\u2014 k AAAAAA==\n", "too short"),
        ("blake3\n", "blake3\n\n\u2014 a+b AAAAAAAA\n", "a dash"),
        ("blake3\n", "blake3\n\n\u2014 k A?AA\n", "not base64"),
        ("blake3\n", "blake3\r\n", "no other tree"),
        ("blake3\n", "blake3\n\n" + "\u2014 k AAAAAAAA\n" * (MOST_SIGNATURES + 1), "signatures"),
        ("blake3\n", "blake3\n\n" + "\u2014 k AAAAAAAA\n" * MOST_BYTES, "too long"),
    ],
)
def test_another_spelling_is_refused(old: str, new: str, says: str) -> None:
    """Numbers, base64, lines and signatures are written in one way only, and the reason is said."""
    text = PLAIN.to_text()
    assert old in text
    with pytest.raises(BadText, match=says):
        read_checkpoint(text.replace(old, new))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\nb", "a\u2028b", "\x1b[31m"])
def test_what_cannot_name_a_key(name: str) -> None:
    """White space and plus signs would take a line apart; what cannot be seen has no place either."""
    assert not is_key_name(name)
    assert is_key_name("example.com/team")
