"""What tests of judgement share: scores and findings put into the log, policies as values, and what they lead to."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger import Ledger, projection
from ledger.event import Draft, draft
from ledger.fixed import micro, text_of
from ledger.rule import AllOf, AnyOf, Compare, Condition, Field, Findings, Number, Op, Policy, Score, Tag, Text
from ledger.store import Store, open_store
from ledger.verbs.adopt import Proposed
from ledger.verbs.judge import JudgeReport, judge
from ledger.verbs.run import Run, Who
from ledger.verbs.scoring import By, ScoreReport, Statement, Subject, Values, append_all, statement
from ledger.verbs.whatif import whatif
from ledger.views import findings, samples
from tests.logs import line, sample_ids, store_of, write_lines

WHO = Who("tester")
KINDS = ("scored", "unscored")
ONE = 1_000_000


# --- conditions and policies, shorter


def score_is(dimension: str, op: Op, value: float) -> Compare:
    """Return the comparison of a score with a number."""
    return Compare(Score(dimension), op, Number(round(value * ONE)))


def tag_is(name: str, value: str) -> Compare:
    """Return the comparison of a tag with a text."""
    return Compare(Tag(name), "==", Text(value))


def field_is(name: str, value: str) -> Compare:
    """Return the comparison of a field with a text."""
    return Compare(Field(name), "==", Text(value))


def errors(rule: str = "*") -> Compare:
    """Return the condition that there is an error."""
    return Compare(Findings(rule, "error"), ">", Number(0))


def both(*parts: Condition) -> AllOf:
    """Return the condition that all parts hold."""
    return AllOf(parts)


def either(*parts: Condition) -> AnyOf:
    """Return the condition that some part holds."""
    return AnyOf(parts)


# --- what is known of samples


def take_in(ledger: Ledger, folder: Path, rows: Sequence[bytes], campaign: str = "c", source: str = "in") -> list[str]:
    """Ingest lines and return the ids of the samples that they brought."""
    before = set(sample_ids(ledger))
    ledger.ingest([write_lines(folder / "in.jsonl", rows)], campaign=campaign, source=source)
    return [one for one in sample_ids(ledger) if one not in before]


def some(ledger: Ledger, folder: Path, count: int, campaign: str = "c", **facts: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Ingest so many samples that differ, with these facts, and return their ids."""
    rows = [line(f"prompt {campaign} {n}", f"completion {n}", **facts) for n in range(count)]
    return take_in(ledger, folder, rows, campaign)


def score(
    ledger: Ledger,
    given: Mapping[str, Mapping[str, str | None]],
    *,
    scorer: str = "judge",
    version: str = "1",
    rubric: str | None = None,
    replicate: int = 0,
) -> list[int]:
    """Append what a scorer says of samples' current versions and return the positions; None is unscored."""
    by = By(scorer, version, rubric, replicate)
    said = []
    for row, texts in _rows(ledger, given):
        numbers = {name: micro(text) for name, text in texts.items() if text is not None}
        without = {name: "not_asked" for name, text in texts.items() if text is None}
        about = Subject(row.sample, row.id.hex(), row.version, row.hash.hex())
        said.append(statement(by, about, Values(numbers, without, {}), None))
    return _say(ledger, said)


def give_up(ledger: Ledger, ids: Sequence[str], reason: str = "error", *, scorer: str = "judge") -> list[int]:
    """Append that a scorer could say nothing of samples."""
    by = By(scorer, "1", None)
    rows = _rows(ledger, dict.fromkeys(ids))
    subjects = [Subject(row.sample, row.id.hex(), row.version, row.hash.hex()) for row, _ in rows]
    return _say(ledger, [statement(by, one, Values({}, {}, {}, reason), None) for one in subjects])


def _say(ledger: Ledger, said: Sequence[Statement]) -> list[int]:
    """Append what is news of it, and return the positions."""
    store = store_of(ledger)
    report = ScoreReport(samples=len(said))
    before = store.head().position
    append_all(store, Run(store.ledger_id, "score", {}, WHO), said, len(said), report, lambda *_: None)
    return [one["position"] for one in ledger.log(limit=10**6) if one["position"] > before and one["kind"] in KINDS]


def find(ledger: Ledger, given: Mapping[str, Sequence[Sequence[str]]], schema: bytes | None = None) -> list[int]:
    """Append what validators found in samples' current versions, as [rule, severity, path]; return the positions."""
    store = store_of(ledger)
    run = Run(store.ledger_id, "validate", {}, WHO)
    with store.transaction() as transaction:
        address = None if schema is None else transaction.add_blob(schema)[0].hex()
        drafts = []
        for row, found in _rows(ledger, given):
            before = findings.latest(store.connection, [row.sample]).get(row.sample)
            fields = {
                "after": None if before is None else before.op.hex(),
                "findings": [list(one) for one in found],
                "sample": row.id.hex(),
                "schema": address,
                "validators": [["structure", "1"]],
                "version": row.hash.hex(),
            }
            drafts.append(draft("found", row.sample, row.version, fields))
        first = run.append(transaction, drafts) or 0
    return list(range(first, first + len(drafts)))


def append(ledger: Ledger, command: str, drafts: Sequence[Draft]) -> list[int]:
    """Append events under a run of their own, as a verb does, without those that are in the log."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        known = transaction.known_ops([made.op for made in drafts])
        new = [made for made in drafts if made.op not in known]
        first = Run(store.ledger_id, command, {}, WHO).append(transaction, new) or 0
    return list(range(first, first + len(new)))


def _rows(ledger: Ledger, given: Mapping[str, Any]) -> Iterable[tuple[samples.Row, Any]]:
    rows = samples.by_ids(store_of(ledger).connection, [bytes.fromhex(one) for one in given])
    return [(rows[bytes.fromhex(one)], said) for one, said in given.items()]


# --- deciding, and what comes of it


def decide(ledger: Ledger, policy: Policy | None = None, campaign: str | None = None, **more: Any) -> JudgeReport:  # noqa: ANN401 - as `judge`
    """Decide by a policy that stands in no file; None is the one in force."""
    proposed = None if policy is None else Proposed(policy)
    return judge(store_of(ledger), proposed, campaign, WHO, **more)


def ask(ledger: Ledger, policy: Policy, campaign: str | None = None, limit: int = 10_000) -> dict[str, Any]:
    """Return what would be under another policy, every flip listed."""
    return whatif(store_of(ledger), policy, campaign, limit)


def judged(ledger: Ledger, columns: str = "outcome, rule, margin") -> dict[str, tuple[Any, ...]]:
    """Return sample id -> what the policy in force says of it."""
    rows = store_of(ledger).connection.execute(
        f"SELECT e.op, {columns} FROM judgements j JOIN event e ON e.position = j.sample ORDER BY j.sample"  # noqa: S608 - by a test
    )
    return {row[0].hex(): tuple(row[1:]) for row in rows}


def standing(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Return sample id -> status and label as they stand."""
    words = {None: "none", 0: "false", 1: "true"}
    rows = samples.everything(store_of(ledger).connection)
    return {row.id.hex(): (row.status, words[row.label]) for row in rows}


def reasons(ledger: Ledger) -> dict[str, tuple[str, str, str]]:
    """Return sample id -> status, label, and what decided the status."""
    stand = standing(ledger)
    rows = samples.everything(store_of(ledger).connection)
    return {row.id.hex(): (*stand[row.id.hex()], row.reason) for row in rows}


def details_of(ledger: Ledger, sample: str, kind: str | None = None) -> dict[str, Any]:
    """Return what the last event about a sample (of a kind) says."""
    events = [event for event in ledger.log(sample, limit=1000) if kind in {None, event["kind"]}]
    says: dict[str, Any] = events[-1]["says"]
    return says


def text(millionths: int | None) -> str | None:
    """Return a number as decimal text."""
    return None if millionths is None else text_of(millionths)


def copied(ledger: Ledger, name: str = "copy.db") -> Ledger:
    """Return a copy of a ledger, open; nobody may be writing."""
    target = ledger.path.with_name(name)
    shutil.copyfile(ledger.path, target)
    return Ledger.open(target)


def reopened(ledger: Ledger) -> Store:
    """Return another connection to the same file, with the fold."""
    store = open_store(ledger.path)
    projection.prepare(store.connection)
    store.seal = projection.catch_up
    return store
