"""Decisions that came with the lines: what a file says that another program decided, recorded once for each sample.

Such a decision is about the bytes of its line and comes after nothing: reading the file again says the same again,
which is one event, whatever was decided since. What people decide outranks it, and so does a policy in force.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import Draft, draft
from ledger.readers.contract import Recorded
from ledger.transaction import Transaction
from ledger.verbs.run import Run

AUTHORITY = "import"


class Told(NamedTuple):
    """One line that is a sample and records a decision: its sample's id, the address and row of its bytes."""

    sample: bytes
    digest: bytes
    blob: int
    said: Recorded


def record(transaction: Transaction, run: Run, told: list[Told]) -> int:
    """Append the decisions that are not in the log yet and return how many they were; the samples are there."""
    drafts = {made.op: (line, made) for line in told for made in (_draft(line),)}
    known = transaction.known_ops(list(drafts))
    new = [(line, made) for op, (line, made) in drafts.items() if op not in known]
    births = transaction.known_ops([line.sample for line, _ in new])
    run.append(transaction, [made._replace(sample=births[line.sample]) for line, made in new])
    return len(new)


def _draft(line: Told) -> Draft:
    fields = {
        "after": None,
        "authority": AUTHORITY,
        "details": line.said.details,
        "policy": None,
        "reason": "",
        "rule": line.said.rule,
        "sample": line.sample.hex(),
        "version": line.digest.hex(),
    }
    return draft(line.said.outcome, None, line.blob, fields)
