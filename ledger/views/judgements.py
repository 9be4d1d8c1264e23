"""What the policy in force says of each sample as it stands, whether or not that was decided yet.

`decide` appends the difference between this and the decisions; `rejections` and `whatif` read it. A row also holds
what the policy saw, so that other thresholds can be tried without looking anything up again. There are no rows where
no policy was adopted.
"""

from __future__ import annotations

from ledger.event import BIRTHS, DECISIONS
from ledger.rule import Policy
from ledger.sqlite import Connection
from ledger.views import policies
from ledger.views.conditions import Parameters
from ledger.views.judging import VERDICT, Slots, fits, slots_of, verdicts
from ledger.views.observing import COLUMNS, GIVEN_LABEL, SLOTS, observations
from ledger.views.span import Span

STATUS = "coalesce(person, outcome)"
LABELLED = """CASE WHEN {of}bound OR NOT {of}label_held THEN {of}given
    ELSE CASE {of}label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END END"""
"""The label that a sample has when a policy has decided: a person's, else the policy's, else the one it had."""

TABLES = (("judgements", "sample"),)
DDL = (
    f"""CREATE TABLE {{schema}}.judgements (
        sample INTEGER PRIMARY KEY,
        campaign TEXT NOT NULL,
        domain TEXT NOT NULL,           -- '' where there is none
        policy INTEGER NOT NULL,        -- position of the adoption of the policy in force
        person TEXT,                    -- what a person decided about this version, which outranks
        bound INTEGER NOT NULL,         -- 1 where a person gave the label, which outranks
        given TEXT NOT NULL,            -- the label without any policy: true, false, none
        {", ".join(f"x{slot} INTEGER" for slot in range(SLOTS))}, -- the numbers that it compares, in millionths
        facts INTEGER NOT NULL,         -- bit by bit, which of its comparisons of texts hold
        outcome TEXT NOT NULL,
        rule TEXT NOT NULL,             -- that decides; default or unknown where none does
        margin INTEGER,                 -- how far from another outcome, in millionths; negative where rules hold
        held INTEGER NOT NULL,          -- bit by bit, which rules hold
        untold INTEGER NOT NULL,        -- and which cannot be told
        label INTEGER,                  -- that its label rules give
        label_held INTEGER NOT NULL,    -- bit by bit, which label rules hold
        label_untold INTEGER NOT NULL,
        status TEXT GENERATED ALWAYS AS ({STATUS}) VIRTUAL,     -- as it is when this is decided
        labelled TEXT GENERATED ALWAYS AS ({LABELLED.format(of="")}) VIRTUAL
    ) STRICT""",
)
INDEXES = (
    "CREATE INDEX {schema}.judgements_margin ON judgements (outcome, campaign, rule, margin)",
    "CREATE INDEX {schema}.judgements_standing ON judgements (policy, campaign, status, labelled)",
)

PERSON = """(SELECT d.outcome FROM decisions d WHERE d.sample = s.sample AND d.authority = 'person'
    AND d.withdrawn IS NULL AND d.version = s.version ORDER BY d.position DESC LIMIT 1)"""
PERSONS_LABEL = """EXISTS (SELECT 1 FROM labels l WHERE l.sample = s.sample AND l.authority = 'person'
    AND l.withdrawn IS NULL)"""
_CHANGE = (*BIRTHS, "edited", "erased", "withdrawn", "scored", "found", "tagged")
_SEEN = f"""SELECT s.sample, s.campaign, coalesce(s.domain, '') AS domain, {{adoption}} AS policy,
        {PERSON} AS person, {PERSONS_LABEL} AS bound, {GIVEN_LABEL} AS given, {{observations}}
    FROM samples s WHERE s.status <> 'erased' AND {{campaign}} AND {{which}}"""
NAMED = f"sample, campaign, domain, policy, person, bound, given, {COLUMNS}, facts"


def follow(connection: Connection, span: Span) -> None:
    """Judge again what the span changed, after all else was folded."""
    if not policies.adopted(connection):
        return
    if span.has("policy_adopted"):
        judge(connection)
    elif span.has(*_CHANGE) or _outranked(connection, span):
        connection.execute("DELETE FROM judgements WHERE sample IN (SELECT sample FROM touched)")
        _judge(connection, "s.sample IN (SELECT sample FROM touched)")


def judge(connection: Connection) -> None:
    """Judge every sample."""
    connection.execute("DELETE FROM judgements")
    _judge(connection, "true")


def try_on(connection: Connection, standing: list[policies.Adoption], adoption: policies.Adoption) -> Slots:
    """Fill the temporary table `tried` with what a policy that nobody adopted yet would say; return where things stand.

    What the policy in force saw is used again where that is all that the other one asks for.
    """
    policy, parameters = policies.frozen(adoption), Parameters()
    seen, slots = _seen_before(connection, adoption, policy, parameters)
    if not seen:
        seen = _observed(connection, standing, adoption, "true", parameters)
        slots = slots_of(policy)
    said = verdicts(connection, policy, slots, seen, parameters)
    connection.execute("DROP TABLE IF EXISTS temp.tried")
    connection.execute(f"CREATE TEMP TABLE tried AS SELECT {NAMED}, {VERDICT} FROM ({said})", parameters.values)
    connection.execute("CREATE UNIQUE INDEX temp.tried_sample ON tried (sample)")
    return slots


def _seen_before(
    connection: Connection, adoption: policies.Adoption, policy: Policy, parameters: Parameters
) -> tuple[str, Slots]:
    """Return the rows of `judgements` as what a policy sees, or '' where the policy in force saw something else."""
    before = policies.in_force(connection)
    covering = policies.in_force_for(connection, adoption.campaign)
    alone = adoption.campaign is not None or len(before) == 1
    if covering is None or not alone:
        return "", slots_of(policy)
    seen_by = policies.frozen(covering)
    slots = slots_of(seen_by)
    if seen_by.scores != policy.scores or not fits(policy, slots):
        return "", slots
    which = "true" if adoption.campaign is None else f"campaign = {parameters.add(adoption.campaign)}"
    columns = f"sample, campaign, domain, {adoption.position} AS policy, person, bound, given, {COLUMNS}, facts"
    return f"SELECT {columns} FROM judgements WHERE {which}", slots


def _judge(connection: Connection, which: str) -> None:
    standing = policies.in_force(connection)
    for adoption in standing:
        parameters = Parameters()
        seen = _observed(connection, standing, adoption, which, parameters)
        policy = policies.frozen(adoption)
        said = verdicts(connection, policy, slots_of(policy), seen, parameters)
        connection.execute(
            f"INSERT INTO judgements ({NAMED}, {VERDICT}) SELECT {NAMED}, {VERDICT} FROM ({said})", parameters.values
        )


def _observed(
    connection: Connection,
    standing: list[policies.Adoption],
    adoption: policies.Adoption,
    which: str,
    parameters: Parameters,
) -> str:
    """Return a SELECT of what a policy sees of the samples that its adoption covers."""
    if adoption.campaign is None:
        own = [parameters.add(other.campaign) for other in standing if other.campaign is not None]
        campaign = f"s.campaign NOT IN ({', '.join(own)})"
    else:
        campaign = f"s.campaign = {parameters.add(adoption.campaign)}"
    columns = observations(connection, policies.frozen(adoption), parameters)
    return _SEEN.format(adoption=adoption.position, observations=columns, campaign=campaign, which=which)


def _outranked(connection: Connection, span: Span) -> bool:
    """Say whether anybody but a policy decided or labelled in the span."""
    return any(
        connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM {table} WHERE position BETWEEN ? AND ? AND authority <> 'policy')",
            span.range,
        ).fetchone()[0]
        for table, kinds in (("decisions", DECISIONS), ("labels", ("relabeled",)))
        if span.has(*kinds)
    )
