"""The report of an import of returned work: every row and every original by what became of it, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ledger.similarity.signals import SIGNALS
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.aligned import ALIGNED, BY, OPEN, STATES, Fate, Settled
from ledger.verbs.originals import Original
from ledger.verbs.returned import Row
from ledger.views import returned

Places = dict[int, tuple[str | None, int | None]]
"""Sample -> the source and the line that it was born from."""

CAME_OF = ("unchanged", "recorded", "known", "refused", "held")
"""What an aligned row comes to."""


class Report:
    """What became of the rows of `files`; `recorded` and the others of CAME_OF are counted while they are recorded."""

    def __init__(self, files: list[str], dry_run: bool, recipe: str) -> None:  # noqa: FBT001 - as it was asked
        """Begin; `recipe` is a digest in hex."""
        self.files = files
        self.settled: list[Settled] = []
        self.outstanding: list[str] = []
        self.recorded = self.known = self.held = 0
        self._dry_run = dry_run
        self._recipe = recipe
        self._of_files: list[list[int]] = []
        self._refused: list[tuple[Fate, str]] = []
        self._lost: list[int] = []
        self._stray: list[Row] = []

    def add(self, settled: Settled, files: list[int]) -> None:
        """Take in a batch, and the numbers of the files that it came back in."""
        self.settled.append(settled)
        self._of_files.append(files)

    def unplaced(self, files: list[int], rows: list[Row]) -> None:
        """Take in files that are no batch's, with their rows."""
        self._lost = files
        self._stray = rows

    def refuse(self, fate: Fate, reason: str) -> None:
        """Note that nobody may have the text of a row."""
        self._refused.append((fate, reason))

    def counts(self) -> dict[str, int]:
        """Return the counts; which parts add up to what stands in `ledger.verbs.revise`."""
        fates = [fate for settled in self.settled for fate in settled.fates]
        states = Counter(fate.state for fate in fates)
        for row in self._stray:
            states["unreadable" if row.read is None else "extra"] += 1
        return {
            "rows": len(fates) + len(self._stray),
            "aligned": states[ALIGNED],
            "unaligned": states.total() - states[ALIGNED],
            "missing": sum(len(settled.missing) for settled in self.settled),
            **{state: states[state] for state in OPEN},
            "reordered": sum(len(settled.reordered) for settled in self.settled),
            "unchanged": sum(fate.unchanged for fate in fates),
            "recorded": self.recorded,
            "known": self.known,
            "refused": len(self._refused),
            "held": self.held,
            "originals": sum(len(settled.batch.originals) for settled in self.settled),
            "gone": sum(len(settled.gone) for settled in self.settled),
        }

    def as_json(self, store: Store) -> dict[str, Any]:
        """Return the whole report; where originals came from is asked of the store."""
        named = [each for settled in self.settled for each in _told_of(settled)]
        chunks = in_chunks(sorted({original.sample for original in named}), 400)
        places = {sample: at for some in chunks for sample, at in returned.places(store.connection, some).items()}
        states = Counter(settled.state for settled in self.settled)
        fates = [fate for settled in self.settled for fate in settled.fates]
        by = Counter(fate.by for fate in fates)
        signals = Counter(name for fate in fates for name in fate.signals)
        return {
            **self.counts(),
            "states": {name: states[name] for name in STATES},
            "by": {name: by[name] for name in BY},
            "signals": {name: signals[name] for name in SIGNALS},
            "recipe": f"b3:{self._recipe}",
            "dry_run": self._dry_run,
            "outstanding": self.outstanding,
            "unplaced": self._unplaced(),
            "batches": {
                settled.batch.name: self._batch(settled, files, places)
                for settled, files in zip(self.settled, self._of_files, strict=True)
            },
        }

    def _batch(self, settled: Settled, files: list[int], places: Places) -> dict[str, Any]:
        states = Counter(fate.state for fate in settled.fates)
        perhaps: dict[int, list[dict[str, Any]]] = {}
        for fate in settled.fates:
            for original in fate.candidates:
                perhaps.setdefault(original.sample, []).append(self._place(fate.row))

        def origin(original: Original) -> dict[str, Any]:
            return _origin(original, places)

        def listed(fates: Iterable[Fate]) -> list[dict[str, Any]]:
            return [self._fate(fate, places) for fate in fates]

        refused = {id(fate): reason for fate, reason in self._refused}
        return {
            "state": settled.state,
            "batch": None if settled.batch.key is None else f"b3:{settled.batch.key.hex()}",
            "files": [self.files[number] for number in files],
            "originals": len(settled.batch.originals),
            "rows": len(settled.fates),
            "aligned": states[ALIGNED],
            "missing": [
                {**origin(original), "perhaps": perhaps.get(original.sample, [])} for original in settled.missing
            ],
            **{state: listed(fate for fate in settled.fates if fate.state == state) for state in OPEN},
            "reordered": listed(settled.reordered),
            "unchanged": listed(fate for fate in settled.fates if fate.unchanged),
            "refused": [
                {**self._fate(fate, places), "reason": refused[id(fate)]}
                for fate in settled.fates
                if id(fate) in refused
            ],
            "gone": [origin(original) for original in settled.gone],
        }

    def _fate(self, fate: Fate, places: Places) -> dict[str, Any]:
        """Return where a row stands, and what is known of where it is from."""
        told: dict[str, Any] = self._place(fate.row)
        if fate.original is not None:
            return {**told, "from": _origin(fate.original, places), "by": fate.by}
        if fate.state == "unreadable":
            return {**told, "reason": fate.row.reason}
        if fate.candidates:
            return {**told, "candidates": [_origin(each, places) for each in fate.candidates]}
        return {**told, "names": None if fate.row.sample is None else fate.row.sample.hex()}

    def _place(self, row: Row) -> dict[str, Any]:
        return {"file": self.files[row.place], "line": row.line}

    def _unplaced(self) -> list[dict[str, Any]]:
        counts = Counter(row.place for row in self._stray)
        return [{"file": self.files[place], "rows": counts[place]} for place in self._lost]


def _origin(original: Original, places: Places) -> dict[str, Any]:
    source, line = places[original.sample]
    return {"sample": original.id.hex(), "source": source, "line": line}


def _told_of(settled: Settled) -> Sequence[Original]:
    """Return the originals of a batch that the report may name."""
    named = [fate.original for fate in settled.fates if fate.original is not None]
    return [*named, *settled.missing, *settled.gone, *(each for fate in settled.fates for each in fate.candidates)]
