"""People's decisions: accept, reject, defer, relabel, tag, edit, withdraw. Each is an event that outranks policy.

A decision equal to the one in force appends nothing. Otherwise its op names the event that it comes after in its
sample's history, so accept, reject, accept is three events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, ContentRefused, NotWithdrawable
from ledger.event import WITHDRAWABLE, Draft, draft
from ledger.readers import READERS, FactMap, Reader, Unreadable, content_bytes, read_line
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.ids import event_at, find_events, find_sample, find_samples
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text
from ledger.views import decisions, labels, samples, tags, versions, withdrawals

OUTCOMES = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}
LABELS: dict[str, bool | None] = {"true": True, "false": False, "none": None}


class DecideReport(NamedTuple):
    """Samples named, and how many of them changed; `samples == changed + unchanged`."""

    samples: int
    changed: int
    unchanged: int
    events: list[int]


Judge = Callable[[list[samples.Row]], Iterator[Draft]]
"""From a few hundred samples to the events about those that change."""


def decide(store: Store, verb: str, ids: Sequence[str], reason: str, who: Who, expected: int | None) -> DecideReport:
    """Accept, reject or defer samples by id; a rejection needs a reason."""
    outcome = OUTCOMES[verb]
    reason = plain_text("The reason", reason, needed=verb == "reject")

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = decisions.history(store.connection, [row.sample for row in rows])
        for row in rows:
            history = told.get(row.sample, ())
            mine = [said for said in history if _stands(said, who) and said.version == row.version]
            if mine and (mine[-1].outcome, mine[-1].reason) == (outcome, reason):
                continue
            fields: dict[str, Any] = {
                "after": _after(store, history),
                "authority": who.authority,
                "details": {},
                "policy": None,
                "reason": reason,
                "rule": None,
                "sample": row.id.hex(),
                "version": row.hash.hex(),
            }
            yield draft(outcome, row.sample, row.version, fields)

    return _each(store, Run(store.ledger_id, verb, {"reason": reason}, who), ids, judge, expected)


def relabel(
    store: Store,
    ids: Sequence[str],
    label: str,
    reason: str,
    who: Who,
    expected: int | None,
) -> DecideReport:
    """Give samples a label: true, false or none."""
    if label not in LABELS:
        raise BadRequest(f"{label!r} is not a label: {', '.join(LABELS)}")
    wanted = LABELS[label]
    reason = plain_text("The reason", reason)

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = labels.history(store.connection, [row.sample for row in rows])
        for row in rows:
            history = told.get(row.sample, ())
            mine = [given for given in history if _stands(given, who)]
            if mine and (mine[-1].label, mine[-1].reason, mine[-1].version) == (wanted, reason, row.version):
                continue
            fields: dict[str, Any] = {
                "after": _after(store, history),
                "authority": who.authority,
                "details": {},
                "label": wanted,
                "policy": None,
                "reason": reason,
                "rule": None,
                "sample": row.id.hex(),
                "version": row.hash.hex(),
            }
            yield draft("relabeled", row.sample, row.version, fields)

    return _each(store, Run(store.ledger_id, "relabel", {"label": label, "reason": reason}, who), ids, judge, expected)


def tag(
    store: Store,
    ids: Sequence[str],
    key: str,
    value: str | None,
    reason: str,
    who: Who,
    expected: int | None,
) -> DecideReport:
    """Set a tag of samples, or remove it (value None)."""
    key = plain_text("The tag's name", key, needed=True)
    value = None if value is None else plain_text("The tag's value", value)
    reason = plain_text("The reason", reason)

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = tags.history(store.connection, [row.sample for row in rows], key)
        for row in rows:
            history = told.get(row.sample, ())
            standing = [set_to.value for set_to in history if set_to.withdrawn is None]
            if value == (standing[-1] if standing else None):
                continue
            since_birth = [set_to for set_to in history if set_to.position != row.sample]
            fields = {
                "after": _after(store, since_birth),
                "authority": who.authority,
                "key": key,
                "policy": None,
                "reason": reason,
                "sample": row.id.hex(),
                "value": value,
            }
            yield draft("tagged", row.sample, None, fields)

    params = {"key": key, "reason": reason, "value": value}
    return _each(store, Run(store.ledger_id, "tag", params, who), ids, judge, expected)


def edit(
    store: Store,
    sample: str,
    line: bytes,
    form: str | None,
    reason: str,
    who: Who,
    expected: int | None,
) -> DecideReport:
    """Give a sample a new version: the training fields of one JSON line; its label, tags and domain stay."""
    reader = _reader(form)
    reason = plain_text("The reason", reason)
    body = line.strip()
    nowhere = FactMap(label=(), domain=(), tag_root=None)
    read = read_line(body, nowhere, reader)
    if isinstance(read, Unreadable):
        raise ContentRefused(read.message)
    content = content_bytes(body, read.reader)
    digest = blake3_bytes(content)

    with store.transaction(expected) as transaction:
        row = find_sample(store, sample)
        if digest == row.hash:
            return DecideReport(1, 0, 1, [])
        run = Run(store.ledger_id, "edit", {"reason": reason}, who)
        fields = {
            "after": _after(store, versions.of_sample(store.connection, row.sample)),
            "authority": who.authority,
            "blob": digest.hex(),
            "fingerprint": read.fingerprint.hex(),
            "form": read.form,
            "prompt": None if read.prompt is None else read.prompt.hex(),
            "reader": read.reader,
            "reason": reason,
            "sample": row.id.hex(),
            "type": read.type,
            "version": row.hash.hex(),
        }
        _, blob = transaction.add_blob(content)
        position = run.append(transaction, [draft("edited", row.sample, blob, fields)])
        run.finish(transaction, {"changed": 1, "samples": 1, "unchanged": 0})
    return DecideReport(1, 1, 0, [] if position is None else [position])


def withdraw(store: Store, events: Sequence[str], reason: str, who: Who, expected: int | None) -> DecideReport:
    """Say of events that they no longer apply; what stood before them does again."""
    reason = plain_text("The reason", reason)
    if not events:
        raise BadRequest("No events were given")
    run = Run(store.ledger_id, "withdraw", {"reason": reason}, who)
    with store.transaction(expected) as transaction:
        targets = find_events(store, events)
        drafts = [d for d in (_withdrawal(store, target, reason) for target in targets) if d is not None]
        first = run.append(transaction, drafts)
        report = _report(len(targets), first, len(drafts))
        run.finish(transaction, {"changed": report.changed, "samples": report.samples, "unchanged": report.unchanged})
    return report


class _Told(Protocol):
    """One event of a sample's history: where it stands in the log, and the event that withdrew it, if any."""

    @property
    def position(self) -> int: ...
    @property
    def withdrawn(self) -> int | None: ...


def _after(store: Store, history: Iterable[_Told]) -> str | None:
    """Return the op, in hex, of the last thing said or withdrawn in a history: what a new event comes after."""
    moments = [moment for told in history for moment in (told.position, told.withdrawn) if moment is not None]
    return event_at(store, max(moments))[0].hex() if moments else None


def _stands(said: decisions.Said | labels.Relabeling, who: Who) -> bool:
    """Say whether it was said on the same authority and nobody withdrew it."""
    return said.withdrawn is None and said.authority == who.authority


def _withdrawal(store: Store, target: int, reason: str) -> Draft | None:
    op, text = event_at(store, target)
    leaf = leaf_of(store, text)
    if leaf["kind"] not in WITHDRAWABLE:
        raise NotWithdrawable(op.hex()[:12], f"it is of the kind {leaf['kind']}")
    if withdrawals.by(store.connection, target) is not None:
        return None
    row = find_sample(store, leaf["sample"])
    fields = {"reason": reason, "sample": leaf["sample"], "target": op.hex()}
    return draft("withdrawn", row.sample, None, fields)


@without_collector()
def _each(store: Store, run: Run, ids: Sequence[str], judge: Judge, expected: int | None) -> DecideReport:
    """Judge each sample once, append what changes in one commit; an id that is not there stops all of it."""
    if not ids:
        raise BadRequest("No ids were given")
    with store.transaction(expected) as transaction:
        rows = find_samples(store, ids)
        drafts = [drafted for chunk in in_chunks(rows) for drafted in judge(chunk)]
        return _append(transaction, run, len(rows), drafts)


def _append(transaction: Transaction, run: Run, named: int, drafts: list[Draft]) -> DecideReport:
    report = _report(named, run.append(transaction, drafts), len(drafts))
    counts = {"changed": report.changed, "unchanged": report.unchanged}
    conserve("samples", named, counts)
    run.finish(transaction, {**counts, "samples": named})
    return report


def _report(named: int, first: int | None, changed: int) -> DecideReport:
    events = [] if first is None else list(range(first, first + changed))
    return DecideReport(named, changed, named - changed, events)


def _reader(form: str | None) -> Reader | None:
    if form is not None and form not in READERS:
        raise BadRequest(f"There is no format {form!r}; there are {', '.join(READERS)}")
    return None if form is None else READERS[form]
