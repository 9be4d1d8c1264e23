"""What a plan's rows are made of, and beside it each split of the whole ledger: questions to `taken`; nothing is kept.

A *count* is (samples, rows): rows are what a trainer sees, with weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.planned import drop

SPLITS = ("train", "val", "test", "none")
FACTS = ("label", "split", "campaign", "domain", "status")
LISTED = 50
"""Names that are told one by one: those with the most rows."""
VALUES = 20
"""Values of one tag that are told."""

_LABEL = "CASE t.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END"
_STANDING = f"""SELECT {_LABEL}, coalesce(t.split, 'none'), t.campaign, coalesce(t.domain, 'none'), t.status,
        count(*), sum(t.rows)
    FROM taken t GROUP BY t.label, t.split, t.campaign, t.domain, t.status"""  # noqa: S608 - constants of this program
_IN_SPLITS = """SELECT coalesce(nullif(split, ''), 'none'), sum(samples) FROM rollups WHERE status IN ({usable})
    GROUP BY 1"""
_REPEATED = """SELECT coalesce(s.split, 'none'), sum(w.times - 1) FROM weighted w CROSS JOIN samples s
    ON s.sample = w.sample WHERE s.status IN ({usable}) GROUP BY 1"""
_RETAGGED = """CREATE TEMP TABLE retagged (
    sample INTEGER, key TEXT, position INTEGER, PRIMARY KEY (sample, key)) WITHOUT ROWID"""
_RETAG = """INSERT INTO retagged SELECT sample, key, max(position) FROM tags
    WHERE position <> sample AND withdrawn IS NULL GROUP BY sample, key"""
_CLASSED = "CREATE TEMP TABLE classed (sample INTEGER PRIMARY KEY, class INTEGER NOT NULL)"
_CLASSES = """INSERT INTO classed SELECT s.sample, (coalesce(t.rows, 0) * 1024 + coalesce(w.times, 1)) * 8
        + CASE WHEN s.status NOT IN ({usable}) THEN 4 WHEN s.split IS NULL THEN 3 WHEN s.split = 'train' THEN 0
            WHEN s.split = 'val' THEN 1 ELSE 2 END
    FROM samples s LEFT JOIN taken t ON t.sample = s.sample LEFT JOIN weighted w ON w.sample = s.sample"""
"""What a sample adds to the counts of its tags, as one number: rows here, times (up to 1000), place in SPLITS; 4: none.
One narrow number is what makes grouping millions of tags cheap."""
_TAGGED = """CREATE TEMP TABLE tagged AS SELECT g.key AS key, g.value AS value, c.class / 8192 AS rows,
        c.class / 8 % 1024 AS times, c.class % 8 AS split, count(*) AS n
    FROM tags g LEFT JOIN retagged r ON r.sample = g.sample AND r.key = g.key
    CROSS JOIN classed c ON c.sample = g.sample
    WHERE g.value <> '' AND g.withdrawn IS NULL AND g.position = coalesce(r.position, g.sample)
    GROUP BY g.key, g.value, c.class"""
_HERE = "sum(CASE WHEN rows THEN n ELSE 0 END) AS samples, sum(rows * n) AS rows"
_EACH = ", ".join(
    f"sum((split = {n}) * n) AS samples{n}, sum((split = {n}) * n * times) AS rows{n}" for n in range(len(SPLITS))
)
_NAMES = f"""SELECT *, count(*) OVER () FROM (
        SELECT key, {_HERE}, count(DISTINCT CASE WHEN rows THEN value END), {_EACH} FROM temp.tagged GROUP BY key)
    WHERE samples + samples0 + samples1 + samples2 + samples3
    ORDER BY rows DESC, rows0 + rows1 + rows2 + rows3 DESC, key LIMIT {LISTED}"""  # noqa: S608 - constants of this program
_VALUES = f"""SELECT key, value, samples, rows FROM (SELECT key, value, samples, rows,
        row_number() OVER (PARTITION BY key ORDER BY rows DESC, value) AS nth
        FROM (SELECT key, value, {_HERE} FROM temp.tagged WHERE rows AND key IN ({{marks}}) GROUP BY key, value))
    WHERE nth <= {VALUES} ORDER BY key, nth"""  # noqa: S608 - constants and question marks


class Count(NamedTuple):
    """Samples, and their rows."""

    samples: int
    rows: int


class Tag(NamedTuple):
    """One tag: how many in the view have it, how many of each split, its commonest values, how many more there are."""

    name: str
    here: Count
    splits: dict[str, Count]
    values: dict[str, Count]
    more: int


class Tags(NamedTuple):
    """The tags with the most rows, and how many more names there are."""

    tags: list[Tag]
    more: int


def standing(connection: Connection) -> dict[str, dict[str, Count]]:
    """Return for each of FACTS name -> Count of the view, largest first."""
    found: dict[str, defaultdict[str, list[int]]] = {fact: defaultdict(lambda: [0, 0]) for fact in FACTS}
    for *names, samples, rows in connection.execute(_STANDING):
        for fact, name in zip(FACTS, names, strict=True):
            counted = found[fact][name]
            counted[0] += samples
            counted[1] += rows
    return {
        fact: {name: Count(*count) for name, count in sorted(counts.items(), key=lambda one: (-one[1][1], one[0]))}
        for fact, counts in found.items()
    }


def in_splits(connection: Connection, usable: Collection[str]) -> dict[str, Count]:
    """Return split -> Count of the whole ledger's samples with a status of `usable`."""
    statuses, marks = sorted(usable), _marks(usable)
    samples = dict(connection.execute(_IN_SPLITS.format(usable=marks), statuses).fetchall())
    more = dict(connection.execute(_REPEATED.format(usable=marks), statuses).fetchall())
    return {split: Count(samples.get(split, 0), samples.get(split, 0) + more.get(split, 0)) for split in SPLITS}


def by_tag(connection: Connection, usable: Collection[str]) -> Tags:
    """Return the tags of the view's samples, and of those of each split; tags without a sample in either are none."""
    tables = ("classed", "retagged", "tagged")
    drop(connection, *tables)
    if connection.execute("SELECT 1 FROM tags LIMIT 1").fetchone() is None:
        return Tags([], 0)
    connection.execute(_CLASSED)
    connection.execute(_CLASSES.format(usable=_marks(usable)), sorted(usable))
    connection.execute(_RETAGGED)
    connection.execute(_RETAG)
    connection.execute(_TAGGED)
    rows = connection.execute(_NAMES).fetchall()
    kept = [row[0] for row in rows]
    told: dict[str, dict[str, Count]] = {name: {} for name in kept}
    for name, value, *count in connection.execute(_VALUES.format(marks=_marks(kept)), kept):
        told[name][value] = Count(*count)
    drop(connection, *tables)
    tags = []
    for name, samples, lines, values, *each, _ in rows:
        splits = {split: Count(*each[2 * n : 2 * n + 2]) for n, split in enumerate(SPLITS)}
        tags.append(Tag(name, Count(samples, lines), splits, told[name], values - len(told[name])))
    return Tags(tags, rows[0][-1] - len(tags) if rows else 0)


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
