"""Samples in the order of how near they are to another outcome, read from the index of margins, page by page.

The index holds margins by outcome, campaign and rule; `rollups` knows which of these there are, and each is read from
its nearest margin on, once the list has come as far as that.

The nearest comes first: by the size of the margin, then those that a rule decided before those that none did, then
the newest of the first and the oldest of the second, as the index has them. Of samples that teach the same only the
nearest is listed (one that a policy decided before one whose margin a file told), and of the rejected none that is
accepted elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views import policies, rollups
from ledger.views.conditions import Parameters
from ledger.views.merging import merged
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


class Ranked(NamedTuple):
    """One sample in the order; `left_out` where another that teaches the same stands for it, or is accepted."""

    near: Near
    left_out: bool


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

_ELSEWHERE = {
    "accepted": "false",
    "rejected": """EXISTS (SELECT 1 FROM samples o
        WHERE o.fingerprint = s.fingerprint AND o.status = 'accepted')""",
}

_AT = "j.outcome = :status AND j.campaign = :in_campaign AND j.rule = :by_rule"

# `elsewhere` looks at every twin, so it comes last: only one of many copies is left by then. CASE, as SQLite computes
# both sides of an OR.
_JUDGED = f"""SELECT j.margin, j.sample,
        CASE WHEN s.sample NOT IN (SELECT sample FROM twinned) THEN 0 WHEN {{newer}} THEN 1 WHEN {{older}} THEN 1
            ELSE {{elsewhere}} END
    FROM judgements j INDEXED BY judgements_margin CROSS JOIN samples s ON s.sample = j.sample
    WHERE {_AT} AND {{place}} AND {{listed}} ORDER BY j.margin {{way}}, j.sample {{way}}"""  # noqa: S608 - constants of this program

_NEAREST = f"""SELECT j.margin FROM judgements j INDEXED BY judgements_margin
    WHERE {_AT} AND {{place}} ORDER BY j.margin {{way}} LIMIT 1"""  # noqa: S608 - likewise

_RECORDED = f"""SELECT margin, sample, gone OR nth > 1 FROM (
        SELECT margin, sample, gone, row_number() OVER (PARTITION BY fingerprint, gone
            ORDER BY abs(margin), margin > 0, CASE WHEN margin > 0 THEN sample ELSE -sample END) AS nth
        FROM (SELECT {SAID.format(leaf="t.leaf", what="margin")} AS margin, s.sample, s.fingerprint,
                CASE WHEN s.sample NOT IN (SELECT sample FROM twinned) THEN 0 WHEN {{elsewhere}} THEN 1
                    ELSE EXISTS (SELECT 1 FROM samples o CROSS JOIN judgements k ON k.sample = o.sample
                        WHERE o.fingerprint = s.fingerprint AND k.margin IS NOT NULL AND {{listed}}) END AS gone
            FROM decisions d JOIN samples s ON s.sample = d.sample AND s.decision = d.position
            JOIN told t ON t.position = d.position
            WHERE d.authority = 'import' AND d.withdrawn IS NULL AND s.status = :status
                AND json_extract(t.leaf, '$.details.twin') IS NULL
                AND s.rule NOT IN ({", ".join(f"'{name}'" for name in DUPLICATES)}){{filters}})
        WHERE margin IS NOT NULL)"""  # noqa: S608 - constants of this program


def judged(connection: Connection, wanted: Wanted, after: Near | None = None) -> Iterator[Ranked]:
    """Yield samples that stand as a policy decided and as the policy in force still says; with `after` the later ones.

    Reads no more of the index than is asked for.
    """
    lists = []
    for campaign, rule in _groups(connection, wanted):
        group = {"in_campaign": campaign, "by_rule": rule}
        for sign in (-1, 1):
            begins = _begins(connection, wanted, sign, after, group)
            if begins is not None:
                lists.append(((abs(begins), sign > 0), partial(_of_group, connection, wanted, sign, after, group)))
    return merged(lists, lambda ranked: ranked.near.key)


def recorded(connection: Connection, wanted: Wanted, after: Near | None = None) -> list[Ranked]:
    """Return samples that stand as a file told, by the margin that it told; with `after` the later ones.

    Every one of them is looked at, as these margins stand in no index.
    """
    parameters = _parameters(wanted)
    sql = _RECORDED.format(
        filters=_filters(wanted, "s", "s", parameters),
        elsewhere=_ELSEWHERE[wanted.status],
        listed=_listed(wanted, "o", "k", parameters),
    )
    rows = connection.execute(sql, parameters.values)
    found = sorted(
        (Ranked(Near(margin, sample), bool(out)) for margin, sample, out in rows), key=lambda one: one[0].key
    )
    return [ranked for ranked in found if after is None or ranked.near.key > after.key]


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


def _groups(connection: Connection, wanted: Wanted) -> list[tuple[str, str]]:
    """Return the campaigns and rules of which any sample may be listed; a rule that measures nothing lists none."""
    asked = (wanted.campaign, wanted.domain, wanted.rule)
    found = {
        (group.campaign, group.rule)
        for group in rollups.groups(connection)
        if group.status == wanted.status
        and all(
            want in {None, own} for want, own in zip(asked, (group.campaign, group.domain, group.rule), strict=True)
        )
    }
    covering = {one.campaign: one.position for one in policies.in_force(connection)} if wanted.rule is None else {}
    every = covering.get(None)
    return sorted(
        (campaign, rule)
        for campaign, rule in found
        if rule not in wanted.flat.get(covering.get(campaign, every) or -1, ())
    )


def _begins(connection: Connection, wanted: Wanted, sign: int, after: Near | None, group: dict[str, str]) -> int | None:
    """Return the nearest margin of a group that has a sign and comes after a place; None where there is none."""
    for place, values in _places(wanted, sign, after):
        sql = _NEAREST.format(place=place, way="DESC" if sign < 0 else "ASC")
        row = connection.execute(sql, {"status": wanted.status, **group, **values}).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _of_group(
    connection: Connection, wanted: Wanted, sign: int, after: Near | None, group: dict[str, str]
) -> Iterator[Ranked]:
    """Yield the samples of a campaign and rule whose margin has a sign (0 counts as negative), in order."""
    for place, values in _places(wanted, sign, after):
        parameters = _parameters(wanted)
        parameters.values |= {**values, **group}
        others = _listed(wanted, "o", "k", parameters)
        sql = _JUDGED.format(
            place=place,
            listed=_listed(wanted, "s", "j", parameters),
            elsewhere=_ELSEWHERE[wanted.status],
            newer=_TWIN.format(side=">", nearer=_NEWER, listed=others),
            older=_TWIN.format(side="<", nearer=_OLDER[sign], listed=others),
            way="DESC" if sign < 0 else "ASC",
        )
        for margin, sample, out in connection.execute(sql, parameters.values):
            yield Ranked(Near(margin, sample), bool(out))


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
