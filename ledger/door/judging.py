"""Judging samples by a model and a rubric."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from ledger.digest import PREFIX
from ledger.door.opened import Answer, Opened
from ledger.verbs import engine, job
from ledger.verbs.calibrate import agreement, labelled
from ledger.verbs.judge_model import Scores, judging, lint_json, named
from ledger.verbs.planning import Chosen
from ledger.verbs.selection import selection
from ledger.verbs.specs import judge_from
from ledger.verbs.words import whole_number
from ledger.verbs.work import ShouldStop, Watch


class Judging(Opened):
    """Judging samples by a model and a rubric."""

    def judge(  # noqa: PLR0913 - a keyword for each part of the request
        self,
        rubric: str | Path,
        ids: Sequence[str] = (),
        *,
        where: str | None = None,
        campaign: str | None = None,
        calibrate: str | Path | None = None,
        model: str | None = None,
        limit: int | None = None,
        retry_failed: bool = False,
        dry_run: bool = False,
        expected_head: int | None = None,
        watch: Watch | None = None,
        should_stop: ShouldStop | None = None,
        opener: engine.Opener | None = None,
        **asking: Unpack[engine.Asking],
    ) -> Answer:
        """Have a model score samples by a rubric, which is a file or comes with the program.

        Each score names the stored reply as its evidence; a sample that could not be judged is unscored, with the
        reason. The answer is that of `improve` (`accepted`: scored, `failed`: unscored), and scorer, rubric, `lint`
        (what contradicts in the rubric) and `dimensions`. `calibrate` is a file of what people scored: its samples are
        judged, and `calibration` says how far the judge agrees. Raises what `improve` does.
        """
        started = time.monotonic()
        judge = judge_from(rubric)
        how = engine.how_to_ask(model or judge.rubric.model, **asking)
        limit = None if limit is None else whole_number("The limit", limit, 1)
        people = None if calibrate is None else labelled(self._store, calibrate, judge)
        chosen: Chosen = selection(ids, where, campaign) if people is None else array("q", people.handles)
        given = Scores()
        task = judging(self._store, judge, chosen, how, given)
        options = job.Options(retry_failed, limit, expected_head, watch, should_stop, opener)
        who = named(judge, how)
        about = {"scorer": who.scorer, "version": who.version, "rubric": PREFIX + who.rubric, "lint": lint_json(judge)}
        if dry_run:
            return {**job.look_at(self._store, task, how, options), **about}
        report = job.work_on(self._store, task, how, self._who, options)
        told = {} if people is None else {"calibration": agreement(self._store, people, who).as_json()}
        seconds = round(time.monotonic() - started, 3)
        return {**report.as_json(), **about, "dimensions": given.as_json(), **told, "seconds": seconds}
