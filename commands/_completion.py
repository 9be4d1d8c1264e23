"""What a shell can complete: names and ids that the ledger holds. Never an error, nothing that a shell would run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

_PLAIN = re.compile(r"[\w@%+=:,./-]+")
"""What needs no quotes in any shell, and holds no control character: other names are not offered."""

Offer = Callable[[click.Context, str], list[CompletionItem]]


def complete(command: click.Command) -> None:
    """Let the parameters of a command, and of those below it, complete what they take; those that can already stay."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            complete(child)
    for parameter in command.params:
        offer = _offer_of(parameter)
        if offer is not None and type(parameter.type).shell_complete is click.ParamType.shell_complete:
            parameter.type = _Offering(parameter.type, offer)


class _Offering(click.ParamType[Any]):
    """A type that converts as another one does, and offers values."""

    def __init__(self, inner: click.ParamType[Any], offer: Offer) -> None:
        self.name = inner.name
        self._inner = inner
        self._offer = offer

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own signature
        """Return what the inner type makes of a value."""
        return self._inner.convert(value, param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's own signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return what could be meant."""
        return self._offer(ctx, incomplete)


def _offer_of(parameter: click.Parameter) -> Offer | None:
    """Return what offers values for a parameter, told by its name and metavar."""
    if parameter.name == "ids" and parameter.metavar == "EVENT…":
        return _EVENTS
    if parameter.name == "name":  # of `policy show` or `view show`; an option of that name is something new
        return (
            {"[NAME]": _POLICIES, "NAME": _VIEWS}.get(str(parameter.metavar))
            if isinstance(parameter, click.Argument)
            else None
        )
    return _OFFERS.get(str(parameter.name))


def _held(kind: str, *, files: bool = False) -> Offer:
    """Return what asks the ledger that the command line names; with `files`, files are meant where nothing fits."""

    def offer(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(text) for text in _asked(ctx, kind, incomplete) if _PLAIN.fullmatch(text)]
        return found if found or not files else _files(ctx, incomplete)

    return offer


def _asked(ctx: click.Context, kind: str, incomplete: str) -> list[str]:
    """Return what the ledger offers; where there is none, or it cannot be read at once, what needs no ledger."""
    from ledger import Ledger
    from ledger.errors import LedgerError

    try:
        with Ledger.open(ctx.obj.path, trust=True, wait=0) as ledger:
            return ledger.offers(kind, incomplete)
    except (LedgerError, OSError):
        known = {"views": Ledger.view_names, "policies": Ledger.shipped_policies}.get(kind, list)()
        return [name for name in known if name.startswith(incomplete)]


def _files(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


_SAMPLES, _EVENTS, _CAMPAIGNS = _held("samples"), _held("events"), _held("campaigns")
_POLICIES, _VIEWS = _held("policies", files=True), _held("views", files=True)
_OFFERS: dict[str, Offer] = {
    "sample": _SAMPLES,
    "other": _SAMPLES,
    "ids": _SAMPLES,
    "identity": _held("quarantined"),
    "campaign": _CAMPAIGNS,
    "campaigns": _CAMPAIGNS,
    "policy": _POLICIES,
    "proposal": _held("proposals"),
    "view": _VIEWS,
    "a": _VIEWS,
    "b": _VIEWS,
    "file": _files,
    "schemas": _files,
}
