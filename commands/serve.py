"""`ledger serve`: the review page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from commands._access import access, checked_deadline, door_at
from commands._common import Call, verb
from commands._options import acting, seconds, text

_SITE = "An origin of its pages beyond http://HOST, such as that of a proxy."


@verb("serve --open")
@click.option("--host", default="127.0.0.1", show_default=True, type=text, metavar="HOST", help="Where to listen.")
@click.option("--port", default=8766, show_default=True, type=click.IntRange(0, 65_535), help="0 is any free one.")
@click.option("--open", "opening", is_flag=True, help="Open the page in the browser.")
@click.option("--deadline", type=seconds, default=10.0, show_default=True, metavar="SECONDS", help="For one page.")
@acting("Who decides; without it, the user.")
@access("", _SITE)
@click.pass_obj
def command(call: Call, /, *, host: str, port: int, opening: bool, deadline: float, **given: Any) -> None:  # noqa: ANN401 - the options of access
    """Look at the ledger in a browser, and decide there.

    Only this computer can connect, unless there are tokens of 16 characters or more, in LEDGER_TOKEN or --token-file,
    and --host names another address. Everything that is decided is an event with your name, and can be undone.
    """
    from commands._render import note
    from http_access.place import Place

    server, options = _made(call, deadline)
    door = door_at(Place.at(host, port), lambda: call.actor or "reviewer", given)

    def ready(url: str) -> None:
        note("", f"open {url}", style="")
        if opening:
            click.launch(url)

    server.serve(options, door, ready)


def _made(call: Call, deadline: float) -> tuple[Any, Any]:
    """Return the server and what it is to show; raise BadRequest where the package is missing that it is built on."""
    from importlib import import_module

    from ledger import Ledger, find_ledger
    from ledger.errors import BadRequest

    try:
        server = import_module("review_page.server")
    except ModuleNotFoundError as error:
        hint = 'Run `pip install "sample-ledger[ui]"`.'
        raise BadRequest(f"The page needs a package that is not installed: {error.name}", hint=hint) from error
    from review_page.options import Options

    path = Path(call.path or find_ledger()).absolute()
    with Ledger.open(path, actor=call.actor, via="ui"):
        pass  # what is wrong with it is said now, and its views are made
    return server, Options(path, call.actor, deadline=checked_deadline(deadline))
