"""The Merkle tree: published vectors, the definition, every way to cut and every way to spoil."""

from __future__ import annotations

import ast
import json
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE,
    Frontier,
    Tile,
    blake3_hash,
    complete_tiles,
    consistency_proof,
    grow,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    sha256_hash,
    subtrees,
    verify_consistency,
    verify_inclusion,
)
from tests.vectors import make_tree_vectors

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
"""The leaves of the test suite of Certificate Transparency, which also published what follows from them."""
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = [
    (0, 1, []),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
CT_CONSISTENCY = [
    (1, 1, []),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
BLAKE3_VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    2048: "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
    4096: "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969",
    5121: "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff",
}
"""Length of the official input (0, 1, … 250, 0, 1, …) -> the first 32 bytes of its published hash."""

MOST = 1_100
HASHES = [leaf_hash(str(number).encode()) for number in range(2 * TILE * TILE)]
ROOTS = [root_of(HASHES[:size]) for size in range(MOST + 1)]
SMALL = 16


def slice_root(level: int, index: int) -> bytes:
    """Return the root of a perfect subtree over HASHES, by definition."""
    return root_of(HASHES[index << level : (index + 1) << level])


class Kept:
    """What a store keeps: the leaves' hashes and the complete tiles. It answers only about what it was given."""

    def __init__(self) -> None:
        """Begin empty."""
        self.leaves: list[bytes] = []
        self.tiles: dict[tuple[int, int], Tile] = {}
        self.asked: list[tuple[int, int]] = []

    def read(self, level: int, index: int) -> bytes:
        """Return the hash at `index` of a tile level."""
        self.asked.append((level, index))
        return self.leaves[index] if level == 0 else self.tiles[level - 1, index].root

    def append(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add leaves and the tiles that they complete, as a commit does."""
        self.add(leaf_hashes, complete_tiles(len(self.leaves), leaf_hashes, self.read))

    def add(self, leaf_hashes: Sequence[bytes], tiles: list[Tile]) -> None:
        """Add leaves and tiles; a tile that is there already is an error."""
        for tile in tiles:
            assert (tile.level, tile.number) not in self.tiles
            self.tiles[tile.level, tile.number] = tile
        self.leaves.extend(leaf_hashes)


def kept(size: int) -> Kept:
    """Return a store that holds the first `size` of HASHES."""
    store = Kept()
    store.append(HASHES[:size])
    return store


def batches(cuts: Sequence[int]) -> Iterator[list[bytes]]:
    """Yield HASHES in batches of these lengths."""
    for start, stop in pairwise(accumulate(cuts, initial=0)):
        yield HASHES[start:stop]


def tiles_by_definition(leaf_hashes: Sequence[bytes]) -> dict[tuple[int, int], Tile]:
    """Return all complete tiles over the leaves, each from its own slice."""
    found = {}
    level, row = 0, list(leaf_hashes)
    while row:
        for number in range(len(row) // TILE):
            part = row[number * TILE : (number + 1) * TILE]
            found[level, number] = Tile(level, number, b"".join(part), root_of(part))
        row = [found[level, number].root for number in range(len(row) // TILE)]
        level += 1
    return found


@pytest.mark.parametrize(("length", "expected"), BLAKE3_VECTORS.items())
def test_blake3_agrees_with_the_official_vectors(length: int, expected: str) -> None:
    """The default hash is plain BLAKE3, which `b3sum` computes too."""
    data = bytes(number % 251 for number in range(length))

    assert blake3_hash(data).hex() == expected


def test_blake3_is_the_default() -> None:
    """Without a hash named, leaves, nodes, roots and the empty root are BLAKE3 with the prefixes of the RFC."""
    left, right = (blake3(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))
    node = blake3(b"\x01" + left + right).digest()

    assert [leaf_hash(b"a"), leaf_hash(b"b"), node_hash(left, right)] == [left, right, node]
    assert root_of([left, right]) == Frontier().extend([left, right]).root() == node
    assert EMPTY_ROOT.hex() == BLAKE3_VECTORS[0]
    assert EMPTY_ROOT == root_of([]) == Frontier().root()


def test_a_leaf_is_never_taken_for_a_node() -> None:
    """The prefixes keep a leaf whose bytes are two hashes, or none, apart from a node and from the empty tree."""
    left, right = HASHES[:2]

    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)
    assert leaf_hash(b"") != EMPTY_ROOT


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_roots_are_the_published_ones(size: int) -> None:
    """The same code driven with SHA-256 gives the roots that Certificate Transparency published."""
    leaf_hashes = [leaf_hash(bytes.fromhex(leaf), sha256_hash) for leaf in CT_LEAVES[:size]]

    assert root_of(leaf_hashes, sha256_hash).hex() == CT_ROOTS[size]
    assert Frontier().extend(leaf_hashes, sha256_hash).root(sha256_hash).hex() == CT_ROOTS[size]


def ct_subtree(level: int, index: int) -> bytes:
    """Return the root of a perfect subtree over the published leaves."""
    leaves = CT_LEAVES[index << level : (index + 1) << level]
    return root_of([leaf_hash(bytes.fromhex(leaf), sha256_hash) for leaf in leaves], sha256_hash)


@pytest.mark.parametrize(("index", "size", "proof"), CT_INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int, proof: list[str]) -> None:
    """Inclusion proofs are made and accepted as published."""
    made = inclusion_proof(index, size, ct_subtree, sha256_hash)

    assert [value.hex() for value in made] == proof
    assert verify_inclusion(ct_subtree(0, index), index, size, made, bytes.fromhex(CT_ROOTS[size]), sha256_hash)


@pytest.mark.parametrize(("first", "second", "proof"), CT_CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(first: int, second: int, proof: list[str]) -> None:
    """Consistency proofs are made and accepted as published."""
    made = consistency_proof(first, second, ct_subtree, sha256_hash)
    old, new = (bytes.fromhex(CT_ROOTS[size]) for size in (first, second))

    assert [value.hex() for value in made] == proof
    assert verify_consistency(first, old, second, new, made, sha256_hash)


def test_the_vector_file_is_what_its_script_makes() -> None:
    """The checked-in vectors are those of the script, and the script imports nothing of the ledger."""
    tree = ast.parse(Path(make_tree_vectors.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert make_tree_vectors.FILE.read_text(encoding="utf-8") == make_tree_vectors.render()
    assert names == {"__future__", "collections.abc", "hashlib", "json", "pathlib", "typing"}


def test_all_vectors_agree() -> None:
    """Roots, proofs and verdicts are those of a second implementation, written by recursion from the RFC."""
    vectors = json.loads(make_tree_vectors.FILE.read_text(encoding="utf-8"))
    leaf_hashes = [leaf_hash(bytes.fromhex(leaf), sha256_hash) for leaf in vectors["leaves"]]
    roots = [root_of(leaf_hashes[:size], sha256_hash).hex() for size in range(len(leaf_hashes) + 1)]

    assert vectors["leaves"] == CT_LEAVES
    assert vectors["roots"] == roots == CT_ROOTS
    assert [vector["name"] for vector in vectors["inclusion"] if not agrees_on_inclusion(vector)] == []
    assert [vector["name"] for vector in vectors["consistency"] if not agrees_on_consistency(vector)] == []
    assert sum(vector["valid"] for kind in ("inclusion", "consistency") for vector in vectors[kind]) == 2 * 36


def agrees_on_inclusion(vector: dict[str, Any]) -> bool:
    """Return whether the verdict, and the proof if it is a valid one, are those of the vector."""
    index, size, proof = vector["index"], vector["size"], [bytes.fromhex(value) for value in vector["proof"]]
    leaf, root = (bytes.fromhex(vector[name]) for name in ("leaf_hash", "root"))
    if vector["valid"] and inclusion_proof(index, size, ct_subtree, sha256_hash) != proof:
        return False
    return verify_inclusion(leaf, index, size, proof, root, sha256_hash) is vector["valid"]


def agrees_on_consistency(vector: dict[str, Any]) -> bool:
    """Return whether the verdict, and the proof if it is a valid one, are those of the vector."""
    first, second, proof = vector["first"], vector["second"], [bytes.fromhex(value) for value in vector["proof"]]
    old, new = (bytes.fromhex(vector[name]) for name in ("first_root", "second_root"))
    if vector["valid"] and consistency_proof(first, second, ct_subtree, sha256_hash) != proof:
        return False
    return verify_consistency(first, old, second, new, proof, sha256_hash) is vector["valid"]


@pytest.mark.parametrize("size", [1, 2, 5, 256, MOST])
def test_a_tree_is_consistent_with_itself_alone(size: int) -> None:
    """Of one size there is one root, and no proof is needed for it: another root, or a proof, is refused."""
    assert verify_consistency(size, ROOTS[size], size, ROOTS[size], [])
    assert not verify_consistency(size, ROOTS[size], size, ROOTS[size - 1], [])
    assert not verify_consistency(size, ROOTS[size], size, ROOTS[size], [ROOTS[size]])


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 64, 100, 255, 256, 257, 1_000])
def test_a_frontier_has_the_root_by_definition(batch: int) -> None:
    """For every size up to 1,100 the frontier grown in batches has the root that the definition gives."""
    frontier = Frontier()
    for size in range(MOST + 1):
        if size % batch == 0 and size:
            frontier = frontier.extend(HASHES[size - batch : size])
        now = frontier.extend(HASHES[frontier.size : size])

        assert (now.size, now.root()) == (size, ROOTS[size])


def test_peaks_are_the_perfect_subtrees() -> None:
    """The peaks of a frontier are the roots of its perfect subtrees, the largest first."""
    frontier = Frontier().extend(HASHES[:0b1011])

    assert frontier == Frontier(0b1011, (slice_root(3, 0), slice_root(1, 4), slice_root(0, 10)))


@given(st.integers(0, MOST))
def test_a_frontier_survives_being_written(size: int) -> None:
    """A frontier read back from its bytes is the same."""
    frontier = Frontier().extend(HASHES[:size])

    assert Frontier.from_bytes(size, frontier.to_bytes()) == frontier


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, 1), (0, 32), (1, 0), (1, 31), (1, 33), (1, 64), (3, 32), (3, 63), (3, 65), (4, 64), (-1, 32)],
)
def test_bytes_that_are_no_frontier_are_refused(size: int, length: int) -> None:
    """A frontier has exactly one whole hash for each bit of its size, and a size."""
    with pytest.raises(ValueError, match="not the frontier"):
        Frontier.from_bytes(size, bytes(length))


@settings(deadline=None)
@given(st.lists(st.integers(0, 600), max_size=8))
def test_any_cut_gives_the_same_tree(cuts: list[int]) -> None:
    """However the leaves are cut into batches: the same frontier, the same complete tiles, each reported once."""
    frontier, store = Frontier(), Kept()
    for batch in batches(cuts):
        grown, tiles = grow(frontier, batch, store.read)

        assert grown == frontier.extend(batch)
        assert tiles == complete_tiles(frontier.size, batch, store.read)

        store.add(batch, tiles)
        frontier = grown

    assert frontier == Frontier().extend(HASHES[: sum(cuts)])
    assert store.tiles == tiles_by_definition(HASHES[: sum(cuts)])


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param([TILE * TILE], id="at once"),
        pytest.param([TILE * TILE - 1, 1, 1], id="the last leaf alone"),
        pytest.param([TILE] * (TILE + 1), id="tile by tile"),
        pytest.param([1_000, 0, 29_999, 1, 50_000, 77], id="over the edge"),
        pytest.param([255, 257, 65_000, 300, 60_000], id="across the edge twice"),
    ],
)
def test_tiles_of_tiles(cuts: list[int]) -> None:
    """A tile of the second level holds the roots of 256 tiles and has the root over their 65,536 leaves."""
    frontier, store = Frontier(), Kept()
    for batch in batches(cuts):
        frontier, tiles = grow(frontier, batch, store.read)
        store.add(batch, tiles)

    upper = store.tiles[1, 0]

    assert frontier == Frontier().extend(HASHES[: frontier.size])
    assert upper.hashes == b"".join(store.tiles[0, number].root for number in range(TILE))
    assert upper.root == Frontier().extend(HASHES[: TILE * TILE]).root()
    assert sorted(number for level, number in store.tiles if level == 0) == list(range(frontier.size // TILE))


@pytest.mark.parametrize(
    ("first", "count", "completed"),
    [
        (0, 0, []),
        (0, TILE - 1, []),
        (TILE - 1, 0, []),
        (TILE, 1, []),
        (TILE - 1, 1, [(0, 0)]),
        (5 * TILE + 3, 2 * TILE, [(0, 5), (0, 6)]),
        (TILE**2 - 1, 1, [(0, TILE - 1), (1, 0)]),
        (7 * TILE**2 - 2, TILE + 2, [(0, 7 * TILE - 1), (0, 7 * TILE), (1, 6)]),
        (TILE**3 - 1, 2, [(0, TILE**2 - 1), (1, TILE - 1), (2, 0)]),
        (TILE**4 - 300, 300, [(0, TILE**3 - 2), (0, TILE**3 - 1), (1, TILE**2 - 1), (2, TILE - 1), (3, 0)]),
    ],
)
def test_which_tiles_become_complete(first: int, count: int, completed: list[tuple[int, int]]) -> None:
    """Tiles of all levels are found where they end, far out too, and only what stands left in them is read, once."""
    asked: list[tuple[int, int]] = []

    def read(level: int, index: int) -> bytes:
        asked.append((level, index))
        return blake3_hash(f"{level} {index}".encode())

    tiles = complete_tiles(first, HASHES[:count], read)
    starts = [(level, range(number * TILE, (number + 1) * TILE)) for level, number in completed]
    before = [(level, index) for level, row in starts for index in row if (index + 1) * TILE**level <= first]

    assert [(tile.level, tile.number) for tile in tiles] == completed
    assert asked == before
    for tile in tiles:
        hashes = [tile.hashes[at : at + HASH_BYTES] for at in range(0, len(tile.hashes), HASH_BYTES)]
        assert len(hashes) == TILE
        assert root_of(hashes) == tile.root


def test_what_a_store_says_does_not_reach_the_frontier() -> None:
    """If a stored leaf was changed, new tiles show it, but the next root is still the one over the true leaves."""
    store = kept(TILE - 1)
    store.leaves[7] = leaf_hash(b"forged")

    frontier, tiles = grow(Frontier().extend(HASHES[: TILE - 1]), HASHES[TILE - 1 : 3 * TILE], store.read)

    assert frontier.root() == ROOTS[3 * TILE]
    assert tiles[0].root != slice_root(8, 0)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, TILE * TILE + 700])
def test_subtrees_come_from_leaves_and_tiles(size: int) -> None:
    """Every perfect subtree of a tree can be had from its leaves and complete tiles; whole tiles need no leaf."""
    store = kept(size)
    subtree = subtrees(store.read)
    for level in range(size.bit_length()):
        for index in {0, 1, (size >> level) // 2, (size >> level) - 1} & set(range(size >> level)):
            store.asked.clear()

            assert subtree(level, index) == Frontier().extend(HASHES[index << level : (index + 1) << level]).root()
            assert {tile_level for tile_level, _ in store.asked} == {level // 8}


@pytest.mark.parametrize("size", range(1, 65))
def test_every_leaf_of_a_small_tree_is_shown(size: int) -> None:
    """Each leaf of each tree of up to 64 leaves has a proof of at most log2 hashes that is accepted."""
    for index in range(size):
        proof = inclusion_proof(index, size, slice_root)

        assert len(proof) <= (size - 1).bit_length()
        assert verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("second", range(1, 65))
def test_every_small_tree_continues_its_beginnings(second: int) -> None:
    """Each tree of up to 64 leaves is shown to continue each smaller one."""
    for first in range(1, second + 1):
        proof = consistency_proof(first, second, slice_root)

        assert len(proof) <= (second - 1).bit_length() + 1
        assert verify_consistency(first, ROOTS[first], second, ROOTS[second], proof)


LARGE = kept(TILE * TILE + 3 * TILE + 77)


@settings(deadline=None)
@given(st.integers(1, len(LARGE.leaves)), st.randoms(use_true_random=False))
def test_proofs_of_large_trees_from_tiles(size: int, chance: random.Random) -> None:
    """At any size that a log once had, leaves and earlier sizes are shown from the tiles of the log as it is now."""
    index, first = chance.randrange(size), chance.randint(1, size)
    subtree = subtrees(LARGE.read)
    now, then = (Frontier().extend(HASHES[:length]).root() for length in (size, first))

    assert verify_inclusion(HASHES[index], index, size, inclusion_proof(index, size, subtree), now)
    assert verify_consistency(first, then, size, now, consistency_proof(first, size, subtree))


def spoiled(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Yield the proof with a byte changed; a hash dropped, cut, lengthened, doubled, zeroed; two swapped; one added."""
    for at, old in enumerate(proof):
        for place in range(HASH_BYTES):
            changed = old[:place] + bytes([old[place] ^ (1 << place % 8)]) + old[place + 1 :]
            yield [*proof[:at], changed, *proof[at + 1 :]]
        for new in ([], [old[:-1]], [old + b"\0"], [old, old], [b""], [bytes(HASH_BYTES)]):
            yield [*proof[:at], *new, *proof[at + 1 :]]
    for at, other in combinations(range(len(proof)), 2):
        swapped = list(proof)
        swapped[at], swapped[other] = proof[other], proof[at]
        yield swapped
    for at in range(len(proof) + 1):
        for extra in (b"", bytes(HASH_BYTES), HASHES[0]):
            yield [*proof[:at], extra, *proof[at:]]


def wrong_hashes(right: bytes) -> Iterator[bytes]:
    """Yield the hash with each byte changed, cut, lengthened, emptied, zeroed."""
    yield from (value for [value] in (entry for entry in spoiled([right]) if len(entry) == 1) if value != right)


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_a_spoiled_inclusion_proof_is_refused(size: int) -> None:
    """No proof, leaf or root with a single change is accepted, nor a proof for any other leaf of the tree."""
    root = ROOTS[size]
    for index in range(size):
        leaf, proof = HASHES[index], inclusion_proof(index, size, slice_root)

        assert not [bad for bad in spoiled(proof) if verify_inclusion(leaf, index, size, bad, root)]
        assert not [bad for bad in wrong_hashes(leaf) if verify_inclusion(bad, index, size, proof, root)]
        assert not [bad for bad in wrong_hashes(root) if verify_inclusion(leaf, index, size, proof, bad)]
        assert [at for at in range(-2, 2 * size) if verify_inclusion(leaf, at, size, proof, root)] == [index]
        assert [at for at in range(size) if verify_inclusion(HASHES[at], index, size, proof, root)] == [index]


@pytest.mark.parametrize("second", range(1, SMALL + 1))
def test_a_spoiled_consistency_proof_is_refused(second: int) -> None:
    """No proof or root with a single change is accepted, nor a proof for any other first size or first root."""
    new = ROOTS[second]
    for first in range(1, second + 1):
        old, proof = ROOTS[first], consistency_proof(first, second, slice_root)

        assert not [bad for bad in spoiled(proof) if verify_consistency(first, old, second, new, bad)]
        assert not [bad for bad in wrong_hashes(old) if verify_consistency(first, bad, second, new, proof)]
        assert not [bad for bad in wrong_hashes(new) if verify_consistency(first, old, second, bad, proof)]
        assert [at for at in range(-2, second + 2) if verify_consistency(at, old, second, new, proof)] == [first]
        assert [at for at in range(second + 1) if verify_consistency(first, ROOTS[at], second, new, proof)] == [first]


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_a_proof_longer_than_its_tree_is_refused(size: int) -> None:
    """A hash beyond the top is refused even against a root that was made to agree with it."""
    extra = leaf_hash(b"extra")
    for index in range(size):
        proof = [*inclusion_proof(index, size, slice_root), extra]
        for root in (node_hash(extra, ROOTS[size]), node_hash(ROOTS[size], extra)):
            assert not verify_inclusion(HASHES[index], index, size, proof, root)
    for first in range(1, size):
        longer = [*consistency_proof(first, size, slice_root), extra]
        old, new = node_hash(extra, ROOTS[first]), node_hash(extra, ROOTS[size])

        assert not verify_consistency(first, old, size, new, longer)
        assert not verify_consistency(first, ROOTS[first], size, node_hash(ROOTS[size], extra), longer)


def turns(index: int, size: int) -> str:
    """Return the way from the root to a leaf, by definition: l or r at each split."""
    if size == 1:
        return ""
    k = make_tree_vectors.split(size)
    return "l" + turns(index, k) if index < k else "r" + turns(index - k, size - k)


def consistency_turns(first: int, second: int, way: str = "") -> str:
    """Return the way from the root to the end of the first tree, by definition, and whether that is all of it."""
    if first == second:
        return way + ("=" if "r" in way else "*")
    k = make_tree_vectors.split(second)
    if first <= k:
        return consistency_turns(first, k, way + "l")
    return consistency_turns(first - k, second - k, way + "r")


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_a_wrong_size_is_refused_where_a_proof_can_tell(size: int) -> None:
    """A proof taken for one of another size is accepted only if both sizes lead the same way to the leaf.

    A root does not commit to its size, in this tree as in any of RFC 9162; so a size is trusted only with its root.
    """
    for index in range(size):
        proof = inclusion_proof(index, size, slice_root)
        for other in range(index + 1, 3 * size):
            same = turns(index, size) == turns(index, other)

            assert verify_inclusion(HASHES[index], index, other, proof, ROOTS[size]) is same


@pytest.mark.parametrize("second", range(1, SMALL + 1))
def test_wrong_sizes_are_refused_where_a_proof_can_tell(second: int) -> None:
    """A consistency proof taken for one of other sizes is accepted only if both pairs lead the same way."""
    for first in range(1, second + 1):
        proof = consistency_proof(first, second, slice_root)
        way = consistency_turns(first, second)
        for other in range(1, 2 * second + 2):
            for start in range(1, other + 1):
                same = consistency_turns(start, other) == way

                assert verify_consistency(start, ROOTS[first], other, ROOTS[second], proof) is same


def test_nothing_is_shown_about_an_empty_tree() -> None:
    """Size 0, negative sizes and a second size below the first are refused, whatever the roots."""
    empty, one = EMPTY_ROOT, HASHES[0]

    assert not verify_inclusion(empty, 0, 0, [], empty)
    assert not verify_inclusion(one, 0, 0, [], one)
    assert not verify_inclusion(one, -1, 1, [], one)
    assert not verify_consistency(0, empty, 0, empty, [])
    assert not verify_consistency(0, empty, 1, one, [])
    assert not verify_consistency(-1, empty, 1, one, [])
    assert not verify_consistency(2, ROOTS[2], 1, one, [])


def test_a_short_hash_is_refused_even_where_it_would_fit() -> None:
    """A tree under a hash of another length verifies nothing here, although all its hashes agree."""

    def short(data: bytes) -> bytes:
        return sha256_hash(data)[:16]

    leaf_hashes = [leaf_hash(leaf, short) for leaf in (b"a", b"b")]
    root = root_of(leaf_hashes, short)

    assert not verify_inclusion(leaf_hashes[0], 0, 2, leaf_hashes[1:], root, short)
    assert not verify_consistency(1, leaf_hashes[0], 2, root, leaf_hashes[1:], short)
    assert not verify_consistency(1, leaf_hashes[0], 1, leaf_hashes[0], [], short)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_a_proof_for_no_leaf_is_a_broken_request(index: int, size: int) -> None:
    """A proof is made only for a leaf that the tree has."""
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(index, size, slice_root)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_a_proof_between_no_trees_is_a_broken_request(first: int, second: int) -> None:
    """A consistency proof leads from a tree that is not empty to one that is not smaller."""
    with pytest.raises(ValueError, match="cannot be shown"):
        consistency_proof(first, second, slice_root)
