"""Looking for near-duplicates: texts that were not seen yet are reduced to keys, candidates compared, pairs recorded.

Texts are known by the fingerprints of their samples, so a pair holds for every sample that has one of both, whenever
it comes. A later look goes on from an earlier one of the same recipe and costs what is new; what it records is the
difference: pairs found, pairs that are none any more, and the keys of new texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.digest import encode
from ledger.errors import BadRequest, CorruptLedger
from ledger.event import draft
from ledger.fixed import ONE
from ledger.readers import content_of
from ledger.similarity.contract import NearRecipe, Twins
from ledger.similarity.engines import chosen
from ledger.similarity.fields import field_text
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, without_collector
from ledger.views import near, texts

if TYPE_CHECKING:
    from ledger.similarity.near import Found

Progress = Callable[[str, int, int], None]
Pairs = dict[tuple[bytes, bytes], int]
"""(smaller fingerprint, larger) -> similarity in millionths."""

CHUNK = 2_000


class LookReport(NamedTuple):
    """What a look came to: all texts, those that are new, all pairs, and where it was recorded (None: nowhere)."""

    texts: int
    new: int
    twins: int
    position: int | None


class _Earlier(NamedTuple):
    """What an earlier look left behind: its event, what it knows, and the texts of it that are gone since."""

    op: bytes
    found: Found
    pairs: Pairs


@without_collector()
def look(
    store: Store, recipe: NearRecipe, campaign: str | None, who: Who, *, dry_run: bool, progress: Progress
) -> LookReport:
    """Look for near-duplicates in one field of all samples, or of a campaign's, and record what is news.

    A look of the same recipe is gone on from; any other starts afresh and takes its place. Raises BadRequest where
    the packages of the extra `scale` are missing, no sample has the field, or somebody else looked meanwhile.
    """
    recipe, _ = chosen(recipe)
    from ledger.similarity import near as search  # noqa: PLC0415 - needs the extra `scale`, which is there now

    campaign = checked_campaign(store, campaign)
    scope = campaign or ""
    with reading(store) as (here, _):
        before = near.last(here.connection, recipe.field, scope)
        current = texts.each(here.connection, campaign)
        earlier = _earlier(here, recipe, scope)
    # From here on others may write: bytes do not change, and `current` says which of them stood.
    fetch = _Fetch(store, recipe.field, current)
    known = set() if earlier is None else _ids(earlier.found)
    left, new = sorted(known - current.keys()), sorted(current.keys() - known)
    if earlier is not None and left:
        earlier = earlier._replace(found=search.forgotten(earlier.found, left, fetch))
    units = _units(fetch, new, progress)
    found = search.find_twins(units, fetch, recipe, None if earlier is None else earlier.found)
    if earlier is None and current and not fetch.texts:
        raise BadRequest(f"No sample has the field {recipe.field!r}")
    pairs = _pairs(found)
    old = {} if earlier is None else earlier.pairs
    report = LookReport(len(current), len(new), len(pairs), None)
    if dry_run or not (left or new or pairs != old):
        return report
    fields = {
        "after": None if before is None else before.hex(),
        "base": None if earlier is None else earlier.op.hex(),
        "campaign": campaign,
        "field": recipe.field,
        "recipe": recipe.as_json(),
        "texts": len(new),
    }
    twins = _told(pairs, old, left, current)
    keys = _keys(found, new)
    return report._replace(position=_record(store, who, fields, twins, keys, scope, before))


def _record(
    store: Store, who: Who, fields: dict[str, Any], twins: bytes, keys: bytes, scope: str, before: bytes | None
) -> int | None:
    run = Run(store.ledger_id, "duplicates", {name: fields[name] for name in ("campaign", "field", "recipe")}, who)
    with store.transaction() as transaction:
        if near.last(store.connection, str(fields["field"]), scope) != before:
            raise BadRequest("Somebody else looked for near-duplicates meanwhile", hint="Run the same command again.")
        digest, row = transaction.add_blob(twins)
        keyed, _ = transaction.add_blob(keys)
        said = {**fields, "keys": keyed.hex(), "twins": digest.hex()}
        position = run.append(transaction, [draft("duplicates_found", None, row, said)])
        run.finish(transaction, {"texts": int(fields["texts"])})
    return position


def _earlier(store: Store, recipe: NearRecipe, scope: str) -> _Earlier | None:
    """Return what there is to go on from: the looks of the same recipe that stand."""
    from ledger.similarity import index as indexes  # noqa: PLC0415 - as above
    from ledger.similarity import near as search  # noqa: PLC0415 - as above
    from ledger.similarity import packed  # noqa: PLC0415 - as above

    looks = near.in_force(store.connection, recipe.field, scope)
    if not looks or json.loads(looks[-1].recipe) != recipe.as_json():
        return None
    whole = None
    for one in looks:
        try:
            part = packed.from_bytes(one.keys)
        except ValueError as error:
            raise CorruptLedger(store.path, f"what the look @{one.position} kept does not read: {error}") from error
        left = [bytes.fromhex(each) for each in json.loads(one.twins)["left"]]
        whole = part if whole is None else indexes.merged(whole.without(left), part)
    pairs = {(twin.first, twin.second): twin.similarity for twin in near.twins(store.connection, recipe.field, scope)}
    if whole is None:
        return None
    places = whole.places_of([each for pair in pairs for each in pair]).reshape(-1, 2).tolist()
    apart = [Twins(*pair, pairs[pair]) for pair, (one, other) in zip(pairs, places, strict=True) if one != other]
    return _Earlier(looks[-1].op, search.Found(recipe, whole, tuple(sorted(apart))), pairs)


def _ids(found: Found) -> set[bytes]:
    return {row.tobytes() for row in found.index.ids}


def _pairs(found: Found) -> Pairs:
    """Return every pair: texts that are near, and for texts that are the same the smallest id with each other."""
    pairs = {(twins.first, twins.second): twins.similarity for twins in found.twins}
    pairs.update({(ids[0], each): ONE for ids in found.same() for each in ids[1:]})
    return pairs


def _told(pairs: Pairs, old: Pairs, left: Sequence[bytes], current: Mapping[bytes, texts.Text]) -> bytes:
    """Return what is stored of the pairs: the new ones with what ties their samples to families, and those gone."""
    new = sorted(pair for pair, similarity in pairs.items() if old.get(pair) != similarity)
    gone = sorted(pair for pair in old if pair not in pairs)
    twins = [
        [one.hex(), other.hex(), pairs[one, other], *(current[each].token.hex() for each in (one, other))]
        for one, other in new
    ]
    return encode(
        {"gone": [[one.hex(), other.hex()] for one, other in gone], "left": [one.hex() for one in left], "twins": twins}
    )


def _keys(found: Found, new: Sequence[bytes]) -> bytes:
    """Return the keys of the new texts alone, packed."""
    from ledger.similarity import packed  # noqa: PLC0415 - needs the extra `scale`

    mine = set(new)
    return packed.to_bytes(found.index.without(one for one in _ids(found) if one not in mine))


class _Fetch:
    """Returns the texts of a field by fingerprint, a few thousand at a time; `texts` counts those that there were."""

    def __init__(self, store: Store, field: str, current: Mapping[bytes, texts.Text]) -> None:
        self._store = store
        self._field = field
        self._current = current
        self.texts = 0

    def __call__(self, ids: Sequence[bytes]) -> list[str | None]:
        """Return the text of each, None where no sample has this fingerprint, or none with such a field."""
        found: dict[bytes, str | None] = {}
        for chunk in in_chunks(list(dict.fromkeys(ids))):
            found.update(self._read(chunk))
        return [found.get(one) for one in ids]

    def _read(self, chunk: Sequence[bytes]) -> Iterator[tuple[bytes, str | None]]:
        rows = {one: self._current[one] for one in chunk if one in self._current}
        bodies = self._store.bodies([row.version for row in rows.values()])
        for one, row in rows.items():
            body = bodies[row.version]
            text = None if body is None else field_text(content_of(body, row.reader), self._field)
            self.texts += text is not None
            yield one, text


def _units(fetch: _Fetch, ids: Sequence[bytes], progress: Progress) -> Iterator[tuple[bytes, str]]:
    """Yield new texts with their ids; a sample without the field has no words there."""
    done = 0
    for chunk in in_chunks(ids, CHUNK):
        for one, text in zip(chunk, fetch(chunk), strict=True):
            yield one, text or ""
        done += len(chunk)
        progress("reading", done, len(ids))


def recipe_for(field: str, threshold: int, shingle: int) -> NearRecipe:
    """Return a recipe with the given settings; raises BadRequest."""
    return replace(NearRecipe(), field=field, threshold=threshold, shingle=shingle)
