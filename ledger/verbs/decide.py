"""People's decisions: accept, reject, defer, relabel, tag, edit, withdraw. Each is an event that outranks policy.

A decision equal to the one in force appends nothing. Otherwise its op names the event that it comes after in its
sample's history, so accept, reject, accept is three events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, ContentRefused, NotWithdrawable
from ledger.event import WITHDRAWABLE, Draft, draft, read_leaf
from ledger.readers import READERS, FactMap, Reader, Unreadable, content_bytes, read_line
from ledger.store import Store, Transaction
from ledger.verbs.ids import find_event, find_sample
from ledger.verbs.run import Run, Who, conserve
from ledger.views import decisions, samples, tags, withdrawals

OUTCOMES = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}
LABELS: dict[str, bool | None] = {"true": True, "false": False, "none": None}


class DecideReport(NamedTuple):
    """Samples named, and how many of them changed; `samples == changed + unchanged`."""

    samples: int
    changed: int
    unchanged: int
    events: list[int]


Judge = Callable[[samples.Row], Draft | None]


def decide(store: Store, verb: str, ids: Sequence[str], reason: str, who: Who, expected: int | None) -> DecideReport:
    """Accept, reject or defer samples by id."""
    outcome = OUTCOMES[verb]

    def judge(row: samples.Row) -> Draft | None:
        standing = [d for d in decisions.of_sample(store.connection, row.sample) if d.withdrawn is None]
        mine = [d for d in standing if d.authority == "person"]
        latest = mine[-1] if mine else None
        if latest is not None and (latest.outcome, latest.reason, latest.version) == (outcome, reason, row.hash):
            return None
        fields: dict[str, Any] = {
            "after": after(store, row.sample, (*OUTCOMES.values(), "superseded", "withdrawn")),
            "details": {},
            "policy": None,
            "reason": reason,
            "rule": None,
            "sample": row.id.hex(),
            "version": row.hash.hex(),
        }
        return draft(outcome, row.sample, row.version, fields)

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

    def judge(row: samples.Row) -> Draft | None:
        by_person = row.label_event != row.sample
        if row.label == (None if wanted is None else int(wanted)) and by_person:
            return None
        fields = {
            "after": after(store, row.sample, ("relabeled", "withdrawn")),
            "label": wanted,
            "policy": None,
            "reason": reason,
            "sample": row.id.hex(),
            "version": row.hash.hex(),
        }
        return draft("relabeled", row.sample, row.version, fields)

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

    def judge(row: samples.Row) -> Draft | None:
        if tags.of_sample(store.connection, row.sample).get(key) == value:
            return None
        fields = {
            "after": after(store, row.sample, ("tagged", "withdrawn")),
            "key": key,
            "reason": reason,
            "sample": row.id.hex(),
            "value": value,
        }
        return draft("tagged", row.sample, None, fields)

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
            "after": after(store, row.sample, ("edited", "withdrawn")),
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
    run = Run(store.ledger_id, "withdraw", {"reason": reason}, who)
    with store.transaction(expected) as transaction:
        targets = list(dict.fromkeys(find_event(store, text) for text in events))
        drafts = [d for d in (_withdrawal(store, target, reason) for target in targets) if d is not None]
        first = run.append(transaction, drafts)
        report = _report(len(targets), first, len(drafts))
        run.finish(transaction, {"changed": report.changed, "samples": report.samples, "unchanged": report.unchanged})
    return report


def after(store: Store, sample: int, kinds: tuple[str, ...]) -> str | None:
    """Return the op of the sample's last event of these kinds, in hex: what a new one comes after."""
    return store.last_op(sample, kinds)


def _withdrawal(store: Store, target: int, reason: str) -> Draft | None:
    found = store.event(target)
    if found is None:
        raise NotWithdrawable(f"@{target}", "there is none")
    op, text = found
    leaf: dict[str, Any] = read_leaf(text)
    if leaf["kind"] not in WITHDRAWABLE:
        raise NotWithdrawable(op.hex()[:12], f"it is of the kind {leaf['kind']}")
    if withdrawals.by(store.connection, target) is not None:
        return None
    row = find_sample(store, leaf["sample"])
    fields = {"reason": reason, "sample": leaf["sample"], "target": op.hex()}
    return draft("withdrawn", row.sample, None, fields)


def _each(store: Store, run: Run, ids: Sequence[str], judge: Judge, expected: int | None) -> DecideReport:
    """Judge each sample once, append what changes in one commit; an id that is not there stops all of it."""
    if not ids:
        raise BadRequest("No ids were given")
    with store.transaction(expected) as transaction:
        rows = {row.sample: row for row in (find_sample(store, text) for text in ids)}
        drafts = [d for d in map(judge, rows.values()) if d is not None]
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
