"""A template budget: which members of a family stay, spread over a tag, and which come after them in what order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ledger.errors import BadRequest


class Over(NamedTuple):
    """A member that its family has no room for, and its place in the family's order (from 1)."""

    id: bytes
    rank: int


class Budgeted(NamedTuple):
    """The members of a family that stay, in the family's order, and the rest in the same order."""

    kept: tuple[bytes, ...]
    over: tuple[Over, ...]


def budget(families: Iterable[Iterable[bytes]], tags: Mapping[bytes, str], keep: int) -> list[Budgeted]:
    """Return for each family, given by the ids of its members, which `keep` of them stay. Raises BadRequest if below 0.

    The order in which members and tags are given changes nothing, and a larger budget keeps what a smaller one keeps.
    """
    if keep < 0:
        raise BadRequest(f"A template budget is a whole number from 0 on, not {keep}")
    return [_cut(spread(members, tags), keep) for members in families]


def spread(members: Iterable[bytes], tags: Mapping[bytes, str]) -> list[bytes]:
    """Return the members of a family, each once, so that any beginning of the list holds the tag's values evenly.

    The values take turns in alphabetical order, members without one last; within a value the smallest id comes first.
    """
    by_value: defaultdict[str | None, list[bytes]] = defaultdict(list)
    for member in sorted(set(members)):
        by_value[tags.get(member)].append(member)
    placed = [
        (turn, value is None, value or "", member)
        for value, of_value in by_value.items()
        for turn, member in enumerate(of_value)
    ]
    return [member for *_, member in sorted(placed)]


def _cut(order: list[bytes], keep: int) -> Budgeted:
    return Budgeted(tuple(order[:keep]), tuple(Over(member, keep + 1 + n) for n, member in enumerate(order[keep:])))
