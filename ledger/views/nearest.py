"""Samples in the order of how near they are to another outcome, read from the index of margins, page by page.

The nearest comes first: by the size of the margin, then those that a rule decided before those that none did, then
the newest of the first and the oldest of the second, as the index has them. Of samples that teach the same only the
nearest is listed (one that a policy decided before one whose margin a file told), and of the rejected none that is
accepted elsewhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.conditions import Parameters
from ledger.views.observing import COLUMNS
from ledger.views.rejected import DUPLICATES, SAID


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is listed: accepted or rejected samples, all or of a campaign, domain ('': none), rule.

    `flat` names, for each adoption in force, rules whose margin measures nothing (`memory == 1`): samples that they
    decide are left out unless `rule` asks for one. `zero` says whether other rules can leave a margin of exactly 0.
    """

    status: str
    campaign: str | None = None
    domain: str | None = None
    rule: str | None = None
    flat: Mapping[int, Sequence[str]] = field(default_factory=dict)
    zero: bool = True


class Near(NamedTuple):
    """One sample and its margin in millionths: zero or less where a rule decided, else zero or more."""

    margin: int
    sample: int

    @property
    def key(self) -> tuple[int, bool, int]:
        """Return the place in the order."""
        return abs(self.margin), self.margin > 0, self.sample if self.margin > 0 else -self.sample


class Seen(NamedTuple):
    """What the policy in force saw of a sample: its adoption, the label without policies, and the numbers."""

    policy: int
    given: str
    numbers: tuple[int | None, ...]


_LISTED = """{s}.status = :status AND {s}.rule = {j}.rule AND {j}.outcome = :status AND {j}.person IS NULL
    AND (SELECT d.authority FROM decisions d WHERE d.position = {s}.decision) = 'policy'{filters}"""

_TWIN = """EXISTS (SELECT 1 FROM samples o CROSS JOIN judgements k ON k.sample = o.sample
    WHERE o.fingerprint = s.fingerprint AND o.sample {side} s.sample AND {nearer} AND {listed})"""
_NEWER = "(abs(k.margin) < abs(j.margin) OR (abs(k.margin) = abs(j.margin) AND k.margin <= 0))"
_OLDER = {-1: "abs(k.margin) < abs(j.margin)", 1: "abs(k.margin) <= abs(j.margin)"}
"""When a newer, and an older, sample with the same fingerprint comes first; by the sign of the margin of `j`."""

_ALONE = {
    "accepted": "",
    "rejected": """AND NOT EXISTS (SELECT 1 FROM samples o
        WHERE o.fingerprint = s.fingerprint AND o.status = 'accepted')""",
}

# `alone` looks at every twin, so it comes last: only one of many copies is left by then.
_JUDGED = """SELECT j.margin, j.sample FROM judgements j CROSS JOIN samples s ON s.sample = j.sample
    WHERE j.outcome = :status AND {place} AND {listed} AND NOT {newer} AND NOT {older} {alone}
    ORDER BY j.margin {way}, j.sample {way}"""

_RECORDED = f"""SELECT margin, sample FROM (
        SELECT margin, sample, row_number() OVER (PARTITION BY fingerprint
            ORDER BY abs(margin), margin > 0, CASE WHEN margin > 0 THEN sample ELSE -sample END) AS nth
        FROM (SELECT {SAID.format(leaf="t.leaf", what="margin")} AS margin, s.sample, s.fingerprint
            FROM decisions d JOIN samples s ON s.sample = d.sample AND s.decision = d.position
            JOIN told t ON t.position = d.position
            WHERE d.authority = 'import' AND d.withdrawn IS NULL AND s.status = :status
                AND json_extract(t.leaf, '$.details.twin') IS NULL
                AND s.rule NOT IN ({", ".join(f"'{name}'" for name in DUPLICATES)}){{filters}} {{alone}}
                AND NOT EXISTS (SELECT 1 FROM samples o CROSS JOIN judgements k ON k.sample = o.sample
                    WHERE o.fingerprint = s.fingerprint AND k.margin IS NOT NULL AND {{listed}}))
        WHERE margin IS NOT NULL)
    WHERE nth = 1"""  # noqa: S608 - constants of this program


def judged(connection: Connection, wanted: Wanted, after: Near | None = None) -> Iterator[Near]:
    """Yield samples that stand as a policy decided and as the policy in force still says; with `after` the later ones.

    Reads no more of the index than is asked for.
    """
    signs = (_of_sign(connection, wanted, sign, after) for sign in (-1, 1))
    return heapq.merge(*signs, key=lambda near: near.key)


def recorded(connection: Connection, wanted: Wanted, after: Near | None = None) -> list[Near]:
    """Return samples that stand as a file told, by the margin that it told; with `after` the later ones.

    Every one of them is looked at, as these margins stand in no index.
    """
    parameters = _parameters(wanted)
    sql = _RECORDED.format(
        filters=_filters(wanted, "s", "s", parameters),
        alone=_ALONE[wanted.status],
        listed=_listed(wanted, "o", "k", parameters),
    )
    found = sorted((Near(*row) for row in connection.execute(sql, parameters.values)), key=lambda near: near.key)
    return [near for near in found if after is None or near.key > after.key]


def any_recorded(connection: Connection) -> bool:
    """Say whether any decision that was not withdrawn came from a file."""
    sql = "SELECT EXISTS (SELECT 1 FROM decisions WHERE authority = 'import' AND withdrawn IS NULL)"
    return bool(connection.execute(sql).fetchone()[0])


def seen(connection: Connection, handles: Sequence[int]) -> dict[int, Seen]:
    """Return sample -> what the policy in force saw, for up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    sql = f"SELECT sample, policy, given, {COLUMNS} FROM judgements WHERE sample IN ({marks})"  # noqa: S608 - columns
    rows = connection.execute(sql, handles)
    return {sample: Seen(policy, given, tuple(numbers)) for sample, policy, given, *numbers in rows}


def _of_sign(connection: Connection, wanted: Wanted, sign: int, after: Near | None) -> Iterator[Near]:
    """Yield the samples whose margin has a sign (0 counts as negative), in order."""
    for place, values in _places(wanted, sign, after):
        parameters = _parameters(wanted)
        parameters.values |= values
        others = _listed(wanted, "o", "k", parameters)
        sql = _JUDGED.format(
            place=place,
            listed=_listed(wanted, "s", "j", parameters),
            alone=_ALONE[wanted.status],
            newer=_TWIN.format(side=">", nearer=_NEWER, listed=others),
            older=_TWIN.format(side="<", nearer=_OLDER[sign], listed=others),
            way="DESC" if sign < 0 else "ASC",
        )
        for row in connection.execute(sql, parameters.values):
            yield Near(*row)


def _places(wanted: Wanted, sign: int, after: Near | None) -> list[tuple[str, dict[str, int]]]:
    """Return where in the index to read, one stretch after the other, so that none is sorted."""
    beyond, side = ("<", "<") if sign < 0 else (">", ">")
    if after is None:
        closed = sign < 0 and (wanted.zero or wanted.rule is not None)
        return [(f"j.margin {beyond}{'=' if closed else ''} 0", {})]
    if (after.margin > 0) == (sign > 0):
        values = {"margin": after.margin, "sample": after.sample}
        return [
            (f"j.margin = :margin AND j.sample {side} :sample", values),
            (f"j.margin {beyond} :margin", {"margin": after.margin}),
        ]
    closed = sign > 0 and after.margin < 0  # of equal sizes the negative ones come first
    return [(f"j.margin {beyond}{'=' if closed else ''} :margin", {"margin": -after.margin})]


def _parameters(wanted: Wanted) -> Parameters:
    return Parameters({"status": wanted.status})


def _listed(wanted: Wanted, sample: str, judgement: str, parameters: Parameters) -> str:
    """Return SQL for whether a sample is one of those that `judged` lists, apart from its twins."""
    filters = _filters(wanted, sample, judgement, parameters)
    if wanted.rule is None:
        for adoption, names in wanted.flat.items():
            rules = ", ".join(parameters.add(name) for name in names)
            filters += f" AND NOT ({judgement}.policy = {adoption} AND {judgement}.rule IN ({rules}))"
    return _LISTED.format(s=sample, j=judgement, filters=filters)


def _filters(wanted: Wanted, sample: str, ruled: str, parameters: Parameters) -> str:
    """Return SQL for the campaign, domain and rule that are asked for."""
    asked = {
        f"{sample}.campaign": wanted.campaign,
        f"coalesce({sample}.domain, '')": wanted.domain,
        f"{ruled}.rule": wanted.rule,
    }
    return "".join(f" AND {column} = {parameters.add(value)}" for column, value in asked.items() if value is not None)
