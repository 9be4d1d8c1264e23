"""Addresses and restricted JSON: known BLAKE3 values, three encoders that agree, and all that is refused."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import LARGEST_INT, NotRestricted, blake3_bytes, decode, digest_of, encode, parse, show
from tests.strategies import json_values, restricted_json

EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
ABC = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Pair(NamedTuple):
    """A tuple that is not just a tuple."""

    left: int
    right: int


def rfc8785(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the canonical JSON of RFC 8785 for a value without floats, written from sections 3.2.2 and 3.2.3."""
    if isinstance(value, str):
        return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(rfc8785, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{rfc8785(key)}:{rfc8785(value[key])}" for key in keys) + "}"
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


@pytest.mark.parametrize(("data", "digest"), [(b"", EMPTY), (b"abc", ABC)])
def test_addresses_are_those_of_b3sum(data: bytes, digest: str) -> None:
    """A blob's address is plain BLAKE3, as published for these inputs."""
    assert blake3_bytes(data).hex() == digest
    assert show(blake3_bytes(data)) == f"b3:{digest}"


@given(restricted_json())
def test_three_encoders_agree(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Within restricted JSON the ledger, the standard library, orjson and RFC 8785 write the same bytes."""
    ours = encode(value)
    assert ours == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert ours == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    assert ours == rfc8785(value).encode()


@given(restricted_json())
def test_decode_undoes_encode(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """What is encoded is read back, from bytes and from text, and its digest is that of the bytes."""
    data = encode(value)
    assert decode(data) == decode(data.decode()) == value
    assert digest_of(value) == blake3_bytes(data)


@given(json_values(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_decode_takes_only_what_encode_writes(value: Any, separators: tuple[str, str]) -> None:  # noqa: ANN401 - any JSON value
    """Any JSON text either is refused or is byte for byte what `encode` makes of its value."""
    data = json.dumps(value, separators=separators).encode()
    try:
        decoded = decode(data)
    except NotRestricted:
        return
    assert encode(decoded) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b"[1] ",
        b"-0",
        b"1.0",
        b"1e3",
        b"18446744073709551616",
        b"9007199254740992",
        b'"\\u0041"',
        b'"\\/"',
        b'"\xff"',
        b"[" * 2000,
        b"[" * 300 + b"]" * 300,
        "\ud800",
        '"\ud800"',
        b'"\\ud800"',
        b"NaN",
    ],
    ids=map(str, count()),
)
def test_other_spellings_are_refused(data: bytes | str) -> None:
    """A leaf has one spelling: anything else, or anything outside restricted JSON, is not decoded."""
    with pytest.raises(NotRestricted):
        decode(data)


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        LARGEST_INT + 1,
        -LARGEST_INT - 1,
        "\ud800",
        ["\udfff"],
        {"a": "\ud83d"},
        {"ä": 1},
        {1: 1},
        {None: 1},
        {"a": {"b": [0.5]}},
        b"bytes",
        {1, 2},
        (Pair(1, 2),),
        {"a": {"b": LARGEST_INT + 1}},
        _deep(300),
        _deep(5000),
    ],
    ids=map(str, count()),
)
def test_what_has_no_one_form_is_refused(value: Any) -> None:  # noqa: ANN401 - anything
    """Floats, big integers, lone surrogates, other keys and types, and depth are refused, never written somehow."""
    with pytest.raises(NotRestricted):
        encode(value)


def test_the_message_says_where() -> None:
    """The refusal names the path of what is wrong."""
    with pytest.raises(NotRestricted, match=r"^\$\.a\[1\]\.b: float has no place"):
        encode({"a": [0, {"b": 0.5}]})


def test_limits_and_subclasses_are_written() -> None:
    """The largest integers, tuples and dict subclasses are in restricted JSON."""
    assert encode((LARGEST_INT, -LARGEST_INT)) == b"[9007199254740991,-9007199254740991]"
    assert encode({"counts": Counter("aab"), "on": True}) == b'{"counts":{"a":2,"b":1},"on":true}'


@given(st.binary(min_size=32, max_size=32))
def test_parse_undoes_show(raw: bytes) -> None:
    """A shown digest, or its plain hex in either case, parses to the same bytes."""
    assert parse(show(raw)) == parse(raw.hex()) == parse(raw.hex().upper()) == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b3:",
        "b3:00",
        "0" * 63,
        "0" * 65,
        "g" * 64,
        " " + "0" * 63,
        "00 " * 21 + "0",
        "00 " * 21 + " ",
        "b3:b3:" + "0" * 64,
        "\u0660" * 64,
    ],
)
def test_what_is_no_whole_digest_is_refused(text: str) -> None:
    """A digest is 64 hex digits, with nothing between or around them."""
    with pytest.raises(ValueError, match=r"digest|hexadecimal"):
        parse(text)
