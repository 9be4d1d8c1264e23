"""Near-duplicates: who is the twin of whom, and how similar they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.fixed import ONE
from ledger.similarity.candidates import candidates
from ledger.similarity.clusters import components
from ledger.similarity.contract import Match, NearRecipe, Twins
from ledger.similarity.index import Bytes, Index, index_of, merged
from ledger.similarity.verified import verified

FetchTexts = Callable[[Sequence[bytes]], Sequence[str | None]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: all that it has seen, and the near pairs of different texts.

    Of the ids that share one text the smallest stands for it in `twins`; `same` tells the others.
    """

    recipe: NearRecipe
    index: Index
    twins: tuple[Twins, ...]

    def same(self) -> list[tuple[bytes, ...]]:
        """Return the ids that share all their words in order, group by group; texts without words are in none."""
        return self.index.same()

    def groups(self) -> list[Group]:
        """Return everybody who has a twin, by cluster."""
        return groups(self)


class Member(NamedTuple):
    """One member of a group: its nearest twin (of several, the one with the smallest id) and how near that is."""

    id: bytes
    twin: bytes
    similarity: int


class Group(NamedTuple):
    """Ids that hang together through twins; the smallest represents them."""

    representative: bytes
    members: tuple[Member, ...]


def find_twins(
    units: Iterable[tuple[bytes, str]], fetch: FetchTexts, recipe: NearRecipe, earlier: Found | None = None
) -> Found:
    """Return the near-duplicates among texts with ids (32 bytes each), and between them and those seen earlier.

    The result is the same as that of one search over everything, in any order. `fetch` returns the texts of ids seen
    now or earlier, in order, or None for one that is gone; only texts that may be near are asked for. `earlier` is
    reused: texts seen then are not reduced to keys again, and not compared among themselves again, unless its
    threshold was higher. Raises ValueError where it was made by a recipe that differs in more than the threshold.
    """
    new = index_of(units, recipe)
    if earlier is None:
        return _searched(new, fetch, None)
    whole = merged(earlier.index, new)
    return _searched(whole, fetch, earlier if earlier.recipe.threshold <= recipe.threshold else None)


def forgotten(earlier: Found, ids: Iterable[bytes], fetch: FetchTexts) -> Found:
    """Return what would have been found without these ids; compares again, since who is compared depends on them."""
    return _searched(earlier.index.without(ids), fetch, None)


def _searched(index: Index, fetch: FetchTexts, earlier: Found | None) -> Found:
    firsts = index.first_ids()
    pairs = candidates(index.keys)
    known: list[Match] = []
    if earlier is not None:
        pairs, known = _remembered(index, pairs, earlier)

    def texts(rows: Sequence[int]) -> Sequence[str | None]:
        return fetch([firsts[row].tobytes() for row in rows])

    matches = [*verified(pairs, index.sizes, texts, index.recipe), *known]
    return Found(index.recipe, index, tuple(sorted(_twins(match, firsts) for match in matches)))


def _remembered(index: Index, pairs: NDArray[np.int64], earlier: Found) -> tuple[NDArray[np.int64], list[Match]]:
    """Return the candidates that were not compared earlier, and what was found of those that were."""
    seen = index.holds(earlier.index.digests)
    places = index.places_of([each for twins in earlier.twins for each in twins[:2]]).reshape(-1, 2).tolist()
    near = {tuple(sorted(place)): twins.similarity for place, twins in zip(places, earlier.twins, strict=True)}
    again = seen[pairs[:, 0]] & seen[pairs[:, 1]]
    least = index.recipe.threshold
    known = [
        Match(first, second, near[first, second])
        for first, second in pairs[again].tolist()
        if near.get((first, second), 0) >= least
    ]
    return pairs[~again], known


def _twins(match: Match, firsts: Bytes) -> Twins:
    one, other = firsts[match.first].tobytes(), firsts[match.second].tobytes()
    return Twins(min(one, other), max(one, other), match.similarity)


def groups(found: Found) -> list[Group]:
    """Return everybody who has a twin, by cluster: groups and members in ascending order."""
    same = [Twins(ids[0], each, ONE) for ids in found.same() for each in ids[1:]]
    twins = [*same, *found.twins]
    ids = sorted({each for pair in twins for each in pair[:2]})
    numbers = {each: number for number, each in enumerate(ids)}
    pairs = np.array([(numbers[one], numbers[other]) for one, other, _ in twins], dtype=np.int64).reshape(-1, 2)
    nearest: dict[bytes, Member] = {}
    for one, other, similarity in twins:
        for mine, theirs in ((one, other), (other, one)):
            member = nearest.get(mine)
            if member is None or (-similarity, theirs) < (-member.similarity, member.twin):
                nearest[mine] = Member(mine, theirs, similarity)
    clusters: dict[int, list[Member]] = {}
    for number, name in enumerate(components(len(ids), pairs).tolist()):
        clusters.setdefault(name, []).append(nearest[ids[number]])
    return [Group(members[0].id, tuple(members)) for members in clusters.values()]
