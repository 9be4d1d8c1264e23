"""What is asked of the person at the client before a decision is recorded, and what counts as a yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mcp.server.mcpserver import AcceptedElicitation, CancelledElicitation, Context, DeclinedElicitation
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ClientCapabilities,
    ElicitationCapability,
    FormElicitationCapability,
    MissingRequiredClientCapabilityErrorData,
)
from pydantic import BaseModel, Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.face import Caller, Face
from mcp_server.tools.acting import SHORTEST, named
from mcp_server.untrusted import one_line

_SHOWN = 15
"""Characters of an id or a digest that are shown."""
_LISTED = 5
"""Ids that are shown."""
_NAME = 100
"""Characters of an actor's name that are shown."""


class Confirmation(BaseModel):
    """What the client answers. Only `record` true, in an answer that was accepted, records anything."""

    record: bool = Field(
        title="Record this decision",
        description="The server takes the client's word for this answer; it is no proof that a person gave it.",
    )


class Request(NamedTuple):
    """What is to be recorded: an open proposal, or a verdict about samples."""

    proposal: str
    samples: tuple[str, ...]
    selection: str
    verdict: str | None
    reason: str


def checked(proposal: str, samples: Sequence[str], selection: str, verdict: str | None, reason: str) -> Request:
    """Return a request that can be put to a person; raise BadRequest for one that says too little or too much."""
    if proposal:
        if samples or selection or verdict or reason:
            raise BadRequest("A proposal has its samples, verdict and reason; give the proposal alone, or those")
    else:
        named(samples, selection)
        if verdict is None:
            raise BadRequest("No verdict was given: accept, reject, defer, label-true, label-false or label-none")
        if len(reason.strip()) < SHORTEST:
            raise BadRequest("The reason has 8 to 500 characters")
    return Request(proposal, tuple(samples), selection, verdict, reason)


def must_be_able_to_ask(context: Context[Any, Any]) -> None:
    """Refuse a client that cannot put a question to its user: nobody could confirm. Raises MCPError, as the spec says.

    The SDK would refuse it too, in words that no model can act on.
    """
    can = context.client_capabilities
    form = None if can is None else can.elicitation
    if form is None or (form.form is None and form.url is not None):
        needed = ClientCapabilities(elicitation=ElicitationCapability(form=FormElicitationCapability()))
        data = MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This client cannot ask its user (elicitation), so nothing was recorded. next: use "
            "ledger_propose_decision; a person then runs `ledger proposals accept`.",
            data.model_dump(by_alias=True, mode="json", exclude_none=True),
        )


async def question(face: Face, caller: Caller, request: Request) -> str:
    """Return what to ask: which decision, how many samples, in whose name. Never a sample's text.

    The same request gives the same words until what it is about changes, so that a yes to one is no yes to another.
    Raises NoSuchProposal, NoSuchId, AmbiguousId, BadRequest.
    """
    if request.proposal:
        found = await face.read(lambda ledger: ledger.proposal(request.proposal, limit=0))
        what = f"Accept proposal {found['name']} of {one_line(found['proposer'], _NAME)}: {found['verdict']}"
        about, reason = _about(found["count"], found["list"]), found["reason"]
    else:
        what, reason = str(request.verdict), request.reason
        if request.selection:
            chosen = face.handles.chosen(request.selection)
            about = _about(chosen.count, chosen.digest)
        else:
            about = await face.read(lambda ledger: listed(ledger, request))
    name = one_line(caller.principal, _NAME)
    return f"{what} {about}, in the name of {name}? The reason given: {reason!r}"


def listed(ledger: Ledger, request: Request) -> str:
    """Return which samples ids name; nobody is asked about one that is not there."""
    found = ledger.propose(request.samples, str(request.verdict), reason=request.reason, dry_run=True)
    shown = ", ".join(one.strip()[:_SHOWN] for one in request.samples[:_LISTED])
    more = len(request.samples) - _LISTED
    return f"{_samples(found['count'])}: {shown}" + (f" and {more} more" if more > 0 else "")


def _about(count: int, digest: str) -> str:
    return f"{_samples(count)} (digest {digest[:_SHOWN]})"


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"


def outcome(
    answered: AcceptedElicitation[Confirmation] | DeclinedElicitation | CancelledElicitation,
) -> str:
    """Return `confirmed`, `declined` or `cancelled`; whatever is no clear yes is one of the others."""
    if isinstance(answered, AcceptedElicitation):
        return "confirmed" if answered.data.record is True else "declined"
    return "declined" if isinstance(answered, DeclinedElicitation) else "cancelled"
