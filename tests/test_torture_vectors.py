"""R2 in short: what is hashed agrees with what others published or made."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.torture import vectors
from tests.vectors import make_json_vectors


def test_every_vector_agrees() -> None:
    """BLAKE3, the tree, restricted JSON, fingerprints and ops; roots and proofs of all small sizes."""
    found = vectors.run("short")
    assert found.problems == 0, found.note
    assert found.cases > 800


def test_the_file_of_json_vectors_is_what_its_script_makes() -> None:
    """The checked-in vectors are those of the script, and the script imports nothing of the ledger."""
    tree = ast.parse(Path(make_json_vectors.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert make_json_vectors.FILE.read_text(encoding="utf-8") == make_json_vectors.render()
    assert names == {"__future__", "json", "pathlib", "typing"}
