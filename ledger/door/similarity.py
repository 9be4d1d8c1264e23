"""Finding what is alike: twins, templates, and why two samples are one family."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.errors import BadRequest
from ledger.fixed import micro
from ledger.reports import duplicates as twins
from ledger.reports import templates as told
from ledger.reports.families import families_report
from ledger.similarity.contract import MOST_SHINGLE
from ledger.similarity.templates import TemplateRecipe
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.ids import find_sample
from ledger.verbs.moment import reading
from ledger.verbs.words import plain_text, whole_number
from ledger.views.near import WHOLE

_MOST = 100_000


class Similarity(Opened):
    """Finding what is alike: twins, templates, and why two samples are one family."""

    def duplicates(
        self,
        near: float | str | None = None,
        *,
        field: str = WHOLE,
        campaign: str | None = None,
        shingle: int = 3,
        dry_run: bool = False,
        limit: int = twins.LIMIT,
        offset: int = 0,
        as_of: str | int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Return who is the twin of whom. With `near` (0.5 to 1), near-duplicates of one field are looked for first.

        Without it, the near ones are those that the last look recorded. A look goes on from an earlier one with the
        same settings. Raises BadRequest, also where the extra `scale` is not installed.
        """
        plain_text("The field", field, needed=True)
        whole_number("The number of words in a shingle", shingle, 1, MOST_SHINGLE)
        whole_number("The limit", limit, 0, _MOST)
        whole_number("The offset", offset, 0, sys.maxsize)
        looked: Answer = {}
        if near is not None and as_of is not None:
            raise BadRequest("A look is at what stands now: leave out near, or as_of")
        if near is not None:
            looked = {"looked": self._look(near, field, campaign, shingle, progress or silent, dry_run=dry_run)}
        with reading(self._store, as_of) as (there, _):
            return {**twins.duplicates(there, field, checked_campaign(there, campaign), limit, offset), **looked}

    def templates(  # noqa: PLR0913 - a keyword for each setting
        self,
        field: str = "answer",
        *,
        campaign: str | None = None,
        by_batch: bool = False,
        words: int = 5,
        min_share: float | str = "0.02",
        min_rows: int | None = None,
        fuzzy: int = 78,
        spread: Sequence[str] = (),
        phrases: Sequence[str] = (),
        look: bool = True,
        dry_run: bool = False,
        limit: int = told.LIMIT,
        as_of: str | int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Look for phrases that many texts of a field are made from, record them, and return what stands.

        With `look=False` the last look is told. `by_batch` searches each source by itself. `spread` counts the samples
        of each family by `campaign`, `source` or `tag.NAME`; `phrases` are counted beside. Raises BadRequest.
        """
        plain_text("The field", field, needed=True)
        whole_number("The limit", limit, 0, _MOST)
        by = told.checked_spread([plain_text("What families are spread over", each, needed=True) for each in spread])
        from ledger.verbs.templates import count_phrases  # noqa: PLC0415 - the core does without it

        looked: Answer = {}
        if look and as_of is None:
            recipe = _template_recipe(field, words, min_share, min_rows, fuzzy)
            looked = {"looked": self._found(recipe, campaign, progress, by_batch=by_batch, dry_run=dry_run)}
        if phrases:
            heard = progress or silent
            looked["phrases"] = count_phrases(self._store, field, campaign, phrases, heard, as_of)
        with reading(self._store, as_of) as (there, _):
            named = checked_campaign(there, campaign)
            return {**told.templates_report(there, field, named, by, limit, needed=not dry_run), **looked}

    def families(self, sample: str, other: str | None = None, *, as_of: str | int | None = None) -> Answer:
        """Return the family of a sample: its members and what ties them; with `other`, the way from one to the other.

        Raises NoSuchId, AmbiguousId.
        """
        with reading(self._store, as_of) as (there, _):
            row = find_sample(there, sample)
            return families_report(there, row, None if other is None else find_sample(there, other))

    def _found(
        self, recipe: TemplateRecipe, campaign: str | None, progress: Progress | None, *, by_batch: bool, dry_run: bool
    ) -> Answer:
        from ledger.verbs.templates import look  # noqa: PLC0415 - the core does without it

        heard = progress or silent
        return look(
            self._store, recipe, campaign, self._who, by_batch=by_batch, dry_run=dry_run, progress=heard
        )._asdict()

    def _look(
        self, near: float | str, field: str, campaign: str | None, shingle: int, progress: Progress, *, dry_run: bool
    ) -> Answer:
        from ledger.verbs.duplicates import look, recipe_for  # noqa: PLC0415 - the core does without it

        try:
            threshold = micro(near)
        except ValueError as error:
            raise BadRequest(f"--near takes a number from 0.5 to 1: {error}") from error
        recipe = recipe_for(field, threshold, shingle)
        return look(self._store, recipe, campaign, self._who, dry_run=dry_run, progress=progress)._asdict()


def _template_recipe(
    field: str, words: int, min_share: float | str, min_rows: int | None, fuzzy: int
) -> TemplateRecipe:
    try:
        share = micro(min_share)
    except ValueError as error:
        raise BadRequest(f"--min-share takes a number from 0.000001 to 1: {error}") from error
    return TemplateRecipe(field, n=words, min_share=share, min_rows=min_rows, fuzzy=fuzzy)
