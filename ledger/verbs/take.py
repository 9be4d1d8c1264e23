"""Taking a batch of lines: what is new of it becomes events, and every line of it is counted.

Nothing is asked of the log that a line's bytes have answered: bytes that are not stored yet are of no sample yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger import leaves
from ledger.event import Draft, Fields, draft, op_of
from ledger.transaction import Transaction, Written, in_chunks
from ledger.verbs.imported import Told, record
from ledger.verbs.occurrences import Occurrences
from ledger.verbs.ready import IngestPlan, Ready
from ledger.verbs.run import Run, conserve
from ledger.views import erased, twins


@dataclass(slots=True)
class IngestReport:
    """Lines that are not blank, by what became of them; `lines == new + known + quarantined`.

    Where decisions are looked for, `new + known == decisions + decisions_known + undecided`: recorded now, recorded
    before, and lines that tell none. `twins_rejected`: new samples that teach what was already rejected when the
    command began, without being rejected themselves.
    """

    lines: int = 0
    new: int = 0
    known: int = 0
    quarantined: int = 0
    decisions: int = 0
    decisions_known: int = 0
    undecided: int = 0
    twins_rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class _Line(NamedTuple):
    """A line in its batch: `birth` is the op of its sample, `reason` why it is none, also where its text was erased."""

    ready: Ready
    nth: int
    birth: bytes
    reason: str | None
    op: bytes


class Taking:
    """One ingest: what all its batches share. `began_at` is where the log ended before the command."""

    def __init__(self, names: Sequence[str], plan: IngestPlan, run: Run, began_at: int) -> None:
        """Begin; `names` are those of the inputs."""
        self.report = IngestReport()
        self.occurrences = Occurrences()
        self._names = names
        self._plan = plan
        self._run = run
        self._began_at = began_at
        self._origins = [leaves.origin(plan.campaign, name, "") for name in names]

    def take(self, transaction: Transaction, batch: Sequence[Ready]) -> None:
        """Append what is new of one batch and count all of it."""
        if self.report.lines == 0:
            self.occurrences.begin(transaction)
        before = self.report.lines, self.report.new
        stored = transaction.known_blobs(list({ready.digest for ready in batch}))
        lines, counts = self._numbered(transaction, batch, stored)
        asked = [op for line in lines if line.ready.digest in stored for op in {line.op, line.birth}]
        known = transaction.known_ops(list(dict.fromkeys(asked))) if asked else {}
        fresh = [line for line in lines if line.op not in known and line.birth not in known]
        rows = {**stored, **self._add_bytes(transaction, fresh, stored)}
        self._count(lines, known)
        self.report.twins_rejected += self._twins_rejected(transaction, fresh)
        if fresh:
            written = self._append(transaction, fresh, rows)
            conserve("new samples", self.report.new - before[1], {"ingested": written["ingested"]})
            conserve("new lines", len(fresh), written)
        if self._plan.places.decisions is not None:
            self._take_decisions(transaction, [line for line in lines if line.birth in known or not line.reason], rows)
        self._note(transaction, lines, counts, stored, rows)
        conserve("lines in the batch", len(batch), {"taken": self.report.lines - before[0]})

    def _numbered(
        self, transaction: Transaction, batch: Sequence[Ready], stored: Mapping[bytes, int]
    ) -> tuple[list[_Line], dict[tuple[int, bytes], int]]:
        """Return the lines with the occurrence that each is, and how often each (source, bytes) stood there by now."""
        met = {(ready.source, stored[ready.digest]) for ready in batch if ready.digest in stored}
        earlier = self.occurrences.before(transaction, met) if met else {}
        shunned = _shunned(transaction, batch)
        counts: dict[tuple[int, bytes], int] = {}
        lines: list[_Line] = []
        for ready in batch:
            key = ready.source, ready.digest
            nth = counts.get(key, -1)
            if nth < 0:
                row = stored.get(ready.digest)
                nth = 0 if row is None else earlier[ready.source, row]
            counts[key] = nth + 1
            birth = ready.birth if nth == 0 else self._birth(ready, nth)
            reason = "erased" if ready.fingerprint in shunned or ready.digest in shunned else ready.reason
            op = birth if reason is None else self._quarantined(ready, nth, reason)[0]
            lines.append(_Line(ready, nth, birth, reason, op))
        return lines, counts

    def _birth(self, ready: Ready, nth: int) -> bytes:
        return leaves.birth(self._origins[ready.source], ready.digest.hex(), nth)

    def _quarantined(self, ready: Ready, nth: int, reason: str) -> tuple[bytes, Fields]:
        fields: Fields = {
            "blob": ready.digest.hex(),
            "campaign": self._plan.campaign,
            "line": ready.number,
            "nth": nth,
            "offset": ready.offset,
            "reason": reason,
            "source": self._names[ready.source],
        }
        return op_of("quarantined", fields), fields

    def _add_bytes(
        self, transaction: Transaction, fresh: Sequence[_Line], stored: Mapping[bytes, int]
    ) -> dict[bytes, int]:
        """Store the bytes of new lines, in their order; of erased texts only the address."""
        transaction.expect_many(len(fresh))
        new = [line for line in fresh if line.ready.digest not in stored]
        kept = {line.ready.digest: line.ready.body for line in new if line.reason != "erased"}
        gone = {line.ready.digest: len(line.ready.body) for line in new if line.reason == "erased"}
        return {**transaction.add_blobs(kept, first_seen=True), **transaction.add_addresses(gone)}

    def _count(self, lines: Sequence[_Line], known: Mapping[bytes, int]) -> None:
        report = self.report
        report.lines += len(lines)
        for line in lines:
            if line.birth in known:  # also where it cannot be read today: the line is a sample already
                report.known += 1
            elif line.reason is not None:
                report.quarantined += 1
                report.reasons[line.reason] += 1
            else:
                report.new += 1

    def _append(self, transaction: Transaction, fresh: Sequence[_Line], rows: Mapping[bytes, int]) -> Counter[str]:
        """Append an event for each line and return how many of each kind.

        For the bytes of an erased text that came anew, that they are erased is said too.
        """
        stamp = self._run.begun(transaction)
        opening, run = leaves.open_leaf(stamp), b"%d" % stamp.run
        erasures: dict[bytes, Draft] = {}

        def events() -> Iterator[Written | Draft]:
            for ready, nth, _, reason, op in fresh:
                row = rows[ready.digest]
                if reason is None and ready.pieces is not None:
                    yield Written(op, "ingested", row, leaves.whole(opening, ready.pieces, nth, run))
                    continue
                yield draft("quarantined", None, row, self._quarantined(ready, nth, str(reason))[1], op)
                if reason == "erased":
                    made = draft("erased", None, row, erased.again(connection, ready.digest, ready.fingerprint))
                    erasures[made.op] = made

        connection = transaction.connection
        first = transaction.next_position
        transaction.append_written(events(), stamp)
        if erasures:
            known = transaction.known_ops(list(erasures))
            transaction.append([made for op, made in erasures.items() if op not in known], stamp)
        return transaction.kinds(first, first + len(fresh) - 1)

    def _take_decisions(self, transaction: Transaction, samples: Sequence[_Line], rows: Mapping[bytes, int]) -> None:
        """Append the decisions that lines tell of their samples, new and known ones, unless that was done before."""
        told = [
            Told(line.birth, line.ready.digest, rows[line.ready.digest], said)
            for line in samples
            if line.reason != "erased" and (said := line.ready.recorded) is not None  # its words may be the text's
        ]
        recorded = record(transaction, self._run, told)
        self.report.decisions += recorded
        self.report.decisions_known += len(told) - recorded
        self.report.undecided += len(samples) - len(told)

    def _twins_rejected(self, transaction: Transaction, fresh: Sequence[_Line]) -> int:
        """Return how many new samples teach what was already rejected, and are not rejected by their own line."""
        if not twins.any_rejected(transaction.connection):
            return 0
        taught = Counter(
            line.ready.fingerprint
            for line in fresh
            if line.reason is None
            and line.ready.fingerprint is not None
            and (line.ready.decision is None or line.ready.decision[0] != "rejected")
        )
        chunks = in_chunks(taught)
        found = (twins.rejected_among(transaction.connection, chunk, self._began_at) for chunk in chunks)
        return sum(taught[fingerprint] for some in found for fingerprint in some)

    def _note(
        self,
        transaction: Transaction,
        lines: Sequence[_Line],
        counts: Mapping[tuple[int, bytes], int],
        stored: Mapping[bytes, int],
        rows: Mapping[bytes, int],
    ) -> None:
        """Note how often bytes were met, unless that they came first in this batch, from this source, says it."""
        brought: dict[bytes, tuple[int, int]] = {}
        for line in lines:
            digest = line.ready.digest
            if digest not in stored and digest not in brought:
                brought[digest] = rows[digest], line.ready.source
        again = {
            (source, rows[digest]): times
            for (source, digest), times in counts.items()
            if times > 1 or digest in stored or brought[digest][1] != source
        }
        self.occurrences.note(transaction, again, sorted(brought.values()))


def _shunned(transaction: Transaction, batch: Sequence[Ready]) -> set[bytes]:
    """Return the fingerprints and addresses of the batch that were erased."""
    connection = transaction.connection
    if not erased.any_erased(connection):
        return set()
    prints = in_chunks({ready.fingerprint for ready in batch if ready.fingerprint is not None}, 400)
    found = {each for chunk in prints for each in erased.shunned(connection, chunk)}
    digests = in_chunks({ready.digest for ready in batch}, 400)
    return found | {each for chunk in digests for each in erased.shunned_blobs(connection, chunk)}
