"""Proposals: what was proposed, by whom, of which samples, and what became of it. They change no other view.

What an open proposal is about can be asked by sample; of a settled one the stored list of its members tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span, quoted

STATES = ("open", "accepted", "declined")
SETTLED = {"proposal_accepted": "accepted", "proposal_declined": "declined"}

TABLES = (("proposals", "position"), ("proposed_samples", "proposal, sample"))
DDL = (
    """CREATE TABLE {schema}.proposals (
        position INTEGER PRIMARY KEY,
        proposer TEXT NOT NULL,
        verdict TEXT NOT NULL,          -- accept, reject, defer, label-true, label-false, label-none
        reason TEXT NOT NULL,
        samples INTEGER NOT NULL,       -- how many it is about
        members INTEGER NOT NULL,       -- row of their list in blob
        state TEXT NOT NULL,            -- open, accepted, declined
        settled INTEGER                 -- position of the event that accepted or declined it
    ) STRICT""",
    "CREATE INDEX {schema}.proposals_state ON proposals (state)",
    """CREATE TABLE {schema}.proposed_samples (
        proposal INTEGER NOT NULL,      -- position of an open proposal
        sample INTEGER NOT NULL,
        PRIMARY KEY (proposal, sample)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.proposed_samples_sample ON proposed_samples (sample)",
)

_MADE = """INSERT INTO proposals SELECT position, json_extract(leaf, '$.proposer'), json_extract(leaf, '$.verdict'),
        json_extract(leaf, '$.reason'), json_extract(leaf, '$.count'), blob, 'open', NULL
    FROM told WHERE position BETWEEN ? AND ? AND kind = 'proposed'"""
_ABOUT = """INSERT OR IGNORE INTO proposed_samples SELECT ?1, s.sample
    FROM json_each((SELECT CAST(body AS TEXT) FROM blob WHERE id = ?2)) m
    JOIN event e ON e.op = unhex(json_extract(m.value, '$[0]')) AND e.position < ?1
    JOIN samples s ON s.sample = e.position ORDER BY s.sample"""
_SETTLE = f"""UPDATE proposals SET state = s.state, settled = s.position
    FROM (SELECT p.position AS proposal, min(t.position) AS position,
            CASE t.kind WHEN 'proposal_accepted' THEN 'accepted' ELSE 'declined' END AS state
        FROM told t JOIN event p ON p.op = unhex(json_extract(t.leaf, '$.proposal')) AND p.position < t.position
        WHERE t.position BETWEEN ? AND ? AND t.kind IN ({quoted(tuple(SETTLED))}) GROUP BY p.position) s
    WHERE proposals.position = s.proposal AND proposals.state = 'open'"""  # noqa: S608 - constants of this program
_DONE = """DELETE FROM proposed_samples WHERE proposal IN
    (SELECT position FROM proposals WHERE settled BETWEEN ? AND ?)"""


def fold(connection: Connection, span: Span) -> None:
    """Add the proposals of the span and settle those that its events accept or decline; the first such event counts."""
    if span.has("proposed"):
        connection.execute(_MADE, span.range)
    if span.has(*SETTLED):
        connection.execute(_SETTLE, span.range)
        connection.execute(_DONE, span.range)
    if span.has("proposed"):
        still_open = "SELECT position, members FROM proposals WHERE position BETWEEN ? AND ? AND state = 'open'"
        for proposal in connection.execute(still_open, span.range).fetchall():  # one at a time: each list is read once
            connection.execute(_ABOUT, proposal)


class Proposal(NamedTuple):
    """One proposal, about so many `samples`; `op` and `leaf` are its event's, `members` is the row of their list."""

    position: int
    op: bytes
    proposer: str
    verdict: str
    reason: str
    samples: int
    members: int
    state: str
    settled: int | None
    leaf: str


_SELECT = """SELECT p.position, e.op, p.proposer, p.verdict, p.reason, p.samples, p.members, p.state, p.settled, e.leaf
    FROM proposals p JOIN event e ON e.position = p.position"""


def get(connection: Connection, position: int) -> Proposal | None:
    """Return the proposal at a position, or None."""
    row = connection.execute(f"{_SELECT} WHERE p.position = ?", (position,)).fetchone()
    return None if row is None else Proposal(*row)


def between(connection: Connection, first: bytes, last: bytes, limit: int) -> list[Proposal]:
    """Return up to `limit` proposals whose op lies between two bounds, inclusive."""
    rows = connection.execute(f"{_SELECT} WHERE e.op BETWEEN ? AND ? ORDER BY e.op LIMIT ?", (first, last, limit))
    return [Proposal(*row) for row in rows]


def listed(connection: Connection, states: Sequence[str], after: int, limit: int) -> list[Proposal]:
    """Return up to `limit` proposals in some of STATES that stand after a position, oldest first."""
    marks = ",".join("?" * len(states))
    sql = f"{_SELECT} WHERE p.position > ? AND p.state IN ({marks}) ORDER BY p.position LIMIT ?"
    return [Proposal(*row) for row in connection.execute(sql, (after, *states, limit))]


def about(connection: Connection, sample: int, limit: int) -> list[Proposal]:
    """Return up to `limit` open proposals about a sample, oldest first."""
    which = "p.position IN (SELECT proposal FROM proposed_samples WHERE sample = ?)"
    sql = f"{_SELECT} WHERE {which} ORDER BY p.position LIMIT ?"
    return [Proposal(*row) for row in connection.execute(sql, (sample, limit))]


def events(connection: Connection, limit: int) -> dict[int, str]:
    """Return position -> leaf of the latest `limit` proposals and of what settled them."""
    rows = connection.execute(
        """SELECT e.position, e.leaf FROM (SELECT position, settled FROM proposals ORDER BY position DESC LIMIT ?) p
        JOIN event e ON e.position IN (p.position, p.settled)""",
        (limit,),
    )
    return dict(rows.fetchall())


def by_state(connection: Connection) -> dict[str, int]:
    """Return how many proposals are in each state."""
    found = dict(connection.execute("SELECT state, count(*) FROM proposals GROUP BY state").fetchall())
    return {state: found.get(state, 0) for state in STATES}


def held_by_people(connection: Connection, verdict: str, handles: Sequence[int]) -> set[int]:
    """Return those of up to a few hundred samples whose status (or label, for a verdict `label-`…) a person decided.

    A decision of a person counts where it is about the version that stands; a label stays with its sample.
    """
    marks = ",".join("?" * len(handles))
    if verdict.startswith("label-"):
        sql = f"SELECT sample FROM labels WHERE sample IN ({marks}) AND authority = 'person' AND withdrawn IS NULL"  # noqa: S608
    else:
        sql = f"""SELECT d.sample FROM decisions d JOIN samples s ON s.sample = d.sample AND s.version = d.version
            WHERE d.sample IN ({marks}) AND d.authority = 'person' AND d.withdrawn IS NULL"""  # noqa: S608 - marks
    return {row[0] for row in connection.execute(sql, handles)}
