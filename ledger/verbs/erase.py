"""Erase: the bytes of samples, of lines in quarantine or of single blobs go, and what was said of them stays.

An erasure covers every version of the samples that are named, every blob that teaches what one of these does (twins,
earlier versions of others), what scores named as evidence about them, what models answered about them or made them of,
and the phrases that looks at templates quote. What a model answered in an evaluation is covered where its address is
named.
One event for each blob says who wanted it and why; address and fingerprint stay, and keep the text from coming in
again. Event and erasure are one commit, so there is never one without the other. The tree of the log holds addresses,
so its roots and its proofs stay what they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.compaction import forget
from ledger.digest import encode, show
from ledger.errors import BadRequest, HeadMoved, NoSuchId, NotConfirmed
from ledger.event import Draft, draft
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.covering import Cover, Named, cover
from ledger.verbs.ids import event_at, find_blob, find_event, find_sample
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, conserve
from ledger.verbs.traces import LISTED, Traces, traces
from ledger.verbs.words import plain_text
from ledger.views import holders, work

Progress = Callable[[str, int, int], None]

_TOLD = 5
"""Ids that a refusal names."""


class Wish(NamedTuple):
    """What somebody wants to be erased, why, and on whose authority; with what was derived from it, or without."""

    ids: Sequence[str]
    reason: str
    authority: str
    with_children: bool = False


class EraseReport(NamedTuple):
    """What is erased: `blobs == erased + already`, of them `lines` in quarantine, `evidence` and `phrases`.

    Evidence is what scores name, and what models answered.

    `answers` are those of evaluations, named by their address. `trainings` are of releases that used an erased version,
    `evaluations` asked for prompts of these, or are of models trained on them, or quote the text in `shared` characters
    in a row; of `unheard` evaluations the answers were not looked through.

    `samples` lists each sample that loses a version, and how it came to that: named, same_text, earlier_version (then
    it stands, with a later version) or child. `relatives` are not covered; `same_prompt` of them hold the prompt of an
    erased version. `releases`, files written before with rows of it, and `quoting`, events that quote the text, stay as
    they are (of `unread` versions it was not looked for what quotes them, most often because they are gone already); so
    do `quarantined`, broken lines with the same text, until they are named.
    """

    named: int
    blobs: int
    erased: int
    already: int
    bytes: int
    lines: int
    evidence: int
    phrases: int
    answers: int
    samples_count: int
    samples: list[dict[str, Any]]
    relatives_count: int
    relatives: list[dict[str, Any]]
    same_prompt: int
    releases: list[dict[str, Any]]
    trainings: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    unheard: int
    looks: list[dict[str, Any]]
    quoting: list[dict[str, Any]]
    unread: int
    quarantined: list[str]
    scrubbed: bool
    events: list[int]


class _Plan(NamedTuple):
    """What is to be done: the blobs that are there, the looks that quote them, and the answer before it is done."""

    cover: Cover
    there: dict[int, holders.Blob]
    looks: list[holders.Phrases]
    report: EraseReport


def erase(
    store: Store,
    wish: Wish,
    who: Who,
    expected: int | None,
    *,
    dry_run: bool = False,
    yes: bool = False,
    progress: Progress,
) -> EraseReport:
    """Erase what ids name, in one commit; with `dry_run` only say what that would be.

    Raises NotConfirmed unless `yes`, where anything would be erased; BadRequest, NoSuchId, AmbiguousId, HeadMoved.
    """
    plain_text("The reason", wish.reason, needed=True)
    plain_text("The authority", wish.authority, needed=True)
    if not wish.ids:
        raise BadRequest("No ids were given")
    if dry_run:
        with reading(store) as (here, head):
            if expected not in {None, head.position}:
                raise HeadMoved(head.position, expected)
            return _plan(here, wish).report
    told = {"authority": wish.authority, "reason": wish.reason, "with_children": wish.with_children}
    run = Run(store.ledger_id, "erase", told, who)
    with store.transaction(expected) as transaction:
        plan = _plan(store, wish)
        if plan.report.erased and not yes:
            raise NotConfirmed(_summary(plan.report))
        report = plan.report._replace(events=_erase(store, transaction, run, plan, wish))
        run.finish(transaction, {"already": report.already, "blobs": report.blobs, "erased": report.erased})
    return report._replace(scrubbed=_scrub(store, progress))


def _scrub(store: Store, progress: Progress) -> bool:
    """Let nothing beside the blobs hold their bytes; say whether it could be done.

    Also where nothing is left to erase: what was killed after its commit is gone on with so.
    """
    forget(store, progress)
    with sqlite.plain_errors(store.path, store.wait):
        done = sqlite.empty_wal(store.connection)
    if not done:
        told = (
            "another program reads the ledger, so its write-ahead log holds the old pages; erase the same again later"
        )
        store.warnings.append(told)
    return done


def _plan(store: Store, wish: Wish) -> _Plan:
    named = _named(store, wish.ids)
    with holders.former(store.connection):
        covered = cover(store.connection, named, with_children=wish.with_children)
        seen = traces(store, covered)
    looks = [look for look in holders.phrases(store.connection) if _quotes(look, covered.fingerprints)]
    rows = dict.fromkeys([*covered.blobs, *(look.blob for look in looks)])
    found: dict[int, holders.Blob] = {}
    for chunk in in_chunks(rows):
        found.update(holders.blobs(store.connection, chunk))
    _check_kept(store, found)
    there = {row: blob for row, blob in found.items() if not blob.erased}
    answers = sum(holders.is_answers(store.connection, row) for row in named.blobs)
    return _Plan(covered, there, looks, _report(named, covered, seen, looks, found)._replace(answers=answers))


def _named(store: Store, ids: Sequence[str]) -> Named:
    """Return the samples, the quarantined lines and the blobs that ids name."""
    named = Named({}, {})
    for text in ids:
        if not _name_sample(store, text, named) and not _name_line(store, text, named):
            digest, row = find_blob(store, text)
            held = holders_of(store, row)
            if not held and not holders.lines(store.connection, [row]) and not _is_quoting(store, digest, row):
                raise BadRequest(
                    f"{show(digest)[:15]} is neither a version of a sample, nor a line, nor about one, nor an answer"
                )
            named.blobs[row] = None
    return named


def holders_of(store: Store, row: int) -> list[holders.Held]:
    """Return who has or had a blob as a version."""
    with holders.former(store.connection):
        return holders.by_blobs(store.connection, [row])


def _name_sample(store: Store, text: str, named: Named) -> bool:
    if text.strip().lower().startswith("b3:"):
        return False
    try:
        row = find_sample(store, text)
    except NoSuchId:
        return False
    named.samples[row.sample] = row.id
    return True


def _name_line(store: Store, text: str, named: Named) -> bool:
    if text.strip().lower().startswith("b3:"):
        return False
    try:
        position = find_event(store, text)
    except NoSuchId:
        return False
    leaf = leaf_of(store, event_at(store, position)[1])
    if leaf["kind"] != "quarantined":
        raise BadRequest(
            f"{text!r} is an event of the kind {leaf['kind']}; name a sample, a line in quarantine or b3:…"
        )
    named.blobs[find_blob(store, f"b3:{leaf['blob']}")[1]] = None
    return True


def _is_quoting(store: Store, digest: bytes, row: int) -> bool:
    """Say whether a blob is what a score or a look at templates stored, or what a model answered."""
    connection = store.connection
    if holders.is_evidence(connection, digest) or work.is_reply(connection, row) or holders.is_answers(connection, row):
        return True
    looks = {look.blob for look in holders.phrases(store.connection)}
    return any(
        blob.hash == digest for chunk in in_chunks(looks) for blob in holders.blobs(store.connection, chunk).values()
    )


def _check_kept(store: Store, found: dict[int, holders.Blob]) -> None:
    """Refuse to erase what a fold or a rebuild needs, whatever else the same bytes are."""
    for chunk in in_chunks(blob.hash for blob in found.values()):
        for digest, kind in holders.kept(store.connection, chunk).items():
            raise BadRequest(f"{show(digest)[:15]} is what an event of the kind {kind} stands on; it is never erased")


def _quotes(look: holders.Phrases, fingerprints: frozenset[str]) -> bool:
    families = json.loads(look.families)["families"]
    return any(not fingerprints.isdisjoint(family["members"]) for family in families)


def _erase(store: Store, transaction: Transaction, run: Run, plan: _Plan, wish: Wish) -> list[int]:
    """Append the events, then erase; return where the events stand."""
    drafts: list[Draft] = []
    for row, blob in plan.there.items():
        cause = plan.cover.blobs.get(row)
        fields = {
            "authority": wish.authority,
            "blob": blob.hash.hex(),
            "fingerprint": plan.cover.fingerprint_of(row),
            "reason": wish.reason,
            "sample": None if cause is None else plan.cover.named[cause].hex(),
        }
        drafts.append(draft("erased", cause, row, fields))
    first = run.append(transaction, drafts)
    if first is None:
        return []
    run.append(transaction, [_look_again(transaction, look, plan.cover) for look in plan.looks if look.in_force])
    sqlite.forget_bodies(store.connection, plan.there)
    return list(range(first, first + len(drafts)))


def _look_again(transaction: Transaction, look: holders.Phrases, covered: Cover) -> Draft:
    """Return the look that takes the place of one that quotes erased text: the same families, without its words.

    So what a policy counts by templates stays counted. A phrase goes where an erased text has it, though others may,
    too: whose spelling it is cannot be told.
    """
    told = json.loads(look.families)
    told["families"] = [family for one in told["families"] if (family := _without(one, covered))["members"]]
    digest, row = transaction.add_blob(encode(told))
    fields = {
        "after": look.op.hex(),
        "campaign": look.scope or None,
        "families": digest.hex(),
        "field": look.field,
        "recipe": json.loads(look.recipe),
        "templated": look.templated,
        "texts": look.texts,
    }
    return draft("templates_found", None, row, fields)


def _without(family: dict[str, Any], covered: Cover) -> dict[str, Any]:
    members = [one for one in family["members"] if one not in covered.fingerprints]
    if len(members) == len(family["members"]):
        return family
    examples = [one for one in family["examples"] if one not in covered.gone]
    return {**family, "examples": examples, "members": members, "phrase": ""}


def _report(
    named: Named, covered: Cover, seen: Traces, looks: Iterable[holders.Phrases], found: dict[int, holders.Blob]
) -> EraseReport:
    gone = sum(blob.erased for blob in found.values())
    kinds = {"phrases": len({look.blob for look in looks}), "lines": len(seen.lines), "evidence": len(covered.evidence)}
    conserve("blobs", len(found), {"erased": len(found) - gone, "already": gone})
    return EraseReport(
        named=len(named.samples) + len(named.blobs),
        blobs=len(found),
        erased=len(found) - gone,
        already=gone,
        bytes=sum(blob.size for blob in found.values() if not blob.erased),
        **kinds,
        answers=0,
        samples_count=len(seen.samples),
        samples=seen.samples[:LISTED],
        relatives_count=seen.relatives_count,
        relatives=seen.relatives[:LISTED],
        same_prompt=seen.same_prompt,
        releases=[{**one._asdict(), "output": f"b3:{one.output}"} for one in seen.releases],
        trainings=seen.echoes.trainings[:LISTED],
        evaluations=seen.echoes.evaluations[:LISTED],
        unheard=seen.echoes.unheard,
        looks=[
            {"field": one.field, "campaign": one.scope or None, "look": one.position} for one in looks if one.in_force
        ],
        quoting=seen.quoting[:LISTED],
        unread=seen.unread,
        quarantined=seen.alike[:LISTED],
        scrubbed=False,
        events=[],
    )


def _summary(report: EraseReport) -> str:
    """Return what would be erased, in a sentence that names a few."""
    names = [one["sample"][:12] for one in report.samples[:_TOLD]]
    more = report.samples_count - len(names)
    whose = (
        f" of {report.samples_count} samples ({', '.join(names)}{f' and {more} more' if more else ''})" if names else ""
    )
    count = report.relatives_count
    beside = f"; {count} {'relative' if count == 1 else 'relatives'} would stay" if count else ""
    models, heard = len(report.trainings), len(report.evaluations)
    if models:
        beside += f"; {models} {'training' if models == 1 else 'trainings'} had a release with it"
    if heard:
        beside += (
            f"; the answers of {heard} {'evaluation' if heard == 1 else 'evaluations'} may hold it, and would stay"
        )
    return f"{report.erased} blobs{whose} would go{beside}"
