"""Which samples may go into an export: one reason each for what is left out, one survivor for each text that goes in.

Two pure steps. `gather` looks at one candidate at a time and packs what may still go into records whose first bytes
are the fingerprint. `settle` looks at one range of fingerprints, in which all twins of a text stand together: what it
says of a range depends on the records of that range alone, so ranges may be settled in any order and by anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import BadRequest
from ledger.exporters.packed import Packed, runs

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGEST = 32
TAIL = 8
MOST_TIMES = 1000
UNDECIDED = ("pending", "errored")
"""The statuses of samples about which nothing is decided."""

OMISSIONS = (
    "erased",
    "not_selected",
    "status",
    "split",
    "family_crosses_splits",
    "no_label",
    "conflict",
    "duplicate",
    "unrepresentable",
    "too_long",
    "unpaired",
    "surplus",
    "spacing",
    "tail",
)
MARKS = ("unrepresentable", "too_long")
"""The reasons that only the bytes of a sample can tell."""

Omitted = dict[str, list[int]]
Mark = Callable[[Sequence[int]], Mapping[int, str]]
"""Handles, ascending -> a reason of MARKS for each of them that has one."""
Payload = Callable[["Candidate"], bytes]
"""More bytes of a fixed width that a planner wants to have in the record of a candidate."""

_LABELS = (False, True, None)
_CODES = {False: 0, True: 1, None: 2}


class Candidate(NamedTuple):
    """One sample that a view considers; the order in which candidates arrive does not matter.

    `sample` is the handle inside the ledger file, `sample_id` its public identity, `blob` the hash of the version's
    bytes, `family` the root of its family; digests are 32 bytes. `crosses` says that its family stands in more than
    one split, `representable` that it can be written as the view's type asks. `times` is its weight, from 1 to 1000,
    `selected` what the view's own condition says of it, `prompt` the fingerprint of its prompt (None: it has none),
    `parent` the identity of the sample it was derived from.
    """

    sample: int
    sample_id: bytes
    blob: bytes
    fingerprint: bytes
    family: bytes
    status: str
    split: str | None
    crosses: bool
    label: bool | None
    representable: bool
    times: int = 1
    selected: bool = True
    prompt: bytes | None = None
    parent: bytes | None = None


class Rule(NamedTuple):
    """What a view takes, for every planner alike.

    `split` None takes any; `crossing` takes families that stand in several splits as well. `conflicts` and
    `duplicates` keep what they name; `repeat` writes a sample as often as its weight says.
    """

    statuses: frozenset[str]
    split: str | None
    labels: frozenset[bool | None]
    crossing: bool
    conflicts: bool
    duplicates: bool
    repeat: bool


class Gathered(NamedTuple):
    """Records of what may still go, under every reason the handles left out, and how many candidates there were."""

    records: Packed
    omitted: Omitted
    considered: int


class Twins(NamedTuple):
    """The records of samples that teach the same, the survivor first; `times` is the largest of their weights."""

    records: list[bytes]
    times: int


class Settled(NamedTuple):
    """What one range of fingerprints yields: survivors that may be written, and (reason, handle) of the others."""

    twins: list[Twins]
    omitted: list[tuple[str, int]]


def usable(*, policy_adopted: bool) -> frozenset[str]:
    """Return the statuses that exports for training take: what nobody decided about only while no policy decides.

    A failed improvement (errored) decides nothing about the sample, which stands as it did.
    """
    return frozenset({"accepted"} if policy_adopted else {"accepted", *UNDECIDED})


def keeps(name: str, value: str, usual: str) -> bool:
    """Return whether `value` is "keep" and not the `usual` word; raise BadRequest for any other."""
    if value not in {usual, "keep"}:
        message = f"{name} are to be {value!r}; a view says `{usual}` or `keep`."
        raise BadRequest(message)
    return value == "keep"


def seed_bytes(seed: str) -> bytes:
    """Return the bytes of a seed; raise BadRequest for what is not Unicode text."""
    try:
        return seed.encode()
    except UnicodeEncodeError as error:
        message = f"The seed {seed!r} is not Unicode text; give another."
        raise BadRequest(message) from error


def gather(candidates: Iterable[Candidate], rule: Rule, payload: Payload | None = None, width: int = 0) -> Gathered:
    """Pack what passes every test that needs no look at other rows; `payload` adds `width` bytes to each record.

    Takes 136 bytes a candidate and the payload. Raises ValueError for a digest that is not 32 bytes long and for a
    weight out of its range.
    """
    considered = 0
    omitted: Omitted = {reason: [] for reason in OMISSIONS}
    records = Packed(4 * DIGEST + width + TAIL)
    for candidate in candidates:
        considered += 1
        reason = _own_reason(candidate, rule)
        if reason is None:
            records.add(_pack(candidate, b"" if payload is None else payload(candidate), repeat=rule.repeat))
        else:
            omitted[reason].append(candidate.sample)
    return Gathered(records, omitted, considered)


def settle(records: list[bytes], rule: Rule) -> Settled:
    """Settle the sorted records of one range of fingerprints: labels, then conflicts, then duplicates.

    A text that is told with both labels, or with one that the view does not take, is a conflict in all its rows that
    the view would take. The survivor of duplicates is the smallest (blob hash, sample id).
    """
    settled = Settled([], [])
    for start, end in runs(records, DIGEST):
        rows = records[start:end]
        tail = rows[0][-1]
        if len(rows) == 1 and tail & 1 and _LABELS[tail >> 1 & 3] in rule.labels:
            settled.twins.append(Twins(rows, _times_of(rows[0])))
        else:
            _settle_text(rows, rule, settled)
    return settled


def handle_of(record: bytes) -> int:
    """Return the handle of the sample that a record is about."""
    return int.from_bytes(record[-TAIL:], "big") >> 13


def label_of(record: bytes) -> bool | None:
    """Return the label of the sample that a record is about."""
    return _LABELS[record[-1] >> 1 & 3]


def _own_reason(candidate: Candidate, rule: Rule) -> str | None:
    """Return the first reason that needs no look at other rows, or None.

    A row with a label that the view does not take is needed as long as it may contradict another.
    """
    status = candidate.status
    if status not in rule.statuses:
        # Erased and not selected are told before the status, so that the reason does not depend on other rules.
        return "erased" if status == "erased" else "status" if candidate.selected else "not_selected"
    if not candidate.selected:
        return "not_selected"
    if rule.split is not None and candidate.split != rule.split:
        return "split"
    if candidate.crosses and not rule.crossing:
        return "family_crosses_splits"
    if candidate.label in rule.labels or (candidate.label is not None and not rule.conflicts):
        return None
    return "no_label"


def _pack(candidate: Candidate, payload: bytes, *, repeat: bool) -> bytes:
    """Return fingerprint, blob, sample id, family, payload and tail: byte order groups twins, survivor first."""
    if not 1 <= candidate.times <= MOST_TIMES:
        message = f"a weight of {candidate.times} where one from 1 to {MOST_TIMES} is expected"
        raise ValueError(message)
    times = candidate.times if repeat else 1
    tail = candidate.sample << 13 | times << 3 | _CODES[candidate.label] << 1 | candidate.representable
    return b"".join(
        (
            candidate.fingerprint,
            candidate.blob,
            candidate.sample_id,
            candidate.family,
            payload,
            tail.to_bytes(TAIL, "big"),
        )
    )


def _settle_text(records: list[bytes], rule: Rule, settled: Settled) -> None:
    """Settle all rows of one fingerprint."""
    told = {label_of(record) for record in records} - {None}
    settled.omitted.extend(("no_label", handle_of(one)) for one in records if label_of(one) not in rule.labels)
    records = [record for record in records if label_of(record) in rule.labels]
    if not rule.conflicts and (len(told) > 1 or not told <= rule.labels):
        settled.omitted.extend(("conflict", handle_of(record)) for record in records)
    elif rule.duplicates:
        for record in records:
            _keep([record], settled)
    elif len(told) > 1:
        for label in _LABELS:
            _keep([record for record in records if label_of(record) is label], settled)
    else:
        _keep(records, settled)


def _keep(twins: list[bytes], settled: Settled) -> None:
    """Let the first of `twins` go, if it can be written; the others are its duplicates."""
    if not twins:
        return
    settled.omitted.extend(("duplicate", handle_of(record)) for record in twins[1:])
    if twins[0][-1] & 1:
        settled.twins.append(Twins(twins, max(_times_of(record) for record in twins)))
    else:
        settled.omitted.append(("unrepresentable", handle_of(twins[0])))


def _times_of(record: bytes) -> int:
    return int.from_bytes(record[-2:], "big") >> 3 & 1023
