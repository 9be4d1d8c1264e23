"""R2: published and independently made vectors of everything that is hashed, and the definition of the tree itself.

The vectors under tests/vectors come from scripts that share no code with the ledger; the tree runs on SHA-256 here,
so that what Certificate Transparency published drives the same code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ledger.digest import NotRestricted, decode, encode
from ledger.event import op_of
from ledger.readers import FactMap, Unreadable, read_line
from ledger.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    sha256_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.test_tree import (
    BLAKE3_VECTORS,
    CT_CONSISTENCY,
    CT_INCLUSION,
    CT_ROOTS,
    agrees_on_consistency,
    agrees_on_inclusion,
    ct_subtree,
)
from tests.torture.table import Row, Scale, row
from tests.vectors import make_json_vectors, make_tree_vectors

CONTENT = Path(make_tree_vectors.FILE).with_name("content.json")
SIZES: dict[Scale, tuple[int, int]] = {"short": (260, 12), "full": (1_100, 80)}
"""Up to which size every root is made by definition; up to which every proof of every leaf and every earlier size."""

Case = tuple[str, bool]
"""What was compared, and whether it agreed."""


def run(scale: Scale) -> Row:
    """Compare everything."""
    roots, proofs = SIZES[scale]
    parts = {
        "BLAKE3": list(_blake3()),
        "Certificate Transparency": list(_published()),
        "tree": list(_tree()),
        "restricted JSON": list(_json()),
        "fingerprints and ops": list(_contents()),
        f"roots by definition up to size {roots:,}": list(_roots(roots)),
        f"all proofs up to size {proofs}": list(_proofs(proofs)),
    }
    cases = [case for found in parts.values() for case in found]
    wrong = [name for name, agrees in cases if not agrees]
    told = ", ".join(f"{name} {len(found):,}" for name, found in parts.items())
    return row("R2", "vectors", "published or independently made", len(cases), wrong, told)


def _blake3() -> Iterator[Case]:
    from ledger.digest import blake3_bytes  # noqa: PLC0415 - beside the name of what it is compared with

    for length, expected in BLAKE3_VECTORS.items():
        data = bytes(number % 251 for number in range(length))
        yield f"BLAKE3 of {length} bytes", blake3_bytes(data).hex() == expected


def _published() -> Iterator[Case]:
    for size, root in enumerate(CT_ROOTS):
        hashes = [ct_subtree(0, index) for index in range(size)]
        yield f"the published root of {size}", root_of(hashes, sha256_hash).hex() == root
    for index, size, proof in CT_INCLUSION:
        made = [value.hex() for value in inclusion_proof(index, size, ct_subtree, sha256_hash)]
        yield f"the published proof of leaf {index} of {size}", made == proof
    for first, second, proof in CT_CONSISTENCY:
        made = [value.hex() for value in consistency_proof(first, second, ct_subtree, sha256_hash)]
        yield f"the published proof of {first} to {second}", made == proof


def _tree() -> Iterator[Case]:
    vectors = json.loads(make_tree_vectors.FILE.read_text(encoding="utf-8"))
    for vector in vectors["inclusion"]:
        yield vector["name"], agrees_on_inclusion(vector)
    for vector in vectors["consistency"]:
        yield vector["name"], agrees_on_consistency(vector)


def _json() -> Iterator[Case]:
    vectors = json.loads(make_json_vectors.FILE.read_text(encoding="utf-8"))
    for vector in vectors["valid"]:
        data = bytes.fromhex(vector["bytes"])
        yield f"the form of {vector['value']!r}", encode(vector["value"]) == data
        yield f"reading {vector['value']!r}", _read(data) == [vector["value"]]
    for vector in vectors["refused"]:
        yield f"refusing {vector['name']}", _read(bytes.fromhex(vector["bytes"])) == []


def _read(data: bytes) -> list[Any]:
    """Return the value of restricted JSON in a list, or an empty list where it is refused."""
    try:
        return [decode(data)]
    except NotRestricted:
        return []


def _contents() -> Iterator[Case]:
    vectors = json.loads(CONTENT.read_text(encoding="utf-8"))
    for case in vectors["contents"]:
        for number, value in enumerate(case["lines"]):
            read = read_line(json.dumps(value).encode(), FactMap())
            same = not isinstance(read, Unreadable) and (
                read.fingerprint.hex(),
                None if read.prompt is None else read.prompt.hex(),
            ) == (case["fingerprint"], case["prompt"])
            yield f"{case['what']}, spelling {number}", same
    for case in vectors["events"]:
        yield f"the op of {case['kind']}", op_of(case["kind"], case["fields"]).hex() == case["op"]


def _leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def _roots(most: int) -> Iterator[Case]:
    leaves = _leaves(most)
    hashes = [leaf_hash(leaf, sha256_hash) for leaf in leaves]
    frontier = Frontier()
    for size in range(most + 1):
        if size:
            frontier = frontier.extend(hashes[size - 1 : size], sha256_hash)
        yield f"the root of {size}", frontier.root(sha256_hash) == make_tree_vectors.mth(leaves[:size])


def _proofs(most: int) -> Iterator[Case]:
    """Yield every proof up to a size: equal to the one by recursion, accepted, and refused where it is spoiled."""
    leaves = _leaves(most)
    hashes = [leaf_hash(leaf, sha256_hash) for leaf in leaves]
    roots = [root_of(hashes[:size], sha256_hash) for size in range(most + 1)]

    def subtree(level: int, index: int) -> bytes:
        return root_of(hashes[index << level : (index + 1) << level], sha256_hash)

    for size in range(1, most + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, subtree, sha256_hash)
            same = proof == make_tree_vectors.path(index, leaves[:size])
            held = verify_inclusion(hashes[index], index, size, proof, roots[size], sha256_hash)
            other = verify_inclusion(hashes[index - 1], index, size, proof, roots[size], sha256_hash)
            off = size > 1 and verify_inclusion(hashes[index], index ^ 1, size, proof, roots[size], sha256_hash)
            yield f"leaf {index} of {size}", same and held and (size == 1 or not other) and not off
        for first in range(1, size + 1):
            proof = consistency_proof(first, size, subtree, sha256_hash)
            same = proof == make_tree_vectors.subproof(first, leaves[:size])
            held = verify_consistency(first, roots[first], size, roots[size], proof, sha256_hash)
            forged = any(
                verify_consistency(first, roots[first], size, roots[size], spoiled, sha256_hash)
                for _, spoiled in make_tree_vectors.spoiled(proof, roots[size])
            )
            yield f"{first} to {size}", same and held and not forged
    for before, after in pairwise(roots):
        yield "two sizes have two roots", before != after
