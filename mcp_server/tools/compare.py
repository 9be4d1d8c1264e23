"""ledger_compare: how two campaigns differ, and which texts stand otherwise in the second."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from mcp.server import MCPServer
from mcp.types import CallToolResult

from ledger import Ledger
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.handles import Handles
from mcp_server.tools.asking import READING, Limit, Name, Rows, Shape, known_campaign
from mcp_server.tools.telling import Facts, Names, table_of, told

META = {"anthropic/searchHint": "compare two campaigns difference delta acceptance rate policy changed verdict"}
SETTINGS = 10

By: TypeAlias = Literal["reason", "rule", "domain", "source"]


class Compare(Shape):
    """Two campaigns side by side; points are percentage points, b minus a."""

    campaigns: Rows
    points: dict[str, Any] | None = None
    same_policy: bool
    texts_judged_otherwise: int
    parts: Rows | None = None
    policy_changes: Rows | None = None
    selection: str | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Compare", annotations=READING, meta=META)
    async def ledger_compare(
        *, a: Name, b: Name, by: By = "reason", limit: Limit = 10, select: bool = False
    ) -> Annotated[CallToolResult, Compare]:
        """Compare two campaigns: counts, rates, points (b minus a), policy, texts judged otherwise; select: of b."""
        return await face.read(lambda ledger: compare(ledger, face.handles, (a, b), by, limit, select=select))


def compare(
    ledger: Ledger, handles: Handles, pair: tuple[str, str], by: str, limit: int, *, select: bool
) -> CallToolResult:
    """Return how two campaigns differ."""
    with ledger.standing_still() as head:
        first, second = (str(known_campaign(ledger, name)) for name in pair)
        found = ledger.compare([first, second], scores=False, by=by, limit=limit)
        names = Names()
        sides = {one["name"]: one for one in found["campaigns"]}
        parts = found["parts"]
        facts: Facts = {"as_of": head["position"], "a": names(first), "b": names(second)}
        facts |= _difference(found, names)
        facts["texts_judged_otherwise"] = parts["texts_judged_otherwise"]
        facts |= told([("parts_left", parts["left"] or None)])
        if select:
            chosen = {"campaign": second, "unlike": first}
            every = ledger.find(campaign=second, unlike=first, limit=0, digest=True)
            handle = handles.selection(chosen, head["position"], every["total"], every["digest"])
            facts |= {"selection": handle, "selected": every["total"]}
        tables = [
            _campaigns([sides[first], sides[second]], names),
            *_parts(by, parts["parts"], names),
            *_settings(found, names),
        ]
        return answer({**facts, **names.facts()}, line=_line(facts), tables=tables)


def _line(facts: Facts) -> str:
    if facts["a"] == facts["b"]:
        return f"{facts['a']} is compared with itself, so nothing differs; name two campaigns."
    said = facts.get("points")
    if said is None:
        return f"Of {facts['a']} or {facts['b']} nothing was decided yet."
    return f"{facts['b']} accepts {said['acceptance']:+} points against {facts['a']}: {said['word']}."


def _difference(found: dict[str, Any], names: Names) -> Facts:
    """Return how far the rates lie apart, with a 95 % interval, and whether the policies are the same."""
    if not found["differences"]:
        return {"same_policy": True}
    first = found["differences"][0]
    rate = first["acceptance"]
    policies = {names(one["policy"]["name"]) for one in found["campaigns"] if one["policy"] is not None}
    points = {
        "acceptance": None if rate["rate"] is None else round(100 * rate["rate"], 2),
        "low": None if rate["low"] is None else round(100 * rate["low"], 2),
        "high": None if rate["high"] is None else round(100 * rate["high"], 2),
        "word": rate["word"],
    }
    shown = None if rate["rate"] is None else points
    policy = policies.pop() if len(policies) == 1 else None
    return {**told([("points", shown), ("policy", policy)]), "same_policy": first["same_policy"]}


def _campaigns(found: list[dict[str, Any]], names: Names) -> Table:
    """Return both campaigns with the statuses that either of them has."""
    statuses = [name for name in found[0]["by_status"] if any(one["by_status"][name] for one in found)]
    rows = [
        [
            names(one["name"]),
            one["samples"],
            *(one["by_status"][name] for name in statuses),
            None if one["acceptance"]["rate"] is None else round(one["acceptance"]["rate"], 4),
            None if one["label_rate"]["rate"] is None else round(one["label_rate"]["rate"], 4),
        ]
        for one in found
    ]
    return Table("campaigns", ["campaign", "samples", *statuses, "acceptance", "label_true"], rows)


def _parts(by: str, parts: list[dict[str, Any]], names: Names) -> list[Table]:
    """Return both campaigns part by part: samples, of domains and sources also the accepted, and the points between."""
    accepted = by in {"domain", "source"}
    rows = [
        [
            names(one["key"]) or "none",
            one["a"]["samples"],
            *([one["a"]["accepted"]] if accepted else []),
            one["b"]["samples"],
            *([one["b"]["accepted"]] if accepted else []),
            "none" if one["points"] is None else one["points"],
        ]
        for one in parts
    ]
    cols = [by, "a", *(["a_accepted"] if accepted else []), "b", *(["b_accepted"] if accepted else []), "points"]
    return table_of("parts", cols, rows)


def _settings(found: dict[str, Any], names: Names) -> list[Table]:
    """Return the settings in which the policies differ."""
    changes = found["differences"][0]["policy_changes"] if found["differences"] else None
    rows = [[names(one) for one in change] for change in (changes or [])[:SETTINGS]]
    return table_of("policy_changes", ["setting", "a", "b"], rows)
