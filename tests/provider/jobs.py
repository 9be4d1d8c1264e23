"""Jobs against this provider, through the real command line: a ledger, a spec, and what the log tells."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ledger import Ledger
from tests.cli import Answer, ok
from tests.improving import row
from tests.provider.handle import Provider
from tests.small import write

MODEL = "claude-haiku-5-5"
CAMPAIGN = "notes"
SPEC = """
name = "memories"
version = 1
purpose = "improve"
about = "writes what happened before"
output = 200
instructions = "Revise the memory of the session so that it agrees with the request."

[child]
label = true

[field.sessionMemory]
path = "context.sessionMemory"
about = "what happened before the call"
least = 50
most = 150
add = true

[[when]]
field = "sessionMemory"
shorter = 50
fields = ["sessionMemory"]
say = "Say what is known of the session so far."
"""


class Job(NamedTuple):
    """A ledger with samples that are to be improved, and the spec by which they are."""

    ledger: Path
    spec: Path

    def arguments(self, provider: Provider, *more: object) -> list[str]:
        """Return the command that improves them."""
        given = ("--ledger", self.ledger, "improve", "--spec", self.spec, "--campaign", CAMPAIGN, "--model", MODEL)
        return [str(one) for one in (*given, "--base-url", provider.url, "--json", *more)]


class Told(NamedTuple):
    """What the log tells of a job."""

    kinds: Counter[str]
    children: list[dict[str, Any]]
    sent: list[dict[str, Any]]
    replies: list[dict[str, Any]]
    failures: list[dict[str, Any]]

    @property
    def unknown(self) -> list[dict[str, Any]]:
        """Return what was sent and has no outcome in the log."""
        ended = {(one["call"], one["attempt"]) for one in (*self.replies, *self.failures)}
        return [one for one in self.sent if (one["call"], one["attempt"]) not in ended]

    @property
    def paid(self) -> Decimal:
        """Return what the replies that are stored cost."""
        return sum((Decimal(one["cost"] or 0) for one in self.replies), Decimal(0))


def report(answer: Answer) -> dict[str, Any]:
    """Return the report of a job, also of one that stopped: its error stands behind it."""
    value: dict[str, Any] = json.JSONDecoder().raw_decode(answer.out)[0]
    return value


def job(folder: Path, count: int, spec: str = SPEC) -> Job:
    """Make a ledger of so many samples, no two alike, and a spec file."""
    lines = [row(asked=f"Find my notes on tides, number {n}") for n in range(count)]
    source = write(folder / "notes.jsonl", *({**line, "label": False} for line in lines))
    place = folder / "ledger.db"
    ok("--ledger", place, "init")
    ok("--ledger", place, "ingest", source, "--campaign", CAMPAIGN)
    (folder / "spec.toml").write_text(spec, encoding="utf-8")
    return Job(place, folder / "spec.toml")


def told(ledger: Path) -> Told:
    """Read the log of a ledger."""
    with Ledger.open(ledger) as opened:  # a process that was killed leaves a journal that somebody has to take back
        events = list(opened.log(limit=10**6))

    def of(kind: str) -> list[dict[str, Any]]:
        return [one["says"] for one in events if one["kind"] == kind]

    kinds = Counter(one["kind"] for one in events)
    return Told(kinds, of("improved"), of("request_sent"), of("reply_stored"), of("attempt_failed"))


def events_text(ledger: Path) -> str:
    """Return everything that the events of a ledger say."""
    with Ledger.open(ledger, read_only=True) as opened:
        return "\n".join(json.dumps(one, ensure_ascii=False) for one in opened.log(limit=10**6))
