"""Project: freeze a view into a file with a manifest. Rebuild: make that file again, byte for byte.

The file is written beside its place and renamed into it after the ledger has recorded the release. The same view
with the same rows is one release: projected again, it appends nothing and the manifest is the recorded one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
from blake3 import blake3

from ledger.digest import digest_of, show
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    ExportChanged,
    ForeignManifest,
    ManifestUnreadable,
    NotReproduced,
    NotWritable,
    PlanImpossible,
)
from ledger.event import draft
from ledger.exporters import kto_plan, manifest, plain_plan, trl
from ledger.exporters.eligibility import Candidate
from ledger.readers import raw_of
from ledger.store import Head, Store, in_chunks
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who
from ledger.version import VERSION
from ledger.views import decisions, samples, splits, tags

VIEWS = ("kto-interleaved", "sft", "train", "val", "test", "accepted", "rejected")
FORMS = ("auto", "conversational", "standard")
_CHUNK = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ProjectParams:
    """What a projection is asked for; the manifest holds it and `rebuild` reads it back."""

    view: str
    batch_size: int = 4
    world_size: int = 1
    ratio: str = "keep"
    seed: str = "0"
    form: str = "auto"


class _Planned(NamedTuple):
    rows: tuple[int, ...]
    omitted: dict[str, list[int]]
    form: str
    plan: str


class _Written(NamedTuple):
    manifest: manifest.Manifest
    planned: _Planned


def project(
    store: Store,
    params: ProjectParams,
    out: Path,
    who: Who,
    as_of: str | None,
    progress: Progress,
) -> manifest.Manifest:
    """Write the view's rows to `out` and the manifest beside it; record the release and return its manifest."""
    _check(params, out, store.path)
    draft_file = _beside(out)
    try:
        written = _write(store, params, draft_file, out.name, as_of, progress)
        recorded = _record(store, written, who)
        _move(draft_file, out)
    finally:
        draft_file.unlink(missing_ok=True)
    write_whole(manifest_path(out), recorded.to_bytes())
    return recorded


def rebuild(store: Store, source: Path, out: Path | None, progress: Progress) -> tuple[manifest.Manifest, Path]:
    """Make the file of a manifest again from the log alone and return where it stands.

    Raises ManifestUnreadable, ForeignManifest, NotReproduced (nothing is written), ExportChanged.
    """
    wanted = load_manifest(source)
    target = out or source.with_name(wanted.value["output"]["name"])
    known = {
        field: wanted.value["params"][field] for field in asdict(ProjectParams("")) if field in wanted.value["params"]
    }
    params = ProjectParams(**{**known, "view": wanted.value["view"]})
    _check_origin(store, wanted)
    _check(params, target, store.path)
    if out is None and target.exists() and _digest_of_file(target) != wanted.output:
        raise ExportChanged(target)
    draft_file = _beside(target)
    try:
        made = _write(store, params, draft_file, wanted.value["output"]["name"], str(wanted.position), progress)
        if made.manifest.output != wanted.output:
            raise NotReproduced(f"{show(made.manifest.output)}, not {show(wanted.output)}")
        _move(draft_file, target)
    finally:
        draft_file.unlink(missing_ok=True)
    return wanted, target


def load_manifest(path: Path) -> manifest.Manifest:
    """Return the manifest in a file; raise ManifestUnreadable."""
    try:
        return manifest.read_manifest(path.read_bytes())
    except OSError as error:
        raise ManifestUnreadable(path, error.strerror) from error
    except manifest.BadManifest as error:
        raise ManifestUnreadable(path, error) from error


def manifest_path(out: Path) -> Path:
    """Return where the manifest of an export stands."""
    return out.with_name(out.name + manifest.SUFFIX)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    draft_file = _beside(path)
    try:
        with _create(draft_file) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _move(draft_file, path)
    finally:
        draft_file.unlink(missing_ok=True)


def _write(
    store: Store,
    params: ProjectParams,
    draft_file: Path,
    name: str,
    as_of: str | None,
    progress: Progress,
) -> _Written:
    """Plan the view, write its rows to `draft_file` and return its manifest."""
    with reading(store, as_of) as (there, head), _create(draft_file) as file:
        planned = _plan(there, params)
        if not planned.rows:
            raise PlanImpossible(_nothing(params.view, planned.omitted))
        hasher, size = blake3(), 0
        labels: Counter[bool | None] = Counter()
        for number, (row, label) in enumerate(_rows(there, params.view, planned.rows), 1):
            file.write(row)
            hasher.update(row)
            size += len(row)
            labels[label] += 1
            if number % _CHUNK == 0:
                progress(number, len(planned.rows))
        progress(len(planned.rows), len(planned.rows))
        file.flush()
        os.fsync(file.fileno())
    output = {"blake3": show(hasher.digest()), "bytes": size, "name": name}
    return _Written(_manifest(store, params, planned, head, labels, output), planned)


def _plan(store: Store, params: ProjectParams) -> _Planned:
    splits_exist = splits.any_assigned(store.connection)
    form = params.form if params.form != "auto" else _usual_form(store)
    candidates = _candidates(store, form, params.view)
    if params.view == "kto-interleaved":
        asked = kto_plan.KtoParams(
            params.batch_size, params.world_size, params.ratio, params.seed, splits_exist=splits_exist
        )
        plan = kto_plan.plan_kto(candidates, asked)
        return _Planned(plan.rows, plan.omitted, form, kto_plan.PLAN_VERSION)
    plain = plain_plan.plan_plain(candidates, _plain_params(params, splits_exist=splits_exist))
    return _Planned(plain.rows, plain.omitted, form, plain_plan.PLAN_VERSION)


def _plain_params(params: ProjectParams, *, splits_exist: bool) -> plain_plan.PlainParams:
    every = frozenset({True, False, None})
    if params.view in {"accepted", "rejected"}:
        return plain_plan.PlainParams(frozenset({params.view}), None, every, collapse=False, seed=params.seed)
    usable = frozenset({"accepted", "pending"})
    if params.view == "sft":
        split = "train" if splits_exist else None
        return plain_plan.PlainParams(usable, split, frozenset({True, None}), collapse=True, seed=params.seed)
    return plain_plan.PlainParams(usable, params.view, every, collapse=True, seed=params.seed)


def _candidates(store: Store, form: str, view: str) -> Iterator[Candidate]:
    crossing = {f for f, n in Counter(f for f, _ in samples.splits_of_families(store.connection)).items() if n > 1}
    whole = view in {"accepted", "rejected"}
    for sample, identity, blob, fingerprint, family, status, split, label, shape, kind in samples.for_plan(
        store.connection
    ):
        crosses = split == "train" and family in crossing
        fits = whole or (shape == form and kind == "prompt_completion")
        said = None if label is None else bool(label)
        yield Candidate(sample, identity, blob, fingerprint, family, status, split, crosses, said, fits)


def _usual_form(store: Store) -> str:
    """Return the form of most samples: a file holds one form, or no loader takes it."""
    found = samples.forms(store.connection)
    return max(("conversational", "standard"), key=lambda form: (found.get(form, 0), form == "conversational"))


def _rows(store: Store, view: str, order: tuple[int, ...]) -> Iterator[tuple[bytes, bool | None]]:
    """Yield each row's bytes and label, in order, reading a few hundred bodies at a time."""
    for chunk in in_chunks(order, _CHUNK):
        found = samples.versions_of(store.connection, chunk)
        bodies = store.bodies([found[sample].version for sample in chunk])
        for sample in chunk:
            version, reader, label = found[sample]
            body = bodies[version]
            if body is None:
                raise BrokenLaw(f"the bytes of sample @{sample} were erased, but the plan uses them")
            raw = raw_of(body, reader)
            said = None if label is None else bool(label)
            if view in {"accepted", "rejected"}:
                yield trl.sample_row(_facts(store, sample), raw.prompt, raw.completion, raw.tools), said
            elif view == "sft":
                yield trl.prompt_completion(str(raw.prompt), str(raw.completion), raw.tools), said
            else:
                yield trl.unpaired_preference(str(raw.prompt), str(raw.completion), raw.tools, said), said


def _facts(store: Store, sample: int) -> dict[str, Any]:
    row = samples.get(store.connection, sample)
    if row is None:
        raise BrokenLaw(f"sample @{sample} is planned but not there")
    leaf: dict[str, Any] = {}
    if row.decision is not None:
        standing = {d.position: d for d in decisions.of_sample(store.connection, sample)}[row.decision]
        leaf = orjson.loads(standing.leaf)
    return {
        "sample": row.id.hex(),
        "version": show(row.hash),
        "campaign": row.campaign,
        "source": row.source,
        "domain": row.domain,
        "tags": tags.of_sample(store.connection, sample),
        "label": None if row.label is None else bool(row.label),
        "status": row.status,
        "reason": leaf.get("reason"),
        "rule": leaf.get("rule"),
        "details": leaf.get("details"),
        "policy": leaf.get("policy"),
        "decided_by": leaf.get("actor"),
    }


def _manifest(
    store: Store,
    params: ProjectParams,
    planned: _Planned,
    head: Head,
    labels: Counter[bool | None],
    output: dict[str, Any],
) -> manifest.Manifest:
    asked = {key: value for key, value in asdict(params).items() if key != "view"}
    if params.view != "kto-interleaved":
        asked = {key: asked[key] for key in ("form", "seed")}
    omitted = {reason: len(handles) for reason, handles in planned.omitted.items()}
    types = {
        "kto-interleaved": "unpaired_preference",
        "sft": "prompt_completion",
        "accepted": "samples",
        "rejected": "samples",
    }
    return manifest.Manifest(
        {
            "considered": len(planned.rows) + sum(omitted.values()),
            "form": planned.form,
            "head": manifest.head_json(head.position, head.root),
            "labels": {"false": labels[False], "none": labels[None], "true": labels[True]},
            "ledger": store.ledger_id,
            "manifest": manifest.VERSION,
            "omitted": omitted,
            "output": output,
            "params": asked,
            "plan": planned.plan,
            "policy": None,
            "rows": len(planned.rows),
            "tool": VERSION,
            "type": types.get(params.view, "unpaired_preference"),
            "used": len(planned.rows),
            "view": params.view,
        },
    )


def _record(store: Store, written: _Written, who: Who) -> manifest.Manifest:
    """Append the release, or find it: equal rows for an equal request under one name are one release."""
    value = written.manifest.value
    run = Run(store.ledger_id, "project", {"params": value["params"], "view": value["view"]}, who)
    members = orjson.dumps(list(written.planned.rows))
    omissions = orjson.dumps(written.planned.omitted, option=orjson.OPT_SORT_KEYS)
    with store.transaction() as transaction:
        body = written.manifest.to_bytes()
        fields = {
            "manifest": blake3(body).hexdigest(),
            "members": blake3(members).hexdigest(),
            "name": value["output"]["name"],
            "omissions": blake3(omissions).hexdigest(),
            "output": written.manifest.output.hex(),
            "plan": value["plan"],
            "recipe": digest_of({"params": value["params"], "view": value["view"]}).hex(),
            "rows": value["rows"],
            "view": value["view"],
        }
        release = draft("released", None, None, fields)
        known = transaction.known_ops([release.op])
        if known:
            return manifest.read_manifest(store.manifest_of(known[release.op]))
        rows = [transaction.add_blob(data)[1] for data in (body, members, omissions)]
        run.append(transaction, [release._replace(blob=rows[0])])
        run.finish(transaction, {"considered": value["considered"], "used": value["used"]})
    return written.manifest


def _check(params: ProjectParams, out: Path, ledger: Path) -> None:
    if params.view not in VIEWS:
        raise BadRequest(f"There is no view {params.view!r}; there are {', '.join(VIEWS)}")
    if params.form not in FORMS:
        raise BadRequest(f"There is no form {params.form!r}; there are {', '.join(FORMS)}")
    if out.is_dir() or (out.exists() and out.samefile(ledger)):
        raise NotWritable(out, "it is a directory" if out.is_dir() else "it is the ledger itself")


def _check_origin(store: Store, wanted: manifest.Manifest) -> None:
    if wanted.value["ledger"] != store.ledger_id:
        raise ForeignManifest(f"it names the ledger {wanted.value['ledger']}, this one is {store.ledger_id}")
    head = store.head().position
    if wanted.position > head:
        raise ForeignManifest(f"it was made at position {wanted.position}, this ledger ends at {head}")
    if store.root_at(wanted.position) != wanted.root:
        raise ForeignManifest(f"the events up to position {wanted.position} are not those it was made from")


def _nothing(view: str, omitted: dict[str, list[int]]) -> str:
    left = ", ".join(f"{len(handles)} {reason}" for reason, handles in omitted.items() if handles)
    return f"No sample can stand in the view {view}: {left or 'the ledger is empty'}"


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except OSError as error:
        raise NotWritable(path.parent, error.strerror) from error


def _move(draft_file: Path, path: Path) -> None:
    try:
        draft_file.replace(path)
    except OSError as error:
        raise NotWritable(path, error.strerror) from error


def _digest_of_file(path: Path) -> bytes:
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.digest()
