"""Where an erased text may live on in models: trainings on releases that held it, and what models were heard to say.

Weights hold what no ledger can take out of them, so trainings are named. The answers of evaluations are stored, and go
where they are named by their address.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ledger.digest import show
from ledger.readers.strings import Stretch, find_in_strings
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import holders, trainings

WINDOW = 12
"""Characters in a row that make a quotation: longer than most words, shorter than any secret."""
_EVALUATIONS = 1_000
_MOST_BYTES = 16 << 20
_MOST_WINDOWS = 2_000_000
"""Evaluations, the latest, bytes of their answers, and pieces of erased texts that are looked at."""


class Echoes(NamedTuple):
    """Trainings on releases, evaluations that have to do with them or whose answers quote, and those not looked at."""

    trainings: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    unheard: int


def echoes(
    store: Store, releases: Sequence[int], texts: Mapping[int, Sequence[Sequence[str]]], going: Mapping[int, object]
) -> Echoes:
    """Return what was trained on some releases, and the evaluations whose answers may hold a text.

    An evaluation is told of if its prompts came from one of these releases (`asked`), if its model was trained on one
    (`trained`), or if its answers have a dozen characters in a row of a text: `shared` says of how many at most, None
    where that was not looked for. Not of those whose answers are gone, or `going`.
    """
    connection = store.connection
    runs = [run for chunk in in_chunks(releases) for run in trainings.of_releases(connection, chunk)]
    told = [said for run in runs if (said := _training(store, run))["steps"]]
    listen = _Ear([version for versions in texts.values() for version in versions])
    found: list[dict[str, Any]] = []
    unheard = 0
    for one in holders.evaluations(connection, _EVALUATIONS):
        if one.erased or one.blob in going:
            continue
        shared = listen.to(store, one)
        unheard += shared is None
        links = {"asked": one.release in releases, "trained": one.training in {run["position"] for run in told}}
        if shared or any(links.values()):
            found.append({"position": one.position, "outputs": show(one.hash), **links, "shared": shared})
    return Echoes(told, found[::-1], unheard)


def _training(store: Store, run: trainings.Training) -> dict[str, Any]:
    said = {"position": run.position, "event": run.op.hex(), "release": run.release, "method": run.method}
    return {**said, "state": run.state, "steps": leaf_of(store, run.leaf)["steps"][0], "output": run.output}


class _Ear:
    """Hears in answers what stands in texts, also where JSON in either spells it otherwise; within bounds."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._windows: set[str] = set()
        self._deaf = False
        self._left = _MOST_BYTES
        for version in texts:
            for text in _strings(json.dumps(version)):
                self._deaf = self._deaf or len(self._windows) + len(text) > _MOST_WINDOWS
                if not self._deaf:
                    self._windows.update(text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1))

    def to(self, store: Store, one: holders.Evaluation) -> int | None:
        """Return how many characters in a row some answer has of a text, 0 for less than a dozen; None: not heard."""
        if not self._windows and not self._deaf:
            return 0
        self._left -= one.size
        if self._left < 0:
            return None
        body = store.body(one.blob)
        most = 0 if body is None else max((self._longest(text) for text in _said(body)), default=0)
        return most or (None if self._deaf else 0)

    def _longest(self, text: str) -> int:
        """Return the length of the longest stretch whose pieces all stand in the texts."""
        most = run = 0
        for at in range(len(text) - WINDOW + 1):
            run = run + 1 if text[at : at + WINDOW] in self._windows else 0
            most = max(most, run)
        return most + WINDOW - 1 if most else 0


def _said(body: bytes) -> Iterator[str]:
    """Yield what stands in stored answers, each text as it is meant; of what is no JSON the whole."""
    text = body.decode(errors="replace")
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        yield text
    else:
        yield from _strings(text)


def _strings(document: str) -> list[str]:
    """Return every text in a JSON document, and those in JSON in a text."""
    found: list[str] = []

    def note(text: str) -> list[Stretch]:
        found.append(text)
        return []

    find_in_strings(document, note)
    return found
