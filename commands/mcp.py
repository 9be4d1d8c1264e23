"""`ledger mcp`: answer agents over the Model Context Protocol."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands._access import access, checked_deadline, door_at
from commands._common import Call, verb
from commands._options import acting, seconds, text

if TYPE_CHECKING:
    from mcp_server.options import Options

_KINDS = ("propose", "record", "export")


@verb("mcp --allow propose")
@click.option("--http", type=text, metavar="HOST:PORT", help="Serve over HTTP at /mcp; without it, over stdio.")
@click.option("--allow", type=click.Choice(_KINDS), multiple=True, help="Also offer tools that write; repeatable.")
@click.option(
    "--export-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The one folder that exports may be written to.",
)
@acting("Who acts where no token says so; without it, the user.")
@access(" over HTTP", "A site whose pages may ask.")
@click.option("--deadline", type=seconds, default=5.0, show_default=True, metavar="SECONDS", help="For one question.")
@click.option("--selftest", is_flag=True, help="Connect once in this process, and say what a client would see.")
@click.pass_obj
def command(call: Call, /, *, selftest: bool, http: str | None, **given: Any) -> None:  # noqa: ANN401 - the options
    """Answer agents that ask about the ledger.

    This is a server of the Model Context Protocol (MCP): the verbs that ask, as tools; docs/mcp.md says how hosts start
    it. It only reads, unless --allow says otherwise: propose (leave proposals that change nothing until a person
    accepts them), record (decisions that the user confirms at the client), export (new files below --export-root).

    Over HTTP only names and origins that are known exactly are answered, and a token is needed wherever other computers
    can connect.
    """
    gc.disable()  # until the server is made: a host waits for it
    try:
        if selftest:
            _selftest(call, _options(call, given))
            return
        call.json = False  # standard output belongs to the protocol, also when something goes wrong
        options = _options(call, given)
        if http is None:
            _serve_stdio(options)
        else:
            _serve_http(options, http, given)
    finally:
        gc.enable()


def _options(call: Call, given: dict[str, Any]) -> Options:
    """Return what the server is to be; opens the ledger once, so that what is wrong with it is said now."""
    from ledger import Ledger, find_ledger
    from mcp_server.options import Options

    path = Path(call.path or find_ledger()).absolute()
    with Ledger.open(path, actor=call.actor, via="mcp", read_only=True):
        pass
    if "export" in given["allow"] and given["export_root"] is None:
        from commands._render import note

        note("warning: ", "no files will be written without --export-root; exports can only be tried", style="yellow")
    return Options(
        path=path,
        allow=frozenset(given["allow"]),
        actor=call.actor,
        export_root=given["export_root"],
        deadline=checked_deadline(given["deadline"]),
    )


def _part(name: str) -> Any:  # noqa: ANN401 - a module
    """Return a module of the server; raise BadRequest where the package is missing that it is built on."""
    from importlib import import_module

    from ledger.errors import BadRequest

    try:
        return import_module(f"mcp_server.{name}")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "mcp":
            raise
        hint = 'Run `pip install "sample-ledger[mcp]"`.'
        raise BadRequest("Serving agents needs a package that is not installed: mcp", hint=hint) from error


def _serve_stdio(options: Options) -> None:
    """Serve the host that started this process, until it closes the input or says to stop."""
    _part("logs").set_up()
    _part("stdio").serve(options)


def _serve_http(options: Options, where: str, given: dict[str, Any]) -> None:
    """Serve whoever may connect, until a signal says to stop."""
    from functools import partial

    from commands._render import note
    from http_access.place import Place

    _part("logs").set_up()
    http, server = _part("http"), _part("server")
    door = door_at(Place.of(where), lambda: str(_part("identity").operator(options)), given)
    http.serve(partial(server.make, options), door, lambda url: note("", f"listening at {url}", style=""))


def _selftest(call: Call, options: Options) -> None:
    """Say what a client would see; leave with 1 where something failed."""
    from functools import partial

    import anyio

    _part("logs").set_up()
    found = anyio.run(partial(_part("selftest").selftest, options))
    call.answer(found, lambda: _render(found))
    if not found["passed"]:
        click.get_current_context().exit(1)


def _render(found: dict[str, Any]) -> None:
    from commands._render import line, many

    for one in found["eras"]:
        counts = ((len(one["tools"]), "tool"), (len(one["resources"]) + len(one["templates"]), "resource"))
        said = ", ".join(many(number, what) for number, what in (*counts, (len(one["prompts"]), "prompt")))
        line((one["protocol"], "bold"), f"  {said}", (f"  {one.get('overview', '')}", "dim"))
    line(*(f"failed: {one}" for one in found["failed"]) if found["failed"] else (("passed", "green"),))
