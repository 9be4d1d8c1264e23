"""Check training: what there is to train with, which releases there are, and what a trainer would make of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import PREFIX
from ledger.errors import BadRequest, CorruptLedger, ReleaseUnfit
from ledger.exporters.lengths import Ruler, Sides, load_tokenizer
from ledger.reports.trained import trained_shown
from ledger.store import Store
from ledger.trainers.backends import missing
from ledger.trainers.contract import FINISHED, FITTING, KTO, METHODS
from ledger.trainers.environment import survey
from ledger.trainers.model_files import faults_of_files
from ledger.trainers.settings import Settings, frozen, label_weights
from ledger.verbs.files import digest_of_file
from ledger.verbs.frozen_release import Frozen, find_release
from ledger.verbs.train import check_words, settings_for, unfit_for
from ledger.verbs.verify_export import verify_export
from ledger.verbs.words import whole_number
from ledger.views import releases, trainings

SHOWN = 10
"""Releases that are listed, newest first."""
MOST = 10_000
"""Trainings that are listed at most."""
MATCHES, CHANGED, ELSEWHERE = "matches", "changed", "elsewhere"
_CHUNK = 1000
_SAID = ("prompt", "messages", "chosen")


class Asked(NamedTuple):
    """What is to be checked; what is None is not looked at."""

    method: str | None
    manifest: Path | None
    model: Path | None
    backend: str
    config: Path | None


def trainings_listed(store: Store, limit: int) -> dict[str, Any]:
    """Return the last trainings, newest first; raise BadRequest."""
    whole_number("The number of trainings", limit, 1, MOST)
    found = trainings.listed(store.connection, limit)
    return {"trainings": [trained_shown(store, one.position) for one in found]}


def check_training(store: Store, asked: Asked) -> dict[str, Any]:
    """Return what there is to train with and on, and what a method would make of a release; `ok`: nothing hinders it.

    Raises BadRequest, ManifestUnreadable, ForeignManifest, ReleaseUnfit, InputNotFound, InputUnreadable,
    SettingsInvalid, TokenizerUnreadable.
    """
    check_words(asked.method, asked.backend)
    if asked.method is None and any(one is not None for one in (asked.manifest, asked.model, asked.config)):
        raise BadRequest("Name the method too: sft, kto or dpo")
    backends = missing()
    faults = [] if backends[asked.backend] is None else [str(backends[asked.backend])]
    known = _releases(store)
    if not known:
        faults.append("this ledger has no release that could be trained on")
    planned = None
    if asked.manifest is not None and asked.method is not None:
        release = find_release(store, asked.manifest)
        planned, more = _planned(store, asked, asked.method, release)
        faults += more
    return {
        "ok": not faults,
        "faults": faults,
        "environment": {**survey(), "backends": backends},
        "releases": known,
        "plan": planned,
    }


def _releases(store: Store) -> list[dict[str, Any]]:
    """Return the last releases that some method takes, and whether the file here or beside the ledger is theirs."""
    found = []
    for one in releases.listed(store.connection):
        manifest = _manifest(store, one.manifest)
        methods = [method for method in METHODS if manifest["type"] in FITTING[method]]
        if methods and one.rows:
            labels = {name: manifest["labels"].get(name, 0) for name in ("true", "false", "none")}
            file, path = _file(store.path.parent, one.name, one.output)
            found.append(
                {
                    "position": one.position,
                    "name": one.name,
                    "view": one.view,
                    "type": manifest["type"],
                    "rows": one.rows,
                    "labels": labels,
                    "methods": methods,
                    "file": file,
                    "path": path,
                    "trained": sum(
                        each.state == FINISHED for each in trainings.of_releases(store.connection, [one.position])
                    ),
                }
            )
        if len(found) == SHOWN:
            break
    return found


def _manifest(store: Store, blob: int) -> dict[str, Any]:
    body = store.body(blob)
    if body is None:
        raise CorruptLedger(store.path, "the bytes of a manifest are missing")
    value: dict[str, Any] = orjson.loads(body)
    return value


def _file(beside: Path, name: str, output: str) -> tuple[str, str | None]:
    """Return whether a release's file is here or beside the ledger and still its own, and where it is."""
    for folder in (Path(), beside):
        path = folder / name
        try:
            same = digest_of_file(path).hex() == output.removeprefix(PREFIX)
        except (OSError, ValueError):
            continue
        return (MATCHES if same else CHANGED), str(path)
    return ELSEWHERE, None


def _planned(store: Store, asked: Asked, method: str, release: Frozen) -> tuple[dict[str, Any], list[str]]:
    """Return what a method would make of a release, and what stands in the way of it."""
    settings = settings_for(release, method, asked.config, asked.backend, smoke=False)
    unfit = unfit_for(store, method, release, settings)
    planned: dict[str, Any] = {
        "method": method,
        "release": release.position,
        "rows": release.rows.rows,
        "labels": dict(zip(("true", "false"), release.rows.labels or (0, 0), strict=True)),
        "settings": frozen(settings),
        **_steps(settings, release.rows.rows),
        "label_weights": None,
        "windows": None,
        "measured": asked.model is not None,
        "dropped": None,
    }
    faults = [] if asked.model is None else faults_of_files(asked.model)
    if unfit is not None:
        return planned, [f"{release.rows.name} cannot be trained on: {unfit.says}. {unfit.mend}", *faults]
    if method == KTO:
        true, false = label_weights(settings, *(release.rows.labels or (0, 0)))
        planned["label_weights"] = {"desirable": str(true), "undesirable": str(false)}
        planned["windows"] = _windows(release, settings)
    if asked.model is not None:
        ruler = load_tokenizer(asked.model)
        if not ruler.has_template and _has_chats(release):
            faults.append(f"the tokenizer in {asked.model} has no chat template, and the rows are conversations")
        dropped = _dropped(release, ruler, settings["max_length"])
        planned["dropped"] = len(dropped)
        if dropped:
            faults.append(_dropped_told(dropped, settings["max_length"]))
    return planned, faults


def _dropped_told(dropped: Sequence[int], max_length: int) -> str:
    lines = ", ".join(str(line) for line in dropped[:SHOWN])
    return (
        f"{len(dropped)} rows would be dropped, whose prompts have {max_length} tokens or more "
        f"(lines {lines}{', …' if len(dropped) > SHOWN else ''}): project with --max-length and --tokenizer"
    )


def _steps(settings: Settings, rows: int) -> dict[str, int]:
    """Return batches of all rows, and the steps that are taken."""
    batches = -(-rows // settings["per_device_train_batch_size"])
    each = -(-batches // settings["gradient_accumulation_steps"])
    wanted = (Decimal(settings["num_train_epochs"]) * each).to_integral_value(rounding=ROUND_CEILING)
    return {"batches": batches, "steps": settings["max_steps"] if settings["max_steps"] > 0 else int(wanted)}


def _windows(release: Frozen, settings: Settings) -> dict[str, int]:
    """Return the windows of a file, and how many have one label only, or one prompt twice."""
    found = verify_export(release.rows.path, batch_size=settings["per_device_train_batch_size"])
    batches = -(-found["rows"] // found["batch_size"])
    names = {"single_label": "single_label_windows", "same_prompt": "same_prompt_windows"}
    return {"windows": batches, **{name: found[key] for name, key in names.items()}}


def _dropped(release: Frozen, ruler: Ruler, max_length: int) -> list[int]:
    """Return the lines whose prompt fills `max_length`, which TRL's trainers drop; whole chats have no such prompt."""
    rows, gone = _sides(release), list[bool]()
    while some := list(islice(rows, _CHUNK)):
        gone += ruler.dropped(some, max_length)
    return [line for line, dropped in enumerate(gone, start=1) if dropped]


def _has_chats(release: Frozen) -> bool:
    """Say whether the rows are conversations, as the trainer tells it: by the first."""
    return any(not isinstance(row[name], str) for row in islice(_rows(release), 1) for name in _SAID if name in row)


def _rows(release: Frozen) -> Iterator[dict[str, Any]]:
    if release.rows.container != "jsonl":
        raise BadRequest("Lengths are counted in JSON lines", hint="Project the view with --as jsonl.")
    with release.rows.path.open("rb") as file:
        yield from map(orjson.loads, file)


def _sides(release: Frozen) -> Iterator[Sides]:
    for number, row in enumerate(_rows(release), start=1):
        if "prompt" not in row:
            return
        answer = row.get("completion", row.get("chosen"))
        if answer is None:
            raise ReleaseUnfit(release.rows.name, f"line {number} has no answer")
        form = "standard" if isinstance(row["prompt"], str) else "conversational"
        said = [orjson.dumps(each).decode() for each in (row["prompt"], answer)]
        tools = row.get("tools")
        yield Sides(said[0], said[1], None if tools is None else orjson.dumps(tools).decode(), form)
