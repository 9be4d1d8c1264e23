"""Looking for templates: every text of a field at once, its families recorded by the fingerprints of their samples.

A look takes the place of the one before it, since a family depends on all texts; what is found again as it was appends
nothing. With `by_batch` each source is searched by itself: what fills one batch is nothing among thousands of texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ledger.digest import encode
from ledger.errors import BadRequest
from ledger.event import draft
from ledger.fixed import text_of
from ledger.readers import content_of
from ledger.similarity.diversity import Diversity, diversity
from ledger.similarity.fields import field_text
from ledger.similarity.phrases import check
from ledger.similarity.templates import Found, TemplateRecipe, find_in_groups, find_templates
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, without_collector
from ledger.views import erased, samples, templates, texts

Progress = Callable[[str, int, int], None]


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""SQLite's functions end a text at a NUL, and no phrase needs the others."""


class LookReport(NamedTuple):
    """What a look came to: samples that have the field, those in a family, families, and where it was recorded."""

    rows: int
    templated: int
    families: int
    position: int | None


class _Row(NamedTuple):
    """One sample that has the field."""

    id: bytes
    fingerprint: bytes
    source: str
    text: str


@without_collector()
def look(
    store: Store,
    recipe: TemplateRecipe,
    campaign: str | None,
    who: Who,
    *,
    by_batch: bool,
    dry_run: bool,
    progress: Progress,
) -> LookReport:
    """Look for templates in one field of all samples, or of a campaign's, and record what is news.

    Raises BadRequest where no sample has the field, where the packages of the extra `scale` are missing, or where
    somebody else looked meanwhile.
    """
    campaign = checked_campaign(store, campaign)
    with reading(store) as (here, head):
        before = templates.last(here.connection, recipe.field, campaign or "")
        handles = texts.standing(here.connection, campaign)
    rows = list(_rows(store, recipe.field, handles, progress))  # others may write: each sample is read as it then is
    if not rows:
        raise BadRequest(f"No sample has the field {recipe.field!r}")
    given = [(row.id, row.text) for row in rows]
    if by_batch:
        found = find_in_groups(given, [f"={row.source}" for row in rows], recipe)
    else:
        found = {"": find_templates(given, recipe)}
    families = sorted(_families(rows, found), key=lambda family: (-family["rows"], family["batch"], family["phrase"]))
    templated = sum(each.templated for each in found.values())
    told = {
        "after": _figures(_untemplated(rows, found)),
        "before": _figures(diversity([row.text for row in rows], templated)),
        "families": families,
    }
    report = LookReport(len(rows), templated, len(families), None)
    if dry_run:
        return report
    said = {"campaign": campaign, "field": recipe.field, "recipe": {**recipe.as_json(), "by_batch": by_batch}}
    fields = {**said, "templated": templated, "texts": len(rows)}
    return report._replace(position=_record(store, who, fields, encode(told), before, head.position))


def count_phrases(
    store: Store,
    field: str,
    campaign: str | None,
    phrases: Sequence[str],
    progress: Progress,
    as_of: str | int | None = None,
) -> dict[str, Any]:
    """Return how many samples have each of some phrases in a field: a check that known templates do not come back."""
    with reading(store, as_of) as (here, _):
        campaign = checked_campaign(here, campaign)
        rows = _rows(here, field, texts.standing(here.connection, campaign), progress)
        counted = check((row.text for row in rows), phrases)
    return {
        "texts": counted.texts,
        "any": counted.any,
        "phrases": [{"phrase": one.phrase, "texts": one.texts, "first": one.first} for one in counted.phrases],
    }


def _record(
    store: Store, who: Who, fields: dict[str, Any], families: bytes, before: templates.Look | None, begun: int
) -> int | None:
    run = Run(store.ledger_id, "templates", {name: fields[name] for name in ("campaign", "field", "recipe")}, who)
    with store.transaction() as transaction:
        last = templates.last(store.connection, fields["field"], fields["campaign"] or "")
        if last != before or erased.since(store.connection, begun):
            raise BadRequest(
                "Somebody else looked for templates meanwhile, or erased samples", hint="Run the same command again."
            )
        if before is not None and before.families == families and json.loads(before.recipe) == fields["recipe"]:
            return None
        digest, row = transaction.add_blob(families)
        said = {**fields, "after": None if before is None else before.op.hex(), "families": digest.hex()}
        position = run.append(transaction, [draft("templates_found", None, row, said)])
        run.finish(transaction, {"templated": fields["templated"], "texts": fields["texts"]})
    return position


def _rows(store: Store, field: str, handles: Sequence[int], progress: Progress) -> Iterator[_Row]:
    """Yield the samples that have the field, in the order of birth."""
    done = 0
    for chunk in in_chunks(handles):
        found = samples.rows_of(store.connection, chunk)
        bodies = store.bodies([row.version for row in found.values()])
        for handle in chunk:
            row = found[handle]
            body = bodies[row.version]
            text = None if body is None else field_text(content_of(body, row.reader), field)
            if text is not None:
                yield _Row(row.id, row.fingerprint, row.source or "", text)
        done += len(chunk)
        progress("reading", done, len(handles))


def _families(rows: Sequence[_Row], found: dict[str, Found]) -> Iterator[dict[str, Any]]:
    for batch, each in found.items():
        for family in each.families:
            members = dict.fromkeys(rows[place].fingerprint.hex() for place in family.members)
            yield {
                "batch": batch,
                "examples": [rows[place].id.hex() for place in family.examples],
                "fuzzy": family.fuzzy,
                "members": sorted(members),
                "of": each.rows,
                "phrase": " ".join(_CONTROL.sub(" ", family.phrase).split()),
                "rows": family.rows,
            }


def _untemplated(rows: Sequence[_Row], found: dict[str, Found]) -> Diversity:
    """Return the figures of the texts that are in no family."""
    templated = {place for each in found.values() for family in each.families for place in family.members}
    return diversity([row.text for place, row in enumerate(rows) if place not in templated])


def _figures(figures: Diversity) -> dict[str, Any]:
    """Return figures as restricted JSON: decimal text, null where there is nothing to measure."""
    numbers = {
        name: None if (value := getattr(figures, name)) is None else text_of(value)
        for name in ("compression", "distinct", "repetition", "score")
    }
    return {**numbers, "grade": figures.grade, "texts": figures.texts}
