"""Scoring samples, and importing scores that others gave."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path

from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.readers.lines import find_inputs
from ledger.scorers import BUILT_IN, File
from ledger.verbs import score
from ledger.verbs.score_files import import_files
from ledger.verbs.score_import import import_field, import_plan


class Scoring(Opened):
    """Scoring samples, and importing scores that others gave."""

    def score(
        self,
        scorer: str,
        *,
        options: Mapping[str, str | File] | None = None,
        campaign: str | None = None,
        max_failures: object = "0.1",
        progress: Progress | None = None,
    ) -> Answer:
        """Measure the current versions of all samples, or of a campaign's; what is in the log is not said again.

        `options` that a scorer says are files are paths, or a File. Raises NoSuchScorer, GraphUnreadable, BadRequest,
        InputNotFound, and ScorerFailed where the scorer raises on a larger share than `max_failures`; then nothing is
        recorded.
        """
        started = time.monotonic()
        plan = score.score_plan(scorer, options or {}, campaign, max_failures)
        report = score.score(self._store, plan, self._who, progress or silent)
        return {**report.as_json(), "seconds": round(time.monotonic() - started, 3)}

    def import_scores(
        self,
        files: str | Path | Iterable[str | Path] = (),
        *,
        field: str | None = None,
        scorer: str | None = None,
        version: str | None = None,
        rubric: str | Path | None = None,
        dimensions: Sequence[str] = (),
        campaign: str | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Record scores that stand in a field of the ingested lines, or in the lines of files (docs/scores.md).

        Raises ScoresUnreadable for a line of a file that is not right, BadRequest for a field without scores,
        InputNotFound, InputUnreadable; then nothing is recorded.
        """
        started = time.monotonic()
        named = [files] if isinstance(files, (str, Path)) else list(files)
        plan = import_plan(
            field,
            files=bool(named),
            scorer=scorer,
            version=version,
            rubric=rubric,
            dimensions=dimensions,
            campaign=campaign,
        )
        inputs = find_inputs([str(file) for file in named])
        progress = progress or silent
        if inputs:
            report = import_files(self._store, inputs, plan, self._who, progress)
        else:
            report = import_field(self._store, plan, self._who, progress)
        return {**report.as_json(), "seconds": round(time.monotonic() - started, 3)}

    @staticmethod
    def scorers() -> list[Answer]:
        """Return every scorer: name, version, purpose, dimensions, options, files, origin, fault."""
        return score.scorers()

    @staticmethod
    def built_in_scorer(name: str) -> Answer | None:
        """Return what a scorer of the program says of itself: about, dimensions, options; None for any other name."""
        kind = BUILT_IN.get(name)
        if kind is None:
            return None
        return {
            "about": cleandoc(kind.__doc__ or ""),
            "dimensions": list(kind.dimensions),
            "options": dict(kind.options),
        }
