"""What people decide on the page: the same events as those of the command line, with `via: ui` and their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import BadRequest, LedgerError
from review_page.guard import WHO
from review_page.site import Facts, Plain, Site, status_of, told

LABELS = {"label-true": "true", "label-false": "false", "label-none": "none"}


def deciding(site: Site) -> list[Route]:
    """Return the addresses that change the ledger; each answers JSON, or leads back to where a plain form came from."""
    return [
        Route(f"/sample/{{sample:str}}/{name}", _handler(site, act), methods=["POST"])
        for name, act in (("decide", _decide), ("edit", _edit), ("undo", _undo))
    ]


def _handler(site: Site, act: Callable[[Ledger, str, Mapping[str, str]], Facts]) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        given = await site.form(request)
        if isinstance(given, Response):
            return given
        sample = str(request.path_params["sample"])
        try:
            done = await site.ledgers.write(request.scope.get(WHO), lambda ledger: act(ledger, sample, given))
        except LedgerError as error:
            return JSONResponse(told(error), status_of(error))
        back = given.get("back", "")
        if back.startswith("/") and not back.startswith("//") and "\\" not in back:
            return RedirectResponse(back, 303)
        return Plain(done)

    return handle


def _decide(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Accept, reject, defer or relabel; the same again appends nothing."""
    verdict, reason = given.get("verdict", ""), given.get("reason", "")
    acts: dict[str, Callable[[], Facts]] = {
        "accept": lambda: ledger.accept([sample], reason=reason),
        "defer": lambda: ledger.defer([sample], reason=reason),
        "reject": lambda: ledger.reject([sample], reason=reason),
        **{name: _labelling(ledger, sample, value, reason) for name, value in LABELS.items()},
    }
    if verdict not in acts:
        raise BadRequest(f"Nobody can decide {verdict[:40]!r}", hint=f"One of {', '.join(acts)}.")
    return {**acts[verdict](), "sample": sample, "verdict": verdict}


def _labelling(ledger: Ledger, sample: str, label: str, reason: str) -> Callable[[], Facts]:
    return lambda: ledger.relabel([sample], label, reason=reason)


def _edit(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Give the sample a new version."""
    content = given.get("content", "").encode()
    return {**ledger.edit(sample, content, reason=given.get("reason", "")), "sample": sample}


def _undo(ledger: Ledger, sample: str, given: Mapping[str, str]) -> Facts:
    """Take back an event, which must be one about this sample."""
    event = given.get("event", "")
    if not any(f"@{one['position']}" == event for one in ledger.why(sample)["events"]):
        raise BadRequest(f"{event[:40]!r} is no event of this sample", hint="Give @POSITION, as the timeline shows it.")
    return {**ledger.withdraw([event], reason=given.get("reason", "")), "sample": sample}
