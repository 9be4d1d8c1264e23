"""Knowledge graphs: what shapes are read, what is refused and how that is said, and the digest."""

from __future__ import annotations

import json

import pytest

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, GraphUnreadable
from ledger.scorers import File
from ledger.scorers.graph import read_graph
from ledger.scorers.pipeline import Pipeline


@pytest.mark.parametrize(
    "nodes",
    [
        ["LINK", "ZELDA"],
        {"LINK": {"kind": "person"}, "ZELDA": None},
        [{"id": "LINK"}, {"name": "ZELDA", "kind": "person"}],
        ["LINK", {"id": "ZELDA", "name": "Princess"}, "LINK"],
    ],
)
def test_every_shape_of_nodes(nodes: object) -> None:
    """A list of names, of objects, of both, or an object keyed by name; edges may be anything."""
    data = b"\xef\xbb\xbf" + json.dumps({"nodes": nodes, "edges": [["LINK", "ZELDA"]]}).encode()

    assert read_graph(File("kg.json", data)) == (frozenset({"LINK", "ZELDA"}), blake3_bytes(data))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Expecting value"),
        (b"[1]", "not an object whose `nodes`"),
        (b'{"node": []}', "not an object whose `nodes`"),
        (b'{"nodes": "LINK"}', "not an object whose `nodes`"),
        (b'{"nodes": ["a", 3]}', r"nodes\[1\] is neither"),
        (b'{"nodes": [{"label": "a"}]}', r"nodes\[0\] is neither"),
        (b'{"nodes": [], "nodes": []}', "stands twice"),
        (b'{"nodes": [NaN]}', "NaN is not JSON"),
        (b'{"nodes": ["\xff"]}', "byte 12 is not UTF-8"),
        (b'{"nodes": ' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
    ],
)
def test_what_is_no_graph(data: bytes, says: str) -> None:
    """The message names the file and what is wrong in it."""
    with pytest.raises(GraphUnreadable, match=says) as caught:
        read_graph(File("kg.json", data))

    assert str(caught.value).startswith("kg.json is not a knowledge graph: ")


def test_a_graph_that_is_not_a_file() -> None:
    """Whoever makes the scorer must bring the bytes; a path is not opened."""
    with pytest.raises(BadRequest, match="as a file"):
        Pipeline({"graph": "kg.json"})
