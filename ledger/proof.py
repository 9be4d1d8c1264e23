"""Proofs as small text files that need no ledger: that events are in it, or that it only went on from an earlier head.

The first line says which. Of an inclusion, each event follows with its position, its leaf - the very bytes that were
hashed - and its path of RFC 9162 in base64; of a consistency, the earlier head and its path. After an empty line the
checkpoint of the head that it is all shown against ends the file. As with checkpoints there is one text for each proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from ledger.checkpoint import BadText, Checkpoint, base64_of, hash_of, number_of, read_checkpoint
from ledger.tree import leaf_hash, verify_consistency, verify_inclusion

MAGIC = "sample-ledger/proof@v1"
MOST_BYTES = 16 << 20
"""Bytes of a proof: some thousand events of a large ledger."""
MOST_EVENTS = 10_000

_INCLUSION = f"{MAGIC} inclusion"
_CONSISTENCY = f"{MAGIC} consistency"
_EVENT, _LEAF, _FROM = "event ", "leaf ", "from "
_LONGEST_PATH = 64


class Included(NamedTuple):
    """An event, and the path from its leaf up to the root."""

    position: int
    leaf: bytes
    path: tuple[bytes, ...]


class Inclusion(NamedTuple):
    """The events, by position, are among those of the head."""

    events: tuple[Included, ...]
    head: Checkpoint

    def fault(self) -> str | None:
        """Return why it does not hold, or None."""
        for one in self.events:
            if not verify_inclusion(leaf_hash(one.leaf), one.position, self.head.size, one.path, self.head.root):
                return f"the event at position {one.position} is not among those of its head"
        return None

    def to_text(self) -> str:
        """Return the file."""
        lines = [_INCLUSION]
        for one in self.events:
            lines += [f"{_EVENT}{one.position}", f"{_LEAF}{one.leaf.decode()}", *map(base64_of, one.path)]
        return _whole(lines, self.head)


class Consistency(NamedTuple):
    """The events of the head begin with the `size` events whose root is `root`, all of them unchanged."""

    size: int
    root: bytes
    path: tuple[bytes, ...]
    head: Checkpoint

    @property
    def first(self) -> Checkpoint:
        """Return the earlier head."""
        return Checkpoint(self.head.ledger, self.size, self.root)

    def fault(self) -> str | None:
        """Return why it does not hold, or None."""
        head = self.head
        if verify_consistency(self.size, self.root, head.size, head.root, self.path):
            return None
        return f"the {head.size} events of its head do not begin with those of the earlier one"

    def to_text(self) -> str:
        """Return the file."""
        return _whole(
            [_CONSISTENCY, f"{_FROM}{self.size} {base64_of(self.root)}", *map(base64_of, self.path)], self.head
        )


Proof: TypeAlias = Inclusion | Consistency


def read_proof(data: bytes) -> Proof | Checkpoint:
    """Return the proof, or the bare checkpoint, that a file is, exactly; whether it holds, `fault` says.

    Raises BadText, for a file of any size and any bytes before more of it is looked at than has to be.
    """
    if len(data) > MOST_BYTES:
        raise BadText(f"it has over {MOST_BYTES:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadText("it is not UTF-8") from error
    if not text.startswith(MAGIC):
        return read_checkpoint(text)
    said, _, rest = text.partition("\n\n")
    lines = _lines(said)
    kind = next(lines)
    if kind not in {_INCLUSION, _CONSISTENCY}:
        raise BadText(f"it begins with {kind[:50]!r}, which this program does not know")
    head = read_checkpoint(rest)
    found: Proof = _inclusion(lines, head) if kind == _INCLUSION else _consistency(lines, head)
    if found.to_text() != text:
        raise BadText("it is not spelled as proofs are")
    return found


def contradiction(seen: Checkpoint, now: Checkpoint, went_on: Consistency | None) -> str:
    """Return two heads that cannot be of one log, as text to keep.

    `went_on` shows, where there are as many events as were seen, which root over them the head of now goes on from.
    """
    there = now.to_text() if went_on is None else went_on.to_text()
    told = f"A checkpoint counts events: the last of {seen.size:,} stands at position {seen.size - 1:,}."
    return f"{told}\n\nWhat was seen:\n\n{seen.to_text()}\nWhat is there now:\n\n{there}"


def _inclusion(lines: Iterator[str], head: Checkpoint) -> Inclusion:
    events: list[Included] = []
    line = next(lines, "")
    while line:
        if len(events) == MOST_EVENTS:
            raise BadText(f"it has more than {MOST_EVENTS:,} events")
        position = number_of(_after(line, _EVENT))
        if events and position <= events[-1].position:
            raise BadText(f"the event at position {position} does not stand in its order")
        leaf = _after(next(lines, ""), _LEAF).encode()
        path: list[bytes] = []
        while (line := next(lines, "")) and not line.startswith(_EVENT):
            path.append(_step(line, path))
        events.append(Included(position, leaf, tuple(path)))
    if not events:
        raise BadText("it holds no event")
    return Inclusion(tuple(events), head)


def _consistency(lines: Iterator[str], head: Checkpoint) -> Consistency:
    size, _, root = _after(next(lines, ""), _FROM).partition(" ")
    path: list[bytes] = []
    for line in lines:
        path.append(_step(line, path))
    return Consistency(number_of(size), hash_of(root), tuple(path), head)


def _step(line: str, before: Sequence[bytes]) -> bytes:
    if len(before) == _LONGEST_PATH:
        raise BadText(f"a path has more than {_LONGEST_PATH} hashes")
    return hash_of(line)


def _after(line: str, word: str) -> str:
    if not line.startswith(word):
        raise BadText(f"a line with {word.strip()!r} is missing before {line[:50]!r}")
    return line.removeprefix(word)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one: a hostile file may be all line ends, and is refused at the first bad line."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _whole(lines: Sequence[str], head: Checkpoint) -> str:
    return "\n".join(lines) + "\n\n" + head.to_text()
