"""The index of what was seen: a value, the same however it came about, and as bytes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.digest import blake3_bytes
from ledger.similarity.contract import NearRecipe
from ledger.similarity.index import NO_TEXT, Index, index_of, merged
from ledger.similarity.packed import MAGIC, from_bytes, to_bytes
from tests import twins

if TYPE_CHECKING:
    from collections.abc import Sequence

RECIPE = NearRecipe(bands=4, rows=2)
UNITS = st.lists(
    st.tuples(
        st.sampled_from([b"\0" * 32, b"\0" * 31 + b"\1", b"a" * 32, b"a" + b"\0" * 31, b"\xff" * 32]), st.text("ab ")
    ),
    unique_by=lambda unit: unit[0],
)


def ids_of(index: Index) -> list[bytes]:
    """Return the ids of an index."""
    return [each.tobytes() for each in index.ids]


@given(UNITS, st.randoms(use_true_random=False), st.integers(0, 5))
@settings(max_examples=40)
def test_an_index_is_a_value(units: list[tuple[bytes, str]], draw: random.Random, cut: int) -> None:
    """Any order, any number of steps, some of it twice: the same bytes; and back from them."""
    whole = to_bytes(index_of(units, RECIPE))
    mixed = draw.sample(units, len(units))
    assert to_bytes(index_of([*mixed, *units[:1]], RECIPE)) == whole
    assert to_bytes(merged(index_of(mixed[:cut], RECIPE), index_of(mixed[cut:] + units[:2], RECIPE))) == whole
    assert to_bytes(from_bytes(whole)) == whole
    assert ids_of(from_bytes(whole)) == sorted(key for key, _ in units)


@given(UNITS, st.integers(0, 5))
@settings(max_examples=40)
def test_leaving_out_is_never_having_seen(units: list[tuple[bytes, str]], cut: int) -> None:
    """Nothing stays of an id that is taken out, its text's digest and keys included, unless another has that text."""
    whole = index_of(units, RECIPE)
    left = whole.without(key for key, _ in units[:cut])
    assert to_bytes(left) == to_bytes(index_of(units[cut:], RECIPE))


def test_batches_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal texts that came in different batches are one, and a batch ends at so many texts or characters."""
    units = [(twins.key(n), twins.text(n % 40)) for n in range(100)]
    whole = to_bytes(index_of(units, RECIPE))
    for texts, characters in ((7, 10**6), (10**6, 2000), (1, 1)):
        monkeypatch.setattr("ledger.similarity.index._TEXTS", texts)
        monkeypatch.setattr("ledger.similarity.index._CHARACTERS", characters)
        assert to_bytes(index_of(iter(units), RECIPE)) == whole
    assert len(from_bytes(whole).digests) == 40


def test_places() -> None:
    """Each id finds its text; a blank text and an unknown id have none; the smallest id stands for a shared text."""
    low, high, blank = b"\0" * 32, b"\1" * 32, b"\2" * 32
    index = index_of([(high, "Same words"), (blank, "?"), (low, "same, words!")], RECIPE)
    assert index.places_of([low, high, blank, b"\3" * 32]).tolist() == [0, 0, -1, -1]
    assert index.places.tolist() == [0, 0, NO_TEXT]
    assert [each.tobytes() for each in index.first_ids()] == [low]
    assert index_of([], RECIPE).places_of([low]).tolist() == [-1]
    assert index.places_of([]).tolist() == []


def test_what_is_refused() -> None:
    """One id with two texts, an id of another width, keys of another recipe; another threshold is no other recipe."""
    with pytest.raises(ValueError, match="two different texts"):
        index_of([(b"a" * 32, "one"), (b"a" * 32, "two")], RECIPE)
    with pytest.raises(ValueError, match="two different texts"):
        index_of([(b"a" * 32, "one"), (b"a" * 32, "")], RECIPE)
    with pytest.raises(ValueError, match="32 bytes"):
        index_of([(b"short", "one")], RECIPE)
    index = index_of([(b"a" * 32, "one")], RECIPE)
    for other in (replace(RECIPE, rows=3), replace(RECIPE, engine="numpy"), replace(RECIPE, field="answer")):
        with pytest.raises(ValueError, match="recipes"):
            merged(index, index_of([], other))
    assert len(merged(index, index_of([], replace(RECIPE, threshold=900_000))).ids) == 1


def test_size() -> None:
    """36 bytes for each id and 20 + 4 * bands for each different text, and a few hundred for the header."""
    index = index_of(twins.texts(300), NearRecipe())
    assert len(to_bytes(index)) - 300 * (36 + 100) < 400


@given(st.data())
@settings(max_examples=60)
def test_damage_is_told(data: st.DataObject) -> None:
    """A changed, shortened or lengthened index raises ValueError, and nothing else."""
    good = to_bytes(index_of([(b"a" * 32, "one two"), (b"b" * 32, "two one")], RECIPE))
    at = data.draw(st.integers(0, len(good) - 1))
    damaged = [good[:at], good + b"\0", good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]]
    for each in damaged:
        with pytest.raises(ValueError, match="not an index"):
            from_bytes(each)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b'{"ids":0,"recipe":{},"texts":0}',
        b'{"ids":1,"recipe":{"bands":4},"texts":0}',
        b'{"ids":-1,"recipe":{"bands":4},"texts":0}',
        b'{"ids":0,"recipe":{"bands":0},"texts":0}',
        b'{"ids":0,"recipe":{"bands":"4"},"texts":0}',
        b'{"ids":0,"recipe":[],"texts":0}',
        b'{"ids":null,"recipe":{},"texts":0}',
        b"[]",
        b'{"ids": 0}',
    ],
)
@pytest.mark.parametrize("length", [None, 0, 2**32 - 1])
def test_a_forged_header_is_told(head: bytes, length: int | None) -> None:
    """A right checksum does not make an index of what is none; an empty one with a header is one."""
    body = MAGIC + (len(head) if length is None else length).to_bytes(4, "little") + head
    forged = body + blake3_bytes(body)
    if length is None and head == b'{"ids":0,"recipe":{},"texts":0}':
        assert len(from_bytes(forged).ids) == 0
        return
    with pytest.raises(ValueError, match="not an index"):
        from_bytes(forged)


def test_a_header_that_is_cut_short_is_told() -> None:
    """The length of the header may be missing too."""
    for body in (MAGIC, MAGIC + b"\1"):
        with pytest.raises(ValueError, match="not an index"):
            from_bytes(body + blake3_bytes(body))


def test_a_place_that_is_not_there_is_told() -> None:
    """An index whose ids point beyond its texts is refused, though its checksum is right."""
    index = index_of([(b"a" * 32, "one")], RECIPE)
    wrong: Sequence[int] = [1]
    with pytest.raises(ValueError, match="not there"):
        from_bytes(to_bytes(replace(index, places=np.array(wrong, dtype=np.uint32))))
