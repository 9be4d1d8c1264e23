"""Addresses: BLAKE3 over exact bytes, and the one JSON form that the ledger itself writes.

Restricted JSON is the subset in which RFC 8785, the standard library and orjson agree byte for byte: objects with
ASCII keys in sorted order, strings without lone surrogates, integers within 2**53, true, false, null and arrays.
There are no floats; a score is written as a decimal string.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import orjson
from blake3 import blake3

Json: TypeAlias = Any
"""What restricted JSON can hold: objects with ASCII keys, arrays, strings, integers within 2**53, true, false, null."""

Fragment = orjson.Fragment
"""Restricted JSON that is written already, as `encoded` makes it."""

DIGEST_BYTES = 32
PREFIX = "b3:"
MIN_PREFIX = 6
LARGEST_INT = 2**53 - 1
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_SCALARS = frozenset({str, bool, type(None)})
_PLAIN = frozenset({*_SCALARS, int, Fragment})


class NotRestricted(ValueError):  # noqa: N818 - reads as the sentence it states; the class never reaches a user
    """A value lies outside restricted JSON; the message says where."""


def blake3_bytes(data: bytes) -> bytes:
    """Return the 32 bytes of BLAKE3 over `data` (what `b3sum` prints, as bytes)."""
    return blake3(data).digest()


def show(raw: bytes) -> str:
    """Return `b3:` and the hex of a digest: the form in which blobs, fingerprints and roots are shown."""
    return PREFIX + raw.hex()


def parse(text: str) -> bytes:
    """Return the bytes of a whole digest written by `show` or as plain hex; raise ValueError if it is not one."""
    digits = text.removeprefix(PREFIX)
    if len(digits) != 2 * DIGEST_BYTES or not digits.isalnum():  # fromhex skips white space
        raise ValueError(f"{text!r} is not a whole digest")
    return bytes.fromhex(digits)


def encode(value: Json) -> bytes:
    """Return the restricted JSON of `value`, the same bytes on every machine; raise NotRestricted otherwise."""
    try:
        if not _is_restricted(value):
            _check(value, "$")
        return orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        _check(value, "$")
        raise NotRestricted(str(error)) from error
    except RecursionError as error:
        raise NotRestricted("nested too deep") from error


def encoded(value: Json) -> Fragment:
    """Return `value` as restricted JSON that stands as it is in whatever it becomes part of; raise NotRestricted.

    For a part of several values: it is checked and written once.
    """
    return Fragment(encode(value))


def decode(data: bytes | str) -> Json:
    """Return the value of restricted JSON bytes; raise NotRestricted if they are not exactly that."""
    try:
        raw = data.encode() if isinstance(data, str) else data
        value: Json = orjson.loads(raw)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise NotRestricted(str(error)) from error
    if encode(value) != raw:
        raise NotRestricted("not in canonical form")
    return value


def digest_of(value: Json) -> bytes:
    """Return BLAKE3 over the restricted JSON of `value`."""
    return blake3_bytes(encode(value))


def _is_restricted(value: Json) -> bool:
    """Say whether nothing is wrong with a value, which is the usual case and told without saying where.

    Whether integers are small enough is left to orjson. Types and keys are looked at all at once, since every event
    passes here.
    """
    kind = type(value)
    if kind is dict:
        try:
            return "".join(value).isascii() and _are_restricted(value.values())
        except TypeError:  # a key that is no text
            return False
    return _are_restricted(value) if kind is list or kind is tuple else kind in _PLAIN


def _are_restricted(items: Collection[Json]) -> bool:
    return _PLAIN.issuperset(map(type, items)) or all(type(item) in _PLAIN or _is_restricted(item) for item in items)


def _check(value: Json, where: str) -> None:
    """Raise NotRestricted, saying what stands where."""
    kind = type(value)
    if kind in _SCALARS or kind is Fragment:
        return
    if kind is int:
        if not -LARGEST_INT <= value <= LARGEST_INT:
            raise NotRestricted(f"{where}: {value} is outside +-(2**53 - 1)")
    elif isinstance(value, dict):
        _check_items(value, where)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if type(item) not in _SCALARS:
                _check(item, f"{where}[{index}]")
    else:
        raise NotRestricted(f"{where}: {kind.__name__} has no place in restricted JSON")


def _check_items(value: dict[str, Json], where: str) -> None:
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            raise NotRestricted(f"{where}: the key {key!r} is not ASCII text")
        kind = type(item)
        if kind not in _SCALARS and not (kind is int and -LARGEST_INT <= item <= LARGEST_INT):
            _check(item, f"{where}.{key}")
