"""A head as text that can leave the file: the checkpoint of C2SP, with or without signatures.

Four lines (c2sp.org/tlog-checkpoint): the origin, which is made of the ledger's id, how many events there are, the root
over them in base64, and `tree-hash blake3`, as readers of other logs would take it for SHA-256. Who signs them adds an
empty line and a line of his own (c2sp.org/signed-note). There is exactly one text for a checkpoint: any other spelling
of the same thing is refused, so that no byte of a file can change unnoticed.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import NamedTuple

from ledger.digest import LARGEST_INT
from ledger.tree import HASH_BYTES

TREE_HASH = "tree-hash blake3"
MOST_BYTES = 64 << 10
"""Bytes of a checkpoint with all its signatures."""
MOST_SIGNATURES = 100

_ORIGIN = "sample-ledger/"
_LEDGER_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_BETWEEN = "\n\n"
_DASH = "\N{EM DASH}"
_KEY_ID_BYTES = 4
_LINES = 4


class BadText(ValueError):  # noqa: N818 - turned into a LedgerError by the verb that read the file
    """A text is not what it should be; the message says why."""


class Signature(NamedTuple):
    """One line of a signed note: the name of a key, the 4 bytes that tell keys of one name apart, and what it made."""

    name: str
    key_id: bytes
    value: bytes

    def to_text(self) -> str:
        """Return the line, without its end."""
        return f"{_DASH} {self.name} {base64_of(self.key_id + self.value)}"


class Checkpoint(NamedTuple):
    """A head outside its file: `size` events of the ledger with this id (32 hexadecimal digits) have this root."""

    ledger: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def position(self) -> int:
        """Return the position of the last event, -1 where there is none."""
        return self.size - 1

    @property
    def said(self) -> str:
        """Return the four lines that are signed."""
        return f"{_ORIGIN}{self.ledger}\n{self.size}\n{base64_of(self.root)}\n{TREE_HASH}\n"

    def to_text(self) -> str:
        """Return the checkpoint with its signatures."""
        signed = "".join(f"{signature.to_text()}\n" for signature in self.signatures)
        return f"{self.said}\n{signed}" if signed else self.said


def read_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a text is, exactly; raise BadText."""
    if len(text) > MOST_BYTES:
        raise BadText("it is too long for a checkpoint")
    said, _, signed = text.partition(_BETWEEN)
    lines = said.removesuffix("\n").split("\n")
    if not lines[0].startswith(_ORIGIN) or not _LEDGER_ID.fullmatch(lines[0].removeprefix(_ORIGIN)):
        raise BadText(f"a checkpoint begins with {_ORIGIN} and the id of a ledger")
    if len(lines) != _LINES:
        raise BadText(f"a checkpoint has {_LINES} lines, this one {len(lines)}")
    _, size, root, tree_hash = lines
    if tree_hash != TREE_HASH:
        raise BadText(f"the last line of a checkpoint is {TREE_HASH!r}; this program knows no other tree")
    signatures = tuple(map(_signature, signed.removesuffix("\n").split("\n"))) if signed else ()
    if len(signatures) > MOST_SIGNATURES:
        raise BadText(f"it has {len(signatures)} signatures; the most is {MOST_SIGNATURES}")
    found = Checkpoint(lines[0].removeprefix(_ORIGIN), number_of(size), hash_of(root), signatures)
    if found.to_text() != text:
        raise BadText("it is not spelled as checkpoints are")
    return found


def is_key_name(name: str) -> bool:
    """Say whether a key can have this name: not empty, without white space, plus signs and control characters."""
    return name != "" and name.isprintable() and "+" not in name and not any(map(str.isspace, name))


def number_of(text: str) -> int:
    """Return the number that is written in decimal digits, in the one way; raise BadText."""
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_INT:
        raise BadText(f"{text[:20]!r} is not a number of events")
    return int(text)


def hash_of(text: str) -> bytes:
    """Return the hash written in base64; raise BadText."""
    found = bytes_of(text)
    if len(found) != HASH_BYTES:
        raise BadText(f"{text[:50]!r} is not a hash of {HASH_BYTES} bytes in base64")
    return found


def bytes_of(text: str) -> bytes:
    """Return what is written in base64, in the one way; raise BadText."""
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise BadText(f"{text[:50]!r} is not base64") from error
    if base64_of(found) != text:
        raise BadText(f"{text[:50]!r} is not base64 in its one spelling")
    return found


def base64_of(data: bytes) -> str:
    """Return bytes in the base64 of RFC 4648, section 4."""
    return b64encode(data).decode()


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, value = rest.partition(" ")
    if dash != _DASH or not is_key_name(name):
        raise BadText("a line of a signature is a dash, the name of a key and base64")
    made = bytes_of(value)
    if len(made) <= _KEY_ID_BYTES:
        raise BadText(f"the signature of {name[:50]} is too short")
    return Signature(name, made[:_KEY_ID_BYTES], made[_KEY_ID_BYTES:])
