"""Plan kto-interleaved: which samples, in which order, so that every training window can teach.

The plan is a pure function of the candidates' content and the parameters, made in steps of which each is pure too:

gather   one candidate at a time: a reason of its own, or a record under its fingerprint
settle   one range of fingerprints at a time: conflicts, duplicates, and the order keys of the survivors' rows
mark     all survivors at once: what only their bytes can tell
number   rows in the order of their keys become integers
choose   the ratio: the highest keys of the more frequent label are surplus
deal     labels in the order of the balanced word, families a window apart
cut      whole steps of all ranks, then the check

A row's fate up to `mark` depends on the rows of its own text alone, so candidates may come in any order and ranges
may be settled by any number of workers. What follows works on integers.

A window is `batch_size` consecutive rows, aligned: with a row count that is a multiple of batch_size * world_size
these are exactly the microbatches that the ranks of a sequential trainer see. A weight gives a sample several rows.
They are rows of one family, so they stand a window apart; ratio, spacing and tail may take some of them, and the
sample is left out only with its last one. Among rows whose families have one row each, those of one label stand in
the order of their keys; crowded families go before others, so samples that come later may move the rows around them.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import BadRequest, BrokenLaw, PlanImpossible
from ledger.exporters.balanced_word import balanced_word
from ledger.exporters.eligibility import OMISSIONS, Candidate, Omitted, Rule, keeps, seed_bytes, usable
from ledger.exporters.kto_facts import kto_facts
from ledger.exporters.pool import numbered
from ledger.exporters.sifting import sift
from ledger.exporters.spacing import deal, over_cap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ledger.exporters.eligibility import Mark
    from ledger.exporters.kto_facts import KtoFacts
    from ledger.exporters.pool import Pool
    from ledger.exporters.sifting import Each

__all__ = ["OMISSIONS", "PLAN_VERSION", "Candidate", "KtoParams", "Plan", "plan_kto"]

PLAN_VERSION = "kto-interleaved/2"
TRAINING = "training"
"""The split of a training view: train once splits exist, before that any."""
_BOTH = frozenset({True, False})
_SMALLEST_BATCH = 2
# So many rounds set aside only the rows that got stuck. Each later one sets aside at least twice as many rows as the
# one before, so there are at most log2(rows) more of them.
_PATIENT_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class KtoParams:
    """What a plan is asked for; `ratio` is "keep" or "a:b" (true : false), `seed` any text.

    `statuses` None takes what training takes, by `policy_adopted`. `split` is a split's name, None for any, or
    "training", by `splits_exist`. Only rows labelled true or false can go, whatever else is among `labels`.
    """

    batch_size: int = 4
    world_size: int = 1
    ratio: str = "keep"
    seed: str = "0"
    policy_adopted: bool = False
    splits_exist: bool = False
    statuses: frozenset[str] | None = None
    split: str | None = TRAINING
    labels: frozenset[bool | None] = _BOTH
    duplicates: str = "collapse"
    conflicts: str = "omit"
    repeat: bool = True
    order: str = "interleaved"


@dataclass(frozen=True, slots=True)
class Plan:
    """Handles of the rows in file order with their labels; under every reason the handles left out, ascending.

    A handle stands in `rows` once for each of its copies.
    """

    rows: tuple[int, ...]
    labels: tuple[bool, ...]
    omitted: dict[str, list[int]]
    facts: KtoFacts

    @property
    def used(self) -> int:
        """Return how many samples have a row."""
        return len(self.rows) - self.facts["repeated"]

    @property
    def considered(self) -> int:
        """Return how many candidates the plan accounts for: the samples used and every omission."""
        return self.used + sum(map(len, self.omitted.values()))


class _Chosen(NamedTuple):
    """Rows by label (false, true), each ascending, and the rows of the more frequent label beyond the ratio."""

    rows: tuple[array[int], array[int]]
    surplus: array[int]


class _Lost(NamedTuple):
    """Rows left out, by the step that took them."""

    surplus: Sequence[int]
    spacing: Sequence[int]
    tail: Sequence[int]


def plan_kto(candidates: Iterable[Candidate], params: KtoParams, mark: Mark | None = None, each: Each = map) -> Plan:
    """Return the one plan for these candidates and parameters, whatever the order and whoever runs `each` range.

    `mark` is asked once, for all survivors. Raises BadRequest for parameters that mean nothing, PlanImpossible where
    no order can satisfy them, and BrokenLaw if the plan made here breaks a law (a bug; nothing may be written then).
    """
    seed, shares = _validated(params)
    sifted = sift(candidates, _rule(params), seed, mark, each)
    omitted, pool = sifted.omitted, numbered(sifted)
    try:
        order, surplus, spaced = _arrange(pool, shares, params)
    except PlanImpossible as error:
        raise PlanImpossible(f"{error}{_left_out(omitted)}") from error
    end = len(order) - len(order) % (params.batch_size * params.world_size)
    if end == 0:
        raise PlanImpossible(_too_few(len(order), params))
    lost = _Lost(surplus, spaced, order[end:])
    order = order[:end]
    _check(order, pool, params.batch_size)
    rows = tuple(pool.handles[row] for row in order)
    labels = tuple(pool.labels[row] == 1 for row in order)
    used, gone = _leave_out(rows, lost, pool, omitted)
    dropped = sum(map(len, lost))
    told = kto_facts(pool.labels, labels, used=used, thinned=len(lost.surplus), left_out=dropped - gone)
    plan = Plan(rows, labels, omitted, told)
    if plan.considered != sifted.considered or len(rows) + dropped != len(pool.handles):
        message = f"{sifted.considered} samples were considered, but the plan accounts for {plan.considered}"
        raise BrokenLaw(message)
    return plan


def _leave_out(rows: Sequence[int], lost: _Lost, pool: Pool, omitted: Omitted) -> tuple[int, int]:
    """Add each sample that has no row left to the reason that took its last one; return how many are used, and not."""
    seen = set(rows)
    used = len(seen)
    for reason in ("tail", "spacing", "surplus"):
        for row in getattr(lost, reason):
            handle = pool.handles[row]
            if handle not in seen:
                seen.add(handle)
                omitted[reason].append(handle)
    for handles in omitted.values():
        handles.sort()
    return used, len(seen) - used


def _rule(params: KtoParams) -> Rule:
    """Return what the parameters say of single samples; raise BadRequest for a word that is none of theirs."""
    if params.order != "interleaved":
        message = f"The order {params.order!r} was asked for; this plan interleaves labels, others are plain."
        raise BadRequest(message)
    split = params.split
    if split == TRAINING:
        split = "train" if params.splits_exist else None
    return Rule(
        # The default of this version, which never changes; views say which statuses they take.
        usable(policy_adopted=params.policy_adopted) - {"errored"} if params.statuses is None else params.statuses,
        split,
        params.labels & _BOTH,
        crossing=params.split is None,
        conflicts=keeps("Conflicts", params.conflicts, "omit"),
        duplicates=keeps("Duplicates", params.duplicates, "collapse"),
        repeat=params.repeat,
    )


def _validated(params: KtoParams) -> tuple[bytes, tuple[int, int] | None]:
    """Return the seed's bytes and the ratio as (true, false), None for "keep"."""
    if params.batch_size < _SMALLEST_BATCH:
        message = f"A batch size of {params.batch_size} was asked for; two labels need {_SMALLEST_BATCH} rows or more."
        raise BadRequest(message)
    if params.world_size < 1:
        message = f"A world size of {params.world_size} was asked for; it is the number of processes that train."
        raise BadRequest(message)
    seed = seed_bytes(params.seed)
    if params.ratio == "keep":
        return seed, None
    parts = re.fullmatch(r"([1-9][0-9]{0,8}):([1-9][0-9]{0,8})", params.ratio, re.ASCII)
    if parts is None:
        message = f"The ratio {params.ratio!r} was asked for; it is `keep` or true:false as whole numbers, such as 1:2."
        raise BadRequest(message)
    shares = int(parts[1]), int(parts[2])
    needed = -(-sum(shares) // min(shares))
    if params.batch_size < needed:
        message = (
            f"The ratio {params.ratio} was asked for in batches of {params.batch_size}; for both labels to stand in "
            f"every batch it needs a batch size of {needed} or more, or a ratio nearer to 1:1."
        )
        raise PlanImpossible(message)
    return seed, shares


def _arrange(pool: Pool, shares: tuple[int, int] | None, params: KtoParams) -> tuple[array[int], array[int], list[int]]:
    """Return the rows in file order, the surplus, and what was lost to spacing.

    Each round chooses by the ratio among the rows still alive and deals them. Rows without a legal place die, which
    changes the counts, so the next round begins anew. A round that kills none is the answer and every other kills at
    least one, so it ends: at the latest when `_choose` finds no rows of one label and refuses.
    """
    alive = bytearray(b"\1") * len(pool.handles)
    spaced: list[int] = []
    rounds = at_least = 0
    while True:
        rounds += 1
        chosen = _choose(pool, alive, shares, params)
        stuck = over_cap(chosen.rows, pool.families, pool.family_count, params.batch_size)
        if not stuck:
            word = balanced_word(len(chosen.rows[1]), len(chosen.rows[0]))
            dealt, stuck = deal(word, chosen.rows, pool.families, pool.family_count, params.batch_size)
            if not stuck:
                return dealt, chosen.surplus, spaced
        if rounds > _PATIENT_ROUNDS:
            at_least = max(1, 2 * at_least)
            stuck = _at_least(at_least, stuck, chosen, pool)
        for row in stuck:
            alive[row] = 0
        spaced.extend(stuck)


def _choose(pool: Pool, alive: bytearray, shares: tuple[int, int] | None, params: KtoParams) -> _Chosen:
    """Pick by the ratio among the living; what is cut are the rows with the highest keys."""
    rows = array("q"), array("q")
    for row, label in enumerate(pool.labels):
        if alive[row]:
            rows[label].append(row)
    n_false, n_true = map(len, rows)
    if not (n_true and n_false):
        raise PlanImpossible(_one_label(pool, params))
    keep_false, keep_true = _thinned(n_true, n_false, shares, params.batch_size)
    if not keep_false:
        raise PlanImpossible(_no_group(n_true, n_false, pool, params))
    kept, cut = zip(_cut(rows[0], keep_false, pool), _cut(rows[1], keep_true, pool), strict=True)
    return _Chosen(kept, cut[0] + cut[1])


def _cut(rows: array[int], keep: int, pool: Pool) -> tuple[array[int], array[int]]:
    """Part rows into those that stay and the surplus: the highest keys go, but copies go before any sample's only row.

    The n-th row of a sample stands in line with the n-th rows of all others.
    """
    if keep == len(rows):
        return rows, array("q")
    seen: Counter[int] = Counter()
    turns: list[tuple[int, int]] = []
    for row in rows:
        turns.append((seen[pool.handles[row]], row))
        seen[pool.handles[row]] += 1
    turns.sort()
    return array("q", sorted(row for _, row in turns[:keep])), array("q", sorted(row for _, row in turns[keep:]))


def _thinned(n_true: int, n_false: int, shares: tuple[int, int] | None, batch_size: int) -> tuple[int, int]:
    """Return how many (false, true) rows the ratio keeps.

    `keep` keeps all while batch_size >= ceil(N / minority), and thins the majority to that otherwise; a:b keeps as
    many whole groups of a true and b false rows as there are.
    """
    if shares is None:
        most = min(n_true, n_false) * (batch_size - 1)
        return min(n_false, most), min(n_true, most)
    groups = min(n_true // shares[0], n_false // shares[1])
    return groups * shares[1], groups * shares[0]


def _at_least(count: int, stuck: list[int], chosen: _Chosen, pool: Pool) -> list[int]:
    """Return `stuck` and, until there are `count`, the last rows of the largest families."""
    gone = set(stuck)
    sizes = array("q", bytes(8 * pool.family_count))
    for part in chosen.rows:
        for row in part:
            sizes[pool.families[row]] += row not in gone
    rest = sorted(
        (row for part in chosen.rows for row in part if row not in gone),
        key=lambda row: (sizes[pool.families[row]], row),
    )
    missing = max(0, count - len(stuck))
    return stuck + rest[len(rest) - missing :]


def _check(order: Sequence[int], pool: Pool, batch_size: int) -> None:
    """Raise BrokenLaw unless every aligned window has both labels and families stand a batch apart everywhere."""
    last = array("q", [-batch_size]) * pool.family_count
    for at, row in enumerate(order):
        family = pool.families[row]
        if at - last[family] < batch_size:
            message = f"rows {last[family]} and {at} of the plan are of one family, closer than {batch_size} rows"
            raise BrokenLaw(message)
        last[family] = at
    for start in range(0, len(order), batch_size):
        if len({pool.labels[row] for row in order[start : start + batch_size]}) == 1:
            message = f"rows {start} to {start + batch_size - 1} of the plan have only one label"
            raise BrokenLaw(message)


def _left_out(omitted: Omitted) -> str:
    told = ", ".join(f"{len(rows)} {reason}" for reason, rows in omitted.items() if rows)
    return f" Left out before: {told}." if told else ""


def _one_label(pool: Pool, params: KtoParams) -> str:
    n_true = sum(pool.labels)
    n_false = len(pool.labels) - n_true
    there = f"{n_true} rows labelled true and {n_false} labelled false are eligible, of {pool.family_count} families"
    if not (n_true and n_false):
        return f"Both labels were asked for in every window, but {there}; label or accept rows of the missing kind."
    return (
        f"Both labels in every window of {params.batch_size} rows and no family twice within {params.batch_size} rows "
        f"were asked for at the ratio {params.ratio}; {there}, and no order of them was found. "
        "Use a smaller batch size, the ratio `keep`, or rows of more families."
    )


def _no_group(n_true: int, n_false: int, pool: Pool, params: KtoParams) -> str:
    lost = len(pool.labels) - n_true - n_false
    spaced = f", after {lost} rows too close to their families," if lost else ""
    return (
        f"The ratio {params.ratio} of true to false was asked for; {n_true} eligible rows labelled true and {n_false} "
        f"labelled false{spaced} do not make one group of it. Label or accept more rows, or use the ratio `keep`."
    )


def _too_few(rows: int, params: KtoParams) -> str:
    whole = params.batch_size * params.world_size
    return (
        f"Whole steps of {whole} rows (batch size {params.batch_size} x world size {params.world_size}) were asked "
        f"for, but only {rows} rows can go. Use a smaller batch size or world size, or label or accept more rows."
    )
