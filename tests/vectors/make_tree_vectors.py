"""Make `tree_sha256.json`: roots, proofs and proofs that must fail, over the eight leaves known from RFC 6962 tests.

Written from the RFC alone, by recursion as section 2.1 defines it, with nothing of the ledger in it, so that it can
disagree with it. Run `python tests/vectors/make_tree_vectors.py` to write the file again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Vector: TypeAlias = dict[str, "str | int | bool | list[str]"]

FILE = Path(__file__).with_name("tree_sha256.json")
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
SPOILED_INCLUSION = ((0, 1), (2, 3), (1, 5), (5, 8))
SPOILED_CONSISTENCY = ((1, 2), (2, 5), (6, 7), (6, 8))


def digest(data: bytes) -> bytes:
    """Return SHA-256."""
    return hashlib.sha256(data).digest()


def split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def mth(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash MTH(D_n)."""
    if not leaves:
        return digest(b"")
    if len(leaves) == 1:
        return digest(b"\x00" + leaves[0])
    k = split(len(leaves))
    return digest(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """Return the inclusion proof PATH(m, D_n)."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """Return the consistency proof SUBPROOF(m, D_n, b); PROOF(m, D_n) is the one with b true."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def spoiled(proof: list[bytes], extra: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield (what was done, the proof after it) for changes that no size, index or root makes good."""
    yield "a hash too many at the end", [*proof, extra]
    yield "a hash too many at the front", [extra, *proof]
    for at, old in enumerate(proof):
        flipped = old[:-1] + bytes([old[-1] ^ 1])
        yield f"a bit of hash {at} flipped", [*proof[:at], flipped, *proof[at + 1 :]]
        yield f"hash {at} left out", [*proof[:at], *proof[at + 1 :]]
        yield f"hash {at} cut short", [*proof[:at], old[:-1], *proof[at + 1 :]]
    for at in range(len(proof) - 1):
        yield f"hashes {at} and {at + 1} swapped", [*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]]


def inclusion(index: int, size: int) -> Vector:
    """Return the vector of a valid inclusion proof."""
    return {
        "name": f"leaf {index} of {size}",
        "leaf_hash": mth([LEAVES[index]]).hex(),
        "index": index,
        "size": size,
        "proof": [value.hex() for value in path(index, LEAVES[:size])],
        "root": mth(LEAVES[:size]).hex(),
        "valid": True,
    }


def spoiled_inclusion(index: int, size: int) -> Iterator[Vector]:
    """Yield the vectors of inclusion proofs that must fail, each one change away from a valid one."""
    good = inclusion(index, size)
    root = mth(LEAVES[:size])
    changes: dict[str, Vector] = {
        "the index before": {"index": index - 1},
        "the index after": {"index": index + 1},
        "twice the size": {"size": size * 2},
        "half the size": {"size": size // 2},
        "size 0": {"size": 0},
        "another leaf": {"leaf_hash": mth([LEAVES[(index + 1) % len(LEAVES)]]).hex()},
        "the leaf hash cut short": {"leaf_hash": mth([LEAVES[index]])[:-1].hex()},
        "the root of one leaf less": {"root": mth(LEAVES[: size - 1]).hex()},
        "an empty root": {"root": ""},
    }
    changes |= {
        what: {"proof": [value.hex() for value in proof]} for what, proof in spoiled(path(index, LEAVES[:size]), root)
    }
    for what, change in changes.items():
        yield good | change | {"name": f"{good['name']}: {what}", "valid": False}


def consistency(first: int, second: int) -> Vector:
    """Return the vector of a valid consistency proof."""
    return {
        "name": f"{first} to {second}",
        "first": first,
        "first_root": mth(LEAVES[:first]).hex(),
        "second": second,
        "second_root": mth(LEAVES[:second]).hex(),
        "proof": [value.hex() for value in subproof(first, LEAVES[:second])],
        "valid": True,
    }


def spoiled_consistency(first: int, second: int) -> Iterator[Vector]:
    """Yield the vectors of consistency proofs that must fail, each one change away from a valid one."""
    good = consistency(first, second)
    changes: dict[str, Vector] = {
        "one leaf less at first": {"first": first - 1},
        "one leaf more at first": {"first": first + 1},
        "twice the second size": {"second": second * 2},
        "half the second size": {"second": second // 2},
        "the sizes swapped": {"first": second, "second": first},
        "the roots swapped": {"first_root": good["second_root"], "second_root": good["first_root"]},
        "another first root": {"first_root": mth(LEAVES[: first + 1]).hex()},
        "another second root": {"second_root": mth(LEAVES[: second - 1]).hex()},
        "an empty first root": {"first_root": ""},
        "no proof": {"proof": []},
    }
    wrong = spoiled(subproof(first, LEAVES[:second]), mth(LEAVES[:second]))
    changes |= {what: {"proof": [value.hex() for value in proof]} for what, proof in wrong}
    for what, change in changes.items():
        yield good | change | {"name": f"{good['name']}: {what}", "valid": False}


def empty_trees() -> Iterator[Vector]:
    """Yield what a ledger refuses by policy: nothing can be shown about a tree of size 0."""
    for second in (0, 1, 8):
        yield {
            "name": f"0 to {second}",
            "first": 0,
            "first_root": mth([]).hex(),
            "second": second,
            "second_root": mth(LEAVES[:second]).hex(),
            "proof": [],
            "valid": False,
        }


def render() -> str:
    """Return the text of the file, one vector to a line."""
    sizes = range(1, len(LEAVES) + 1)
    sections: dict[str, list[str] | list[Vector]] = {
        "leaves": [leaf.hex() for leaf in LEAVES],
        "roots": [mth(LEAVES[:size]).hex() for size in range(len(LEAVES) + 1)],
        "inclusion": [
            *(inclusion(index, size) for size in sizes for index in range(size)),
            *(vector for index, size in SPOILED_INCLUSION for vector in spoiled_inclusion(index, size)),
        ],
        "consistency": [
            *(consistency(first, second) for second in sizes for first in range(1, second + 1)),
            *empty_trees(),
            *(vector for first, second in SPOILED_CONSISTENCY for vector in spoiled_consistency(first, second)),
        ],
    }
    parts = (
        f'"{name}": [\n' + ",\n".join(json.dumps(value) for value in values) + "\n]"
        for name, values in sections.items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8", newline="\n")
