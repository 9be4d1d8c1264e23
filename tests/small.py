"""Small inputs for tests: chats of one question and one answer, and what only a policy can say so far."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger import Ledger, projection
from ledger.event import Draft, Stamp, draft
from ledger.store import open_store

POLICY = "c0" * 32
"""The digest of a policy that nobody wrote."""


def chat(question: str, answer: str, label: bool | None = None, **envelope: Any) -> dict[str, Any]:  # noqa: ANN401, FBT001 - JSON; a label
    """Return one line: a question, its answer, a label unless it is None, and whatever else stands there."""
    said = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    return {**said, **({} if label is None else {"label": label}), **envelope}


def text_of(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as JSONL."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    """Write rows as JSONL and return the path."""
    path.write_text(text_of(rows), encoding="utf-8")
    return path


def pairs(count: int) -> list[dict[str, Any]]:
    """Return `count` good and `count` poor answers, each to a question of its own."""
    return [
        chat(f"question {n} {good}", f"answer {n} {good}", label=good) for n in range(count) for good in (True, False)
    ]


def samples(ledger: Ledger) -> list[str]:
    """Return the ids of all samples, in the order of their birth."""
    return [event["event"] for event in ledger.log(limit=10**6) if event["kind"] == "ingested"]


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    """Return the names of what stands in a folder, sorted."""
    return sorted(each.name for each in folder.iterdir())


def by_policy(ledger: Ledger, sample: str, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """Append what a policy says of a sample, as the engine that judges by policies will."""
    shown = ledger.show(sample)
    common: dict[str, Any] = {"after": None, "authority": "policy", "policy": POLICY, "reason": "", "sample": sample}
    common |= {"details": {}, "rule": "a rule", "version": shown["version"][3:]}
    more = {"label": None} if kind == "relabeled" else {}
    opened = open_store(ledger.path)
    projection.prepare(opened.connection)
    opened.seal = projection.catch_up
    with opened.transaction() as transaction:
        made: Draft = draft(kind, shown["origin"]["position"], None, {**common, **more, **fields})
        blob = transaction.known_blobs([bytes.fromhex(common["version"])]).popitem()[1]
        transaction.append([made._replace(blob=blob)], Stamp("engine", "api", transaction.at, 0))
    opened.close()
