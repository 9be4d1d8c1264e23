"""Proof files: everything honest verifies, nothing else does, and hostile ones are refused at once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import BadText, Checkpoint, base64_of
from ledger.proof import (
    MAGIC,
    MOST_BYTES,
    Consistency,
    Included,
    Inclusion,
    Proof,
    contradiction,
    read_proof,
)
from ledger.tree import (
    Frontier,
    complete_tiles,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    subtrees,
)

ID = "ab" * 16
QUICK = 2.0
"""Seconds in which any file at all is refused; the largest has 16 MiB."""


class Log:
    """A log of so many leaves, with its tiles."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Hash the leaves and keep the tiles over them."""
        self.leaves = leaves
        self.hashes = [leaf_hash(leaf) for leaf in leaves]
        tiles = complete_tiles(0, self.hashes, lambda *_: b"")
        roots = {(tile.level + 1, tile.number): tile.root for tile in tiles}
        self.subtree = subtrees(lambda level, index: roots[level, index] if level else self.hashes[index])

    def head(self, size: int) -> Checkpoint:
        """Return the head over the first leaves."""
        return Checkpoint(ID, size, Frontier().extend(self.hashes[:size]).root())

    def inclusion(self, positions: Sequence[int], size: int) -> Inclusion:
        """Return the proof of leaves in a head."""
        events = [
            Included(at, self.leaves[at], tuple(inclusion_proof(at, size, self.subtree))) for at in sorted(positions)
        ]
        return Inclusion(tuple(events), self.head(size))

    def consistency(self, first: int, second: int) -> Consistency:
        """Return the proof from one head to another."""
        path = consistency_proof(first, second, self.subtree)
        return Consistency(first, self.head(first).root, tuple(path), self.head(second))


def leaves_of(count: int) -> list[bytes]:
    """Return so many different leaves."""
    return [json.dumps({"kind": "tagged", "n": n}, separators=(",", ":")).encode() for n in range(count)]


LARGE = Log(leaves_of(700))
leaf_texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)


def holds(data: bytes) -> bool:
    """Say whether a file reads as a proof that holds."""
    try:
        found = read_proof(data)
    except BadText:
        return False
    return not isinstance(found, Checkpoint) and found.fault() is None


@given(st.lists(leaf_texts, min_size=1, max_size=40))
def test_every_event_of_a_random_log_is_shown(texts: list[str]) -> None:
    """For each size that the log has had, each event up to there, alone and all together."""
    log = Log([text.encode() for text in texts])
    for size in range(1, len(texts) + 1):
        assert log.head(size).root == root_of(log.hashes[:size])
        together = log.inclusion(range(size), size)
        assert read_proof(together.to_text().encode()) == together
        assert together.fault() is None
        for at in range(size):
            assert holds(log.inclusion([at], size).to_text().encode())
        for first in range(1, size + 1):
            assert holds(log.consistency(first, size).to_text().encode())


@given(st.randoms(use_true_random=False))
def test_proofs_of_a_log_with_tiles(chance: random.Random) -> None:
    """The same where the paths come from tiles."""
    size = chance.randint(1, len(LARGE.leaves))
    some = chance.sample(range(size), min(size, 5))
    assert holds(LARGE.inclusion(some, size).to_text().encode())
    assert holds(LARGE.consistency(chance.randint(1, size), size).to_text().encode())


@pytest.mark.parametrize(
    "proof",
    [LARGE.inclusion([3], 11), LARGE.inclusion([0, 5, 6], 7), LARGE.consistency(6, 13), LARGE.consistency(4, 4)],
    ids=["inclusion", "several", "consistency", "equal"],
)
def test_no_byte_of_a_proof_can_change(proof: Proof) -> None:
    """Against the head that is trusted, every file that differs in one byte is refused: changed, added or left out."""
    whole = proof.to_text().encode()
    assert holds(whole)
    for place in range(len(whole)):
        kept = whole[:place], whole[place + 1 :]
        others = {kept[0] + kept[1], *(kept[0] + bytes([whole[place] ^ 1 << bit]) + kept[1] for bit in range(8))}
        others |= {whole[:place] + extra + whole[place:] for extra in (b"0", b"\n", b" ", b"\x00", b"A", b"=")}
        for other in others - {whole}:
            if holds(other):
                found = read_proof(other)
                assert not isinstance(found, Checkpoint)
                assert found.head != proof.head, (place, other)


def test_a_changed_leaf_path_or_head_does_not_hold() -> None:
    """And which event it is about is said."""
    proof = LARGE.inclusion([3, 9], 11)
    one, two = proof.events
    for spoiled in (two._replace(leaf=two.leaf + b" "), two._replace(position=10), two._replace(path=two.path[:-1])):
        assert "position" in str(proof._replace(events=(one, spoiled)).fault())
    assert proof._replace(head=LARGE.head(12)).fault() is not None
    went_on = LARGE.consistency(6, 13)
    for wrong in (went_on._replace(size=7), went_on._replace(root=bytes(32)), went_on._replace(path=())):
        assert "do not begin" in str(wrong.fault())


def test_what_contradicts_itself_is_told_as_two_heads() -> None:
    """The head that was seen stands beside the proof of what there is now, which reads back."""
    seen, went_on = Checkpoint(ID, 6, bytes(32)), LARGE.consistency(6, 13)
    told = contradiction(seen, went_on.head, went_on)
    _, was, now = told.split(":\n\n")
    assert was.startswith(seen.to_text())
    assert read_proof(now.encode()) == went_on
    assert contradiction(seen, LARGE.head(4), None).endswith(LARGE.head(4).to_text())


def test_a_bare_checkpoint_reads_as_one() -> None:
    """A file that is no proof may be a head."""
    assert read_proof(LARGE.head(5).to_text().encode()) == LARGE.head(5)


_HEAD = "\n\n" + LARGE.head(5).to_text()
_HASH = base64_of(bytes(32))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with"),
        (f"{MAGIC} inclusion{_HEAD}", "no event"),
        (f"{MAGIC} absence\nevent 1{_HEAD}", "does not know"),
        (f"{MAGIC}2 inclusion\nevent 1{_HEAD}", "does not know"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x", "begins with"),
        (f"{MAGIC} inclusion\nevent 01\nleaf x{_HEAD}", "not a number"),
        (f"{MAGIC} inclusion\nevent 1{_HEAD}", "'leaf' is missing"),
        (f"{MAGIC} inclusion\nleaf x{_HEAD}", "'event' is missing"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x\nevent 1\nleaf x{_HEAD}", "order"),
        (f"{MAGIC} inclusion\nevent 2\nleaf x\nevent 1\nleaf x{_HEAD}", "order"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x\nhash{_HEAD}", "not a hash"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x\n{_HASH[:-2]}B={_HEAD}", "one spelling"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x\n" + f"{_HASH}\n" * 65 + _HEAD.lstrip(), "begins with"),
        (f"{MAGIC} inclusion\nevent 1\nleaf x" + f"\n{_HASH}" * 65 + _HEAD, "more than 64"),
        (f"{MAGIC} consistency{_HEAD}", "'from' is missing"),
        (f"{MAGIC} consistency\nfrom 1{_HEAD}", "not a hash"),
        (f"{MAGIC} consistency\nfrom 1 {_HASH} {_HASH}{_HEAD}", "not a hash|not base64"),
        (f"{MAGIC} consistency\nfrom 1 {_HASH}\nevent 1{_HEAD}", "not a hash|not base64"),
        (f"{MAGIC} consistency\nfrom 1 {_HASH}\r{_HEAD}", "not base64"),
    ],
)
def test_what_is_no_proof_is_refused(text: str, says: str) -> None:
    """The reason is said."""
    with pytest.raises(BadText, match=says):
        read_proof(text.encode())


def _hostile() -> list[bytes]:
    start = f"{MAGIC} inclusion\n".encode()
    end = _HEAD.encode()
    room = MOST_BYTES - len(start) - len(end)
    return [
        bytes(MOST_BYTES + 1),
        b"\n" * MOST_BYTES,
        b"\xff" * MOST_BYTES,
        random.Random(6).randbytes(MOST_BYTES),  # noqa: S311 - any bytes
        b"[" * MOST_BYTES,
        start + b"\n" * room,
        start + b"event 0\nleaf " + b"[" * (room - 99) + end,
        start + b"event " + b"9" * (room - 99) + end,
        start + b"event 0\nleaf x\n" + b"A" * (room - 99) + end,
        start + b"event 0\nleaf x\n" + b"a\n" * (room // 2 - 99) + end,
        start + b"event 0\nleaf x" + f"\n{_HASH}".encode() * (room // 45 - 9) + end,
        start + b"".join(b"event %d\nleaf x\n" % at for at in range(room // 25)) + end[1:],
        f"sample-ledger/{ID}\n".encode() + b"1\n" * (MOST_BYTES // 3),
    ]


@pytest.mark.parametrize("number", range(13))
def test_hostile_files_are_refused_at_once(number: int) -> None:
    """Huge, binary, deep, endless: each is refused, in processor time that does not grow beyond reading it once."""
    data = _hostile()[number]
    started = time.process_time()
    assert not holds(data)
    assert time.process_time() - started < QUICK


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    """No bytes lead to another error than the one for what cannot be read."""
    assert not holds(data)
    assert not holds(f"{MAGIC} inclusion\n".encode() + data)
    assert not holds(f"{MAGIC} consistency\n".encode() + data + _HEAD.encode())
