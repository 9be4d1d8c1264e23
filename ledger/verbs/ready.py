"""A line made ready: everything about it that can be said before the log is asked, in plain values.

Plain, because another process may be the one that reads (`ledger.verbs.ahead`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger import leaves
from ledger.digest import blake3_bytes
from ledger.event import pairs
from ledger.readers import FactMap, Reader, Unreadable, map_of, read_line, reader_of
from ledger.readers.contract import Recorded
from ledger.readers.lines import Input, RawLine, read_lines


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """How to read: the campaign, tags for every sample, where facts stand, and a reader to force."""

    campaign: str
    tags: dict[str, str] = field(default_factory=dict)
    places: FactMap = field(default_factory=FactMap)
    reader: Reader | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, for the recipe."""
        return {
            "campaign": self.campaign,
            "format": None if self.reader is None else self.reader.id,
            "map": self.places.as_json(),
            "tags": pairs(self.tags),
        }


class Ready(NamedTuple):
    """One line: where it stood, its bytes and their address, and what it was read as.

    `source` counts the inputs. `birth` is the op of its sample, if these bytes stand there for the first time.
    A line that is no sample has a `reason` and no `pieces`. `decision` holds the fields of a `Recorded`.
    """

    source: int
    number: int
    offset: int
    body: bytes
    digest: bytes
    birth: bytes
    pieces: leaves.Pieces | None
    fingerprint: bytes | None
    decision: tuple[str, str | None, dict[str, Any]] | None
    reason: str | None

    @property
    def recorded(self) -> Recorded | None:
        """Return the decision that the line tells of, if any."""
        return None if self.decision is None else Recorded(*self.decision)


def plan_of(value: dict[str, Any]) -> IngestPlan:
    """Return the plan that `as_json` made `value` of; raise UnknownEvent where its format is not known here."""
    form, places = value.get("format"), value.get("map")
    return IngestPlan(
        value["campaign"],
        dict(value.get("tags", ())),
        FactMap() if places is None else map_of(places),
        None if form is None else reader_of(form),
    )


def ready_lines(inputs: Sequence[Input], plan: IngestPlan, via: str) -> Generator[Ready]:
    """Yield every line of the inputs, in order; raise InputUnreadable where one cannot be read."""
    origins = origins_of(inputs, plan, via)
    for source, line in raw_lines(inputs):
        yield ready_line(source, line, plan, origins[source])


def raw_lines(inputs: Sequence[Input]) -> Generator[tuple[int, RawLine]]:
    """Yield every line of the inputs with the number of its input; raise InputUnreadable where one cannot be read."""
    for source, item in enumerate(inputs):
        for line in read_lines(item):
            yield source, line


def origins_of(inputs: Sequence[Input], plan: IngestPlan, via: str) -> list[leaves.Origin]:
    """Return where the lines of each input come from, as their leaves say it."""
    return [leaves.origin(plan.campaign, item.source, via) for item in inputs]


def ready_line(source: int, line: RawLine, plan: IngestPlan, where: leaves.Origin) -> Ready:
    """Return one line of the input of that number, made ready. Never raises for bad data."""
    number, offset, body = line
    digest = blake3_bytes(body)
    blob = digest.hex()
    birth = leaves.birth(where, blob, 0)
    read = read_line(body, plan.places, plan.reader)
    if isinstance(read, Unreadable):
        return Ready(source, number, offset, body, digest, birth, None, None, None, read.reason)
    reader, form, kind, fingerprint, prompt, (label, domain, tags, decision) = read
    if plan.tags:
        tags = {**tags, **plan.tags}
    said = leaves.Said(fingerprint, prompt, reader, form, kind, label, domain, tags)
    told = None if decision is None else (decision.outcome, decision.rule, dict(decision.details))
    pieces = leaves.pieces(where, blob, number, said)
    return Ready(source, number, offset, body, digest, birth, pieces, fingerprint, told, None)
