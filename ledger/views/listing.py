"""Samples in an order, from any place of it on: read from indexes, so that a page costs what the page costs.

Standing (campaign, domain, status, rule) is an index of `samples`, and `rollups` knows which standings there are: those
that are asked for are read side by side, each from the place on. Every text is a parameter.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from ledger.event import AUTHORITIES
from ledger.rule import Condition, Score, Tag
from ledger.sqlite import Connection
from ledger.views import rollups
from ledger.views.conditions import Parameters, holds, number, tag_value
from ledger.views.rejected import SAID

FIRST, MOST = 64, 4_096
"""Rows that are fetched of one standing at a time: few at first, twice as many each time."""
_LABELS = {"true": "1", "false": "0", "none": "NULL"}
_STANDING = ("campaign", "domain", "status", "rule")
_NARROW = 50_000
"""Positions: decisions in so short a stretch are looked at one by one."""

_IN_STANDING = """SELECT s.sample FROM samples s INDEXED BY samples_standing
    WHERE s.campaign = :campaign AND s.domain IS :domain AND s.status = :status AND s.rule = :rule
        AND s.sample > :low AND s.sample < :high AND {filters} ORDER BY s.sample {way} LIMIT :limit"""
_IN_SOURCE = """SELECT s.sample FROM samples s INDEXED BY samples_source
    WHERE s.source IS :source AND s.sample > :low AND s.sample < :high AND {filters}
    ORDER BY s.sample {way} LIMIT :limit"""
_IN_ALL = """SELECT s.sample FROM samples s NOT INDEXED WHERE s.sample > :low AND s.sample < :high AND {filters}
    ORDER BY s.sample {way} LIMIT :limit"""
_DECIDED = """SELECT d.position, d.sample FROM decisions d CROSS JOIN samples s
        ON s.sample = d.sample AND s.decision = d.position
    WHERE d.position > :low AND d.position < :high AND {filters} ORDER BY d.position DESC LIMIT :limit"""
_SCORED = """SELECT value, sample FROM (
        SELECT {value} AS value, s.sample FROM samples s WHERE {filters} LIMIT -1 OFFSET 0)
    WHERE value BETWEEN :least AND :most AND {place} ORDER BY value {way}, sample LIMIT :limit"""
_MARGINS = f"""SELECT s.sample, CASE d.authority
        WHEN 'policy' THEN CASE WHEN j.outcome = s.status AND j.rule = s.rule AND j.person IS NULL THEN j.margin END
        WHEN 'import' THEN (SELECT {SAID.format(leaf="t.leaf", what="margin")} FROM told t
            WHERE t.position = d.position) END
    FROM samples s JOIN decisions d ON d.position = s.decision LEFT JOIN judgements j ON j.sample = s.sample
    WHERE s.sample IN (SELECT value FROM json_each(?))"""  # noqa: S608 - constants of this program
_END = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be so of a sample; None says nothing, and '' is the domain, source or split of samples without one.

    `tag` is a key and its value (None: any but ''), `since` and `until` positions of the decision in force, `score` a
    dimension and the least and the most in millionths; `measured` is SQL over `judgements` where it is a measure of the
    policy in force instead. Of `few`, where given, are all that is looked for.
    """

    campaign: str | None = None
    status: str | None = None
    label: str | None = None
    reason: str | None = None
    rule: str | None = None
    source: str | None = None
    domain: str | None = None
    actor: str | None = None
    split: str | None = None
    tag: tuple[str, str | None] | None = None
    since: int | None = None
    until: int | None = None
    score: tuple[str, int | None, int | None] | None = None
    measured: str | None = None
    condition: Condition | None = None
    unlike: str | None = None
    few: frozenset[int] | None = None


class Place(NamedTuple):
    """Where a sample stands in an order: by its handle, its decision (-1: none), its margin or score (millionths)."""

    key: int
    sample: int


def places(
    connection: Connection, wanted: Wanted, sort: str, after: Place | None = None, first: int = FIRST
) -> Iterator[Place]:
    """Yield the samples that are wanted in an order, with `after` the later ones; `first` are fetched at once.

    `sort` is born, newest, decided (the latest first, then the undecided as they were born), score or lowest.
    """
    if wanted.few is not None:
        yield from _of_few(connection, wanted, sort, after)
    elif sort == "decided":
        yield from _decided(connection, wanted, after, first)
    elif sort in {"score", "lowest"}:
        yield from _scored(connection, wanted, sort, after, first)
    else:
        newest = sort == "newest"
        low, high = (-1, _END) if after is None else (-1, after.sample) if newest else (after.sample, _END)
        for sample in _born(connection, wanted, low, high, first, newest=newest):
            yield Place(sample, sample)


def everything(connection: Connection, wanted: Wanted) -> list[int]:
    """Return all samples that are wanted, in no order."""
    if wanted.few is not None:
        return passing(connection, wanted, wanted.few)
    parameters = Parameters()
    sql = f"SELECT s.sample FROM samples s WHERE {_filters(wanted, parameters)}"  # noqa: S608 - all texts are parameters
    return [row[0] for row in connection.execute(sql, parameters.values)]


def passing(connection: Connection, wanted: Wanted, handles: Iterable[int]) -> list[int]:
    """Return those of some samples that are wanted, in the order of birth."""
    parameters = Parameters()
    chosen = parameters.add(json.dumps(sorted(handles)))
    sql = f"""SELECT s.sample FROM json_each({chosen}) j CROSS JOIN samples s ON s.sample = j.value
        WHERE {_filters(replace(wanted, few=None), parameters)}"""  # noqa: S608 - all texts are parameters
    return [row[0] for row in connection.execute(sql, parameters.values)]


def counted(connection: Connection, wanted: Wanted) -> int | None:
    """Return how many samples are wanted, where the rollups tell; None where samples would have to be looked at."""
    if wanted.source is not None and _told_by(wanted, {"campaign", "source", "status", "rule"}):
        standings = rollups.of_source(connection, wanted.source)
        asked = (wanted.campaign, wanted.status, wanted.rule)
        return sum(
            one.samples
            for one in standings
            if all(want in {None, own} for want, own in zip(asked, (one.campaign, one.status, one.rule), strict=True))
        )
    if not _told_by(wanted, {*_STANDING, "label", "split"}):
        return None
    return sum(group.samples for group in rollups.groups(connection) if _is_of(group, wanted))


def narrowed(connection: Connection, wanted: Wanted, ids: tuple[bytes, bytes] | None) -> Wanted:
    """Return the same question with `few` where ids between two bounds, or a short stretch of decisions, name them."""
    named: list[set[int]] = [] if wanted.few is None else [set(wanted.few)]
    if ids is not None:
        sql = """SELECT e.position FROM event e CROSS JOIN samples s ON s.sample = e.position
            WHERE e.op BETWEEN ? AND ?"""
        named.append({row[0] for row in connection.execute(sql, ids)})
    if wanted.since is not None or wanted.until is not None:
        first = 0 if wanted.since is None else wanted.since
        last = _END if wanted.until is None else wanted.until
        (end,) = connection.execute("SELECT coalesce(max(position), -1) FROM decisions").fetchone()
        if min(last, end) - first <= _NARROW:
            sql = "SELECT sample FROM decisions WHERE position BETWEEN ? AND ?"
            named.append({row[0] for row in connection.execute(sql, (first, last))})
    return replace(wanted, few=frozenset(set.intersection(*named))) if named else wanted


def margins(connection: Connection, handles: Sequence[int]) -> dict[int, int | None]:
    """Return sample -> the margin (millionths) of the decision in force, as near-misses have it; none for others."""
    return dict(connection.execute(_MARGINS, (json.dumps(handles),)).fetchall())


def rules(connection: Connection, handles: Sequence[int]) -> dict[int, str]:
    """Return sample -> the rule that decided, or the authority of who did; '' where nothing has decided."""
    sql = "SELECT sample, rule FROM samples WHERE sample IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(sql, (json.dumps(handles),)).fetchall())


def scored(connection: Connection, wanted: Wanted, handles: Sequence[int]) -> dict[int, int | None]:
    """Return sample -> its latest score of the dimension that is asked for, or the measure, in millionths."""
    parameters = Parameters()
    value = _value(wanted, parameters)
    chosen = parameters.add(json.dumps(handles))
    sql = f"""SELECT s.sample, {value} FROM samples s WHERE s.sample IN (SELECT value FROM json_each({chosen}))"""  # noqa: S608 - likewise
    return dict(connection.execute(sql, parameters.values).fetchall())


def ids_of(connection: Connection, handles: Sequence[int]) -> list[bytes]:
    """Return the ids of samples, sorted."""
    (events,) = connection.execute("SELECT coalesce(max(position), -1) + 1 FROM event").fetchone()
    if len(handles) * 8 < events:
        sql = "SELECT e.op FROM json_each(?) j CROSS JOIN event e ON e.position = j.value"
        return sorted(row[0] for row in connection.execute(sql, (json.dumps(handles),)))
    chosen = bytearray(events)  # the index of ids is read as it stands, which is their order
    for handle in handles:
        chosen[handle] = 1
    return [op for op, position in connection.execute("SELECT op, position FROM event ORDER BY op") if chosen[position]]


def _born(connection: Connection, wanted: Wanted, low: int, high: int, first: int, *, newest: bool) -> Iterator[int]:
    """Yield samples between two handles, exclusive, in the order of birth or against it."""
    way = "DESC" if newest else "ASC"
    by_standing = any(getattr(wanted, name) is not None for name in (*_STANDING, "reason", "label", "split"))
    if wanted.source is not None:
        source = wanted.source or None
        bounds = _bounds_of_source(connection, source)
        if bounds is None:
            return
        low, high = max(low, bounds[0] - 1), min(high, bounds[1] + 1)
        groups = _standings(connection, wanted) if by_standing else {}
        if not by_standing or sum(groups.values()) > high - low:
            yield from _batches(connection, _IN_SOURCE, wanted, (low, high, first), way, {"source": source})
            return
    if not by_standing:
        yield from _batches(connection, _IN_ALL, wanted, (low, high, first), way, {})
        return
    streams = []
    for standing in _standings(connection, wanted):
        keys = dict(zip(_STANDING, standing, strict=True)) | {"domain": standing[1] or None}
        streams.append(_batches(connection, _IN_STANDING, wanted, (low, high, first), way, keys))
    yield from streams[0] if len(streams) == 1 else heapq.merge(*streams, reverse=newest)


def _batches(
    connection: Connection,
    sql: str,
    wanted: Wanted,
    bounds: tuple[int, int, int],
    way: str,
    keys: dict[str, str | None],
) -> Iterator[int]:
    """Yield samples from one index, a few at first: nothing stays open between two batches."""
    low, high, limit = bounds
    parameters = Parameters()
    filters = _filters(wanted, parameters, keys)
    sql = sql.format(filters=filters, way=way)
    while True:
        named = parameters.values | keys | {"low": low, "high": high, "limit": limit}
        rows = [row[0] for row in connection.execute(sql, named)]
        yield from rows
        if len(rows) < limit:
            return
        low, high = (low, rows[-1]) if way == "DESC" else (rows[-1], high)
        limit = min(2 * limit, MOST)


def _decided(connection: Connection, wanted: Wanted, after: Place | None, first: int) -> Iterator[Place]:
    if after is None or after.key >= 0:
        low = -1 if wanted.since is None else wanted.since - 1
        high = _END if wanted.until is None else wanted.until + 1
        high, limit = high if after is None else min(high, after.key), first
        parameters = Parameters()
        sql = _DECIDED.format(filters=_filters(wanted, parameters))
        while True:
            named = parameters.values | {"low": low, "high": high, "limit": limit}
            rows = connection.execute(sql, named).fetchall()
            yield from (Place(*row) for row in rows)
            if len(rows) < limit:
                break
            high, limit = rows[-1][0], min(2 * limit, MOST)
        after = None
    if wanted.rule in {None, ""} and wanted.since is None and wanted.until is None and wanted.actor is None:
        low = -1 if after is None else after.sample
        for sample in _born(connection, replace(wanted, rule=""), low, _END, first, newest=False):
            yield Place(-1, sample)


def _scored(connection: Connection, wanted: Wanted, sort: str, after: Place | None, first: int) -> Iterator[Place]:
    parameters = Parameters()
    value, filters = _value(wanted, parameters), _filters(replace(wanted, score=None), parameters)
    _, least, most = wanted.score or ("", None, None)
    bounds = {"least": -_END if least is None else least, "most": _END if most is None else most}
    beyond, way = ("<", "DESC") if sort == "score" else (">", "ASC")
    limit = first
    while True:
        place = "true" if after is None else f"(value {beyond} :key OR (value = :key AND sample > :sample))"
        sql = _SCORED.format(value=value, filters=filters, place=place, way=way)
        named = parameters.values | bounds | {"limit": limit} | ({} if after is None else after._asdict())
        rows = [Place(*row) for row in connection.execute(sql, named)]
        yield from rows
        if len(rows) < limit:
            return
        after, limit = rows[-1], MOST


def _of_few(connection: Connection, wanted: Wanted, sort: str, after: Place | None) -> Iterator[Place]:
    few = passing(connection, wanted, wanted.few or ())
    if sort == "decided":
        sql = "SELECT sample, decision FROM samples WHERE sample IN (SELECT value FROM json_each(?))"
        keys = dict(connection.execute(sql, (json.dumps(few),)).fetchall())
    elif sort in {"score", "lowest"} and wanted.score is not None:
        keys = scored(connection, wanted, few)
    else:
        keys = {sample: sample for sample in few}
    found = [Place(-1 if (key := keys[sample]) is None else key, sample) for sample in few]
    order = {"born": (1, 1), "newest": (-1, -1), "decided": (-1, 1), "score": (-1, 1), "lowest": (1, 1)}[sort]

    def at(place: Place) -> tuple[int, int]:
        return place.key * order[0], place.sample * order[1]

    return iter(sorted((place for place in found if after is None or at(place) > at(after)), key=at))


def _bounds_of_source(connection: Connection, source: str | None) -> tuple[int, int] | None:
    """Return the first and the last sample of a source, None where it has none; one file's stand close together."""
    first, last = (
        connection.execute(f"SELECT {word}(sample) FROM samples INDEXED BY samples_source WHERE source IS ?", (source,))  # noqa: S608 - two fixed words
        for word in ("min", "max")
    )
    begin, end = first.fetchone()[0], last.fetchone()[0]
    return None if begin is None else (begin, end)


def _standings(connection: Connection, wanted: Wanted) -> dict[tuple[str, ...], int]:
    """Return the standings that may hold what is wanted, and how many samples have them."""
    found: dict[tuple[str, ...], int] = {}
    for group in rollups.groups(connection):
        if _is_of(group, wanted):
            standing = (group.campaign, group.domain, group.status, group.rule)
            found[standing] = found.get(standing, 0) + group.samples
    return found


def _is_of(group: rollups.Group, wanted: Wanted) -> bool:
    """Say whether a standing is asked for; of a reason that is nobody's rule, whether people may have given it."""
    if wanted.reason is not None and group.rule != wanted.reason and group.rule not in AUTHORITIES:
        return False
    names = (*_STANDING, "label", "split")
    return all(getattr(wanted, name) in {None, getattr(group, name)} for name in names)


def _told_by(wanted: Wanted, names: set[str]) -> bool:
    """Say whether nothing else is asked for than what `names` name."""
    return all(getattr(wanted, field.name) is None or field.name in names for field in fields(Wanted))


def _filters(wanted: Wanted, parameters: Parameters, known: Sequence[str] | dict[str, str | None] = ()) -> str:
    """Return SQL that is true for the samples `s` that are wanted; `known` are keys that an index holds already."""
    texts = {
        "campaign": ("s.campaign", wanted.campaign),
        "domain": ("coalesce(s.domain, '')", wanted.domain),
        "status": ("s.status", wanted.status),
        "rule": ("s.rule", wanted.rule),
        "source": ("coalesce(s.source, '')", wanted.source),
        "split": ("coalesce(s.split, '')", wanted.split),
    }
    found = [
        f"{column} = {parameters.add(value)}"
        for name, (column, value) in texts.items()
        if value is not None and name not in known
    ]
    if wanted.label is not None:
        found.append(f"s.label IS {_LABELS[wanted.label]}")
    if wanted.reason is not None and (not isinstance(known, dict) or known.get("rule") != wanted.reason):
        reason = parameters.add(wanted.reason)
        found.append(f"(s.rule = {reason} OR s.reason = {reason})")
    if wanted.since is not None:
        found.append(f"s.decision >= {parameters.add(wanted.since)}")
    if wanted.until is not None:
        found.append(f"s.decision <= {parameters.add(wanted.until)}")
    return " AND ".join([*found, *_slow(wanted, parameters)]) or "true"


def _slow(wanted: Wanted, parameters: Parameters) -> Iterator[str]:
    """Yield what takes a look elsewhere, the cheapest first."""
    if wanted.unlike is not None:
        yield f"""s.status <> 'erased' AND EXISTS (SELECT 1 FROM samples o WHERE o.fingerprint = s.fingerprint
            AND o.sample <> s.sample AND o.campaign = {parameters.add(wanted.unlike)}
            AND o.status NOT IN (s.status, 'erased'))"""  # noqa: S608
    if wanted.tag is not None:
        key, value = wanted.tag
        held = tag_value(Tag(key), parameters)
        yield f"{held} <> ''" if value is None else f"{held} = {parameters.add(value)}"
    if wanted.score is not None:
        _, least, most = wanted.score
        value = _value(wanted, parameters)
        if least is None and most is None:
            yield f"{value} IS NOT NULL"
        else:
            yield f"{value} BETWEEN {-_END if least is None else least} AND {_END if most is None else most}"
    if wanted.condition is not None:
        yield f"s.status <> 'erased' AND {holds(wanted.condition, parameters)}"
    if wanted.actor is not None:
        yield f"""(SELECT json_extract(t.leaf, '$.actor') FROM told t WHERE t.position = s.decision)
            = {parameters.add(wanted.actor)}"""  # noqa: S608 - a parameter


def _value(wanted: Wanted, parameters: Parameters) -> str:
    if wanted.measured is not None:
        return f"(SELECT {wanted.measured} FROM judgements WHERE sample = s.sample)"  # noqa: S608 - numbers and names of columns
    return "NULL" if wanted.score is None else number(Score(wanted.score[0]), parameters)
