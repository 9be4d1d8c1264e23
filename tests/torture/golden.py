"""R12: ledgers that earlier releases wrote, with their exports: each later one opens them and makes the same bytes.

`python -m tests.torture.golden` writes the ledger of this release, with an event of every kind, into
tests/data/golden/VERSION. That is done once for a release; a folder that is there is never written again.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import ErasedBytes, LedgerError
from ledger.event import KINDS
from tests.logs import Ticks, store_of, tables
from tests.torture.everything import EXPORTS, absent, everything
from tests.torture.table import Row, Scale, row

DATA = Path(__file__).parents[1] / "data"
RELEASES = DATA / "golden"
VERSION = "0.2"
FIRST = DATA / "first_release"
"""What stood for a golden ledger before there were any: a ledger and four exports, without facts."""

FILE, FACTS = "ledger.db.gz", "facts.json"
COUNTS = ("samples", "blobs", "fingerprints", "by_status", "by_label", "by_split", "quarantined", "events")
README = """# A ledger as release {version} wrote it

`ledger.db.gz` holds an event of every kind that the release knew, made up of some thirty rows; beside it stand exports
of its views with their manifests, and in `facts.json` what its own release said of it. Made by
`python -m tests.torture.golden`; never made again. `tests/test_torture_golden.py` holds that every later release opens
it, finds nothing wrong, folds the same views and makes the same exports byte for byte.
"""


def make(folder: Path, version: str = VERSION) -> None:
    """Write a ledger with everything, its exports and what is true of it into a new folder."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with Ledger.init(work / "ledger.db", actor="golden", clock=Ticks()) as ledger:
            everything(ledger, work)
            if lacking := absent(ledger):
                sys.exit(f"the ledger holds no event of these kinds: {', '.join(sorted(lacking))}")
            for view in EXPORTS:
                ledger.project(view, folder / f"{view}.jsonl", batch_size=2, no_gates=True)
            facts = {"version": version, "kinds": sorted(KINDS.keys() - absent(ledger)), **_facts(ledger)}
        packed = gzip.compress((work / "ledger.db").read_bytes(), mtime=0)
    (folder / FILE).write_bytes(packed)
    (folder / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(README.format(version=version), encoding="utf-8")


def problems(folder: Path, scratch: Path) -> Iterator[str]:
    """Yield a sentence for each thing that today's program does otherwise, and "" for each that holds."""
    path = scratch / "ledger.db"
    path.write_bytes(gzip.decompress((folder / FILE).read_bytes()))
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8")) if (folder / FACTS).exists() else {}
    try:
        with Ledger.open(path) as ledger:
            for name, holds in _claims(ledger, facts).items():
                yield "" if holds() else f"{folder.name}: {name}"
            for manifest in sorted(folder.glob("*.manifest.json")):
                yield _made_again(ledger, manifest, scratch, facts)
            yield "" if _sound(ledger) else f"{folder.name}: it has findings after its exports were made again"
    except LedgerError as error:
        yield f"{folder.name}: {type(error).__name__}: {error}"


def run(scale: Scale) -> Row:
    """Check every golden ledger, and one that this program makes now."""
    del scale  # there is no smaller form
    cases: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folders = [FIRST, *sorted(folder for folder in RELEASES.glob("*") if folder.is_dir())]
        make(work / "now", "now")  # so that what is written today is checked like what was written before
        folders.append(work / "now")
        for number, folder in enumerate(folders):
            (work / str(number)).mkdir()
            cases += problems(folder, work / str(number))
    names = ", ".join(folder.name for folder in folders)
    how = "ledgers as earlier releases wrote them: opened, verified, folded anew, exported again, byte for byte"
    return row("R12", "golden ledgers", how, len(cases), [case for case in cases if case], names)


def _claims(ledger: Ledger, facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    now = _facts(ledger)
    claims: dict[str, Callable[[], bool]] = {
        "it has findings": lambda: _sound(ledger),
        "its views are not those of a new fold": lambda: _folds(ledger),
    }
    for name in ("root", "ledger", "counts", "digests") if facts else ():
        claims[f"its {name}: {now[name]}, not {facts[name]}"] = partial(eq, now[name], facts[name])
    if facts:
        claims["a kind of events is gone"] = lambda: not set(facts["kinds"]) & absent(ledger)
    return claims


def _facts(ledger: Ledger) -> dict[str, Any]:
    """Return what a release says of a ledger: its head, its counts, and how each sample stands."""
    status = ledger.status()
    stand = [_stand(ledger, event["event"]) for event in ledger.log(limit=10**6) if event["kind"] == "ingested"]
    return {
        "root": status["head"]["root"],
        "ledger": store_of(ledger).ledger_id,
        "counts": {name: status[name] for name in COUNTS},
        "digests": {"samples": show(blake3_bytes(json.dumps(stand).encode()))},
    }


def _stand(ledger: Ledger, sample: str) -> list[Any]:
    shown = ledger.show(sample)
    names = ("sample", "version", "status", "label", "split", "tags", "times", "fingerprint")
    return [shown.get(name) for name in names]


def _sound(ledger: Ledger) -> bool:
    return not ledger.verify()["findings"]


def _folds(ledger: Ledger) -> bool:
    grown = tables(store_of(ledger).connection)
    ledger.rebuild_views()
    return tables(store_of(ledger).connection) == grown


def _made_again(ledger: Ledger, manifest: Path, scratch: Path, facts: dict[str, Any]) -> str:
    """Return what is wrong with making an export again: from its manifest, and as of the moment that it names."""
    rows = manifest.with_name(manifest.name.removesuffix(".manifest.json"))
    out = scratch / rows.name
    try:
        ledger.rebuild(manifest, out)
    except ErasedBytes as error:
        return f"{rows.name}: {error}"
    if out.read_bytes() != rows.read_bytes():
        return f"{rows.name} was made again otherwise"
    if not facts:  # an export of a program whose planner was another
        return ""
    told = json.loads(manifest.read_text(encoding="utf-8"))
    view, again = told["view"], scratch / f"again-{rows.name}"
    position = told["head"]["position"]
    ledger.project(view, again, batch_size=2, no_gates=True, as_of=position)
    return "" if again.read_bytes() == rows.read_bytes() else f"{rows.name} as of {position} is another"


if __name__ == "__main__":
    make(RELEASES / VERSION)
