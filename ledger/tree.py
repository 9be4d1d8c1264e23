"""The Merkle tree of RFC 6962 (section 2.1) and RFC 9162 (section 2.1) as pure functions over hashes.

A leaf hash is H(0x00 || leaf), an inner node H(0x01 || left || right), the root of nothing H(""). H is BLAKE3 unless
the caller hands in another; every hash is 32 bytes. Nothing is kept here: a `Frontier` is all that appending needs, a
`Tile` is what a store keeps so that proofs need not start from the leaves, and callbacks read what was kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from blake3 import blake3

Hash: TypeAlias = Callable[[bytes], bytes]
"""Any bytes -> their digest, 32 bytes."""

Read: TypeAlias = Callable[[int, int], bytes]
"""(tile level, index) -> the hash that stands there: on level 0 the hash of leaf `index`, above it the root of tile
number `index` of the level below. Only complete tiles have a root, so it stands for 256**level leaves."""

Subtree: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> the root of the perfect subtree over the leaves [index << level, (index + 1) << level)."""

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE = 1 << TILE_HEIGHT
"""How many hashes stand in a tile: the leaves of a perfect subtree of height 8."""

_LEAF = b"\x00"
_NODE = b"\x01"


def blake3_hash(data: bytes) -> bytes:
    """Return the 32 bytes of BLAKE3 over `data`."""
    return blake3(data).digest()


def sha256_hash(data: bytes) -> bytes:
    """Return the 32 bytes of SHA-256 over `data`, the hash of the RFCs and of their published vectors."""
    return hashlib.sha256(data).digest()


EMPTY_ROOT = blake3_hash(b"")
"""The root of a tree without leaves, under BLAKE3."""


def leaf_hash(leaf: bytes, h: Hash = blake3_hash) -> bytes:
    """Return the hash of a leaf's bytes."""
    return h(_LEAF + leaf)


def node_hash(left: bytes, right: bytes, h: Hash = blake3_hash) -> bytes:
    """Return the hash of the node above two hashes."""
    return h(_NODE + left + right)


def root_of(leaf_hashes: Sequence[bytes], h: Hash = blake3_hash) -> bytes:
    """Return the root by definition (RFC 9162, 2.1.1): split at the largest power of two below the size."""
    if not leaf_hashes:
        return h(b"")
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    middle = _split(len(leaf_hashes))
    return node_hash(root_of(leaf_hashes[:middle], h), root_of(leaf_hashes[middle:], h), h)


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: its size and the roots of its perfect subtrees, the largest (leftmost) first.

    There is one peak for each bit set in `size`. Raises ValueError if the two do not fit each other.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse peaks that cannot be those of a tree of this size."""
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or not _all_hashes(self.peaks):
            message = f"{len(self.peaks)} peaks are not the frontier of a tree of size {self.size}"
            raise ValueError(message)

    def root(self, h: Hash = blake3_hash) -> bytes:
        """Return the root of the tree."""
        return _bag(self.peaks, h) if self.peaks else h(b"")

    def extend(self, leaf_hashes: Sequence[bytes], h: Hash = blake3_hash) -> Frontier:
        """Return the frontier after these leaf hashes were appended; one call of `h` per finished node."""
        peaks = list(self.peaks)
        fresh: list[bytes] = []  # the new peaks, the smallest first
        row, before = leaf_hashes, self.size  # one level: the nodes to add, and how many stand before them
        while row:
            if before & 1:
                row = [peaks.pop(), *row]
            if len(row) & 1:
                fresh.append(row[-1])
            row = _parents(row, h)
            before >>= 1
        return Frontier(self.size + len(leaf_hashes), (*peaks, *reversed(fresh)))

    def to_bytes(self) -> bytes:
        """Return the peaks, end to end; the size is kept apart."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Return the frontier that `to_bytes` wrote; raise ValueError if `data` is not one of a tree of `size`."""
        peaks = tuple(bytes(data[start : start + HASH_BYTES]) for start in range(0, len(data), HASH_BYTES))
        return cls(size, peaks)


class Tile(NamedTuple):
    """A complete tile: 256 neighbouring hashes of one tile level, end to end (8,192 bytes), and the root over them.

    Tile `number` of level L stands for the leaves [number * 256**(L + 1), (number + 1) * 256**(L + 1)).
    """

    level: int
    number: int
    hashes: bytes
    root: bytes


def complete_tiles(first: int, leaf_hashes: Sequence[bytes], read: Read, h: Hash = blake3_hash) -> list[Tile]:
    """Return every tile that became complete when the leaves from `first` on were appended, lower levels first.

    `read` gives what was there before: the hashes left of the new ones in a tile that now becomes complete, each asked
    for once, at most 255 on a level. While no tile becomes complete nothing is read.
    """
    tiles: list[Tile] = []
    level, row = 0, leaf_hashes
    while True:
        begin = first - first % TILE
        end = first + len(row)
        end -= end % TILE
        if end <= begin:
            return tiles
        whole = [*map(partial(read, level), range(begin, first)), *row[: end - first]]
        roots: Sequence[bytes] = whole
        for _ in range(TILE_HEIGHT):
            roots = _parents(roots, h)
        for start, root in zip(range(0, len(whole), TILE), roots, strict=True):
            tiles.append(Tile(level, (begin + start) // TILE, b"".join(whole[start : start + TILE]), root))
        level, first, row = level + 1, begin // TILE, roots


def grow(
    frontier: Frontier, leaf_hashes: Sequence[bytes], read: Read, h: Hash = blake3_hash
) -> tuple[Frontier, list[Tile]]:
    """Return what `Frontier.extend` and `complete_tiles` return, hashing each node of a new tile once, not twice.

    What `read` gives goes into tiles only: the frontier follows from the old one and the new leaves, so a leaf that
    was changed in the store since contradicts the root instead of entering it.
    """
    tiles = complete_tiles(frontier.size, leaf_hashes, read, h)
    to_edge = -frontier.size % TILE
    roots = [tile.root for tile in tiles if tile.level == 0][bool(to_edge) :]
    if not roots:
        return frontier.extend(leaf_hashes, h), tiles
    edge = frontier.extend(leaf_hashes[:to_edge], h)
    # At the edge of a tile every peak stands for whole tiles: the same peaks are a frontier that counts in tiles.
    edge = Frontier(edge.size // TILE, edge.peaks).extend(roots, h)
    rest = leaf_hashes[to_edge + len(roots) * TILE :]
    return Frontier(edge.size * TILE, edge.peaks).extend(rest, h), tiles


def subtrees(read: Read, h: Hash = blake3_hash) -> Subtree:
    """Return the callback that proofs take, made from the one that `complete_tiles` takes; at most 128 reads a call."""

    def subtree(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        row: Sequence[bytes] = [read(tile_level, at) for at in range(index << height, (index + 1) << height)]
        for _ in range(height):
            row = _parents(row, h)
        return row[0]

    return subtree


def inclusion_proof(index: int, size: int, subtree: Subtree, h: Hash = blake3_hash) -> list[bytes]:
    """Return the path of RFC 9162, 2.1.3.1, from leaf `index` up in the tree of the first `size` leaves.

    Raises ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        message = f"a tree of size {size} has no leaf {index}"
        raise ValueError(message)
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_range_root(middle, stop, subtree, h))
            stop = middle
        else:
            path.append(_range_root(start, middle, subtree, h))
            start = middle
    return path[::-1]


def consistency_proof(first: int, second: int, subtree: Subtree, h: Hash = blake3_hash) -> list[bytes]:
    """Return the proof of RFC 9162, 2.1.4.1, that the first `first` leaves of a tree of size `second` are unchanged.

    It is empty if the sizes are equal. Raises ValueError unless 0 < first <= second.
    """
    if not 0 < first <= second:
        message = f"a tree of size {second} cannot be shown to continue one of size {first}"
        raise ValueError(message)
    path: list[bytes] = []
    start, stop = 0, second
    while stop != first:
        middle = start + _split(stop - start)
        if first <= middle:
            path.append(_range_root(middle, stop, subtree, h))
            stop = middle
        else:
            path.append(_range_root(start, middle, subtree, h))
            start = middle
    if start:  # else what is left is the whole first tree, whose root the verifier has
        path.append(_range_root(start, stop, subtree, h))
    return path[::-1]


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes, h: Hash = blake3_hash
) -> bool:
    """Return whether `proof` shows that leaf `index` of the tree with this size and root has this hash.

    RFC 9162, 2.1.3.2. A root does not commit to its size: take both from one trusted head, never the size from the
    proof. Size 0, an index outside the tree and hashes that are not 32 bytes are refused.
    """
    if not 0 <= index < size or not _all_hashes((leaf_hash, root, *proof)):
        return False
    fn, sn, found = index, size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node_hash(sibling, found, h)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, sibling, h)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == root


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes], h: Hash = blake3_hash
) -> bool:
    """Return whether `proof` shows that the tree of size `second` begins with the tree of size `first`.

    RFC 9162, 2.1.4.2; sizes and roots come from trusted heads. Size 0, a second size below the first and hashes that
    are not 32 bytes are refused.
    """
    if not 0 < first <= second or not _all_hashes((first_root, second_root, *proof)):
        return False
    if first == second:
        return not proof and first_root == second_root
    if not proof:
        return False
    hashes = [first_root, *proof] if first & (first - 1) == 0 else proof
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old, h), node_hash(sibling, new, h)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling, h)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and old == first_root and new == second_root


def _parents(row: Sequence[bytes], h: Hash) -> list[bytes]:
    """Return the nodes above neighbouring pairs; a last one without a neighbour is left out."""
    nodes = iter(row)
    return [h(_NODE + left + right) for left, right in zip(nodes, nodes, strict=False)]


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _bag(peaks: Sequence[bytes], h: Hash) -> bytes:
    """Return the root over peaks, the largest first."""
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = node_hash(peak, root, h)
    return root


def _range_root(start: int, stop: int, subtree: Subtree, h: Hash) -> bytes:
    """Return the root over the leaves [start, stop), a range that the RFC's splitting leads to."""
    peaks: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        peaks.append(subtree(level, start >> level))
        start += 1 << level
    return _bag(peaks, h)


def _all_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
