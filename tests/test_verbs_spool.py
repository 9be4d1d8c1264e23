"""Rows between two orders: what is put at its place is read there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import NotWritable
from ledger.verbs.spool import Spool

ROWS = st.lists(st.tuples(st.binary(max_size=30), st.sampled_from([True, False, None])), max_size=20)


@given(rows=ROWS, data=st.data())
def test_rows_come_back_at_their_places(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, bool | None]], data: st.DataObject
) -> None:
    """Put in any order and in pieces of any size, every row is read once, in the order of the places."""
    order = data.draw(st.permutations(range(len(rows))))
    piece, some = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 7))
    folder = tmp_path_factory.getbasetemp()
    with Spool(folder, len(rows)) as spool:
        for at in range(0, len(order), piece):
            places = order[at : at + piece]
            spool.put(places, [rows[place][0] for place in places], [rows[place][1] for place in places])
        read = [row for chunk in spool.in_order(some) for row in zip(*chunk, strict=True)]
    assert read == rows


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    """The file has no name while it is used, and is gone afterwards."""
    with Spool(tmp_path, 1) as spool:
        spool.put([0], [b"line\n"], [None])
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Where no file can stand, the folder is named."""
    with pytest.raises(NotWritable, match="missing"), Spool(tmp_path / "missing", 1):
        pass
