"""The texts that were seen: whose they are, which are the same, and the band keys of each different one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ledger.similarity.contract import ID_BYTES, Engine, NearRecipe
from ledger.similarity.engines import chosen
from ledger.similarity.fields import words
from ledger.similarity.shingles import TEXT_DIGEST, text_digest

Bytes: TypeAlias = NDArray[np.uint8]
"""An array (count, width) of bytes."""

NO_TEXT = 0xFFFFFFFF
"""The place of a text without words."""

_TEXTS = 256
_CHARACTERS = 1 << 22
"""What is reduced to keys at a time, at most (few texts fit the cache of a processor); one longer text by itself."""


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """What a search needs to know of texts, without the texts: about 36 bytes for each id and 100 for each text.

    `ids` are in ascending order; `places` says for each which row of the others it has, or NO_TEXT. Of the texts that
    differ in their words, `digests` (ascending) tell them apart, `keys` are their band keys, `sizes` the numbers of
    their shingles. The same texts make the same index, whatever order they came in and in how many steps.
    """

    recipe: NearRecipe
    ids: Bytes
    places: NDArray[np.uint32]
    digests: Bytes
    keys: NDArray[np.uint32]
    sizes: NDArray[np.uint32]

    def first_ids(self) -> Bytes:
        """Return the smallest id of each different text."""
        with_text = self.places != NO_TEXT
        _, first = np.unique(self.places[with_text], return_index=True)
        found: Bytes = self.ids[with_text][first]
        return found

    def places_of(self, ids: Sequence[bytes]) -> NDArray[np.int64]:
        """Return the row of the text of each id; -1 for an id that is not here, or has no words."""
        asked = _rows(ids, ID_BYTES)
        if not self.ids.size or not asked.size:
            return np.full(len(ids), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(_ordered(self.ids), _ordered(asked)), len(self.ids) - 1)
        here = (self.ids[at] == asked).all(axis=1) & (self.places[at] != NO_TEXT)
        return np.where(here, self.places[at].astype(np.int64), -1)

    def holds(self, digests: Bytes) -> NDArray[np.bool_]:
        """Say of each text here whether its digest is among these, all of which are here."""
        seen = np.zeros(len(self.digests), dtype=bool)
        seen[np.searchsorted(_ordered(self.digests), _ordered(digests))] = True
        return seen

    def same(self) -> list[tuple[bytes, ...]]:
        """Return the ids that share a text, group by group, ids ascending."""
        rows = np.flatnonzero(self.places != NO_TEXT)
        rows = rows[np.argsort(self.places[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(self.places[rows].astype(np.int64), prepend=-1))
        sizes = np.diff(starts, append=len(rows))
        runs = zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True)
        return sorted(tuple(self.ids[row].tobytes() for row in rows[start : start + size]) for start, size in runs)

    def without(self, ids: Iterable[bytes]) -> Index:
        """Return the index that would be had these ids never been seen."""
        gone = _rows(sorted(set(ids)), ID_BYTES)
        stay = ~np.isin(_ordered(self.ids), _ordered(gone))
        return _index(self.recipe, [_part(self, stay)])


@dataclass(slots=True)
class _Part:
    """Some ids with the digests of their texts, and what is known of texts; both in any order, texts repeated."""

    ids: Bytes
    told: NDArray[np.bool_]
    texts: Bytes
    digests: Bytes
    keys: NDArray[np.uint32]
    sizes: NDArray[np.uint32]


@dataclass(slots=True)
class _Batch:
    """Texts that wait to be reduced to keys: each different one once."""

    ids: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    texts: dict[bytes, list[str]] = field(default_factory=dict)
    characters: int = 0

    def add(self, key: bytes, text: str) -> None:
        if len(key) != ID_BYTES:
            raise ValueError(f"an id has {ID_BYTES} bytes, not {len(key)}")
        told = words(text)
        digest = text_digest(told) if told else b""
        self.ids.append(key)
        self.digests.append(digest)
        if told and digest not in self.texts:
            self.texts[digest] = told
            self.characters += len(text)

    def part(self, engine: Engine, recipe: NearRecipe) -> _Part:
        keys = engine.keys(list(self.texts.values()), recipe)
        told = np.fromiter(map(bool, self.digests), dtype=bool, count=len(self.digests))
        return _Part(
            _rows(self.ids, ID_BYTES),
            told,
            _rows([digest for digest in self.digests if digest], TEXT_DIGEST),
            _rows(list(self.texts), TEXT_DIGEST),
            keys.values,
            keys.sizes,
        )


def index_of(units: Iterable[tuple[bytes, str]], recipe: NearRecipe) -> Index:
    """Return the index of texts with ids (32 bytes each); holds some hundred texts at a time.

    An id may come twice with the same words; with different ones that is a ValueError.
    """
    recipe, engine = chosen(recipe)
    return _index(recipe, [batch.part(engine, recipe) for batch in _batches(units)])


def merged(one: Index, other: Index) -> Index:
    """Return the index of all that either has seen; ValueError if their keys were not made by one recipe."""
    if one.recipe.keyed() != other.recipe.keyed():
        raise ValueError("the keys of two different recipes cannot be compared")
    return _index(other.recipe, [_part(one), _part(other)])


def _batches(units: Iterable[tuple[bytes, str]]) -> Iterator[_Batch]:
    batch = _Batch()
    for key, text in units:
        batch.add(key, text)
        if len(batch.ids) >= _TEXTS or batch.characters >= _CHARACTERS:
            yield batch
            batch = _Batch()
    if batch.ids:
        yield batch


def _part(index: Index, stay: NDArray[np.bool_] | None = None) -> _Part:
    ids, places = (index.ids, index.places) if stay is None else (index.ids[stay], index.places[stay])
    told = places != NO_TEXT
    return _Part(ids, told, index.digests[places[told]], index.digests, index.keys, index.sizes)


def _index(recipe: NearRecipe, parts: Sequence[_Part]) -> Index:
    """Return the parts as one index, each id and each text once, texts that no id has left out."""
    ids = _stacked([part.ids for part in parts], ID_BYTES)
    told = np.concatenate([part.told for part in parts]) if parts else np.zeros(0, dtype=bool)
    digests, places = _distinct(_ordered(_stacked([part.texts for part in parts], TEXT_DIGEST)))
    of_id = np.full(len(ids), NO_TEXT, dtype=np.uint32)
    of_id[told] = places
    order = np.argsort(_ordered(ids), kind="stable")
    ids, of_id = ids[order], of_id[order]
    again = np.zeros(len(ids), dtype=bool)
    again[1:] = (ids[1:] == ids[:-1]).all(axis=1)
    if (of_id[1:] != of_id[:-1])[again[1:]].any():
        raise ValueError("one id came with two different texts")
    keys, sizes = _known(parts, digests, recipe.bands)
    return Index(recipe, ids[~again], of_id[~again], _plain(digests, TEXT_DIGEST), keys, sizes)


def _known(
    parts: Sequence[_Part], digests: NDArray[np.bytes_], bands: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return keys and sizes of these texts, taken from whichever part has them."""
    keys = np.zeros((len(digests), bands), dtype=np.uint32)
    sizes = np.zeros(len(digests), dtype=np.uint32)
    for part in parts:
        if len(part.digests) and len(digests):
            theirs = _ordered(part.digests)
            at = np.minimum(np.searchsorted(digests, theirs), len(digests) - 1)
            here = digests[at] == theirs
            keys[at[here]], sizes[at[here]] = part.keys[here], part.sizes[here]
    return keys, sizes


def _distinct(items: NDArray[np.bytes_]) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
    """Return each item once, ascending, and the place of each among them; quickly where sorted runs follow another."""
    order = np.argsort(items, kind="stable")
    items = items[order]
    fresh = np.ones(len(items), dtype=bool)
    fresh[1:] = items[1:] != items[:-1]
    places = np.empty(len(items), dtype=np.int64)
    places[order] = np.cumsum(fresh) - 1
    return items[fresh], places


def _rows(items: Sequence[bytes], width: int) -> Bytes:
    return np.frombuffer(b"".join(items), dtype=np.uint8).reshape(len(items), width)


def _stacked(arrays: Sequence[Bytes], width: int) -> Bytes:
    return np.concatenate(arrays) if arrays else np.zeros((0, width), dtype=np.uint8)


def _ordered(rows: Bytes) -> NDArray[np.bytes_]:
    """Return rows of bytes as items that numpy sorts and looks up in the order of the bytes."""
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").reshape(len(rows))


def _plain(items: NDArray[np.bytes_], width: int) -> Bytes:
    return np.ascontiguousarray(items).view(np.uint8).reshape(len(items), width)
