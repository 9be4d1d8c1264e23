"""What people decide on the page: the same events as those of the command line, with `via: ui` and their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import BadRequest, LedgerError
from review_page.guard import WHO
from review_page.pages.whatif import SETTING, changes, levers
from review_page.site import Facts, Plain, Site, status_of, told
from review_page.words import whole

LABELS = {"label-true": "true", "label-false": "false", "label-none": "none"}
CHOSEN = "chosen."
"""What the names of ticked samples begin with in a form of many."""


def deciding(site: Site) -> list[Route]:
    """Return the addresses that change the ledger; each answers JSON, or leads back to where a plain form came from."""
    acts = {
        "/sample/{sample:str}/decide": _decide,
        "/sample/{sample:str}/edit": _edit,
        "/sample/{sample:str}/undo": _undo,
        "/decide": _decide_many,
        "/adopt": _adopt,
    }
    return [Route(path, _handler(site, act), methods=["POST"]) for path, act in acts.items()]


def _handler(site: Site, act: Callable[[Ledger, str, Mapping[str, str]], Facts]) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        given = await site.form(request)
        if isinstance(given, Response):
            return given
        sample = str(request.path_params.get("sample", ""))
        back = _back(given.get("back", ""))
        try:
            done = await site.ledgers.write(request.scope.get(WHO), lambda ledger: act(ledger, sample, given))
        except LedgerError as error:
            return JSONResponse(told(error), status_of(error)) if back is None else site.refused(request, error)
        if back is None:
            return Plain(done)
        return RedirectResponse(_told_back(back, done) if given.get("tell") else back, 303)

    return handle


def _back(address: str) -> str | None:
    """Return an address of this server's own, None for any other."""
    own = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if own else None


def _told_back(back: str, done: Facts) -> str:
    """Return the address with what can be undone: the sample and the event; nothing where nothing was appended."""
    parts = urlsplit(back)
    query = {name: value for name, value in parse_qsl(parts.query) if name not in {"last", "undo"}}
    events = done.get("events", [])
    if events:
        query |= {"last": str(done["sample"]), "undo": str(events[-1])}
    return quote(parts.path) + (f"?{urlencode(query)}" if query else "")


def _decide(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Accept, reject, defer or relabel; the same again appends nothing."""
    return {**_verdict(ledger, [sample], given), "sample": sample}


def _decide_many(ledger: Ledger, _sample: str, given: Mapping[str, str]) -> Facts:
    """Decide about every sample that was ticked, in one commit."""
    chosen = [name.removeprefix(CHOSEN) for name in given if name.startswith(CHOSEN)]
    if not chosen:
        raise BadRequest("No sample was chosen", hint="Tick some, then choose what to do with them.")
    return _verdict(ledger, chosen, given)


def _verdict(ledger: Ledger, samples: list[str], given: Mapping[str, str]) -> Facts:
    verdict, reason = given.get("verdict", ""), given.get("reason", "").strip()
    if given.get("because"):  # a reason that was chosen from the list decides what it is a reason for
        verdict, reason = "reject", given["because"]
    acts: dict[str, Callable[[], Facts]] = {
        "accept": lambda: ledger.accept(samples, reason=reason),
        "defer": lambda: ledger.defer(samples, reason=reason),
        "reject": lambda: ledger.reject(samples, reason=reason),
        **{name: _labelling(ledger, samples, value, reason) for name, value in LABELS.items()},
    }
    if verdict not in acts:
        raise BadRequest(f"Nobody can decide {verdict[:40]!r}", hint=f"One of {', '.join(acts)}.")
    return {**acts[verdict](), "verdict": verdict}


def _labelling(ledger: Ledger, samples: list[str], label: str, reason: str) -> Callable[[], Facts]:
    return lambda: ledger.relabel(samples, label, reason=reason)


def _edit(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Give the sample a new version."""
    content = given.get("content", "").strip().encode()
    return {**ledger.edit(sample, content, reason=given.get("reason", "")), "sample": sample}


def _undo(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Take back an event, which must be one about this sample."""
    event = given.get("event", "")
    if not any(f"@{one['position']}" == event for one in ledger.why(sample)["events"]):
        raise BadRequest(f"{event[:40]!r} is no event of this sample", hint="Give @POSITION, as the timeline shows it.")
    return {**ledger.withdraw([event], reason=given.get("reason", "")), "sample": sample}


def _adopt(ledger: Ledger, _sample: str, given: Mapping[str, str]) -> Facts:
    """Make the settings that were asked about the policy, unless somebody wrote since they were."""
    movable = levers(ledger, given)
    wanted = [] if movable is None else changes(movable, given)
    if not wanted:
        raise BadRequest("Nothing was moved", hint=f"Move a threshold: {SETTING}KEY=VALUE.")
    return ledger.whatif(
        wanted,
        campaign=given.get("campaign") or None,
        adopt=True,
        reason=given.get("reason", ""),
        expected_head=whole(given, "head") if given.get("head") else None,
    )
