"""The reliability matrix in full: `python -m tests.torture [--only R1,R3] [--scale short|full] [--json FILE]`.

Prints the table for the README. Ends with 1 if anything at all was found, so that it can hold a release back.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from unittest import mock

from tests.torture.table import Row, Scale, markdown

PARTS = {
    "R1": "model",
    "R2": "vectors",
    "R3": "syscalls",
    "R4": "power",
    "R5": "kills",
    "R6": "disk",
    "R7": "writers",
    "R8": "bitrot",
    "R9": "attacks",
    "R10": "determinism",
    "R11": "replay",
    "R12": "golden",
    "R13": "erasure",
    "R14": "hostile",
    "R15": "mutants",
}
"""Each part of the matrix and the module beside this one that tries it."""


def run(part: str, scale: Scale) -> Row:
    """Return the row of one part, tried in a world of its own; a part that breaks is a problem like any other."""
    with tempfile.TemporaryDirectory() as folder:
        world = {"LEDGER_WITNESS_DIR": str(Path(folder) / "witness"), "LEDGER_ACTOR": "torture"}
        with mock.patch.dict(os.environ, world):
            os.environ.pop("LEDGER_PATH", None)
            found: Row = import_module(f"tests.torture.{PARTS[part]}").run(scale)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for and print the table; return the exit code."""
    options = _options().parse_args(arguments)
    chosen = [name.strip().upper() for name in options.only.split(",")] if options.only else list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        _options().error(f"there is no {', '.join(unknown)}; there are {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in chosen:
        began = time.monotonic()
        rows.append(run(part, options.scale))
        told = f"{part} {PARTS[part]}: {rows[-1].cases:,} cases, {rows[-1].problems} problems"
        print(f"{told}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201 - a program of its own
    print(markdown(rows), end="")  # noqa: T201 - likewise
    if options.json:
        Path(options.json).write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n", encoding="utf-8")
    return int(any(row.problems for row in rows))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Try what a ledger must survive.")
    parser.add_argument("--only", metavar="R1,R3", help="these parts alone")
    parser.add_argument("--scale", choices=("short", "full"), default="full")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
