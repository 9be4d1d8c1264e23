"""What people decide on the page: the same events as those of the command line, with `via: ui` and their name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import BadRequest, HeadMoved, LedgerError, SampleChanged
from review_page import notices
from review_page.filters import address
from review_page.pages import find
from review_page.pages.whatif import SETTING, changes, levers, refuse_unknown
from review_page.seen import head_of, unchanged
from review_page.site import Facts, Plain, Site, status_of, told
from review_page.words import own

LABELS = {"label-true": "true", "label-false": "false", "label-none": "none"}
CHOSEN = "chosen."
"""What the names of ticked samples begin with in a form of many."""
_EVENT = re.compile(r"@[0-9]{1,15}")


@dataclass(frozen=True)
class Form:
    """What was sent: the sample of the address (or ''), the fields, and who sends it."""

    sample: str
    given: Mapping[str, str]
    person: str


Act = Callable[[Ledger, Form], Facts]


def deciding(site: Site) -> list[Route]:
    """Return the addresses that change the ledger; each answers JSON, or leads back to where a plain form came from."""
    acts: dict[str, Act] = {
        "/sample/{sample:str}/decide": _decide,
        "/sample/{sample:str}/edit": _edit,
        "/sample/{sample:str}/undo": _undo,
        "/undo": _undo_many,
        "/decide": _decide_many,
        "/decide-all": _decide_all,
        "/adopt": _adopt,
        "/words": _words,
    }
    return [Route(path, _handler(site, act), methods=["POST"]) for path, act in acts.items()]


def _handler(site: Site, act: Act) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        given = await site.form(request)
        if isinstance(given, Response):
            return given
        form = Form(str(request.path_params.get("sample", "")), given, site.person(request))
        back = own(given.get("back", ""))
        try:
            done = await site.ledgers.write(form.person, lambda ledger: act(ledger, form))
        except LedgerError as error:
            if back is None:
                return JSONResponse(told(error), status_of(error))
            unsaved = given.get("content")
            edit = None if unsaved is None else address(f"/edit/{form.sample}", {"back": back})
            return site.refused(request, error, again=back, edit=edit, unsaved=unsaved)
        if back is None:
            return Plain(done)
        return RedirectResponse(_told_back(back, done) if given.get("tell") else back, 303)

    return handle


def _told_back(back: str, done: Facts) -> str:
    """Return the address with what was done; nothing more where nothing was appended.

    A decision about one sample joins those before it that can be undone (`undo`, with `last` the sample); one about
    many, and an adoption, are told once (`did`), and so is what was taken back (`undone`).
    """
    parts = urlsplit(back)
    before = parse_qsl(parts.query, keep_blank_values=True)
    query = {name: value for name, value in before if name not in notices.NAMES}
    events, kind = done.get("events", []), done.get("tells", notices.UNDO)
    if events and kind == notices.UNDO:
        try:
            made = [*notices.chain(query.get(notices.UNDO)), events[-1]]
        except BadRequest:  # the decision stands, whatever the address says of those before
            made = [events[-1]]
        query |= {"last": str(done["sample"]), notices.UNDO: notices.as_text(made) or ""}
    elif events:
        query[kind] = str(events[0]) if events[0] == events[-1] else f"{events[0]}-{events[-1]}"
    return quote(parts.path) + (f"?{urlencode(query)}" if query else "")


def _decide(ledger: Ledger, form: Form) -> Facts:
    """Accept, reject, defer or relabel, unless the sample changed; the same again appends nothing."""
    _needs_version(form)
    ids = [form.sample]
    done = unchanged(ledger, ids, form.given, form.person, lambda head: _verdict(ledger, ids, form.given, head))
    return {**done, "sample": form.sample}


def _decide_many(ledger: Ledger, form: Form) -> Facts:
    """Decide about every sample that was ticked, in one commit, unless one of them changed."""
    chosen = [name.removeprefix(CHOSEN) for name in form.given if name.startswith(CHOSEN)]
    if not chosen:
        raise BadRequest("No sample was chosen", hint="Tick some, then choose what to do with them.")
    done = unchanged(ledger, chosen, form.given, form.person, lambda head: _verdict(ledger, chosen, form.given, head))
    return {**done, "tells": notices.DID}


def _decide_all(ledger: Ledger, form: Form) -> Facts:
    """Decide about all samples that filters leave, in one commit, unless anything was appended since they were told."""
    seen, digest = head_of(form.given), form.given.get("digest", "")
    found = find.selected(ledger, dict(parse_qsl(form.given.get("filters", ""), keep_blank_values=True)))
    if found["head"]["position"] != seen:
        raise HeadMoved(found["head"]["position"], seen)
    if found["digest"] != digest:
        raise BadRequest("These are not the samples that were shown", hint="Go back to the list, and begin again.")
    if not found["ids"]:
        raise BadRequest("No sample is like that", hint="Go back to the list, and choose other filters.")
    return {**_verdict(ledger, found["ids"], form.given, seen), "tells": notices.DID}


def _verdict(ledger: Ledger, samples: list[str], given: Mapping[str, str], head: int) -> Facts:
    verdict, reason = given.get("verdict", ""), given.get("reason", "").strip()
    if given.get("because"):  # a reason that was chosen from the list decides what it is a reason for
        verdict, reason = "reject", given["because"]
    acts: dict[str, Callable[[], Facts]] = {
        "accept": lambda: ledger.accept(samples, reason=reason, expected_head=head),
        "defer": lambda: ledger.defer(samples, reason=reason, expected_head=head),
        "reject": lambda: ledger.reject(samples, reason=reason, expected_head=head),
        **{name: _labelling(ledger, samples, value, reason, head) for name, value in LABELS.items()},
    }
    if verdict not in acts:
        raise BadRequest(f"Nobody can decide {verdict[:40]!r}", hint=f"One of {', '.join(acts)}.")
    return {**acts[verdict](), "verdict": verdict}


def _labelling(ledger: Ledger, samples: list[str], label: str, reason: str, head: int) -> Callable[[], Facts]:
    return lambda: ledger.relabel(samples, label, reason=reason, expected_head=head)


def _edit(ledger: Ledger, form: Form) -> Facts:
    """Give the sample a new version, unless it has another one already; the same text again appends nothing."""
    _needs_version(form)
    content, reason = form.given.get("content", "").strip(), form.given.get("reason", "")

    def act(head: int) -> Facts:
        return ledger.edit(form.sample, content.encode(), reason=reason, expected_head=head)

    try:
        done = unchanged(ledger, [form.sample], form.given, form.person, act)
    except SampleChanged:
        if ledger.show(form.sample)["raw"] != content:
            raise
        done = {"samples": 1, "changed": 0, "unchanged": 1, "events": []}
    return {**done, "sample": form.sample}


def _needs_version(form: Form) -> None:
    if not form.given.get("version"):
        raise BadRequest("The form does not say which version was seen", hint="Reload the page, and decide there.")


def _undo(ledger: Ledger, form: Form) -> Facts:
    """Take back an event, which must be one about this sample that the person made on this page."""
    text = form.given.get("event", "")
    position = int(text[1:]) if _EVENT.fullmatch(text) else -1
    found = ledger.history(form.sample, before=position + 1, limit=1)["events"]
    if not found or found[0]["position"] != position:
        raise BadRequest(f"{text[:40]!r} is no event of this sample", hint="Give @POSITION, as the timeline shows it.")
    actor, via = found[0]["actor"], found[0]["via"]
    if (actor, via) != (form.person, "ui"):
        hint = "`ledger withdraw` takes back what others did."
        raise BadRequest(f"{text} is not yours to undo here: {actor} made it via {via}", hint=hint)
    done = ledger.withdraw([text], reason=form.given.get("reason", ""))
    return {**done, "sample": form.sample, "tells": notices.UNDONE}


def _undo_many(ledger: Ledger, form: Form) -> Facts:
    """Take back what the person decided about many on this page, in one commit as it was made."""
    text = form.given.get("events", "")
    ends = notices.of_one_run(ledger, text, form.person)
    if ends is None:
        raise BadRequest(
            f"{text[:40]!r} is nothing that you decided here", hint="`ledger withdraw` takes back the rest."
        )
    first, last = (end["position"] for end in ends)
    done = ledger.withdraw([f"@{each}" for each in range(first, last + 1)], reason=form.given.get("reason", ""))
    return {**done, "tells": notices.UNDONE}


def _adopt(ledger: Ledger, form: Form) -> Facts:
    """Make the settings that were asked about the policy, unless somebody wrote since they were."""
    seen, movable = head_of(form.given), levers(ledger, form.given)
    if movable is not None:
        refuse_unknown(movable, form.given)
    wanted = [] if movable is None else changes(movable, form.given)
    if not wanted:
        raise BadRequest("Nothing was moved", hint=f"Move a threshold: {SETTING}KEY=VALUE.")
    campaign, reason = form.given.get("campaign") or None, form.given.get("reason", "")
    done = ledger.whatif(wanted, campaign=campaign, adopt=True, reason=reason, expected_head=seen)
    events = [done["adopted"], *done["decided"]["events"]] if done["adopted"] is not None else []
    return {**done, "events": events, "tells": notices.DID}


def _words(ledger: Ledger, form: Form) -> Facts:
    """Bring the index of words up to date, which readers cannot; no event comes of it."""
    if ledger.status()["samples"] > find.MOST:
        raise BadRequest("That takes long in a ledger of this size", hint="`ledger search WORD` makes the index.")
    return {"index": ledger.find(text=form.given.get("text", ""), limit=0, total=False)["index"]}
