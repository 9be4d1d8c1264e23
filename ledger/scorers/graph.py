"""A knowledge graph: the names of its nodes, read from JSON that the user gives."""

from __future__ import annotations

from typing import NamedTuple

from ledger.digest import blake3_bytes
from ledger.errors import GraphUnreadable
from ledger.sample import BadJson, strict_json
from ledger.scorers.contract import File

_NAMES = ("id", "name")


class Graph(NamedTuple):
    """The names of the nodes, compared exactly, and the BLAKE3 of the file."""

    nodes: frozenset[str]
    digest: bytes


def read_graph(file: File) -> Graph:
    """Return the graph of `{"nodes": …, "edges": …}`; raise GraphUnreadable.

    Nodes are an object keyed by name, or a list of names and of objects with an `id` (or `name`). Edges are not read.
    """
    try:
        value = strict_json(file.data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise GraphUnreadable(file.name, f"byte {error.start} is not UTF-8") from error
    except BadJson as error:
        raise GraphUnreadable(file.name, str(error)) from error
    nodes = value.get("nodes") if isinstance(value, dict) else None
    if not isinstance(nodes, (dict, list)):
        raise GraphUnreadable(file.name, "it is not an object whose `nodes` are a list or an object")
    names = {_name(node, number, file.name) for number, node in enumerate(nodes)}
    return Graph(frozenset(names), blake3_bytes(file.data))


def _name(node: object, number: int, place: str) -> str:
    name = next((node[key] for key in _NAMES if key in node), None) if isinstance(node, dict) else node
    if not isinstance(name, str):
        raise GraphUnreadable(place, f"nodes[{number}] is neither a text nor an object with an id")
    return name
