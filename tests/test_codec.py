"""Packing: what comes out is what went in, and what was damaged is never anything else than damaged."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ledger.codec import DICTIONARY_BYTES, LARGEST, PATIENT_LEVEL, RAW, Codec, Dictionary, Unpackable, train
from ledger.digest import blake3_bytes
from ledger.errors import CodecMissing

PATH = Path("ledger.db")
LESSONS = [b'{"prompt": "What is %d times %d?", "completion": "%d"}' % (n, n + 1, n * n + n) for n in range(300)]


def dictionary(body: bytes, number: int = 1) -> Dictionary:
    """Return a sound dictionary."""
    return Dictionary(number, blake3_bytes(body), body)


TRAINED = dictionary(train(PATH, LESSONS))
EMPTY = dictionary(b"", 2)
KEPT = {one.number: one for one in (TRAINED, EMPTY)}


def codec() -> Codec:
    """Return a codec that has both dictionaries."""
    return Codec(PATH, KEPT.get)


@given(st.binary(max_size=4000) | st.sampled_from(LESSONS), st.sampled_from([TRAINED, EMPTY]), st.booleans())
def test_what_was_packed_comes_back(body: bytes, by: Dictionary, patient: bool) -> None:  # noqa: FBT001 - drawn
    """Any bytes, with and without a dictionary; never stored longer than they are."""
    level = {"level": PATIENT_LEVEL} if patient else {}
    number, stored = codec().packer(by.number, by.hash, **level)(body)
    assert len(stored) <= len(body)
    assert number in {by.number, RAW}
    assert codec().unpack(number, len(body), stored) == body
    assert codec().plain(number, len(body), stored) == body


def test_a_dictionary_is_what_makes_short_bytes_short() -> None:
    """Lines like those that it was trained on take less than two thirds of what they take without it."""
    body = LESSONS[7].replace(b"What", b"How much")
    with_it = codec().packer(TRAINED.number, TRAINED.hash)(body)[1]
    without = codec().packer(EMPTY.number, EMPTY.hash)(body)[1]
    assert len(with_it) * 3 < len(without) * 2
    assert TRAINED.body == train(PATH, LESSONS)
    assert len(TRAINED.body) <= min(DICTIONARY_BYTES, sum(map(len, LESSONS)) // 8)


@pytest.mark.parametrize(
    "lessons", [[], [b"x"], [b"x"] * 8, [b""] * 999, [b"abcdefgh"] * 600, [bytes([n % 256]) for n in range(5000)]]
)
def test_too_little_to_learn_from(lessons: list[bytes]) -> None:
    """What cannot teach gives an empty dictionary, or one that works; never an error, never a crash."""
    made = dictionary(train(PATH, lessons), 5)
    both = Codec(PATH, {5: made}.get)
    number, stored = both.packer(5, made.hash)(LESSONS[0] * 3)
    assert both.unpack(number, len(LESSONS[0]) * 3, stored) == LESSONS[0] * 3


@given(st.sampled_from(LESSONS), st.data())
def test_damage_is_damage(body: bytes, data: st.DataObject) -> None:
    """Changed bits, cut ends and added bytes are Unpackable, or bytes of the size that the address then refuses."""
    stored = bytearray(codec().packer(1, TRAINED.hash)(body)[1])
    spoil = data.draw(st.sampled_from(["flip", "cut", "add"]))
    if spoil == "flip":
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    elif spoil == "cut":
        del stored[data.draw(st.integers(0, len(stored) - 1)) :]
    else:
        stored += data.draw(st.binary(min_size=1, max_size=9))
    try:
        assert len(codec().unpack(1, len(body), bytes(stored))) == len(body)
    except Unpackable:
        assert codec().plain(1, len(body), bytes(stored)) == bytes(stored)


@given(st.sampled_from(LESSONS), st.integers(-5, LARGEST * 2))
def test_another_size_is_damage(body: bytes, size: int) -> None:
    """The size is part of what is checked before anything is unpacked."""
    stored = codec().packer(1, TRAINED.hash)(body)[1]
    if size != len(body):
        with pytest.raises(Unpackable):
            codec().unpack(1, size, stored)


def test_a_bomb_is_bounded_by_the_size() -> None:
    """Bytes that claim or hold more than the size says are not unpacked."""
    bomb = zstandard.compress(b"\0" * (64 << 20))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (64 << 20))
    tracemalloc.start()
    for body in (bomb, unsized):
        for size in (0, 10, (64 << 20) - 1):
            with pytest.raises(Unpackable):
                codec().unpack(2, size, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_dictionary_that_is_gone_or_damaged() -> None:
    """Both are found before anything is packed or unpacked with it."""
    number, stored = codec().packer(1, TRAINED.hash)(LESSONS[0])
    spoilt = TRAINED._replace(body=TRAINED.body[:-1] + bytes([TRAINED.body[-1] ^ 1]))
    for fetch in (lambda _number: None, lambda _number: spoilt):
        with pytest.raises(Unpackable, match="dictionary 1"):
            Codec(PATH, fetch).unpack(number, len(LESSONS[0]), stored)
        with pytest.raises(Unpackable, match="dictionary 1"):
            Codec(PATH, fetch).packer(1, TRAINED.hash)


def test_a_number_that_is_another_s_now() -> None:
    """A file that was packed anew behind a codec's back is read and appended to with what it holds now."""
    other = dictionary(train(PATH, [lesson.replace(b"times", b"plus") for lesson in LESSONS]))
    held = {1: TRAINED}
    here = Codec(PATH, held.get)
    number, stored = here.packer(1, TRAINED.hash)(LESSONS[0])
    assert here.unpack(number, len(LESSONS[0]), stored) == LESSONS[0]
    held[1] = other
    number, stored = here.packer(1, other.hash)(LESSONS[0])
    assert here.unpack(number, len(LESSONS[0]), stored) == LESSONS[0]
    assert Codec(PATH, held.get).unpack(number, len(LESSONS[0]), stored) == LESSONS[0]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw bytes need nothing; packed ones say what to install."""
    number, stored = codec().packer(1, TRAINED.hash)(LESSONS[0])
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert codec().unpack(RAW, 3, b"abc") == b"abc"
    for use in (
        lambda: codec().unpack(number, len(LESSONS[0]), stored),
        lambda: codec().packer(1, TRAINED.hash),
        lambda: train(PATH, LESSONS),
    ):
        with pytest.raises(CodecMissing, match=r"ledger\.db"):
            use()
