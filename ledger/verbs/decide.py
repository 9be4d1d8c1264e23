"""People's decisions: accept, reject, defer, relabel, tag, weight, edit, withdraw; events that outrank policy.

A decision equal to the one in force appends nothing. Otherwise its op names the event that it comes after in its
sample's history, so accept, reject, accept is three events. Samples are named by ids, or chosen by a condition; what
was chosen is decided in one commit, or with `dry_run` only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, ContentRefused, ErasedBytes, HeadMoved, NotWithdrawable
from ledger.event import WITHDRAWABLE, Draft, draft
from ledger.readers import READERS, FactMap, Reader, Reading, Unreadable, content_bytes, read_line
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.ids import event_at, find_events, find_sample
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.selection import Selection, selected, selection
from ledger.verbs.words import plain_text
from ledger.views import decisions, erased, labels, samples, tags, versions, weights, withdrawals

OUTCOMES = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}
LABELS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_GONE = "Leave it out; `ledger show` says who erased it, and why."
_RANKS = {"person": 0, "import": 2}
"""Whose decisions outrank whose; policies and agents stand between, and of theirs the latest counts."""
HEAVIEST = 1000
"""The largest weight: rows that one sample may become in an export for training."""


class DecideReport(NamedTuple):
    """Samples named, and how many of them changed; `samples == changed + unchanged`."""

    samples: int
    changed: int
    unchanged: int
    events: list[int]


Which = Sequence[str] | Selection
"""Ids, or what `ledger.verbs.selection` makes of a condition."""

Details = dict[str, Any]

Judge = Callable[[list[samples.Row]], Iterator[Draft]]
"""From a few hundred samples to the events about those that change."""


def decide(
    store: Store,
    verb: str,
    which: Which,
    reason: str,
    who: Who,
    expected: int | None,
    *,
    dry_run: bool = False,
) -> DecideReport:
    """Accept, reject or defer samples; a rejection needs a reason."""
    outcome = OUTCOMES[verb]
    chosen = _chosen(which)
    reason = plain_text("The reason", reason, needed=verb == "reject")
    run = Run(store.ledger_id, verb, {"reason": reason, **chosen.as_json()}, who)
    return _each(store, run, chosen, outcomes(store, outcome, reason, who), expected, dry_run=dry_run)


def outcomes(store: Store, outcome: str, reason: str, who: Who, details: Details | None = None) -> Judge:
    """Return what says of each sample that it is accepted, rejected or deferred, unless `who` said just that already.

    `details` are those of the events.
    """

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = decisions.history(store.connection, [row.sample for row in rows])
        for row in rows:
            history = told.get(row.sample, ())
            rank = _RANKS.get(who.authority)
            mine = [s for s in history if _stands(s) and s.version == row.version and _RANKS.get(s.authority) == rank]
            if mine and (mine[-1].outcome, mine[-1].reason, mine[-1].authority) == (outcome, reason, who.authority):
                continue
            fields: dict[str, Any] = {
                "after": _after(store, history),
                "authority": who.authority,
                "details": details or {},
                "policy": None,
                "reason": reason,
                "rule": None,
                "sample": row.id.hex(),
                "version": row.hash.hex(),
            }
            yield draft(outcome, row.sample, row.version, fields)

    return judge


def relabel(
    store: Store,
    which: Which,
    label: str,
    reason: str,
    who: Who,
    expected: int | None,
    *,
    dry_run: bool = False,
) -> DecideReport:
    """Give samples a label: true, false or none."""
    if label not in LABELS:
        raise BadRequest(f"{label!r} is not a label: {', '.join(LABELS)}")
    wanted = LABELS[label]
    chosen = _chosen(which)
    reason = plain_text("The reason", reason)
    run = Run(store.ledger_id, "relabel", {"label": label, "reason": reason, **chosen.as_json()}, who)
    return _each(store, run, chosen, relabelings(store, wanted, reason, who), expected, dry_run=dry_run)


def relabelings(
    store: Store,
    wanted: bool | None,  # noqa: FBT001 - a label
    reason: str,
    who: Who,
    details: Details | None = None,
) -> Judge:
    """Return what gives each sample a label, unless `who` gave it for that reason already; see `outcomes`."""

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = labels.history(store.connection, [row.sample for row in rows])
        for row in rows:
            history = told.get(row.sample, ())
            mine = [s for s in history if _stands(s) and (s.authority == "person") == (who.authority == "person")]
            said = (wanted, reason, row.version, who.authority)
            if mine and (mine[-1].label, mine[-1].reason, mine[-1].version, mine[-1].authority) == said:
                continue
            fields: dict[str, Any] = {
                "after": _after(store, history),
                "authority": who.authority,
                "details": details or {},
                "label": wanted,
                "policy": None,
                "reason": reason,
                "rule": None,
                "sample": row.id.hex(),
                "version": row.hash.hex(),
            }
            yield draft("relabeled", row.sample, row.version, fields)

    return judge


def tag(
    store: Store,
    which: Which,
    key: str,
    value: str | None,
    reason: str,
    who: Who,
    expected: int | None,
    *,
    dry_run: bool = False,
) -> DecideReport:
    """Set a tag of samples, or remove it (value None)."""
    chosen = _chosen(which)
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

    run = Run(store.ledger_id, "tag", {"key": key, "reason": reason, "value": value, **chosen.as_json()}, who)
    return _each(store, run, chosen, judge, expected, dry_run=dry_run)


def weight(
    store: Store,
    which: Which,
    times: int,
    reason: str,
    who: Who,
    expected: int | None,
    *,
    dry_run: bool = False,
) -> DecideReport:
    """Say how many rows exports for training write of samples; 1 takes an earlier weight back."""
    if type(times) is not int or not weights.ONCE <= times <= HEAVIEST:
        raise BadRequest(f"A weight is a whole number from {weights.ONCE} to {HEAVIEST:,}, not {times!r}")
    chosen = _chosen(which)
    reason = plain_text("The reason", reason)

    def judge(rows: list[samples.Row]) -> Iterator[Draft]:
        told = weights.history(store.connection, [row.sample for row in rows])
        for row in rows:
            history = told.get(row.sample, ())
            if times == _weight_of(history, who):
                continue
            fields: dict[str, Any] = {
                "after": _after(store, history),
                "authority": who.authority,
                "policy": None,
                "reason": reason,
                "sample": row.id.hex(),
                "times": times,
            }
            yield draft("weighted", row.sample, None, fields)

    run = Run(store.ledger_id, "weight", {"reason": reason, "times": times, **chosen.as_json()}, who)
    return _each(store, run, chosen, judge, expected, dry_run=dry_run)


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
        check_there(store, [row])
        if digest == row.hash:
            return DecideReport(1, 0, 1, [])
        run = Run(store.ledger_id, "edit", {"reason": reason}, who)
        position = run.append(transaction, [edited(store, transaction, row, content, read, reason, who)])
        run.finish(transaction, {"changed": 1, "samples": 1, "unchanged": 0})
    return DecideReport(1, 1, 0, [] if position is None else [position])


def edited(
    store: Store, transaction: Transaction, row: samples.Row, content: bytes, read: Reading, reason: str, who: Who
) -> Draft:
    """Store a new version's bytes and return the event that gives it to its sample; raise ContentRefused.

    What was erased does not come in again, by whatever way.
    """
    shunned = erased.shunned(store.connection, [read.fingerprint])
    if shunned or erased.shunned_blobs(store.connection, [blake3_bytes(content)]):
        name = row.id.hex()[:12]
        raise ContentRefused(f"what sample {name} would say was erased", hint="Give a text that was not.")
    digest, blob = transaction.add_blob(content)
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
    return draft("edited", row.sample, blob, fields)


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


def _stands(said: _Told) -> bool:
    """Say whether nobody withdrew it."""
    return said.withdrawn is None


def _weight_of(history: Sequence[weights.Weighting], who: Who) -> int | None:
    """Return the weight that stands on an authority that counts like `who`'s; None where only the other kind's does."""
    mine = [given for given in history if (given.authority == "person") == (who.authority == "person")]
    said = weights.standing(mine)
    if said is not None:
        return said.times
    return weights.ONCE if weights.standing(history) is None else None


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


def _chosen(which: Which) -> Selection:
    return which if isinstance(which, Selection) else selection(which)


@without_collector()
def _each(
    store: Store, run: Run, chosen: Selection, judge: Judge, expected: int | None, *, dry_run: bool
) -> DecideReport:
    """Judge each sample once, append what changes in one commit; an id that is not there stops all of it."""
    if dry_run:
        with reading(store) as (here, head):
            if expected not in {None, head.position}:
                raise HeadMoved(head.position, expected)
            named = changed = 0
            for rows in selected(here, chosen):
                check_there(here, rows)
                named, changed = named + len(rows), changed + sum(1 for _ in judge(rows))
        return DecideReport(named, changed, named - changed, [])
    with store.transaction(expected) as transaction:
        named = changed = 0
        first: int | None = None
        for rows in selected(store, chosen):
            check_there(store, rows)
            drafts = list(judge(rows))
            begun = run.append(transaction, drafts)
            first = begun if first is None else first
            named, changed = named + len(rows), changed + len(drafts)
        report = _report(named, first, changed)
        counts = {"changed": report.changed, "unchanged": report.unchanged}
        conserve("samples", named, counts)
        run.finish(transaction, {**counts, "samples": named})
    return report


def check_there(store: Store, rows: Iterable[samples.Row]) -> None:
    """Raise ErasedBytes where somebody would say something of a text that nobody can read any more."""
    for row in rows:
        if row.status == "erased" and (gone := erased.by(store.connection, row.version)) is not None:
            raise ErasedBytes(f"A change to sample {row.id.hex()[:12]}", gone.position, hint=_GONE)


def _report(named: int, first: int | None, changed: int) -> DecideReport:
    events = [] if first is None else list(range(first, first + changed))
    return DecideReport(named, changed, named - changed, events)


def _reader(form: str | None) -> Reader | None:
    if form is not None and form not in READERS:
        raise BadRequest(f"There is no format {form!r}; there are {', '.join(READERS)}")
    return None if form is None else READERS[form]
