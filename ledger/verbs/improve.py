"""Improve and regenerate: a model writes fields of samples anew, and what comes of it are child samples."""

from __future__ import annotations

from typing import Any, NamedTuple

from ledger.event import Draft
from ledger.recipes import Improve
from ledger.recipes.contract import IMPROVE, Made, Problem
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs import ladder
from ledger.verbs.asking import Asked, Came, Said, Verdict
from ledger.verbs.derive import KINDS, Origin, born, child_of, refusal
from ledger.verbs.job import Task
from ledger.verbs.journal import WorkJournal, Write
from ledger.verbs.order import in_order
from ledger.verbs.planning import Frozen, Known
from ledger.verbs.selection import Selection
from ledger.views import erased, samples, work


class Deriving(NamedTuple):
    """How results become children, and last failures events about their parents (see `ledger.verbs.work.Ending`)."""

    store: Store
    journal: WorkJournal
    recipe: str
    kind: str

    def accept(self, asked: Asked, verdict: Verdict, came: Came) -> Write | Problem:
        """Return what writes a child, unless the ledger refuses its text."""
        if not isinstance(verdict, Made):
            raise TypeError("a recipe that derives makes contents")
        child = child_of(asked.subject, verdict)
        if isinstance(child, Problem):
            return child
        usage = None if came.usage is None else dict(came.usage)
        origin = Origin(self.recipe, asked.request, usage, came.cost)

        def write(transaction: Transaction) -> tuple[list[Draft], Problem | None]:
            if erased.among(self.store.connection, [asked.subject.row.version]):
                return [], Problem("erased", "what it was made of was erased")
            refused = refusal(self.store, child)
            if refused is not None:
                return [], refused
            return [born(transaction, self.kind, asked.subject, child, origin)], None

        return write

    def give_up(self, asked: Asked, kind: str, detail: str) -> Write:
        """Return what writes that there is no result; the original stands."""
        made = self.journal.failure(asked.key, asked.attempt, kind, detail, final=True)
        return lambda _: ([made], None)


def deriving(store: Store, recipe: Improve, chosen: Selection) -> Task:
    """Return the task of improving or regenerating samples."""

    def known(frozen: Frozen) -> Known:
        def done(rows: list[samples.Row]) -> dict[int, work.Done]:
            return work.done(store.connection, frozen.digest, {row.sample: row.version for row in rows})

        return done

    def climb(asked: Asked, said: Said) -> Any:  # noqa: ANN401 - a verdict
        row, item = asked.subject
        return ladder.judge(recipe, item, row.reader, said.stop, said.text, memory=asked.memory)

    kind = KINDS[recipe.purpose]
    return Task(
        command="improve" if recipe.purpose == IMPROVE else "regenerate",
        recipe=recipe,
        chosen=chosen,
        known=known,
        ending=lambda journal, frozen: Deriving(store, journal, frozen.digest, kind),
        climb=climb,
        order=in_order(recipe),
    )
