"""Evaluate: ask a model the prompts of a release, and check its answers as the ledger checks samples.

The same is asked of the model that it was trained from, so that each check has a before and an after. Of the prompts
that are asked those are counted that some training on the way to the model has seen: they are not held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.errors import BadRequest, InputNotFound, InputUnreadable, ModelUnreadable, ReleaseUnfit, SettingsInvalid
from ledger.event import draft
from ledger.readers import FactMap, Unreadable, content_of, read_line
from ledger.reports.evaluated import evaluated_shown
from ledger.reports.history import leaf_of
from ledger.reports.reached import reached
from ledger.sample import Content
from ledger.store import Store
from ledger.trainers.environment import versions
from ledger.trainers.generate import Prompt, answers
from ledger.validators import ERROR, RULES, Schemas, examine, load_schemas
from ledger.validators.expectations import Expectation, meets, read_expectations
from ledger.validators.reading import talk_of
from ledger.verbs.files import read_whole
from ledger.verbs.frozen_release import Frozen, find_release
from ledger.verbs.run import Run, Who
from ledger.verbs.run_folder import checkpoint_step, model_before, model_facts, training_of
from ledger.verbs.words import whole_number
from ledger.views import descent, trainings

MOST = 10_000
LONGEST = 65_536
"""Prompts that are asked, and tokens of an answer, at most."""
NO_ERRORS = "no errors"
"""The check that no validator finds an error."""

OnStep = Callable[[str, int, int], None]


class Wanted(NamedTuple):
    """What to ask whom: a model's folder, a manifest, the model before (None: what the run's folder says)."""

    model: Path
    manifest: Path
    baseline: Path | None
    expectations: Path | None
    schemas: Path | None
    limit: int
    most_tokens: int


class _Checks(NamedTuple):
    schemas: Schemas | None
    expectations: tuple[Expectation, ...]
    files: Mapping[str, bytes | None]
    """What was read, under the names of the event's fields."""

    def failed(self, asked: Content, answer: str) -> set[str]:
        """Return the checks that an answer fails: expectations, and rules of validators that find an error in it."""
        content = _answered(asked, answer)
        talk = talk_of(content)
        own = ("", *(turn.path for turn in talk.turns[talk.cut :]))
        found = examine(content, self.schemas).findings
        errors = {one.rule for one in found if one.severity == ERROR and any(_is_in(one.path, place) for place in own)}
        missed = {one.name for one in self.expectations if not meets(one, answer, talk)}
        return errors | missed | ({NO_ERRORS} if errors else set())


def evaluate(store: Store, wanted: Wanted, who: Who, on_step: OnStep) -> dict[str, Any]:
    """Ask, check and record; return the shares of answers that pass each check, before and after, with intervals.

    Raises BadRequest, InputNotFound, InputUnreadable, ManifestUnreadable, ForeignManifest, SettingsInvalid,
    SchemaUnreadable, ModelUnreadable, TrainerMissing; nothing is recorded then.
    """
    whole_number("The number of prompts", wanted.limit, 1, MOST)
    whole_number("The tokens of an answer", wanted.most_tokens, 1, LONGEST)
    with _plainly():
        return _evaluate(store, wanted, who, on_step)


_AGAIN = "Make the release again with `ledger project` or `ledger rebuild`; nothing was asked or recorded."
_EXPECT = "Mend that line (docs/training.md lists what can be expected); nothing was asked or recorded."
_NO_MODEL = "Give the folder of a model with its tokenizer and its chat template; nothing was recorded."


@contextmanager
def _plainly() -> Iterator[None]:
    """Say what stands in the way of asking; the same errors speak of training elsewhere."""
    try:
        yield
    except ReleaseUnfit as error:
        raise InputUnreadable(*error.args, hint=_AGAIN) from error
    except ModelUnreadable as error:
        raise ModelUnreadable(*error.args, hint=_NO_MODEL) from error
    except SettingsInvalid as error:
        raise SettingsInvalid(*error.args, hint=_EXPECT) from error


def _evaluate(store: Store, wanted: Wanted, who: Who, on_step: OnStep) -> dict[str, Any]:
    release = find_release(store, wanted.manifest)
    checks = _checks(wanted)
    training = training_of(store, wanted.model)
    baseline = wanted.baseline or model_before(wanted.model)
    read = _contents(release, wanted.limit)
    asked = list(read.values())
    prompts = [Prompt(one.prompt if isinstance(one.prompt, str) else list(one.prompt), one.tools) for one in asked]
    models = [wanted.model, *([] if baseline is None else [baseline])]
    said = [answers(model, prompts, wanted.most_tokens, on_step) for model in models]
    failed = [_failures(checks, asked, each) for each in said]
    facts = [model_facts(model) for model in models]
    came_of = _came_of(store, training, facts[0]["blake3"])
    outputs = orjson.dumps({"after": said[0], "before": said[1] if baseline else None})
    fields = {
        "baseline": facts[1]["blake3"] if baseline else None,
        "config": {"limit": wanted.limit, "most_tokens": wanted.most_tokens},
        "model": facts[0]["blake3"],
        "prompts": len(asked),
        "release": release.op,
        "results": _results(checks, len(asked), failed),
        "trained": came_of[0].op.hex() if came_of else None,
        "versions": [list(pair) for pair in sorted(versions("trl").items())],
    }
    position = record(store, who, fields, outputs, checks.files)
    return {
        **evaluated_shown(store, position),
        **_seen(store, came_of, read, checkpoint_step(wanted.model) if training else None),
    }


def record(store: Store, who: Who, fields: Mapping[str, Any], outputs: bytes, files: Mapping[str, bytes | None]) -> int:
    """Append an evaluation, with the answers that it is about and the files that say what was checked.

    Those are `expectations` and `schemas`, None where nothing was given. Returns its position.
    """
    run = Run(store.ledger_id, "evaluate", {name: fields[name] for name in ("config", "model", "release")}, who)
    with store.transaction() as transaction:
        run.begun(transaction)
        digest, blob = transaction.add_blob(outputs)
        told = {name: None if data is None else transaction.add_blob(data)[0].hex() for name, data in files.items()}
        position = transaction.next_position
        made = {**fields, **told, "outputs": digest.hex(), "started": run.started.hex()}
        run.append(transaction, [draft("evaluated", None, blob, made)])
        run.finish(transaction, {"prompts": fields["prompts"]})
    return position


def _checks(wanted: Wanted) -> _Checks:
    schemas, expectations = (None if path is None else _read(path) for path in (wanted.schemas, wanted.expectations))
    loaded = None
    if schemas is not None:
        loaded = load_schemas(schemas, str(wanted.schemas))
    expected: tuple[Expectation, ...] = ()
    if expectations is not None:
        try:
            expected = read_expectations(expectations.decode(), wanted.expectations, {NO_ERRORS, *RULES})
        except UnicodeDecodeError as error:
            raise InputUnreadable(wanted.expectations, "it is not UTF-8") from error
    return _Checks(loaded, expected, {"expectations": expectations, "schemas": schemas})


def _read(path: Path) -> bytes:
    try:
        return read_whole(path)
    except FileNotFoundError as error:
        raise InputNotFound(path) from error
    except OSError as error:
        raise InputUnreadable(path, error.strerror or error) from error


def _contents(release: Frozen, limit: int) -> dict[bytes, Content]:
    """Return the first prompts of a release by their fingerprints; of a chat what stands before its last answer."""
    if release.rows.container != "jsonl":
        raise BadRequest("The prompts are read from JSON lines", hint="Project the view with `--as jsonl`.")
    found: dict[bytes, Content] = {}
    with release.rows.path.open("rb") as file:
        for line in file:
            read = read_line(line.rstrip(b"\n"), FactMap())
            if isinstance(read, Unreadable):
                raise ReleaseUnfit(release.rows.name, f"a row is no sample: {read.reason}")
            content = content_of(line.rstrip(b"\n"), read.reader)
            if content.prompt:
                found.setdefault(read.prompt or read.fingerprint, content)
            if len(found) >= limit:
                break
    if not found:
        raise ReleaseUnfit(release.rows.name, "none of its rows has a prompt")
    return found


def _answered(asked: Content, answer: str) -> Content:
    """Return the prompt with a model's answer as its completion."""
    if isinstance(asked.prompt, str):
        return replace(asked, completion=answer)
    return replace(asked, completion=({"role": "assistant", "content": answer},))


def _is_in(path: str, place: str) -> bool:
    return path.startswith(place) if place else not path


def _failures(checks: _Checks, asked: Sequence[Content], said: Sequence[str]) -> Counter[str]:
    """Return how many answers fail each check."""
    found: Counter[str] = Counter()
    for content, answer in zip(asked, said, strict=True):
        found.update(checks.failed(content, answer))
    return found


def _results(checks: _Checks, prompts: int, failed: Sequence[Counter[str]]) -> list[list[Any]]:
    """Return [check, answers that pass it, the same of the model before or None], those that matter first."""
    rules = sorted(set().union(*failed) - {NO_ERRORS} - {one.name for one in checks.expectations})
    names = [NO_ERRORS, *(one.name for one in checks.expectations), *rules]
    before = failed[1] if len(failed) > 1 else None
    return [[name, prompts - failed[0][name], None if before is None else prompts - before[name]] for name in names]


def _came_of(store: Store, training: trainings.Training | None, model: str) -> list[trainings.Training]:
    """Return the trainings that a model came of: the one that left its folder, and those before it, the last first.

    A training follows another where it began from the weights that the other left, by their digest.
    """
    found: dict[int, trainings.Training] = {} if training is None else {training.position: training}
    left = [model, *(leaf_of(store, one.leaf)["model"] for one in found.values())]
    for digest in left:  # grows while it is gone through; each training adds one, once
        for position in descent.leading_to(store.connection, digest):
            before = None if position in found else trainings.get(store.connection, position)
            if before is not None:
                found[position] = before
                left.append(leaf_of(store, before.leaf)["model"])
    return list(found.values())


def _seen(
    store: Store, given: Sequence[trainings.Training], asked: Collection[bytes], step: int | None
) -> dict[str, Any]:
    """Return how many of the prompts that were asked some training has seen: steps took a row of them; and which.

    Of the first only so many steps count, where the model is a checkpoint of it.
    """
    seen: set[bytes] = set()
    for number, one in enumerate(given):
        far = reached(store, one, None if number else step)
        first = None if far.epochs else far.rows
        made = descent.made_at(store.connection, one.release)
        seen |= descent.prompts_in(store.connection, one.release, made, first)
    return {"seen": len(seen.intersection(asked)), "trainings": [one.op.hex() for one in given]}
