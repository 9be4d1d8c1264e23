"""Prove what a model was trained on: whether and how a sample was in the release that a training was given.

Three things are shown to be in the log: the training, the release that it names, and every event of the sample. The
release's event names the list of its rows by address; that list is written beside the proof, so that anybody can find
the sample in it with nothing but `b3sum`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger.digest import show
from ledger.errors import BadRequest, CorruptLedger, DestinationExists
from ledger.reports.history import leaf_of
from ledger.reports.trained import trained_shown
from ledger.store import Store
from ledger.verbs.files import WholeFile, place_for
from ledger.verbs.ids import find_event, find_sample
from ledger.verbs.prove import prove
from ledger.verbs.run_folder import RESULT, training_of
from ledger.views import releases, samples, trainings

MEMBERS = ".members.json"
"""What the name of the list of rows adds to that of the proof."""


def prove_trained(
    store: Store, run: str, sample: str, key: str | Path | None, out: str | Path | None
) -> dict[str, Any]:
    """Return whether and how a sample was in what a run trained on, with the proof of it, written to `out` if given.

    `run` is the folder of a run, or names the event of a training. Raises BadRequest, NoSuchId, AmbiguousId, and what
    `prove` raises.
    """
    training = _training(store, run)
    row = find_sample(store, sample)
    place = next(
        (one for one in releases.of_sample(store.connection, row.sample) if one.position == training.release), None
    )
    texts = [f"@{training.position}", f"@{training.release}", row.id.hex()]
    list_ = _members(store, training.release)
    beside = None if out is None else _free(Path(f"{out}{MEMBERS}"), store.path, list_)
    proof = prove(store, texts, None, key, out)
    if beside is not None:
        with WholeFile(beside) as whole:
            whole.write(list_)
            whole.settle()
            whole.put()
    return {
        **proof,
        "trained": trained_shown(store, training.position),
        "sample": row.id.hex(),
        "members": None if out is None else f"{out}{MEMBERS}",
        **_how(row, place),
    }


def _how(row: samples.Row, place: releases.Place | None) -> dict[str, Any]:
    """Return whether the sample was used, from which row on and how often, on which side of a pair; else why not."""
    used = place is not None and place.copies > 0
    side = None if place is None or place.preferred is None else ("rejected", "chosen")[place.preferred]
    return {
        "used": used,
        "place": place.place if used and place is not None else None,
        "copies": place.copies if place is not None else 0,
        "side": side,
        "omitted": None if used else "not_considered" if place is None else place.omitted,
        "campaign": row.campaign,
        "manifest": None if place is None else show(place.manifest),
        "output": None if place is None else f"b3:{place.output}",
    }


def _training(store: Store, run: str) -> trainings.Training:
    """Return the training that a run's folder, or the id or place of an event, names."""
    if (Path(run) / RESULT).is_file():
        left = training_of(store, Path(run))
        if left is None:
            raise BadRequest(f"The training of {run} is not in this ledger")
        return left
    found = trainings.get(store.connection, find_event(store, run))
    if found is None:
        raise BadRequest(f"{run} is no training", hint="Give the run's folder; `ledger train --list` shows the events.")
    return found


def _members(store: Store, release: int) -> bytes:
    event = store.event(release)
    digest = b"" if event is None else bytes.fromhex(leaf_of(store, event[1])["members"])
    rows = store.find_blobs(digest, digest) if digest else []
    body = store.body(rows[0][1]) if rows else None
    if body is None:
        raise CorruptLedger(store.path, f"the list of rows of the release @{release} is missing")
    return body


def _free(place: Path, ledger: Path, body: bytes) -> Path:
    """Return where the list is written; raise DestinationExists for another file there."""
    found = place_for(place, ledger)
    if found.exists() and found.read_bytes() != body:
        raise DestinationExists(place)
    return found
