"""ledger_overview: how the ledger, or one campaign, stands."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult

from ledger import Ledger
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.asking import READING, Rows, Shape, Text, known_campaign
from mcp_server.tools.search import NONE
from mcp_server.tools.telling import Facts, Names, counts, most, told

CAMPAIGNS = 20
RELEASES = 5
REASONS = 8
META = {"anthropic/alwaysLoad": True, "anthropic/searchHint": "ledger overview status counts campaigns policy releases"}


class Overview(Shape):
    """Counts, and what is in force."""

    samples: int
    by_status: dict[str, int]
    by_label: dict[str, int]
    policy: str | None = None
    campaigns: Rows | None = None
    rejected_for: Rows | None = None
    by_domain: Rows | None = None
    releases: Rows | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Overview", annotations=READING, meta=META)
    async def ledger_overview(campaign: Text = "") -> Annotated[CallToolResult, Overview]:
        """Count samples by status, label, campaign and rejecting rule; name policies and releases. Begin here."""
        return await face.read(lambda ledger: overview(ledger, campaign))


def overview(ledger: Ledger, campaign: str = "") -> CallToolResult:
    """Return how everything stands, or one campaign."""
    with ledger.standing_still() as head:
        known = known_campaign(ledger, campaign)
        names = Names()
        told_of = _all(ledger, names) if known is None else _one(ledger, known, names)
        facts, tables = told_of
        statuses = ", ".join(f"{count} {status}" for status, count in facts["by_status"].items())
        line = f"{facts['samples']} samples{f' of {names(known)}' if known else ''}: {statuses or 'none'}."
        return answer({"as_of": head["position"], **facts, **names.facts()}, line=line, tables=tables)


def _all(ledger: Ledger, names: Names) -> tuple[Facts, list[Table]]:
    status = ledger.status()
    every = sorted(status["campaigns"], key=lambda one: (-one["samples"], one["name"]))
    reasons, others = most(status["by_reason"], names, REASONS)
    adopted = [one for one in ledger.policies()["adopted"] if one["in_force"]]
    facts = {
        "samples": status["samples"],
        "by_status": counts(status["by_status"]),
        "by_label": counts(status["by_label"]),
        **told(
            [
                ("by_split", status["by_split"]),
                ("quarantined", status["quarantined"] or None),
                ("open_proposals", _open(status)),
                ("policy", names(adopted[0]["name"]) if len(adopted) == 1 and not adopted[0]["campaign"] else None),
                ("more_campaigns", max(len(every) - CAMPAIGNS, 0) or None),
                ("rejected_for_others", others or None),
            ]
        ),
    }
    tables = [_campaigns(every[:CAMPAIGNS], names), Table("rejected_for", ["rule", "samples"], reasons)]
    if "policy" not in facts:
        rows = [[names(one["name"]), names(one["campaign"]) or "all", one["position"]] for one in adopted[-CAMPAIGNS:]]
        tables.append(Table("policies", ["policy", "campaign", "seq"], rows))
    tables.append(_releases(ledger, names))
    return facts, [table for table in tables if table.rows]


def _one(ledger: Ledger, campaign: str, names: Names) -> tuple[Facts, list[Table]]:
    found = ledger.compare([campaign], scores=False)["campaigns"][0]
    policy = found["policy"]
    by_domain = {domain: one["samples"] for domain, one in found["by_domain"].items()}
    domains, others = most(by_domain, names)
    whys = [[names(one["rule"]), one["samples"]] for one in found["reasons"] if one["status"] == "rejected"]
    rate = found["acceptance"]["rate"]
    facts = {
        "campaign": names(campaign),
        "samples": found["samples"],
        "by_status": counts(found["by_status"]),
        "by_label": counts(found["by_label"]),
        **told(
            [
                ("acceptance_rate", None if rate is None else round(rate, 4)),
                ("decided", found["acceptance"]["decided"] or None),
                ("policy", None if policy is None else names(policy["name"])),
                ("policy_seq", None if policy is None else policy["position"]),
                ("other_domains", others or None),
            ]
        ),
    }
    shown = found["by_domain"]
    without = "" if NONE in by_domain else NONE
    rows = [
        [row[0] or without, row[1], *_standing(shown, domain)]
        for row, domain in zip(domains, _ordered(by_domain), strict=False)
    ]
    tables = [
        Table("rejected_for", ["rule", "samples"], whys[:REASONS]),
        Table("by_domain", ["domain", "samples", "accepted", "rejected"], rows),
    ]
    return facts, [table for table in tables if table.rows]


def _ordered(by: dict[str, int]) -> list[str]:
    return [name for name, _ in sorted(by.items(), key=lambda item: (-item[1], item[0]))]


def _standing(by_domain: dict[str, Any], domain: str) -> tuple[int, int]:
    by_status = by_domain[domain]["by_status"]
    return by_status["accepted"], by_status["rejected"]


def _campaigns(found: list[dict[str, Any]], names: Names) -> Table:
    """Return campaigns with their counts; a status that none of them has is left out."""
    statuses = [name for name in found[0]["by_status"] if any(one["by_status"][name] for one in found)] if found else []
    rows = [[names(one["name"]), one["samples"], *(one["by_status"][name] for name in statuses)] for one in found]
    return Table("campaigns", ["campaign", "samples", *statuses], rows)


def _releases(ledger: Ledger, names: Names) -> Table:
    """Return the last release of each file's name, the newest first."""
    last: dict[str, dict[str, Any]] = {}
    for one in ledger.releases(limit=4 * RELEASES)["releases"]:
        last.setdefault(one["name"], one)
    rows = [
        [one["position"], names(one["name"]), names(one["view"]), one["rows"], one["stale"]]
        for one in list(last.values())[:RELEASES]
    ]
    return Table("releases", ["run", "file", "projection", "rows", "stale"], rows)


def _open(status: dict[str, Any]) -> int | None:
    """Return how many proposals wait for somebody to decide; None where none do."""
    return status["proposals"]["open"] or None
