"""Rebuild: make the file of a manifest again from the log alone, byte for byte."""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from ledger.digest import show
from ledger.errors import BadRequest, ExportChanged, ForeignManifest, ManifestUnreadable, NotReproduced, NotWritable
from ledger.exporters import manifest
from ledger.sqlite import plain_errors as plain_sqlite_errors
from ledger.store import Store
from ledger.verbs.asked import RECORDED, Asked, params_of
from ledger.verbs.files import WholeFile, digest_of_file, place_for, plain_errors, read_whole
from ledger.verbs.plans import plans_for
from ledger.verbs.requests import spec_at
from ledger.verbs.writing import How, Progress, Wanted, write_view
from ledger.views import releases

_MAY_DIFFER = frozenset({"beside", "gates", "gates_digest", "tool", "unrendered"})
"""What a rebuilt manifest need not repeat: the version of the program that made it, what it was checked against, and
the files beside it, which tell of both; and how many prompts a template could not take."""


def rebuild(
    store: Store, source: Path, out: Path | None, progress: Progress, workers: int = 1
) -> tuple[manifest.Manifest, Path]:
    """Make the file of a manifest again and return the manifest and where the file stands.

    Raises ManifestUnreadable, ForeignManifest, NotReproduced, ErasedBytes, ExportChanged, NotWritable, DiskFull; then
    nothing is written.
    """
    wanted = load_manifest(source)
    name = wanted.value["output"]["name"]
    target = out or source.with_name(name)
    place = place_for(target, store.path)
    if place == source.resolve():
        raise NotWritable(target, "it is the manifest itself")
    with plain_sqlite_errors(store.path):
        _check_origin(store, wanted)
        asked = _asked(store, source, wanted)
    with plain_errors(target):
        if out is None and place.exists() and digest_of_file(place) != wanted.output:
            raise ExportChanged(target)
    with WholeFile(place) as file:
        try:
            again = Wanted(lambda _: asked, wanted.value["plan"], str(wanted.position), name)
            made = write_view(store, again, file, How(workers=workers), progress)
        except BadRequest as error:
            raise ManifestUnreadable(source, error) from error
        _compare(made.manifest, wanted)
        file.put()
    return wanted, target


def load_manifest(path: Path) -> manifest.Manifest:
    """Return the manifest in a file; raise ManifestUnreadable."""
    return manifest_bytes(path)[1]


def manifest_bytes(path: Path) -> tuple[bytes, manifest.Manifest]:
    """Return a file as it stands, and the manifest in it; raise ManifestUnreadable."""
    try:
        data = read_whole(path)
        return data, manifest.read_manifest(data)
    except OSError as error:
        raise ManifestUnreadable(path, error.strerror) from error
    except manifest.BadManifest as error:
        raise ManifestUnreadable(path, error) from error


def _asked(store: Store, source: Path, wanted: manifest.Manifest) -> Asked:
    """Return what the manifest says was asked for; raise ManifestUnreadable for what this program cannot do."""
    view, plan = wanted.value["view"], wanted.value["plan"]
    if plan not in RECORDED:
        raise ManifestUnreadable(source, f"this version cannot plan {view} as {plan!r}")
    try:
        params = params_of(plan, wanted.value["params"])
        spec = spec_at(store, view, params)
    except BadRequest as error:
        raise ManifestUnreadable(source, error) from error
    if plan not in plans_for(spec):
        raise ManifestUnreadable(source, f"this version cannot plan {view} as {plan!r}")
    if params.max_length is None:
        return Asked(params, spec)
    marked = releases.left_out_by(store.connection, blake3(wanted.to_bytes()).digest(), "too_long")
    if marked is None:
        raise ManifestUnreadable(source, "it is not the one that was recorded, and what was too long stands only there")
    return Asked(params, spec, None, frozenset(marked))


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
        raise NotReproduced(f"{show(made.output)}, not {show(wanted.output)}{_writers(made, wanted)}")
    for key, value in made.value.items():
        if key in _MAY_DIFFER:
            continue
        told = wanted.value.get(key)
        if key == "omitted":  # later planners have more reasons than earlier manifests name
            told = dict.fromkeys(value, 0) | dict(wanted.value["omitted"])
        if told != value:
            raise NotReproduced(f"the rows are, but {key!r} is {value!r}, not {told!r}")


def _writers(made: manifest.Manifest, wanted: manifest.Manifest) -> str:
    """Return which programs wrote the two files, where another one may write other bytes."""
    ours, theirs = (one.value["output"].get("writer") for one in (made, wanted))
    return "" if ours == theirs else f"; it was written by {theirs}, and here is {ours}"
