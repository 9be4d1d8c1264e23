"""ledger_run_projection: try a view, or write it to a new file in the one folder that the operator named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest, NotWritable
from mcp_server.answers import Table, answer
from mcp_server.face import Face
from mcp_server.tools.acting import Absent, head_of
from mcp_server.tools.asking import Shape, Yes, bare, known_of
from mcp_server.tools.progress import Reported, reporting
from mcp_server.tools.telling import table_of

NAME = "ledger_run_projection"
META = {"anthropic/searchHint": "export write training file sft dpo kto release dataset dry run"}
ANNOTATIONS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)

TRYING = 120.0
"""Seconds that a dry run may take: it plans every row, which no other question does."""
_LONGEST = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_RATIO = re.compile(r"keep|[1-9][0-9]{0,8}:[1-9][0-9]{0,8}", re.ASCII)
_MANIFEST = ".manifest.json"
_SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet"}

Dialect = Literal["trl", "openai", "sharegpt", "alpaca", "llama-factory", "axolotl"]
Container = Literal["jsonl", "parquet"]


class Projection(Shape):
    """What the view holds; `file`, `digest` and the rest where it was written, `beside` what its dialect needs."""

    view: str
    dry_run: bool
    rows: int
    passed: bool
    file: str | None = None
    digest: str | None = None
    bytes: int | None = None
    considered: int | None = None
    used: int | None = None
    beside: list[str] | None = None


class Wanted(TypedDict):
    """Which rows, as `Ledger.check` and `Ledger.project` both take it."""

    batch_size: int
    ratio: str
    seed: str


class Form(TypedDict):
    """What the rows look like."""

    dialect: Dialect
    container: Container


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(name=NAME, title="Run a projection", annotations=ANNOTATIONS, meta=META)
    async def ledger_run_projection(
        ctx: Context[Any, Any],
        *,
        view: Annotated[str, Field(max_length=_LONGEST, description="sft, dpo, kto-interleaved, train …")],
        dry_run: Yes = True,
        file: Annotated[
            str, Absent, Field(max_length=_LONGEST, json_schema_extra=bare, description="new name without a folder")
        ] = "",
        dialect: Dialect = "trl",
        container: Container = "jsonl",
        batch_size: Annotated[int, Field(ge=1, le=65536)] = 4,
        ratio: Annotated[str, Field(max_length=20, description="keep, or true:false as 1:1")] = "keep",
        seed: Annotated[str, Field(max_length=_LONGEST)] = "0",
    ) -> Annotated[CallToolResult, Projection]:
        """Plan a training file and check its gates; with dry_run false, write it to `file` and record the release."""
        how = wanted(batch_size, ratio, seed)
        if dry_run:
            async with reporting(ctx):
                return await face.read(lambda ledger: tried(ledger, view, how), seconds=TRYING)
        target = place(face.options.export_root, file, container)
        form = Form(dialect=dialect, container=container)
        caller = face.caller(ctx, NAME)
        async with reporting(ctx) as reported:
            return await face.write(caller, lambda ledger: written(ledger, view, target, how, form, reported))


def wanted(batch_size: int, ratio: str, seed: str) -> Wanted:
    """Return which rows are asked for; raise BadRequest for a ratio that is none, also where a view needs none."""
    if not _RATIO.fullmatch(ratio):
        raise BadRequest("The ratio is keep, or true:false as whole numbers, such as 1:2")
    return Wanted(batch_size=batch_size, ratio=ratio, seed=seed)


def place(root: Path | None, name: str, container: str) -> Path:
    """Return where a file of that name would stand: directly in the folder for exports, where nothing stands yet.

    A name is letters, digits, `_`, `-` and single dots between them, so it can lead nowhere else. Raises BadRequest,
    NotWritable.
    """
    if root is None:
        raise BadRequest("This server writes no files: it was started without --export-root; dry runs work")
    if not name:
        raise BadRequest("No file was named; give `file`, such as train-1.jsonl, or leave dry_run true")
    suffix = _SUFFIXES[container]
    if len(name) > _LONGEST or not _NAME.fullmatch(name) or not name.endswith(suffix):
        raise BadRequest(
            f"A file's name is letters, digits, _, - and single dots, without folders, and ends in {suffix}"
        )
    folder = root.resolve()
    if not folder.is_dir():
        raise NotWritable(name, "the folder for exports is not there")
    target = folder / name
    if any(os.path.lexists(one) for one in (target, target.with_name(name + _MANIFEST))):
        raise NotWritable(name, "it stands there already", hint="Exports are never replaced here: give it a new name.")
    return target


def known(ledger: Ledger, view: str) -> str:
    """Return the name of a view that this ledger has; raise BadRequest: files of views are not read from here."""
    views = ledger.views()
    return known_of("view", view, [one["name"] for kind in ("built_in", "defined") for one in views[kind]])


def tried(ledger: Ledger, view: str, how: Wanted) -> CallToolResult:
    """Return what the view would hold, and whether it keeps its gates; nothing is written."""
    found = ledger.check(known(ledger, view), **how)
    facts: dict[str, object] = {"view": view, "dry_run": True, "rows": found["rows"], "passed": found["passed"]}
    facts |= {"considered": found["considered"], "used": found["used"], "as_of": head_of(ledger)}
    verdict = "passes its gates" if found["passed"] else "would not be written: a gate fails"
    return answer(facts, line=f"{view}: {found['rows']:,} rows; {verdict}", tables=tables(found))


def written(ledger: Ledger, view: str, target: Path, how: Wanted, form: Form, reported: Reported) -> CallToolResult:
    """Write the view and return what the manifest says of it. Raises GatesFailed, PlanImpossible, NotWritable."""
    reported.check()
    made = ledger.project(known(ledger, view), target, new=True, progress=reported.hear, **how, **form)
    facts: dict[str, object] = {"view": view, "dry_run": False, "rows": made["rows"], "passed": True}
    facts |= {"file": target.name, "digest": made["output"]["blake3"], "bytes": made["output"]["bytes"]}
    facts |= {"considered": made["considered"], "used": made["used"], "as_of": made["head"]["position"]}
    beside = [one["name"] for one in made.get("beside", [])]
    facts |= {"beside": beside} if beside else {}
    line = ", with ".join((f"{view}: {made['rows']:,} rows in {target.name}", *beside))
    return answer(facts, line=line, tables=tables(made))


def tables(found: Mapping[str, Any]) -> list[Table]:
    """Return labels and splits of the rows, what was left out for what, and the gates that did not pass."""
    what = found["composition"]
    counts = [(kind, name, one["rows"]) for kind in ("label", "split") for name, one in what[f"by_{kind}"].items()]
    gates = [(one["severity"], one["name"], one["observed"]) for one in found["gates"] if not one["passed"]]
    omitted = [(reason, count) for reason, count in found.get("omitted", {}).items() if count]
    return [
        *table_of("composition", ("of", "value", "rows"), counts),
        *table_of("omitted", ("reason", "samples"), omitted),
        *table_of("gates_failed", ("severity", "gate", "observed"), gates),
    ]
