"""What deciding by a policy comes to: for each sample its verdict after caps, and whether that is decided already.

It is made as a temporary table, for the judgements of the policy in force or for those of one that is only tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger.rule import Cap, Policy, Tag
from ledger.sqlite import Connection
from ledger.views.conditions import Parameters, tag_value
from ledger.views.judgements import LABELLED, NAMED, PERSON
from ledger.views.judging import VERDICT, Slots, number_of, rule_names
from ledger.views.near import WHOLE
from ledger.views.observing import COLUMNS

_JUDGED = f"""SELECT {NAMED}, {VERDICT}, NULL AS nth, NULL AS twin, NULL AS alike, NULL AS template,
        {LABELLED.format(of="")} AS labelled
    FROM {{table}} WHERE policy = {{adoption}}"""

_CAPPED = """SELECT sample, campaign, domain, policy, person, bound, given, {columns}, facts,
        CASE WHEN over THEN '{outcome}' ELSE outcome END AS outcome,
        CASE WHEN over THEN {name} ELSE rule END AS rule,
        CASE WHEN over THEN NULL ELSE margin END AS margin,
        held, untold, label, label_held, label_untold,
        CASE WHEN over THEN place ELSE nth END AS nth,
        CASE WHEN over THEN best ELSE twin END AS twin,
        CASE WHEN over THEN {alike} ELSE alike END AS alike,
        CASE WHEN over THEN {template} ELSE template END AS template, labelled
    FROM (SELECT r.*, stays AND outcome = 'accepted' AND place > {keep}{limited} AS over
        FROM (SELECT o.*, row_number() OVER w AS place, first_value(sample) OVER w AS best
            FROM (SELECT n.*, {turn} AS turn
                FROM (SELECT q.*, coalesce(q.person, q.outcome) = 'accepted' AS stays, s.fingerprint AS fingerprint,
                        {amount} AS amount, b.hash AS hash, e.op AS id, {spread} AS spread{keys}
                    FROM ({judged}) q JOIN samples s ON s.sample = q.sample JOIN blob b ON b.id = s.version
                    JOIN event e ON e.position = q.sample LEFT JOIN families f ON f.token = s.token) n) o
            WINDOW w AS (PARTITION BY stays{names}
                ORDER BY person IS NULL, turn, amount DESC NULLS LAST, hash, id)) r) z"""

_TURN = """row_number() OVER (PARTITION BY stays{names}, spread
    ORDER BY person IS NULL, amount DESC NULLS LAST, hash, id)"""

_CENTRE = """coalesce((SELECT min(w.first) FROM near w WHERE w.field = {{field}} AND w.scope = ''
        AND w.second = {0}.fingerprint AND w.similarity = 1000000), {0}.fingerprint)"""
"""SQL for the fingerprint that stands for all with the same words in the pairs that were compared."""

_ALIKE = f"""(SELECT CASE WHEN p.one = p.other THEN 1000000 ELSE (SELECT w.similarity FROM near w
        WHERE w.field = {{field}} AND w.scope = '' AND w.first = min(p.one, p.other)
            AND w.second = max(p.one, p.other)) END
    FROM (SELECT {_CENTRE.format("t")} AS one, {_CENTRE.format("z")} AS other FROM samples t
        WHERE t.sample = best) p)"""
"""How alike a sample and the one that stays are; NULL where they are of one cluster but no pair."""

_CLUSTER = """coalesce((SELECT c.root FROM near_clusters c
    WHERE c.field = {field} AND c.scope = '' AND c.fingerprint = s.fingerprint), s.fingerprint)"""

_TEMPLATE = """(SELECT m.family FROM template_members m
    WHERE m.field = {field} AND m.scope = '' AND m.fingerprint = s.fingerprint
        AND m.batch IN ('', '=' || coalesce(s.source, '')))"""

_PER = {
    "campaign": "s.campaign",
    "domain": "coalesce(s.domain, '')",
    "family": "coalesce(f.root, s.token)",
    "fingerprint": "s.fingerprint",
    "label": "q.labelled",
    "prompt": "s.token",
    "source": "coalesce(s.source, '')",
}

_GIVEN = "CASE q.given WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
_DUE = """CREATE TEMP TABLE {name} AS SELECT q.*, {labels} AS labels,
        d.outcome IS NOT q.outcome OR d.rule IS NOT q.rule OR (q.person IS NULL AND d.position IS NOT s.decision)
            AS outcome_due,
        CASE WHEN q.label_held THEN l.label IS NOT q.label OR l.rule IS NOT {labels} OR l.position IS NULL
                OR (NOT q.bound AND l.position IS NOT s.label_event)
            WHEN q.bound OR l.position IS NULL THEN false
            ELSE l.rule IS NOT NULL OR (l.position IS s.label_event AND s.label IS NOT {given}) END AS label_due
    FROM ({judged}) q JOIN samples s ON s.sample = q.sample
    LEFT JOIN decisions d ON d.position = (SELECT max(o.position) FROM decisions o WHERE o.sample = q.sample
        AND o.authority = 'policy' AND o.withdrawn IS NULL AND o.version = s.version)
    LEFT JOIN labels l ON l.position = (SELECT max(o.position) FROM labels o WHERE o.sample = q.sample
        AND o.authority = 'policy' AND o.withdrawn IS NULL)
    WHERE {campaign} ORDER BY q.sample"""


_REST = f"""CREATE TEMP TABLE {{name}} AS SELECT s.sample, coalesce(s.domain, '') AS domain, {PERSON} AS person,
        CASE WHEN s.status IN ('pending', 'errored') THEN 'deferred' ELSE s.status END AS outcome,
        s.rule AS rule, NULL AS margin, 0 AS label_held, '' AS labels,
        CASE s.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END AS labelled
    FROM samples s WHERE s.status <> 'erased' AND s.campaign NOT IN ({{campaigns}})"""


class Due(NamedTuple):
    """One sample whose outcome or label is not decided as the policy has it."""

    sample: int
    id: bytes
    version: int
    hash: bytes
    domain: str
    numbers: tuple[int | None, ...]
    facts: int
    outcome: str
    rule: str
    margin: int | None
    held: int
    untold: int
    label: int | None
    label_held: int
    labels: str
    given: str
    nth: int | None
    twin: bytes | None
    alike: int | None
    template: int | None
    outcome_due: bool
    label_due: bool


class Tally(NamedTuple):
    """How many samples share an outcome, the rule that decided it, label rules, and the label that they then have."""

    outcome: str
    rule: str
    labels: str
    label: str
    samples: int


def fill(
    connection: Connection,
    name: str,
    table: str,
    adoption: int,
    policy: Policy,
    slots: Slots,
    campaign: str | None,
) -> None:
    """Make the temporary table `name` from the judgements in `table` that stand under an adoption.

    Caps look at every sample that the adoption covers; only then does `campaign` say which are asked for.
    """
    parameters = Parameters()
    judged = _JUDGED.format(table=table, adoption=adoption)
    before = [f"{name}_before_{cap}" for cap in range(len(policy.caps))]
    drop(connection, name, *before)
    for cap, table_before in zip(policy.caps, before, strict=True):
        if table_before != before[0]:  # a statement of many caps in one another would be too deep for SQLite's parser
            connection.execute(f"CREATE TEMP TABLE {table_before} AS {judged}", parameters.values)
            judged = f"SELECT * FROM temp.{table_before}"
        judged = _capped(cap, policy, slots, judged, parameters)
    wanted = "true" if campaign is None else f"q.campaign = {parameters.add(campaign)}"
    labels = rule_names("q.label_held", [rule.name for rule in policy.labels], parameters)
    sql = _DUE.format(name=name, judged=judged, labels=labels, given=_GIVEN, campaign=wanted)
    connection.execute(sql, parameters.values)
    drop(connection, *before)


def fill_rest(connection: Connection, name: str, campaigns: list[str]) -> None:
    """Make the temporary table `name` from the samples outside of `campaigns`, as they stand without a policy."""
    parameters = Parameters()
    own = ", ".join(parameters.add(campaign) for campaign in campaigns)
    connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    connection.execute(_REST.format(name=name, campaigns=own), parameters.values)


def tallies(connection: Connection, name: str) -> list[Tally]:
    """Return what the samples of a table come to."""
    rows = connection.execute(
        f"""SELECT outcome, rule, CASE WHEN label_held THEN labels ELSE '' END, labelled, count(*) FROM temp.{name}
        GROUP BY 1, 2, 3, 4""",
    )
    return [Tally(*row) for row in rows]


def counts(connection: Connection, name: str) -> tuple[int, int, int]:
    """Return (samples, those whose outcome or label is due, those that a person decided)."""
    sql = f"""SELECT count(*), coalesce(sum(outcome_due OR label_due), 0),
        coalesce(sum(person IS NOT NULL OR bound), 0) FROM temp.{name}"""
    considered, changed, bound = connection.execute(sql).fetchone()
    return considered, changed, bound


def batch(connection: Connection, name: str, after: int, limit: int) -> list[Due]:
    """Return up to `limit` samples after a handle whose outcome or label is due, in the order of birth."""
    rows = connection.execute(
        f"""SELECT q.sample, e.op, s.version, b.hash, q.domain, q.facts, q.outcome, q.rule, q.margin, q.held, q.untold,
            q.label, q.label_held, CASE WHEN q.label_held THEN q.labels ELSE '' END, q.given, q.nth, t.op,
            q.alike, q.template, q.outcome_due, q.label_due, {COLUMNS}
        FROM temp.{name} q JOIN samples s ON s.sample = q.sample JOIN event e ON e.position = q.sample
        JOIN blob b ON b.id = s.version LEFT JOIN event t ON t.position = q.twin
        WHERE q.sample > ? AND (q.outcome_due OR q.label_due) ORDER BY q.sample LIMIT ?""",
        (after, limit),
    )
    return [_due(row) for row in rows]


def _due(row: tuple[object, ...]) -> Due:
    sample, op, version, digest, domain, *more = row
    return Due(sample, op, version, digest, domain, tuple(more[16:]), *more[:16])  # type: ignore[arg-type]


def drop(connection: Connection, *names: str) -> None:
    """Drop temporary tables."""
    for name in names:
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _capped(cap: Cap, policy: Policy, slots: Slots, judged: str, parameters: Parameters) -> str:
    keys = [_group(per, parameters) for per in cap.per]
    names = "".join(f", k{n}" for n in range(len(keys)))
    templates = [n for n, per in enumerate(cap.per) if per.startswith("template.")]
    return _CAPPED.format(
        alike=_alike(cap, parameters),
        template=f"k{templates[0]}" if templates else "NULL",
        limited="".join(f" AND k{n} IS NOT NULL" for n in templates),
        spread="NULL" if cap.spread is None else _group(cap.spread, parameters),
        turn="NULL" if cap.spread is None else _TURN.format(names=names),
        columns=COLUMNS,
        keep=cap.keep,
        outcome=cap.outcome,
        name=parameters.add(cap.name),
        amount="NULL" if cap.best is None else number_of(policy, cap.best, slots),
        keys="".join(f", {key} AS k{n}" for n, key in enumerate(keys)),
        judged=judged,
        names=names,
    )


def _group(name: str, parameters: Parameters) -> str:
    """Return SQL for what makes samples alike to a cap."""
    if name in _PER:
        return _PER[name]
    kind, _, rest = name.partition(".")
    if kind == "near":
        return _CLUSTER.format(field=parameters.add(rest or WHOLE))
    if kind == "template":
        return _TEMPLATE.format(field=parameters.add(rest))
    return tag_value(Tag(rest), parameters)


def _alike(cap: Cap, parameters: Parameters) -> str:
    """Return SQL for how alike a sample and the one that stays are, where the cap is about that."""
    near = [per for per in cap.per if per.partition(".")[0] == "near"]
    if near:
        return _ALIKE.format(field=parameters.add(near[0].partition(".")[2] or WHOLE))
    return "1000000" if "fingerprint" in cap.per else "NULL"


class Count(NamedTuple):
    """How many samples stand, or would stand, with a status, a label and a domain."""

    status: str
    label: str
    domain: str
    samples: int


def standing(connection: Connection, name: str) -> list[Count]:
    """Return how many samples of a table have which status and label; a person's decision counts before a policy's."""
    rows = connection.execute(
        f"""SELECT coalesce(person, outcome), labelled, domain, count(*) FROM temp.{name} GROUP BY 1, 2, 3""",
    )
    return [Count(*row) for row in rows]


class Way(NamedTuple):
    """How a sample of a domain would stand otherwise: from what to what, by which rules."""

    domain: str
    status: str
    to_status: str
    rule: str
    to_rule: str
    label: str
    to_label: str
    label_rules: str
    to_label_rules: str


class Flip(NamedTuple):
    """One sample that would stand otherwise, and how far from the other outcome it was, and then would be."""

    sample: int
    way: Way
    margin: int | None
    to_margin: int | None


class Turn(NamedTuple):
    """How many samples would stand otherwise in one and the same way."""

    way: Way
    samples: int


_FLIPS = """SELECT b.sample, b.domain, coalesce(b.person, b.outcome), coalesce(a.person, a.outcome), b.rule, a.rule,
        b.labelled, a.labelled, CASE WHEN b.label_held THEN b.labels ELSE '' END,
        CASE WHEN a.label_held THEN a.labels ELSE '' END, b.margin, a.margin
    FROM temp.{before} b JOIN temp.{after} a ON a.sample = b.sample
    WHERE (b.person IS NULL AND b.outcome <> a.outcome) OR b.labelled <> a.labelled"""


def flips(connection: Connection, before: str, after: str, limit: int) -> tuple[list[Turn], list[Flip]]:
    """Return what stands otherwise in one table than in the other: all counted by their way, and the oldest few."""
    return gathered(connection, _FLIPS.format(before=before, after=after), {}, limit)


def gathered(
    connection: Connection, flipped: str, parameters: Mapping[str, str | int], limit: int
) -> tuple[list[Turn], list[Flip]]:
    """Return the flips that a SELECT finds, which is run once: all counted by their way, and the `limit` oldest."""
    ways = ", ".join(Way._fields)
    connection.execute(f"CREATE TEMP TABLE flipped (sample, {ways}, margin, to_margin)")
    connection.execute(f"INSERT INTO temp.flipped {flipped}", parameters)
    turns = connection.execute(f"SELECT {ways}, count(*) FROM temp.flipped GROUP BY {ways} ORDER BY {ways}")
    first = connection.execute("SELECT * FROM temp.flipped ORDER BY sample LIMIT ?", (limit,))
    listed = [Flip(sample, Way(*way), margin, to_margin) for sample, *way, margin, to_margin in first]
    found = [Turn(Way(*way), samples) for *way, samples in turns], listed
    connection.execute("DROP TABLE temp.flipped")
    return found
