"""What may be wanted of a list of samples, as SQL about them, and how many there are where counts tell.

`rollups` knows which standings (campaign, domain, status, rule) there are. Every text is a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from ledger.event import AUTHORITIES
from ledger.rule import Condition, Score, Tag
from ledger.sqlite import Connection
from ledger.views import rollups, spreads
from ledger.views.conditions import Parameters, holds, number, tag_value

STANDING = ("campaign", "domain", "status", "rule")
END = 2**62
"""More than any position, handle or number of millionths."""
_LABELS = {"true": "1", "false": "0", "none": "NULL"}
_NARROW = 50_000
"""Decisions: so many, made one after the other or by one actor, are looked at one by one."""

_RARE = 10_000
"""Samples with a score between two bounds: so many are looked up in the scores, of more some are found soon anyway."""
_SCORED = """SELECT v.sample FROM scores v WHERE v.value BETWEEN :least AND :most
    AND v.measure IN (SELECT m.measure FROM measures m WHERE m.dimension = :name)"""
_MEASURED = "SELECT sample FROM judgements WHERE :name <> '' AND {} BETWEEN :least AND :most"
_MANY = f" LIMIT {_RARE + 1}"
_BY_RUNS = "SELECT sample FROM decisions WHERE run IN (SELECT position FROM runs WHERE actor = ?) LIMIT ?"
_ACTOR = "(SELECT r.actor FROM decisions d JOIN runs r ON r.position = d.run WHERE d.position = s.decision)"


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


def everything(connection: Connection, wanted: Wanted) -> list[int]:
    """Return all samples that are wanted, in no order."""
    if wanted.few is not None:
        return passing(connection, wanted, wanted.few)
    parameters = Parameters()
    sql = f"SELECT s.sample FROM samples s WHERE {sql_of(wanted, parameters)}"  # noqa: S608 - all texts are parameters
    return [row[0] for row in connection.execute(sql, parameters.values)]


def passing(connection: Connection, wanted: Wanted, handles: Iterable[int]) -> list[int]:
    """Return those of some samples that are wanted, in the order of birth."""
    parameters = Parameters()
    chosen = parameters.add(json.dumps(sorted(handles)))
    sql = f"""SELECT s.sample FROM json_each({chosen}) j CROSS JOIN samples s ON s.sample = j.value
        WHERE {sql_of(replace(wanted, few=None), parameters)}"""  # noqa: S608 - all texts are parameters
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
    if not _told_by(wanted, {*STANDING, "label", "split"}):
        return None
    return sum(group.samples for group in rollups.groups(connection) if _is_of(group, wanted))


def narrowed(connection: Connection, wanted: Wanted, ids: tuple[bytes, bytes] | None) -> Wanted:
    """Return the same question with `few` where bounds of ids, decisions, their actor or a score name a few."""
    named: list[set[int]] = [] if wanted.few is None else [set(wanted.few)]
    if ids is not None:
        sql = """SELECT e.position FROM event e CROSS JOIN samples s ON s.sample = e.position
            WHERE e.op BETWEEN ? AND ?"""
        named.append({row[0] for row in connection.execute(sql, ids)})
    if wanted.since is not None or wanted.until is not None:
        first = 0 if wanted.since is None else wanted.since
        last = END if wanted.until is None else wanted.until
        (end,) = connection.execute("SELECT coalesce(max(position), -1) FROM decisions").fetchone()
        if min(last, end) - first <= _NARROW:
            sql = "SELECT sample FROM decisions WHERE position BETWEEN ? AND ?"
            named.append({row[0] for row in connection.execute(sql, (first, last))})
    if wanted.actor is not None and not named:
        found = [row[0] for row in connection.execute(_BY_RUNS, (wanted.actor, _NARROW + 1))]
        named += [set(found)] if len(found) <= _NARROW else []
    if not named and (rare := _rare(connection, wanted)) is not None:
        named.append(rare)
    return replace(wanted, few=frozenset(set.intersection(*named))) if named else wanted


def _rare(connection: Connection, wanted: Wanted) -> set[int] | None:
    """Return all samples that may have a score between two bounds, where few have it: then no other is looked at."""
    if wanted.score is None or None in wanted.score or _stand_few(connection, wanted):
        return None
    name, least, most = wanted.score
    is_measure = wanted.measured is not None
    if spreads.between(connection, name, least or 0, most or 0, is_measure=is_measure) > _RARE:
        return None
    values = {"name": name, "least": least, "most": most}
    rows = connection.execute((_MEASURED.format(wanted.measured) if is_measure else _SCORED) + _MANY, values)
    found = {row[0] for row in rows}
    return found if len(found) <= _RARE else None


def _stand_few(connection: Connection, wanted: Wanted) -> bool:
    """Say whether so few samples stand as is asked for that looking at each is faster than looking for a score."""
    return stands(wanted) and sum(standings(connection, wanted).values()) <= _NARROW


_OF_STANDING = """samples s INDEXED BY samples_standing
    WHERE s.campaign = json_extract(j.value, '$[0]') AND s.domain IS json_extract(j.value, '$[1]')
        AND s.status = json_extract(j.value, '$[2]') AND s.rule = json_extract(j.value, '$[3]')"""
_FIRST = f"""SELECT j.key, (SELECT {{word}}(s.sample) FROM {_OF_STANDING} AND s.sample > :low AND s.sample < :high)
    FROM json_each(:standings) j"""  # noqa: S608 - constants of this program
_ALL_OF = f"SELECT s.sample FROM json_each(?) j CROSS JOIN {_OF_STANDING}"  # noqa: S608 - likewise


def firsts(
    connection: Connection, standings: Sequence[tuple[str, ...]], low: int, high: int, *, newest: bool
) -> list[tuple[int, tuple[str, ...]]]:
    """Return (first sample between two handles, standing) of those standings that have any there."""
    sql = _FIRST.format(word="max" if newest else "min")
    rows = connection.execute(sql, {"standings": _listed(standings), "low": low, "high": high})
    return [(sample, standings[nth]) for nth, sample in rows if sample is not None]


def of_standings(connection: Connection, standings: Iterable[tuple[str, ...]]) -> list[int]:
    """Return all samples of some standings."""
    return [row[0] for row in connection.execute(_ALL_OF, (_listed(standings),))]


def _listed(standings: Iterable[tuple[str, ...]]) -> str:
    return json.dumps([(one[0], one[1] or None, *one[2:]) for one in standings])


def standings(connection: Connection, wanted: Wanted) -> dict[tuple[str, ...], int]:
    """Return the standings that may hold what is wanted, and how many samples have them."""
    found: dict[tuple[str, ...], int] = {}
    for group in rollups.groups(connection):
        if _is_of(group, wanted):
            standing = (group.campaign, group.domain, group.status, group.rule)
            found[standing] = found.get(standing, 0) + group.samples
    return found


def stands(wanted: Wanted) -> bool:
    """Say whether anything is asked for that standings tell apart."""
    return any(getattr(wanted, name) is not None for name in (*STANDING, "reason", "label", "split"))


def _is_of(group: rollups.Group, wanted: Wanted) -> bool:
    """Say whether a standing is asked for; of a reason that is nobody's rule, whether people may have given it."""
    if wanted.reason is not None and group.rule != wanted.reason and group.rule not in AUTHORITIES:
        return False
    names = (*STANDING, "label", "split")
    return all(getattr(wanted, name) in {None, getattr(group, name)} for name in names)


def _told_by(wanted: Wanted, names: set[str]) -> bool:
    """Say whether nothing else is asked for than what `names` name."""
    return all(getattr(wanted, field.name) is None or field.name in names for field in fields(Wanted))


def sql_of(wanted: Wanted, parameters: Parameters, known: Mapping[str, str | None] | None = None) -> str:
    """Return SQL that is true for the samples `s` that are wanted; `known` are keys that an index holds already."""
    known = known or {}
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
    if wanted.reason is not None and known.get("rule") != wanted.reason:
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
        yield f"""s.sample IN (SELECT sample FROM twinned) AND s.status <> 'erased' AND EXISTS (SELECT 1 FROM samples o
            WHERE o.fingerprint = s.fingerprint AND o.sample <> s.sample
            AND o.campaign = {parameters.add(wanted.unlike)} AND o.status NOT IN (s.status, 'erased'))"""  # noqa: S608
    if wanted.tag is not None:
        key, value = wanted.tag
        held = tag_value(Tag(key), parameters)
        yield f"{held} <> ''" if value is None else f"{held} = {parameters.add(value)}"
    if wanted.score is not None:
        _, least, most = wanted.score
        value = score_of(wanted, parameters)
        if least is None and most is None:
            yield f"{value} IS NOT NULL"
        else:
            yield f"{value} BETWEEN {-END if least is None else least} AND {END if most is None else most}"
    if wanted.condition is not None:
        yield f"s.status <> 'erased' AND {holds(wanted.condition, parameters)}"
    if wanted.actor is not None:
        yield f"{_ACTOR} = {parameters.add(wanted.actor)}"


def score_of(wanted: Wanted, parameters: Parameters) -> str:
    """Return SQL for the score that is asked for."""
    if wanted.measured is not None:
        return f"(SELECT {wanted.measured} FROM judgements WHERE sample = s.sample)"  # noqa: S608 - numbers and names of columns
    return "NULL" if wanted.score is None else number(Score(wanted.score[0]), parameters)
