"""R10: the same input gives the same root, ids, views and exports, whatever runs it.

In full, under every Python on this computer that the ledger supports and under another SQLite, each in an environment
of its own that pip fills; where that cannot be had, the note says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli import ROOT
from tests.conftest import DATA
from tests.test_determinism import CIRCUMSTANCES, FILES, outcome
from tests.torture.table import Row, Scale, row

OLDEST = (3, 11)
ANOTHER_SQLITE = "pysqlite3"
"""A driver with an SQLite of its own, which sqlite-utils takes where it is installed."""
ABOUT = """
import json, sys
from sqlite_utils.utils import sqlite3
print(json.dumps([sys.version.split()[0], sqlite3.sqlite_version]))
"""
MORE: tuple[dict[str, Any], ...] = (
    {"batch": 1},
    {"batch": 7},
    {"batch": 100_000},
    *({"environment": {"PYTHONHASHSEED": str(seed)}} for seed in range(3, 9)),
    {"environment": {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "77"}, "batch": 11},
    {"environment": {"PYTHONOPTIMIZE": "1"}},
    {"environment": {"PYTHONDEVMODE": "1"}},
)
"""Circumstances beside those of `make test`, tried in full."""


def run(scale: Scale) -> Row:
    """Run the same work in many circumstances and compare all that comes out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = outcome(folder / "reference", DATA)
        circumstances = CIRCUMSTANCES[:1] if scale == "short" else [*CIRCUMSTANCES, *MORE]
        cases = [_compare(folder / f"c{n}", reference, f"{each}", **each) for n, each in enumerate(circumstances)]
        cases.append(_elsewhere(folder, reference))
        tried, absent = [_about(sys.executable)], list[str]()
        if scale == "full":
            for number, (python, problem) in enumerate(_others(folder)):
                if python is None:
                    absent.append(problem)
                    continue
                tried.append(_about(python))
                for turn, each in enumerate(({}, CIRCUMSTANCES[1], {"batch": 3})):
                    place = folder / f"p{number}-{turn}"
                    cases.append(_compare(place, reference, f"{tried[-1]} {each}", python=python, **each))
    told = "; ".join([", ".join(tried), *absent])
    how = "the same work with other hash seeds, time zones, locales, batches, folders, Pythons and SQLites"
    return row("R10", "determinism", how, len(cases), [case for case in cases if case], told)


def _compare(folder: Path, reference: dict[str, Any], what: str, **circumstances: Any) -> str:  # noqa: ANN401 - as `outcome`
    """Return where an outcome differs from the reference, if it does."""
    try:
        made = outcome(folder, DATA, **circumstances)
    except AssertionError as error:
        return f"{what}: {error}"
    differ = [name for name in reference if made[name] != reference[name]]
    return f"{what}: {', '.join(differ)} differ" if differ else ""


def _elsewhere(folder: Path, reference: dict[str, Any]) -> str:
    shutil.copytree(DATA, folder / "elsewhere")
    made = outcome(folder / "moved", folder / "elsewhere", files=FILES)
    return "" if made == reference else "a copy of the data elsewhere gives something else"


def _others(folder: Path) -> Iterator[tuple[Path | None, str]]:
    """Yield other Pythons that can run the ledger, or (None, why one cannot be had)."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    wanted = [(python, needed) for python in _pythons()]
    wanted.append((sys.executable, [*needed, ANOTHER_SQLITE]))
    for number, (python, packages) in enumerate(wanted):
        home = folder / f"environment-{number}"
        made = home / "bin" / "python"
        steps = [[python, "-m", "venv", str(home)]]
        steps.append([str(made), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        failed = next(
            (step for step in steps if subprocess.run(step, capture_output=True, check=False).returncode), None
        )
        yield (made, "") if failed is None else (None, f"{python} with {packages[-1]} could not be had")


def _pythons() -> list[str]:
    """Return one Python of each supported version on this computer, other than the one that runs."""
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 20)]
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [*filter(None, map(shutil.which, names)), *map(str, sorted(versions.glob("3.*/bin/python")))]
    found: dict[tuple[int, ...], str] = {}
    for place in places:
        told = subprocess.run(
            [place, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False
        )
        version = tuple(map(int, told.stdout.split())) if not told.returncode else ()
        if version >= OLDEST and version != sys.version_info[:2]:
            found.setdefault(version, place)
    return [found[version] for version in sorted(found)]


def _about(python: str | Path) -> str:
    """Return the versions of a Python and of its SQLite."""
    told = subprocess.run([str(python), "-c", ABOUT], capture_output=True, check=True)
    version, sqlite = json.loads(told.stdout)
    return f"Python {version} with SQLite {sqlite}"
