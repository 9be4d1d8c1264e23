"""An index as bytes: a header that says what it holds, the arrays in little-endian order, a checksum."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.digest import DIGEST_BYTES, NotRestricted, blake3_bytes, decode, encode
from ledger.errors import BadRequest
from ledger.similarity.contract import ID_BYTES, recipe_of
from ledger.similarity.index import NO_TEXT, Index
from ledger.similarity.shingles import TEXT_DIGEST

MAGIC = b"near-duplicates 1\n"
_LENGTH = struct.Struct("<I")
_WORD = np.dtype("<u4")


def to_bytes(index: Index) -> bytes:
    """Return an index as bytes, the same for the same index on every machine."""
    head = encode({"ids": len(index.ids), "recipe": index.recipe.as_json(), "texts": len(index.digests)})
    numbers = (index.places, index.keys, index.sizes)
    arrays = [index.ids.tobytes(), index.digests.tobytes(), *(each.astype(_WORD).tobytes() for each in numbers)]
    body = b"".join([MAGIC, _LENGTH.pack(len(head)), head, *arrays])
    return body + blake3_bytes(body)


def from_bytes(data: bytes) -> Index:
    """Return the index that `to_bytes` wrote; raise ValueError for anything else, damage included."""
    body, seal = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if not body.startswith(MAGIC) or blake3_bytes(body) != seal:
        raise ValueError("not an index of near-duplicates, or a damaged one")
    at = len(MAGIC) + _LENGTH.size
    try:
        end = at + _LENGTH.unpack_from(body, len(MAGIC))[0]
        return _unpacked(decode(body[at:end]), body, end)
    except (BadRequest, KeyError, NotRestricted, TypeError, struct.error) as error:
        raise ValueError(f"not an index that this version reads: {error}") from error


def _unpacked(head: Mapping[str, Any], body: bytes, start: int) -> Index:
    recipe, ids, texts = recipe_of(head["recipe"]), int(head["ids"]), int(head["texts"])
    sizes = (ids * ID_BYTES, texts * TEXT_DIGEST, 4 * ids, 4 * texts * recipe.bands, 4 * texts)
    if start + sum(sizes) != len(body):
        raise ValueError("not an index of near-duplicates: its length is not what its header says")
    cuts = np.cumsum((start, *sizes)).tolist()
    raw = [body[first:last] for first, last in pairwise(cuts)]
    places = _numbers(raw[2])
    if (places[places != NO_TEXT] >= texts).any():
        raise ValueError("not an index of near-duplicates: an id has a text that is not there")
    return Index(
        recipe,
        np.frombuffer(raw[0], dtype=np.uint8).reshape(ids, ID_BYTES),
        places,
        np.frombuffer(raw[1], dtype=np.uint8).reshape(texts, TEXT_DIGEST),
        _numbers(raw[3]).reshape(texts, recipe.bands),
        _numbers(raw[4]),
    )


def _numbers(raw: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(raw, dtype=_WORD).astype(np.uint32)
