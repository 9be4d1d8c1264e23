"""ledger_projections: which views there are, what was released of them, and whether that is still current."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest, NoSuchId
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.asking import READING, Rows, Shape, Text, cut, known_of
from mcp_server.tools.telling import Facts, Names, columns, counts, told

META = {"anthropic/searchHint": "projections views exports releases runs rows digest stale omitted"}
RUNS = 10
LISTED = 50

Run = Annotated[int | None, Field(ge=0, le=2**53, description="`run` of a release")]


class Projections(Shape):
    """Views and their releases, or one release."""

    projections: Rows | None = None
    runs: Rows | None = None
    omitted: Rows | None = None


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Projections", annotations=READING, meta=META)
    async def ledger_projections(name: Text = "", run: Run = None) -> Annotated[CallToolResult, Projections]:
        """List projections (export views) and releases: rows, digest, stale or not; of one run what was left out."""
        return await face.read(lambda ledger: projections(ledger, name) if run is None else one_run(ledger, run, name))


def projections(ledger: Ledger, name: str = "") -> CallToolResult:
    """Return the views there are and the last releases, of all views or of one."""
    with ledger.standing_still() as head:
        there = ledger.views()
        defined = {one["name"]: one for one in there["defined"] if one["in_force"]}
        known = {one["name"]: one["type"] for one in there["built_in"]} | {n: one["type"] for n, one in defined.items()}
        names = Names()
        view = known_of("projection", name, list(known)) if name else None
        found = ledger.releases(view, limit=RUNS)
        facts: Facts = {"as_of": head["position"]}
        tables = []
        if view is None:
            rows = [
                [names(one), type_, "defined" if one in defined else "built in"]
                for one, type_ in list(known.items())[:LISTED]
            ]
            tables.append(Table("projections", ["name", "type", "from"], rows))
            facts |= told([("more_projections", max(len(known) - LISTED, 0) or None)])
        else:
            facts |= {"name": names(view), "type": known[view]}
            facts |= told([("defined_at", defined[view]["position"] if view in defined else None)])
        runs, same = columns("runs", _RUN, [_row(one, names) for one in found["releases"]])
        facts |= same
        facts |= told([("older_runs_before", found["next"])])
        stale = sum(one["stale"] for one in found["releases"])
        line = f"{len(known)} projections, {len(runs.rows)} runs listed, {stale} of them stale."
        return answer({**facts, **names.facts()}, line=line, tables=[*tables, *([runs] if runs.rows else [])])


_RUN = ("run", "file", "projection", "rows", "stale", "time", "by", "digest")


def _row(one: dict[str, Any], names: Names) -> list[Any]:
    return [
        one["position"],
        names(one["name"]),
        names(one["view"]),
        one["rows"],
        one["stale"],
        one["time"],
        names(one["actor"]),
        one["output"][3:15],
    ]


def one_run(ledger: Ledger, run: int, name: str = "") -> CallToolResult:
    """Return one release: what it holds, and what was left out for which reason; of the view `name`, if that is given.

    Raises BadRequest.
    """
    with ledger.standing_still() as head:
        try:
            found = ledger.release(run)
        except NoSuchId as error:
            raise BadRequest(f"There is no run {run}", hint="ledger_projections lists runs.") from error
        names = Names()
        if name and name != found["view"]:
            made_of = names(found["view"])
            raise BadRequest(f"Run {run} is one of {made_of}, not of {cut(name)!r}", hint="Leave out `name` or `run`.")
        manifest = found["contents"]
        facts = {
            "as_of": head["position"],
            "run": found["position"],
            "file": names(found["name"]),
            "projection": names(found["view"]),
            "type": found["type"],
            "rows": found["rows"],
            "used": found["used"],
            "considered": found["considered"],
            "stale": found["stale"],
            "made_from": found["made_from"],
            "time": found["time"],
            "by": names(found["actor"]),
            "digest": found["output"],
            "labels": counts({str(name): count for name, count in manifest["labels"].items()}),
            **told([("gates_failed", [one["name"] for one in manifest.get("gates", []) if not one["passed"]])]),
        }
        omitted = sorted(found["omitted"].items(), key=lambda item: -item[1])
        table = Table("omitted", ["left_out_as", "samples"], [[names(why), count] for why, count in omitted if count])
        line = f"Run {run}: {found['rows']} rows from {found['used']} of {found['considered']} samples."
        return answer({**facts, **names.facts()}, line=line, tables=[table] if table.rows else [])
