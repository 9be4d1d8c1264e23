"""ledger_near_misses: the rejected samples that nearly passed, nearest first."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from mcp.server import MCPServer
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.handles import Handles
from mcp_server.tools.asking import READING, Cursor, Limit, Rows, Shape, Text, known_campaign, known_of
from mcp_server.tools.telling import Facts, Ids, Names, columns, excerpt, number, told, without

TOOL = "ledger_near_misses"
META = {"anthropic/searchHint": "near misses nearly passed rejected margin closest threshold borderline"}
EXCERPT = 80
_COLUMNS = ("sample", "margin", "observed", "threshold", "rule", "domain", "campaign", "also_failed")

Within = Annotated[float | None, Field(ge=0, le=1_000_000, description="largest margin")]


class NearMisses(Shape):
    """A page of near-misses, and how near all of them are."""

    total: int | str | None = None
    histogram: dict[str, int] | None = None
    thresholds: Rows | None = None
    near_misses: Rows
    selection: str | None = None
    next: str | None = None


class Asked(NamedTuple):
    """What was asked for, as it was asked."""

    campaign: str = ""
    rule: str = ""
    within: float | None = None
    limit: int = 20
    include_text: bool = False
    select: bool = False
    cursor: str = ""


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Near-misses", annotations=READING, meta=META)
    async def ledger_near_misses(
        *,
        campaign: Text = "",
        rule: Text = "",
        within: Within = None,
        limit: Limit = 20,
        include_text: bool = False,
        select: bool = False,
        cursor: Cursor = "",
    ) -> Annotated[CallToolResult, NearMisses]:
        """List the rejected samples nearest to passing, and how near all are; select: a handle to all those within."""
        asked = Asked(campaign, rule, within, limit, include_text, select, cursor)
        return await face.read(lambda ledger: near_misses(ledger, face.handles, asked))


def near_misses(ledger: Ledger, handles: Handles, asked: Asked) -> CallToolResult:
    """Return a page of near-misses."""
    if asked.select and asked.within is None:
        raise BadRequest("A selection of near-misses needs to know how near", hint="Give `within`, the largest margin.")
    with ledger.standing_still() as head:
        position = head["position"]
        campaign, rule = known_campaign(ledger, asked.campaign), _rule(ledger, asked.rule)
        key = {"campaign": campaign, "rule": rule, "within": asked.within}
        after = handles.follow(TOOL, key, asked.cursor, position) if asked.cursor else None
        page = ledger.near_misses(campaign, rule=rule, limit=asked.limit, after=after)
        inside = [one for one in page["near_misses"] if _is_within(one, asked.within)]
        names = Names()
        table, same = columns("near_misses", *_rows(ledger, inside, names, with_text=asked.include_text))
        limits = _thresholds(inside, names)
        if limits:
            table = without(table, "threshold")
        facts: Facts = {"as_of": position}
        if not asked.cursor:
            facts |= _nearness(ledger, campaign, rule, asked.within)
        facts |= same
        if asked.select:
            facts["selection"] = _selection(ledger, handles, key, position)
        if page["next"] is not None and len(inside) == len(page["near_misses"]):
            facts["next"] = handles.cursor(TOOL, key, position, page["next"])
        of = f" of {facts['total']}" if "total" in facts else ""
        twins = "; of samples that teach the same one stands for all" if "twins_left_out" in facts else ""
        line = f"{len(inside)}{of} rejected samples that nearly passed, nearest first{twins}."
        return answer({**facts, **names.facts()}, line=line, tables=[*limits, table])


def _rule(ledger: Ledger, rule: str) -> str | None:
    return known_of("rejecting rule", rule, list(ledger.status()["by_reason"])) if rule else None


def _is_within(one: dict[str, Any], within: float | None) -> bool:
    return within is None or abs(float(one["margin"])) <= within


def _rows(ledger: Ledger, found: list[dict[str, Any]], names: Names, *, with_text: bool) -> tuple[list[str], list[Any]]:
    """Return the columns and the rows of a page."""
    short = Ids(ledger, [one["sample"] for one in found])
    rows = [
        [
            short(one["sample"]),
            number(one["margin"]),
            number(one["observed"]),
            number(one["threshold"]),
            names(one["rule"]),
            names(one["domain"]),
            names(one["campaign"]),
            ",".join(str(names(each["rule"])) for each in one["failed"]) or None,
            *([excerpt(one["prompt"], EXCERPT)] if with_text else []),
        ]
        for one in found
    ]
    return [*_COLUMNS, *(["untrusted_excerpt"] if with_text else [])], rows


def _thresholds(found: list[dict[str, Any]], names: Names) -> list[Table]:
    """Return the thresholds by rule and domain where that is shorter than to repeat them in every row."""
    told_of = {(one["rule"], one["domain"], one["threshold"]) for one in found if one["threshold"] is not None}
    if len({threshold for _, _, threshold in told_of}) < 2 or len(told_of) * 3 > len(found):  # noqa: PLR2004 - one is hoisted
        return []
    rows = sorted((names(rule), names(domain), number(threshold)) for rule, domain, threshold in told_of)
    table, _ = columns("thresholds", ["rule", "domain", "threshold"], [list(row) for row in rows])
    return [table]


def _nearness(ledger: Ledger, campaign: str | None, rule: str | None, within: float | None) -> Facts:
    """Return how many there are, and how many of them miss by up to how much."""
    found = ledger.nearness(campaign, rule=rule, within=within)
    total = found["total"] if found["exact"] else f">={found['total']}"
    bins = {f"<={one['upto']}": one["samples"] for one in found["histogram"] if one["samples"]}
    return {"total": total, **told([("histogram", bins), ("twins_left_out", found["twins_left_out"] or None)])}


def _selection(ledger: Ledger, handles: Handles, key: dict[str, Any], position: int) -> str:
    """Return a handle for all near-misses within the margin."""
    chosen = {name: value for name, value in {**key, "status": "rejected"}.items() if value is not None}
    found = ledger.find(**chosen, sort="margin", limit=0, digest=True)
    return handles.selection(chosen, position, found["total"], found["digest"])
