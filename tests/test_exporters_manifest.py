"""The manifest: the same bytes everywhere, and nothing taken on trust when it is read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import show
from ledger.exporters.manifest import BadManifest, Manifest, head_json, policy_json, read_manifest

GOOD: dict[str, Any] = {
    "considered": 3,
    "head": {"position": 5, "root": show(b"r" * 32)},
    "labels": {"true": 1, "false": 1},
    "ledger": "ab",
    "manifest": 1,
    "omitted": {"tail": 1},
    "output": {"blake3": show(b"o" * 32), "bytes": 3, "name": "out.jsonl"},
    "params": {"seed": "0"},
    "plan": "plain/1",
    "rows": 2,
    "type": "samples",
    "used": 2,
    "view": "accepted",
}

OTHER: dict[str, Any] = {"blake3": show(b"c" * 32), "bytes": 3, "name": "README.md"}


def test_what_is_written_is_read_back() -> None:
    """Reading what was written gives the same value, with its digests as bytes."""
    read = read_manifest(Manifest(GOOD).to_bytes())
    assert read.value == GOOD
    assert (read.position, read.root, read.output) == (5, b"r" * 32, b"o" * 32)


def test_the_bytes_do_not_depend_on_the_order_of_keys() -> None:
    """Keys are sorted and the file is laid out for people; every machine writes the same bytes."""
    turned = dict(reversed(GOOD.items()))
    assert Manifest(turned).to_bytes() == Manifest(GOOD).to_bytes()
    assert (
        Manifest({"b": [1], "a": {"ä": None}}).to_bytes()
        == '{\n  "a": {\n    "ä": null\n  },\n  "b": [\n    1\n  ]\n}\n'.encode()
    )


def test_a_head_is_told_alike_everywhere() -> None:
    """Position and root, the root with its prefix."""
    assert head_json(-1, b"\0" * 32) == {"position": -1, "root": "b3:" + "00" * 32}


@pytest.mark.parametrize("key", sorted(GOOD))
def test_every_key_is_needed(key: str) -> None:
    """A manifest without one of its keys says which one is missing."""
    with pytest.raises(BadManifest, match=key):
        read_manifest(json.dumps({name: value for name, value in GOOD.items() if name != key}).encode())


@pytest.mark.parametrize("key", sorted(GOOD))
@pytest.mark.parametrize("value", [None, [], True, 1.5, "x", -1], ids=repr)
def test_every_value_is_of_its_kind(key: str, value: object) -> None:
    """A value of another type is refused, with the key's name where there is one to name."""
    if isinstance(value, str) and isinstance(GOOD[key], str):
        return  # a text is of the right kind there
    with pytest.raises(BadManifest):
        read_manifest(json.dumps({**GOOD, key: value}).encode())


@pytest.mark.parametrize(
    "beside",
    [
        [{**OTHER, "bytes": True}],
        [{**OTHER, "bytes": -1}],
        [{**OTHER, "bytes": "1"}],
        [{**OTHER, "name": "a/b"}],
        [{**OTHER, "name": ".."}],
        [{**OTHER, "blake3": "1"}],
        [OTHER, OTHER],
        [{**OTHER, "name": "out.jsonl"}],
        [{**OTHER, "name": "out.jsonl.manifest.json"}],
        [None],
        {},
    ],
    ids=repr,
)
def test_what_stands_beside_is_one_file_each(beside: object) -> None:
    """Names lead nowhere else, sizes are counts, and no name stands twice or is that of the rows or the manifest."""
    assert read_manifest(json.dumps({**GOOD, "beside": [OTHER]}).encode()).value["beside"] == [OTHER]
    with pytest.raises(BadManifest):
        read_manifest(json.dumps({**GOOD, "beside": beside}).encode())


def test_more_keys_are_no_fault() -> None:
    """A manifest may say more than this version asks."""
    assert read_manifest(json.dumps({**GOOD, "note": "x"}).encode()).value["note"] == "x"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    """Whatever the bytes, the answer is BadManifest with a sentence."""
    with pytest.raises(BadManifest, match=r"\w"):
        read_manifest(data)


def test_what_a_manifest_says_of_policies() -> None:
    """None is null, one is its digest, several are listed in an order that does not depend on theirs."""
    one, two, three = (bytes([n]) * 32 for n in range(3))
    assert policy_json([]) is None
    assert policy_json([(None, one)]) == policy_json([("a", one)]) == show(one)
    listed = [
        {"campaign": None, "digest": show(two)},
        {"campaign": "a", "digest": show(three)},
        {"campaign": "b", "digest": show(one)},
    ]
    standing = [("b", one), (None, two), ("a", three)]
    assert policy_json(standing) == policy_json(reversed(standing)) == listed
