"""Judging by a model: a rubric's questions, and scores whose evidence is the reply that gave them.

What a judge could not say is a reason, never a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger.event import Draft
from ledger.recipes import Judge, lint
from ledger.recipes.contract import Judged, Problem
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs import ladder
from ledger.verbs.asking import Asked, Came, Said, Verdict
from ledger.verbs.engine import How
from ledger.verbs.job import Task
from ledger.verbs.journal import Write
from ledger.verbs.planning import Chosen, Frozen, Known
from ledger.verbs.scoring import By, Range, ScoreReport, Statement, Subject, Values, news, statement
from ledger.views import erased, samples, scores, work


class Named(NamedTuple):
    """What a judge's scores are known by: the rubric's name, its version with the model, and the rubric's digest."""

    scorer: str
    version: str
    rubric: str


def named(judge: Judge, how: How) -> Named:
    """Return what the scores of a judge with a model are known by: those of two models are never compared as one."""
    return Named(judge.name, f"{judge.version} {how.provider} {how.model}", judge.rubric.digest.hex())


@dataclass(slots=True)
class Scores:
    """The scores that a run gave, by dimension."""

    ranges: dict[str, Range] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        """Count what was said of a sample."""
        for name, value in judged.numbers.items():
            self.ranges.setdefault(name, Range()).add(value)
        for name in judged.unscored:
            self.ranges.setdefault(name, Range()).unscored += 1

    def as_json(self) -> dict[str, Any]:
        """Return them by dimension: n, mean, min, max, unscored."""
        return {name: one.as_json() for name, one in sorted(self.ranges.items())}


class Judging(NamedTuple):
    """How what a judge says becomes scores (see `ledger.verbs.work.Ending`)."""

    store: Store
    by: By
    given: Scores

    def accept(self, asked: Asked, verdict: Verdict, came: Came) -> Write | Problem:
        """Return what writes a score, whose evidence is the reply."""
        if not isinstance(verdict, Judged):
            raise TypeError("a judge gives scores")
        values = Values(verdict.numbers, verdict.unscored, verdict.notes)
        write = self._write(asked, values, came.address)

        def counted(transaction: Transaction) -> tuple[list[Draft], Problem | None]:
            drafts, problem = write(transaction)
            if problem is None:
                self.given.add(verdict)
            return drafts, problem

        return counted

    def give_up(self, asked: Asked, kind: str, detail: str) -> Write:  # noqa: ARG002 - the reason is a word
        """Return what writes that nothing could be said, and why."""
        return self._write(asked, Values({}, {}, {}, kind), None, again=True)

    def _write(self, asked: Asked, values: Values, evidence: str | None, *, again: bool = False) -> Write:
        """Return what writes a statement; one that was said last is written only where it is to be said `again`.

        Each failure is an event, so that the next attempt gets an ordinal of its own and asks anew.
        """
        row = asked.subject.row
        subject = Subject(row.sample, row.id.hex(), row.version, row.hash.hex())
        said = statement(self.by, subject, values, evidence)

        def write(_transaction: Transaction) -> tuple[list[Draft], Problem | None]:
            if erased.among(self.store.connection, [row.version]):
                return [], Problem("erased", "what was judged was erased")
            drafts = news(self.store, [said], ScoreReport())[0]
            return drafts or ([said.draft(_last(self.store, said))] if again else []), None

        return write


def _last(store: Store, said: Statement) -> bytes | None:
    """Return the op of what was said last by the same scorer of the same version."""
    last: bytes | None = None
    for _, op, leaf in scores.said_by(store.connection, said.fields["scorer"], [said.sample]):
        fields = leaf_of(store, leaf)
        if all(fields[name] == said.fields[name] for name in ("replicate", "version")):
            last = op
    return last


def judging(store: Store, judge: Judge, chosen: Chosen, how: How, given: Scores) -> Task:
    """Return the task of judging samples by a rubric; `given` counts the scores."""
    who = named(judge, how)

    def known(frozen: Frozen) -> Known:
        return lambda rows: _known(store, who, frozen.digest, rows)

    def climb(asked: Asked, said: Said) -> Verdict:
        row, item = asked.subject
        return ladder.judge(judge, item, row.reader, said.stop, said.text)

    return Task(
        command="score",
        recipe=judge,
        chosen=chosen,
        known=known,
        ending=lambda _journal, _frozen: Judging(store, By(who.scorer, who.version, who.rubric), given),
        climb=climb,
    )


def lint_json(judge: Judge) -> list[dict[str, str]]:
    """Return what contradicts in a rubric: kind, where, message."""
    return [fault._asdict() for fault in lint(judge.rubric)]


def _known(store: Store, who: Named, recipe: str, rows: Sequence[samples.Row]) -> dict[int, work.Done]:
    """Return what this judge said of the versions of samples: scores are an end, as is a reason for having none."""
    done = work.done(store.connection, recipe, {row.sample: row.version for row in rows})
    versions = {row.sample: row.hash.hex() for row in rows}
    for sample, _, leaf in scores.said_by(store.connection, who.scorer, list(versions)):
        said = leaf_of(store, leaf)
        mine = (said["scorer_version"], said["rubric"], said["version"]) == (who.version, who.rubric, versions[sample])
        if mine and said["kind"] == "scored":
            done[sample] = done[sample]._replace(child=sample)
        elif mine:
            done[sample] = done[sample]._replace(failures=done[sample].failures + 1, failure=said["reason"])
    return done
