"""What ties the samples of one family together: prompts, parents, edits, near texts, and the tag `group`."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.near import WHOLE

MEMBERS = 200
"""Members that are listed of one family; all are counted."""
TIES = 1_000
"""Ties between different prompts that are read of one family."""


class Member(NamedTuple):
    """One sample of a family, and the token (what ties it there by itself: its prompt, or its fingerprint)."""

    sample: int
    id: bytes
    token: bytes
    campaign: str
    source: str | None
    split: str | None
    status: str


class Tie(NamedTuple):
    """What joins two tokens: edited, improved, regenerated or group (with the event), or near (with the similarity)."""

    one: bytes
    other: bytes
    how: str
    position: int | None
    similarity: int | None


def count(connection: Connection, root: bytes) -> int:
    """Return how many samples a family has."""
    sql = f"SELECT count(*) FROM samples s WHERE s.token IN ({_TIED})"  # noqa: S608 - constants of this program
    return int(connection.execute(sql, {"root": root}).fetchone()[0])


_TIED = "SELECT token FROM families WHERE root = :root UNION SELECT :root"
_TIES_BY = "unhex(coalesce(json_extract({0}.leaf, '$.prompt'), json_extract({0}.leaf, '$.fingerprint')))"
_MEMBERS = f"""SELECT s.sample, e.op, s.token, s.campaign, s.source, s.split, s.status FROM samples s
    JOIN event e ON e.position = s.sample WHERE s.token IN ({_TIED}) ORDER BY s.sample LIMIT {MEMBERS}"""  # noqa: S608 - likewise
_GROUPED = f"""SELECT token, value, min(position) AS position FROM (
        SELECT s.token AS token, g.value AS value, max(g.position) AS position
        FROM samples s CROSS JOIN tags g ON g.sample = s.sample
        WHERE EXISTS (SELECT 1 FROM tags WHERE key = 'group') AND s.token IN ({_TIED})
            AND g.key = 'group' AND g.withdrawn IS NULL GROUP BY s.sample)
    WHERE value <> '' GROUP BY token, value"""  # noqa: S608 - likewise
_TIES = f"""SELECT first_token, second_token, 'near', NULL, max(similarity) FROM near
        WHERE field = '{WHOLE}' AND first_token <> second_token AND first_token IN ({_TIED}) GROUP BY 1, 2
    UNION ALL SELECT {_TIES_BY.format("b")}, {_TIES_BY.format("v")}, 'edited', v.position, NULL
        FROM samples s JOIN versions x ON x.sample = s.sample JOIN told v ON v.position = x.position
        JOIN told b ON b.position = s.sample WHERE s.token IN ({_TIED})
    UNION ALL SELECT {_TIES_BY.format("p")}, {_TIES_BY.format("c")}, c.kind, c.position, NULL
        FROM samples s JOIN told c ON c.position = s.sample
        JOIN told p ON p.op = unhex(json_extract(c.leaf, '$.parent'))
        WHERE s.token IN ({_TIED}) AND c.kind IN ('improved', 'regenerated')
    UNION ALL SELECT * FROM (
        SELECT min(token) OVER (PARTITION BY value) AS one, token AS other, 'group', position, NULL FROM ({_GROUPED}))
        WHERE one <> other
    LIMIT {TIES}"""  # noqa: S608 - likewise


def members(connection: Connection, root: bytes) -> list[Member]:
    """Return the samples of a family, the oldest first."""
    return [Member(*row) for row in connection.execute(_MEMBERS, {"root": root})]


def ties(connection: Connection, root: bytes) -> list[Tie]:
    """Return what joins the prompts of a family, prompts that are the same apart.

    Of the samples with one value of the tag `group`, all are tied to the one whose token is the smallest.
    """
    rows = connection.execute(_TIES, {"root": root})
    return [tie for row in rows if (tie := Tie(*row)).one != tie.other]
