"""Prove what a model was trained on: whether and how a sample was in the release that a training was given.

That a row stood in the release does not mean that a step took it: how far the steps came is worked out.
Three things are shown to be in the log: the training, the release that it names, and every event of the sample. The
release's event names the list of its rows by address; that list is written beside the proof, so that anybody can find
the sample in it with nothing but `b3sum`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import PREFIX, show
from ledger.errors import BadRequest, CorruptLedger, DestinationExists, NoSuchId
from ledger.reports.history import leaf_of
from ledger.reports.reached import Reached, reached
from ledger.reports.trained import trained_shown
from ledger.store import Store
from ledger.verbs.files import WholeFile, place_for
from ledger.verbs.ids import find_event, find_sample
from ledger.verbs.prove import prove
from ledger.verbs.run_folder import checkpoint_step, is_run, training_of
from ledger.views import descent, releases, samples, trainings

MEMBERS = ".members.json"
"""What the name of the list of rows adds to that of the proof."""
_DUPLICATE = "duplicate"
"""Why a release leaves out what teaches the same as one of its rows."""


def prove_trained(
    store: Store, run: str, sample: str, key: str | Path | None, out: str | Path | None
) -> dict[str, Any]:
    """Return whether and how a run trained on a sample, with the proof of what it says, written to `out` if given.

    `run` is the folder of a run or of a checkpoint in it, or its name alone, or names the event of a training. Of a
    checkpoint what counts is how far its steps came. Raises BadRequest, NoSuchId, AmbiguousId, and what `prove` raises.
    """
    training = _training(store, run)
    far = reached(store, training, checkpoint_step(Path(run)))
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
        **_how(store, row, place, _Given(training, far, [*orjson.loads(list_).values()])),
    }


class _Given(NamedTuple):
    """What a training was given: how far it came, and whose the rows are (of pairs: of either side)."""

    training: trainings.Training
    reached: Reached
    lists: Sequence[Sequence[int]]

    def seen(self, sample: int) -> int:
        """Return how often steps took a row of a sample."""
        return sum(self.reached.times([at for at, one in enumerate(each) if one == sample]) for each in self.lists)


def _how(store: Store, row: samples.Row, place: releases.Place | None, given: _Given) -> dict[str, Any]:
    """Return whether steps took a row of the sample and how often, from which row on, in which version; else why not.

    Of a duplicate also the sample whose row stands for it.
    """
    connection, release = store.connection, given.training.release
    seen = 0 if place is None else given.seen(row.sample)
    version = (
        None if place is None else descent.version_at(connection, row.sample, descent.made_at(connection, release))
    )
    duplicate = place is not None and place.omitted == _DUPLICATE
    return {
        "used": seen > 0,
        "in_release": place is not None and place.copies > 0,
        "seen": seen,
        "place": None if place is None else place.place,
        "copies": 0 if place is None else place.copies,
        "side": None if place is None else _side(place.preferred),
        "omitted": None if seen else _why_not(place),
        "survivor": _survivor(store, version, given) if duplicate and version is not None else None,
        "version": None if version is None else show(version.hash),
        "version_now": show(row.hash),
        "campaign": row.campaign,
        "manifest": None if place is None else show(place.manifest),
        "output": None if place is None else f"{PREFIX}{place.output}",
    }


def _why_not(place: releases.Place | None) -> str | None:
    """Return why no step took a row of the sample."""
    if place is None:
        return "not_considered"
    return "not_reached" if place.copies else place.omitted


def _side(preferred: int | None) -> str | None:
    return None if preferred is None else ("rejected", "chosen")[preferred]


def _survivor(store: Store, version: descent.Version, given: _Given) -> dict[str, Any] | None:
    """Return the sample whose row stands for a duplicate; None where that was left out as well."""
    release = given.training.release
    seen = descent.made_at(store.connection, release)
    twins = descent.twins_in(store.connection, release, seen, version.fingerprint)
    return next(
        (
            {
                "sample": twin.id.hex(),
                "place": twin.place,
                "copies": twin.copies,
                "side": _side(twin.preferred),
                "seen": given.seen(twin.sample),
            }
            for twin in twins
        ),
        None,
    )


def _training(store: Store, run: str) -> trainings.Training:
    """Return the training that a run's folder or its name, or the id or place of an event, names."""
    if is_run(Path(run)):
        left = training_of(store, Path(run))
        if left is None:
            raise BadRequest(f"The training of {run} is not in this ledger")
        return left
    if called := trainings.named(store.connection, run):
        return _last_of(store, run, called)
    try:
        found = trainings.get(store.connection, find_event(store, run))
    except (BadRequest, NoSuchId) as error:
        error.next_step = _RUNS
        raise
    if found is None:
        raise BadRequest(f"{run} is no training", hint=_RUNS)
    return found


_RUNS = "Give the run's folder or its name, or @POSITION; `ledger train --list` shows them."


def _last_of(store: Store, run: str, called: Sequence[trainings.Training]) -> trainings.Training:
    """Return the last training of the run with a name; raise BadRequest where several runs have it."""
    leaves = [leaf_of(store, one.leaf) for one in called]
    if len({(leaf["config"], leaf["release"]) for leaf in leaves}) > 1:
        places = ", ".join(f"@{one.position}" for one in called[-5:])
        raise BadRequest(f"Several runs are called {run}: {places}", hint="Name one of them by its @POSITION.")
    return called[-1]


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
