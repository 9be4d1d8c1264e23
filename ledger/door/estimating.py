"""What asking a model would cost, and what came of having asked one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from ledger.door.opened import Answer, Opened
from ledger.errors import BadRequest
from ledger.recipes import Improve, Judge
from ledger.recipes.contract import JUDGE, PURPOSES
from ledger.reports.gains import gains
from ledger.store import Store
from ledger.verbs import engine, estimate
from ledger.verbs.ids import find_event
from ledger.verbs.improve import deriving
from ledger.verbs.job import Task
from ledger.verbs.judge_model import Scores, judging
from ledger.verbs.moment import reading
from ledger.verbs.selection import Selection, selection
from ledger.verbs.specs import judge_from, recipe_from
from ledger.verbs.words import plain_text, whole_number
from ledger.verbs.work import ShouldStop

_MOST_PILOTS = 1_000


class Estimating(Opened):
    """Saying what asking a model would cost, and what was gained by it."""

    def estimate(  # noqa: PLR0913 - a keyword for each part of the request, as the jobs have them
        self,
        purpose: str,
        spec: str | Path,
        ids: Sequence[str] = (),
        *,
        where: str | None = None,
        campaign: str | None = None,
        corpus: str | Path | None = None,
        model: str | None = None,
        limit: int | None = None,
        retry_failed: bool = False,
        offline: bool = False,
        pilot: int = 0,
        agreed: Callable[[Answer], bool] | None = None,
        should_stop: ShouldStop | None = None,
        **asking: Unpack[engine.Asking],
    ) -> Answer:
        """Return what improve, regenerate or judge would cost, low to high, live, cached and in batches; and how long.

        `spec` is the spec or the rubric, the selection that of the job. Nothing is paid for and nothing recorded, but
        for a `pilot`: so many samples, evenly spread over the job, are asked about as the job would ask (and are part
        of it), after `agreed` has seen the estimate without it and said yes; `budget` and `should_stop` hold for it.
        Without a key, or `offline`, tokens are told from bytes. Raises what the job raises before it sends anything,
        but for NoApiKey, ClientMissing and ProviderUnreachable.
        """
        started = time.monotonic()
        if purpose not in PURPOSES:
            raise BadRequest(f"There is no job {purpose[:40]!r}; there are {', '.join(PURPOSES)}")
        chosen = selection(ids, where, campaign)
        recipe = judge_from(spec) if purpose == JUDGE else recipe_from(spec, purpose, corpus)
        own = recipe.rubric.model if isinstance(recipe, Judge) else recipe.spec.model
        how = engine.how_to_ask(model or own, **asking)
        task = _task(self._store, recipe, chosen, how)
        asked = estimate.Asked(
            None if limit is None else whole_number("The limit", limit, 1),
            retry_failed,
            offline,
            whole_number("The number of samples of a pilot", pilot, 0, _MOST_PILOTS),
            agreed or _yes,
            should_stop,
        )
        found = estimate.estimate(self._store, task, how, self._who, asked)
        return {**found, "seconds": round(time.monotonic() - started, 3)}

    def gains(self, *, recipe: str | None = None, run: str | None = None, as_of: str | int | None = None) -> Answer:
        """Return what derived samples gained over what they were made of: of a recipe, of a run, or of all recipes.

        `recipe` is its digest or the first digits of it, `run` the event with which a run began. Raises BadRequest for
        a recipe that derived nothing, NoSuchId, AmbiguousId.
        """
        with reading(self._store, as_of) as (there, _):
            began = None if run is None else find_event(there, run)
            digest = None if recipe is None else plain_text("The recipe", recipe, needed=True)
            return gains(there, digest, began)


def _task(store: Store, recipe: Judge | Improve, chosen: Selection, how: engine.How) -> Task:
    """Return what the job would do."""
    if isinstance(recipe, Judge):
        return judging(store, recipe, chosen, how, Scores())
    return deriving(store, recipe, chosen)


def _yes(_estimate: Answer) -> bool:
    return True
