"""The list of a proposal's samples: the bytes that restricted JSON gives, read in pieces, and refused where broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import encode
from ledger.errors import CorruptLedger
from ledger.store import Store
from ledger.verbs import member_list
from ledger.verbs.member_list import first_members, packed, unpacked
from tests.logs import store_of

DIGESTS = st.binary(min_size=32, max_size=32)


def stored(ledger: Ledger, body: bytes) -> tuple[Store, int]:
    """Store bytes as a commit of the log would, and return their row in blob."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        return store, transaction.add_blob(body)[1]


@given(st.dictionaries(DIGESTS, DIGESTS, min_size=1, max_size=30))
def test_the_bytes_are_those_of_restricted_json(found: dict[bytes, bytes]) -> None:
    """A sorted array of pairs in hex, whatever the order in which they came."""
    assert packed(found) == encode(sorted([one.hex(), version.hex()] for one, version in found.items()))
    assert packed(dict(reversed(found.items()))) == packed(found)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_a_long_list_is_read_in_pieces(ledger: Ledger, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every member comes once, in order; the first few are there without the others."""
    monkeypatch.setattr(member_list, "PIECE", 3)
    found = {bytes([n]) * 32: bytes([n + 1]) * 32 for n in range(count)}
    store, blob = stored(ledger, packed(found))
    pieces = list(unpacked(store, blob, count))
    assert [len(piece) for piece in pieces] == [3] * (count // 3) + [count % 3] * bool(count % 3)
    assert [member for piece in pieces for member in piece] == list(found.items())
    for limit in (0, 1, 3, 4, 100):
        assert first_members(store, blob, count, limit) == list(found.items())[:limit]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0),
        (b"[]", 1),
        (packed({b"a" * 32: b"b" * 32}), 2),
        (packed({b"a" * 32: b"b" * 32}), -1),
        (packed({b"a" * 32: b"b" * 32}).replace(b'"]', b'" '), 1),
        (packed({b"a" * 32: b"b" * 32}).replace(b"61", b"zz", 1), 1),
        (b"[" + b"1" * 134 + b" ]", 1),
    ],
)
def test_other_bytes_are_no_list(ledger: Ledger, body: bytes, count: int) -> None:
    """Bytes that no proposal of this program wrote are damage with a name."""
    store, blob = stored(ledger, body)
    with pytest.raises(CorruptLedger, match="is not that of a proposal"):
        list(unpacked(store, blob, count))
