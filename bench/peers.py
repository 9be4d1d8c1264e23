"""What other tools do with the same lines: each function does one job in a folder and returns how many it was for.

Every tool is used as its own documentation shows, and left to its own settings, but for what makes it durable and
lets it take the lines at all. None of them knows duplicates, conflicts, decisions or windows; what the ledger does
more than they is in its time. A folder holds samples.jsonl.
"""

from __future__ import annotations

import importlib
import os
import shutil
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import work

SQLITE_UTILS, EVENTS, ARROW = "sqlite_utils.db", "eventsourcing.db", "arrow"
"""What each of them leaves in the folder."""
_AT_ONCE = 10_000


def sqlite_utils_insert(folder: Path) -> int:
    """Insert the lines as `sqlite-utils insert FILE samples LINES --nl --alter` does: one column for each key."""
    from sqlite_utils import Database  # noqa: PLC0415 - each peer is loaded by its own job only
    from sqlite_utils.cli import cli  # noqa: PLC0415 - likewise

    target = _fresh(folder / SQLITE_UTILS)
    said = ["insert", str(target), "samples", str(folder / work.SOURCE), "--nl", "--alter", "--silent"]
    cli.main(said, standalone_mode=False)
    return int(Database(target)["samples"].count)


@cache
def _sample() -> Any:  # noqa: ANN401 - a class of a package that may not be there
    """Return the aggregate; eventsourcing writes its name into each event and looks it up again when it reads."""
    from eventsourcing.domain import Aggregate  # noqa: PLC0415 - likewise
    from eventsourcing.utils import register_topic  # noqa: PLC0415 - likewise

    class Sample(Aggregate):
        def __init__(self, body: str) -> None:
            self.body = body

    for made in (Sample, Sample.Created):
        register_topic(f"{made.__module__}:{made.__qualname__}", made)
    return Sample


def eventsourcing_save(folder: Path) -> int:
    """Save an aggregate with one event for each line, by eventsourcing's SQLite recorder, many in one transaction."""
    Sample = _sample()  # noqa: N806 - a class
    app = _application(_fresh(folder / EVENTS))
    saved = 0
    with (folder / work.SOURCE).open(encoding="utf-8") as lines:
        while some := [Sample(body=line.rstrip("\n")) for line in islice(lines, _AT_ONCE)]:
            app.save(*some)
            saved += len(some)
    app.close()
    return saved


def eventsourcing_fold(folder: Path) -> int:
    """Read every event again, in order, and count the samples of each size: the least that a projection can do."""
    _sample()
    app = _application(folder / EVENTS)
    sizes: dict[int, int] = {}
    last = 0
    while some := app.recorder.select_notifications(last + 1, _AT_ONCE):
        for notification in some:
            size = len(app.mapper.to_domain_event(notification).body)
            sizes[size] = sizes.get(size, 0) + 1
        last = some[-1].id
    app.close()
    return sum(sizes.values())


def datasets_read(folder: Path) -> int:
    """Make an Arrow file of the lines, as `Dataset.from_json` does."""
    return len(_dataset(folder, fresh=True))


def datasets_interleave(folder: Path) -> int:
    """Do what people write with `datasets`: map to rows, filter by label, shuffle, interleave, write JSON."""
    datasets = _datasets()
    rows = _dataset(folder, fresh=False)
    others = [name for name in rows.column_names if name != "label"]
    rows = rows.map(_row, remove_columns=others, load_from_cache_file=False)
    good, bad = (
        rows.filter(lambda label, wanted=wanted: label is wanted, input_columns="label", load_from_cache_file=False)
        for wanted in (True, False)
    )
    mixed = datasets.interleave_datasets([good.shuffle(seed=0), bad.shuffle(seed=0)])
    mixed.to_json(str(folder / "datasets.jsonl"), force_ascii=False)
    return len(mixed)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    *prompt, answer = line["conversations"]
    return {"prompt": prompt, "completion": [answer]}


def _dataset(folder: Path, *, fresh: bool) -> Any:  # noqa: ANN401 - of a package that need not be there
    cache = folder / ARROW
    if fresh:
        shutil.rmtree(cache, ignore_errors=True)
    return _datasets().Dataset.from_json(str(folder / work.SOURCE), cache_dir=str(cache))


def _datasets() -> Any:  # noqa: ANN401 - likewise
    os.environ["HF_HUB_OFFLINE"] = "1"
    datasets = importlib.import_module("datasets")
    datasets.disable_progress_bars()
    return datasets


def _application(path: Path) -> Any:  # noqa: ANN401 - its recorder has what only SQLite's has
    from eventsourcing.application import Application  # noqa: PLC0415 - likewise

    return Application[UUID](env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})


def _fresh(path: Path) -> Path:
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    return path
