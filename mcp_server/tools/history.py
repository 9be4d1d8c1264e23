"""ledger_history: what happened to a sample, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult

from ledger import Ledger
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.handles import Handles
from mcp_server.tools.asking import READING, Cursor, Limit, Rows, SampleId, Shape, teaching
from mcp_server.tools.telling import Names, columns, number, table_of

TOOL = "ledger_history"
META = {"anthropic/searchHint": "history events log of one sample who when"}
SCORES = 4
REASON = 200


class History(Shape):
    """A page of events."""

    sample: str
    events: Rows
    reasons: Rows | None = None
    next: str | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="History", annotations=READING, meta=META)
    async def ledger_history(
        sample: SampleId, limit: Limit = 20, cursor: Cursor = ""
    ) -> Annotated[CallToolResult, History]:
        """List a sample's events, newest first: who, when, by which rule."""
        return await face.read(lambda ledger: history(ledger, face.handles, sample, limit, cursor))


def history(ledger: Ledger, handles: Handles, sample: str, limit: int, cursor: str = "") -> CallToolResult:
    """Return a page of a sample's events."""
    with ledger.standing_still() as head, teaching(ledger, sample):
        position = head["position"]
        asked = {"sample": sample, "limit": limit}
        before = int(handles.follow(TOOL, asked, cursor, position)) if cursor else None
        found = ledger.history(sample, before=before, limit=limit)
        short = ledger.short([found["sample"]])[found["sample"]]
        names = Names()
        tables, same = event_tables(found["events"], names)
        facts: dict[str, Any] = {"as_of": position, "sample": short, **same, **names.facts()}
        if found["next"] is not None:
            facts["next"] = handles.cursor(TOOL, asked, position, str(found["next"]))
        line = (
            f"{len(found['events'])} events of {short}, newest first{'; more behind next' if 'next' in facts else ''}."
        )
        return answer(facts, line=line, tables=tables)


def event_tables(events: list[dict[str, Any]], names: Names) -> tuple[list[Table], dict[str, Any]]:
    """Return events as rows, the reasons that people gave beside them, and what the events have in common.

    The day is said once where it is one day.
    """
    days = {one["time"][:10] for one in events}
    same_day = len(days) == 1 and len(events) > 1
    rows = [
        [
            one["position"],
            one["kind"],
            one["time"][11:].rstrip("Z") if same_day else one["time"],
            names(one["actor"]),
            one["via"],
            what(one, names),
        ]
        for one in events
    ]
    table, same = columns("events", ["seq", "kind", "time", "by", "via", "what"], rows)
    reasons = [[one["position"], str(one["says"]["reason"])[:REASON]] for one in events if _has_reason(one)]
    tables = [table, *table_of("reasons", ["seq", "untrusted_reason"], reasons)]
    return tables, {**same, **({"day": days.pop()} if same_day else {})}


def _has_reason(event: dict[str, Any]) -> bool:
    """Say whether somebody wrote a reason; that of a line in quarantine is a word of this program."""
    return event["kind"] != "quarantined" and bool(event["says"].get("reason"))


def what(event: dict[str, Any], names: Names) -> str | None:
    """Return what an event says, in a few words that are names and numbers only."""
    maker = _SAYS.get(event["kind"])
    return None if maker is None else maker(event["says"], names)


def _decided(says: dict[str, Any], names: Names) -> str:
    rule = f"rule {names(says['rule'])}" if says["rule"] else says["authority"]
    details = says["details"]
    if details.get("observed") is None:
        return rule
    return f"{rule}: {number(details['observed'])} vs {number(details.get('threshold'))}"


def _scored(says: dict[str, Any], names: Names) -> str:
    told = [f"{names(name)} {number(value)}" for name, value in says["dimensions"][:SCORES]]
    more = len(says["dimensions"]) - len(told)
    unknown = len(says["unscored"])
    parts = [*told, *([f"{more} more"] if more > 0 else []), *([f"{unknown} unscored"] if unknown else [])]
    return f"{names(says['scorer'])}: {', '.join(parts)}"


def _found(says: dict[str, Any], _names: Names) -> str:
    errors = sum(severity == "error" for _, severity, _ in says["findings"])
    return f"{errors} errors, {len(says['findings']) - errors} warnings"


def _label(value: bool | None) -> str:  # noqa: FBT001 - a label
    return "none" if value is None else str(value).lower()


_SAYS: dict[str, Callable[[dict[str, Any], Names], str]] = {
    "ingested": lambda e, names: f"{names(e['source'])} line {e['line']}, label {_label(e['label'])}",
    "accepted": _decided,
    "rejected": _decided,
    "deferred": _decided,
    "superseded": _decided,
    "relabeled": lambda e, names: f"label {_label(e['label'])}, {_decided(e, names)}",
    "scored": _scored,
    "unscored": lambda e, names: str(names(e["scorer"])),
    "found": _found,
    "tagged": lambda e, names: f"{names(e['key'])} = {'none' if e['value'] is None else names(e['value'])}",
    "weighted": lambda e, _: f"times {e['times']}",
    "edited": lambda e, _: f"version b3:{e['blob'][:8]}",
    "improved": lambda e, _: f"from {e['parent'][:8]}",
    "regenerated": lambda e, _: f"from {e['parent'][:8]}",
    "withdrawn": lambda e, _: f"event {e['target'][:8]}",
    "split_assigned": lambda e, _: str(e["split"]),
    "released": lambda e, names: f"{names(e['view'])} as {names(e['name'])}: {e['rows']} rows",
    "policy_adopted": lambda e, names: f"{names(e['name'])} for {names(e['campaign']) or 'all'}",
    "quarantined": lambda e, names: f"{names(e['source'])} line {e['line']}: {names(e['reason'])}",
    "proposed": lambda e, _: f"{e['verdict']} of {e['count']} samples",
    "work_planned": lambda e, names: f"{names(e['model'])}: {e['purpose']} {e['items']} samples",
    "request_sent": lambda e, names: f"{names(e['model'])}, {e['purpose']}, attempt {e['attempt']}",
    "reply_stored": lambda e, _: f"{'?' if e['cost'] is None else '$' + e['cost']}, b3:{e['blob'][:8]}",
    "attempt_failed": lambda e, names: f"{names(e['failure'])}{', final' if e['final'] else ''}",
    "batch_submitted": lambda e, _: f"{e['calls']} requests",
    "checked_out": lambda e, names: f"{e['count']} into {names(e['file'])}",
    "erased": lambda e, _: f"b3:{e['blob'][:8]}",
    "run_started": lambda e, names: str(names(e["command"])),
    "run_finished": lambda e, names: ", ".join(f"{count} {names(name)}" for name, count in sorted(e["counts"].items())),
}
