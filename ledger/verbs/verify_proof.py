"""Verify a proof: what a file shows, against a head or a key that is trusted; no ledger is needed, nor any extra.

A file shows nothing more than that it fits the head inside it. So who wants to know has a head of his own - from a
checkpoint, a manifest, a witness file, a root in his records - or a public key, and the head must be that, or be signed
by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from ledger.checkpoint import BadText, Checkpoint, read_checkpoint
from ledger.digest import LARGEST_INT, NotRestricted, parse, show
from ledger.errors import InputNotFound, ProofInvalid, ProofUnreadable
from ledger.event import CIRCUMSTANCES, KINDS, op_of, read_leaf
from ledger.exporters.manifest import head_json
from ledger.proof import MOST_BYTES, Consistency, Included, Inclusion, Proof, read_proof
from ledger.reports.history import sentence, time_text
from ledger.signing import MOST_BYTES as MOST_KEY_BYTES
from ledger.signing import PublicKey, read_public
from ledger.verbs.files import read_whole
from ledger.verbs.prove import kind_of, reading_key

T = TypeVar("T")

_HEAD = re.compile(r"(?:@?([0-9]{1,16}):)?((?:b3:)?[0-9a-f]{64})")
_KEY = re.compile(r"[^+\s]+\+[0-9a-f]{8}\+\S+")


class Trusted(NamedTuple):
    """A head that is trusted; what it leaves open is None. `note` is the checkpoint that it was read from, if one."""

    root: bytes
    size: int | None = None
    ledger: str | None = None
    note: Checkpoint | None = None

    def fault(self, head: Checkpoint) -> str | None:
        """Return why a head is not this one, or None."""
        if self.ledger not in {None, head.ledger}:
            return f"its head is of the ledger {head.ledger}, the trusted one of {self.ledger}"
        if self.size is not None and self.size != head.size:
            return f"its head is at position {head.position}, the trusted one at {self.size - 1}"
        if self.root != head.root:
            return f"the root of its head is {show(head.root)}, that of the trusted one {show(self.root)}"
        return None


def verify_proof(file: Path, head: str | Path | None, key: str | Path | None) -> dict[str, Any]:
    """Return what a file shows and who is trusted for it.

    `head` is a file that holds one (a checkpoint, a manifest, a witness file), a root, or `POSITION:ROOT`; `key` is a
    public key or its file. Raises ProofInvalid where the proof does not hold, or not for these, InputNotFound,
    ProofUnreadable, KeyUnreadable, and BadRequest where a key is given and the package for signatures is missing.
    """
    trusted = None if head is None else _trusted(head)
    signer = None if key is None else _public(key)
    found = _read(file, read_proof)
    if not isinstance(found, Checkpoint) and (fault := found.fault()):
        raise ProofInvalid(file, fault)
    if trusted is not None:
        _check_head(file, found, trusted)
    last = found if isinstance(found, Checkpoint) else found.head
    if signer is not None:
        _check_key(file, signer, [one for one in (last, trusted.note if trusted else None) if one is not None])
    return {
        "ok": True,
        "proof": kind_of(found),
        "ledger": last.ledger,
        "head": head_json(last.position, last.root),
        "first": head_json(found.first.position, found.root) if isinstance(found, Consistency) else None,
        "trusted": [word for word, given in (("head", trusted), ("key", signer)) if given is not None],
        "signatures": [one.name for one in last.signatures],
        "signed_by": None if signer is None else signer.name,
        "events": [_event(file, one) for one in found.events] if isinstance(found, Inclusion) else [],
        "notes": list(_notes(found, last, trusted, signer)),
    }


def _check_head(file: Path, found: Proof | Checkpoint, trusted: Trusted) -> None:
    """Raise ProofInvalid unless what is shown is shown against the trusted head, or goes on from it."""
    if not isinstance(found, Consistency):
        fault = trusted.fault(found if isinstance(found, Checkpoint) else found.head)
    elif trusted.fault(found.head) is None or trusted.fault(found.first) is None:
        return
    else:
        fault = trusted.fault(found.first if trusted.size == found.size else found.head)
    if fault is not None and not isinstance(found, Consistency) and _is_older(found, trusted):
        raise ProofInvalid(
            file,
            f"{fault}: it may hold, but not against that one",
            hint="Ask for a proof against the newer head (`ledger prove`), or for one that the log only grew since "
            "(`ledger prove --consistency`).",
        )
    if fault is not None:
        raise ProofInvalid(file, fault)


def _is_older(found: Proof | Checkpoint, trusted: Trusted) -> bool:
    head = found if isinstance(found, Checkpoint) else found.head
    return trusted.size is not None and trusted.ledger in {None, head.ledger} and head.size < trusted.size


def _check_key(file: Path, signer: PublicKey, notes: list[Checkpoint]) -> None:
    """Raise ProofInvalid unless the key has signed the head of the proof, or the trusted one, and neither wrongly."""
    signed = [signer.has_signed(one) for one in notes]
    if False in signed:
        raise ProofInvalid(file, f"the signature of {signer.name} is not by that key, or of another text")
    if True not in signed:
        raise ProofInvalid(file, f"{signer.name} has not signed its head")


def _notes(found: Proof | Checkpoint, head: Checkpoint, trusted: Trusted | None, signer: PublicKey | None) -> list[str]:
    notes = []
    if trusted is None and signer is None:
        inside = "a head" if isinstance(found, Checkpoint) else "the head inside it"
        notes.append(f"The file shows only {inside}: compare that with one you trust (--head), or its signer (--key).")
    if trusted is not None and trusted.size is None:
        notes.append("A root does not say how many events it is over: positions are as the file says.")
    if signer is None and head.signatures:
        notes.append("Its signatures were not looked at: that takes --key.")
    return notes


def _event(file: Path, one: Included) -> dict[str, Any]:
    """Return an event as `log` shows it; raise ProofUnreadable where its leaf, which fits the tree, is none."""
    try:
        leaf = read_leaf(one.leaf)
        kind, at, actor = leaf["kind"], leaf["at"], leaf["actor"]
    except (NotRestricted, LookupError, TypeError) as error:
        raise ProofUnreadable(file, f"what stands at position {one.position} is no event ({error})") from error
    if type(at) is not int or not isinstance(actor, str):
        raise ProofUnreadable(file, f"what stands at position {one.position} is no event (its time or its actor)")
    said = {key: value for key, value in leaf.items() if key not in CIRCUMSTANCES}
    return {
        "position": one.position,
        "event": _op(kind, said),
        "kind": kind,
        "time": time_text(at),
        "actor": actor,
        "sentence": _sentence(leaf),
        "says": said,
    }


def _op(kind: str, said: Mapping[str, Any]) -> str | None:
    """Return the id of the event, or None for a kind of a newer version."""
    try:
        return op_of(kind, said).hex() if kind in KINDS else None
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _sentence(leaf: dict[str, Any]) -> str:
    """Return what a leaf says, or the kind alone where it was written by another program than this."""
    try:
        return str(sentence(leaf))
    except (LookupError, TypeError, ValueError, AttributeError):
        return str(leaf["kind"])


def _trusted(source: str | Path) -> Trusted:
    """Return the head that a root, `POSITION:ROOT` or a file gives."""
    if isinstance(source, str) and (match := _HEAD.fullmatch(source)):
        size = None if match[1] is None else int(match[1]) + 1
        return Trusted(parse(match[2]), size)
    return _read(Path(source), _head_of)


def _head_of(data: bytes) -> Trusted:
    """Return the head that a file holds: a checkpoint's, a manifest's, a witness file's."""
    if data.lstrip()[:1] == b"{":
        return _head_of_json(data)
    note = read_checkpoint(data.decode())
    return Trusted(note.root, note.size, note.ledger, note)


def _head_of_json(data: bytes) -> Trusted:
    try:
        value = orjson.loads(data)
        head = value.get("head", value)
        size = head["position"] + 1 if "position" in head else head["size"]
        root, ledger = parse(head["root"]), value["ledger"]
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise BadText("it is neither a manifest nor a witness file") from error
    if type(size) is not int or not 0 <= size <= LARGEST_INT or not isinstance(ledger, str):
        raise BadText("what it says of its head is not a head")
    return Trusted(root, size, ledger)


def _public(source: str | Path) -> PublicKey:
    """Return the public key that a text is or a file holds; raise KeyUnreadable."""
    with reading_key(source):
        if isinstance(source, str) and _KEY.fullmatch(source):
            return read_public(source)
        return read_public(read_whole(Path(source), MOST_KEY_BYTES).decode().removesuffix("\n"))


def _read(file: Path, reader: Callable[[bytes], T]) -> T:
    """Return what a reader makes of a file; raise InputNotFound, ProofUnreadable."""
    try:
        return reader(read_whole(file, MOST_BYTES))
    except FileNotFoundError as error:
        raise InputNotFound(file, hint="Check the path.") from error
    except OSError as error:
        raise ProofUnreadable(file, error.strerror or error) from error
    except BadText as error:
        raise ProofUnreadable(file, error) from error
    except ValueError as error:  # not UTF-8, or a name that no file has
        raise ProofUnreadable(file, "it is not a text") from error
