"""A job from end to end: what is planned, asked, answered and recorded, and the sum of it.

The same command run again goes on where it was: what has an end is left alone, what was answered is judged for
nothing, and only the rest is asked.
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from ledger.agents.contract import BATCH
from ledger.digest import PREFIX
from ledger.errors import BadRequest, HeadMoved
from ledger.recipes.contract import Memory, Recipe
from ledger.store import Store
from ledger.verbs.asking import Asker, Climb
from ledger.verbs.engine import How, Opener, open_engine, past
from ledger.verbs.journal import By, WorkJournal, Writer, money_text
from ledger.verbs.one_at_a_time import locked
from ledger.verbs.planning import Chosen, Frozen, Known, Planned, freeze, params, plan, record, spent_on, stream
from ledger.verbs.run import Run, Who, conserve
from ledger.verbs.work import (
    BATCH_WINDOW,
    WINDOW,
    Ending,
    Next,
    Order,
    ShouldStop,
    Standing,
    Tally,
    Watch,
    Working,
)


class Task(NamedTuple):
    """What is to be done with some samples: a recipe, how its replies are judged and what they become.

    `known` says what was done before, under the digest of the frozen recipe; `ending` makes the events.
    """

    command: str
    recipe: Recipe
    chosen: Chosen
    known: Callable[[Frozen], Known]
    ending: Callable[[WorkJournal, Frozen], Ending]
    climb: Climb
    order: Order | None = None


class Options(NamedTuple):
    """Whether what failed is tried again, how many samples at most, and who watches and who may stop it."""

    retry_failed: bool = False
    limit: int | None = None
    expected: int | None = None
    watch: Watch | None = None
    should_stop: ShouldStop | None = None
    opener: Opener | None = None


class Report(NamedTuple):
    """What became of the samples of a job.

    `planned == accepted + rejected + failed + unknown + reused + skipped + left`: a result; one that was judged and
    found no better; a last failure; sent, and nobody knows how it ended; with an end before this run; nothing to ask;
    not come to. `found` counts replies of earlier runs that were judged again, `lost` attempts of earlier runs whose
    outcome nobody knows. Dollars are exact: of this run, and of all runs of the job with what is unknown in full.
    """

    planned: int
    accepted: int
    rejected: int
    failed: int
    unknown: int
    reused: int
    skipped: int
    left: int
    by_failure: dict[str, int]
    requests: int
    found: int
    lost: int
    cost_usd: Decimal
    spent_usd: Decimal
    stopped: str | None
    detail: str
    recipe: str
    model: str
    since: int
    """Where the log ended before."""
    handles: array[int]
    decided: Mapping[str, int] = MappingProxyType({})
    """What rescoring decided: accepted, rejected, unknown; also of results of earlier runs."""

    def parts(self) -> dict[str, int]:
        """Return the parts that make up what was planned."""
        names = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")
        return {name: getattr(self, name) for name in names}

    def as_json(self) -> dict[str, Any]:
        """Return the report under its documented keys; dollars are decimal text."""
        money = {name: money_text(getattr(self, name)) for name in ("cost_usd", "spent_usd")}
        said = {**self._asdict(), **money, "decided": dict(self.decided), "recipe": f"{PREFIX}{self.recipe}"}
        return {name: value for name, value in said.items() if name not in {"handles", "since"}}


def work_on(store: Store, task: Task, how: How, who: Who, options: Options) -> Report:
    """Do a job as far as it can be done, and return what came of it; what stopped it stands in the report.

    Raises what opening a provider does, and BadRequest where another process does the same job at this moment or a loop
    runs in this thread; then nothing is recorded.
    """
    check_no_loop()
    frozen = freeze(task.recipe, how)
    with _alone_at(store, frozen):
        return _work_on(store, task, how, who, options, frozen)


def _work_on(store: Store, task: Task, how: How, who: Who, options: Options, frozen: Frozen) -> Report:
    if options.expected is not None and (position := store.head().position) != options.expected:
        raise HeadMoved(position, options.expected)
    known = task.known(frozen)
    planned = plan(store, task.chosen, frozen.digest, known, retry=options.retry_failed, limit=options.limit)
    doing = _Doing(store, task, how, options, frozen, known, planned)
    if not doing.anything():
        doing.skip()
    else:
        asyncio.run(doing.work(Run(store.ledger_id, task.command, params(task.chosen, task.recipe, frozen, how), who)))
    return doing.report()


def check_no_loop() -> None:
    """Raise BadRequest where this thread runs a loop already, in which no other one can."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise BadRequest(
        "A model cannot be asked from within a running event loop",
        hint="Call it in a thread of its own, as with asyncio.to_thread and a ledger that is opened there.",
    )


_LATER = "Let it finish; the same command then goes on where it stopped."


@contextmanager
def _alone_at(store: Store, frozen: Frozen) -> Iterator[None]:
    """Let one process at a time work with a recipe: two would buy the answers that are under way twice.

    The system drops the lock of a process that is gone. On a file system without locks nobody is kept out.
    """
    file = store.path.with_name(f"{store.path.name}-work-{frozen.digest[:16]}")
    handle = locked(file, "Another process works on this job", _LATER)
    try:
        yield
    finally:
        if handle is not None:
            with suppress(OSError):
                file.unlink()  # while it is locked: whoever opened it before looks whether it is there still
            os.close(handle)


def look_at(store: Store, task: Task, how: How, options: Options) -> dict[str, int]:
    """Return how many samples a job would be about, and how many of them have an end already."""
    frozen = freeze(task.recipe, how)
    known = task.known(frozen)
    planned = plan(store, task.chosen, frozen.digest, known, retry=options.retry_failed, limit=options.limit)
    rest = stream(store, planned, known, retry=options.retry_failed, whole=False)
    asked = sum(_asks(task, each) for each in rest)
    return {
        "planned": len(planned.handles),
        "reused": planned.reused,
        "asked": asked,
        "skipped": planned.todo - asked,
    }


class _Doing:
    """One run of a job."""

    def __init__(
        self,
        store: Store,
        task: Task,
        how: How,
        options: Options,
        frozen: Frozen,
        known: Known,
        planned: Planned,
    ) -> None:
        self._store, self._task, self._how, self._options = store, task, how, options
        self._frozen, self._known, self._planned = frozen, known, planned
        self._tally = Tally(planned=len(planned.handles), reused=planned.reused)
        self._since = store.head().position
        self._asker: Asker | None = None
        self._journal: WorkJournal | None = None

    def anything(self) -> bool:
        """Say whether there is anything to ask; where not, no provider is opened, and no key is needed."""
        rest = stream(self._store, self._planned, self._known, retry=self._options.retry_failed, whole=False)
        return self._planned.todo > 0 and any(_asks(self._task, each) for each in rest)

    def skip(self) -> None:
        """Count what has no end as that about which there is nothing to ask."""
        self._tally.skipped = self._planned.todo

    async def work(self, run: Run) -> None:
        """Open the provider, say what is planned, do it, and say what came of it."""
        store, task, how, options = self._store, self._task, self._how, self._options
        before = past(store, self._frozen.digest, how.provider, self._planned.spent)._replace(warn=self._warn)
        opener = options.opener or open_engine
        async with opener(how, before) as (engine, prices):
            record(store, run, self._planned, task.recipe, self._frozen, how, prices)
            waiting = {key for one in before.known.values() for key in one.sent}
            self._asker = Asker(store, task.recipe, engine, waiting, how.mode == BATCH)
            by = By(task.recipe.purpose, self._frozen.digest, how.provider, how.model)
            writer = Writer(store, run, gather=how.concurrency != 1)
            self._journal = WorkJournal(store, writer, by)
            items = stream(store, self._planned, self._known, retry=options.retry_failed, whole=task.order is not None)
            working = Working(
                asker=self._asker,
                ending=task.ending(self._journal, self._frozen),
                climb=task.climb,
                journal=self._journal,
                tally=self._tally,
                items=items,
                window=_window(how),
                order=task.order,
                leaves=how.mode == BATCH,
                should_stop=options.should_stop or _never,
                watch=options.watch or _silent,
            )
            try:
                await working.run(engine.backend)
            finally:
                writer.flush()
        conserve("samples", self._tally.planned, self._tally.parts())
        with store.transaction() as transaction:
            run.finish(transaction, {**self._tally.parts(), "planned": self._tally.planned})

    def _warn(self, spent: Decimal, cap: Decimal) -> None:
        self._store.warnings.append(f"${money_text(spent)} of the budget of ${money_text(cap)} are spent")

    def report(self) -> Report:
        """Return what came of it."""
        tally, asker, journal = self._tally, self._asker, self._journal
        return Report(
            planned=tally.planned,
            accepted=tally.accepted,
            rejected=tally.rejected,
            failed=tally.failed,
            unknown=tally.unknown,
            reused=tally.reused,
            skipped=tally.skipped,
            left=tally.left,
            by_failure=dict(sorted(tally.kinds.items())),
            requests=0 if journal is None else journal.requests,
            found=0 if asker is None else asker.found,
            lost=0 if asker is None else len(asker.lost),
            cost_usd=Decimal(0) if journal is None else journal.cost,
            spent_usd=spent_on(self._store, self._planned.handles, self._known),
            stopped=tally.stopped,
            detail=tally.detail,
            recipe=self._frozen.digest,
            model=self._how.model,
            since=self._since,
            handles=self._planned.handles,
        )


def _asks(task: Task, drawn: Next) -> bool:
    return drawn.subject is not None and task.recipe.ask(drawn.subject.item, Memory()) is not None


def _window(how: How) -> int:
    """Return how many samples may be on their way: one at a time where one request is, so that the log is the same."""
    if how.mode == BATCH:
        return BATCH_WINDOW
    return 1 if how.concurrency == 1 else WINDOW


def _never() -> bool:
    return False


def _silent(_standing: Standing) -> None:
    return None
