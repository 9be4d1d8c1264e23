"""Improving and regenerating samples: a model writes fields anew, and what comes of it are child samples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from ledger.door.opened import Answer, Opened
from ledger.recipes.contract import IMPROVE, REGENERATE
from ledger.verbs import engine, job
from ledger.verbs.improve import deriving
from ledger.verbs.rescore import rescored, scorer_named, within
from ledger.verbs.selection import selection
from ledger.verbs.specs import recipe_from
from ledger.verbs.words import whole_number
from ledger.verbs.work import ShouldStop, Watch


class Deriving(Opened):
    """Improving and regenerating samples."""

    def improve(
        self,
        spec: str | Path,
        ids: Sequence[str] = (),
        *,
        where: str | None = None,
        campaign: str | None = None,
        **options: Any,  # noqa: ANN401 - the keywords of `_derive`
    ) -> Answer:
        """Have a model improve samples by a spec; each result is a child of its sample, which stays as it is.

        What has a result or a last failure under this spec and model is left alone, so the same call again sends
        nothing (`retry_failed`: failures are tried again). Options: see `_derive`.
        """
        return self._derive(IMPROVE, spec, ids, where, campaign, **options)

    def regenerate(
        self,
        spec: str | Path,
        ids: Sequence[str] = (),
        *,
        where: str | None = None,
        campaign: str | None = None,
        **options: Any,  # noqa: ANN401 - the keywords of `_derive`
    ) -> Answer:
        """Have a model answer samples afresh by a spec, each unlike the others; as `improve` otherwise."""
        return self._derive(REGENERATE, spec, ids, where, campaign, **options)

    def _derive(  # noqa: PLR0913 - a keyword for each part of the request
        self,
        purpose: str,
        spec: str | Path,
        ids: Sequence[str],
        where: str | None,
        campaign: str | None,
        *,
        corpus: str | Path | None = None,
        model: str | None = None,
        limit: int | None = None,
        rescore: str | None = None,
        retry_failed: bool = False,
        dry_run: bool = False,
        expected_head: int | None = None,
        watch: Watch | None = None,
        should_stop: ShouldStop | None = None,
        opener: engine.Opener | None = None,
        **asking: Unpack[engine.Asking],
    ) -> Answer:
        """Do a job and return what became of the samples (`ledger.verbs.job.Report`), and `seconds`.

        `watch` hears how far the work is; `should_stop` is asked whether it is to stop, which lets what is under way
        come to its end. What stopped it stands under `stopped`: budget, spend_limit, not_allowed, interrupted ... The
        provider's key comes from the environment alone. `rescore` names a scorer, or a rubric, that scores
        both sides; then the policy in force decides: a result is accepted only where it accepts it and its headline is
        higher than before, else rejected. `opener` opens something else than a provider. Raises
        SpecInvalid, CorpusEmpty, ConditionInvalid, BadRequest, ClientMissing, NoApiKey, ModelUnknown, PriceUnknown,
        ProviderUnreachable, NoPolicy and NoSuchScorer for `rescore`; then nothing is recorded.
        """
        started = time.monotonic()
        recipe = recipe_from(spec, purpose, corpus)
        how = engine.how_to_ask(model or recipe.spec.model, **asking)
        scorer = None if rescore is None else scorer_named(self._store, rescore)
        limit = None if limit is None else whole_number("The limit", limit, 1)
        task = deriving(self._store, recipe, selection(ids, where, campaign))
        options = job.Options(retry_failed, limit, expected_head, watch, should_stop, opener)
        if dry_run:
            return job.look_at(self._store, task, how, options)
        asked = how if scorer is None else within(self._store, scorer, task, how, options)
        report = job.work_on(self._store, task, asked, self._who, options)
        if scorer is not None:
            report = rescored(self._store, scorer, report, how, self._who, options)
        return {**report.as_json(), "seconds": round(time.monotonic() - started, 3)}
