"""The shape of the code, held by tests: who may import whom, where SQL and foreign packages live, how long things get.

LAYERS is the one list. Reading order, import order and data order are the same: a module imports only what stands
before it. Imports inside functions and under TYPE_CHECKING count like any other.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.source import functions, imports, literals, modules, uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.source import Module

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ledger", "http_access", "mcp_server", "review_page", "commands")
SHARED = "http_access"
"""What the faces share; it knows no ledger."""
FACES = ("mcp_server", "review_page", "commands")
OPEN_TO_FACES = ("ledger", "ledger.errors")

DATA = (
    "ledger.version",
    "ledger.errors",
    "ledger.digest",
    "ledger.fixed",
    "ledger.toml_text",
    "ledger.sample",
    "ledger.rule",
    "ledger.event",
    "ledger.leaves",
)
LOG = (
    "ledger.tree",
    "ledger.checkpoint",
    "ledger.proof",
    "ledger.signing",
    "ledger.archive",
    "ledger.codec",
    "ledger.migrations",
    "ledger.locks",
    "ledger.sqlite",
    "ledger.guards",
    "ledger.witness",
    "ledger.transaction",
    "ledger.store",
    "ledger.backup",
    "ledger.compaction",
)
FOLDS = ("ledger.views", "ledger.projection", "ledger.faults", "ledger.audit_tree", "ledger.audit")
EDGES = (
    "ledger.readers",
    "ledger.validators",
    "ledger.scorers",
    "ledger.policy",
    "ledger.similarity",
    "ledger.exporters",
    "ledger.recipes",
    "ledger.agents",
    "ledger.trainers",
)
DOOR = ("ledger.door", "ledger.ledger", "ledger")
LAYERS = (*DATA, *LOG, *FOLDS, *EDGES, "ledger.reports", "ledger.verbs", *DOOR, SHARED, *FACES)

SQL_HOMES = (
    "ledger.migrations",
    "ledger.sqlite",
    "ledger.guards",
    "ledger.transaction",
    "ledger.store",
    "ledger.backup",
    "ledger.compaction",
    "ledger.projection",
    "ledger.views",
    "ledger.audit_tree",
    "ledger.audit",
)

FOREIGN_HOMES = {
    "accelerate": ("ledger.trainers",),
    "anthropic": ("ledger.agents",),
    "click": ("commands",),
    "cryptography": ("ledger.signing",),
    "datasets": ("ledger.trainers",),
    "genai_prices": ("ledger.agents",),
    "httpx2": ("ledger.agents",),
    "huggingface_hub": ("ledger.exporters", "ledger.trainers"),  # dataset cards, and model cards
    "jinja2": ("ledger.exporters", "review_page"),  # chat templates; pages
    "jsonschema": ("ledger.validators",),
    "jsonschema_specifications": ("ledger.validators",),
    "referencing": ("ledger.validators",),
    "mcp": ("mcp_server",),
    "numpy": ("ledger.similarity",),
    "openai": ("ledger.agents",),
    "peft": ("ledger.trainers",),
    "pyarrow": ("ledger.exporters", "ledger.readers"),  # one edge writes Parquet, the other reads it
    "rapidfuzz": ("ledger.similarity",),
    "rensa": ("ledger.similarity",),
    "rich": ("commands",),
    "sqlite3": (),  # sqlite-utils chooses the driver: `from sqlite_utils.utils import sqlite3`
    "pysqlite3": (),
    "sqlite_utils": ("ledger.sqlite",),
    "starlette": ("http_access", "mcp_server", "review_page"),
    "tokenizers": ("ledger.exporters", "ledger.trainers"),  # lengths, and the tokenizer of a tiny model
    "torch": ("ledger.trainers",),
    "transformers": ("ledger.trainers",),
    "trl": ("ledger.trainers",),
    "unsloth": ("ledger.trainers",),
    "uvicorn": ("mcp_server", "review_page"),
    "zstandard": ("ledger.codec", "ledger.readers"),
}
HEAVY = (
    "accelerate",
    "anthropic",
    "cryptography",
    "datasets",
    "genai_prices",
    "httpx2",
    "huggingface_hub",
    "jinja2",
    "mcp",
    "numpy",
    "openai",
    "peft",
    "pyarrow",
    "rapidfuzz",
    "rensa",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
    "unsloth",
    "zstandard",
)

SQL = re.compile(
    r"\bSELECT\b.+\bFROM\b|^\s*SELECT\s|\bINSERT\s+(OR\s+\w+\s+)?INTO\b|\bREPLACE\s+INTO\b|\bUPDATE\b.+\bSET\b|\bDELETE\s+FROM\b"
    r"|\b(CREATE|DROP|ALTER)\s+(TEMP(ORARY)?\s+|UNIQUE\s+)*(TABLE|INDEX|VIEW|TRIGGER)\b|^\s*PRAGMA\s"
    r"|^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(temp\s+)?table\s)",
    re.DOTALL,
)

MODULE_LINES = 400
FUNCTION_LINES = 60
LONG: dict[str, str] = {
    "ledger/errors.py": "one short class for each exit code, in one list that people read from top to bottom",
}
"""What may be longer, `path` or `path::function`, and why."""


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def layer_of(name: str) -> str | None:
    """Return the layer that a module belongs to; the bare `ledger` is only its `__init__`."""
    return next((layer for layer in LAYERS if name == layer or (layer != "ledger" and _within(name, (layer,)))), None)


def _known(root: Path) -> frozenset[str]:
    return frozenset(LAYERS) | {module.name for module in modules(root, PACKAGES)}


def order_faults(root: Path) -> Iterator[str]:
    """Yield each import that does not point backwards in LAYERS, and each module that has no place there."""
    known = _known(root)
    for module in modules(root, PACKAGES):
        layer = layer_of(module.name)
        if layer is None:
            yield f"{module.path}: {module.name} has no place in LAYERS"
            continue
        for name, line in imports(module, known):
            target = layer_of(name)
            if target is None and _within(name, PACKAGES):
                yield f"{module.path}:{line}: imports {name}, which has no place in LAYERS"
            elif target is not None and (fault := _order_fault(layer, target)):
                yield f"{module.path}:{line}: imports {name}: {fault}"


def _order_fault(layer: str, target: str) -> str | None:
    if layer == target:
        return None
    if layer in EDGES and target not in DATA:
        return "an edge knows data only"
    if LAYERS.index(target) > LAYERS.index(layer):
        return "it stands later"
    if layer == SHARED:
        return None if target == "ledger.errors" else "what the faces share knows no ledger"
    if layer in FACES and target in (SHARED, *FACES):
        return None  # the command line starts the others, and the order above holds for them too
    return "a face uses Ledger, not what is behind it" if layer in FACES and target not in OPEN_TO_FACES else None


def cycle_faults(root: Path) -> Iterator[str]:
    """Yield each circle of modules that import one another (possible only inside one folder)."""
    known = _known(root)
    graph = {module.name: {name for name, _ in imports(module, known)} for module in modules(root, PACKAGES)}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield "imported in a circle: " + " -> ".join((*path[path.index(name) :], name))
        elif name in graph and name not in done:
            for target in sorted(graph[name]):
                yield from walk(target, (*path, name))
            done.add(name)

    for name in graph:
        yield from walk(name, ())


def foreign_faults(root: Path) -> Iterator[str]:
    """Yield each import of a foreign package outside its home."""
    known = _known(root)
    for module in modules(root, PACKAGES):
        for name, line in imports(module, known):
            homes = FOREIGN_HOMES.get(name.partition(".")[0])
            if homes is not None and not _within(module.name, homes):
                yield f"{module.path}:{line}: imports {name}, whose home is {' or '.join(homes) or 'nowhere'}"


def sql_faults(root: Path) -> Iterator[str]:
    """Yield each string literal that holds SQL outside the modules that may hold it."""
    for module in modules(root, PACKAGES):
        if not _within(module.name, SQL_HOMES):
            for text, line in literals(module):
                if SQL.search(text):
                    yield f"{module.path}:{line}: holds SQL"


def print_faults(root: Path) -> Iterator[str]:
    """Yield each use of `print` outside commands/."""
    for module in modules(root, PACKAGES):
        if not _within(module.name, ("commands",)):
            yield from (f"{module.path}:{line}: uses print" for line in uses(module, "print"))


def size_faults(root: Path) -> Iterator[str]:
    """Yield each module and function over its budget that LONG does not excuse."""
    for module in modules(root, PACKAGES):
        yield from (f"{key}: {lines} lines" for key, lines in _oversized(module) if key not in LONG)


def _oversized(module: Module) -> Iterator[tuple[str, int]]:
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES:
        yield module.path, lines
    for name, _, length in functions(module):
        if length > FUNCTION_LINES:
            yield f"{module.path}::{name}", length


RULES = (order_faults, cycle_faults, foreign_faults, sql_faults, print_faults, size_faults)

PROBE = """
import json, sys
root, *heavy = sys.argv[1:]
asked = []
class Watch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            asked.append(name)
sys.meta_path.insert(0, Watch)
sys.path.insert(0, root)
sys.argv = ["ledger", "--help"]
from commands.cli import main
try:
    main()
except SystemExit as leave:
    code = leave.code
sys.stderr.write(json.dumps({"asked": asked, "code": code}))
"""


def help_report(root: Path) -> dict[str, object]:
    """Run `ledger --help` from `root`; return the heavy packages it asked for, installed or not, and its exit code."""
    argv = [sys.executable, "-c", PROBE, str(root), *HEAVY]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
    report: dict[str, object] = json.loads(done.stderr)
    return report


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule: Callable[[Path], Iterator[str]]) -> None:
    """No module of this project breaks the rule."""
    assert list(rule(ROOT)) == []


def test_help_is_light() -> None:
    """`ledger --help` does not so much as ask for an optional package."""
    if not (ROOT / "commands" / "cli.py").exists():
        pytest.skip("there is no commands/cli.py yet")

    assert help_report(ROOT) == {"asked": [], "code": 0}


def test_each_excuse_is_needed_and_reasoned() -> None:
    """LONG names only what is over its budget today, each with a reason."""
    over = {key for module in modules(ROOT, PACKAGES) for key, _ in _oversized(module)}

    assert set(LONG) <= over
    assert all(reason.strip() for reason in LONG.values())


def plant(root: Path, path: str, text: str) -> None:
    """Write a module into a temporary tree."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


SOUND = {
    "ledger/__init__.py": "from ledger.ledger import Ledger\n",
    "ledger/errors.py": '"""SELECT x FROM y is prose here."""\n',
    "ledger/digest.py": "from blake3 import blake3\nfrom . import errors\n",
    "ledger/sqlite.py": "from sqlite_utils.utils import sqlite3\n",
    "ledger/store.py": 'from ledger import sqlite, digest\nQUERY = "SELECT leaf FROM event"\n',
    "ledger/views/__init__.py": "from ledger.views import scores\n",
    "ledger/views/scores.py": "from ..store import QUERY\n",
    "ledger/exporters/kto.py": "from ledger.digest import errors\n",
    "ledger/verbs/project.py": "from ledger.exporters.kto import errors\nfrom ledger.views import scores\n",
    "http_access/door.py": "from starlette.responses import Response\nfrom ledger.errors import LedgerError\n",
    "mcp_server/http.py": "from http_access.door import Response\n",
    "ledger/ledger.py": 'from ledger.verbs import project\nHINT = "Select samples from a view, update the rest."\n',
    "commands/cli.py": (
        "import click\nfrom commands import _render\nfrom ledger.errors import LedgerError\n"
        "def main():\n    from ledger import Ledger\n    print(Ledger)\n"
    ),
}

VIOLATIONS = [
    pytest.param(order_faults, "ledger/digest.py", "from ledger.store import QUERY", "stands later", id="later"),
    pytest.param(order_faults, "ledger/digest.py", "import ledger.event", "stands later", id="later-plain-import"),
    pytest.param(order_faults, "ledger/digest.py", "from . import event", "stands later", id="later-relative"),
    pytest.param(order_faults, "ledger/views/x.py", "from .. import verbs", "stands later", id="later-from-a-folder"),
    pytest.param(
        order_faults, "ledger/store.py", "from ledger import Ledger", "stands later", id="the-door-from-behind"
    ),
    pytest.param(
        order_faults, "ledger/store.py", "def f():\n    from ledger import views", "stands later", id="in-a-function"
    ),
    pytest.param(
        order_faults,
        "ledger/store.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ledger.views import scores",
        "stands later",
        id="type-checking",
    ),
    pytest.param(
        order_faults,
        "ledger/store.py",
        'import importlib\nimportlib.import_module("ledger.ledger")',
        "stands later",
        id="by-literal-name",
    ),
    pytest.param(
        order_faults, "ledger/exporters/x.py", "from ledger.readers import jsonl", "an edge knows data only", id="edges"
    ),
    pytest.param(
        order_faults,
        "ledger/readers/x.py",
        "from ledger.store import QUERY",
        "an edge knows data only",
        id="edge-to-log",
    ),
    pytest.param(order_faults, "ledger/extra.py", "", "no place in LAYERS", id="unknown-module"),
    pytest.param(order_faults, "ledger/store.py", "import ledger.extra", "no place in LAYERS", id="unknown-import"),
    pytest.param(
        order_faults, "commands/x.py", "from ledger.store import QUERY", "a face uses Ledger", id="face-to-store"
    ),
    *(
        pytest.param(order_faults, f"{face}/x.py", text, "a face uses Ledger", id=f"{face}: {text}")
        for face in FACES
        for text in (
            "from ledger.verbs.project import errors",
            "def f():\n    from ledger.exporters import kto",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ledger.verbs.project",
            "from ledger import views",
            "from ledger.digest import blake3",
            "from ledger.ledger import Ledger",
        )
    ),
    pytest.param(order_faults, "mcp_server/x.py", "import commands.cli", "stands later", id="face-to-face"),
    pytest.param(order_faults, "http_access/x.py", "import mcp_server.x", "stands later", id="shared-to-face"),
    pytest.param(order_faults, "http_access/x.py", "from ledger import Ledger", "knows no ledger", id="shared-to-door"),
    pytest.param(order_faults, "ledger/ledger.py", "import http_access.x", "stands later", id="door-to-shared"),
    pytest.param(
        cycle_faults, "ledger/views/scores.py", "from ledger.views import __name__", "in a circle", id="circle"
    ),
    pytest.param(foreign_faults, "ledger/store.py", "import click", "imports click", id="click"),
    pytest.param(foreign_faults, "ledger/reports/x.py", "from rich.table import Table", "imports rich", id="rich"),
    pytest.param(
        foreign_faults, "commands/x.py", "def f():\n    import anthropic", "imports anthropic", id="anthropic"
    ),
    pytest.param(foreign_faults, "ledger/exporters/x.py", "from trl import KTOTrainer", "imports trl", id="trl"),
    pytest.param(foreign_faults, "ledger/agents/x.py", "import torch", "imports torch", id="torch"),
    pytest.param(foreign_faults, "commands/x.py", "from mcp import types", "imports mcp", id="mcp"),
    pytest.param(foreign_faults, "ledger/sqlite.py", "import sqlite3", "home is nowhere", id="bare-sqlite3"),
    pytest.param(
        foreign_faults,
        "ledger/verbs/x.py",
        "from sqlite_utils.utils import sqlite3",
        "imports sqlite_utils",
        id="driver",
    ),
    pytest.param(sql_faults, "ledger/reports/x.py", 'Q = "SELECT op FROM event"', "holds SQL", id="select"),
    pytest.param(sql_faults, "ledger/verbs/x.py", 'Q = f"SELECT {1}\\n  FROM {2}"', "holds SQL", id="f-string"),
    pytest.param(sql_faults, "ledger/verbs/x.py", 'Q = "SELECT op" " FROM event"', "holds SQL", id="in-pieces"),
    pytest.param(sql_faults, "ledger/verbs/x.py", 'Q = "select op from event"', "holds SQL", id="lower-case"),
    pytest.param(sql_faults, "ledger/witness.py", 'Q = "INSERT OR IGNORE INTO blob"', "holds SQL", id="insert"),
    pytest.param(sql_faults, "commands/x.py", 'Q = "UPDATE event SET kind = 1"', "holds SQL", id="update"),
    pytest.param(sql_faults, "ledger/ledger.py", 'Q = "DELETE FROM event"', "holds SQL", id="delete"),
    pytest.param(sql_faults, "ledger/tree.py", 'Q = "CREATE TEMP TABLE t (x)"', "holds SQL", id="create"),
    pytest.param(sql_faults, "ledger/ledger.py", 'Q = "PRAGMA user_version"', "holds SQL", id="pragma"),
    pytest.param(print_faults, "ledger/reports/x.py", "print(1)", "uses print", id="print"),
    pytest.param(print_faults, "mcp_server/x.py", "show = print", "uses print", id="print-passed-on"),
    pytest.param(size_faults, "ledger/store.py", "x = 1\n" * (MODULE_LINES + 1), "401 lines", id="long-module"),
    pytest.param(
        size_faults, "commands/x.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES, "::f: 61 lines", id="long-function"
    ),
]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Return the root of a small tree that keeps every rule."""
    for path, text in SOUND.items():
        plant(tmp_path, path, text)
    return tmp_path


def test_a_sound_tree_has_no_faults(sound: Path) -> None:
    """Prose, help texts, and imports that point backwards are not mistaken for faults."""
    assert [fault for rule in RULES for fault in rule(sound)] == []


def test_a_missing_tree_has_no_faults(tmp_path: Path) -> None:
    """Layers whose modules are not written yet are no fault."""
    assert [fault for rule in RULES for fault in rule(tmp_path)] == []


@pytest.mark.parametrize(("rule", "path", "text", "says"), VIOLATIONS)
def test_a_planted_violation_is_caught(
    sound: Path, rule: Callable[[Path], Iterator[str]], path: str, text: str, says: str
) -> None:
    """Each way of breaking a rule is found, once, in the file where it was planted."""
    plant(sound, path, text)

    faults = list(rule(sound))

    assert len(faults) == 1, faults
    assert says in faults[0]


def test_at_the_budget_is_within_it(sound: Path) -> None:
    """A module of exactly 400 lines and a function of exactly 60 are allowed."""
    plant(sound, "ledger/store.py", "x = 1\n" * MODULE_LINES)
    plant(sound, "commands/x.py", "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1))

    assert list(size_faults(sound)) == []


def test_help_that_tries_a_heavy_package_is_caught(tmp_path: Path) -> None:
    """An optional import is noticed even where the package is not installed and the failure is caught."""
    plant(tmp_path, "commands/__init__.py", "")
    plant(
        tmp_path,
        "commands/cli.py",
        "try:\n    import trl\nexcept ImportError:\n    pass\ndef main():\n    raise SystemExit(0)\n",
    )

    assert help_report(tmp_path) == {"asked": ["trl"], "code": 0}
