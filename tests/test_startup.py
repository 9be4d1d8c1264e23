"""The program starts light: `ledger --help` loads click and nothing else that takes time."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from commands.cli import VERBS
from tests.cli import PROGRAM, environment

LOADED = """
import json, sys
sys.argv = ["ledger", *sys.argv[1:]]
from commands.cli import main
try:
    main()
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""
HEAVY = ("sqlite_utils", "rich", "orjson", "blake3", "ledger.store", "ledger.ledger", "sqlite3", "asyncio")
BUDGET = 0.15


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["project", "--help"], ["quarantine", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """Neither the ledger, nor a database, nor rich is loaded to print a help page."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )

    loaded = set(json.loads(done.stderr))
    assert not loaded & set(HEAVY)
    assert "click" in loaded
    assert done.stdout


def test_help_is_quick(tmp_path: Path) -> None:
    """The best of five runs takes at most 150 ms of the processor: what the clock says depends on who else is there."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PROGRAM, "--help"], cwd=tmp_path, env=environment(), capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(taken) <= BUDGET, taken


def test_every_verb_is_a_file_and_every_file_a_verb() -> None:
    """The list of verbs and the folder say the same."""
    folder = Path(__file__).parent.parent / "commands"
    files = {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")} - {"cli"}

    assert files == set(VERBS)
