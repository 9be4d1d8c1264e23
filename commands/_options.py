"""Options that several verbs take, and the checks of what is given to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

LEDGER_HELP = "The ledger file; without it, ledger.db here or in a parent folder."
JSON_HELP = "Answer with one JSON document."
LARGEST = 2**53
"""The largest position or count that the ledger's events can hold."""


@dataclass(slots=True)
class Given:
    """What the options that any verb takes have said."""

    path: str | None = None
    json: bool = False
    actor: str | None = None
    wait: float | None = None
    no_pager: bool = False


def text(value: str) -> str:
    """Return text that can stand in an event: UTF-8 (a command line can hold other bytes)."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("it is not UTF-8 text") from error
    return value


def pair(value: str) -> tuple[str, str]:
    """Return key and value of KEY=VALUE."""
    key, separator, rest = text(value).partition("=")
    if not separator or not key.strip():
        raise click.BadParameter(f"{value!r} is not KEY=VALUE")
    return key.strip(), rest


def tag_pair(value: str) -> tuple[str, str]:
    """Return name and value of a tag: KEY=VALUE, or KEY alone, whose value is true."""
    key, separator, rest = text(value).partition("=")
    if not key.strip():
        raise click.BadParameter(f"{value!r} is neither KEY=VALUE nor KEY")
    return key.strip(), rest if separator else "true"


def whole(least: int = 1) -> Callable[[Any], int]:
    """Return a check for whole numbers from `least` on."""

    def check(value: Any) -> int:  # noqa: ANN401 - text, or a default
        try:
            found = int(str(value).replace("_", "?"))  # Python would read over it
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is not a whole number") from error
        if not least <= found <= LARGEST:
            raise click.BadParameter(f"it must be a whole number from {least} on")
        return found

    return check


def seconds(value: Any) -> float:  # noqa: ANN401 - text, or a default
    """Return a time to wait."""
    try:
        found = float(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a number of seconds") from error
    if math.isnan(found) or found < 0:
        raise click.BadParameter("it must be 0 or more seconds")
    return min(found, 1e9)


def output(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return the path of a file to write, whose name the ledger can record beside its manifest."""
    if value == "-":
        raise click.BadParameter("a release needs a file; its manifest stands beside it")
    return None if value is None else text(value)


def keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that notes an option's value for the whole run, unless it was not given."""

    def noted(ctx: click.Context, _param: click.Parameter, value: Any) -> None:  # noqa: ANN401 - an option's value
        if value:
            setattr(ctx.obj, name, value)

    return noted


def everywhere() -> list[click.Parameter]:
    """Return the options that every verb takes."""
    return [
        click.Option(
            ["--ledger", "path"],
            type=click.Path(),
            expose_value=False,
            is_eager=True,
            callback=keep("path"),
            metavar="PATH",
            help=LEDGER_HELP,
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, is_eager=True, callback=keep("json"), help=JSON_HELP
        ),
    ]


def no_pager() -> click.Option:
    """Return --no-pager, which verbs with long answers take, and the program itself."""
    return click.Option(
        ["--no-pager"], is_flag=True, expose_value=False, callback=keep("no_pager"), help="Print all of it at once."
    )


def as_of(function: F) -> F:
    """Add --as-of."""
    shown = "Look at a position or a time (2026-01-31T12:00Z)."
    return click.option("--as-of", type=text, metavar="POINT", help=shown)(function)


def actor(function: F) -> F:
    """Add --actor and --wait, for verbs that write."""
    return acting("Who acts; without it, the user.")(wait(function))


def acting(told: str) -> Callable[[F], F]:
    """Return --actor; `told` says who that is."""
    return click.option(
        "--actor",
        type=text,
        expose_value=False,
        callback=keep("actor"),
        envvar="LEDGER_ACTOR",
        show_envvar=True,
        metavar="NAME",
        help=told,
    )


def wait(function: F) -> F:
    """Add --wait, for verbs that write."""
    return click.option(
        "--wait",
        type=seconds,
        expose_value=False,
        callback=_keep_wait,
        metavar="SECONDS",
        help="How long to wait for another writer.  [default: 60]",
    )(function)


def _keep_wait(ctx: click.Context, _param: click.Parameter, value: float | None) -> None:
    ctx.obj.wait = value  # 0 is a time, too


def expected_head(function: F) -> F:
    """Add --expected-head, for verbs that write in one commit."""
    shown = "Refuse unless the log ends at this position."
    return click.option("--expected-head", type=whole(-1), metavar="N", help=shown)(function)


def reason(function: F) -> F:
    """Add --reason, which may be left out."""
    return click.option("--reason", default="", type=text, metavar="TEXT", help=REASON_HELP)(function)


REASON_HELP = "Why; it stands in the event."


def ids_argument(metavar: str = "ID…") -> Callable[[F], F]:
    """Add the ids that a verb is about, one or more; `-` reads them from standard input."""
    return click.argument("ids", nargs=-1, required=True, metavar=metavar)


def ids_or_selection(function: F) -> F:
    """Add the ids that a verb is about, or --where and --campaign to choose samples by; and --dry-run."""
    dry = click.option("--dry-run", is_flag=True, help="Only say how many; nothing is recorded.")
    within = click.option("--campaign", type=text, metavar="TEXT", help="All samples of this campaign, without ids.")
    where = click.option(
        "--where", type=text, metavar="CONDITION", help="All samples for which this holds, without ids."
    )
    return click.argument("ids", nargs=-1, metavar="[ID…]")(where(within(dry(function))))
