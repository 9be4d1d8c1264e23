"""What importing returned work asks: how a version is read, where it stood, what was made of it before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.event import BIRTHS
from ledger.sqlite import Connection
from ledger.views.span import quoted

_READERS = f"""SELECT sample, blob, json_extract(leaf, '$.reader') FROM told
    WHERE sample IN ({{marks}}) AND kind IN ({quoted((*BIRTHS, "edited"))})"""  # noqa: S608 - constants
_PLACES = """SELECT position, json_extract(leaf, '$.source'), json_extract(leaf, '$.line') FROM told
    WHERE position IN ({marks})"""
_CHILDREN = """SELECT d.parent, d.version, b.hash FROM derived d JOIN main.event e ON e.position = d.child
    JOIN main.blob b ON b.id = e.blob WHERE d.parent IN ({marks}) AND d.recipe = ? ORDER BY d.child"""


class Child(NamedTuple):
    """A child that a recipe made of a version (a row of blob), and the address of the bytes that it was born with."""

    parent: int
    version: int
    hash: bytes


def readers(connection: Connection, handles: Sequence[int]) -> dict[tuple[int, int], str]:
    """Return (sample, row of a version) -> the reader of every version that up to a few hundred samples ever had."""
    rows = connection.execute(_READERS.format(marks=_marks(handles)), handles)
    return {(sample, blob): reader for sample, blob, reader in rows}


def places(connection: Connection, handles: Sequence[int]) -> dict[int, tuple[str | None, int | None]]:
    """Return sample -> (source, line) that it was born from (None: derived), for up to a few hundred samples."""
    rows = connection.execute(_PLACES.format(marks=_marks(handles)), handles)
    return {sample: (source, line) for sample, source, line in rows}


def children(connection: Connection, handles: Sequence[int], recipe: str) -> list[Child]:
    """Return what a recipe (hex) made of up to a few hundred samples, oldest first."""
    rows = connection.execute(_CHILDREN.format(marks=_marks(handles)), (*handles, recipe))
    return [Child(*row) for row in rows]


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))
