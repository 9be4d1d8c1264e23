"""What is asked of the person at the client before a decision is recorded, and what counts as a yes.

A yes is bound to what was asked: the question names the digest of the list of samples and their versions. In the era
without a handshake question and answer are two calls; the SDK seals the words of the question into the state between
them and takes no answer to other words, so that what has changed by then is asked about again. In the other era the
call waits for the answer. In both, whoever records compares the digest with what stands in the ledger as it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mcp.server.mcpserver import AcceptedElicitation, CancelledElicitation, Context, DeclinedElicitation
from pydantic import BaseModel, Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.handles import Handles
from mcp_server.options import PROPOSE, Options
from mcp_server.tools.acting import SHORTEST, head_of, members, named, not_too_many, selected
from mcp_server.untrusted import one_line

CONFIRMED = "elicitation"
_SHOWN = 15
"""Characters of an id that are shown."""
_DIGEST = 3 + 20
"""Characters of a digest that are shown: 80 bits, which nobody finds another list for."""
_LISTED = 5
"""Ids that are shown."""
_NAME = 100
"""Characters of an actor's name that are shown."""


class Confirmation(BaseModel):
    """What the client answers. Only `record` true, in an answer that was accepted, records anything."""

    record: bool = Field(
        strict=True,  # a text such as "yes" is no clear yes
        title="Record this decision",
        description="The server takes the client's word for this answer; it is no proof that a person gave it.",
    )


class Request(NamedTuple):
    """What is to be recorded: an open proposal, or a verdict about samples; its key, and the head that it expects."""

    proposal: str
    samples: tuple[str, ...]
    selection: str
    verdict: str | None
    reason: str
    key: str
    expected: int | None


class Meant(NamedTuple):
    """What a request comes to: the ids, the head that recording needs, and what the ledger says of it.

    `needed` is the head that the selection needs, where its filter finds other samples by now; `actor` asks.
    """

    request: Request
    ids: list[str]
    needed: int | None
    actor: str
    found: Mapping[str, Any]

    @property
    def head(self) -> int | None:
        """Return where the log has to end, None where it may end anywhere."""
        return self.request.expected if self.needed is None else self.needed


def checked(
    proposal: str,
    samples: Sequence[str],
    selection: str,
    verdict: str | None,
    reason: str,
    key: str,
    expected: int | None,
) -> Request:
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
    return Request(proposal, tuple(samples), selection, verdict, reason, key, expected)


def looked_up(ledger: Ledger, handles: Handles, request: Request, actor: str) -> Meant:
    """Return what a request of somebody comes to; what it would change is not worked out.

    Whatever is certain to be refused is refused here, before anybody is asked. Raises NoSuchProposal, ProposalSettled,
    NoSuchId, AmbiguousId, ErasedBytes, HeadMoved, BadRequest.
    """
    common: dict[str, Any] = {"reason": request.reason, "key": request.key, "actor": actor}
    ids, needed = ([], None) if request.proposal else members(ledger, handles, request.samples, request.selection)
    meant = Meant(request, ids, needed, actor, {})
    with selected(needed):
        if request.proposal:
            common |= {"confirmed": CONFIRMED, "expected_head": meant.head}
            found = ledger.check_record_proposal(request.proposal, **common)
            not_too_many(found["count"], f"A person accepts it with: ledger proposals accept {found['name']}")
        else:
            found = ledger.check_record(ids, str(request.verdict), expected_head=meant.head, **common)
    return meant._replace(found={**found, "as_of": head_of(ledger)})


def must_be_able_to_ask(context: Context[Any, Any], about: Meant, options: Options) -> None:
    """Refuse a client that cannot put a question to its user: nobody could confirm. Raises BadRequest.

    The SDK would refuse it too, with an error of the protocol, in words that no model can act on.
    """
    can = context.client_capabilities
    form = None if can is None else can.elicitation
    if form is None or (form.form is None and form.url is not None):
        told = "This client cannot ask its user (elicitation), so nothing was recorded"
        raise BadRequest(told, hint=_instead(about, options))


def _instead(about: Meant, options: Options) -> str:
    """Return what to do where nobody can be asked."""
    if about.request.proposal:
        return f"A person accepts it with: ledger proposals accept {about.found['name']}"
    if PROPOSE in options.allow:
        return "Leave it with ledger_propose_decision; a person accepts that with: ledger proposals accept NAME"
    verdict = str(about.request.verdict)
    verb, _, label = verdict.partition("-")
    command = f"relabel ID... --label {label}" if verb == "label" else f"{verdict} ID... --reason TEXT"
    return f"Ask a person to run: ledger {command}"


def question(about: Meant) -> str:
    """Return what to ask: which decision, how many samples, which versions, in whose name. Never a sample's text.

    The same request gives the same words until what it is about changes, so that a yes to one is no yes to another.
    """
    request, found = about.request, about.found
    which = f"(digest {found['list'][:_DIGEST]})"
    if request.proposal:
        what = f"Accept proposal {found['name']} of {one_line(found['proposer'], _NAME)}: {found['verdict']}"
    else:
        what = str(request.verdict)
        which = f"{which}{_some(request.samples)}"
    name = one_line(about.actor, _NAME)
    return f"{what} {_samples(found['count'])} {which}, in the name of {name}? The reason given: {found['reason']!r}"


def _some(ids: Sequence[str]) -> str:
    """Return the first of some ids."""
    shown = ", ".join(one.strip()[:_SHOWN] for one in ids[:_LISTED])
    more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
    return f": {shown}{more}" if shown else ""


def _samples(count: int) -> str:
    return f"{count:,} sample{'' if count == 1 else 's'}"


def outcome(
    answered: AcceptedElicitation[Confirmation] | DeclinedElicitation | CancelledElicitation,
) -> str:
    """Return `confirmed`, `declined` or `cancelled`; whatever is no clear yes is one of the others."""
    if isinstance(answered, AcceptedElicitation):
        return "confirmed" if answered.data.record is True else "declined"
    return "declined" if isinstance(answered, DeclinedElicitation) else "cancelled"
