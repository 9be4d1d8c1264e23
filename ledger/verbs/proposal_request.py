"""What somebody asks for who proposes a decision: checked words, whole lists, and which request it is the same as.

A key names a request of one proposer. The same request made again is the same proposal; without a key, the digest of
what is proposed is the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.digest import LARGEST_INT, blake3_bytes, digest_of
from ledger.errors import BadRequest
from ledger.event import op_of
from ledger.policy.check import VERDICTS
from ledger.policy.expression import hint, listed
from ledger.reports.history import leaf_of
from ledger.reports.proposals import name_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.decide import check_there
from ledger.verbs.ids import find_samples
from ledger.verbs.limits import check
from ledger.verbs.member_list import packed, unpacked
from ledger.verbs.selection import Selection, selected
from ledger.verbs.words import plain_text, whole_number
from ledger.views import proposals, samples

MOST = 1_000_000
"""Samples of one proposal."""
SHORTEST, LONGEST = 8, 500
"""Characters of a reason."""
LONGEST_KEY = 200
MOST_EVIDENCE = 100
CLIENT = ("name", "version", "session", "tool", "request")
"""What a client says of itself; nothing of it is verified."""
LONGEST_WORD = 200

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Asked(NamedTuple):
    """What somebody proposes of samples; `evidence` are positions of events, in order, `client` is self-reported."""

    chosen: Selection
    verdict: str
    reason: str
    key: str | None
    evidence: list[int]
    client: dict[str, str | None]


class Meant(NamedTuple):
    """The samples that are meant, id -> address of the version that stands; their campaigns; those that were erased."""

    members: dict[bytes, bytes]
    campaigns: set[str]
    gone: list[samples.Row]


class Resolved(NamedTuple):
    """What a request comes to: its key, the list of its samples, and the proposal that it made before, if it did."""

    made: proposals.Proposal | None
    key: str
    body: bytes
    meant: Meant


def asked(
    chosen: Selection,
    verdict: str,
    reason: str,
    key: str | None = None,
    evidence: Sequence[int] = (),
    client: Mapping[str, Any] | None = None,
) -> Asked:
    """Return a checked request; raise BadRequest."""
    plain_text("The verdict", verdict)
    if verdict not in VERDICTS:
        raise BadRequest(f"Nobody can propose {verdict[:100]!r}{hint(verdict, VERDICTS) or listed(VERDICTS)}")
    plain_text("The reason", reason)
    if not SHORTEST <= len(reason.strip()) <= len(reason) <= LONGEST:
        raise BadRequest(f"The reason takes {SHORTEST} to {LONGEST} characters, not {len(reason)}")
    said = checked_circumstances(key, client)
    return Asked(chosen, verdict, reason, key, _evidence(evidence), said["client"])


def checked_circumstances(key: str | None, client: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a request's key and what its client says of itself; raise BadRequest."""
    if key is not None and len(plain_text("The key", key, needed=True)) > LONGEST_KEY:
        raise BadRequest(f"The key has {len(key)} characters; the most are {LONGEST_KEY}")
    return {"client": _client(client), "key": key}


def meant(store: Store, chosen: Selection) -> Meant:
    """Return the samples of a selection; raise BadRequest where there are none or too many, NoSuchId, AmbiguousId."""
    found = Meant({}, set(), [])
    pieces = (find_samples(store, piece) for piece in in_chunks(chosen.ids)) if chosen.ids else selected(store, chosen)
    for rows in pieces:
        check(store)
        for row in rows:
            found.members[row.id] = row.hash
            found.campaigns.add(row.campaign)
            if row.status == "erased":
                found.gone.append(row)
        if len(found.members) > MOST:
            raise BadRequest(f"A proposal is about at most {MOST:,} samples", hint="Choose fewer, or write a policy.")
    if not found.members:
        raise BadRequest("No sample is chosen, so there is nothing to propose")
    return found


def resolved(store: Store, request: Asked, proposer: str) -> Resolved:
    """Return what a request is about, and the proposal that the same request of the same proposer made before.

    Raises BadRequest where the key stands for another proposal; for a new one also ErasedBytes, and what `meant` does.
    Which samples the same condition chose may have changed since, by this very proposal too, so it is not asked again;
    nor are versions compared.
    """
    if request.key is not None:
        made = _made(store, request.key, proposer)
        if made is not None and _chosen_so(store, made, request):
            _check_words(store, made, request)
            return Resolved(made, request.key, b"", Meant({}, set(), []))
    found = meant(store, request.chosen)
    body = packed(found.members)
    key = _digest(request, body) if request.key is None else request.key
    made = _made(store, key, proposer)
    if made is None:
        _check_new(store, request, found)
    else:
        _check_words(store, made, request)
        if not _has(store, made, found):
            raise _taken(made, key)
    return Resolved(made, key, body, found)


def _digest(request: Asked, body: bytes) -> str:
    """Return the key of a request that has none: the digest of what is proposed of which versions."""
    said = {"evidence": request.evidence, "reason": request.reason, "verdict": request.verdict}
    return digest_of({**said, "members": blake3_bytes(body).hex()}).hex()


def _check_new(store: Store, request: Asked, found: Meant) -> None:
    """Raise ErasedBytes for samples that nobody can read, BadRequest for evidence that is not there."""
    check_there(store, found.gone)
    last = store.head().position
    if request.evidence and request.evidence[-1] > last:
        raise BadRequest(f"There is no event @{request.evidence[-1]} that could be evidence; the log ends at @{last}")


def _made(store: Store, key: str, proposer: str) -> proposals.Proposal | None:
    op = op_of("proposed", {"key": key, "proposer": proposer})
    return next(iter(proposals.between(store.connection, op, op, 1)), None)


def _check_words(store: Store, made: proposals.Proposal, request: Asked) -> None:
    leaf = leaf_of(store, made.leaf)
    if (made.verdict, made.reason, leaf["evidence"]) != (request.verdict, request.reason, request.evidence):
        raise _taken(made, leaf["key"])


def _taken(made: proposals.Proposal, key: str) -> BadRequest:
    return BadRequest(
        f"The key {key[:80]!r} stands for another proposal of yours, {name_of(made.position)}",
        hint="Give another key, or make the same request again.",
    )


def _chosen_so(store: Store, made: proposals.Proposal, request: Asked) -> bool:
    """Say whether the samples of a proposal were chosen by the same condition."""
    wanted = request.chosen.as_json()
    event = store.event(leaf_of(store, made.leaf)["run"])
    params = {} if event is None else leaf_of(store, event[1])["params"]
    return bool(wanted) and {name: params[name] for name in ("campaign", "where") if name in params} == wanted


def _has(store: Store, made: proposals.Proposal, found: Meant) -> bool:
    """Say whether a proposal is about just these samples."""
    if len(found.members) != made.samples:
        return False
    pieces = unpacked(store, made.members, made.samples)
    return all(one in found.members for piece in pieces for one, _ in piece)


def _evidence(positions: Iterable[Any]) -> list[int]:
    if isinstance(positions, (str, bytes)) or not isinstance(positions, Iterable):
        raise BadRequest("Evidence is a list of positions in the log")
    found = sorted({whole_number("A position of evidence", one, 0, LARGEST_INT) for one in positions})
    if len(found) > MOST_EVIDENCE:
        raise BadRequest(f"{len(found)} events are too many as evidence; the most are {MOST_EVIDENCE}")
    return found


def _client(said: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return what a client says of itself, without what cannot be seen, cut where it is long."""
    given = dict(said or {})
    if unknown := sorted(str(name) for name in given.keys() - set(CLIENT)):
        raise BadRequest(f"A client does not say {unknown[0][:80]!r} of itself{listed(CLIENT)}")
    return {name: _word(name, given.get(name)) for name in CLIENT}


def _word(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not (
        isinstance(value, str) or (isinstance(value, int) and abs(value) <= LARGEST_INT)
    ):
        raise BadRequest(f"What a client says of itself under {name!r} is text")
    return _UNSEEN.sub("", str(value)[: 4 * LONGEST_WORD])[:LONGEST_WORD]
