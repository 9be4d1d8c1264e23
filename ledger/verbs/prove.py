"""Prove: small files that show, without the ledger, what is in it; and the keys that sign them.

A proof is checked before it is given out: one that does not hold is a damaged ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from ledger.checkpoint import BadText, Checkpoint
from ledger.errors import BadRequest, CorruptLedger, DestinationExists, KeyUnreadable, NoSuchId
from ledger.exporters.manifest import head_json
from ledger.proof import MOST_BYTES, MOST_EVENTS, Consistency, Included, Inclusion, Proof, read_proof
from ledger.signing import MOST_BYTES as MOST_KEY_BYTES
from ledger.signing import PrivateKey, make_key, read_private
from ledger.store import Store
from ledger.transaction import tree_node
from ledger.tree import Subtree, consistency_proof, inclusion_proof, subtrees
from ledger.verbs.files import WholeFile, place_for, plain_errors, read_whole
from ledger.verbs.ids import event_at, find_events, find_sample, position_of
from ledger.verbs.moment import reading

_OURS = b"sample-ledger/"
"""What a file that may be replaced begins with: a proof or a checkpoint."""


def prove(
    store: Store, texts: Sequence[str], as_of: str | int | None, key: str | Path | None, out: str | Path | None
) -> dict[str, Any]:
    """Show that every event of samples, and single events, are among those of a head (of now, or as of a position).

    An id names a sample, else an event; `@POSITION` and `@FIRST-@LAST` name events. Raises BadRequest, NoSuchId,
    AmbiguousId, NoSuchPosition, KeyUnreadable, CorruptLedger, NotWritable, DestinationExists.
    """
    signer = _signer(key)
    with reading(store) as (here, _):
        head = _head(here, as_of)
        found = _events_of(here, texts, head.position)
        subtree = _subtree(here)
        events = [
            Included(position, leaf.encode(), tuple(inclusion_proof(position, head.size, subtree)))
            for position, leaf in sorted(found.items())
        ]
        proof = Inclusion(tuple(events), _signed(head, signer))
    return _given(store, proof, proof.head, out)


def prove_consistency(
    store: Store, first: str | int, second: str | int | None, key: str | Path | None, out: str | Path | None
) -> dict[str, Any]:
    """Show that the log up to one position (or time) is the unchanged beginning of the log up to another, or of now.

    Raises as `prove` does.
    """
    signer = _signer(key)
    with reading(store) as (here, _):
        before, head = _head(here, first), _head(here, second)
        if not 0 < before.size <= head.size:
            raise BadRequest(f"What ends at {head.position} cannot be shown to go on from {before.position}")
        path = consistency_proof(before.size, head.size, _subtree(here))
        proof = Consistency(before.size, before.root, tuple(path), _signed(head, signer))
    return _given(store, proof, proof.head, out)


def prove_head(store: Store, as_of: str | int | None, key: str | Path | None, out: str | Path | None) -> dict[str, Any]:
    """Return the head of now, or as of a position, as a checkpoint; raise as `prove` does."""
    signer = _signer(key)
    with reading(store) as (here, _):
        head = _signed(_head(here, as_of), signer)
    return _given(store, head, head, out)


def make_keys(file: Path, name: str | None) -> dict[str, Any]:
    """Write a new private key to `file`, for its owner's eyes only, and the public one beside it as `file`.pub.

    The name of the key is that of the file unless one is given. Raises DestinationExists, BadRequest, NotWritable.
    """
    try:
        key = make_key(file.stem if name is None else name)
    except BadText as error:
        raise BadRequest(str(error)) from error
    public = file.with_name(file.name + ".pub")
    with plain_errors(file):
        for place in (file, public):
            if os.path.lexists(place):
                raise DestinationExists(place)
        _write_new(file, key.to_text(), 0o600)
        try:
            _write_new(public, key.public.to_text(), 0o644)
        except BaseException:
            with suppress(OSError):
                file.unlink()
            raise
    return {
        "name": key.name,
        "id": key.public.key_id.hex(),
        "key": key.public.to_text(),
        "private": str(file),
        "public": str(public),
    }


@contextmanager
def reading_key(source: object) -> Iterator[None]:
    """Turn what is wrong with a key, or with its file, into KeyUnreadable."""
    try:
        yield
    except OSError as error:
        raise KeyUnreadable(source, error.strerror or error) from error
    except (BadText, ValueError) as error:  # ValueError: not UTF-8, or a name that no file has
        said = error if isinstance(error, BadText) else "it is not a text"
        raise KeyUnreadable(source, said) from None


def _write_new(place: Path, text: str, mode: int) -> None:
    """Write a file that must not be there, durably; nobody can have opened it under other permissions before."""
    number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(number, "wb") as file:
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _signer(key: str | Path | None) -> PrivateKey | None:
    if key is None:
        return None
    with reading_key(key):
        return read_private(read_whole(Path(key), MOST_KEY_BYTES).decode().removesuffix("\n"))


def _signed(head: Checkpoint, signer: PrivateKey | None) -> Checkpoint:
    return head if signer is None else signer.sign(head)


def _head(store: Store, moment: str | int | None) -> Checkpoint:
    position = store.head().position if moment is None else position_of(store, str(moment))
    return Checkpoint(store.ledger_id, position + 1, store.root_at(position))


def _subtree(store: Store) -> Subtree:
    """Return what proofs read the tree through; a hash is read once, however many paths share it."""
    return cache(subtrees(cache(partial(tree_node, store.connection))))


def _events_of(store: Store, texts: Sequence[str], last: int) -> dict[int, str]:
    """Return position -> leaf of what ids name, up to a position."""
    found: dict[int, str] = {}
    for text in texts:
        named = _named(store, text, last)
        if not named:
            raise BadRequest(f"Nothing that {text} names stands up to position {last}")
        found.update(named)
        if len(found) > MOST_EVENTS:
            raise BadRequest(f"A proof is of {MOST_EVENTS:,} events at most")
    if not found:
        raise BadRequest("Name what is to be proved: a sample, an event, or @POSITION")
    return found


def _named(store: Store, text: str, last: int) -> dict[int, str]:
    if not text.startswith("@"):
        with suppress(NoSuchId):
            sample = find_sample(store, text).sample
            events = store.events(sample=sample, upto=last, limit=MOST_EVENTS + 1)
            return {position: leaf for position, _, leaf in events}
    positions = [position for position in find_events(store, [text]) if position <= last]
    return {position: event_at(store, position)[1] for position in positions[: MOST_EVENTS + 1]}


def _given(store: Store, made: Proof | Checkpoint, head: Checkpoint, out: str | Path | None) -> dict[str, Any]:
    """Return what was proved, written to `out` where that is given."""
    text = made.to_text()
    _check(store, made, text)
    if out is not None:
        _put(Path(out), store.path, text.encode())
    return {
        "proof": kind_of(made),
        "ledger": head.ledger,
        "head": head_json(head.position, head.root),
        "first": head_json(made.first.position, made.root) if isinstance(made, Consistency) else None,
        "events": [one.position for one in made.events] if isinstance(made, Inclusion) else [],
        "signed_by": head.signatures[-1].name if head.signatures else None,
        "path": None if out is None else str(out),
        "text": text,
    }


def kind_of(made: Proof | Checkpoint) -> str:
    """Return what a file shows, in a word."""
    return {Inclusion: "inclusion", Consistency: "consistency"}.get(type(made), "checkpoint")


def _check(store: Store, made: Proof | Checkpoint, text: str) -> None:
    """Read the text as its reader will; raise CorruptLedger, and BadRequest for one that nobody would read."""
    data = text.encode()
    if len(data) > MOST_BYTES:
        raise BadRequest(f"The proof has {len(data):,} bytes; the most is {MOST_BYTES:,}. Prove fewer events")
    try:
        read = read_proof(data)
    except BadText as error:
        raise CorruptLedger(store.path, f"nothing can be proved of it: {error}") from error
    fault = None if isinstance(read, Checkpoint) else read.fault()
    if fault or read != made:
        raise CorruptLedger(store.path, fault or "what was proved does not read back")


def _put(out: Path, ledger: Path, data: bytes) -> None:
    place = place_for(out, ledger)
    with plain_errors(out):
        if place.is_file():
            with place.open("rb") as file:
                if file.read(len(_OURS)) not in {_OURS, b""}:
                    raise DestinationExists(out)
    with WholeFile(place) as whole:
        whole.write(data)
        whole.settle()
        whole.put()
