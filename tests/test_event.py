"""Events: what each kind says, what makes its op, the exact bytes of a leaf, and how old leaves are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import event
from ledger.digest import NotRestricted, decode, encode
from ledger.event import (
    BIRTHS,
    CIRCUMSTANCES,
    DECISIONS,
    KINDS,
    UPCASTERS,
    WITHDRAWABLE,
    Stamp,
    draft,
    is_known,
    leaf_bytes,
    op_of,
    pairs,
    read_leaf,
    upcast,
)
from tests.strategies import restricted_json, texts
from tests.vectors.make_content_vectors import EVENTS, FILE

VECTORS = json.loads(FILE.read_text(encoding="utf-8"))["events"]
SAID: dict[str, dict[str, Any]] = {kind: dict(fields) for kind, fields, _ in EVENTS}
STAMP = Stamp("tester", "cli", 1_700_000_000_000_000, 3)
stamps = st.builds(Stamp, texts, st.sampled_from(["cli", "api"]), st.integers(0, 2**53 - 1), st.integers(0, 2**31))


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["kind"])
def test_ops_are_frozen(case: dict[str, Any]) -> None:
    """The op of each kind is what an independent script computed: it can never change."""
    assert op_of(case["kind"], case["fields"]).hex() == case["op"]


def test_every_kind_is_frozen() -> None:
    """There is a vector for every kind, with exactly its fields."""
    assert set(SAID) == set(KINDS)
    for kind, fields in SAID.items():
        assert draft(kind, None, None, fields).op == op_of(kind, fields)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_holds_together(kind: event.Kind) -> None:
    """What makes an op and what names the blob are among the fields, which are distinct and no circumstances."""
    assert len(set(kind.fields)) == len(kind.fields)
    assert set(kind.identity) <= set(kind.fields)
    assert kind.blob is None or kind.blob in kind.fields
    assert not set(kind.fields) & set(CIRCUMSTANCES)
    assert all(name.isascii() and name.isidentifier() for name in kind.fields)
    assert bool(kind.identity) != (kind.name == "ingested")
    assert kind.purpose
    assert kind.v == 1


def test_the_groups_name_kinds() -> None:
    """Decisions, births and what can be withdrawn are kinds; decisions say the same fields."""
    assert set(DECISIONS) | set(BIRTHS) | set(WITHDRAWABLE) <= set(KINDS)
    assert len({KINDS[name].fields for name in DECISIONS}) == 1


@pytest.mark.parametrize("kind", KINDS)
@given(stamp=stamps)
def test_the_op_does_not_see_circumstances(kind: str, stamp: Stamp) -> None:
    """Who, when, through what and in which run change the leaf, never the op."""
    leaf = read_leaf(leaf_bytes(kind, SAID[kind], stamp))
    assert {name: leaf[name] for name in CIRCUMSTANCES} == {**stamp._asdict(), "kind": kind, "v": 1}
    assert op_of(kind, leaf) == op_of(kind, SAID[kind])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_the_op_sees_its_identity_only(kind: str, data: st.DataObject) -> None:
    """Changing a field changes the op if and only if the field belongs to the identity."""
    own = {"blob", "campaign", "nth", "source"} if kind == "ingested" else set(KINDS[kind].identity)
    name = data.draw(st.sampled_from(sorted(KINDS[kind].fields)))
    old = SAID[kind][name]
    hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)
    new = data.draw(
        (hexes if name in {"blob", "recipe", "version"} else restricted_json()).filter(
            lambda v: encode(v) != encode(old)
        )
    )
    assert (op_of(kind, {**SAID[kind], name: new}) != op_of(kind, SAID[kind])) == (name in own)


def test_kinds_do_not_share_ops() -> None:
    """The same words said as another kind are another statement."""
    assert len({op_of(kind, SAID["accepted"]) for kind in DECISIONS}) == len(DECISIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaf_is_canonical(kind: str) -> None:
    """A leaf is restricted JSON of the fields and the circumstances, nothing else, whatever the order they came in."""
    data = leaf_bytes(kind, SAID[kind], STAMP)
    assert decode(data) == {**SAID[kind], **STAMP._asdict(), "kind": kind, "v": 1}
    assert data == leaf_bytes(kind, dict(reversed(SAID[kind].items())), STAMP)
    assert read_leaf(data) == read_leaf(data.decode()) == decode(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_has_exactly_its_fields(kind: str) -> None:
    """A missing and an unknown field are both refused, and so is a kind that does not exist."""
    fields = SAID[kind]
    with pytest.raises(ValueError, match=kind):
        draft(kind, None, None, {**fields, "more": 1})
    for name in fields:
        with pytest.raises(ValueError, match=kind):
            draft(kind, None, None, {key: item for key, item in fields.items() if key != name})
    with pytest.raises(KeyError):
        draft(f"no {kind}", None, None, fields)


def test_a_score_is_never_a_float() -> None:
    """A leaf with a float is refused: it would not be the same bytes everywhere."""
    with pytest.raises(NotRestricted):
        leaf_bytes("rejected", {**SAID["rejected"], "details": {"score": 0.5}}, STAMP)


@given(st.dictionaries(texts, texts, max_size=4))
def test_tags_are_sorted_pairs(tags: Mapping[str, str]) -> None:
    """Tags of any name stand in a leaf as sorted pairs, and come back."""
    listed = pairs(tags)
    assert listed == sorted(listed)
    assert dict(decode(encode(listed))) == tags


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"1",
        b"{}",
        b'{"kind":"accepted"}',
        b'{"v":1}',
        b'{"kind":1,"v":1}',
        b'{"kind":"x","v":true}',
        b'{"a": 1}',
    ],
)
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    """Bytes that are not a canonical object with a kind and a version are not read."""
    with pytest.raises(NotRestricted):
        read_leaf(data)


def _count_becomes_text(leaf: dict[str, Any]) -> dict[str, Any]:
    said = {key: item for key, item in leaf.items() if key != "counts"}
    return {**said, "counts": sorted(map(list, leaf["counts"].items()))}


def _counts_get_a_unit(leaf: dict[str, Any]) -> dict[str, Any]:
    return {**leaf, "unit": "lines"}


def test_old_leaves_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaf of version 1 is read as version 3 through two pure steps; its bytes and its op stay as they were."""
    stored = leaf_bytes("run_finished", SAID["run_finished"], STAMP)
    op = op_of("run_finished", SAID["run_finished"])
    monkeypatch.setitem(UPCASTERS, ("run_finished", 1), _count_becomes_text)
    monkeypatch.setitem(UPCASTERS, ("run_finished", 2), _counts_get_a_unit)
    kind = replace(KINDS["run_finished"], fields=("counts", "started", "unit"), v=3)
    monkeypatch.setitem(KINDS, "run_finished", kind)

    leaf = read_leaf(stored)
    assert leaf == {**decode(stored), "counts": [["new", 1]], "unit": "lines", "v": 3}
    assert op_of("run_finished", leaf) == op
    assert decode(stored)["v"] == 1
    assert [is_known("run_finished", v) for v in range(5)] == [False, True, True, True, False]

    new = {"counts": [["new", 1]], "started": SAID["run_finished"]["started"], "unit": "lines"}
    assert draft("run_finished", None, None, new).op == op
    assert read_leaf(leaf_bytes("run_finished", new, STAMP)) == leaf


def test_a_missing_step_is_an_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions from which no chain of steps leads to the current one, and unknown kinds, are not known."""
    monkeypatch.setitem(KINDS, "withdrawn", replace(KINDS["withdrawn"], v=3))
    monkeypatch.setitem(UPCASTERS, ("withdrawn", 1), dict)
    assert not is_known("withdrawn", 1)
    assert not is_known("withdrawn", 2)
    assert is_known("withdrawn", 3)
    assert not is_known("unheard_of", 1)
    assert upcast({"kind": "unheard_of", "v": 9}) == {"kind": "unheard_of", "v": 9}
