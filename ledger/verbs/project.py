"""Project: freeze a view into a file with a manifest beside it, and record the release.

Both files are written beside their places and made durable before the ledger records the release; then they are
renamed. Whatever fails before that leaves neither file nor event. A release equal to the last one under its name, and
made under the same policies, appends nothing: the recorded manifest is written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from blake3 import blake3

from ledger.digest import digest_of, show
from ledger.errors import CorruptLedger, NotWritable
from ledger.event import draft
from ledger.exporters import manifest
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Head
from ledger.verbs.files import WholeFile, manifest_path, place_for
from ledger.verbs.moment import reading
from ledger.verbs.plans import KTO, WHOLE, Planned, ProjectParams, plan_of, plan_view
from ledger.verbs.rows import CHUNK, rows
from ledger.verbs.run import Run, Who
from ledger.version import VERSION
from ledger.views import policies, releases

Progress = Callable[[int, int], None]


class Written(NamedTuple):
    """A view as it was written: its manifest, and what the manifest only counts."""

    manifest: manifest.Manifest
    planned: Planned


def project(
    store: Store,
    params: ProjectParams,
    out: Path,
    who: Who,
    as_of: str | int | None,
    progress: Progress,
) -> manifest.Manifest:
    """Write the view's rows to `out` and the manifest beside it; record the release and return its manifest.

    Raises BadRequest, PlanImpossible, NotWritable, DiskFull, CorruptLedger; then nothing is written or recorded.
    """
    plan = plan_of(params.checked().view)
    place, beside = place_for(out, store.path), place_for(manifest_path(out), store.path)
    if not store.writable:
        raise NotWritable(store.path, "the file or its directory is read-only, so the release cannot be recorded")
    with WholeFile(place) as file, WholeFile(beside) as note:
        written = write_view(store, params, plan, file, out.name, as_of, progress)
        recorded = _record(store, written, who, note)
        file.put()
        note.put()
    return recorded


def write_view(
    store: Store,
    params: ProjectParams,
    plan: str,
    file: WholeFile,
    name: str,
    as_of: str | int | None,
    progress: Progress,
) -> Written:
    """Plan the view by the planner of a version, write its rows durably to `file` and return its manifest."""
    with reading(store, as_of) as (there, head):
        planned = plan_view(there, params, plan)
        labels: Counter[bool | None] = Counter()
        for number, (row, label) in enumerate(rows(there, params.view, planned.rows), 1):
            file.write(row)
            labels[label] += 1
            if number % CHUNK == 0:
                progress(number, len(planned.rows))
        policy = manifest.policy_json((one.campaign, one.digest) for one in policies.in_force(there.connection))
    file.settle()
    progress(len(planned.rows), len(planned.rows))
    output = {"blake3": show(file.digest), "bytes": file.size, "name": name}
    return Written(_manifest(store, params, plan, planned, head, labels, output, policy=policy), planned)


def _manifest(
    store: Store,
    params: ProjectParams,
    plan: str,
    planned: Planned,
    head: Head,
    labels: Counter[bool | None],
    output: dict[str, Any],
    *,
    policy: manifest.PolicyJson,
) -> manifest.Manifest:
    return manifest.Manifest(
        {
            "considered": len(planned.rows) + sum(planned.counts.values()),
            "form": planned.form,
            "head": manifest.head_json(head.position, head.root),
            "labels": {"false": labels[False], "none": labels[None], "true": labels[True]},
            "ledger": store.ledger_id,
            "manifest": manifest.VERSION,
            "omitted": planned.counts,
            "output": output,
            "params": params.recorded(),
            "plan": plan,
            "policy": policy,
            "rows": len(planned.rows),
            "tool": VERSION,
            "type": _type(params.view, labels),
            "used": len(planned.rows),
            "view": params.view,
        },
    )


def _type(view: str, labels: Counter[bool | None]) -> str:
    """Return what a trainer can take the rows as; a row without a label is no row of unpaired preferences."""
    if view in WHOLE:
        return "samples"
    if view == KTO or (view != "sft" and not labels[None]):
        return "unpaired_preference"
    return "prompt_completion"


def _record(store: Store, written: Written, who: Who, note: WholeFile) -> manifest.Manifest:
    """Append the release, unless the last one under this name is equal; write the manifest that is recorded."""
    value = written.manifest.value
    run = Run(store.ledger_id, "project", {"params": value["params"], "view": value["view"]}, who)
    body = written.manifest.to_bytes()
    members = orjson.dumps({"rows": written.planned.rows})
    omissions = orjson.dumps(written.planned.omitted, option=orjson.OPT_SORT_KEYS)
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
    with store.transaction() as transaction:
        last = releases.last(store.connection, value["output"]["name"])
        if last is not None:
            said = leaf_of(store, last.leaf)
            if draft("released", None, None, {**fields, "after": said["after"]}).op == last.op:
                before = _recorded(store, last.manifest, said["manifest"])
                recorded = manifest.read_manifest(before)
                if recorded.value.get("policy") == value["policy"]:
                    note.write(before)
                    note.settle()
                    return recorded
        note.write(body)
        note.settle()
        after = None if last is None else last.op.hex()
        rows_of_blobs = [transaction.add_blob(data)[1] for data in (body, members, omissions)]
        run.append(transaction, [draft("released", None, rows_of_blobs[0], {**fields, "after": after})])
        run.finish(transaction, {"considered": value["considered"], "used": value["used"]})
    return written.manifest


def _recorded(store: Store, blob: int, digest: str) -> bytes:
    body = store.body(blob)
    if body is None or blake3(body).hexdigest() != digest:
        raise CorruptLedger(store.path, f"the bytes of the manifest b3:{digest} are gone or changed")
    return body
