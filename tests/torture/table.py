"""One row of the reliability matrix: what was tried, how often, and how often the ledger failed.

A part of the matrix is a module with `run(scale) -> Row`. `short` is what `make test` runs of it, in seconds; `full` is
what stands in the README. Both are the same work in another number, from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

Scale: TypeAlias = Literal["short", "full"]

SHOWN = 5
"""Problems that a note quotes; all are counted."""


class Row(NamedTuple):
    """What one part of the matrix found.

    `id` is R1 to R15, `what` the claim's subject and `method` how it was tried, both in a few words; `cases` is how
    often it was tried and `problems` how often the claim did not hold (0 or the release is not made); `note` holds the
    figures beside them, or the first problems.
    """

    id: str
    what: str
    method: str
    cases: int
    problems: int
    note: str = ""


def row(id: str, what: str, method: str, cases: int, problems: Sequence[str], note: str = "") -> Row:  # noqa: A002 - the name of the field
    """Return the row of a part that collected its problems as sentences; the first of them go into the note."""
    told = "; ".join([*([note] if note else []), *problems[:SHOWN]])
    return Row(id, what, method, cases, len(problems), told)


def markdown(rows: Sequence[Row]) -> str:
    """Return the table for the README: a row for each part, with the command that gives its figures."""
    lines = ["| | what | how it is tried | cases | problems | command |", "|---|---|---|---:|---:|---|"]
    for one in rows:
        how = one.method + (f" ({one.note})" if one.note else "")
        command = f"`python -m tests.torture --only {one.id}`"
        cells = (one.id, one.what, how, f"{one.cases:,}", f"{one.problems:,}", command)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
