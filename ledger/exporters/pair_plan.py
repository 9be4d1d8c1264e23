"""Plan pairs for preference training: which improved sample stands over which poor one, each sample at most once.

After the steps of `sifting` the survivors are packed anew under their prompts, and each prompt is paired by itself:
first a true sample with the false one that it was derived from, then, where the view says so, what is left of both
labels in the order of their keys. Twins that were collapsed lend their lineage to the survivor, which teaches the
same. A pair has the larger of its two weights, and pairs stand in the order of the keys of what is chosen in them.

Pairs by lineage depend on the samples of one prompt alone. So do the others, but a sample added to a prompt may find
a partner that was another's before; pairs that two plans have in common stand in the same order in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from ledger.errors import BadRequest, BrokenLaw
from ledger.exporters.eligibility import (
    DIGEST,
    TAIL,
    Candidate,
    Rule,
    gather,
    handle_of,
    keeps,
    label_of,
    seed_bytes,
    settle,
)
from ledger.exporters.packed import Packed
from ledger.exporters.plain_plan import ORDERS
from ledger.exporters.sifting import Ranged, collect, copy_key, order_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.exporters.eligibility import Mark
    from ledger.exporters.sifting import Each

PLAN_VERSION = "pairs/1"
PAIRS = ("lineage", "prompt")
_BOTH = frozenset({True, False})
_MISSING, _THERE = b"\0", b"\1"
_LINK = DIGEST + 1
_PAYLOAD = 2 * _LINK
_NONE = bytes(DIGEST) + _MISSING
_TIMES = 2
# What is packed under the prompts: prompt, order key, sample id, family, fingerprint, weight, link, tail.
_SURVIVOR = _LINK + 2 * DIGEST
_FAMILY_AT = _SURVIVOR
_TEXT_AT = _FAMILY_AT + DIGEST
_TIMES_AT = _TEXT_AT + DIGEST
_LINK_AT = _TIMES_AT + _TIMES
_WIDTH = _LINK_AT + _LINK + TAIL
_PAIR = 2 * DIGEST + 2 * TAIL


@dataclass(frozen=True, slots=True)
class PairParams:
    """What a view takes, as in PlainParams; `pairs` is "lineage" (parent edges only) or "prompt" (also by prompt).

    Only rows labelled true or false can stand in a pair, whatever else is among `labels`.
    """

    statuses: frozenset[str]
    split: str | None = None
    labels: frozenset[bool | None] = _BOTH
    seed: str = "0"
    duplicates: str = "collapse"
    conflicts: str = "omit"
    repeat: bool = True
    order: str = "keyed"
    pairs: str = "prompt"


@dataclass(frozen=True, slots=True)
class PairPlan:
    """Handles of (chosen, rejected) in file order, a pair once for each of its copies; handles left out by reason."""

    rows: tuple[tuple[int, int], ...]
    omitted: dict[str, list[int]]


class _Side(NamedTuple):
    """A survivor; `links` are the parents of a true one and its twins, or the ids of a false one and its twins."""

    handle: int
    sample_id: bytes
    family: bytes
    fingerprint: bytes
    times: int
    links: list[bytes]


def plan_pairs(
    candidates: Iterable[Candidate], params: PairParams, mark: Mark | None = None, each: Each = map
) -> PairPlan:
    """Return the one plan for these candidates, whatever their order and whoever runs `each` range.

    `mark` is asked once, for all survivors. Takes about 250 bytes a candidate. Raises BadRequest for words that mean
    nothing and for conflicts that are kept: a pair of one text teaches nothing.
    """
    rule, key = _rule(params), blake3(seed_bytes(params.seed)).digest()
    by_prompt = params.pairs == "prompt"
    gathered = gather(candidates, rule, _payload, _PAYLOAD)
    sifted = collect(gathered, partial(_link_range, rule=rule, key=key), _WIDTH, mark, each)
    omitted, pairs, used = sifted.omitted, Packed(_PAIR), 0
    for trues, falses, has_prompt in _by_prompt(sifted.in_order()):
        paired, alone = _paired(trues, falses, by_prompt=by_prompt) if has_prompt else ([], trues + falses)
        omitted["unpaired"].extend(side.handle for side in alone)
        used += 2 * len(paired)
        for chosen, rejected in paired:
            pairs.extend(_copies(chosen, rejected, key))
    for handles in omitted.values():
        handles.sort()
    rows = [_handles(record) for records in pairs.drain() for record in records]
    if params.order == "ingested":
        rows.sort()
    if len({handle for pair in rows for handle in pair}) != used:
        message = f"{used} samples were paired, but the pairs hold another number of them"
        raise BrokenLaw(message)
    if sifted.considered != used + sum(map(len, omitted.values())):
        message = (
            f"{sifted.considered} samples were considered, but {used} used and the omissions do not add up to that"
        )
        raise BrokenLaw(message)
    return PairPlan(tuple(rows), omitted)


def _rule(params: PairParams) -> Rule:
    if params.pairs not in PAIRS:
        message = f"Pairs by {params.pairs!r} were asked for; there are {', '.join(PAIRS)}."
        raise BadRequest(message)
    if params.order not in ORDERS:
        message = f"The order {params.order!r} was asked for; there are {', '.join(ORDERS)}."
        raise BadRequest(message)
    if keeps("Conflicts", params.conflicts, "omit"):
        message = "Conflicts are to be kept in a view of pairs; a text labelled both ways would stand over itself."
        raise BadRequest(message)
    return Rule(
        params.statuses,
        params.split,
        params.labels & _BOTH,
        crossing=params.split is None,
        conflicts=False,
        duplicates=keeps("Duplicates", params.duplicates, "collapse"),
        repeat=params.repeat,
    )


def _payload(candidate: Candidate) -> bytes:
    """Return prompt and parent, each with a byte that says whether there is one."""
    return _flagged(candidate.prompt) + _flagged(candidate.parent)


def _flagged(digest: bytes | None) -> bytes:
    return _NONE if digest is None else digest + _THERE


def _link_range(records: list[bytes], rule: Rule, key: bytes) -> Ranged:
    """Settle one range of fingerprints; a survivor has a row for each of its twins, itself included.

    Sorted they lie together: prompt, order key and sample id are the survivor's in all of them.
    """
    rows: list[bytes] = []
    handles: list[int] = []
    twins, omitted = settle(records, rule)
    for same, times in twins:
        first = same[0]
        handles.append(handle_of(first))
        prompt = first[4 * DIGEST : 4 * DIGEST + _LINK]
        # What has no prompt stands alone: under its own text, where no prompt is.
        head = (prompt if prompt.endswith(_THERE) else first[:DIGEST] + _MISSING) + order_key(first, 0, key)
        head += first[2 * DIGEST : 4 * DIGEST] + first[:DIGEST] + times.to_bytes(_TIMES, "big")
        rows.extend(head + _link_of(record) + first[-TAIL:] for record in same)
    return Ranged(rows, handles, omitted)


def _link_of(record: bytes) -> bytes:
    """Return the parent of a true sample, the identity of a false one."""
    if label_of(record):
        return record[4 * DIGEST + _LINK : 4 * DIGEST + 2 * _LINK]
    return record[2 * DIGEST : 3 * DIGEST] + _THERE


def _by_prompt(rows: Iterable[bytes]) -> Iterator[tuple[list[_Side], list[_Side], bool]]:
    """Yield the true and the false survivors of each prompt in the order of their keys, and whether it is a prompt."""
    for prompt, group in groupby(rows, key=itemgetter(slice(_LINK))):
        trues: list[_Side] = []
        falses: list[_Side] = []
        for _, twins in groupby(group, key=itemgetter(slice(_SURVIVOR))):
            first, *others = twins
            (trues if label_of(first) else falses).append(_side(first, others))
        yield trues, falses, prompt.endswith(_THERE)


def _side(first: bytes, others: Iterable[bytes]) -> _Side:
    found = (record[_LINK_AT : _LINK_AT + _LINK] for record in (first, *others))
    return _Side(
        handle_of(first),
        first[_LINK + DIGEST : _SURVIVOR],
        first[_FAMILY_AT:_TEXT_AT],
        first[_TEXT_AT:_TIMES_AT],
        int.from_bytes(first[_TIMES_AT:_LINK_AT], "big"),
        [link for link in found if link.endswith(_THERE)],
    )


def _paired(
    trues: Sequence[_Side], falses: Sequence[_Side], *, by_prompt: bool
) -> tuple[list[tuple[_Side, _Side]], list[_Side]]:
    """Pair the survivors of one prompt, each once; return the pairs and who stays alone.

    A true one takes the first free false one that it or a twin was derived from, of the same family.
    """
    place_of = {link: place for place, one in enumerate(falses) for link in one.links}
    free = [True] * len(falses)
    pairs, left = [], []
    for one in trues:
        places = sorted(place_of[link] for link in one.links if link in place_of)
        place = next((at for at in places if free[at] and falses[at].family == one.family), None)
        if place is None:
            left.append(one)
        else:
            free[place] = False
            pairs.append((one, falses[place]))
    rest = [one for one, is_free in zip(falses, free, strict=True) if is_free]
    count = min(len(left), len(rest)) if by_prompt else 0
    pairs.extend(zip(left[:count], rest[:count], strict=True))
    return pairs, left[count:] + rest[count:]


def _copies(chosen: _Side, rejected: _Side, key: bytes) -> Iterator[bytes]:
    """Yield a record for each copy of a pair: the key of the chosen one's copy, its id, and both handles."""
    rest = chosen.sample_id + chosen.handle.to_bytes(TAIL, "big") + rejected.handle.to_bytes(TAIL, "big")
    for copy in range(max(chosen.times, rejected.times)):
        yield copy_key(chosen.family, chosen.fingerprint, copy, key) + rest


def _handles(record: bytes) -> tuple[int, int]:
    return int.from_bytes(record[-2 * TAIL : -TAIL], "big"), int.from_bytes(record[-TAIL:], "big")
