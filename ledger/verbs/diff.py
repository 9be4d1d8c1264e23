"""Diff: which samples differ between two moments, two views or two releases, and how. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, ForeignManifest, NoSuchPosition
from ledger.exporters.lengths import ESTIMATE
from ledger.exporters.manifest import SUFFIX, Manifest
from ledger.exporters.view_spec import BUILT_IN
from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.verbs.asked import Asked, ProjectParams, params_of
from ledger.verbs.ids import NOW, position_of
from ledger.verbs.moment import reading
from ledger.verbs.plans import Planned, plan_of, plan_view, plans_for
from ledger.verbs.rebuild import manifest_bytes
from ledger.verbs.requests import Request, ask, spec_at
from ledger.verbs.view import SUFFIX as TOML
from ledger.views import changes, defined

LIMIT = 20
"""Samples that are listed; all are counted."""
WAYS = changes.WAYS
"""Words for the last position."""


class Recorded(NamedTuple):
    """A manifest that this ledger recorded, and the position of its release."""

    path: Path
    manifest: Manifest
    release: int


class Side(NamedTuple):
    """One side of a comparison as it was named; a side that names no moment is at `position`, the last one.

    Without `view` and `manifest` it is all samples at that position.
    """

    name: str
    position: int
    view: str | None = None
    manifest: Recorded | None = None

    @property
    def kind(self) -> str:
        """Return moment, view or manifest."""
        return "moment" if self.view is None and self.manifest is None else "view" if self.view else "manifest"


class Page(NamedTuple):
    """Which of the samples that differ are listed: those that differ in one way, how many, after how many."""

    only: str | None = None
    limit: int = LIMIT
    offset: int = 0


def diff(
    store: Store, one: str | int | Path, other: str | int | Path, view: str | None, as_of: str | int | None, page: Page
) -> dict[str, Any]:
    """Return what differs on the way from one side to the other: counts, turns, and a page of samples.

    A side is a position, a time, `now`, a view (its name or file), or a manifest (or the file that it stands beside).
    A moment beside a view or a manifest is that view at that moment; `view` lets two moments be so. `as_of` is what
    `now` means, and nothing later is known. Raises BadRequest, NoSuchPosition, ManifestUnreadable, ForeignManifest,
    PlanImpossible, ViewInvalid, InputNotFound.
    """
    if page.only is not None and page.only not in changes.WAYS:
        raise BadRequest(f"Nothing differs as {page.only!r}; there are {', '.join(changes.WAYS)}")
    with sqlite.plain_errors(store.path), sqlite.snapshot(store.connection):
        last = store.head().position if as_of is None else position_of(store, str(as_of))
        a, b = (_named(store, str(text), last) for text in (one, other))
        if view is not None:
            a, b = (_seen(side, view) for side in (a, b))
        a, b = _beside(a, b), _beside(b, a)
        with changes.held(store.connection), ExitStack() as moments:
            _fill(store, a, b, moments)
            counts = changes.compare(store.connection)
            return _answer(store, a, b, counts, page)


def _named(store: Store, text: str, last: int) -> Side:
    """Return the side that a text names; raise BadRequest where it names nothing."""
    if text in NOW:
        return Side(text, last)
    if _is_moment(text):
        position = position_of(store, text)
        if position > last:
            raise NoSuchPosition(text, f"ends at {last}")
        return Side(text, position)
    if (path := _manifest_of(text)) is not None:
        found = _recorded(store, path, last)
        return Side(text, found.manifest.position, manifest=found)
    if "/" not in text and not text.endswith(TOML) and text not in {*BUILT_IN, *defined.names(store.connection)}:
        raise BadRequest(
            f"{text[:100]!r} is neither a position, a time, a view nor a manifest",
            hint="Name a moment (@120, 2026-01-31T12:00Z, now), one of `ledger view list`, or an export's manifest.",
        )
    return Side(text, last, view=text)


def _beside(side: Side, other: Side) -> Side:
    """Return a moment beside a view as that view at the moment; anything else as it is."""
    return side._replace(view=other.view) if side.kind == "moment" and other.kind == "view" else side


def _is_moment(text: str) -> bool:
    if text.removeprefix("@").isdecimal():
        return True
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _manifest_of(text: str) -> Path | None:
    """Return the manifest that a text names, itself or by the file beside which it stands."""
    if text.endswith(SUFFIX):
        return Path(text)
    beside = Path(text + SUFFIX)
    return beside if beside.is_file() else None


def _recorded(store: Store, path: Path, last: int) -> Recorded:
    """Return a manifest with its release; raise ManifestUnreadable, and ForeignManifest for one not recorded here."""
    data, manifest = manifest_bytes(path)
    if manifest.value["ledger"] != store.ledger_id:
        raise ForeignManifest(f"it names the ledger {manifest.value['ledger']}, this one is {store.ledger_id}")
    release = changes.release_of(store.connection, blake3_bytes(data), last)
    if release is None:
        raise ForeignManifest(f"no release up to position {last} has exactly these bytes for a manifest")
    return Recorded(path, manifest, release)


def _seen(side: Side, view: str) -> Side:
    """Return a moment as what a view takes then; raise BadRequest where it is no moment."""
    if side.kind != "moment":
        raise BadRequest(f"--view is what two moments are seen through, and {side.name!r} is none")
    return side._replace(view=view)


def _fill(store: Store, a: Side, b: Side, moments: ExitStack) -> None:
    """Fill both sides' tables."""
    head = store.head().position
    if a.kind == b.kind == "moment":
        changes.ask_touched(store.connection, a.position, b.position)
        chosen = False
    else:
        open_at: dict[int, Store] = {head: store}
        for letter, side, other in (("a", a, b), ("b", b, a)):
            _choose(store, letter, (side, other), open_at, moments)
        changes.ask_chosen(store.connection)
        chosen = True
    for letter, side in zip(changes.SIDES, (a, b), strict=True):
        changes.stand(store.connection, letter, side.position, head=head, chosen=chosen)


def _choose(store: Store, letter: str, sides: tuple[Side, Side], open_at: dict[int, Store], moments: ExitStack) -> None:
    """Say which samples a side holds: those of its release, or those that its view takes at its moment."""
    side, other = sides
    if side.manifest is not None:
        changes.choose_released(store.connection, letter, side.manifest.release)
        return
    if side.position not in open_at:
        open_at[side.position] = moments.enter_context(reading(store, side.position))[0]
    there = open_at[side.position]
    if side.view is None and other.manifest is not None:
        planned = _planned_again(there, other.manifest)
    else:
        params = ProjectParams() if other.manifest is None else _like(other.manifest)
        planned = _planned(there, side.view or "", params)
    changes.choose(store.connection, letter, _rows(planned))


def _planned(store: Store, view: str, params: ProjectParams) -> Planned:
    """Plan a view, with the settings of the manifest that it is compared with where there is one."""
    asked = ask(store, Request(view, params).checked())
    return plan_view(store, asked, plan_of(asked.spec))


def _planned_again(store: Store, recorded: Recorded) -> Planned:
    """Plan what a manifest's file would be made of at another moment: the same view, settings and planner."""
    value = recorded.manifest.value
    params = params_of(value["plan"], value["params"])
    spec = spec_at(store, value["view"], params)
    plan = value["plan"] if value["plan"] in plans_for(spec) else plan_of(spec)
    return plan_view(store, Asked(params, spec, None if params.max_length is None else _ruler(recorded)), plan)


def _like(recorded: Recorded) -> ProjectParams:
    """Return the settings of a manifest, for another view."""
    value = recorded.manifest.value
    params = params_of(value["plan"], value["params"])
    if params.max_length is not None:
        _ruler(recorded)
    return replace(params, view=None, type=None, lengths=None)


def _ruler(recorded: Recorded) -> Any:  # noqa: ANN401 - the one ruler that needs no files
    """Return what measured a manifest's prompts, where that needs no tokenizer; raise BadRequest."""
    if recorded.manifest.value["params"].get("lengths") != ESTIMATE.identity:
        raise BadRequest(
            f"{recorded.path} left out what a tokenizer found too long, and a tokenizer is no part of a ledger",
            hint="Make the other side with `ledger project --tokenizer`, and compare the two manifests.",
        )
    return ESTIMATE


def _rows(planned: Planned) -> Iterable[tuple[int, int]]:
    """Return the samples of a plan with the rows that each has, or what its weight makes of them."""
    rows = Counter([*planned.rows, *planned.rejected])
    column = planned.column or {}
    return ((sample, count * column.get(sample, 1)) for sample, count in rows.items())


def _answer(store: Store, a: Side, b: Side, counts: dict[str, int], page: Page) -> dict[str, Any]:
    selections = not a.kind == b.kind == "moment"
    listed = changes.listed(store.connection, page.only, page.limit, page.offset)
    found = counts["samples" if page.only is None else page.only]
    return {
        "a": _side_json(store, "a", a, b, selection=selections),
        "b": _side_json(store, "b", b, a, selection=selections),
        "counts": counts,
        "turns": {fact: _turns(store, fact) for fact in changes.TURNS},
        "samples": [_sample_json(one) for one in listed],
        "only": page.only,
        "offset": page.offset,
        "left": max(0, found - page.offset - len(listed)),
    }


def _side_json(store: Store, letter: str, side: Side, other: Side, *, selection: bool) -> dict[str, Any]:
    rows: int | None = None
    samples = changes.born(store.connection, side.position)
    if selection:
        samples, rows = changes.held_by(store.connection, letter)
    recorded = side.manifest or (None if side.view else other.manifest)
    return {
        "kind": side.kind,
        "name": side.name,
        "view": side.view if recorded is None else recorded.manifest.value["view"],
        "position": side.position,
        "root": show(store.root_at(side.position)),
        "time": _time(store, side.position),
        "samples": samples,
        "rows": rows,
    }


def _time(store: Store, position: int) -> str | None:
    event = store.event(position)
    return None if event is None else time_text(leaf_of(store, event[1])["at"])


def _turns(store: Store, fact: str) -> list[dict[str, Any]]:
    plain = _label if fact == "label" else str
    return [
        {
            "from": None if turn.before is None else plain(turn.before),
            "to": None if turn.after is None else plain(turn.after),
            "samples": turn.samples,
        }
        for turn in changes.turns(store.connection, fact)
    ]


def _label(value: object) -> bool:
    return bool(value)


def _sample_json(one: changes.Differing) -> dict[str, Any]:
    return {
        "sample": one.id.hex(),
        "ways": list(one.ways),
        "campaign": one.campaign,
        "source": one.source,
        "domain": one.domain,
        "a": _stood_json(one.a),
        "b": _stood_json(one.b),
    }


def _stood_json(stood: changes.Stood | None) -> dict[str, Any] | None:
    if stood is None:
        return None
    return {
        "version": show(stood.version),
        "label": None if stood.label is None else bool(stood.label),
        "split": stood.split,
        "status": stood.status,
        "times": stood.times,
    }
