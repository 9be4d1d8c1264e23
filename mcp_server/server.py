"""The server: tools, resources and prompts put together as the operator's options allow."""

from __future__ import annotations

import difflib
import gc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import anyio
import anyio.to_thread
from mcp.server import CacheHint, MCPServer
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.caching import CacheableMethod
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError, UnexpectedResourceError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    Icon,
    InputRequiredResult,
    Tool,
    ToolAnnotations,
)
from pydantic import AnyUrl, ValidationError
from typing_extensions import override

from ledger.errors import AmbiguousId, LedgerError, NoSuchId, NoSuchPosition, NoSuchProposal
from mcp_server.errors import INTERNAL, cause, note, told
from mcp_server.face import Face
from mcp_server.instructions import instructions
from mcp_server.options import ALLOWABLE, EXPORT, PROPOSE, RECORD, Options
from mcp_server.strict import StrictTool, misshapen
from mcp_server.untrusted import one_line

NAME = "sample-ledger"
PARTS = ("overview", "why", "history", "sample", "search", "near_misses", "compare", "whatif", "projections", "verify")
WRITING = {PROPOSE: "propose_decision", RECORD: "record_decision", EXPORT: "run_projection"}
BESIDES = ("resources", "prompts", "completions")
"""Modules below tools/, those that the operator has to allow, and modules beside them; in the order they are listed."""

_LISTS: tuple[CacheableMethod, ...] = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
)
_MINUTE = 60_000
_MISSING = (NoSuchId, AmbiguousId, NoSuchPosition, NoSuchProposal)
_WORD = 60


class LedgerServer(MCPServer[Any]):
    """An MCP server whose tools are strict, and whose errors are one sentence each."""

    def __init__(
        self,
        face: Face,
        instructions: str | None,
        token_verifier: TokenVerifier | None = None,
        auth: AuthSettings | None = None,
    ) -> None:
        """Take the way to the ledger, closed when the last connection ends, and over HTTP who checks tokens."""
        super().__init__(
            NAME,
            version=_version(),
            instructions=instructions,
            log_level="WARNING",
            token_verifier=token_verifier,
            auth=auth,
            lifespan=_closing(face),
            cache_hints=dict.fromkeys(_LISTS, CacheHint(ttl_ms=_MINUTE, scope="private")),
            middleware=[_in_words],
        )
        self.face = face
        self._strict: dict[str, StrictTool] = {}

    @override
    def add_tool(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | None = None,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
        structured_output: bool | None = None,
    ) -> None:
        """Add a tool; raises ValueError where its name is taken."""
        made = StrictTool.from_function(fn, name, title, description, None, annotations, icons, meta, structured_output)
        if made.name in self._strict:
            raise ValueError(f"There is a tool {made.name} already")
        self._strict[made.name] = made

    @override
    def remove_tool(self, name: str) -> None:
        """Take a tool away."""
        del self._strict[name]

    @override
    async def list_tools(self) -> list[Tool]:
        """Return the tools, in the order in which they were added."""
        return [
            Tool(
                name=one.name,
                title=one.title,
                description=one.description,
                input_schema=one.parameters,
                output_schema=one.output_schema,
                annotations=one.annotations,
                icons=one.icons,
                _meta=one.meta,
            )
            for one in self._strict.values()
        ]

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; raises ToolError with one sentence for all that goes wrong."""
        tool = self._strict.get(name)
        if tool is None:
            raise ToolError(self._unknown(name))
        here = Context[Any, Any](mcp_server=self) if context is None else context
        found: CallToolResult | InputRequiredResult = await tool.run(arguments, here, convert_result=True)
        return found

    @override
    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource; raises ResourceError with one sentence for all that goes wrong."""
        if fault := misshapen({"uri": str(uri)}):
            raise ResourceNotFoundError(fault)
        try:
            return await super().read_resource(uri, context)
        except UnexpectedResourceError as error:
            if known := cause(error):
                kind = ResourceNotFoundError if isinstance(known, _MISSING) else ResourceError
                raise kind(told(known)) from None
            note("a resource", error)
            raise ResourceError(INTERNAL) from None
        except ResourceError as error:
            raise type(error)(one_line(str(error), 300)) from None

    @override
    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Render a prompt; raises MCPError with one sentence for all that goes wrong."""
        known = {one.name: [each.name for each in one.arguments or ()] for one in await self.list_prompts()}
        if name not in known:
            raise MCPError(INVALID_PARAMS, _no_such("prompt", name, list(known)))
        for given in arguments or {}:
            if given not in known[name]:
                raise MCPError(INVALID_PARAMS, f"{name}: {_no_such('argument', given, known[name])}")
        if fault := misshapen(arguments or {}):
            raise MCPError(INVALID_PARAMS, f"{name}: {fault}")
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:
            raise MCPError(*_prompt_fault(name, error)) from None

    def _unknown(self, name: str) -> str:
        for kind, part in WRITING.items():
            if name == f"ledger_{part}" and kind not in self.face.options.allow:
                return f"{name} is not offered: a person has to start this server with --allow {kind}."
        return _no_such("tool", name, list(self._strict))


def make(
    options: Options, *, token_verifier: TokenVerifier | None = None, auth: AuthSettings | None = None
) -> LedgerServer:
    """Return a server for the ledger of the options; raises ValueError for something to allow that there is not."""
    if unknown := options.allow - set(ALLOWABLE):
        raise ValueError(f"There is nothing to allow called {', '.join(sorted(unknown))}")
    face = Face(options)
    made = LedgerServer(face, instructions(options), token_verifier, auth)
    written = [part for kind, part in WRITING.items() if kind in options.allow]
    for name in (*(f"tools.{part}" for part in (*PARTS, *written)), *BESIDES):
        import_module(f"mcp_server.{name}").register(made, face)
    return made


def settle() -> None:
    """Turn garbage collection on again, for what comes from now on: what was loaded so far stays as long as this runs.

    Whoever starts the program turns it off: loading makes a million objects, and looking through them takes a sixth of
    the time.
    """
    gc.freeze()
    gc.enable()


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:  # run from a copy of the sources
        return "0"


def _closing(face: Face) -> Callable[[MCPServer[Any]], Any]:
    """Return a lifespan that closes the ledger when nobody is connected any more."""
    open_now = 0

    @asynccontextmanager
    async def lifespan(_server: MCPServer[Any]) -> AsyncIterator[Face]:
        nonlocal open_now
        open_now += 1
        try:
            yield face
        finally:
            open_now -= 1
            if open_now == 0:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(face.close)

    return lifespan


async def _in_words(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let no errors out but those of the protocol: an exception's own words may quote what nobody else may see."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):  # of the request's form; the SDK sends no word of it
        raise
    except LedgerError as error:
        raise MCPError(INVALID_PARAMS, told(error)) from None
    except Exception as error:
        note(ctx.method, error)
        raise MCPError(INTERNAL_ERROR, INTERNAL) from error


def _prompt_fault(name: str, error: ValueError) -> tuple[int, str]:
    if known := cause(error):
        return INVALID_PARAMS, told(known)
    inner = error.__cause__
    if isinstance(inner, ValueError) and str(inner).startswith("Missing required arguments"):
        return INVALID_PARAMS, f"{name}: {one_line(str(inner), 200)}."
    while inner is not None:
        if isinstance(inner, ValidationError):
            return INVALID_PARAMS, f"{name}: an argument is not what it takes."
        inner = inner.__cause__
    note(name, error)
    return INTERNAL_ERROR, INTERNAL


def _no_such(what: str, given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(given[:_WORD], known, 1)
    meant = f"; did you mean {near[0]}?" if near else "."
    return f"There is no {what} {one_line(given, _WORD)!r}{meant} There are: {', '.join(known) or 'none'}."
