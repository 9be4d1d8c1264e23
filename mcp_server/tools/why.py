"""ledger_why: why a sample stands as it does, and what would make it stand otherwise."""

from __future__ import annotations

import re
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult, ResourceLink

from ledger import Ledger
from ledger.errors import BadRequest, NoSuchId
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.asking import READING, Moment, Rows, SampleId, Shape, given, is_plain, teaching
from mcp_server.tools.telling import Facts, Ids, Names, number, told

META = {"anthropic/alwaysLoad": True, "anthropic/searchHint": "why sample rejected accepted label rule margin flip"}
ROWS = 8
_SETTING = re.compile(r"[A-Za-z0-9_.:+<>=!() -]{1,200}")
"""A setting without a text in quotes: what stands in quotes can be the name of a domain, which a file gave."""
_DOMAIN = re.compile(r"domain\.(.*)\.[^.]*=.*")
"""A setting of one domain, whose name is a file's also where it needs no quotes."""


class Why(Shape):
    """What decided, by how much, and what would flip it."""

    sample: str
    status: str
    label: str
    campaign: str
    decided: dict[str, Any] | None = None
    label_decided: dict[str, Any] | None = None
    also_failed: Rows | None = None
    would_flip_if: Rows | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Why", annotations=READING, meta=META)
    async def ledger_why(sample: SampleId, as_of: Moment = "") -> Annotated[CallToolResult, Why]:
        """Tell why a sample has its status and label: rule, observed vs threshold, margin, and the smallest flip."""
        return await face.read(lambda ledger: why(ledger, sample, as_of))


def why(ledger: Ledger, sample: str, as_of: str = "") -> CallToolResult:
    """Return why a sample stands as it does, now or at an earlier moment."""
    with ledger.standing_still() as head, teaching(ledger, sample):
        found = _found(ledger, sample, as_of)
        names = Names()
        short = Ids(ledger, [found["sample"], _twin(found)])
        flips = _flips(found["would_flip_if"] or [], names)
        failed = [
            [names(one["rule"]), number(one["observed"]), number(one["threshold"]), number(one["margin"])]
            for one in found["failed_rules"]
        ]
        facts = _facts(found, names, short)
        tables = [
            Table("also_failed", ["rule", "observed", "threshold", "margin"], failed[:ROWS]),
            Table("would_flip_if", ["of", "gives", "change"], flips[:ROWS]),
        ]
        position = ledger.position(as_of) if as_of else head["position"]
        made = answer(
            {"as_of": position, **facts, **names.facts()},
            line=_line(facts),
            tables=[table for table in tables if table.rows],
        )
    uri = f"ledger://sample/{facts['sample']}"
    made.content.append(ResourceLink(type="resource_link", name=str(facts["sample"]), uri=uri))
    return made


def _found(ledger: Ledger, sample: str, as_of: str) -> dict[str, Any]:
    """Return why; raise BadRequest where the sample came into being later than at that moment."""
    try:
        return ledger.why(sample, given(as_of))
    except NoSuchId:
        born = ledger.show(sample)["origin"]["position"] if as_of else -1  # raises the same where there is none now
        if born <= (ledger.position(as_of) if as_of else -1):
            raise
        told = f"That sample was not there yet at {as_of}: it came into being at seq {born}"
        raise BadRequest(told, hint=f"Ask as_of {born} or later; ledger_history lists its events.") from None


def _facts(found: dict[str, Any], names: Names, short: Ids) -> Facts:
    """Return the sample, what decided, and how it stands elsewhere."""
    decided = found["decided"]
    today = found["today"]
    told_of = {
        "sample": short(found["sample"]),
        "status": found["status"],
        "label": {True: "true", False: "false", None: "none"}[found["label"]],
        "campaign": names(found["origin"]["campaign"]),
    }
    used = [one for one in found["releases"] if one["omitted"] is None]
    omitted = sorted({one["omitted"] for one in found["releases"] if one["omitted"] is not None})
    return told_of | told(
        [
            ("domain", names(found["domain"])),
            ("split", found["split"]),
            ("label_from", "file" if found["label_from"] == "envelope" else None),
            ("erased_at", None if found["erased"] is None else found["erased"]["position"]),
            ("decided", _decided(decided["status"], names, short)),
            ("label_decided", _decided(decided["label"], names, short)),
            ("overrides", [_override(one, names) for one in found["overrides"]]),
            ("undecided_changes", _due(today, names)),
            ("twins", len(found["duplicates"]) or None),
            ("conflicting_twins", sum(one["conflict"] for one in found["duplicates"]) or None),
            ("in_releases", len(used) or None),
            ("left_out_as", omitted),
            ("open_proposals", [_proposal(one, names) for one in found["proposals"]]),
        ]
    )


def _decided(said: dict[str, Any] | None, names: Names, short: Ids) -> Facts | None:
    """Return one decision: where, by whom, by which rule, and its numbers."""
    if said is None:
        return None
    nearest = [one for one in said["compared"] if one["observed"] == said["observed"]]
    return told(
        [
            ("seq", said["position"]),
            ("by", names(said["actor"])),
            ("authority", said["authority"]),
            ("policy", names(said["policy_name"])),
            ("rule", names(said["rule"])),
            ("what", names(nearest[0]["what"]) if len(nearest) == 1 else None),
            ("observed", number(said["observed"])),
            ("threshold", number(said["threshold"])),
            ("margin", number(said["margin"])),
            ("unknown", [names(one) for one in said["unknown"]]),
            ("twin", None if said["twin"] is None else short(said["twin"]["sample"])),
            ("untrusted_reason", (said["reason"] or "")[:200]),
        ]
    )


def _override(one: dict[str, Any], names: Names) -> Facts:
    """Return who stands over what a policy said."""
    what = "label" if one["about"] == "label" else "outcome"
    return {"of": one["about"], "by": names(one["by"]["actor"]), "policy_said": one["over"][what]}


def _due(today: dict[str, Any] | None, names: Names) -> Facts | None:
    """Return what the policy in force says otherwise and nobody decided yet."""
    if today is None or not today["stale"]:
        return None
    label = {True: "true", False: "false", None: None}[today["label"]]
    return told(
        [("of", today["changes"]), ("outcome", today["outcome"]), ("rule", names(today["rule"])), ("label", label)]
    )


def _proposal(one: dict[str, Any], names: Names) -> str:
    return f"{one['name']} {one['verdict']} by {names(one['proposer'])}"


def _flips(changes: list[dict[str, Any]], names: Names) -> list[list[str | None]]:
    """Return the ways to another answer; changes of one kind that are needed together are one way."""
    ways: dict[tuple[str, str | None, str], list[str]] = {}
    for one in changes:
        kind = next(name for name in ("set", "withdraw", "score") if name in one)
        ways.setdefault((one["of"], one["gives"], kind), []).append(str(_change(one, names)))
    return [[of, gives, " and ".join(told_of)] for (of, gives, _), told_of in ways.items()]


def _change(one: dict[str, Any], names: Names) -> str | None:
    """Return one change: a setting for ledger_whatif, a score that would have to be another, or what to withdraw."""
    if "set" in one:
        return f"set {one['set'] if is_setting(one['set']) else names(one['set'])}"
    if "withdraw" in one:
        return f"withdraw {one['withdraw']}"
    return f"{names(one['score'])} {one['has'] if one['has'] is not None else 'unknown'} -> {one['needs'] or 'any'}"


def is_setting(setting: str) -> bool:
    """Say whether a setting can be told as it is; one with a name that a file chose freely cannot."""
    domain = _DOMAIN.fullmatch(setting)
    return _SETTING.fullmatch(setting) is not None and (domain is None or is_plain(domain[1]))


def _twin(found: dict[str, Any]) -> str | None:
    said = found["decided"]["status"]
    return None if said is None or said["twin"] is None else said["twin"]["sample"]


def _line(facts: Facts) -> str:
    """Return one sentence: the status, and what decided it."""
    said = facts.get("decided") or facts.get("label_decided")
    if said is None:
        return f"{facts['sample']} is {facts['status']}: nobody decided about it."
    by = f"rule {said['rule']}" if "rule" in said else f"{said['by']} ({said['authority']})"
    return f"{facts['sample']} is {facts['status']}, label {facts['label']}; decided by {by}."
