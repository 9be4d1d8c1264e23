"""Samples in an order, from any place of it on: read from indexes, so that a page costs what the page costs.

Standing (campaign, domain, status, rule) is an index of `samples`, and `rollups` knows which standings there are: those
that are asked for are read side by side, each from the place on. Every text is a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.conditions import Parameters
from ledger.views.merging import merged
from ledger.views.picking import (
    END,
    STANDING,
    Wanted,
    firsts,
    of_standings,
    passing,
    score_of,
    sql_of,
    standings,
    stands,
)
from ledger.views.rejected import SAID

FIRST, MOST = 64, 4_096
"""Rows that are fetched of one standing at a time: few at first, twice as many each time."""
_FEW = 5_000
"""Samples of some standings up to which they are put in an order that no index has."""
_IN_STANDING = """SELECT s.sample FROM samples s INDEXED BY samples_standing
    WHERE s.campaign = :campaign AND s.domain IS :domain AND s.status = :status AND s.rule = :rule
        AND s.sample > :low AND s.sample < :high AND {filters} ORDER BY s.sample {way} LIMIT :limit"""
_IN_SOURCE = """SELECT s.sample FROM samples s INDEXED BY samples_source
    WHERE s.source IS :source AND s.sample > :low AND s.sample < :high AND {filters}
    ORDER BY s.sample {way} LIMIT :limit"""
_IN_ALL = """SELECT s.sample FROM samples s NOT INDEXED WHERE s.sample > :low AND s.sample < :high AND {filters}
    ORDER BY s.sample {way} LIMIT :limit"""
_DECIDED_IN = """SELECT s.decision, s.sample FROM samples s INDEXED BY samples_decided
    WHERE s.campaign = :campaign AND s.decision > :low AND s.decision < :high AND {filters}
    ORDER BY s.decision DESC LIMIT :limit"""
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
    if wanted.few is None and sort in {"decided", "score", "lowest"}:
        wanted = _few_standings(connection, wanted)
    if wanted.few is not None:
        yield from _of_few(connection, wanted, sort, after)
    elif sort == "decided":
        yield from _decided(connection, wanted, after, first)
    elif sort in {"score", "lowest"}:
        yield from _scored(connection, wanted, sort, after, first)
    else:
        newest = sort == "newest"
        low, high = (-1, END) if after is None else (-1, after.sample) if newest else (after.sample, END)
        for sample in _born(connection, wanted, low, high, first, newest=newest):
            yield Place(sample, sample)


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
    value = score_of(wanted, parameters)
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
    by_standing = stands(wanted)
    if wanted.source is not None:
        source = wanted.source or None
        bounds = _bounds_of_source(connection, source)
        if bounds is None:
            return
        low, high = max(low, bounds[0] - 1), min(high, bounds[1] + 1)
        groups = standings(connection, wanted) if by_standing else {}
        if not by_standing or sum(groups.values()) > high - low:
            yield from _batches(connection, _IN_SOURCE, wanted, (low, high, first), way, {"source": source})
            return
    if not by_standing:
        yield from _batches(connection, _IN_ALL, wanted, (low, high, first), way, {})
        return
    sign = -1 if newest else 1

    def begin(standing: tuple[str, ...]) -> Iterator[int]:
        keys = dict(zip(STANDING, standing, strict=True)) | {"domain": standing[1] or None}
        return _batches(connection, _IN_STANDING, wanted, (low, high, first), way, keys)

    begins = firsts(connection, list(standings(connection, wanted)), low, high, newest=newest)
    lists = [((sign * sample,), partial(begin, standing)) for sample, standing in begins]
    yield from merged(lists, lambda sample: (sign * sample,))


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
    filters = sql_of(wanted, parameters, keys)
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
        high = END if wanted.until is None else wanted.until + 1
        high, limit = high if after is None else min(high, after.key), first
        parameters = Parameters()
        known = {} if wanted.campaign is None else {"campaign": wanted.campaign}
        sql = _DECIDED_IN if known else _DECIDED
        sql = sql.format(filters=sql_of(wanted, parameters, known))
        while True:
            named = parameters.values | known | {"low": low, "high": high, "limit": limit}
            rows = connection.execute(sql, named).fetchall()
            yield from (Place(*row) for row in rows)
            if len(rows) < limit:
                break
            high, limit = rows[-1][0], min(2 * limit, MOST)
        after = None
    if wanted.rule in {None, ""} and wanted.since is None and wanted.until is None and wanted.actor is None:
        low = -1 if after is None else after.sample
        for sample in _born(connection, replace(wanted, rule=""), low, END, first, newest=False):
            yield Place(-1, sample)


def _scored(connection: Connection, wanted: Wanted, sort: str, after: Place | None, first: int) -> Iterator[Place]:
    parameters = Parameters()
    value, filters = score_of(wanted, parameters), sql_of(replace(wanted, score=None), parameters)
    _, least, most = wanted.score or ("", None, None)
    bounds = {"least": -END if least is None else least, "most": END if most is None else most}
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


def _few_standings(connection: Connection, wanted: Wanted) -> Wanted:
    """Return the same question with `few` where few samples stand so as is asked for."""
    if not stands(wanted):
        return wanted
    there = standings(connection, wanted)
    return replace(wanted, few=frozenset(of_standings(connection, there))) if sum(there.values()) <= _FEW else wanted


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
