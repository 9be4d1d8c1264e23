"""What models were asked: plans, attempts with what they cost and how they ended, results, and work that failed.

Money stands in whole picodollars (10**-12 of a dollar), in which every price of a token is a whole number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (
    ("plans", "position"),
    ("attempts", "position"),
    ("failures", "position"),
    ("derived", "child"),
    ("batches", "position"),
)
DDL = (
    """CREATE TABLE {schema}.plans (
        position INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,           -- position of its run_started event
        recipe TEXT NOT NULL,           -- digest
        purpose TEXT NOT NULL,          -- improve, regenerate, judge
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        items INTEGER NOT NULL,
        budget INTEGER                  -- picodollars, here and below; NULL: no cap
    ) STRICT""",
    """CREATE TABLE {schema}.attempts (
        position INTEGER PRIMARY KEY,   -- of its request_sent event
        run INTEGER NOT NULL,
        recipe TEXT NOT NULL,           -- that its run began with; '' where it says none
        sample INTEGER NOT NULL,
        version INTEGER NOT NULL,       -- row of the blob that it was about
        purpose TEXT NOT NULL,
        ordinal INTEGER NOT NULL,
        call BLOB NOT NULL,
        attempt INTEGER NOT NULL,       -- from 1, for each call
        request BLOB NOT NULL,          -- digest
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        mode TEXT NOT NULL,             -- live, batch
        batch BLOB,                     -- digest of the batch that it was part of
        reserved INTEGER NOT NULL,      -- what it may cost at most
        outcome TEXT,                   -- replied, or why there is no reply; NULL: not known
        ended INTEGER,                  -- position of the event that says so
        reply INTEGER,                  -- row of the reply's bytes in blob
        status INTEGER,
        stop TEXT,
        prompt INTEGER,                 -- tokens
        output INTEGER,
        cost INTEGER                    -- NULL where nobody could tell: then what was reserved counts
    ) STRICT""",
    "CREATE INDEX {schema}.attempts_call ON attempts (call, attempt)",
    "CREATE INDEX {schema}.attempts_sample ON attempts (sample, recipe)",
    """CREATE TABLE {schema}.failures (
        position INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        sample INTEGER NOT NULL,
        version INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        purpose TEXT NOT NULL,
        call BLOB NOT NULL,
        attempt INTEGER NOT NULL,
        failure TEXT NOT NULL           -- why the work on the version ended without a result
    ) STRICT""",
    "CREATE INDEX {schema}.failures_sample ON failures (sample, recipe)",
    """CREATE TABLE {schema}.derived (
        child INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        parent INTEGER NOT NULL,
        version INTEGER NOT NULL,       -- of the parent
        recipe TEXT NOT NULL,
        ordinal INTEGER NOT NULL,
        request BLOB                    -- digest; NULL where no model was asked
    ) STRICT""",
    "CREATE INDEX {schema}.derived_parent ON derived (parent, recipe)",
    """CREATE TABLE {schema}.batches (
        position INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        batch BLOB NOT NULL,
        provider TEXT NOT NULL,
        provider_id TEXT NOT NULL,
        calls INTEGER NOT NULL,
        adopted INTEGER NOT NULL        -- 1: it was found there; nobody had heard that it was taken
    ) STRICT""",
    "CREATE INDEX {schema}.batches_batch ON batches (batch)",
)
INDEXES = (
    "CREATE INDEX {schema}.attempts_recipe ON attempts (recipe, run)",
    "CREATE INDEX {schema}.attempts_open ON attempts (batch) WHERE outcome IS NULL",
    "CREATE INDEX {schema}.derived_recipe ON derived (recipe)",
)

PICO = Decimal("1e-12")
PAID_PERHAPS = ("reply_lost", "timed_out")
"""Failures after which the provider may have been paid all the same, as `ledger.agents.contract` names them."""
SPENT = f"""CASE WHEN a.outcome IS NULL OR a.outcome IN {PAID_PERHAPS} THEN a.reserved
    WHEN a.outcome = 'replied' THEN coalesce(a.cost, a.reserved) ELSE 0 END"""
"""SQL for what an attempt `a` counts as spent."""

MOST = 10**15
"""Picodollars that an attempt counts at most: sums of whatever stands in a log stay within SQL's integers."""
_MONEY = "CAST(round(CAST(json_extract(t.leaf, '$.{0}') AS REAL) * 1e12) AS INTEGER)"
_COUNTED = f"max(-{MOST}, min({MOST}, {_MONEY}))"
_SAID = "json_extract(t.leaf, '$.{0}')"
_HEX = "unhex(json_extract(t.leaf, '$.{0}'))"
_VERSION = "coalesce((SELECT b.id FROM main.blob b WHERE b.hash = unhex(json_extract(t.leaf, '$.version'))), 0)"
_RECIPE = """coalesce((SELECT json_extract(r.leaf, '$.params.recipe') FROM told r
    WHERE r.position = json_extract(t.leaf, '$.run')), '')"""
_SPAN = "FROM told t WHERE t.position BETWEEN ? AND ? AND t.kind"

_PLANS = f"""INSERT INTO plans SELECT t.position, {_SAID.format("run")}, {_SAID.format("recipe")},
    {_SAID.format("purpose")}, {_SAID.format("provider")}, {_SAID.format("model")}, {_SAID.format("items")},
    {_MONEY.format("budget")} {_SPAN} = 'work_planned'"""
_SENT = f"""INSERT INTO attempts SELECT t.position, {_SAID.format("run")}, {_RECIPE}, t.sample, {_VERSION},
    {_SAID.format("purpose")}, {_SAID.format("ordinal")}, {_HEX.format("call")}, {_SAID.format("attempt")},
    {_HEX.format("request")}, {_SAID.format("provider")}, {_SAID.format("model")}, {_SAID.format("mode")},
    CASE WHEN {_SAID.format("batch")} IS NOT NULL THEN {_HEX.format("batch")} END, {_COUNTED.format("reserved")},
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL {_SPAN} = 'request_sent'"""
_FAILED = f"""UPDATE attempts SET outcome = f.failure, ended = f.position
    FROM (SELECT min(t.position) AS position, {_SAID.format("failure")} AS failure, {_SAID.format("sent")} AS sent
        {_SPAN} = 'attempt_failed' AND {_SAID.format("final")} = 0 AND {_SAID.format("sent")} IS NOT NULL
        GROUP BY {_SAID.format("sent")}) f
    JOIN main.event e ON e.op = unhex(f.sent)
    WHERE attempts.position = e.position AND attempts.outcome IS NULL"""  # noqa: S608
_REPLIED = f"""UPDATE attempts SET outcome = 'replied', ended = t.position, reply = t.blob,
        status = {_SAID.format("status")}, stop = {_SAID.format("stop")},
        prompt = {_SAID.format("usage.prompt")}, output = {_SAID.format("usage.output")},
        cost = {_COUNTED.format("cost")}
    FROM told t JOIN main.event e ON e.op = {_HEX.format("sent")}
    WHERE t.position BETWEEN ? AND ? AND t.kind = 'reply_stored' AND attempts.position = e.position"""  # noqa: S608
"""A reply that came after all, to an attempt that was given up, is the outcome."""
_ENDED = f"""INSERT INTO failures SELECT t.position, {_SAID.format("run")}, t.sample, {_VERSION},
    {_SAID.format("recipe")}, {_SAID.format("purpose")}, {_HEX.format("call")}, {_SAID.format("attempt")},
    {_SAID.format("failure")} {_SPAN} = 'attempt_failed' AND {_SAID.format("final")} = 1"""
_DERIVED = f"""INSERT INTO derived SELECT t.position, {_SAID.format("run")}, p.position, {_VERSION},
        {_SAID.format("recipe")}, {_SAID.format("ordinal")},
        CASE WHEN {_SAID.format("request")} IS NOT NULL THEN {_HEX.format("request")} END
    FROM told t JOIN main.event p ON p.op = {_HEX.format("parent")}
    WHERE t.position BETWEEN ? AND ? AND t.kind IN ('improved', 'regenerated')"""  # noqa: S608
_BATCHES = f"""INSERT INTO batches SELECT t.position, {_SAID.format("run")}, {_HEX.format("batch")},
    {_SAID.format("provider")}, {_SAID.format("provider_id")}, {_SAID.format("calls")},
    {_SAID.format("adopted")} {_SPAN} = 'batch_submitted'"""
_STATEMENTS = (
    ("work_planned", _PLANS),
    ("request_sent", _SENT),
    ("attempt_failed", _FAILED),
    ("reply_stored", _REPLIED),
    ("attempt_failed", _ENDED),
    ("improved", _DERIVED),
    ("regenerated", _DERIVED),
    ("batch_submitted", _BATCHES),
)


def fold(connection: Connection, span: Span) -> None:
    """Add what was planned, sent, answered, derived and given up in the span."""
    done = set[str]()
    for kind, statement in _STATEMENTS:
        if span.has(kind) and statement not in done:
            connection.execute(statement, span.range)
            done.add(statement)


def dollars(pico: int | None) -> Decimal:
    """Return picodollars in dollars; None is none."""
    return Decimal(pico or 0) * PICO


class Done(NamedTuple):
    """What a recipe came to with one version of a sample so far.

    `child` is the last sample that it made (a handle, or None). `failures` counts how often the work on it ended
    without a result, `failure` is the last reason. `spent` is in picodollars, with what is unknown counted in full.
    """

    child: int | None = None
    failures: int = 0
    failure: str | None = None
    spent: int = 0


NOTHING = Done()


def done(connection: Connection, recipe: str, versions: dict[int, int]) -> dict[int, Done]:
    """Return sample -> what a recipe came to with its version (a row of blob), for up to a few hundred samples."""
    marks = ",".join("?" * len(versions))
    children = connection.execute(
        f"SELECT parent, version, max(child) FROM derived WHERE parent IN ({marks}) AND recipe = ? GROUP BY 1, 2",  # noqa: S608 - question marks, here and below
        (*versions, recipe),
    ).fetchall()
    failed = connection.execute(
        f"""SELECT sample, version, count(*), failure, max(position) FROM failures
        WHERE sample IN ({marks}) AND recipe = ? GROUP BY 1, 2""",  # noqa: S608
        (*versions, recipe),
    ).fetchall()
    spent = connection.execute(
        f"""SELECT a.sample, a.version, sum({SPENT}) FROM attempts a
        WHERE a.sample IN ({marks}) AND a.recipe = ? GROUP BY 1, 2""",  # noqa: S608
        (*versions, recipe),
    ).fetchall()
    found = dict.fromkeys(versions, NOTHING)
    for sample, version, child in children:
        if versions[sample] == version:
            found[sample] = found[sample]._replace(child=child)
    for sample, version, times, failure, _ in failed:
        if versions[sample] == version:
            found[sample] = found[sample]._replace(failures=times, failure=failure)
    for sample, version, pico in spent:
        if versions[sample] == version:
            found[sample] = found[sample]._replace(spent=pico)
    return found


def made_by(connection: Connection, recipe: str, handles: Sequence[int]) -> set[int]:
    """Return those of up to a few hundred samples that a recipe itself made."""
    marks = ",".join("?" * len(handles))
    sql = f"SELECT child FROM derived WHERE child IN ({marks}) AND recipe = ?"  # noqa: S608 - question marks
    return {row[0] for row in connection.execute(sql, (*handles, recipe))}


class Attempt(NamedTuple):
    """One attempt of a call, as it stands: `op` is its event's, `outcome` None where nobody knows."""

    position: int
    op: bytes
    attempt: int
    outcome: str | None
    ended: int | None
    reply: int | None


def attempts_of(connection: Connection, call: bytes) -> list[Attempt]:
    """Return the attempts of a call, in their order."""
    rows = connection.execute(
        """SELECT a.position, e.op, a.attempt, a.outcome, a.ended, a.reply
        FROM attempts a JOIN main.event e ON e.position = a.position WHERE a.call = ? ORDER BY a.attempt""",
        (call,),
    )
    return [Attempt(*row) for row in rows]


class Open(NamedTuple):
    """A call that was sent in a batch and whose outcome nobody has heard; `at` is when, in microseconds."""

    batch: bytes
    call: bytes
    attempt: int
    reserved: int
    at: int
    recipe: str


def open_batches(connection: Connection, provider: str) -> Iterator[Open]:
    """Yield the calls that wait in a provider's batches, batch by batch in the order in which they were sent.

    Those of all recipes: two that ask the same ask by the same call.
    """
    rows = connection.execute(
        """SELECT a.batch, a.call, a.attempt, a.reserved, json_extract(e.leaf, '$.at'), a.recipe
        FROM attempts a JOIN main.event e ON e.position = a.position
        WHERE a.provider = ? AND a.outcome IS NULL AND a.batch IS NOT NULL ORDER BY a.batch, a.position""",
        (provider,),
    )
    for row in rows:
        yield Open(*row)


def provider_id(connection: Connection, batch: bytes) -> str | None:
    """Return how the provider names a batch, or None where nobody heard that it was taken."""
    sql = "SELECT provider_id FROM batches WHERE batch = ? ORDER BY position DESC LIMIT 1"
    row = connection.execute(sql, (batch,)).fetchone()
    return None if row is None else str(row[0])


def refused(connection: Connection, fingerprint: bytes) -> bool:
    """Say whether a content is that of a sample that is labelled false, or rejected."""
    sql = """SELECT EXISTS (SELECT 1 FROM samples
        WHERE fingerprint = ? AND (label = 0 OR status = 'rejected'))"""
    return bool(connection.execute(sql, (fingerprint,)).fetchone()[0])


def replies_about(connection: Connection, handles: Sequence[int]) -> list[tuple[int, int]]:
    """Return (version, reply), rows of blob, of all that was answered about up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"SELECT DISTINCT version, reply FROM attempts WHERE sample IN ({marks}) AND reply IS NOT NULL",  # noqa: S608 - question marks
        handles,
    )
    return rows.fetchall()


def replies_behind(connection: Connection, handles: Sequence[int]) -> list[tuple[int, int]]:
    """Return (child, reply) of all that was answered where up to a few hundred samples were made."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT DISTINCT d.child, a.reply FROM derived d
        JOIN attempts a ON a.sample = d.parent AND a.recipe = d.recipe AND a.ordinal = d.ordinal
            AND a.version = d.version
        WHERE d.child IN ({marks}) AND a.reply IS NOT NULL""",  # noqa: S608 - question marks
        handles,
    )
    return rows.fetchall()


def is_reply(connection: Connection, blob: int) -> bool:
    """Say whether a row of blob is what a provider answered; reads all attempts."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM attempts WHERE reply = ?)", (blob,)).fetchone()[0])


def reply_leaf(connection: Connection, ended: int) -> str:
    """Return what the event at a position says that stored a reply."""
    return str(connection.execute("SELECT leaf FROM told WHERE position = ?", (ended,)).fetchone()[0])


def heard(connection: Connection, provider: str) -> list[str]:
    """Return how a provider names all batches that it is known to have taken."""
    sql = "SELECT DISTINCT provider_id FROM batches WHERE provider = ? ORDER BY provider_id"
    return [row[0] for row in connection.execute(sql, (provider,))]
