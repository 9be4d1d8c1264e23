"""Calibrating a judge: it judges the samples that people scored, and how far it agrees with them is told."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.errors import InputNotFound, InputUnreadable
from ledger.fixed import micro
from ledger.recipes import Judge
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs import calibration
from ledger.verbs.files import read_whole
from ledger.verbs.ids import find_samples
from ledger.verbs.judge_model import Named
from ledger.views import scores


class Labelled(NamedTuple):
    """What people scored: each as the file has it, and the sample (handle) that it names."""

    said: Sequence[calibration.Labelled]
    handles: array[int]


def labelled(store: Store, file: str | Path, judge: Judge) -> Labelled:
    """Return what people scored; raises SpecInvalid, InputNotFound, InputUnreadable, NoSuchId, AmbiguousId."""
    place = Path(file)
    if not place.exists():
        raise InputNotFound(place)
    try:
        data = read_whole(place)
    except OSError as error:
        raise InputUnreadable(place, error.strerror) from error
    said = calibration.read(data, place.name, judge.dimensions)
    found = [find_samples(store, [one.sample])[0].sample for one in said]
    return Labelled(said, array("q", found))


def agreement(store: Store, people: Labelled, who: Named) -> calibration.Calibration:
    """Return how far the last scores of a judge are what people say."""
    numbers: dict[int, dict[str, int]] = {}
    for chunk in in_chunks(people.handles, 400):
        for sample, _, leaf in scores.said_by(store.connection, who.scorer, chunk):
            said = leaf_of(store, leaf)
            if (said["kind"], said["scorer_version"], said["rubric"]) == ("scored", who.version, who.rubric):
                numbers[sample] = {name: micro(value) for name, value in said["dimensions"]}
    pairs = zip(people.said, people.handles, strict=True)
    return calibration.agreement(people.said, {one.sample: numbers[at] for one, at in pairs if at in numbers})
