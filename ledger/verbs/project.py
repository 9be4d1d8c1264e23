"""Project: freeze a view into a file with a manifest beside it, and record the release.

All files are written beside their places and made durable before the ledger records the release; then they are
renamed. Whatever fails before that leaves neither file nor event. A release equal to the last one under its name, made
under the same policies and gates, appends nothing: the recorded manifest is written again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from blake3 import blake3

from ledger.digest import digest_of, parse, show
from ledger.errors import BadRequest, CorruptLedger, ManifestUnreadable, NotWritable
from ledger.event import draft
from ledger.exporters import manifest
from ledger.exporters.folder import data_name
from ledger.exporters.view_spec import ViewSpec
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.files import (
    ANOTHER_NAME,
    STANDS,
    WholeFile,
    digest_of_file,
    manifest_path,
    place_for,
    plain_errors,
)
from ledger.verbs.moment import reading
from ledger.verbs.rebuild import load_manifest
from ledger.verbs.requests import Request, ask
from ledger.verbs.run import Run, Who
from ledger.verbs.view import define_in, resolve
from ledger.verbs.writing import How, Progress, Wanted, Written, write_view
from ledger.views import defined, erased, releases


def project(
    store: Store,
    request: Request,
    out: Path,
    who: Who,
    as_of: str | int | None,
    how: How,
    progress: Progress,
) -> tuple[manifest.Manifest, Path]:
    """Write the view's rows to `out` and the manifest beside it; record the release; return manifest and file.

    Raises BadRequest, PlanImpossible, GatesFailed, NotRepresentable, NotWritable, DiskFull, CorruptLedger; then
    nothing is written or recorded.
    """
    request = request.checked()
    if not store.writable:
        raise NotWritable(store.path, "the file or its directory is read-only, so the release cannot be recorded")
    if request.params.container == "datasets":
        with reading(store, as_of) as (there, _):
            request = request._replace(found=resolve(there, request.view))
    begun = store.head().position
    with _room_for(store, request, out) as target:
        place, beside = place_for(target, store.path), place_for(manifest_path(target), store.path)
        _check_name(target, request.params.container)
        if how.new:
            _check_new(target)
        elif not how.overwrite:
            _check_free(store, target, place)
        with WholeFile(place) as file, WholeFile(beside) as note, ExitStack() as more:
            wanted = Wanted(lambda there: ask(there, request), None, as_of, target.name)
            written = write_view(store, wanted, file, how, progress)
            others: list[WholeFile] = []

            def settle(recorded: manifest.Manifest, body: bytes) -> None:
                if how.new:  # before anything is recorded: somebody may have been faster
                    file.reserve()
                    note.reserve()
                found = written.beside(recorded.value)
                for name, text in found.items():
                    others.append(_companion(store, target, name, text, more, new=how.new))
                note.write(body)
                note.settle()

            recorded = _record(store, written, who, settle, begun)
            for one in (file, *others, note):
                one.put()
    return recorded, target


@contextmanager
def _room_for(store: Store, request: Request, out: Path) -> Iterator[Path]:
    """Yield where the rows are to stand: `out`, or in it where it is a folder to be; one made here goes if it fails."""
    if request.found is None:
        yield out
        return
    with plain_errors(out):
        made = not os.path.lexists(out)
        if made:
            place_for(out, store.path)
            out.mkdir()
    try:
        yield out / data_name(request.found.spec.name, request.found.spec.split)
    except BaseException:
        if made:
            with suppress(OSError):  # something of it was put in place; that is whole, and stays
                out.rmdir()
        raise


_PACKED = (".bz2", ".gz", ".xz", ".zst")
_SPECIAL = ("/dev/", "/proc/")


def _check_name(target: Path, container: str) -> None:
    """Refuse a name that says something else than what would stand there."""
    name = target.name.lower()
    if name.endswith(manifest.SUFFIX):
        raise NotWritable(target, "that is a name for manifests; give the rows another")
    if str(target.absolute()).startswith(_SPECIAL):
        raise NotWritable(target, "no manifest can stand beside it")
    if name.endswith(_PACKED):
        raise BadRequest(f"{target.name}: exports are not compressed; give it another name, or --as parquet")
    if name.endswith(".parquet") != (container == "parquet"):
        kind = "Parquet" if container == "parquet" else "lines of JSON"
        raise BadRequest(f"{target.name} would hold {kind}; --as parquet and a name with .parquet belong together")


def _check_new(target: Path) -> None:
    """Refuse a place where anything stands, a link that leads nowhere too; early, since making rows takes long."""
    for one in (target, manifest_path(target)):
        if os.path.lexists(one):
            raise NotWritable(one.name, STANDS, hint=ANOTHER_NAME)


def _check_free(store: Store, target: Path, place: Path) -> None:
    """Refuse to replace a file that is no export of this ledger, as it was written: it may be all that there is."""
    with plain_errors(target):
        there = digest_of_file(place) if place.exists() else None
    if there is None or releases.wrote(store.connection, there):
        return
    with suppress(ManifestUnreadable):
        if load_manifest(manifest_path(target)).output == there:
            return
    told = "a file stands there that is no export of this ledger, or was changed since"
    raise NotWritable(target, told, hint="Give the export another name; --overwrite replaces what stands there.")


_ONE_EACH = (
    "What stands there is not replaced, and this dialect needs that file. Choose another dialect, or ask the person "
    "who runs this to move the file away, or to name another folder."
)


def _companion(store: Store, target: Path, name: str, body: bytes, stack: ExitStack, *, new: bool) -> WholeFile:
    """Return a file with these bytes, durable beside its place; what another export or a person wrote there stays.

    A `new` one has its place for itself, unless the very same bytes stand there.
    """
    path = target.with_name(name)
    if name in {target.name, manifest_path(target).name}:
        raise NotWritable(target, "that is the name of a file that belongs beside it; give the rows another")
    place = place_for(path, store.path)
    if new and place != Path(os.path.realpath(path.parent)) / path.name:  # a link, also one that leads nowhere
        raise NotWritable(path.name, STANDS, hint=ANOTHER_NAME)
    with plain_errors(path):
        there = digest_of_file(place) if place.exists() else None
    if there is not None and there not in {blake3(body).digest(), *_written_before(target, name)}:
        told = "a file stands there that this export did not write: one of yours, or of another export in the folder"
        if new:
            raise NotWritable(path.name, told, hint=_ONE_EACH)
        raise NotWritable(path, told, hint="Move it away, or give each export a folder of its own.")
    file = stack.enter_context(WholeFile(place))
    file.write(body)
    file.settle()
    if new and there is None:
        file.reserve()
    return file


def _written_before(target: Path, name: str) -> list[bytes]:
    """Return the digest that the manifest which stands beside an export has of a file of that name."""
    try:
        before = load_manifest(manifest_path(target)).value.get("beside", [])
    except ManifestUnreadable:
        return []
    return [parse(one["blake3"]) for one in before if one["name"] == name]


Settle = Callable[[manifest.Manifest, bytes], None]
"""Makes a manifest and what belongs beside the rows durable, before anything is recorded."""


def _record(store: Store, written: Written, who: Who, settle: Settle, begun: int) -> manifest.Manifest:
    """Append the release, unless the last one under this name is equal; return the manifest that is recorded.

    Rows that were read before an erasure, since the log ended at `begun`, are not put in place after it.
    """
    value = written.manifest.value
    run = Run(store.ledger_id, "project", {"params": value["params"], "view": value["view"]}, who)
    body = written.manifest.to_bytes()
    members = orjson.dumps(_members(written))
    omissions = orjson.dumps(written.planned.omitted, option=orjson.OPT_SORT_KEYS)
    fields = {
        "manifest": blake3(body).hexdigest(),
        "members": blake3(members).hexdigest(),
        "name": value["output"]["name"],
        "omissions": blake3(omissions).hexdigest(),
        "output": written.manifest.output.hex(),
        "plan": value["plan"],
        "recipe": _recipe(value).hex(),
        "rows": value["rows"],
        "view": value["view"],
    }
    with store.transaction() as transaction:
        if erased.since(store.connection, begun):
            raise BadRequest("Somebody erased samples meanwhile", hint="Run the same command again.")
        last = releases.last(store.connection, value["output"]["name"])
        if last is not None:
            said = leaf_of(store, last.leaf)
            if draft("released", None, None, {**fields, "after": said["after"]}).op == last.op:
                before = _recorded(store, last.manifest, said["manifest"])
                recorded = manifest.read_manifest(before)
                if recorded.value.get("policy") == value["policy"] and _same_beside(recorded, written):
                    settle(recorded, before)
                    return recorded
        settle(written.manifest, body)
        after = None if last is None else last.op.hex()
        if written.defined is not None:
            _define(store, transaction, run, written.defined, who)
        rows_of_blobs = [transaction.add_blob(data)[1] for data in (body, members, omissions)]
        run.append(transaction, [draft("released", None, rows_of_blobs[0], {**fields, "after": after})])
        run.finish(transaction, {"considered": value["considered"], "used": value["used"]})
    return written.manifest


def _define(store: Store, transaction: Transaction, run: Run, view: tuple[ViewSpec, str], who: Who) -> None:
    """Record what the name of a view in a file stands for; refuse where it stands for another view already."""
    spec, _ = view
    former = defined.in_force(store.connection, spec.name)
    if former is not None and former.digest != spec.digest:
        raise BadRequest(
            f"The view {spec.name!r} is defined otherwise in this ledger, as {show(former.digest)[:15]}",
            hint="Give the view in the file another name, or define it anew first: `ledger view define FILE`.",
        )
    define_in(store, transaction, run, view, "", who)


def _same_beside(recorded: manifest.Manifest, written: Written) -> bool:
    """Say whether what belongs beside a recorded release is what it says: a card was asked for then as it is now."""
    found = written.beside(recorded.value).items()
    return bool(recorded.value.get("beside", []) == [manifest.file_json(name, body) for name, body in sorted(found)])


def _members(written: Written) -> dict[str, Any]:
    planned = written.planned
    return {"rows": planned.rows} | ({"rejected": planned.rejected} if planned.rejected else {})


def _recipe(value: dict[str, Any]) -> bytes:
    """Return the digest of what was asked for: parameters, view and gates (what these saw is in the manifest)."""
    return digest_of({"gates": value["gates_digest"], "params": value["params"], "view": value["view"]})


def _recorded(store: Store, blob: int, digest: str) -> bytes:
    body = store.body(blob)
    if body is None or blake3(body).hexdigest() != digest:
        raise CorruptLedger(store.path, f"the bytes of the manifest b3:{digest} are gone or changed")
    return body
