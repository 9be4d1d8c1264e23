"""ledger_whatif: what another threshold would change; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.asking import LONGEST, READING, Rows, Shape, Text, cut, known_campaign
from mcp_server.tools.telling import Ids, Names, counts, most, told

META = {"anthropic/searchHint": "what if threshold policy change flips acceptance rate simulate"}
EXAMPLES = 5
MOST_CHANGES = 20
WAYS = ("to_accepted", "to_rejected", "to_pending", "to_true", "to_false", "to_none")

Changes = Annotated[
    dict[str, str | float | bool],
    Field(
        min_length=1,
        max_length=MOST_CHANGES,
        description='setting -> value, as would_flip_if sets: {"threshold.min_quality": 0.4}',
    ),
]


class Whatif(Shape):
    """How many would stand otherwise."""

    flips: dict[str, int]
    before: dict[str, Any]
    after: dict[str, Any]
    by_rule: Rows | None = None
    by_domain: Rows | None = None
    examples: Rows | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="What if", annotations=READING, meta=META)
    async def ledger_whatif(changes: Changes, campaign: Text = "") -> Annotated[CallToolResult, Whatif]:
        """Replay the policy in force with settings changed: flips by rule and domain, new rate. Writes nothing."""
        return await face.read(lambda ledger: whatif(ledger, changes, campaign), lane="whatif")


def whatif(ledger: Ledger, changes: Mapping[str, Any], campaign: str = "") -> CallToolResult:
    """Return what would change."""
    with ledger.standing_still() as head:
        known = known_campaign(ledger, campaign)
        texts = settings(ledger, changes, known)
        found = ledger.whatif(texts, campaign=known, limit=EXAMPLES)
        names = Names()
        flips = {way: found["flips"][way] for way in WAYS if found["flips"][way]}
        short = Ids(ledger, [one["sample"] for one in found["examples"]])
        examples = [
            [
                short(one["sample"]),
                names(one["domain"]),
                f"{one['before']['status']} -> {one['after']['status']}",
                f"{one['label_before']} -> {one['label_after']}",
                names(one["before"]["rule"] or one["label_rules_before"]),
            ]
            for one in found["examples"]
        ]
        facts = {
            "as_of": head["position"],
            "flips": flips,
            "before": _standing(found["before"]),
            "after": _standing(found["after"]),
            **told([("never_scored", [names(one) for one in found["never_scored"]])]),
        }
        tables = [
            _by("by_rule", "rule", found["flips"]["by_reason"], names),
            _by("by_domain", "domain", found["flips"]["by_domain"], names),
            Table("examples", ["sample", "domain", "status", "label", "rule_before"], examples),
        ]
        total = sum(flips.values())
        moves = ", ".join(f"{count} {way}" for way, count in flips.items())
        line = f"{moves or 'Nothing would change'}. Nothing was written."
        shown = [table for table in tables if table.rows] if total else []
        return answer({**facts, **names.facts()}, line=line, tables=shown)


def settings(ledger: Ledger, changes: Mapping[str, Any], campaign: str | None) -> list[str]:
    """Return changes as `whatif` takes them: `threshold.X=0.4`, also where only X was named.

    A name without a dot is a threshold, or the one setting whose last step it is. Raises BadRequest.
    """
    bare_names = [key for key in changes if "." not in key]
    there = {} if not bare_names else _keys(ledger, campaign)
    return [f"{there.get(key, key)}={_value(key, value)}" for key, value in changes.items()]


def _keys(ledger: Ledger, campaign: str | None) -> dict[str, str]:
    """Return the last step of each setting of the policy in force -> the whole key, where that is one."""
    toml = ledger.policy(campaign=campaign)["toml"]
    found: dict[str, list[str]] = {}
    for key in Ledger.policy_settings(toml):
        found.setdefault(key.rpartition(".")[2], []).append(key)
    by_name = {name: f"threshold.{name}" for name in found if f"threshold.{name}" in found[name]}
    return {name: keys[0] for name, keys in found.items() if len(keys) == 1} | by_name


def _value(key: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(key) > LONGEST or len(text) > LONGEST:
        raise BadRequest(f"The change of {cut(key)!r} is longer than {LONGEST} characters")
    return text


def _standing(counted: dict[str, Any]) -> dict[str, Any]:
    """Return counts of samples that stand so, without zeros, and the rate."""
    rate = counted["acceptance_rate"]
    named = {name: count for name, count in counted.items() if name != "acceptance_rate"}
    return {**counts(named), **({} if rate is None else {"rate": round(rate, 4)})}


def _by(name: str, column: str, by: dict[str, dict[str, int]], names: Names) -> Table:
    """Return how many flip which way, by rule or by domain."""
    rows = [[way, *row] for way in by for row in most({key: n for key, n in by[way].items() if key}, names, 6)[0]]
    return Table(name, ["flip", column, "samples"], rows)
