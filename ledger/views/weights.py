"""Weights: how often exports for training repeat a sample; one that nobody weighted stands there once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("weights", "position"),)
DDL = (
    """CREATE TABLE {schema}.weights (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        times INTEGER NOT NULL,         -- rows of it that exports for training write; 1: as if it had no weight
        authority TEXT NOT NULL,        -- person, policy, agent, import; a person outranks
        reason TEXT NOT NULL,
        withdrawn INTEGER
    ) STRICT""",
)
INDEXES = ("CREATE INDEX {schema}.weights_sample ON weights (sample, withdrawn, authority, times)",)
"""Holds all that `in_force` reads, which is then four times as fast."""

ONCE = 1
"""The weight of a sample that has no other."""

_PERSON = 2**62
"""More than any position, so that the latest word of a person is the largest number of all."""
_IN_FORCE = f"""SELECT sample, times, max(position + (authority = 'person') * {_PERSON}) FROM weights
    WHERE withdrawn IS NULL {{which}} GROUP BY sample HAVING times <> {ONCE} ORDER BY sample"""  # noqa: S608 - numbers


def fold(connection: Connection, span: Span) -> None:
    """Add the weights of the span."""
    if span.has("weighted"):
        connection.execute(
            """INSERT INTO weights SELECT position, sample, json_extract(leaf, '$.times'),
                json_extract(leaf, '$.authority'), json_extract(leaf, '$.reason'), NULL
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'weighted'""",
            span.range,
        )


def in_force(connection: Connection) -> Iterator[tuple[int, int]]:
    """Yield (sample, times) of the samples whose weight is not 1, in the order of birth.

    Of several that stand a person's latest counts, else the latest.
    """
    rows = connection.execute(_IN_FORCE.format(which=""))
    return ((sample, times) for sample, times, _ in rows)


def of_samples(connection: Connection, handles: Sequence[int]) -> dict[int, int]:
    """Return sample -> times for up to a few hundred samples; none for those whose weight is 1."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(_IN_FORCE.format(which=f"AND sample IN ({marks})"), handles)
    return {sample: times for sample, times, _ in rows}


class Weighting(NamedTuple):
    """One weight that a sample was given, and where in the log; `withdrawn` is the event that took it back."""

    position: int
    times: int
    authority: str
    reason: str
    withdrawn: int | None


def history(connection: Connection, handles: Sequence[int]) -> dict[int, list[Weighting]]:
    """Return sample -> its weights, oldest first, for up to a few hundred samples; none for those without."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT sample, position, times, authority, reason, withdrawn FROM weights
        WHERE sample IN ({marks}) ORDER BY position""",  # noqa: S608 - question marks
        handles,
    )
    found: dict[int, list[Weighting]] = {}
    for sample, *given in rows:
        found.setdefault(sample, []).append(Weighting(*given))
    return found


def standing(given: Sequence[Weighting]) -> Weighting | None:
    """Return which of a sample's weights, oldest first, is in force; None where none stands."""
    stand = [one for one in given if one.withdrawn is None]
    by_people = [one for one in stand if one.authority == "person"]
    return next(reversed(by_people or stand), None)
