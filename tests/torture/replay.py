"""R11: the views at any position are one thing, however they are come by: grown, folded anew, cut in any way, or old.

What stood when a commit was made is noted at that commit, and the file as it was then is kept. Later the same moment
is folded from nothing, in batches of any size, and exported as of then.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from ledger import Ledger, projection
from ledger.errors import PlanImpossible
from ledger.sqlite import Connection
from tests.logs import Tables, Ticks, folded, store_of, tables
from tests.torture.everything import EXPORTS, everything
from tests.torture.table import Row, Scale, row

SEED = 11
TIMES: dict[Scale, tuple[int, int]] = {"short": (40, 6), "full": (2_000, 200)}
"""How many folds to a drawn position, and how many exports as of one."""


class Past(NamedTuple):
    """What a ledger's views were after each commit, and what its file was: position -> both."""

    views: dict[int, Tables]
    files: dict[int, bytes]


def run(scale: Scale) -> Row:
    """Compare folds and exports of drawn moments with what stood then."""
    folds, exports = TIMES[scale]
    chance = random.Random(SEED)  # noqa: S311 - places, not secrets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, past = _made(folder)
        cases = [
            *_commits(path, past),
            *(_fold(path, past, chance) for _ in range(folds)),
            *_exports(path, past, folder, chance, exports),
        ]
    wrong = [problem for problem in cases if problem]
    how = "the views at drawn positions, folded from nothing in batches of drawn sizes, and exports as of drawn commits"
    told = f"{len(past.views)} commits, {folds:,} folds, {exports} exports"
    return row("R11", "replay", how, len(cases), wrong, told)


def _made(folder: Path) -> tuple[Path, Past]:
    """Return a ledger with everything that shows in exports, and its past."""
    past = Past({}, {})
    with Ledger.init(folder / "ledger.db", clock=Ticks()) as ledger:
        store = store_of(ledger)

        def seal(connection: Connection) -> None:
            past.files[max(past.views, default=-1)] = ledger.path.read_bytes()  # nothing of this commit is in it yet
            projection.catch_up(connection)
            last = connection.execute("SELECT max(position) FROM event").fetchone()[0]
            past.views[last] = tables(connection)

        store.seal = seal
        everything(ledger, folder, erasing=False)
        past.files[store.head().position] = ledger.path.read_bytes()
    return folder / "ledger.db", past


def _commits(path: Path, past: Past) -> Iterator[str]:
    """Yield what differs between the views that grew and those of each commit, folded at once."""
    for position, stood in past.views.items():
        yield _differ(folded(path, position), stood, f"the views at {position}")


def _fold(path: Path, past: Past, chance: random.Random) -> str:
    """Fold to a drawn position in batches of a drawn size, and at once."""
    position = chance.choice([chance.choice(list(past.views)), chance.randrange(max(past.views) + 1)])
    batch = chance.choice([1, 2, 3, 7, 20, 64, 1000])
    with mock.patch.object(projection, "BATCH", batch):
        made = folded(path, position)
    stood = past.views.get(position) or folded(path, position)
    return _differ(made, stood, f"the views at {position} in batches of {batch}")


def _exports(path: Path, past: Past, folder: Path, chance: random.Random, count: int) -> Iterator[str]:
    """Yield what differs between an export as of a commit and the one that the file of then gives."""
    then = folder / "then.db"
    later = [position for position in past.files if position > 40]  # before that there is too little to export
    with Ledger.open(path) as now:
        for _ in range(count):
            position, view = chance.choice(later), chance.choice(EXPORTS[:3])
            then.write_bytes(past.files[position])
            with Ledger.open(then, trust=True) as before:
                made = _export(before, view, folder / "then.jsonl", None)
            again = _export(now, view, folder / "now.jsonl", position)
            yield "" if made == again else f"{view} as of {position} is not what it was"


def _export(ledger: Ledger, view: str, out: Path, position: int | None) -> bytes | None:
    """Return the rows of an export, or None where there is none to be made."""
    try:
        ledger.project(view, out, batch_size=2, no_gates=True, overwrite=True, as_of=position)
    except PlanImpossible:
        return None
    return out.read_bytes()


def _differ(made: Tables, stood: Tables, what: str) -> str:
    return "" if made == stood else f"{what} differ in {', '.join(name for name in stood if made[name] != stood[name])}"
