"""Split: every sample gets train, val or test with its family, once and for good.

What is assigned never moves; a new member joins its family, one that stands in several splits where it is farthest
from training. New families are dealt by the keyed hashes of their roots, so that the quotas of each stratum are met
as exactly as whole families allow (`ledger.verbs.quotas` has the rule), and then change places where a floor asks for
it (`ledger.verbs.swaps`). Shares are of all samples that are not erased, those assigned earlier included: a later split
makes up in what it deals for what an earlier one left uneven. The outcome depends on ids, families, facts, weights and
the seed, never on the order in which anything came.

The one exception to "for good" is asked for by name: families that were merged after they were assigned are put into
one split by `resolve`, with events that name the assignments that they replace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, HeadMoved
from ledger.event import Draft, draft
from ledger.sqlite import Connection
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.ids import find_sample
from ledger.verbs.moment import reading
from ledger.verbs.quotas import OPEN, SPLITS, deal, quotas
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.split_params import SplitParams, same_ratio, written
from ledger.verbs.split_survey import Move, Survey
from ledger.verbs.swaps import meet
from ledger.views import dealt, families, rollups, samples

_BATCH = 20_000
_CHUNK = 900
STRATA = 200
"""Strata that an answer lists; all are counted."""


class SplitReport(NamedTuple):
    """What was assigned, how all samples stand, and how near that is to what was asked for.

    `by_split` counts every sample that has a split; `quotas` and `strata` those that are not erased, `strata` each by
    its own values. `leaks` are families in more than one split, `moved_for_floors` samples that stand elsewhere than
    dealt, `resolved` those that were moved for `resolve`, `events` those recorded. `previous_ratio` is that of the
    last split of this ledger, None where it is the same or there was none.
    """

    assigned: int
    by_split: dict[str, int]
    families: int
    leaks: int
    quotas: dict[str, dict[str, int]]
    stratify: list[str]
    strata: list[dict[str, Any]]
    strata_cut: int
    floors: list[dict[str, Any]]
    moved_for_floors: int
    resolved: int
    previous_ratio: str | None
    events: int


@without_collector()
def split(store: Store, asked: SplitParams, who: Who, expected: int | None, *, dry_run: bool = False) -> SplitReport:
    """Assign every sample that has no split yet; with `dry_run` only say how that would come out.

    Raises FloorNotMet, BadRequest and NoSuchId (for pins), HeadMoved; then nothing is recorded.
    """
    if dry_run:
        with reading(store) as (here, head):
            if expected not in {None, head.position}:
                raise HeadMoved(head.position, expected)
            return _Settled(here, asked).report(events=0)
    with store.transaction(expected) as transaction:
        settled = _Settled(store, asked)
        run = Run(store.ledger_id, "split", asked.recorded([(pin.id, SPLITS[pin.split]) for pin in settled.pins]), who)
        return settled.report(events=_record(transaction, run, settled))


class _Settled:
    """A split as it comes out, before anything is recorded."""

    def __init__(self, store: Store, asked: SplitParams) -> None:
        self.store, self.asked = store, asked
        before = dealt.last_ratio(store.connection)
        self._before = None if before is None or same_ratio(before, asked.ratio) else before
        self.pins = _pins(store, asked)
        self.survey = Survey(store.connection, asked, {pin.family: pin.split for pin in self.pins})
        self._refuse_clashes()
        order = self.survey.order()
        found = self.survey.families
        self.places, self._wanted = deal(found, order, self.survey.settled, asked.ratio.shares)
        self._moved = meet(self.survey.tally, found, self.places, asked.ratio.shares) if asked.floors else {}
        self._by_values = [list(counts) for counts in self.survey.own]
        self.assigned: Counter[str] = Counter()
        for number, (count, home, place) in enumerate(zip(found.samples, found.homes, self.places, strict=True)):
            self.assigned[SPLITS[place]] += count
            if home == OPEN:
                for values, members in self.survey.values(number):
                    self._by_values[values][place] += members

    def report(self, *, events: int) -> SplitReport:
        """Return how it comes out."""
        survey, found = self.survey, self.survey.families
        got = [sum(column) for column in zip(*self._by_values, strict=True)] or [0, 0, 0]
        strata = self._strata() if self.asked.stratify else []
        wanted = [sum(column) for column in zip(*self._wanted, strict=True)] or [0, 0, 0]
        standing = zip(SPLITS, survey.standing, strict=True)
        return SplitReport(
            self.assigned.total(),
            {name: count + self.assigned[name] for name, count in standing},
            survey.seen,
            survey.crossing,
            {name: {"wanted": wanted[k], "got": got[k]} for k, name in enumerate(SPLITS)},
            [written(fact) for fact in self.asked.stratify],
            strata[:STRATA],
            len(strata[STRATA:]),
            self._floors(),
            sum(found.samples[family] for family in self._moved),
            len(survey.moves),
            self._before,
            events,
        )

    def codes(self) -> bytearray:
        """Return the place of every sample that is assigned now, by its handle."""
        codes = bytearray(dealt.last(self.store.connection) + 1)
        for number, handles in self.survey.handles():
            for handle in handles:
                codes[handle] = self.places[number]
        return codes

    def _strata(self) -> list[dict[str, Any]]:
        """Return how the samples of each value stand; a family dealt as one value may have members of others."""
        named = [(values, self._by_values[number]) for values, number in sorted(self.survey.strata.items())]
        held = [(values, got) for values, got in named if any(got)]
        wanted = quotas((sum(got) for _, got in held), self.asked.ratio.shares)
        return [
            {"stratum": list(values), "by_split": _named(got), "wanted": _named(should)}
            for (values, got), should in zip(held, wanted, strict=True)
        ]

    def _floors(self) -> list[dict[str, Any]]:
        tally = self.survey.tally
        found = []
        for number, floor in enumerate(self.asked.floors):
            seen = tally.observed(number)
            observed = int(seen) if floor.share is None else round(float(seen), 6)
            found.append({"floor": floor.text, "observed": observed, "met": tally.met(number)})
        return found

    def _refuse_clashes(self) -> None:
        for family, sample in self.survey.clashes:
            pin = next(pin for pin in self.pins if pin.family == family)
            stands = samples.get(self.store.connection, sample)
            there = "another sample" if stands is None else f"{stands.id.hex()}, assigned to {stands.split}"
            told = f"{pin.id} cannot be pinned to {SPLITS[pin.split]}: its family holds {there}"
            raise BadRequest(f"{told}, and what is assigned never moves")


class _Pinned(NamedTuple):
    """A pinned sample by its whole id, the split it was pinned to, and the root of its family."""

    id: str
    split: int
    family: bytes


def _pins(store: Store, asked: SplitParams) -> list[_Pinned]:
    """Return the pins; raise BadRequest where one family is pinned to two splits, NoSuchId, AmbiguousId."""
    found: dict[bytes, _Pinned] = {}
    pins = []
    for name, split in asked.pins:
        row = find_sample(store, name)
        family = families.root(store.connection, row.prompt or row.fingerprint)
        pin = _Pinned(row.id.hex(), split, family)
        other = found.setdefault(family, pin)
        if other.split != split:
            apart = f"{other.id} to {SPLITS[other.split]} and {pin.id} to {SPLITS[split]}"
            raise BadRequest(f"One family cannot be pinned to two splits: {apart}")
        pins.append(pin)
    return pins


def _record(transaction: Transaction, run: Run, settled: _Settled) -> int:
    """Append the events and return how many there are; raise BrokenLaw unless every sample is assigned once."""
    connection = transaction.connection
    groups = rollups.groups(connection)
    total = sum(group.samples for group in groups if not group.split and group.status != "erased")
    assigned: Counter[str] = Counter()
    for moves in in_chunks(settled.survey.moves, _CHUNK):
        run.append(transaction, list(_moved(connection, moves, settled.asked)))
    codes = settled.codes() if total else b""
    write = _writer(settled.asked)
    for chunk in in_chunks(samples.unassigned(connection), _BATCH):
        run.append(transaction, [write(handle, op, family, codes[handle]) for handle, op, family in chunk])
        assigned.update(SPLITS[codes[handle]] for handle, _, _ in chunk)
    conserve("samples without a split", total, assigned)
    conserve("samples dealt", total, settled.assigned)
    moved = {"resolved": len(settled.survey.moves)} if settled.survey.moves else {}
    run.finish(transaction, {"assigned": total, **assigned, **moved})
    return total + len(settled.survey.moves)


def _moved(connection: Connection, moves: Sequence[Move], asked: SplitParams) -> Iterator[Draft]:
    standing = dealt.standing(connection, [move.sample for move in moves])
    for move in moves:
        identity, op = standing[move.sample]
        fields = _fields(asked, identity, move.family, SPLITS[move.new]) | {"after": op.hex()}
        yield draft("split_assigned", move.sample, None, fields)


def _writer(asked: SplitParams) -> Callable[[int, bytes, bytes, int], Draft]:
    """Return what writes a first assignment; its op is made from the one text that such an event's identity has."""
    tails = [f'","split":"{name}"}}'.encode() for name in SPLITS]

    def write(handle: int, identity: bytes, family: bytes, place: int) -> Draft:
        op = blake3_bytes(_HEAD + identity.hex().encode() + tails[place])
        return draft("split_assigned", handle, None, _fields(asked, identity, family, SPLITS[place]), op)

    return write


_HEAD = b'{"after":null,"kind":"split_assigned","sample":"'


def _fields(asked: SplitParams, identity: bytes, family: bytes, split: str) -> dict[str, Any]:
    return {
        "after": None,
        "family": family.hex(),
        "ratio": asked.ratio.text,
        "sample": identity.hex(),
        "seed": asked.seed,
        "split": split,
    }


def _named(counts: Sequence[int]) -> dict[str, int]:
    return dict(zip(SPLITS, counts, strict=True))
