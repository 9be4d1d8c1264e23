"""Keys that sign checkpoints: Ed25519, written as Go's notes write them (c2sp.org/signed-note), outside the ledger.

A private key is the text `PRIVATE+KEY+name+id+base64`, a public one `name+id+base64`; the id is what SHA-256 makes of
name and public key, cut to 4 bytes. Reading keys needs nothing; making them, signing and checking need the package
cryptography (the extra `sign`) and raise BadRequest without it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger.checkpoint import BadText, Checkpoint, Signature, base64_of, bytes_of, is_key_name
from ledger.errors import BadRequest

if TYPE_CHECKING:
    from types import ModuleType

MISSING = 'Signatures need a package that is not installed: pip install "sample-ledger[sign]"'
MOST_BYTES = 4096
"""Bytes of a key's file."""

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What tells whether a key signed: its name and the 32 bytes of its public half."""

    name: str
    raw: bytes

    @property
    def key_id(self) -> bytes:
        """Return the 4 bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def to_text(self) -> str:
        """Return the key as Go's notes write it."""
        return f"{self.name}+{self.key_id.hex()}+{base64_of(_ED25519 + self.raw)}"

    def has_signed(self, checkpoint: Checkpoint) -> bool | None:
        """Return whether the signature of this key is right, or None if there is none; others' do not count."""
        mine = [one for one in checkpoint.signatures if (one.name, one.key_id) == (self.name, self.key_id)]
        return all(self.made(one, checkpoint.said) for one in mine) if mine else None

    def made(self, signature: Signature, text: str) -> bool:
        """Return whether this key made a signature, and of exactly this text."""
        crypto = _ed25519()
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only signatures need it

        try:
            crypto.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature.value, text.encode())
        except (InvalidSignature, ValueError):  # ValueError: bytes that are no key
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """What signs: a name and the 32 bytes that the key is made of, which no message shows."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Return the public half."""
        made = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(self.name, made.public_key().public_bytes_raw())

    def to_text(self) -> str:
        """Return the key as Go's notes write it."""
        return f"{_PRIVATE}{self.name}+{self.public.key_id.hex()}+{base64_of(_ED25519 + self.seed)}"

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint with a signature by this key after those that it has."""
        return checkpoint._replace(signatures=(*checkpoint.signatures, self.signature_of(checkpoint.said)))

    def signature_of(self, text: str) -> Signature:
        """Return the signature of a text, which ends with a line end as notes do."""
        made = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return Signature(self.name, self.public.key_id, made)


def make_key(name: str) -> PrivateKey:
    """Return a new key; raise BadText for a name that a key cannot have."""
    if not is_key_name(name):
        raise BadText(f"{name[:50]!r} cannot be the name of a key: no white space, no plus sign, not empty")
    return PrivateKey(name, _ed25519().Ed25519PrivateKey.generate().private_bytes_raw())


def read_private(text: str) -> PrivateKey:
    """Return the private key that a text is; raise BadText, which never repeats any of it."""
    if not text.startswith(_PRIVATE):
        raise BadText("it is not a private key")
    name, key_id, raw = _parts(text.removeprefix(_PRIVATE))
    key = PrivateKey(name, raw)
    if key.public.key_id.hex() != key_id:
        raise BadText("its id is not that of its name and its bytes")
    return key


def read_public(text: str) -> PublicKey:
    """Return the public key that a text is; raise BadText."""
    if text.startswith(_PRIVATE):
        raise BadText("it is the private key; only the public one is needed here")
    name, key_id, raw = _parts(text)
    key = PublicKey(name, raw)
    if key.key_id.hex() != key_id:
        raise BadText("its id is not that of its name and its bytes")
    return key


def _parts(text: str) -> tuple[str, str, bytes]:
    """Return name, id and bytes; the base64 may hold plus signs of its own."""
    name, _, rest = text.partition("+")
    key_id, _, written = rest.partition("+")
    try:
        raw = bytes_of(written)
    except BadText:
        raise BadText("it is not a key: its last part is not base64") from None
    if not is_key_name(name) or len(raw) != 1 + _KEY_BYTES:
        raise BadText("it is not a key of the form name+id+base64")
    if not raw.startswith(_ED25519):
        raise BadText("it is a key of another kind than Ed25519")
    return name, key_id, raw[1:]


def _ed25519() -> ModuleType:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - only signatures need it
    except ImportError as error:
        raise BadRequest(MISSING) from error
    return ed25519
