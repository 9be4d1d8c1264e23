"""Rescoring after improving: one scorer for both sides, one of this program's or a model's with a rubric."""

from __future__ import annotations

from array import array
from decimal import Decimal
from typing import NamedTuple

from ledger.errors import NoPolicy
from ledger.recipes import Judge
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs import better, score
from ledger.verbs.engine import How
from ledger.verbs.job import Options, Report, Task, work_on
from ledger.verbs.judge_model import Scores, judging
from ledger.verbs.planning import CHUNK, freeze, plan, spent_on
from ledger.verbs.run import Who
from ledger.verbs.specs import is_rubric, judge_from
from ledger.views import better as pairs
from ledger.views import policies


class Scorer(NamedTuple):
    """Who scores both sides: a plan of a scorer of this program, or a judge."""

    plan: score.ScorePlan | None
    judge: Judge | None


def scorer_named(store: Store, name: str) -> Scorer:
    """Return who scores both sides; raise NoPolicy, or BadRequest, where no policy could compare what comes of it.

    Raises NoSuchScorer, SpecInvalid, InputNotFound.
    """
    standing = policies.in_force(store.connection)
    if not standing:
        raise NoPolicy("", hint="It decides what is better: adopt one with `ledger decide --policy FILE`.")
    better.check_policy(standing)
    if is_rubric(name):
        return Scorer(None, judge_from(name))
    return Scorer(score.score_plan(name, {}, None), None)


def within(store: Store, scorer: Scorer, task: Task, how: How, options: Options) -> How:
    """Return how to ask for new versions, so that these and the judge stay within one budget in all runs together."""
    if scorer.judge is None or how.budget is None:
        return how
    frozen = freeze(task.recipe, how)
    known = task.known(frozen)
    planned = plan(store, task.chosen, frozen.digest, known, retry=options.retry_failed, limit=options.limit)
    spent = _spent(store, scorer.judge, how, frozen.digest, planned.handles)
    return how._replace(budget=max(how.budget - spent, Decimal(0)))


def rescored(store: Store, scorer: Scorer, report: Report, how: How, who: Who, options: Options) -> Report:
    """Score new versions and what they were made from, decide which are better, and return the report of both.

    Nothing is done where the work stopped; the same command goes on with it. Dollars are those of both.
    """
    if report.stopped is None:
        report = _rescored(store, scorer, report, how, who, options)
    if scorer.judge is None:
        return report
    spent = _spent(store, scorer.judge, how, report.recipe, report.handles)
    return report._replace(spent_usd=report.spent_usd + spent)


def _rescored(store: Store, scorer: Scorer, report: Report, how: How, who: Who, options: Options) -> Report:
    judged: list[Report] = []

    def rescore(handles: array[int]) -> None:
        if scorer.plan is not None:
            score.score(store, scorer.plan, who, _silent, handles)
        elif scorer.judge is not None:
            judged.append(_judge(store, scorer.judge, handles, report, how, who, options))

    done = better.decide_better(store, report.recipe, report.handles, report.since, rescore, who)
    return _with(report, done, judged)


def _judge(
    store: Store, judge: Judge, handles: array[int], report: Report, how: How, who: Who, options: Options
) -> Report:
    asked = _asked(judge, how)
    task = judging(store, judge, handles, asked, Scores())
    if how.budget is not None:
        spent = report.spent_usd + _spent(store, judge, how, report.recipe, report.handles)
        counted = spent_on(store, handles, task.known(freeze(judge, asked)))  # the work counts this itself
        asked = asked._replace(budget=max(how.budget - spent + counted, Decimal(0)))
    return work_on(store, task, asked, who, options._replace(limit=None, expected=None))


def _asked(judge: Judge, how: How) -> How:
    return how._replace(model=judge.rubric.model or how.model)


def _spent(store: Store, judge: Judge, how: How, recipe: str, handles: array[int]) -> Decimal:
    """Return the dollars that a judge spent in all runs on samples, and on what a recipe made of them."""
    digest = freeze(judge, _asked(judge, how)).digest
    chunks = in_chunks(handles, CHUNK)
    return sum((pairs.spent(store.connection, digest, recipe, chunk) for chunk in chunks), Decimal(0))


def _with(report: Report, done: better.Decided, judged: list[Report]) -> Report:
    """Return a report with what rescoring came to: of what was accepted some is rejected, and some cannot be told."""
    rejected, unknown = done.new[better.REJECTED], done.new[better.UNKNOWN]
    kinds = dict(report.by_failure)
    if rejected:
        kinds[better.NOT_BETTER] = rejected
    stopped = next((one for one in judged if one.stopped is not None), None)
    return report._replace(
        accepted=report.accepted - rejected - unknown,
        rejected=rejected,
        unknown=report.unknown + unknown,
        by_failure=dict(sorted(kinds.items())),
        requests=report.requests + sum(one.requests for one in judged),
        found=report.found + sum(one.found for one in judged),
        lost=report.lost + sum(one.lost for one in judged),
        cost_usd=report.cost_usd + sum(one.cost_usd for one in judged),
        stopped=None if stopped is None else stopped.stopped,
        detail="" if stopped is None else stopped.detail,
        decided=dict(sorted((done.new + done.old).items())),
    )


def _silent(_what: str, _done: int, _total: int) -> None:
    return None
