"""One attempt at training: that it begins is in the log before the trainer is built, and how it ended afterwards.

What came of it is in the run's folder first. Where the ledger cannot be written just then, it is recorded from there
when the same is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import digest_of, encode
from ledger.errors import LedgerError
from ledger.event import Stamp, draft
from ledger.reports.history import leaf_of
from ledger.reports.trained import trained_shown
from ledger.store import Store
from ledger.trainers.contract import FAILED, INTERRUPTED, STATES, Trained
from ledger.trainers.settings import frozen
from ledger.verbs.files import WholeFile
from ledger.verbs.frozen_release import Frozen
from ledger.verbs.run import Run, Who
from ledger.verbs.run_folder import RESULT, json_of, recorded_in

PATIENCE = 600.0
"""Seconds, at least, that the end of a training waits for others who write."""
_LONGEST_NAME = 100
_NONE = type(None)
_SHAPE: Mapping[str, tuple[type, ...]] = {
    "config": (dict,),
    "device": (str,),
    "failure": (str, _NONE),
    "metrics": (dict,),
    "of": (int,),
    "peak_bytes": (int, _NONE),
    "position": (_NONE,),
    "result": (str, _NONE),
    "resumed": (bool,),
    "seconds": (str,),
    "started": (str,),
    "state": (str,),
    "steps": (int,),
    "versions": (dict,),
}


class Left(NamedTuple):
    """What came of an attempt, before it is recorded.

    `result` is the digest of the model that came out, `started` the event that says that it began, `config` what it
    was: method, backend, settings, model.
    """

    trained: Trained
    result: str | None
    resumed: bool
    started: str
    config: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the run's folder; `position` is null until the ledger has it."""
        told = self.trained._asdict()
        for name in ("metrics", "seconds", "versions"):
            told.pop(name)
        return {
            **told,
            "config": self.config,
            "metrics": frozen(self.trained.metrics),
            "position": None,
            "result": self.result,
            "resumed": self.resumed,
            "seconds": _text(self.trained.seconds),
            "started": self.started,
            "versions": dict(self.trained.versions),
        }


class Attempt:
    """One attempt: what is recorded of it, before and after."""

    def __init__(
        self, store: Store, out: Path, config: Mapping[str, Any], release: Frozen, who: Who, *, resumed: bool = False
    ) -> None:
        """Begin with nothing recorded; `config` says method, backend, settings and the model's digest."""
        self._store = store
        self._out = out
        self._config = dict(config)
        self._release = release
        self._who = who
        self._resumed = resumed
        self._before = _seconds_before(store, out, release) if resumed else Decimal(0)
        self._run = Run(store.ledger_id, "train", _params(config, release), who)

    def begin(self) -> None:
        """Record that it begins."""
        with self._store.transaction() as transaction:
            self._run.begun(transaction)

    def leave(self, trained: Trained, result: str | None = None) -> Left:
        """Write what came of it into the run's folder, where there is room, and return it to be recorded.

        Its seconds are those of the whole run, as its steps are, as far as the sessions before are in the ledger.
        """
        trained = trained._replace(seconds=trained.seconds + self._before)
        left = Left(trained, result, self._resumed, self._run.started.hex(), self._config)
        with suppress(LedgerError):  # the event says it too
            write_result(self._out, left.as_json())
        return left

    def end(self, left: Left) -> dict[str, Any]:
        """Record how it ended, however long others write; return what is told of it. Raises LedgerBusy."""
        with _patient(self._store):
            return record(self._store, self._out, left, self._release, self._who)


def broken(error: BaseException, steps: int, of: int, seconds: Decimal) -> Trained:
    """Return what came of an attempt that an error ended, which is raised on."""
    state, word = (INTERRUPTED, None) if isinstance(error, KeyboardInterrupt) else (FAILED, type(error).__name__)
    return Trained(state, word and word[:_LONGEST_NAME], steps, of, seconds, "", {}, {})


def record(store: Store, out: Path, left: Left, release: Frozen, who: Who) -> dict[str, Any]:
    """Append what came of an attempt, unless the log has it; return what is told of it. Raises LedgerBusy."""
    with store.transaction() as transaction:
        digest, blob = transaction.add_blob(encode(left.config))
        fields = {**_fields(left), "config": digest.hex(), "output": out.resolve().name}
        fields |= {"release": release.op, "rows": release.rows.rows}
        said, began = draft("trained", None, blob, fields), bytes.fromhex(left.started)
        known = transaction.known_ops([said.op, began])
        position = known.get(said.op, transaction.next_position)
        if said.op not in known:
            counts = {"rows": release.rows.rows, "steps": left.trained.steps}
            finished = draft("run_finished", None, None, {"counts": counts, "started": left.started})
            transaction.append([said, finished], Stamp(who.actor, who.via, transaction.at, known[began]))
    return {**trained_shown(store, position), "out": str(out), "resumed": left.resumed}


def _fields(left: Left) -> dict[str, Any]:
    trained = left.trained
    return {
        "backend": left.config["backend"],
        "device": trained.device,
        "failure": trained.failure,
        "memory": trained.peak_bytes,
        "method": left.config["method"],
        "metrics": [list(pair) for pair in frozen(trained.metrics).items()],
        "model": left.config["model"]["blake3"],
        "result": left.result,
        "seconds": _text(trained.seconds),
        "started": left.started,
        "state": trained.state,
        "steps": [trained.steps, trained.of],
        "versions": [list(pair) for pair in sorted(trained.versions.items())],
    }


def left_in(store: Store, out: Path, release: Frozen) -> Left | None:
    """Return what came of an attempt that could not be recorded; None where there is none of this ledger.

    The log has to say that it began: on that release, with that method, model and settings.
    """
    told = json_of(out / RESULT)
    if told.keys() != _SHAPE.keys() or any(type(told[name]) not in kinds for name, kinds in _SHAPE.items()):
        return None
    try:
        left = _left(told)
        params, began = _params(left.config, release), bytes.fromhex(left.started)
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None
    found = store.find_ops(began, began)
    event = store.event(found[0][1]) if found else None
    leaf = {} if event is None else leaf_of(store, event[1])
    return left if (leaf.get("kind"), leaf.get("params")) == ("run_started", params) else None


def write_result(out: Path, told: Mapping[str, Any]) -> None:
    """Write what came of a run into its folder, whole or not at all; raise NotWritable, DiskFull."""
    with WholeFile(out / RESULT) as whole:
        whole.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        whole.settle()
        whole.put()


def _left(told: Mapping[str, Any]) -> Left:
    """Return what a folder's record says; raise ValueError, ArithmeticError, TypeError or KeyError for what is none."""
    encode(told)  # nothing but what an event can hold
    metrics = {name: Decimal(value) for name, value in told["metrics"].items()}
    seconds = Decimal(told["seconds"])
    if told["state"] not in STATES or not all(value.is_finite() for value in (seconds, *metrics.values())):
        raise ValueError("no end of a training")
    if not all(isinstance(value, str) for value in (*told["versions"].values(), told["config"]["model"]["blake3"])):
        raise TypeError("no text")
    versions, peak = told["versions"], told["peak_bytes"]
    of = (told["state"], told["failure"], told["steps"], told["of"], seconds, told["device"])
    return Left(Trained(*of, versions, metrics, peak), told["result"], told["resumed"], told["started"], told["config"])


def _seconds_before(store: Store, out: Path, release: Frozen) -> Decimal:
    """Return the seconds of the sessions before, which the last that was recorded tells of."""
    found = recorded_in(store, out)
    leaf = {} if found is None else leaf_of(store, found.leaf)
    return Decimal(leaf["seconds"]) if leaf.get("release") == release.op else Decimal(0)


def _params(config: Mapping[str, Any], release: Frozen) -> dict[str, str]:
    return {"config": digest_of(config).hex(), "release": release.op}


def _text(value: Decimal) -> str:
    return str(frozen({"": value})[""])


@contextmanager
def _patient(store: Store) -> Iterator[None]:
    """Wait long for others who write; what is said where that was not enough is that nothing is lost."""
    before = store.wait
    store.wait = max(before, PATIENCE)
    try:
        yield
    except LedgerError as error:
        error.next_step = f"{_AGAIN} {error.next_step}"
        raise
    finally:
        store.wait = before


_AGAIN = "What came of it stands in the run's folder, and the same command records it from there."
