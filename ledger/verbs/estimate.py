"""What a job would cost and how long it would take: the questions that it would ask, looked at without asking them.

The selection, the recipe and the requests are those of the job itself. The provider counts the tokens of some prompts,
which costs nothing; answers are as long as those that the recipe got before, or as its file says.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from ledger.agents import forecast
from ledger.agents.api import Api
from ledger.agents.batch import WARM_FROM
from ledger.agents.budget import Budget
from ledger.agents.contract import BATCH, LIVE, Request
from ledger.agents.counting import Counted, Range, count, mean_range, size_of, spread
from ledger.agents.forecast import ASSUMED, BOUNDS, CACHED, LIMITS, WARM, WAYS, Job
from ledger.agents.layout import request
from ledger.agents.opening import offline, open_backend
from ledger.agents.prefixes import SHORT, fronts
from ledger.agents.prices import Prices
from ledger.agents.profiles import ALWAYS, ANTHROPIC, Profile
from ledger.digest import PREFIX
from ledger.errors import ClientMissing, NoApiKey, ProviderUnreachable
from ledger.recipes import Improve
from ledger.recipes.contract import Memory, Question, Recipe
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs import job
from ledger.verbs.engine import How
from ledger.verbs.journal import money_text
from ledger.verbs.planning import CHUNK, Known, Planned, freeze, is_done, plan, stream
from ledger.verbs.run import Who
from ledger.verbs.selection import selection
from ledger.verbs.work import ShouldStop
from ledger.views import samples, spending

SURVEYED = 2_000
"""Samples whose questions are written for an estimate at the most, evenly spread over the job."""
ENOUGH = 5
"""Answers from which their length is taken from them, not from what the file says."""
_PHRASES = ("so that nobody has to read", "which makes it easier to", "as it stands at the moment") * 20
"""A memory as full as it gets: prompts may grow by as much."""


class Asked(NamedTuple):
    """What is asked of an estimate: how many samples at most, whether failures are tried again, whom not to ask.

    `pilot` is how many samples are really asked about first, after `agreed` has heard what that may cost and said yes.
    """

    limit: int | None = None
    retry_failed: bool = False
    offline: bool = False
    pilot: int = 0
    agreed: Callable[[dict[str, Any]], bool] = lambda _: True
    should_stop: ShouldStop | None = None


class _Opened(NamedTuple):
    api: Api | None
    profile: Profile
    prices: Prices
    why_not: str | None


class _Asking(NamedTuple):
    """A recipe as it is given to a model."""

    recipe: Recipe
    known: Known
    how: How
    profile: Profile

    def write(self, question: Question) -> Request:
        """Return the request of a question."""
        blocks = [(block.text, block.keep) for block in question.instructions]
        return request(
            blocks,
            question.data,
            question.schema,
            question.output,
            self.profile,
            question.again,
            effort=self.how.effort,
        )


class _Survey(NamedTuple):
    """The requests of some samples (their handles in `asked`), and of how many in all.

    `stated` is how long an answer may be by the file, `grows` what a memory may add to a prompt in bytes.
    """

    requests: list[Request]
    asked: list[int]
    stated: int
    grows: int
    todo: int
    skipped: int


def estimate(store: Store, task: job.Task, how: How, who: Who, asked: Asked) -> dict[str, Any]:
    """Return what a job would cost, by way of asking; with a pilot, after it. Raises what the job does."""
    job.check_no_loop()
    answer, handles = asyncio.run(_estimate(store, task, how, asked))
    if not asked.pilot or not handles or not asked.agreed(answer):
        return answer
    rows = [samples.get(store.connection, handle) for handle in spread(handles, asked.pilot)]
    chosen = selection([row.id.hex() for row in rows if row is not None])
    options = job.Options(asked.retry_failed, should_stop=asked.should_stop)
    did = job.work_on(store, task._replace(chosen=chosen), how._replace(mode=LIVE), who, options)
    after, _ = asyncio.run(_estimate(store, task, how, asked))
    return {**after, "pilot": did.as_json()}


async def _estimate(store: Store, task: job.Task, how: How, asked: Asked) -> tuple[dict[str, Any], list[int]]:
    """Return the answer, and the handles of the samples that it was told from."""
    frozen = freeze(task.recipe, how)
    known = task.known(frozen)
    planned = plan(store, task.chosen, frozen.digest, known, retry=asked.retry_failed, limit=asked.limit)
    todo = _todo(store, planned, known, retry=asked.retry_failed)
    async with AsyncExitStack() as stack:
        opened = await _opened(stack, how, alone=asked.offline)
        survey = _survey(store, todo, _Asking(task.recipe, known, how, opened.profile))
        counted = await count(opened.api, survey.requests)
    output, seen = _output(store, frozen.digest, survey, how, opened.profile)
    work = _job(survey, counted, output, _asks(store, frozen.digest), opened.profile, _rounds(task.recipe, planned))
    if seen > 2 * work.fronts and not spending.read_from_caches(store.connection, frozen.digest):
        work = work._replace(kept=0.0, fronts=0)  # the provider kept none so far
    way = _way(how, opened.profile, work)
    answer = {
        "purpose": task.recipe.purpose,
        "recipe": f"{PREFIX}{frozen.digest}",
        "name": task.recipe.name,
        "provider": how.provider,
        "model": opened.profile.model,
        "planned": len(planned.handles),
        "reused": planned.reused,
        "samples": work.samples,
        "skipped": survey.skipped,
        "spent_usd": money_text(planned.spent),
        "prompt_tokens": {**_three(work.prompt), "how": counted.how, "counted": counted.prompts},
        "batch_rounds": work.rounds,
        "kept_tokens": {"each": round(work.kept), "fronts": work.fronts, "for": work.keep if work.kept else None},
        "output_tokens": {**_three(output), "how": "seen" if seen else "stated", "replies": seen},
        "ways": {way: _of(work, opened.prices, way, how.concurrency) for way in WAYS if _offered(way, opened.profile)},
        "way": way,
        "prices": opened.prices.frozen(),
        "limits": dict(LIMITS),
        "assumed": {name: dict(zip(BOUNDS, three, strict=True)) for name, three in ASSUMED.items()},
        "not_counted": opened.why_not,
        "pilot": None,
    }
    return answer, survey.asked


async def _opened(stack: AsyncExitStack, how: How, *, alone: bool) -> _Opened:
    """Open the provider, for counting; where that cannot be, say why, and go by what is known without it."""
    why = "nobody was to be asked"
    if not alone:
        try:
            opened = await stack.enter_async_context(
                open_backend(how.provider, how.model, base_url=how.base_url, budget=Budget(None), price=how.price)
            )
        except (NoApiKey, ClientMissing, ProviderUnreachable) as error:
            why = str(error)
        else:
            return _Opened(opened.api, opened.profile, opened.prices, None)
    return _Opened(None, *offline(how.provider, how.model, price=how.price), why)


def _survey(store: Store, todo: Planned, task: _Asking) -> _Survey:
    """Write the questions about some samples of a job, evenly spread over it, as it would ask them first."""
    chosen = Planned(array("q", spread(todo.handles, SURVEYED)), 0, todo.spent)
    requests: list[Request] = []
    asked: list[int] = []
    stated, grows, skipped = 0, 0, 0
    for each in stream(store, chosen, task.known, retry=True, whole=False):
        question = None if each.subject is None else task.recipe.ask(each.subject.item, Memory())
        if question is None or each.subject is None:
            skipped += 1
            continue
        if not requests:
            full = task.recipe.ask(each.subject.item, Memory(1, _PHRASES))
            grows = size_of(task.write(full or question)) - size_of(task.write(question))
        requests.append(task.write(question))
        asked.append(each.subject.row.sample)
        stated = max(stated, question.output)
    return _Survey(requests, asked, stated, max(0, grows), len(todo.handles), skipped)


def _todo(store: Store, planned: Planned, known: Known, *, retry: bool) -> Planned:
    """Return what is planned without the samples that have an end already."""
    left = array("q")
    for chunk in in_chunks(planned.handles, CHUNK):
        rows = samples.rows_of(store.connection, chunk)
        done = known([rows[handle] for handle in chunk])
        left.extend(handle for handle in chunk if not is_done(done[handle], retry=retry))
    return planned._replace(handles=left)


def _job(survey: _Survey, counted: Counted, output: Range, asks: Range, profile: Profile, rounds: int) -> Job:
    """Return the means over all that would be asked."""
    requests = survey.requests
    if not requests:
        return Job(0, Range(0, 0, 0), output, 0.0, SHORT, 0, asks)
    size = sum(size_of(one) for one in requests) / len(requests)
    ratio = counted.ratio
    prompt = Range(ratio.low * size, ratio.likely * (size + survey.grows / 2), ratio.high * (size + survey.grows))
    surveyed = len(requests) + survey.skipped
    samples_ = round(survey.todo * len(requests) / surveyed)
    kept, keep, different = _kept(requests, counted, profile)
    return Job(samples_, prompt, output, min(kept, prompt.low), keep, different, asks, rounds)


def _rounds(recipe: Recipe, planned: Planned) -> int:
    """Return how many batches come one after another: what is settled opens a lag and a step of samples more."""
    memory = recipe.spec.memory if isinstance(recipe, Improve) else None
    if memory is None:
        return 1
    lag, step, _ = memory
    return max(1, -(-len(planned.handles) // (lag + step)))


def _kept(requests: Sequence[Request], counted: Counted, profile: Profile) -> tuple[float, str, int]:
    """Return the tokens of the fronts that calls share, in the mean, how long they are kept, and how many differ."""
    last = [found[-1] for one in requests if (found := fronts(one))]
    tokens = {one.digest: counted.fronts.get(one.digest, one.size * counted.ratio.likely) for one in last}
    shared = [one for one in last if tokens[one.digest] >= profile.cache_minimum]
    if not shared:
        return 0.0, SHORT, 0
    mean = sum(tokens[one.digest] for one in shared) / len(requests)
    return mean, shared[0].keep, len({one.digest for one in shared})


def _output(store: Store, recipe: str, survey: _Survey, how: How, profile: Profile) -> tuple[Range, int]:
    """Return the tokens of an answer, and of how many answers they are known; 0: from what the file says."""
    seen = spending.outputs(store.connection, recipe)
    if len(seen) >= ENOUGH:
        return mean_range(seen, 0.05), len(seen)
    thinks = how.effort is not None or profile.thinking == ALWAYS
    most = max((int(one["max_tokens"]) for one in survey.requests), default=0) if thinks else survey.stated
    low, likely, high = ASSUMED["answer"]
    return Range(low * survey.stated, likely * most, high * most), 0


def _asks(store: Store, recipe: str) -> Range:
    """Return questions for each sample, as they were before, or as is taken for granted."""
    seen = spending.questions(store.connection, recipe)
    assumed = Range(*ASSUMED["questions_a_sample"])
    if len(seen) < ENOUGH:
        return assumed
    found = mean_range(seen, 0.02)
    return Range(max(1.0, found.low), max(1.0, found.likely), max(found.high, assumed.likely))


def _way(how: How, profile: Profile, work: Job) -> str:
    """Return the way in which the job would be asked."""
    if how.mode == BATCH:
        return WARM if work.kept and work.samples >= WARM_FROM else BATCH
    return CACHED if work.kept and profile.cache else LIVE


def _offered(way: str, profile: Profile) -> bool:
    return (profile.batch or way not in {BATCH, WARM}) and (profile.provider == ANTHROPIC or way in {LIVE, CACHED})


def _of(work: Job, prices: Prices, way: str, concurrency: int | None) -> dict[str, Any]:
    """Return what a job costs and how long it takes in one way."""
    dollars = forecast.cost(work, prices, way)
    seconds = forecast.seconds(work, way, concurrency)
    return {
        "usd": {name: money_text(one) for name, one in zip(BOUNDS, dollars, strict=True)},
        "seconds": {name: round(one) for name, one in zip(BOUNDS, seconds, strict=True)},
    }


def _three(numbers: Range) -> dict[str, int]:
    return {name: round(number) for name, number in zip(BOUNDS, numbers, strict=True)}
