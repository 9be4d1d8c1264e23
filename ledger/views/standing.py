"""What stands about a few samples: what the policy in force says of them, and their headline number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views import policies
from ledger.views.judging import number_of, slots_of
from ledger.views.observing import COLUMNS, GIVEN_LABEL

HEADLINES = ("overall_quality", "overall")
"""The dimension that stands for a sample where no policy names one: the first of these that was ever scored."""

_NUMBERS = 10
"""Columns of `judgements` before the numbers, in the SELECT below."""


class Judged(NamedTuple):
    """A row of `judgements`; `policy` is the position of the adoption, margins and numbers are in millionths."""

    policy: int
    outcome: str
    rule: str
    margin: int | None
    held: int
    untold: int
    label: int | None
    label_held: int
    label_untold: int
    facts: int
    numbers: tuple[int | None, ...]


def judged(connection: Connection, sample: int) -> Judged | None:
    """Return what the policy in force says of a sample before its caps, or None where no policy covers it."""
    row = connection.execute(
        f"""SELECT policy, outcome, rule, margin, held, untold, label, label_held, label_untold, facts, {COLUMNS}
        FROM judgements WHERE sample = ?""",  # noqa: S608 - names of columns
        (sample,),
    ).fetchone()
    return None if row is None else Judged._make((*row[:_NUMBERS], tuple(row[_NUMBERS:])))


def given_label(connection: Connection, sample: int) -> str:
    """Return the label that a sample has without policies: true, false or none."""
    sql = f"SELECT {GIVEN_LABEL} FROM samples s WHERE s.sample = ?"  # noqa: S608 - a constant of this program
    return str(connection.execute(sql, (sample,)).fetchone()[0])


class Headline(NamedTuple):
    """The number that stands for a sample: a score or a measure of the policy, in millionths."""

    name: str
    value: int


def headlines(connection: Connection, handles: Sequence[int]) -> dict[int, Headline]:
    """Return sample -> its headline, for up to a few hundred samples; none for those that have none."""
    marks = ",".join("?" * len(handles))
    found: dict[int, Headline] = {}
    for name in _default_headlines(connection):
        rows = connection.execute(
            f"""SELECT v.sample, v.value, max(v.position) FROM scores v JOIN samples s ON s.sample = v.sample
                AND s.version = v.version JOIN measures m ON m.measure = v.measure
            WHERE v.sample IN ({marks}) AND m.dimension = ? GROUP BY v.sample""",  # noqa: S608 - question marks
            (*handles, name),
        )
        found.update((sample, Headline(name, value)) for sample, value, _ in rows)
    for adoption in policies.in_force(connection):
        policy = policies.frozen(adoption)
        if policy.headline is None:
            continue
        number = number_of(policy, policy.headline, slots_of(policy))
        # the plus keeps SQLite from its index of policies, which holds every sample
        rows = connection.execute(
            f"SELECT sample, {number} FROM judgements WHERE +policy = ? AND sample IN ({marks})",  # noqa: S608 - numbers
            (adoption.position, *handles),
        )
        for sample, value in rows:
            found.pop(sample, None)
            if value is not None:
                found[sample] = Headline(policy.headline, value)
    return found


def _default_headlines(connection: Connection) -> list[str]:
    """Return the default headline, if it was ever scored."""
    rows = connection.execute("SELECT DISTINCT dimension FROM measures").fetchall()
    known = {row[0] for row in rows}
    return [name for name in HEADLINES if name in known][:1]
