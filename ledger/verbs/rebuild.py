"""Rebuild: make the file of a manifest again from the log alone, byte for byte."""

from __future__ import annotations

from pathlib import Path

from ledger.digest import show
from ledger.errors import BadRequest, ExportChanged, ForeignManifest, ManifestUnreadable, NotReproduced, NotWritable
from ledger.exporters import manifest
from ledger.sqlite import plain_errors as plain_sqlite_errors
from ledger.store import Store
from ledger.verbs.files import WholeFile, digest_of_file, place_for, plain_errors
from ledger.verbs.plans import RECORDED, VIEWS, ProjectParams, plans_for
from ledger.verbs.project import Progress, write_view

_MAY_DIFFER = frozenset({"tool"})
"""What a rebuilt manifest need not repeat: the version of the program that made it."""


def rebuild(store: Store, source: Path, out: Path | None, progress: Progress) -> tuple[manifest.Manifest, Path]:
    """Make the file of a manifest again and return the manifest and where the file stands.

    Raises ManifestUnreadable, ForeignManifest, NotReproduced, ExportChanged, NotWritable, DiskFull; then nothing is
    written.
    """
    wanted = load_manifest(source)
    params = _params(source, wanted)
    name = wanted.value["output"]["name"]
    target = out or source.with_name(name)
    place = place_for(target, store.path)
    if place == source.resolve():
        raise NotWritable(target, "it is the manifest itself")
    with plain_sqlite_errors(store.path):
        _check_origin(store, wanted)
    with plain_errors(target):
        if out is None and place.exists() and digest_of_file(place) != wanted.output:
            raise ExportChanged(target)
    with WholeFile(place) as file:
        try:
            made = write_view(store, params, wanted.value["plan"], file, name, str(wanted.position), progress)
        except BadRequest as error:
            raise ManifestUnreadable(source, error) from error
        _compare(made.manifest, wanted)
        file.put()
    return wanted, target


def load_manifest(path: Path) -> manifest.Manifest:
    """Return the manifest in a file; raise ManifestUnreadable."""
    try:
        return manifest.read_manifest(path.read_bytes())
    except OSError as error:
        raise ManifestUnreadable(path, error.strerror) from error
    except manifest.BadManifest as error:
        raise ManifestUnreadable(path, error) from error


def _params(source: Path, wanted: manifest.Manifest) -> ProjectParams:
    """Return what the manifest says was asked for; raise ManifestUnreadable for what this program cannot do."""
    view, plan, asked = wanted.value["view"], wanted.value["plan"], wanted.value["params"]
    if view not in VIEWS:
        raise ManifestUnreadable(source, f"there is no view {view!r} in this version")
    if plan not in plans_for(view):
        raise ManifestUnreadable(source, f"this version cannot plan {view} as {plan!r}")
    if asked.keys() != RECORDED[plan]:
        names = ", ".join(sorted(RECORDED[plan]))
        raise ManifestUnreadable(source, f"the parameters of {view} are {names}, not {', '.join(sorted(asked))}")
    try:
        return ProjectParams(view, **asked).checked()
    except BadRequest as error:
        raise ManifestUnreadable(source, error) from error


def _check_origin(store: Store, wanted: manifest.Manifest) -> None:
    if wanted.value["ledger"] != store.ledger_id:
        raise ForeignManifest(f"it names the ledger {wanted.value['ledger']}, this one is {store.ledger_id}")
    head = store.head().position
    if wanted.position > head:
        raise ForeignManifest(f"it was made at position {wanted.position}, this ledger ends at {head}")
    if store.root_at(wanted.position) != wanted.root:
        raise ForeignManifest(f"the events up to position {wanted.position} are not those it was made from")


def _compare(made: manifest.Manifest, wanted: manifest.Manifest) -> None:
    """Raise NotReproduced unless the bytes are those of the manifest, and so is everything that it counts."""
    if made.output != wanted.output:
        raise NotReproduced(f"{show(made.output)}, not {show(wanted.output)}")
    for key, value in made.value.items():
        if key not in _MAY_DIFFER and wanted.value.get(key) != value:
            raise NotReproduced(f"the rows are, but {key!r} is {value!r}, not {wanted.value.get(key)!r}")
