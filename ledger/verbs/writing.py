"""From a view to a file in the making: plan it, check it, write its rows, and say all of it in a manifest.

Each step is a function of the log up to one head and of what was asked for. Nothing here is put in its place or
recorded; `project` and `rebuild` do that.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ledger.digest import show
from ledger.errors import BadRequest, GatesFailed
from ledger.exporters import manifest
from ledger.exporters.card import About, DataFile
from ledger.exporters.columns import Shape, Unparquetable
from ledger.exporters.folder import folder_files, split_name
from ledger.exporters.gates import Gates, failed
from ledger.exporters.layouts import companions
from ledger.exporters.parquet import write_parquet, writer
from ledger.exporters.view_spec import ViewSpec
from ledger.store import Store
from ledger.transaction import Head
from ledger.verbs.asked import OLD_PLANS, Asked, layout_of
from ledger.verbs.check import Checked, check_planned
from ledger.verbs.files import WholeFile
from ledger.verbs.moment import reading
from ledger.verbs.plans import Planned, plan_of, plan_view
from ledger.verbs.rows import Label, lines
from ledger.version import VERSION
from ledger.views import policies

Progress = Callable[[int, int], None]
"""(rows done, rows in all)."""
_NONE = Gates(())


class How(NamedTuple):
    """What a projection is made with that changes no byte of its rows.

    `gates` None: it is not checked. `about`: what a dataset card says of it that only a person knows; with it a card
    and Croissant metadata are written beside the rows. `overwrite`: whatever stands in the place is replaced; `new`:
    nothing is, not even an export of this ledger.
    """

    gates: Gates | None = None
    workers: int = 1
    about: About | None = None
    overwrite: bool = False
    new: bool = False


class Written(NamedTuple):
    """A view as it was written: its manifest, what that only counts, and what belongs beside the file.

    `beside` makes that of a manifest, by name: of this one, or of the equal one that was recorded before. `defined` is
    the view and its text where it came from a file.
    """

    manifest: manifest.Manifest
    planned: Planned
    beside: Callable[[Mapping[str, Any]], dict[str, bytes]]
    defined: tuple[ViewSpec, str] | None = None


class Wanted(NamedTuple):
    """What is to be written: what `ask` finds at a moment, by a planner's version (None: today's), under a name."""

    ask: Callable[[Store], Asked]
    plan: str | None
    as_of: str | int | None
    name: str


def write_view(store: Store, wanted: Wanted, file: WholeFile, how: How, progress: Progress) -> Written:
    """Plan a view, check it, write its rows to `file`, and say all of it in a manifest.

    Raises GatesFailed before any row is written, and what plans and rows raise.
    """
    with reading(store, wanted.as_of) as (there, head):
        asked = wanted.ask(there)
        if asked.spec.type == "samples":  # for reading: nobody trains on it
            how = how._replace(gates=None)
        version = wanted.plan or plan_of(asked.spec)
        planned = plan_view(there, asked, version)
        checked = None if version in OLD_PLANS else _checked(there, asked, planned, how)
        seen = _Seen(described=how.about is not None)
        total = len(planned.rows)

        def made() -> Chunks:
            return lines(there, asked, planned, file.place.parent, lambda done: progress(done, total), how.workers)

        _write(made, asked, _Tee(file, seen), seen.rows)
        policy = manifest.policy_json((one.campaign, one.digest) for one in policies.in_force(there.connection))
    file.settle()
    progress(total, total)
    output: dict[str, Any] = {"blake3": show(file.digest), "bytes": file.size, "name": wanted.name}
    if asked.params.container == "parquet":
        output["writer"] = writer()
    value = _value(store, asked, version, planned, head, seen.labels, output) | {"policy": policy}
    if checked is None:
        return Written(manifest.Manifest(value | {"manifest": 1}), planned, lambda _: {})
    value |= _weighed(asked, planned) | _judged(checked, how)
    value["unrendered"] = 0 if asked.ruler is None else asked.ruler.unrendered
    beside = partial(_beside, asked, planned, seen, how)
    value["beside"] = [manifest.file_json(one, body) for one, body in sorted(beside(value).items())]
    return Written(manifest.Manifest(value), planned, beside, asked.defined)


def _checked(store: Store, asked: Asked, planned: Planned, how: How) -> Checked:
    """Return what the gates say; raise GatesFailed where one that is an error fails."""
    checked = check_planned(store, asked, planned, how.gates or _NONE)
    stopped = [_stop(one) for one in failed(checked.gates)]
    if stopped:
        raise GatesFailed(asked.spec.name, ", ".join(stopped))
    return checked


def _stop(result: Mapping[str, Any]) -> str:
    """Return what a gate found and what it wants."""
    words = {"max": "at most", "min": "at least"}
    wanted = ", ".join(f"{words[key]} {value}" for key, value in (result["limit"] or {}).items())
    return f"{result['name']} is {result['observed']} ({wanted})"


class _Seen:
    """What is learnt of rows as they pass: how many have each label, and what a card says of the file."""

    def __init__(self, *, described: bool) -> None:
        self.labels: Counter[bool | None] = Counter()
        self.shape = Shape() if described else None
        self.sha256 = hashlib.sha256() if described else None

    def rows(self, lines_of: Sequence[bytes], labels: Sequence[Label]) -> None:
        """Take note of rows."""
        self.labels.update(labels)
        if self.shape is not None:
            for line in lines_of:
                self.shape.see(line)

    def bytes(self, data: bytes) -> None:
        """Take note of bytes of the file."""
        if self.sha256 is not None:
            self.sha256.update(data)


class _Tee:
    """A file that tells what is written to it."""

    def __init__(self, file: WholeFile, seen: _Seen) -> None:
        self._file, self._seen = file, seen

    def write(self, data: bytes, /) -> None:
        """Append bytes."""
        self._file.write(data)
        self._seen.bytes(data)


Chunks = Iterator[tuple[list[bytes], list[Label]]]
Note = Callable[[Sequence[bytes], Sequence[Label]], None]
"""Hears of rows and their labels as they are written."""


def _write(made: Callable[[], Chunks], asked: Asked, place: _Tee, note: Note) -> None:
    """Write all rows. Parquet needs to know the columns first, so that its rows are made twice."""
    if asked.params.container != "parquet":
        for rows, labels in made():
            note(rows, labels)
            place.write(b"".join(rows))
        return
    shape = Shape()
    try:
        for rows, _ in made():
            for line in rows:
                shape.see(line)
        write_parquet(_told(made(), note), place, shape.columns())
    except Unparquetable as error:
        told = (
            f"These rows cannot stand in Parquet: {str(error).rstrip('.')}. Write them as JSONL, or --tool-args string"
        )
        raise BadRequest(told) from error


def _told(chunks: Chunks, note: Note) -> Iterator[bytes]:
    for rows, labels in chunks:
        note(rows, labels)
        yield from rows


def _value(
    store: Store,
    asked: Asked,
    plan: str,
    planned: Planned,
    head: Head,
    labels: Mapping[bool | None, int],
    output: dict[str, Any],
) -> dict[str, Any]:
    """Return what every manifest says."""
    return {
        "considered": planned.used + sum(planned.counts.values()),
        "form": planned.form,
        "head": manifest.head_json(head.position, head.root),
        "labels": {"false": labels[False], "none": labels[None], "true": labels[True]},
        "ledger": store.ledger_id,
        "manifest": manifest.VERSION,
        "omitted": planned.counts,
        "output": output,
        "params": asked.params.recorded(plan),
        "plan": plan,
        "rows": len(planned.rows),
        "tool": VERSION,
        "type": _type(asked, labels),
        "used": planned.used,
        "view": asked.spec.name,
    }


def _type(asked: Asked, labels: Mapping[bool | None, int]) -> str:
    """Return what a trainer can take the rows as; a row without a label is no row of unpaired preferences."""
    if asked.spec.type != "auto":
        return asked.spec.type
    return "prompt_completion" if labels[None] else "unpaired_preference"


def _weighed(asked: Asked, planned: Planned) -> dict[str, Any]:
    """Return how weights were taken and, of an interleaved file, what the planner says of its windows."""
    distinct = len({*planned.rows})
    weights = {"mode": asked.spec.weights, "repeated": len(planned.rows) - distinct, "rows": len(planned.rows)}
    return {"interleaving": planned.facts, "weights": weights}


def _judged(checked: Checked, how: How) -> dict[str, Any]:
    """Return the composition, and the gates that it passed; null for their digest says that it was not checked."""
    return {
        "composition": checked.composition,
        "gates": checked.gates,
        "gates_digest": None if how.gates is None else show(how.gates.digest),
    }


def _beside(asked: Asked, planned: Planned, seen: _Seen, how: How, value: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files that belong beside the rows of a manifest, by name."""
    layout = layout_of(asked, planned.form)
    output = value["output"]
    beside = {} if layout is None else dict(companions(layout, output["name"], len(planned.rows)))
    if how.about is not None and seen.shape is not None and seen.sha256 is not None:
        split = split_name(asked.spec.name, asked.spec.split)
        file = DataFile(output["name"], output["blake3"], output["bytes"], seen.sha256.hexdigest(), split)
        columns = seen.shape.columns()
        try:
            beside |= folder_files(_without_beside(value), value["composition"], [file], columns, how.about)
        except ValueError as error:
            raise BadRequest(str(error)) from error
    return beside


def _without_beside(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest for the card: what it names beside the rows is not there yet."""
    return {key: told for key, told in value.items() if key != "beside"}
